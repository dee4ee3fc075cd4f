# SPDX-License-Identifier: Apache-2.0
"""The power of a rack's machines, by their BMCs: IPMI by ipmitool, Redfish by HTTPS; and what they start from next.

The table says where a BMC is (`bmc`), what it speaks (`bmc_kind`, ipmi or redfish) and in which file its user and password are
(`bmc_secret`, beside rack.yaml): two lines, for nobody else to read. They are in no argument list, no log and no journal.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.pxe import redfish
from appliance.pxe.table import Row

Power = Literal["on", "off", "cycle"]
POWERS: tuple[Power, ...] = ("cycle", "on", "off")
_KINDS = ("ipmi", "redfish")
_HINT = "two lines, the user and the password, in a file beside rack.yaml that nobody else may read: chmod 600"
_IPMI_PORT = 623


@dataclass(frozen=True)
class Access:
    """How to reach a BMC. `fingerprint` is the SHA-256 of its certificate, "" for one that an authority has signed."""

    kind: str
    address: str
    user: str
    password: str = field(repr=False)
    fingerprint: str = ""


def access(row: Row, folder: Path) -> Access:
    """What the table says of a machine's BMC. ApplianceError for what is missing."""
    address, kind, name = row.text("bmc"), row.text("bmc_kind") or "ipmi", row.text("bmc_secret")
    if not address or address.startswith("-"):
        raise ApplianceError(f"{row.where} has no address of a BMC", "give it the column bmc")
    if kind not in _KINDS:
        raise ApplianceError(f"{row.where}: {kind} is no kind of BMC", f"there are: {', '.join(_KINDS)}")
    if not name or "/" in name:
        raise ApplianceError(
            f"{row.where} names no file with the BMC's user and password", f"give it the column bmc_secret: {_HINT}"
        )
    user, password = _secret(folder / name)
    return Access(kind, address, user, password, row.text("bmc_fingerprint").lower().removeprefix("sha256:").replace(":", ""))


def _secret(path: Path) -> tuple[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ApplianceError(f"{path} can be read by others", f"say: chmod 600 {path}")
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ApplianceError(f"{path} cannot be read: {reason}", _HINT) from None
    if len(lines) != len(("user", "password")) or not all(lines):
        raise ApplianceError(f"{path} is no user and password", _HINT)
    return lines[0], lines[1]


def switch(host: Host, bmc: Access, power: Power, *, network: bool) -> str:
    """Do it; what was done, in words. With `network` it starts from the network next, once. A machine that is off is not cycled
    but switched on."""
    if bmc.kind == "redfish":
        return redfish.switch(bmc.address, bmc.user, bmc.password, bmc.fingerprint, power, network=network)
    with _ipmi(bmc) as words:
        if network:
            host.run([*words, "chassis", "bootdev", "pxe", "options=efiboot"])
        off = "is off" in host.run([*words, "chassis", "power", "status"]).stdout.lower()
        if off and power == "off":
            return "is off already"
        done = "on" if power == "cycle" and off else power
        host.run([*words, "chassis", "power", done])
    return {"on": "switched on", "off": "switched off", "cycle": "switched off and on"}[done]


@contextmanager
def _ipmi(bmc: Access) -> Iterator[list[str]]:
    """ipmitool and whom it asks; the password is in a file for as long as the block lasts."""
    host, _, port = bmc.address.rpartition(":") if bmc.address.count(":") == 1 else (bmc.address, "", "")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="trivet-bmc-") as file:  # for us alone, by its making
        file.write(bmc.password)
        file.flush()
        yield ["ipmitool", "-I", "lanplus", "-H", host, "-p", port or str(_IPMI_PORT), "-U", bmc.user, "-f", file.name]
