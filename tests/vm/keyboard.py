# SPDX-License-Identifier: Apache-2.0
"""The keyboard that is plugged into the machine itself: what is typed goes to the screen's terminal, not to the serial line."""

from __future__ import annotations

from tests.vm.monitor import Monitor

_NAMES = {
    " ": "spc", "\n": "ret", ".": "dot", "-": "minus", "/": "slash", "$": "shift-4", "(": "shift-9", ")": "shift-0",
    ">": "shift-dot", "<": "shift-comma", ",": "comma", "|": "shift-backslash", "\\": "backslash", ";": "semicolon",
    ":": "shift-semicolon", "=": "equal", "'": "apostrophe", '"': "shift-apostrophe",
    "_": "shift-minus", "&": "shift-7", "*": "shift-8",
}  # fmt: skip


def press(monitor: Monitor, *keys: str) -> None:
    """Keys by QEMU's names, such as alt-f2. ValueError for one that it does not know."""
    for key in keys:
        if complaint := monitor.human(f"sendkey {key} 20").strip():
            raise ValueError(complaint)


def type_text(monitor: Monitor, text: str) -> None:
    """Text on a keyboard with the American layout."""
    press(monitor, *(_NAMES.get(c, f"shift-{c.lower()}" if c.isupper() else c) for c in text))
