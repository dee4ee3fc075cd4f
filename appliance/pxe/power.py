# SPDX-License-Identifier: Apache-2.0
"""What somebody on the board says of the power of machines: several at once, since a BMC takes its time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.pxe.bmc import Power, access, switch
from appliance.pxe.desk import Desk

_AT_ONCE = 16


class Switches:
    """The power of the rack that is described in `folder`."""

    def __init__(self, host: Host, folder: Path, desk: Desk) -> None:
        self._host, self._folder, self._desk = host, folder, desk

    def do(self, machines: Sequence[str], power: Power, *, network: bool) -> dict[str, str]:
        """Why it was not done, by machine; "" where it was. Each machine's log says it, too."""
        known = [mac for mac in machines if mac in self._desk.rack.machines]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(known, pool.map(lambda mac: self._one(mac, power, network), known), strict=True))

    def _one(self, mac: str, power: Power, network: bool) -> str:
        try:
            row = self._desk.row(mac)
            if row is None:
                raise ApplianceError("no row of the table means this machine", "the table says where a machine's BMC is")
            bmc = access(row, self._folder)
            done = switch(self._host, bmc, power, network=network)
        except ApplianceError as error:
            self._desk.powered(mac, f"its BMC did not do it: {error}")
            return str(error)
        self._desk.powered(mac, f"its BMC {bmc.address} says: {done}{', and starts from the network next' if network else ''}")
        return ""
