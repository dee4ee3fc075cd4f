# SPDX-License-Identifier: Apache-2.0
"""A terminal's screen as a picture: `tmux capture-pane -pe | python -m tests.vm.picture TITLE > screen.svg`."""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

COLUMNS = 80


def svg(screen: str, title: str) -> str:
    """What a terminal of 80 columns shows, escape sequences for colours included."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="256")
    console.print(Text.from_ansi(screen), soft_wrap=True)
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=title), flags=re.DOTALL)  # no font from afar


if __name__ == "__main__":
    print(svg(sys.stdin.read().rstrip("\n"), sys.argv[1]))
