# SPDX-License-Identifier: Apache-2.0
"""The catalogues: complete, none of it doubtful, and what the pure code says is in them."""

import ast
import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from appliance import flow
from appliance.tui import draft as drafts
from appliance.tui import i18n
from appliance.tui.i18n import LOCALE, listed, lost, said
from tests.tui.pilot import MACHINES
from tests.tui.test_draft import NAMES, WRONG, complete, machine
from tests.unit.carried import case_of

TUI = LOCALE.parent
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/trivet.po"))
NAMED = re.compile(r"\{\w*\}")
CASES = sorted(path.parent for path in (MACHINES.parent / "cases").glob("*/spec.yaml"))


def catalogue(path: Path) -> Catalog:
    return read_po(BytesIO(path.read_bytes()), locale=path.parts[-3])


def texts(message: object) -> tuple[str, ...]:
    return message if isinstance(message, tuple) else (str(message),)


@pytest.fixture(autouse=True)
def chinese():  # noqa: ANN201
    i18n.use("zh_CN")
    yield
    i18n.use("en")


def test_there_is_a_catalogue_for_each_language() -> None:
    assert {path.parts[-3] for path in CATALOGUES} | {"en"} == set(i18n.NAMES)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_sentence_is_translated_and_none_is_doubtful(path: Path) -> None:
    messages = [message for message in catalogue(path) if message.id]
    assert len(messages) > 200
    assert not [message.id for message in messages if message.fuzzy]
    assert not [message.id for message in messages if not all(texts(message.string))]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_a_translation_names_what_its_sentence_names(path: Path) -> None:
    for message in catalogue(path):
        names = set(NAMED.findall(texts(message.id)[0])) if message.id else set()
        assert all(set(NAMED.findall(text)) == names for text in texts(message.string) if message.id), message.id


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_the_catalogue_has_the_sentences_of_the_code_and_no_others(path: Path) -> None:
    """`make locale` takes them out."""
    found = extract_from_dir(TUI, keywords={"_": None, "N_": None, "ngettext": (1, 2)})
    inside = {texts(message)[0] for _, _, message, _, _ in found}
    assert inside == {texts(message.id)[0] for message in catalogue(path) if message.id}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_the_compiled_catalogue_is_that_of_the_text(path: Path) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalogue(path))
    fresh.seek(0)
    compiled = read_mo(BytesIO(path.with_suffix(".mo").read_bytes()))
    assert [(m.id, m.string) for m in compiled if m.id] == [(m.id, m.string) for m in read_mo(fresh) if m.id]


def test_no_sentence_hides_in_an_f_string() -> None:
    """Python 3.11 gives babel an f-string as one word: what is called in it is never taken into the catalogue."""
    files = sorted(TUI.rglob("*.py"))
    assert len(files) > 15
    for path in files:
        for outer in ast.walk(ast.parse(path.read_text())):
            for node in ast.walk(outer) if isinstance(outer, ast.JoinedStr) else ():
                called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
                assert called not in ("_", "N_", "ngettext"), f"{path}:{outer.lineno}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_step_is_said_in_chinese(case: Path) -> None:
    steps = flow.plan(*case_of(case), follow=True).steps
    assert steps
    for step in steps:
        assert said(str(step)) != str(step)
        assert said(step.why) != step.why


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_against_a_disk_and_every_remark_is_said_in_chinese(name: str) -> None:
    reasons = [reason for disk in flow.system_disks(machine(name)) for reason in disk.unusable]
    remarks = [text for remark in flow.precheck(machine(name)) for text in (remark.message, remark.hint)]
    assert [text for text in reasons + remarks if said(text) == text] == []


@pytest.mark.parametrize(("answers", "field", "words"), WRONG)
def test_every_problem_that_can_be_typed_is_said_in_chinese(answers: dict[str, str], field: str, words: str) -> None:
    problems = drafts.judge(complete("two-sockets", **answers), machine("two-sockets")).wrong[field]  # type: ignore[index]
    assert words in problems[0].message
    for problem in problems:
        assert said(problem.message) != problem.message
        assert not problem.hint or said(problem.hint) != problem.hint


def test_what_no_phrase_knows_stays_as_it_is() -> None:
    assert said("the moon is made of cheese") == "the moon is made of cheese"


def test_a_name_inside_a_sentence_is_not_translated() -> None:
    assert said("'system disk' is not an IPv4 or IPv6 address") == "'system disk' 不是 IPv4 或 IPv6 地址"


def test_what_is_on_a_disk_is_said_in_chinese_and_its_names_stay() -> None:
    disks = {disk.id: disk for disk in flow.system_disks(machine("full-disks"))}
    luks = disks["scsi-0QEMU_QEMU_HARDDISK_LUKS"]
    assert lost(f"{luks.label}: {luks.holds}") == "QEMU HARDDISK，10 GiB，序列号 LUKS：crypto_LUKS"
    held = [listed(disk.holds) for disk in disks.values() if disk.contents]
    assert any("分区 2 扩展分区" in text for text in held)
    assert [text for text in held if "partition" in text or "no file system" in text] == []
    assert lost("something") == "something"
    assert listed("one, two; three") == "one, two; three"
