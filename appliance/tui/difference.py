# SPDX-License-Identifier: Apache-2.0
"""Send what has changed on the screen, and nothing else: at 115200 baud a whole screen takes half a second.

Textual repaints the regions of the widgets that changed, whole, and several times while a page comes up: 15 to 23 kB for a
page of 80x24, which is two seconds of a serial line. What was sent is kept here, cell by cell, and each update is cut down to
the cells that differ from it.
"""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import CompositorUpdate
from textual.strip import Strip

Cell = tuple[str, Style | None]


class Difference(CompositorUpdate):
    """An update from the lines that the terminal shows to those that it shall show."""

    def __init__(self, before: Sequence[Strip], after: Sequence[Strip]) -> None:
        self._before, self._after = before, after

    def render_segments(self, console: Console) -> str:
        """The changed part of each changed line, each with the way there."""
        parts: list[str] = []
        for y, line in enumerate(self._after):
            span = changed(self._before[y], line) if y < len(self._before) else (0, line.cell_length)
            if span:
                parts += (Control.move_to(span[0], y).segment.text, line.crop(*span).render(console))
        return "".join(parts)


def changed(before: Strip, after: Strip) -> tuple[int, int] | None:
    """From which cell to which (excluded) a line differs; None when it does not. A wide character is never cut in two."""
    if before == after:
        return None
    old, new = _cells(before), _cells(after)
    if len(old) != len(new):
        return 0, len(new)
    differing = [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    if not differing:
        return None
    start, end = differing[0], differing[-1] + 1
    while start and not (old[start][0] and new[start][0]):
        start -= 1
    while end < len(new) and not (old[end][0] and new[end][0]):
        end += 1
    return start, end


def _cells(strip: Strip) -> list[Cell]:
    """What is in each cell; "" in the second one of a wide character."""
    cells: list[Cell] = []
    for text, style, _ in strip:
        for character in text:
            cells.append((character, style))
            if cell_len(character) > 1:
                cells.append(("", style))
    return cells
