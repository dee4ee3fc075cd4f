# SPDX-License-Identifier: Apache-2.0
"""The light at a drive's bay: of an enclosure that speaks SES, or of a PCI slot. Both are files of the kernel's.

`locate` is for a person who looks for the bay, `fault` for a disk that is dead. A PCI slot has one light for both.
"""

import re
from typing import Literal

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.storage import Disk

Light = Literal["locate", "fault"]

_ENCLOSURES = "/sys/class/enclosure"
_SLOTS = "/sys/bus/pci/slots"


def kernel_name(host: Host, disk: Disk) -> str:
    """`sda`: for the kernel's own tables, and for nothing that is kept or shown."""
    return (host.files.real(disk.link) or "").rpartition("/")[2]


def bay(host: Host, disk: Disk) -> str:
    """The folder of the bay that a disk is in; "" where nothing knows of bays."""
    sys = host.files.real(f"/sys/class/block/{kernel_name(host, disk)}") or ""
    address = re.search(r"/(\d+:\d+:\d+:\d+)/block/", sys)
    if address:
        for enclosure in host.files.list(_ENCLOSURES):
            for name in host.files.list(f"{_ENCLOSURES}/{enclosure}"):
                folder = f"{_ENCLOSURES}/{enclosure}/{name}"
                if (host.files.link(f"{folder}/device") or "").endswith(f"/{address[1]}"):
                    return folder
    pci = disk.pci.rpartition(".")[0] if disk.transport == "nvme" else ""
    for slot in host.files.list(_SLOTS) if pci else ():
        if host.files.read(f"{_SLOTS}/{slot}/address") == pci:
            return f"{_SLOTS}/{slot}"
    return ""


def lit(host: Host, disk: Disk) -> bool | None:
    """Is one of its lights on? None where it has none."""
    folder = bay(host, disk)
    said = [host.files.read(path) for path in (_file(folder, "locate"), _file(folder, "fault"))] if folder else []
    known = [text for text in said if text]
    return any(text != "0" for text in known) if known else None


def switch(host: Host, folder: str, light: Light, *, on: bool, must: bool = True) -> None:
    """Switch the light of a bay. ApplianceError where there is none and there `must` be one."""
    path = _file(folder, light)
    if not folder or host.files.read(path) is None:
        if not must:
            return
        hint = "look for its serial number, which is on the drive's label"
        raise ApplianceError("this disk's bay has no light that can be switched", hint)
    try:
        host.files.write(path, "1" if on else "0")
    except OSError as error:
        raise ApplianceError(f"the light cannot be switched: {error.strerror}", "look for the disk's serial number") from None


def _file(folder: str, light: Light) -> str:
    return f"{folder}/attention" if folder.startswith(_SLOTS) else f"{folder}/{light}"
