# SPDX-License-Identifier: Apache-2.0
"""The QR code as it is drawn gives back the very text, and no secret is in it."""

import pytest
from pydantic import SecretStr

from appliance.model.document import load_spec
from appliance.tui import draft as drafts
from appliance.tui import qr
from tests.tui.camera import read
from tests.tui.pilot import HASH
from tests.tui.test_draft import complete

SIZES = [0, 1, 17, 18, 32, 33, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 858]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_drawn_is_the_very_text(size: int) -> None:
    """On both sides of the limits of its sizes; with Chinese in it."""
    text = ("node: {name: n1}  # 第一台\n" * 50).encode()[:size].decode(errors="ignore")
    drawn = qr.lines(text)
    assert len({len(line) for line in drawn}) == 1
    assert len(drawn) == (len(drawn[0]) + 1) // 2
    assert read(drawn) == text


def test_what_no_code_can_hold() -> None:
    assert qr.lines("x" * 2953) != ()
    assert qr.lines("x" * 2954) == ()
    assert qr.lines("很" * 1000) == ()


def test_the_answers_are_shown_without_the_hash_of_the_password() -> None:
    draft = complete("two-sockets").model_copy(update={"password_hash": SecretStr(HASH)})
    assert HASH in drafts.text(draft)
    shown = read(qr.lines(drafts.shown(draft)))
    assert "$" not in shown
    spec = load_spec(shown)
    assert "admin.password_hash" not in spec.secrets
    assert spec.node.name == draft.name
    assert spec.install == load_spec(drafts.text(draft)).install
