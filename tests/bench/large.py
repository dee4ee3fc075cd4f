# SPDX-License-Identifier: Apache-2.0
"""For `make bench` alone: a recorded machine with more of its own SCSI disks and igb ports, and more virtual functions.

QEMU's igb makes 7 virtual functions and a q35 board has room for some 20 cards; a large server has 32 ports of 16. So a
port of the record is copied, under other PCI addresses, names and MAC addresses, and a disk under other SCSI addresses,
serials and WWNs. Nothing is tested against it.
"""

from __future__ import annotations

import json
import re
from typing import Any

PORT = re.compile(r"^/devices/pci0000:00/0000:00:[0-9a-f]{2}\.0/0000:([0-9a-f]{2}):00\.0/net/(\w+)$")


def large(record: dict[str, Any], disks: int = 100, ports: int = 32, functions: int = 16) -> dict[str, Any]:
    """The same machine with so many disks and igb ports in place of those that it has, and functions on each port."""
    found = [d for d in record["udev"]["net"] if d.get("ID_NET_DRIVER") == "igb"]
    template = PORT.match(found[0]["DEVPATH"])
    assert template, "the record has no igb port that could be copied"
    bus, name = template[1], template[2]
    buses = {PORT.match(d["DEVPATH"])[1] for d in found}  # type: ignore[index]
    kept = _without(record, buses)
    for number in range(ports):
        new = f"{0x40 + number:02x}"
        for section, part in _port(record, bus, name, functions).items():
            text = json.dumps(part).replace(f"0000:{bus}:", f"0000:{new}:").replace(f'"{name}', f'"enp{number}s')
            text = text.replace(f"/net/{name}", f"/net/enp{number}s").replace("02:00:5e:00:00:", f"02:00:5e:00:{new}:")
            _add(kept, section, json.loads(text))
    _copy_disks(kept, disks)
    what = f"{disks} SCSI disks, {ports} igb ports with {functions} virtual functions each"
    kept["origin"] = f"{record['origin']} Multiplied for a bench: {what}."
    return kept


def _copy_disks(record: dict[str, Any], disks: int) -> None:
    """Its first SCSI disk, again and again, at targets 100 and up."""
    disk = next(d for d in record["udev"]["block"] if "ID_SCSI_SERIAL" in d)
    name, serial, wwn = disk["DEVPATH"].rpartition("/")[2], disk["ID_SCSI_SERIAL"], disk["ID_SERIAL_SHORT"]
    files = {k: v for k, v in record["files"].items() if k.startswith(f"/sys{disk['DEVPATH']}/")}
    for number in range(100, 100 + disks):
        text = json.dumps([disk, files]).replace(":0:0:0", f":0:{number}:0").replace("target0:0:0/", f"target0:0:{number}/")
        text = text.replace(f"/{name}", f"/{name}{number}").replace(serial, f"{serial}{number}")
        device, copies = json.loads(text.replace(wwn, f"{wwn[:-4]}{number:04x}"))
        record["udev"]["block"].append(device)
        record["files"] |= copies


def _of_bus(text: str, bus: str) -> bool:
    return f"/0000:{bus}:" in text


def _without(record: dict[str, Any], buses: set[str]) -> dict[str, Any]:
    """The record without everything of these buses."""
    gone = {d["INTERFACE"] for d in record["udev"]["net"] if any(_of_bus(d["DEVPATH"], b) for b in buses)}
    kept: dict[str, Any] = json.loads(json.dumps(record))
    for section in ("files", "links", "folders"):
        kept[section] = {k: v for k, v in record[section].items() if not any(_of_bus(k, b) for b in buses)}
    kept["udev"]["net"] = [d for d in record["udev"]["net"] if d["INTERFACE"] not in gone]
    kept["netlink"] = {
        "links": [link for link in record["netlink"]["links"] if link["name"] not in gone],
        "addresses": [a for a in record["netlink"]["addresses"] if a["link"] not in gone],
    }
    return kept


def _port(record: dict[str, Any], bus: str, name: str, functions: int) -> dict[str, Any]:
    """One port with that many functions. Function n sits at device 10 + n / 4, function n % 4 * 2, as igb places them."""
    physical = next(d for d in record["udev"]["net"] if d["INTERFACE"] == name)
    virtual = next(d for d in record["udev"]["net"] if d["INTERFACE"] == f"{name}v0")
    link = next(each for each in record["netlink"]["links"] if each["name"] == name)
    vf_link = next(each for each in record["netlink"]["links"] if each["name"] == f"{name}v0")
    part: dict[str, Any] = {
        "files": {k: v for k, v in record["files"].items() if _of_bus(k, bus) and f"/0000:{bus}:00.0/" in k},
        "links": {},
        "net": [physical],
        "netlink": [{**link, "mac": "02:00:5e:00:00:ff", "permanent_mac": "02:00:5e:00:00:ff", "vfs": []}],
    }
    home = physical["DEVPATH"].partition("/net/")[0]
    part["files"][f"/sys{home}/sriov_numvfs"] = part["files"][f"/sys{home}/sriov_totalvfs"] = str(functions)
    for index in range(functions):
        place = f"0000:{bus}:{0x10 + index // 4:02x}.{index % 4 * 2}"
        path = f"{home.rpartition('/')[0]}/{place}"
        mac = f"02:00:5e:00:00:{index:02x}"
        part["links"] |= {
            f"/sys{home}/virtfn{index}": f"../{place}",
            f"/sys{path}/physfn": f"../0000:{bus}:00.0",
            f"/sys/bus/pci/devices/{place}/driver": "../../../bus/pci/drivers/igbvf",
        }
        names = {"INTERFACE": f"{name}v{index}", "DEVPATH": f"{path}/net/{name}v{index}"}
        part["net"].append(virtual | names)
        part["netlink"].append({**vf_link, "name": f"{name}v{index}", "mac": mac, "permanent_mac": mac})
        part["netlink"][0]["vfs"].append({**link["vfs"][0], "index": index, "mac": mac})
    return part


def _add(record: dict[str, Any], section: str, part: Any) -> None:
    if section == "net":
        record["udev"]["net"] += part
    elif section == "netlink":
        record["netlink"]["links"] += part
    else:
        record[section] |= part
