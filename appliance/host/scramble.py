# SPDX-License-Identifier: Apache-2.0
"""Replace what identifies one machine among all others in its record: serials, MAC addresses, WWNs, UUIDs.

What is replaced is found where it is known to stand (udev's properties, netlink, DMI), then replaced wherever it stands:
in names of links, in arguments of the kernel, in the output of commands. The same value becomes the same other value
everywhere, of the same length and form; a common beginning stays common (a WWN and its longer form, disks of one batch).
The salt is random and not kept, so nobody can try candidates. Makers, models and addresses on the network stay.
"""

import hashlib
import re
import secrets
import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_PROPERTIES = re.compile(
    r"ID_SERIAL_SHORT|ID_SCSI_SERIAL|SCSI_IDENT_\w+|ID_WWN\w*|ID_(FS|PART_ENTRY|PART_TABLE)_UUID|ID_FS_UUID_SUB|MD_UUID|DM_UUID"
    r"|ID_NVME_\w*(UUID|EUI|NGUID)\w*|ID_FS_LABEL_UUID"
)
_DMI = re.compile(r"/sys/class/dmi/id/(\w+_serial|product_uuid|\w+_asset_tag)")
_PREFIX = re.compile(r"^(0x|eui\.|nvme\.|uuid\.|naa\.|t10\.|LVM-|mpath-|CRYPT-\w+-)")
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
_MACHINE_ID = re.compile(r"machine_id=([0-9a-f]{32})")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
"""A place, though a USB controller has it for its serial."""
_SHORTEST = 4
"""Of fewer characters nothing is replaced: a serial of "1" would take every 1 in the record with it."""
_UNMISTAKABLE = 12
"""From this length on a value is replaced inside longer words too (`35000c500a1b2c3d4` holds a WWN)."""


def scrambled(document: Mapping[str, Any], salt: bytes = b"") -> dict[str, Any]:
    """The same record of a machine that does not exist. A salt is given by tests only."""
    salt = salt or secrets.token_bytes(32)
    table: dict[str, str] = {}
    for value in sorted(set(_values(document)), key=len):
        table.update(_mac_forms(value, salt) if _MAC.fullmatch(value) else _forms(value, salt))
    pattern = _pattern(table)
    result: dict[str, Any] = _map(document, lambda text: pattern.sub(lambda m: table[m[0]], text))
    return result


def _values(document: Mapping[str, Any]) -> Iterator[str]:
    """Everything in the record that identifies."""
    for devices in document.get("udev", {}).values():
        for properties in devices:
            yield from (_PREFIX.sub("", v) for k, v in properties.items() if _PROPERTIES.fullmatch(k))
            if "ID_BUS" not in properties and "ID_SERIAL" in properties:
                yield properties["ID_SERIAL"]  # virtio: the serial is all there is
    yield from (v for k, v in document.get("files", {}).items() if _DMI.fullmatch(k) and isinstance(v, str))
    for text in _strings(document):
        for pattern in (_UUID, _MAC, _MACHINE_ID):
            yield from pattern.findall(text)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _strings(inner)


def _forms(value: str, salt: bytes) -> Iterator[tuple[str, str]]:
    """The value as it is, as a file name has it, and as the hexadecimal digits that QEMU's NVMe disks make of it."""
    if len(value) < _SHORTEST or _PCI.fullmatch(value):
        return
    new = _other(value, salt)
    yield value, new
    yield value.encode().hex(), new.encode().hex()


def _mac_forms(mac: str, salt: bytes) -> Iterator[tuple[str, str]]:
    """The maker's half stays. Also without colons (enx...), and as the end of an IPv6 address made of it (ff:fe12:3456)."""
    if mac in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"):
        return
    tail = _other(mac[9:], salt + mac[:8].encode())
    new = mac[:9] + tail
    yield mac, new
    yield mac.replace(":", ""), new.replace(":", "")
    yield _eui_tail(mac), _eui_tail(new)


def _eui_tail(mac: str) -> str:
    _, _, a, b, c, d = mac.split(":")
    return f"{int(a + 'ff', 16):x}:fe{b}:{int(c + d, 16):x}"


def _other(value: str, salt: bytes) -> str:
    """Each character by one of its kind, chosen by all that stands before it."""
    hexadecimal = re.fullmatch(r"[0-9a-f:-]+|[0-9A-F:-]+", value) is not None
    out = []
    for index, character in enumerate(value):
        kind = _kind(character, hexadecimal)
        number = int.from_bytes(hashlib.blake2b(value[: index + 1].encode(), key=salt[:64], digest_size=8).digest(), "big")
        out.append(kind[number % len(kind)] if kind else character)
    return "".join(out)


def _kind(character: str, hexadecimal: bool) -> str:
    if character in string.digits:
        return string.digits
    if character in string.ascii_lowercase:
        return "abcdef" if hexadecimal else string.ascii_lowercase
    if character in string.ascii_uppercase:
        return "ABCDEF" if hexadecimal else string.ascii_uppercase
    return ""


def _pattern(table: Mapping[str, str]) -> re.Pattern[str]:
    """One pass over each text, the longest value first, so that nothing is replaced twice."""
    longest = sorted(table, key=lambda value: (-len(value), value))
    parts = (re.escape(v) if len(v) >= _UNMISTAKABLE else rf"(?<![0-9A-Za-z]){re.escape(v)}(?![0-9A-Za-z])" for v in longest)
    return re.compile("|".join(parts) or r"(?!)")


def _map(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): _map(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_map(inner, change) for inner in value]
    return value
