# SPDX-License-Identifier: Apache-2.0
"""`trivet console` on an installed node."""

import re

from appliance.host.host import Host
from appliance.tui.node.app import NodeConsole
from appliance.tui.node.edge import DryEdge, LiveEdge
from appliance.tui.outcome import Outcome
from appliance.tui.terminal import Terminal

_SPECS = ("/run/trivet/candidate.yaml", "/var/lib/trivet/spec.yaml")
_CHINESE = re.compile(r"^[^#\n]*\blanguage['\"]?\s*:\s*['\"]?zh_CN\b", re.MULTILINE)


def run(host: Host, here: Terminal, *, dry: bool) -> Outcome:
    """The status screen, and behind a password all else. `dry` changes nothing on any machine."""
    console = NodeConsole(host, here, DryEdge(host) if dry else LiveEdge(host))
    if console.terminal.chinese and chinese(host):
        console.speak("zh_CN")
    return console.ended()


def chinese(host: Host) -> bool:
    """Does the spec want Chinese? By its text: to read the document takes longer than to draw the first screen."""
    text = next((text for path in _SPECS if (text := host.files.read(path))), "")
    return _CHINESE.search(text) is not None
