# SPDX-License-Identifier: Apache-2.0
"""The effects on the node's own network, through systemd-networkd."""

import configparser

from appliance.engine.apply import Handler, Report
from appliance.host.host import Host
from appliance.model.plan import ConfigureNetwork

NETWORKD = "systemd-networkd.service"


class _ConfigureNetwork:
    def done(self, step: ConfigureNetwork, host: Host) -> bool:
        return all((host.files.read(file.path) or "") == file.content.rstrip() for file in step.files)

    def do(self, step: ConfigureNetwork, host: Host, report: Report) -> None:
        stale = {_device(host.files.read(file.path)) for file in step.files if file.path.endswith(".netdev")} - {""}
        for file in step.files:
            if file.content:
                host.files.write(file.path, file.content)
            else:
                host.files.remove(file.path)
        # networkd makes what is not there, and leaves a bond or VLAN that is there as it was made.
        for name in sorted(stale & {str(link["name"]) for link in host.netlink.links()}):
            host.run(["ip", "link", "delete", name])
        host.run(["systemctl", "try-reload-or-restart", NETWORKD])


def _device(netdev: str | None) -> str:
    """The name of what a .netdev file makes; "" for no file."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(netdev or "")
    return parser.get("NetDev", "name", fallback="")


HANDLERS: dict[type, Handler] = {ConfigureNetwork: _ConfigureNetwork()}
