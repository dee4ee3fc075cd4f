# SPDX-License-Identifier: Apache-2.0
"""Where a line may end. Chinese has no blanks between words: a line ends between any two characters, but for some. Pure.

Rich knows words between blanks alone: it takes a whole Chinese sentence for one, begins a line with it and cuts it where the
line is full, be that before a comma. By what is here no line begins with a mark that closes something or ends with one that
opens it, and a number keeps its unit.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from rich.cells import cell_len, chop_cells

_WIDE = "\u2e80-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60"
_CLOSING = "，。、；：？！）》」』】〉”’…％),.;:?!%]}"
"""No line begins with these."""
_OPENING = "（《「『【〈“‘([{"
"""No line ends with these."""
_TOGETHER = "分钟|小时|毫秒|字节"
"""Units of two characters."""
_PIECE = re.compile(rf"[{re.escape(_OPENING)}]*(?:{_TOGETHER}|[{_WIDE}]|[^\s{_WIDE}]+)[{re.escape(_CLOSING)}]*")
_HAS_WIDE = re.compile(rf"[{_WIDE}]")
_NUMBER, _UNIT = re.compile(r"\d$"), re.compile(rf"^[{_WIDE}]")
"""A number and what it counts, with a blank between them."""


def divide_line(text: str, width: int, fold: bool = True) -> list[int]:
    """Where each line but the first begins. `fold`: what is wider than a line is cut, else it is left to be cropped."""
    breaks: list[int] = []
    used = 0
    for start, piece in pieces(text):
        wide = cell_len(piece.rstrip())
        if used and used + wide > width:
            breaks.append(start)
            used = 0
        if wide > width and fold:
            *full, last = chop_cells(piece, width)
            breaks += (start + end for end in accumulate(map(len, full)))
            used = cell_len(last)
        else:
            used += cell_len(piece)
    return breaks


@lru_cache(maxsize=512)
def pieces(text: str) -> tuple[tuple[int, str], ...]:
    """What stays on one line, each with the blanks behind it, and where it begins."""
    found: list[tuple[int, str]] = []
    for start, word in _words(text):
        parts = list(_parts(start, word)) if _HAS_WIDE.search(word) else [(start, word)]
        if found and _NUMBER.search(found[-1][1].rstrip()) and _UNIT.match(word):
            at, before = found.pop()
            parts[0] = (at, before + parts[0][1])
        found += parts
    return tuple(found)


def _words(text: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"\s*\S+\s*", text):
        yield match.start(), match[0]


def _parts(start: int, word: str) -> Iterator[tuple[int, str]]:
    """Of one word: each Chinese character with the marks around it; what is between them as a whole."""
    ends = [match.end() for match in _PIECE.finditer(word)]
    begin = 0
    for end in [*ends[:-1], len(word)]:
        yield start + begin, word[begin:end]
        begin = end
