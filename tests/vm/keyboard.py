# SPDX-License-Identifier: Apache-2.0
"""The keyboard that is plugged into the machine itself: what is typed goes to the screen's terminal, not to the serial line."""

from __future__ import annotations

from tests.vm.monitor import Monitor

_NAMES = {
    " ": "spc", "\n": "ret", ".": "dot", "-": "minus", "/": "slash", "$": "shift-4", "(": "shift-9", ")": "shift-0",
    ">": "shift-dot", "|": "shift-backslash", ";": "semicolon", "=": "equal",
}  # fmt: skip


def press(monitor: Monitor, *keys: str) -> None:
    """Keys by QEMU's names, such as alt-f2."""
    for key in keys:
        monitor.human(f"sendkey {key} 20")


def type_text(monitor: Monitor, text: str) -> None:
    """Text on a keyboard with the American layout."""
    press(monitor, *(_NAMES.get(c, f"shift-{c.lower()}" if c.isupper() else c) for c in text))
