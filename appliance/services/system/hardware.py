# SPDX-License-Identifier: Apache-2.0
"""The server itself, apart from processors, disks and ports: maker, firmware, TPM, BMC, USB, what it was started from."""

import posixpath
from collections.abc import Iterable

from appliance.host.host import Host
from appliance.model.machine import Bmc, BootMedium, Dmi, Firmware, Tpm, Usb
from appliance.model.storage import BOOT_MEDIUM, SYSTEM_DISK, Disk
from appliance.services.system.observe import cmdline

_DMI = "/sys/class/dmi/id"
_EFI = "/sys/firmware/efi"
_EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_EFI_ATTRIBUTES = 8
"""Hexadecimal digits before the value in a file of efivarfs: 32 bits of attributes."""

# Words that makers leave where they wrote nothing.
_EMPTY = {"to be filled by o.e.m.", "not specified", "default string", "system serial number", "none", "unknown", "n/a"}
_CHASSIS = {"3": "desktop", "7": "tower", "17": "server", "23": "rack mount", "25": "multi-system", "28": "blade"}
_IPMI_ENTRY = "/sys/firmware/dmi/entries/38-0/raw"
_IPMI_TYPES = {"01": "KCS", "02": "SMIC", "03": "BT", "04": "SSIF"}
_HUB = "9"


def dmi(host: Host) -> Dmi:
    """From the SMBIOS tables, as the kernel shows them; serial and UUID are there for root only."""
    return Dmi(
        manufacturer=_dmi(host, "sys_vendor"),
        product=_dmi(host, "product_name"),
        serial=_dmi(host, "product_serial"),
        uuid=_dmi(host, "product_uuid"),
        board=_dmi(host, "board_name"),
        chassis=_CHASSIS.get(_dmi(host, "chassis_type"), ""),
    )


def _dmi(host: Host, name: str) -> str:
    text = (host.files.read(f"{_DMI}/{name}") or "").strip()
    return "" if text.lower() in _EMPTY else text


def firmware(host: Host) -> Firmware:
    """UEFI is what left its runtime services behind. Secure Boot enforces nothing while the machine is in setup mode."""
    enforced = _efi_flag(host, "SecureBoot") and not _efi_flag(host, "SetupMode")
    return Firmware(
        mode="uefi" if host.files.list(_EFI) else "bios",
        secure_boot=enforced,
        vendor=_dmi(host, "bios_vendor"),
        version=_dmi(host, "bios_version"),
        date=_dmi(host, "bios_date"),
    )


def _efi_flag(host: Host, name: str) -> bool:
    variable = host.files.read_hex(f"{_EFI}/efivars/{name}-{_EFI_GLOBAL}")
    return variable is not None and variable[_EFI_ATTRIBUTES:] == "01"


def tpm(host: Host) -> Tpm | None:
    """The first TPM."""
    major = host.files.read("/sys/class/tpm/tpm0/tpm_version_major")
    return Tpm(version="2.0" if major == "2" else "1.2") if major else None


def bmc(host: Host) -> Bmc | None:
    """A BMC that the kernel has a device for, or that the firmware describes (SMBIOS type 38, interface in byte 4)."""
    entry = host.files.read_hex(_IPMI_ENTRY)
    if entry is None and not host.files.list("/sys/class/ipmi"):
        return None
    return Bmc(interface=_IPMI_TYPES.get(entry[8:10], "IPMI") if entry else "IPMI")


def usb(host: Host) -> tuple[Usb, ...]:
    """USB devices that are not hubs; names from the device, or from udev's database where it is silent."""
    found = []
    for device in host.udev.devices("usb"):
        facts = device.properties
        if device.type != "usb_device" or facts.get("TYPE", "").split("/")[0] == _HUB:
            continue
        found.append(
            Usb(
                path=posixpath.basename(device.path),
                id=f"{facts.get('ID_VENDOR_ID', '')}:{facts.get('ID_MODEL_ID', '')}",
                manufacturer=facts.get("ID_VENDOR_FROM_DATABASE") or facts.get("ID_VENDOR", "").replace("_", " "),
                product=facts.get("ID_MODEL_FROM_DATABASE") or facts.get("ID_MODEL", "").replace("_", " "),
                serial=facts.get("ID_SERIAL_SHORT", ""),
            )
        )
    return tuple(found)


def kernel(host: Host) -> str:
    """The running kernel's release."""
    return host.files.read("/proc/sys/kernel/osrelease") or ""


def boot(host: Host, disks: Iterable[Disk]) -> BootMedium:
    """What this system was started from; `disk` is the id of the medium or of the system disk, "" for a CD."""
    found = {reason: disk.id for disk in disks for reason in disk.unusable}
    arguments = cmdline(host)
    if slot := arguments.get("trivet.slot"):
        return BootMedium(kind="slot", slot=slot, disk=found.get(SYSTEM_DISK, ""))
    root = arguments.get("root", "")
    if root.startswith(("live:http", "live:nfs", "live:tftp")):
        return BootMedium(kind="network")
    return BootMedium(kind="live" if root.startswith("live:") else "other", disk=found.get(BOOT_MEDIUM, ""))
