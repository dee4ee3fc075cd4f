# SPDX-License-Identifier: Apache-2.0
"""A scroll bar of two characters, seen without colour and drawn in ASCII where there is no more."""

from math import ceil
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment, Segments
from textual.scrollbar import ScrollBarRender

_NONE = Color.default()


class PlainScrollBar(ScrollBarRender):
    """A thumb on a track. The characters are the process's: one process draws one terminal."""

    THUMB: ClassVar[str] = "█"
    TRACK: ClassVar[str] = "│"

    @classmethod
    def render_bar(  # noqa: PLR0917 - textual's own arguments
        cls, size: int = 25, virtual_size: float = 50, window_size: float = 20, position: float = 0, thickness: int = 1,
        vertical: bool = True, back_color: Color = _NONE, bar_color: Color = _NONE,
    ) -> Segments:  # fmt: skip
        if not size or virtual_size <= window_size:
            return Segments([Segment(" ")] * size, new_lines=vertical)
        length = max(1, ceil(size * window_size / virtual_size))
        start = round((size - length) * min(1.0, position / (virtual_size - window_size)))
        bar = [Segment(cls.THUMB if start <= row < start + length else cls.TRACK) for row in range(size)]
        return Segments(bar, new_lines=vertical)
