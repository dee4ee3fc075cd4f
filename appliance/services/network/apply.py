# SPDX-License-Identifier: Apache-2.0
"""The effects on the node's own network, through systemd-networkd."""

import configparser
import time
from collections.abc import Iterable

from appliance.engine.apply import Handler, Report
from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.model.network import Device
from appliance.model.plan import ConfigureNetwork
from appliance.services.network.observe import devices

NETWORKD = "systemd-networkd.service"
_SECONDS = 20
"""For the kernel to have what was asked of networkd: bonds and VLANs need no link."""


class _ConfigureNetwork:
    def done(self, step: ConfigureNetwork, host: Host) -> bool:
        written = all((host.files.read(file.path) or "") == file.content.rstrip() for file in step.files)
        return written and not _missing(step.devices, host)

    def do(self, step: ConfigureNetwork, host: Host, report: Report) -> None:
        # networkd makes what is not there, and leaves a bond or VLAN that is there as it was made.
        stale = {_device(host.files.read(file.path)) for file in step.files if file.path.endswith(".netdev")}
        stale |= {device.name for device in _missing(step.devices, host)}
        for file in step.files:
            if file.content:
                host.files.write(file.path, file.content)
            else:
                host.files.remove(file.path)
        for name in sorted(stale & {device.name for device in devices(host.netlink.links())}):
            host.run(["ip", "link", "delete", name])
        # What it has made once and lost since, networkd makes again only when it starts.
        host.run(["systemctl", "restart" if stale - {""} else "try-reload-or-restart", NETWORKD])
        self._wait(step, host)

    def _wait(self, step: ConfigureNetwork, host: Host) -> None:
        end = time.monotonic() + _SECONDS
        while missing := _missing(step.devices, host):
            if time.monotonic() > end:
                names = ", ".join(device.name for device in missing)
                raise StepFailed(f"{names} is not as it was asked for after {_SECONDS} s", f"see `journalctl -u {NETWORKD}`")
            time.sleep(0.2)


def _missing(wished: Iterable[Device], host: Host) -> list[Device]:
    """Those that the kernel has not, or not so."""
    present = set(devices(host.netlink.links()))
    return [device for device in wished if device not in present]


def _device(netdev: str | None) -> str:
    """The name of what a .netdev file makes; "" for no file."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(netdev or "")
    return parser.get("NetDev", "name", fallback="")


HANDLERS: dict[type, Handler] = {ConfigureNetwork: _ConfigureNetwork()}
