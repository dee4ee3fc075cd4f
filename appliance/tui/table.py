# SPDX-License-Identifier: Apache-2.0
"""Columns of text by the cells that they take on a screen: a Chinese character takes two. Pure."""

from itertools import pairwise

from rich.cells import cell_len, set_cell_size

from appliance.tui.wrap import divide_line


def column(text: str, width: int) -> str:
    """Cut or filled to so many cells."""
    return set_cell_size(text, width)


def row(*columns: tuple[str, int]) -> str:
    """Columns with their widths, two spaces between them; the last one keeps its length."""
    *first, last = columns
    return "  ".join([*(column(text, width) for text, width in first), last[0]]).rstrip()


def paragraph(text: str, width: int, margin: str = "") -> str:
    """Wrapped to so many cells, each line behind the margin."""
    room = max(10, width - cell_len(margin))
    lines = (
        line[begin:end] for line in text.split("\n") for begin, end in pairwise((0, *divide_line(line, room), len(line)))
    )  # fmt: skip
    return "\n".join(margin + line.strip() for line in lines)


def rows(pairs: list[tuple[str, str]], margin: int = 2) -> list[tuple[str, str]]:
    """Names filled to the longest of them."""
    width = max((cell_len(name) for name, _ in pairs), default=0)
    return [(column(name, width + margin), text) for name, text in pairs]


def hanging(name: str, text: str, width: int) -> str:
    """A name and a text behind it, whose further lines begin where the first does."""
    return name + paragraph(text, width, " " * cell_len(name)).lstrip()
