# SPDX-License-Identifier: Apache-2.0
"""Send what has changed on the screen, and nothing else: at 115200 baud a whole screen takes half a second.

Textual repaints the regions of the widgets that changed, whole, and several times while a page comes up: 15 to 23 kB for a
page of 80x24, which is two seconds of a serial line. What was sent is kept here, cell by cell, and each update is cut down to
the cells that look other than before: the way there, a style only where it is another one, an empty end of a line as one
order. What every terminal since the VT100 knows, and nothing else.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import CompositorUpdate
from textual.strip import Strip

Cell = tuple[str, str]
"""A character, "" in the second cell of a wide one, and the numbers of its style as the terminal takes them."""
_BLANK: Cell = (" ", "")
_GAP = 6
"""So many cells that are right already are sent again, rather than the way past them."""
_END = 4
"""So many blanks at the end of a line are one order instead."""
_DEFAULTS = frozenset({"39", "49"})
_DRAWN = frozenset({"4", "7", "9"})
"""Underlined, reversed, struck out."""
_BACKGROUNDS = frozenset(map(str, (*range(40, 48), *range(100, 108))))


class Difference(CompositorUpdate):
    """An update from the lines that the terminal shows to those that it shall show."""

    def __init__(self, before: Sequence[Strip], after: Sequence[Strip]) -> None:
        self._before, self._after = before, after

    def render_segments(self, console: Console) -> str:
        """The changed parts of each changed line, each with the way there. "" when there are none."""
        system = console._color_system or ColorSystem.TRUECOLOR
        parts: list[str] = []
        style = ""
        for y, line in enumerate(self._after):
            before = self._before[y] if y < len(self._before) else None
            if before is not None and before == line:
                continue
            new = cells(line, system)
            old = cells(before, system) if before is not None else []
            tail = _tail(new)
            for start, end in spans(old, new):
                parts.append(Control.move_to(start, y).segment.text)
                clears = end - max(start, tail) >= _END
                for text, wished in new[start : tail if clears and tail > start else start if clears else end]:
                    if text and wished != (_bare(style) if text == " " else style):
                        parts.append(_styled(style, wished))
                        style = wished
                    parts.append(text)
                if clears:
                    parts.append(_styled(style, "") + "\x1b[K")
                    style = ""
                    break  # what comes after it on this line is blank, too
        parts.append(_styled(style, ""))
        return "".join(parts)


def spans(old: Sequence[Cell], new: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """From which cell to which (excluded) a line is to be sent. A wide character is never cut in two."""
    if len(old) != len(new):
        yield 0, len(new)
        return
    differing = [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    start = end = -1
    for x in differing:
        if start >= 0 and x - end > _GAP:
            yield start, end
            start = -1
        if start < 0:
            start = x
            while start and not (old[start][0] and new[start][0]):
                start -= 1
        end = max(end, x + 1)
        while end < len(new) and not (old[end][0] and new[end][0]):
            end += 1
    if start >= 0:
        yield start, end


def cells(strip: Strip, system: ColorSystem) -> list[Cell]:
    """What is in each cell, as it looks: of a blank the colour of a letter does not count."""
    found: list[Cell] = []
    for text, style, _ in strip:
        letter, blank = (_numbers(style, system), _numbers(style, system, blank=True)) if style else ("", "")
        for character in text:
            found.append((character, blank if character == " " else letter))
            if cell_len(character) > 1:
                found.append(("", letter))
    return found


def _tail(line: Sequence[Cell]) -> int:
    """Where the blank end of a line begins."""
    end = len(line)
    while end and line[end - 1] == _BLANK:
        end -= 1
    return end


@lru_cache(maxsize=1024)
def _numbers(style: Style, system: ColorSystem, *, blank: bool = False) -> str:
    rendered = style.render("x", color_system=system)
    if not rendered.startswith("\x1b["):
        return ""
    numbers = rendered[2 : rendered.index("m")]
    if "8;" not in numbers:  # in a colour of 256 these numbers would be its parts
        numbers = ";".join(n for n in numbers.split(";") if n not in _DEFAULTS)
    return _bare(numbers) if blank else numbers


@lru_cache(maxsize=1024)
def _bare(numbers: str) -> str:
    """What a blank shows of a style: its background, and all of it where that is drawn with it."""
    found = numbers.split(";")
    if "8;" in numbers or _DRAWN & set(found):
        return numbers
    return ";".join(n for n in found if n in _BACKGROUNDS)


def _styled(now: str, wished: str) -> str:
    if now == wished:
        return ""
    if not now:
        return f"\x1b[{wished}m"
    return f"\x1b[0;{wished}m" if wished else "\x1b[m"
