# SPDX-License-Identifier: Apache-2.0
"""Only what differs is sent, and what is sent makes the one line into the other."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from appliance.tui.difference import Difference, changed

_texts = st.text(alphabet="ab 中文─", max_size=16).map(lambda text: set_cell_size(text, 12))
_styles = st.sampled_from([None, Style(reverse=True), Style(bold=True)])


@st.composite
def lines(draw: st.DrawFn) -> Strip:
    text, style, cut = draw(_texts), draw(_styles), draw(st.integers(0, 12))
    return Strip([Segment(text[:cut], style), Segment(text[cut:], None)], 12)


def text(strip: Strip) -> str:
    return "".join(segment.text for segment in strip)


@given(lines(), lines())
def test_the_part_that_is_sent_completes_the_line(before: Strip, after: Strip) -> None:
    span = changed(before, after)
    if span is None:
        assert text(before) == text(after)
        return
    start, end = span
    made = text(before.crop(0, start)) + text(after.crop(start, end)) + text(before.crop(end))
    assert made == text(after)
    assert cell_len(text(after.crop(start, end))) == end - start


def test_nothing_is_sent_when_nothing_differs() -> None:
    line = Strip([Segment("Trivet 安装程序")], 15)
    same = Strip([Segment("Trivet "), Segment("安装程序")], 15)
    assert Difference([line, line], [line, same]).render_segments(Console()) == ""


def test_one_letter_costs_one_letter_and_its_place() -> None:
    before, after = Strip([Segment("name [n  ]")], 10), Strip([Segment("name [n1 ]")], 10)
    assert Difference([before], [after]).render_segments(Console()) == "\x1b[1;8H1"


def test_without_a_picture_of_the_terminal_everything_is_sent() -> None:
    assert "Trivet" in Difference([], [Strip([Segment("Trivet")], 6)]).render_segments(Console())
