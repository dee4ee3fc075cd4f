# SPDX-License-Identifier: Apache-2.0
"""A list whose cursor is reversed video, which no terminal is without."""

from dataclasses import replace

from textual.style import Style
from textual.widgets import OptionList


class CursorList(OptionList):
    """Textual (8.2) forgets `reverse` where it puts the style of a line together: no cursor would be seen."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        style = super().get_visual_style(*component_classes, partial=partial)
        reverse = any(self.get_component_styles(name).text_style.reverse for name in component_classes)
        return replace(style, reverse=True) if reverse else style
