# SPDX-License-Identifier: Apache-2.0
"""What hardware is in this box, before anything is asked of it; and what is missing in it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll

from appliance import flow
from appliance.model.inventory import Inventory
from appliance.model.machine import Machine
from appliance.model.units import format_size
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import _, ngettext, said
from appliance.tui.screens import facts
from appliance.tui.screens.base import Page, advice, paragraph, sentence
from appliance.tui.widgets.choices import Choice
from appliance.tui.widgets.frame import Action, button

_WIDTH = 74
"""Cells for text beneath a disk or port, so that it fits the smallest screen."""


class MachinePage(Page):
    """A page to read: the arrow keys scroll it."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("medium",)

    def heading(self) -> str:
        return _("This machine")

    def help(self) -> Sequence[str]:
        return (
            _("This is what was found in this server: look whether all its disks and network ports are here."),
            _("Beside each disk stands what it holds, or why no system can be installed on it. A disk that is missing here "
              "has no driver, no power, or is hidden by a RAID controller."),
            _("Lines that begin with ! name what keeps this machine from being a node; those with * what would be better."),
            _("`trivet inspect` in a shell shows all of it, and with --json as a document."),
        )  # fmt: skip

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(button("next"), id="next", disabled=self.console.inventory is None))

    def body(self) -> ComposeResult:
        inventory = self.console.inventory
        if inventory is None:
            text = _("Nothing can be installed here: {reason}").format(reason=said(self.console.trouble))
            yield paragraph(text if self.console.trouble else _("Looking at this machine ..."))
            return
        with VerticalScroll(id="report", can_focus=True):
            yield from _remarks(inventory)
            for problem in self.console.verdict.wrong.get("medium", ()) if self.console.verdict else ():
                yield paragraph(f"! {sentence(problem)}", "wrong")
            for name, text in table.rows(list(machine(inventory.machine))):
                with Horizontal(classes="fact"):
                    yield paragraph(name, "fact-name")
                    yield paragraph(text, "fact-text")
            yield from disks(inventory)
            yield from ports(inventory)

    def stuck(self) -> drafts.Field | None:
        """Looking on is free: the plan says again what cannot be done."""
        return None


def _remarks(inventory: Inventory) -> ComposeResult:
    remarks = flow.precheck(inventory)
    for remark in remarks:
        sign = "!" if remark.weight == "below" else "*"
        yield paragraph(f"{sign} {advice(remark.message, remark.hint)}", "wrong" if remark.weight == "below" else "")
    if not remarks:
        yield paragraph(_("Nothing is missing."))


def machine(machine: Machine) -> Iterator[tuple[str, str]]:
    """The server itself: a name and what there is to say, row by row."""
    dmi, firmware, cpu = machine.dmi, machine.firmware, machine.cpu
    name = " ".join(word for word in (dmi.manufacturer, dmi.product) if word) or _("unknown")
    yield _("machine"), _list(name, _("serial {serial}").format(serial=dmi.serial) if dmi.serial else "")
    secure = _("Secure Boot on") if firmware.secure_boot else _("Secure Boot off")
    maker = " ".join(word for word in (firmware.vendor, firmware.version, firmware.date) if word)
    yield _("firmware"), _list("UEFI" if firmware.mode == "uefi" else "BIOS", secure if firmware.mode == "uefi" else "", maker)
    cores = ngettext("{number} core", "{number} cores", cpu.cores).format(number=cpu.cores)
    threads = ngettext("{number} thread", "{number} threads", cpu.threads).format(number=cpu.threads)
    model = cpu.model or _("unknown")
    yield _("processor"), _list(f"{cpu.sockets} x {model}", cores, threads)
    yield _("virtual machines"), _list(cpu.virtualisation or _("no VT-x or AMD-V"), "KVM" if machine.kvm else _("no KVM"))
    nodes = ngettext("{number} NUMA node", "{number} NUMA nodes", len(machine.numa)).format(number=len(machine.numa))
    yield _("memory"), _list(format_size(machine.memory), nodes)
    groups = _("on, {number} groups").format(number=machine.iommu.groups)
    yield "IOMMU", groups if machine.iommu.available else _("off or absent")
    yield "TPM", machine.tpm.version if machine.tpm else _("none")
    yield "BMC", machine.bmc.interface if machine.bmc else _("none")


def disks(inventory: Inventory) -> ComposeResult:
    """The disks, and why one cannot be used."""
    found = flow.system_disks(inventory)
    total = format_size(sum(disk.size for disk in found))
    count = ngettext("{number} disk", "{number} disks", len(found)).format(number=len(found))
    yield paragraph(_list(count, total) if found else _("No disk at all"), "subhead")
    if found:  # in one widget: one for each of a hundred disks would take 0.1 s and more to lay out
        yield paragraph("\n".join(_item(facts.disk(disk), 10) for disk in found), "item")


def ports(inventory: Inventory) -> ComposeResult:
    """The network ports."""
    found = drafts.ports(inventory)
    count = ngettext("{number} network port", "{number} network ports", len(found)).format(number=len(found))
    yield paragraph(count if found else _("No network port at all"), "subhead")
    items = []
    for nic in found:
        functions = (_("SR-IOV: up to {number} virtual functions").format(number=nic.sriov.total),) if nic.sriov else ()
        items.append(_item(facts.port(nic), 4, *functions))
    if items:
        yield paragraph("\n".join(items), "item")


def _item(choice: Choice, margin: int, *more: str) -> str:
    """A thing and what is said of it, which begins where the columns do."""
    below = (table.paragraph(line, _WIDTH, " " * margin) for line in (*choice.below, *more))
    return "\n".join((choice.label, *below))


def _list(*words: str) -> str:
    return _(", ").join(word for word in words if word)
