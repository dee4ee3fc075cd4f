# SPDX-License-Identifier: Apache-2.0
"""What this terminal can show: by its environment, and on a serial line by what it answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.host.framebuffer import MARK
from appliance.host.line import Answer

_MONO = ("vt1", "vt2", "dumb", "ansi-m", "linux-m")
"""Beginnings of the names of terminals without colour; a real one would print what it does not know as a colour."""
_LATIN = ("linux",)
"""The kernel's own screen has 512 glyphs and no Chinese; that of a frame buffer has."""


@dataclass(frozen=True)
class Terminal:
    """`utf8`: characters beyond ASCII arrive. `chinese`: and can be drawn. `colour`: there are at least eight of them.

    `serial`: it is at the end of a line, whose size nobody knows but itself; `answered`: it was there when it was asked.
    """

    utf8: bool = True
    chinese: bool = True
    colour: bool = True
    serial: bool = False
    answered: bool = True


def on_line(environment: Mapping[str, str], answer: Answer | None) -> Terminal:
    """At the end of a serial line. Who does not answer gets what every terminal can draw."""
    colour = terminal(environment).colour
    if answer is None:
        return Terminal(utf8=False, chinese=False, colour=colour, serial=True, answered=False)
    return Terminal(answer.utf8, answer.utf8 and answer.wide, colour, serial=True)


def terminal(environment: Mapping[str, str]) -> Terminal:
    """By TERM, NO_COLOR and the locale's names."""
    term = environment.get("TERM", "dumb")
    # Python sets LC_CTYPE=C.UTF-8 by itself where no locale is chosen (PEP 538): that says nothing of the terminal.
    ctype = environment.get("LC_CTYPE", "")
    names = (environment.get("LC_ALL", ""), "" if ctype == "C.UTF-8" else ctype, environment.get("LANG", ""))
    locale = next((name for name in names if name), "C")
    utf8 = locale.lower().replace("-", "").partition(".")[2].partition("@")[0] == "utf8"
    chinese = utf8 and (term not in _LATIN or MARK in environment)
    return Terminal(utf8, chinese, "NO_COLOR" not in environment and not term.startswith(_MONO))
