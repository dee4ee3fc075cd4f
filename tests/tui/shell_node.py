# SPDX-License-Identifier: Apache-2.0
"""The made node's console with a shell that is one, for a test on a real terminal: `python -m tests.tui.shell_node`."""

import os

from appliance.host import child
from appliance.host.playback import playback
from appliance.tui.node.app import NodeConsole
from appliance.tui.node.edge import DryEdge
from appliance.tui.run import draw_on_stdout
from appliance.tui.terminal import terminal
from tests.tui import nodes


class ShellEdge(DryEdge):
    """Does nothing else, either."""

    def shell(self) -> int:
        return child.foreground(["sh", "-i"], {"PS1": "here> ", "ENV": ""})


if __name__ == "__main__":
    draw_on_stdout()
    host = playback(nodes.record(nodes.CABLE))
    NodeConsole(host, terminal(os.environ), ShellEdge(host)).run(mouse=False)
