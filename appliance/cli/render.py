# SPDX-License-Identifier: Apache-2.0
"""Documents as text for people: 80 columns, no colour, so that a serial line shows them as they are meant."""

import textwrap
from collections.abc import Iterator, Sequence

from appliance.engine.apply import Emit
from appliance.engine.journal import Journal
from appliance.host import errand
from appliance.model.events import Event, Failed, Finished, Output, Started
from appliance.model.inventory import Inventory
from appliance.model.machine import Machine
from appliance.model.network import Nic
from appliance.model.plan import Plan
from appliance.model.status import Status
from appliance.model.storage import Disk
from appliance.model.units import format_size, format_speed

WIDTH = 79
"""Columns. In the 80th some terminals wrap already."""
_NAME = 10
_SECTOR = 512


def plan_text(plan: Plan) -> str:
    """Each step with its reason; then what is lost; then what is left out. Numbered by position, which is the order."""
    lines: list[str] = []
    for number, step in enumerate(plan.steps, 1):
        lines += [*paragraph(f"{number:3}. ", str(step)), *paragraph("     because: ", step.why)]
    if not plan.steps:
        lines.append("Nothing to do: this machine is as the spec says.")
    if plan.destroys:
        lines += ["", "This destroys:"]
        lines += [line for what in plan.destroys for line in paragraph("  - ", what)]
    if plan.pending:
        lines += ["", "Not covered:"]
        lines += [line for p in plan.pending for line in paragraph("  - ", str(p))]
    return "\n".join(lines)


def paragraph(head: str, text: str) -> list[str]:
    """Text of several lines, with the margin that its head leaves."""
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)


def emitter(journal: Journal, *, as_json: bool) -> Emit:
    """Writes events into a journal and on standard output; what a console has started tells the system's journal, too."""

    def emit(event: Event) -> None:
        journal.event(event)
        errand.event(event)
        if as_json:
            print(event.model_dump_json(), flush=True)
        elif line := event_text(event):
            print(line, flush=True)

    return emit


def event_text(event: Event) -> str:
    """One line for an event that is worth one, "" for the others."""
    match event:
        case Started():
            return f"[{event.index}/{event.total}] {event.title}"
        case Finished(skipped=True):
            return "      was so already"
        case Output():
            return f"      {event.line}"
        case Failed():
            return f"failed: {event.message}" + (f"; {event.hint}" if event.hint else "")
    return ""


_WORDS = {
    "live": "live system, nothing is installed from here yet",
    "ready": "ready, all is as the spec says",
    "differs": "running, and not all is as the spec says",
    "failed": "the spec cannot be carried out",
}


def status_text(status: Status) -> str:
    """What a person wants to know first, first."""
    hours, minutes = divmod(round(status.uptime / 60), 60)
    rows = [
        ("node", f"{status.name}: {_WORDS[status.state]}"),
        ("version", status.version + (f", slot {status.slot.upper()}" if status.slot else "")),
        ("up", f"{hours} h {minutes:02} min"),
        ("addresses", ", ".join(a.address for a in status.addresses) or "none"),
    ]
    if status.reverts_in is not None:
        rows.append(("on trial", f"taken back in {status.reverts_in} s; `trivet net confirm` keeps it"))
    if status.boot:
        rows.append(("applied", f"{len(status.boot.applied)} steps at boot in {status.boot.seconds:.1f} s"))
        rows += [("failed", status.boot.failed)] if status.boot.failed else []
        rows += [("refused", line) for line in status.boot.refused]
        rows += [("log", status.boot.log)] if status.boot.log else []
    rows += [("alert", str(alert)) for alert in status.alerts]
    rows += [("VMs", f"{each.name}: {each.message}{f'; {each.hint}' if each.hint else ''}") for each in status.hypervisor]
    rows += [("differs", line) for line in status.drift]
    rows += [("not yet", str(p)) for p in status.pending]
    rows += [("problem", str(p)) for p in status.problems]
    return "\n".join(line for name, text in rows for line in _row(name, text))


_STARTED = {"live": "the live system", "network": "the network", "slot": "an installed node", "other": "another system"}


def inventory_text(inventory: Inventory) -> str:
    """What hardware is in this box: the machine, its disks, its ports."""
    return "\n\n".join(
        "\n".join(lines)
        for lines in (_machine_lines(inventory.machine), _disk_lines(inventory.disks), _nic_lines(inventory.nics))
    )


def _machine_lines(machine: Machine) -> Iterator[str]:
    dmi, firmware, cpu = machine.dmi, machine.firmware, machine.cpu
    name = " ".join(word for word in (dmi.manufacturer, dmi.product) if word) or "unknown"
    maker = " ".join(word for word in (firmware.vendor, firmware.version, firmware.date) if word)
    secure = f", Secure Boot {'on' if firmware.secure_boot else 'off'}" if firmware.mode == "uefi" else ""
    kvm = f"{cpu.virtualisation or 'no VT-x or AMD-V'}, {'KVM' if machine.kvm else 'no KVM'}"
    yield from _row("machine", _list(name, _if("serial ", dmi.serial), _if("board ", dmi.board), dmi.chassis))
    yield from _row("firmware", _list(firmware.mode.upper() + secure, maker))
    yield from _row("cpu", f"{cpu.sockets} x {cpu.model or 'unknown'}")
    yield from _row("", _list(_count(cpu.cores, "core"), _count(cpu.threads, "thread"), kvm))
    yield from _row("memory", format_size(machine.memory))
    for node in machine.numa:
        pages = [f"{number} pages of {size}" for size, number in node.hugepages.items() if number]
        size = f"{format_size(node.memory)}, {format_size(node.free)} free"
        yield from _row(f"NUMA {node.id}", _list(f"CPUs {node.cpus or 'none'}", size, *pages))
    yield from _row("IOMMU", f"on, {machine.iommu.groups} groups" if machine.iommu.available else "off or absent")
    yield from _row("TPM", machine.tpm.version if machine.tpm else "none")
    yield from _row("BMC", machine.bmc.interface if machine.bmc else "none")
    for device in machine.usb:
        what = " ".join(word for word in (device.manufacturer, device.product) if word)
        yield from _row("USB", _list(f"{device.id} {what}".strip(), _if("serial ", device.serial)))
    yield from _row(
        "started", _list(f"{_STARTED[machine.boot.kind]}", _if("slot ", machine.boot.slot.upper()), machine.boot.disk)
    )
    yield from _row("kernel", machine.kernel)


def _disk_lines(disks: Sequence[Disk]) -> Iterator[str]:
    yield _count(len(disks), "disk") + (f", {format_size(sum(d.size for d in disks))} in all" if disks else "")
    for number, disk in enumerate(disks, 1):
        kind = "HDD" if disk.rotational else "SSD"
        sector = f"{disk.sector}-byte sectors" if disk.sector != _SECTOR else ""
        place = _list(disk.path or disk.pci, _if("slot ", disk.slot), f"NUMA {disk.numa_node}" if disk.numa_node >= 0 else "")
        yield f"{number:3}  {format_size(disk.size):>8}  {kind}  {disk.transport:6}  {disk.model or 'no model'}"
        yield from _row("serial", disk.serial or "none")
        yield from _row("WWN", disk.wwn) if disk.wwn else ()
        yield from _row("place", _list(place, sector)) if place or sector else ()
        yield from _row("id", disk.id)
        yield from _row("BIOS RAID", f"{disk.raid}: {', '.join(disk.raid.members)}") if disk.raid else ()
        yield from _row("paths", ", ".join(disk.paths)) if disk.paths else ()
        yield from _row("holds", disk.holds or "nothing")
        yield from _row("not usable", ", ".join(disk.unusable)) if disk.unusable else ()


def _nic_lines(nics: Sequence[Nic]) -> Iterator[str]:
    """Virtual functions are counted with their port and not listed."""
    ports = [nic for nic in nics if not nic.vf_of]
    yield _count(len(ports), "network port")
    for number, nic in enumerate(ports, 1):
        link = f"link up{_if(', ', format_speed(nic.speed) if nic.speed else '')}" if nic.link else "no link"
        yield f"{number:3}  {nic.mac}  {nic.pci or 'no PCI':12}  {nic.driver or 'no driver':10}  {link}"
        node = f"NUMA {nic.numa_node}" if nic.numa_node >= 0 else ""
        yield from _row("model", _list(nic.model or "unknown", _if("firmware ", nic.firmware), node))
        if nic.sriov:
            yield from _row("SR-IOV", f"{len(nic.sriov.vfs)} of {nic.sriov.total} virtual functions made")
        yield from _row("part of", nic.master) if nic.master else ()
        yield from _row("cable to", ", ".join(n.label for n in nic.neighbours)) if nic.neighbours else ()
        yield from _row("addresses", ", ".join(nic.addresses)) if nic.addresses else ()
        yield from _row("not usable", ", ".join(nic.unusable)) if nic.unusable else ()


def _row(name: str, text: str) -> list[str]:
    """A name and its text, wrapped to the width with the text's own margin."""
    margin = " " * (_NAME + 2)
    return textwrap.wrap(text, WIDTH, initial_indent=f"{name:>{_NAME}}  ", subsequent_indent=margin, break_on_hyphens=False)


def _list(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _if(before: str, word: str) -> str:
    return before + word if word else ""


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
