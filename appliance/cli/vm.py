# SPDX-License-Identifier: Apache-2.0
"""`trivet vm`: virtual machines of this node, from their documents to their consoles."""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.cli.source import read_spec
from appliance.cli.vmhost import said, this_host
from appliance.errors import ApplianceError
from appliance.model.units import parse_size

_BEGIN = "begin with `version: 1`, `name:` and `memory:`"
_SERIAL = "/var/log/libvirt/qemu/{}-serial.log"


def add(command: Callable[..., Any]) -> None:  # noqa: PLR0915 - a line for each thing that can be done
    """The commands of `trivet vm`; `command(name, run, help)` adds one."""

    def named(name: str, run: object, help_: str) -> Any:
        sub = command(name, run, help_)
        sub.add_argument("name", metavar="NAME")
        return sub

    sub = command("list", listing, "the VMs, and what they do")
    sub.add_argument("--deleted", action="store_true", help="those in the recycle bin")
    sub = named("show", _show, "one VM: what it does, has, and waits for")
    sub.add_argument("--document", action="store_true", help="its document alone, as `trivet vm edit` takes it")
    sub = command("create", _create, "make a VM from its document")
    sub.add_argument("document", metavar="FILE", help="a YAML file, or -")
    sub.add_argument("--start", action="store_true", help="and run it")
    sub = command("edit", _edit, "make a VM what its document says: at once, or with its next start")
    sub.add_argument("document", metavar="FILE", help="a YAML file, or - ; begin with that of `trivet vm show --document`")
    named("start", _start, "run it")
    sub = named("stop", _stop, "ask it to switch itself off, and wait")
    sub.add_argument("--force", action="store_true", help="pull its plug")
    sub.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="so long for it to do so (default: 60)")
    for word, help_ in (
        ("reset", "start it anew, as with a reset button"),
        ("suspend", "have it stand still"),
        ("resume", "let a suspended one go on"),
    ):
        named(word, _signal, help_).set_defaults(word=word)
    sub = named("console", _console, "its serial line in this terminal; leave with Ctrl+]")
    sub.add_argument("--log", action="store_true", help="print what it has said there instead")
    sub.add_argument("--vnc", action="store_true", help="its screen: an address and a token for one VNC viewer, within 60 s")
    sub.add_argument("--local", action="store_true", help="with --vnc: only from this node, as through an SSH tunnel")
    sub = named("attach", _attach, "give it a disk or a port, also while it runs")
    sub.add_argument("--disk", metavar="DISK", help="by what name; with --size")
    sub.add_argument("--size", metavar="SIZE", help="such as 10GiB")
    sub.add_argument("--network", metavar="NETWORK", help="a port on this network")
    sub.add_argument("--mac", metavar="MAC", help="of the port (default: one is made up)")
    sub = named("detach", _detach, "take a disk, with all that is on it, or a port from it, also while it runs")
    sub.add_argument("--disk", metavar="DISK", default="")
    sub.add_argument("--mac", metavar="MAC", default="", help="the port with this address")
    sub.add_argument("--yes", action="store_true", help="consent to losing what is on the disk")
    sub = named("resize", _resize, "make a disk larger, also while it runs")
    sub.add_argument("disk", metavar="DISK")
    sub.add_argument("size", metavar="SIZE", help="such as 20GiB")
    sub = named("snapshot", _snapshot, "hold all its disks as they are, also while it runs")
    sub.add_argument("snapshot", metavar="SNAPSHOT")
    sub.add_argument("--delete", action="store_true", help="delete this snapshot instead")
    sub = named("revert", _revert, "go back to a snapshot; what was written since is lost")
    sub.add_argument("snapshot", metavar="SNAPSHOT")
    sub.add_argument("--yes", action="store_true", help="consent to losing it")
    sub = named("clone", _clone, "another VM with the same disks")
    sub.add_argument("new", metavar="NEW")
    sub.add_argument(
        "--linked", action="store_true", help="go on from a template's or a snapshot's disks, in no time and no space"
    )
    sub.add_argument("--snapshot", default="", metavar="SNAPSHOT", help="as it was then")
    sub = named("template", _template, "make it one to be cloned and never started")
    sub.add_argument("--back", action="store_true", help="make it a VM again")
    named("flatten", _flatten, "have a linked clone hold itself what it rests on")
    named("delete", _delete, "into the recycle bin, for 30 days")
    named("restore", _restore, "out of the recycle bin")
    sub = named("purge", _purge, "out of the recycle bin for good")
    sub.add_argument("--yes", action="store_true", help="consent to losing its disks")
    sub = named("export", _export, "its disks as files in a folder, with its document")
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("--format", choices=("qcow2", "raw", "vmdk"), default="qcow2")
    sub = named("import", _import, "a VM from disks of another hypervisor: qcow2, raw, vmdk, or an OVA")
    sub.add_argument("files", nargs="+", metavar="FILE")
    sub.add_argument("--memory", default="", metavar="SIZE", help="such as 2GiB (default: what an OVA says, or 1GiB)")
    sub.add_argument("--cpus", type=int, default=0, metavar="NUMBER", help="(default: what an OVA says, or 1)")
    sub.add_argument("--firmware", choices=("bios", "uefi"), default="", help="(default: what an OVA says, or bios)")
    sub.add_argument(
        "--bus", choices=("virtio", "scsi", "sata"), default="", help="(default: sata for vmdk, which needs no driver, or virtio)"
    )
    sub = command("adopt", _adopt, "a VM from the operating system on a disk of this server, which stays as it is")
    sub.add_argument("disk", metavar="DISK", help="by its slot, serial number or id, as `trivet disk` shows it")
    sub.add_argument("--name", required=True, metavar="NAME")
    sub.add_argument("--memory", default="1GiB", metavar="SIZE", help="such as 8GiB (default: 1GiB)")
    sub.add_argument("--cpus", type=int, default=1, metavar="NUMBER")
    sub.add_argument("--firmware", choices=("bios", "uefi"), default="", help="(default: what the disk is made for)")
    sub.add_argument("--bus", choices=("sata", "virtio", "scsi"), default="sata", help="sata needs no driver (default)")
    sub.add_argument("--network", default="", metavar="NETWORK", help="a port on this network, with --mac")
    sub.add_argument("--mac", default="", metavar="MAC", help="that of the port that its system knows, or new")
    sub = named("move-disk", _move, "move a disk of a VM into the pool, also while it runs")
    sub.add_argument("disk", metavar="DISK")
    command("devices", _devices, "the USB and PCI devices of this server that a VM could have, and who has them")
    command("autostart", _autostart, "start what ran before the node was started; trivetd does this")


def add_images(command: Callable[..., Any]) -> None:
    """The commands of `trivet image`."""
    command("list", images, "the images, media and kernels of the library")
    sub = command("add", _image_add, "put a file into the library")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("--name", default="", help="call it this (default: as the file is called)")
    sub = command("remove", _image_remove, "take a file out of the library")
    sub.add_argument("name", metavar="NAME")


def _consent(args: argparse.Namespace, lost: str) -> None:
    if not args.yes:
        raise ApplianceError(f"this destroys {lost}; nothing was changed", "say --yes to consent")


def listing(args: argparse.Namespace) -> int:
    """`trivet vm` and `trivet vm list`."""
    from appliance.cli.vmtext import list_text  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    binned = getattr(args, "deleted", False)
    found = life.views(this_host(), binned=binned)
    return said(args, list_text(found, binned=binned), vms=[json.loads(each.model_dump_json()) for each in found])


def _show(args: argparse.Namespace) -> int:
    from appliance.cli.vmtext import document_text, show_text  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import life, records  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm.observe import states  # noqa: PLC0415 - as in vmhost

    here = this_host()
    found = life.view(here, records.look(here, args.name), states(here.host))
    if args.document and not args.json:
        print(document_text(found.vm), end="")
    else:
        print(found.model_dump_json(indent=2) if args.json else show_text(found))
    return 0


def _document(source: str) -> Any:
    from appliance.model.document import load  # noqa: PLC0415 - as in vmhost
    from appliance.model.vm import Vm  # noqa: PLC0415 - as in vmhost

    return load(read_spec(source), Vm, _BEGIN)


def _create(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    document = _document(args.document)
    here = this_host()
    record = life.create(here, document)
    if args.start:
        life.start(here, record.vm.name)
    name = record.vm.name
    return said(
        args, f"{name} runs." if args.start else f"{name} is made. Run it: trivet vm start {name}", name=name, uuid=record.uuid
    )


def _edit(args: argparse.Namespace) -> int:
    from appliance.services.vm import hardware  # noqa: PLC0415 - as in vmhost

    return _changed(args, hardware.edit(this_host(), _document(args.document)))


def _changed(args: argparse.Namespace, pending: tuple[str, ...]) -> int:
    text = "\n".join(("Changed. Until the next start:", *(f"  - {line}" for line in pending))) if pending else "Changed."
    return said(args, text, pending=list(pending))


def _start(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    if node := _far(args.name, "start"):
        return said(args, f"{args.name} runs on {node}.", name=args.name, state="running", node=node)
    record = life.start(this_host(), args.name)
    where = record.placement.reason if record.placement else ""
    return said(args, f"{args.name} runs. NUMA: {where}.", name=args.name, state="running", placement=where)


def _stop(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    if node := _far(args.name, "cut" if args.force else "stop"):
        return said(args, f"{args.name} is stopped on {node}.", name=args.name, state="stopped", node=node)
    life.stop(this_host(), args.name, force=args.force, seconds=args.wait)
    return said(args, f"{args.name} is stopped.", name=args.name, state="stopped")


def _signal(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    words = {"reset": "starts anew", "suspend": "stands still", "resume": "goes on"}
    if node := _far(args.name, args.word):
        return said(args, f"{args.name} {words[args.word]} on {node}.", name=args.name, node=node)
    life.signal(this_host(), args.name, args.word)
    return said(args, f"{args.name} {words[args.word]}.", name=args.name)


def _far(name: str, word: str) -> str:
    """Have it done where the VM is, and say where that is; "" when it is here, for who does it here."""
    from appliance.host.live import live  # noqa: PLC0415 - as in vmhost
    from appliance.node import others  # noqa: PLC0415 - as in vmhost

    return others.act_far(live(), word, name)


def _console(args: argparse.Namespace) -> int:
    from appliance.host.child import foreground  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import life, records  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm.observe import state  # noqa: PLC0415 - as in vmhost

    here = this_host()
    records.load(here, args.name)
    if args.log:
        print(here.host.files.read(_SERIAL.format(args.name)) or "")
        return 0
    if state(here.host, args.name) == "stopped":
        raise ApplianceError(f"the VM {args.name} does not run", f"start it with `trivet vm start {args.name}`, or see --log")
    if args.vnc:
        return _screen(args, here.host)
    return foreground([*life.VIRSH, "console", args.name], {})


def _screen(args: argparse.Namespace, host: Any) -> int:
    from appliance.node import vnc  # noqa: PLC0415 - as in vmhost

    def ready(address: str, port: int, token: str) -> None:
        where = f"[{address}]" if ":" in address else address
        text = f"Within {vnc.SECONDS} s, once: {where}::{port}, password {token}. Leave this running; Ctrl+C ends it."
        said(args, text, address=address, port=port, token=token, seconds=vnc.SECONDS)
        sys.stdout.flush()

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # the way out that closes what was opened

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    if vnc.show(host, args.name, vnc.LOCAL if args.local else vnc.address(host), ready):
        return 0
    raise ApplianceError("nobody came with the token", f"ask for another: `trivet vm console {args.name} --vnc`")


def _attach(args: argparse.Namespace) -> int:
    from pydantic import ValidationError  # noqa: PLC0415 - as in vmhost

    from appliance.model.vm import DiskWish, NicWish  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import hardware  # noqa: PLC0415 - as in vmhost

    if bool(args.disk) == bool(args.network):
        raise ApplianceError("give either --disk and --size, or --network")
    try:
        disk = DiskWish.model_validate({"name": args.disk, "size": args.size}) if args.disk else None
        nic = NicWish.model_validate({"network": args.network, "mac": args.mac}) if args.network else None
    except ValidationError as error:
        raise ApplianceError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    return _changed(args, hardware.attach(this_host(), args.name, disk=disk, nic=nic))


def _detach(args: argparse.Namespace) -> int:
    from appliance.services.vm import hardware  # noqa: PLC0415 - as in vmhost

    if bool(args.disk) == bool(args.mac):
        raise ApplianceError("give either --disk or --mac")
    if args.disk:
        _consent(args, f"the disk {args.disk} of {args.name}")
    return _changed(args, hardware.detach(this_host(), args.name, disk=args.disk, mac=args.mac))


def _resize(args: argparse.Namespace) -> int:
    from appliance.services.vm import hardware  # noqa: PLC0415 - as in vmhost

    try:
        size = parse_size(args.size)
    except ValueError as error:
        raise ApplianceError(str(error)) from None
    return _changed(args, hardware.resize(this_host(), args.name, args.disk, size))


def _snapshot(args: argparse.Namespace) -> int:
    from appliance.services.vm import snapshots  # noqa: PLC0415 - as in vmhost

    if args.delete:
        snapshots.forget(this_host(), args.name, args.snapshot)
        return said(args, f"{args.snapshot} of {args.name} is deleted.", name=args.name, deleted=args.snapshot)
    made = snapshots.snapshot(this_host(), args.name, args.snapshot)
    how = "consistent" if made.consistent else "as after a loss of power: no agent in the guest answered"
    return said(args, f"{args.snapshot} holds the disks of {args.name}, {how}.", **json.loads(made.model_dump_json()))


def _revert(args: argparse.Namespace) -> int:
    from appliance.services.vm import snapshots  # noqa: PLC0415 - as in vmhost

    _consent(args, f"what {args.name} has written since {args.snapshot}")
    snapshots.revert(this_host(), args.name, args.snapshot)
    return said(args, f"{args.name} is as it was at {args.snapshot}.", name=args.name, snapshot=args.snapshot)


def _clone(args: argparse.Namespace) -> int:
    from appliance.services.vm import snapshots  # noqa: PLC0415 - as in vmhost

    record = snapshots.clone(this_host(), args.name, args.new, linked=args.linked, called=args.snapshot)
    return said(args, f"{args.new} is made. Run it: trivet vm start {args.new}", name=args.new, uuid=record.uuid)


def _flatten(args: argparse.Namespace) -> int:
    from appliance.services.vm import snapshots  # noqa: PLC0415 - as in vmhost

    snapshots.flatten(this_host(), args.name)
    return said(args, f"{args.name} rests on nothing but itself.", name=args.name)


def _template(args: argparse.Namespace) -> int:
    from appliance.services.vm import snapshots  # noqa: PLC0415 - as in vmhost

    snapshots.template(this_host(), args.name, back=args.back)
    what = "a VM again" if args.back else "a template"
    return said(args, f"{args.name} is {what}.", name=args.name, template=not args.back)


def _delete(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    life.delete(this_host(), args.name)
    return said(args, f"{args.name} is in the recycle bin. Back: trivet vm restore {args.name}", name=args.name, state="deleted")


def _restore(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    life.restore(this_host(), args.name)
    return said(args, f"{args.name} is back.", name=args.name, state="stopped")


def _purge(args: argparse.Namespace) -> int:
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    _consent(args, f"the disks of {args.name}")
    life.purge(this_host(), args.name)
    return said(args, f"{args.name} is gone.", name=args.name)


def _export(args: argparse.Namespace) -> int:
    from appliance.services.vm import exchange  # noqa: PLC0415 - as in vmhost

    files = exchange.export(this_host(), args.name, str(args.folder), args.format)
    return said(args, "\n".join(files), files=files)


def _import(args: argparse.Namespace) -> int:
    from appliance.services.vm import exchange  # noqa: PLC0415 - as in vmhost

    given = {"memory": args.memory, "cpus": args.cpus, "firmware": args.firmware, "bus": args.bus}
    record = exchange.take_in(this_host(), args.name, args.files, **given)
    return said(args, f"{args.name} is made. Run it: trivet vm start {args.name}", name=args.name, uuid=record.uuid)


def _adopt(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as in vmhost
    from appliance.node import vms  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import adopt  # noqa: PLC0415 - as in vmhost

    host = live()
    if args.network and not args.mac:
        ports = ", ".join(vms.ports(host)) or "none"
        hint = f"name it with --mac, or new; this server has {ports}"
        raise ApplianceError("its system may know its port by the address", hint)
    mac = "" if args.mac == "new" else args.mac
    wish = adopt.Wish(args.name, args.cpus, args.memory, args.firmware, args.bus, args.network, mac)
    record = adopt.adopt(this_host(), vms.disk(host, args.disk), wish)
    text = f"{args.name} is made, on the disk as it is ({record.vm.firmware}). Run it: trivet vm start {args.name}"
    return said(args, text, name=args.name, uuid=record.uuid, firmware=record.vm.firmware)


def _move(args: argparse.Namespace) -> int:
    from appliance.services.vm import adopt  # noqa: PLC0415 - as in vmhost

    adopt.move(this_host(), args.name, args.disk)
    return said(args, f"{args.disk} of {args.name} is in the pool.", name=args.name, disk=args.disk)


def _devices(args: argparse.Namespace) -> int:
    from appliance.node import vms  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import devices  # noqa: PLC0415 - as in vmhost

    here = this_host()
    rows = list(devices.words(here.host, vms.busy(here.host)))
    text = "\n".join(f"{how:<16}  {what}{f'; {who}' if who else ''}" for how, what, who in rows) or "There are none."
    return said(args, text, devices=[{"say": how, "device": what, "used": who} for how, what, who in rows])


def _autostart(args: argparse.Namespace) -> int:
    from appliance.node.ha import guarded  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost

    here = this_host()
    life.come_back(here, print, guarded=guarded(here.host, here.store))
    return 0


def images(args: argparse.Namespace) -> int:
    """`trivet image` and `trivet image list`."""
    from appliance.host.live import live  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm.images import LIBRARY  # noqa: PLC0415 - as in vmhost

    names = [name for name in live().files.list(LIBRARY) if not name.startswith(".")]
    return said(args, "\n".join(names) or "The library is empty.", images=names)


def _image_add(args: argparse.Namespace) -> int:
    from appliance.services.vm import exchange  # noqa: PLC0415 - as in vmhost

    name = exchange.add_image(this_host(), args.file, args.name or Path(args.file).name)
    return said(args, f"{name} is in the library.", name=name)


def _image_remove(args: argparse.Namespace) -> int:
    from appliance.services.vm import exchange  # noqa: PLC0415 - as in vmhost

    exchange.remove_image(this_host(), args.name)
    return said(args, f"{args.name} is out of the library.", name=args.name)
