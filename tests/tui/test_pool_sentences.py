# SPDX-License-Identifier: Apache-2.0
"""What the pool's rules and alerts said of the recorded machines (tests/roles) is said in Chinese, whole."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.services.storage.health import duration
from appliance.tui import i18n
from appliance.tui.i18n import said
from tests.tui.test_sentences import CHINESE, UNSAID

ROLES = Path(__file__).parents[1] / "roles"
SAID = re.compile(r"^ *(because|refused): (.+)$", re.MULTILINE)
REASONS = sorted({text for path in ROLES.rglob("*.txt") for _, text in SAID.findall(path.read_text())})


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    i18n.use("zh_CN")
    yield
    i18n.use("en")


def test_there_are_reasons() -> None:
    assert len(REASONS) > 40


@pytest.mark.parametrize("text", REASONS, ids=lambda text: text[:50])
def test_why_a_disk_is_for_something(text: str) -> None:
    names = r"`[^`]*`|[A-Z]{3,}[\w -]+|\w+_member [\w:]+|md \w+"  # a command, a model, a signature with its label, an array
    shown = re.sub(names, "", said(text), flags=re.ASCII)
    assert CHINESE.search(shown), shown
    assert not UNSAID.search(shown), shown


LONG = [(40, "40 秒"), (720, "12 分钟"), (12000, "3 小时 20 分"), (187200, "2 天 4 小时")]


@pytest.mark.parametrize(("seconds", "words"), LONG)
def test_how_long_it_takes(seconds: int, words: str) -> None:
    message = f"3 objects have one copy only, and they are copied again: {duration(seconds)} to go"
    assert said(message) == f"3 个对象只剩一个副本，正在重新复制：还需 {words}"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("the disk in slot 3 (OSD 7) was taken out of the pool: requests to it do not end",
         "盘位 3 的磁盘（OSD 7）已移出存储池：对它的请求一直没有完成"),
        ("the disk S123 is 61 degrees hot", "磁盘“S123”的温度为 61 摄氏度"),
        ("the disk in slot 3 is 86 % full, although others have room", "盘位 3 的磁盘已用 86 %，而其他磁盘还有空间"),
        ("copies are made again, 412 objects to go: 1 of 6 disks does not work",
         "正在重建副本，还剩 412 个对象：6 块磁盘中有 1 块不工作"),
        ("the BIOS RAID md126 is raid1 of 2 disks, degraded (40 %)", "BIOS RAID md126 的状态：raid1，2 块磁盘，已降级（40 %）"),
        ("keep CPUs 0-1 and 2 GiB for the platform", "为平台保留：处理器 0-1 和 2 GiB"),
        ("hypervisor: of 4 processors none would be left for VMs; reserve fewer",
         "规格的 hypervisor 一节：4 个处理器中没有一个留给虚拟机；请减少保留的数量"),
    ],
)  # fmt: skip
def test_sentences_with_others_in_them(sentence: str, words: str) -> None:
    assert said(sentence) == words
