# SPDX-License-Identifier: Apache-2.0
"""The doors of a live machine, on the machine that tests: commands, netlink."""

from __future__ import annotations

import logging

import pytest

from appliance.errors import ApplianceError, CommandError
from appliance.host.live import live


def test_a_command_says_what_it_printed() -> None:
    assert live().run(["printf", "%s-", "a b", "$HOME"]).stdout == "a b-$HOME-"


def test_standard_input_ends() -> None:
    assert live().run(["cat"]).stdout == ""
    assert live().run(["cat"], stdin="one\ntwo").stdout == "one\ntwo"


def test_lines_come_as_they_are_printed() -> None:
    lines: list[str] = []
    result = live().run(["printf", "one\ntwo\nthree"], on_line=lines.append)
    assert lines == ["one", "two", "three"]
    assert result.stdout == "one\ntwo\nthree"


def test_a_command_that_fails_says_its_last_words() -> None:
    with pytest.raises(CommandError, match=r"^`ls /absent` ended with 2: .*No such file") as caught:
        live().run(["ls", "/absent"])
    assert caught.value.code == 2
    assert live().run(["false"], check=False).code == 1


def test_a_command_that_is_killed_has_a_negative_code() -> None:
    assert live().run(["sh", "-c", "kill -9 $$"], check=False).code == -9


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ApplianceError, match=r"^the program no-such-program is not on this machine;"):
        live().run(["no-such-program"])


def test_output_that_is_no_text_is_survived() -> None:
    assert live().run(["printf", r"\377\376"]).stdout == "��"


def test_a_command_can_be_pasted_from_the_log_and_its_input_is_not_in_it(caplog: pytest.LogCaptureFixture) -> None:
    host = live()
    with caplog.at_level(logging.DEBUG):
        host.run(["cat", "--", "-"], stdin="hunter2")
        host.run(["printf", "a b"])
    assert "cat -- -" in caplog.text
    assert "printf 'a b'" in caplog.text
    assert "hunter2" not in caplog.text


def test_the_kernel_answers_over_netlink() -> None:
    netlink = live().netlink
    loopback = next(link for link in netlink.links() if link["name"] == "lo")
    assert loopback["up"]
    assert {"link": "lo", "address": "127.0.0.1/8", "scope": "host"} in netlink.addresses()
