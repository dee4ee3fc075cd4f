# SPDX-License-Identifier: Apache-2.0
"""Only what differs is sent, and what is sent makes the one screen into the other on a terminal."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from appliance.tui.difference import Cell, Difference, cells

WIDTH = 24
_texts = st.text(alphabet="ab  中文─", max_size=WIDTH).map(lambda text: set_cell_size(text, WIDTH))
_styles = st.sampled_from([
    None, Style(reverse=True), Style(bold=True), Style(color="default", bgcolor="default"), Style(color="white", bgcolor="blue"),
])  # fmt: skip
_TOKEN = re.compile(r"\x1b\[(\d*(?:;\d+)*)([HKm])|(.)", re.DOTALL)


@st.composite
def lines(draw: st.DrawFn) -> Strip:
    cut = draw(st.integers(0, WIDTH))
    text, segments, done = draw(_texts), [], 0
    for character in text:  # a wide one is not cut
        segments.append(Segment(character, draw(_styles) if done in (0, cut) else segments[-1].style))
        done += cell_len(character)
    return Strip(segments, WIDTH)


def text(strip: Strip) -> str:
    return "".join(segment.text for segment in strip)


class Screen:
    """As much of a terminal as is made use of."""

    def __init__(self, before: list[Strip]) -> None:
        self.lines = [cells(strip, ColorSystem.STANDARD) for strip in before]
        self._x = self._y = 0
        self._style = ""

    def take(self, sent: str) -> None:
        for numbers, order, character in _TOKEN.findall(sent):
            if order == "H":
                self._y, self._x = (int(n) - 1 for n in numbers.split(";"))
            elif order == "m":
                self._style = numbers.removeprefix("0;")
            elif order == "K":
                assert self._style == "", "some terminals would colour the rest of the line"
                self.lines[self._y][self._x :] = [(" ", "")] * (WIDTH - self._x)
            else:
                width = cell_len(character)
                self.lines[self._y][self._x : self._x + width] = [(character, self._style), *[("", self._style)] * (width - 1)]
                self._x += width
        assert self._style == "", "what comes next begins without a style"


@given(st.lists(st.tuples(lines(), lines()), min_size=1, max_size=3))
def test_what_is_sent_completes_the_screen(pairs: list[tuple[Strip, Strip]]) -> None:
    before, after = [one for one, _ in pairs], [other for _, other in pairs]
    screen = Screen(before)
    screen.take(Difference(before, after).render_segments(Console(color_system="standard", force_terminal=True)))
    wanted = [cells(strip, ColorSystem.STANDARD) for strip in after]
    assert [[_look(cell) for cell in line] for line in screen.lines] == [[_look(cell) for cell in line] for line in wanted]


def _look(cell: Cell) -> Cell:
    """A blank on blue is one, whatever colour its letter would have; a bold one is like any other."""
    return (" ", {"1": "", "37;44": "44"}.get(cell[1], cell[1])) if cell[0] == " " else cell


def test_nothing_is_sent_when_nothing_differs() -> None:
    line = Strip([Segment("Trivet 安装程序")], 15)
    same = Strip([Segment("Trivet "), Segment("安装程序")], 15)
    assert Difference([line, line], [line, same]).render_segments(Console()) == ""
    plain, styled = Strip([Segment("a   ")], 4), Strip([Segment("a"), Segment("   ", Style(bold=True, color="default"))], 4)
    assert Difference([plain], [styled]).render_segments(Console()) == "", "blanks have no letters"


def test_one_letter_costs_one_letter_and_its_place() -> None:
    before, after = Strip([Segment("name [n  ]")], 10), Strip([Segment("name [n1 ]")], 10)
    assert Difference([before], [after]).render_segments(Console()) == "\x1b[1;8H1"


def test_two_places_of_a_line_cost_no_more_than_both() -> None:
    before, after = Strip([Segment("a" + "-" * 40 + "b")], 42), Strip([Segment("c" + "-" * 40 + "d")], 42)
    assert Difference([before], [after]).render_segments(Console()) == "\x1b[1;1Hc\x1b[1;42Hd"


def test_an_empty_end_is_one_order() -> None:
    before, after = Strip([Segment("Trivet is here      ")], 20), Strip([Segment("Trivet              ")], 20)
    assert Difference([before], [after]).render_segments(Console()) == "\x1b[1;8H\x1b[K"


def test_without_a_picture_of_the_terminal_everything_is_sent() -> None:
    assert "Trivet" in Difference([], [Strip([Segment("Trivet")], 6)]).render_segments(Console())
