# SPDX-License-Identifier: Apache-2.0
"""`trivet network`: the networks that VMs are on; and `trivet numa`: where VMs are on this server."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from appliance.cli.source import read_spec
from appliance.cli.vmhost import said, this_host
from appliance.model.units import format_size

_BEGIN = "begin with `version: 1`, `name:`, and one of vlan, untagged and subnet"


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet network`; `command(name, run, help)` adds one."""
    command("list", listing, "the networks")
    sub = command("show", _show, "one network: its rules, and who has which address")
    sub.add_argument("name", metavar="NAME")
    for name, run, help_ in (
        ("create", _create, "make a network from its document"),
        ("edit", _edit, "give a network other rules, at once"),
    ):
        sub = command(name, run, help_)
        sub.add_argument("document", metavar="FILE", help="a YAML file, or -")
    sub = command("delete", _delete, "remove a network that no VM has a port on")
    sub.add_argument("name", metavar="NAME")


def listing(args: argparse.Namespace) -> int:
    """`trivet network` and `trivet network list`."""
    from appliance.services.vm import records  # noqa: PLC0415 - as in vmhost

    found = records.networks(this_host())
    lines = [f"{'NAME':<24} {'KIND':<24} PORTS"] if found else ["There are no networks. Make one: trivet network create FILE"]
    lines += [f"{each.network.name:<24} {_kind(each.network):<24} {len(each.addresses) or ''}".rstrip() for each in found]
    return said(args, "\n".join(lines), networks=[json.loads(each.model_dump_json()) for each in found])


def _kind(network: Any) -> str:
    return f"overlay {network.subnet}" if network.subnet else f"VLAN {network.vlan}" if network.vlan else "untagged"


def _show(args: argparse.Namespace) -> int:
    from appliance.services.vm import northbound, records  # noqa: PLC0415 - as in vmhost

    here = this_host()
    record, _ = records.network(here, args.name)
    network = record.network
    owners = {nic.mac: kept.record.vm.name for kept in records.everything(here) for nic in kept.record.vm.nics}
    here_on = {nic.mac for kept in records.everything(here) for nic in kept.record.vm.nics if nic.network == network.name}
    counts = {mac: count for mac, count in northbound.counts(here).items() if mac in here_on}
    lines = [f"{'network':>10}  {network.name}, {_kind(network)}"]
    if network.subnet:
        lines.append(f"{'gateway':>10}  {network.router}, which answers DHCP and DNS")
        lines.append(f"{'default':>10}  {network.default} what comes in and no rule speaks of")
    for rule in network.rules:
        who = f"{rule.direction} {rule.group or 'everybody'}"
        peer = (
            f" {'from' if rule.direction == 'in' else 'to'} {rule.peer or rule.peer_group}"
            if rule.peer or rule.peer_group
            else ""
        )
        ports = f" {', '.join(str(port) for port in rule.ports)}" if rule.ports else ""
        lines.append(f"{'rule':>10}  {rule.action} {who}{peer}: {rule.protocol}{ports}")
    for mac, address in sorted(record.addresses.items(), key=lambda pair: tuple(int(part) for part in pair[1].split("."))):
        lines.append(f"{'port':>10}  {address}  {mac}  {owners.get(mac, 'in the recycle bin')}")
    for wish in network.mirrors:
        end = wish.to_vm or f"{wish.to} ({wish.kind}, key {wish.key})"
        lines.append(f"{'mirror':>10}  {wish.name}: {wish.direction} of {wish.vm} to {end}")
    lines += [f"{'counted':>10}  {owners[mac]}  {mac}  {_counted(count)}" for mac, count in sorted(counts.items())]
    counted = {mac: json.loads(count.model_dump_json()) for mac, count in counts.items()}
    return said(args, "\n".join(lines), **json.loads(record.model_dump_json()), counts=counted)


def _counted(count: Any) -> str:
    taken = f"in {format_size(count.taken)} of {count.taken_packets} packets"
    sides = [taken, f"out {format_size(count.sent)} of {count.sent_packets}"]
    return ", ".join([*sides, *([f"{count.dropped} dropped"] if count.dropped else [])])


def _document(source: str) -> Any:
    from appliance.model.document import load  # noqa: PLC0415 - as in vmhost
    from appliance.model.vnet import VirtualNetwork  # noqa: PLC0415 - as in vmhost

    return load(read_spec(source), VirtualNetwork, _BEGIN)


def _create(args: argparse.Namespace) -> int:
    from appliance.services.vm import networks  # noqa: PLC0415 - as in vmhost

    document = _document(args.document)
    networks.create(this_host(), document)
    return said(args, f"{document.name} is made.", name=document.name)


def _edit(args: argparse.Namespace) -> int:
    from appliance.services.vm import networks  # noqa: PLC0415 - as in vmhost

    document = _document(args.document)
    networks.edit(this_host(), document)
    return said(args, f"{document.name} is changed.", name=document.name)


def _delete(args: argparse.Namespace) -> int:
    from appliance.services.vm import networks  # noqa: PLC0415 - as in vmhost

    networks.delete(this_host(), args.name)
    return said(args, f"{args.name} is gone.", name=args.name)


def numa(args: argparse.Namespace) -> int:
    """`trivet numa`: each node with what is free, and the VMs on it with the reason."""
    from appliance.services.vm import life  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm.place import listed, use  # noqa: PLC0415 - as in vmhost

    here = this_host()
    placed = life.placed(here)
    found = use(here.cells, placed)
    lines = [] if found else ["The kernel knows nothing of NUMA here."]
    for each in found:
        cell = each.cell
        pages = "".join(f", {each.pages[size]} of {count} pages of {size} free" for size, count in cell.pages.items())
        lines.append(f"node {cell.id}: {format_size(each.free)} of {format_size(cell.memory)} free{pages}")
        pinned = f", {each.pinned} of them a VM's own" if each.pinned else ""
        lines.append(f"  CPUs {listed(cell.cpus) or 'none'}{pinned}; VMs ask for {each.cpus + each.pinned}")
        lines += [f"  {name}: {placed[name].reason}" for name in each.vms]
    return said(args, "\n".join(lines), nodes=[json.loads(each.model_dump_json()) for each in found])
