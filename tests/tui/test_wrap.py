# SPDX-License-Identifier: Apache-2.0
"""Where lines end: as rich has it where there is no Chinese, between characters where there is."""

import random
from itertools import pairwise

import pytest
from rich import _wrap as rich_wrap
from rich.cells import cell_len
from textual.content import Content

from appliance.tui import line, table
from appliance.tui.wrap import divide_line

LATIN = "ab   cde,.()[]1234 "
CHINESE = "虚拟机还需分钟秒，。（）“” 12 GiB`;"


def lines(text: str, width: int) -> list[str]:
    return [text[a:b].rstrip() for a, b in pairwise((0, *divide_line(text, width), len(text)))]


@pytest.mark.parametrize(("text", "width", "expected"), [
    ("还需 7 秒", 8, ["还需", "7 秒"]),
    ("重建还需 12 分钟，之后恢复", 14, ["重建还需", "12 分钟，之后", "恢复"]),
    ("叠加网络有自己的地址；VLAN 网络属于业务平面。", 20, ["叠加网络有自己的地", "址；VLAN 网络属于业", "务平面。"]),
    ("本节点的虚拟机：按 Enter 打开一台", 24, ["本节点的虚拟机：按 Enter", "打开一台"]),
    ("见“状态”页（F1）", 7, ["见“状", "态”页", "（F1）"]),
    ("wwn-0x5000c500a1b2c3d4e5f6 的磁盘", 12, ["wwn-0x5000c5", "00a1b2c3d4e5", "f6 的磁盘"]),
])  # fmt: skip
def test_chinese(text: str, width: int, expected: list[str]) -> None:
    assert lines(text, width) == expected
    assert [each.plain for each in Content(text).wrap(width)] == expected, f"textual asks {line.__name__}"
    assert table.paragraph(text, max(10, width)).split("\n") == lines(text, max(10, width))


def test_without_chinese_nothing_is_other_than_it_was() -> None:
    chance = random.Random(4)
    for _ in range(3000):
        text = "".join(chance.choice(LATIN) for _ in range(chance.randint(0, 60)))
        width = chance.randint(5, 30)
        assert divide_line(text, width) == rich_wrap.divide_line(text, width), (text, width)


def test_no_line_is_too_long_and_none_begins_with_a_comma() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        text = "".join(chance.choice(CHINESE) for _ in range(chance.randint(1, 60))).strip()
        width = chance.randint(20, 40)
        drawn = lines(text, width)
        assert "".join(drawn).replace(" ", "") == text.replace(" ", "")
        assert all(cell_len(each) <= width for each in drawn), (text, width)


def test_marks_stay_with_their_word() -> None:
    text = "虚拟机，虚拟（机）。“虚拟”机；" * 4
    for width in range(8, 40):
        for each in lines(text, width)[1:]:
            assert each[0] not in "，。）”；", (width, each)
        assert all(each[-1] not in "（“" for each in lines(text, width)), width
