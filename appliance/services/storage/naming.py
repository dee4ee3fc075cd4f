# SPDX-License-Identifier: Apache-2.0
"""Which name a disk is known by: one that is the same after a reboot, in another slot order, and is of this disk alone.

1. its /dev/disk/by-id name with the serial in it, as readable as there is one;
2. its by-id name made of a WWN;
3. for a volume of the mainboard's RAID its md UUID, for a multipath disk what multipath knows it by;
4. its by-path name: for a disk without serial and WWN, and for twins, whose by-id names are the same.

udev gives two disks of one serial the same link and lets it point at either. So a name counts only when one disk alone
claims it.
"""

import re
from collections import Counter
from collections.abc import Sequence

from appliance.host.host import UdevDevice

BY_ID, BY_PATH = "/dev/disk/by-id/", "/dev/disk/by-path/"

# Names made of what is on the disk: erasing it changes them.
_OF_CONTENT = ("lvm-pv-uuid-", "md-uuid-", "md-name-", "dm-uuid-", "dm-name-")
_OF_WWN = ("wwn-", "nvme-eui.", "nvme-nvme.", "nvme-uuid.", "nvme-nguid.", "scsi-3", "scsi-2", "scsi-8")


def serial(device: UdevDevice) -> str:
    """The serial that is printed on the disk. For SCSI udev's "short serial" is the WWN; the unit's own is another."""
    facts = device.properties
    own = facts.get("SCSI_IDENT_SERIAL") or facts.get("ID_SCSI_SERIAL")
    if own or facts.get("ID_SERIAL_SHORT"):
        return (own or facts["ID_SERIAL_SHORT"]).strip()
    # A virtio disk's serial is all of its identity; elsewhere ID_SERIAL is model and place when there is no serial.
    return facts.get("ID_SERIAL", "").strip() if "ID_BUS" not in facts else ""


def wwn(device: UdevDevice) -> str:
    """The name that is unique in the world, as udev writes it ("0x5000c500...", "eui.0025..."), or ""."""
    return device.properties.get("ID_WWN_WITH_EXTENSION") or device.properties.get("ID_WWN", "")


def path(device: UdevDevice) -> str:
    """Where the disk is plugged in, as udev writes it ("pci-0000:00:1f.2-ata-1.0"), or ""."""
    return device.properties.get("ID_PATH", "")


def names(disks: Sequence[UdevDevice]) -> list[tuple[str, str]]:
    """(id, link) of each disk, in the same order. ("", "") for a disk that has no lasting name of its own."""
    claims = Counter(link for disk in disks for link in disk.links)
    return [_name(disk, {link for link in disk.links if claims[link] == 1}) for disk in disks]


def _name(disk: UdevDevice, own: set[str]) -> tuple[str, str]:
    by_id = sorted((link for link in own if link.startswith(BY_ID)), key=lambda link: (len(link), link))
    volume = [link for link in by_id if "MD_LEVEL" in disk.properties and link.startswith(f"{BY_ID}md-uuid-")]
    volume += [link for link in by_id if link.startswith(f"{BY_ID}dm-uuid-mpath-")]
    by_id = [link for link in by_id if not link.removeprefix(BY_ID).startswith(_OF_CONTENT)]
    of_wwn = [link for start in _OF_WWN for link in by_id if link.startswith(BY_ID + start)]
    readable = [link for link in by_id if link not in of_wwn and _encoded(serial(disk)) in link] if serial(disk) else []
    by_path = sorted(link for link in own if link.startswith(BY_PATH))
    preferred = [link for link in by_path if link == BY_PATH + path(disk)]
    best = next(iter([*readable, *of_wwn, *volume, *preferred, *by_path]), "")
    return best.rpartition("/")[2], best


def _encoded(text: str) -> str:
    """A serial as it stands in a link: udev replaces white space by one underscore, and what is unsafe by one each."""
    return re.sub(r"[^A-Za-z0-9#+\-.:=@_/]", "_", re.sub(r"\s+", "_", text)).replace("/", "_")
