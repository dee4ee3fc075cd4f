# SPDX-License-Identifier: Apache-2.0
"""Where one is can be seen on every terminal: what has the focus is reversed."""

from appliance.tui.widgets.cursorlist import CursorList
from tests.tui.pilot import Person, walk


def reversed_lines(list_: CursorList) -> list[int]:
    lines = [list_.render_line(y) for y in range(list_.size.height)]
    return [y for y, line in enumerate(lines) if any(segment.style and segment.style.reverse for segment in line)]


def test_the_cursor_of_a_list_is_reversed_and_goes_with_the_focus() -> None:
    async def story(person: Person) -> None:
        languages = person.app.screen.query_one("#language", CursorList)
        assert reversed_lines(languages) == [0]
        await person.press("down")
        assert reversed_lines(languages) == [1]
        await person.press("tab")
        assert reversed_lines(languages) == []

    walk("small-bios", story)
