# SPDX-License-Identifier: Apache-2.0
"""Answers on a volume: one labelled TRIVET-SPEC (FAT or ISO 9660, file spec.yaml), or the medium that was booted.

FAT is read by mtools and not mounted: a file system from a stick that anybody made is not given to the kernel.
"""

from dataclasses import dataclass

from appliance.errors import AnswerError, ApplianceError
from appliance.host.host import Host, UdevDevice
from appliance.installer.devices import mounted
from appliance.installer.plan import ANSWER_LABEL

FILE = "spec.yaml"
MEDIUM = f"/run/initramfs/live/{FILE}"
_MAKE = f"label a FAT or ISO 9660 volume {ANSWER_LABEL} and put {FILE} into its top folder"


@dataclass(frozen=True)
class Answer:
    """A spec's text and, for people, where it came from."""

    text: str
    source: str


def volume(host: Host) -> Answer | None:
    """What the volume TRIVET-SPEC says; None when there is no such volume."""
    labelled = [d for d in host.udev.devices("block") if d.properties.get("ID_FS_LABEL") == ANSWER_LABEL]
    # mkfs.vfat gives a whole stick a table with one partition that is the whole stick, and hybrid ISOs have one, too.
    disks = {d.path for d in labelled}
    found = [d for d in labelled if d.path.rpartition("/")[0] not in disks]
    if not found:
        return None
    names = ", ".join(_name(d) for d in found)
    if len(found) > 1:
        raise AnswerError(f"there are {len(found)} volumes labelled {ANSWER_LABEL}: {names}", "leave one of them plugged in")
    text = _read(host, found[0])
    if text is None:
        raise AnswerError(f"the volume {ANSWER_LABEL} on {names} has no file {FILE}", _MAKE)
    return Answer(text, f"{FILE} on the volume {ANSWER_LABEL} ({names})")


def medium(host: Host) -> Answer | None:
    """The file beside the live system on the medium that this system runs from."""
    text = host.files.read(MEDIUM)
    return None if text is None else Answer(text, f"{FILE} on the installation medium")


def _name(device: UdevDevice) -> str:
    """The stick or the CD as people know it."""
    model = device.properties.get("ID_MODEL", "").replace("_", " ").strip()
    return model or device.node


def _read(host: Host, device: UdevDevice) -> str | None:
    match device.properties.get("ID_FS_TYPE"):
        case "vfat":
            result = host.run(["mtype", "-i", device.node, f"::/{FILE}"], check=False)
            return result.stdout if result.code == 0 else None
        case "iso9660":
            try:
                with mounted(host, device.node, "iso9660", "ro") as root:
                    return host.files.read(f"{root}/{FILE}")
            except ApplianceError as error:
                raise AnswerError(f"the volume {ANSWER_LABEL} cannot be read: {error.message}", _MAKE) from error
        case kind:
            raise AnswerError(f"the volume {ANSWER_LABEL} is {kind or 'of no known kind'}, neither FAT nor ISO 9660", _MAKE)
