# SPDX-License-Identifier: Apache-2.0
"""(network, the ports on it) -> words for ovn-nbctl that make OVN's northbound database say just that, in one transaction. Pure.

`ovn-nbctl` and not ovsdbapp: it is in the image, what it is told is one transaction and can be pasted, and a row that differs is
written anew whole, so there is no cache of the database to keep in step.

A network is a logical switch with a logical router, which has the gateway's address: without one that answers for it no guest
would find whom to ask for a name. It is the network's own, or one that connects several (ovnrouter.py). OVN answers DHCP itself,
in the switch of the node where the guest is, and names that it knows, whomever they are asked of: what it does not know goes on
to the server that was asked. So a guest is given the network's name servers, and finds the other guests all the same.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from appliance.model.base import Model
from appliance.model.vnet import PortRow, RuleWish, VirtualNetwork

OWNER = "trivet-network"
"""The external id by which rows are known as a network's."""
AT = "trivet-router"
"""The external id of a gateway's port: whose it is."""
_KBITS, _BURST = 1000, 5
"""What may come at once is a fifth of a second's: with less, TCP is slower than it is let."""
_TOP, _ESTABLISHED, _BOTTOM = 3000, 1001, 1000


class Present(Model):
    """What OVN has for a network: its ports, its rows of DHCP and DNS, and the router that has its gateway's address."""

    ports: tuple[str, ...] = ()
    dhcp: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    at: str = ""
    mirrors: tuple[str, ...] = ()


def switch(name: str) -> str:
    """The logical switch of a network."""
    return f"trivet-{name}"


def own_mac(name: str) -> str:
    """The MAC address of a network's router: the same on each node."""
    digest = hashlib.sha256(f"router of {name}".encode()).hexdigest()
    return ":".join(["02", *(digits for digits in (digest[at : at + 2] for at in range(0, 10, 2)))])


def gateway(name: str) -> str:
    """The port that has a network's gateway's address."""
    return f"{switch(name)}-gateway"


def rows(network: VirtualNetwork, ports: Sequence[PortRow], present: Present, router: str = "") -> list[list[str]]:
    """The commands. `router` is the one that connects the network to others; without one it has its own."""
    name, net = switch(network.name), ipaddress.ip_network(network.subnet or "")
    mark = f"external_ids:{OWNER}={network.name}"
    own, port = f"{name}-router", gateway(network.name)
    at = router or own
    dhcp, dns = (f"@{kind}_{network.name.replace('-', '_')}" for kind in ("dhcp", "dns"))
    told = [
        ["--may-exist", "ls-add", name],
        ["set", "Logical_Switch", name, mark, f"other_config:subnet={net}"],
        ["--may-exist", "lr-add", at],
    ]
    if not router:
        told.append(["set", "Logical_Router", own, mark])
    if present.at != at:  # a port that is taken away and given back has guests wait
        told.append(["--if-exists", "lrp-del", port])
    told += [
        ["--may-exist", "lrp-add", at, port, own_mac(network.name), f"{network.router}/{net.prefixlen}"],
        ["set", "Logical_Router_Port", port, f"external_ids:{AT}={at}"],
        *([["--if-exists", "lr-del", own]] if router else []),
        ["--may-exist", "lsp-add", name, f"{port}-port"],
        ["lsp-set-type", f"{port}-port", "router"],
        ["lsp-set-addresses", f"{port}-port", "router"],
        ["lsp-set-options", f"{port}-port", f"router-port={port}"],
    ]
    told += [["--if-exists", "destroy", "DHCP_Options", row] for row in present.dhcp]
    told += [["--if-exists", "destroy", "DNS", row] for row in present.dns]
    told.append([f"--id={dhcp}", "create", "DHCP_Options", mark, f"cidr={quoted(str(net))}", f"options={_map(_dhcp(network))}"])
    # Owned: what else is asked of these names, an IPv6 address above all, is answered with nothing, and not left to a timeout.
    own = "options={ovn-owned=true}"
    told.append([f"--id={dns}", "create", "DNS", mark, own, f"records={_map(_names(network, ports))}"])
    told.append(["set", "Logical_Switch", name, f"dns_records={dns}"])
    wished = {each.id for each in ports}
    told += [["lsp-del", port] for port in sorted(set(present.ports) - wished - {f"{port}-port"})]
    for each in ports:
        told.append(["--may-exist", "lsp-add", name, each.id])
        told.append(["lsp-set-addresses", each.id, f"{each.mac} {each.address}"])
        told.append(["lsp-set-port-security", each.id, f"{each.mac} {each.address}"])
        told.append(["set", "Logical_Switch_Port", each.id, f"dhcpv4_options={dhcp}", f"external_ids:trivet-vm={each.vm}"])
    return told + _rates(network, ports) + _mirrors(network, ports, present) + _rules(network, ports)


def removal(network: VirtualNetwork, groups: Iterable[str], present: Present) -> list[list[str]]:
    """The commands that leave nothing of it. `groups` are the port groups that OVN has for it."""
    name = switch(network.name)
    told = [["--if-exists", "ls-del", name], ["--if-exists", "lr-del", f"{name}-router"]]
    told += [["--if-exists", "destroy", "DHCP_Options", row] for row in present.dhcp]
    told += [["--if-exists", "destroy", "DNS", row] for row in present.dns]
    told += [["--if-exists", "destroy", "Mirror", row] for row in present.mirrors]
    return told + [["--if-exists", "destroy", "Port_Group", group] for group in groups]


def words(commands: Iterable[Sequence[str]]) -> list[str]:
    """Commands as one transaction of ovn-nbctl."""
    return [word for command in commands for word in ("--", *command)][1:]


def group(network: str, name: str = "") -> str:
    """The port group of a network's group, of all its ports without one. OVN allows no hyphens in them."""
    return f"trivet.{network}.{name}".replace("-", "_").rstrip(".")


def groups(network: VirtualNetwork, ports: Sequence[PortRow]) -> dict[str, list[str]]:
    """Port group -> its ports: one for all of the network, and each that a port is in or a rule speaks of."""
    names = {name for port in ports for name in port.groups}
    names |= {name for rule in network.rules for name in (rule.group, rule.peer_group) if name}
    found = {group(network.name): [port.id for port in ports]}
    return found | {group(network.name, n): [port.id for port in ports if n in port.groups] for n in sorted(names)}


def _rules(network: VirtualNetwork, ports: Sequence[PortRow]) -> list[list[str]]:
    told = []
    for name, members in groups(network, ports).items():
        told.append(["--if-exists", "destroy", "Port_Group", name])
        told.append(["pg-add", name, *members])
        told.append(["set", "Port_Group", name, f"external_ids:{OWNER}={network.name}"])
    if not network.rules and network.default == "allow":
        return told
    whole = group(network.name)
    for number, rule in enumerate(network.rules):
        end = "to-lport" if rule.direction == "in" else "from-lport"
        action = "allow-related" if rule.action == "allow" else rule.action
        told.append(["acl-add", group(network.name, rule.group or ""), end, str(_TOP - number), _match(network, rule), action])
    # What a VM begins may pass, and because it is remembered its replies do, whatever its own group lets in.
    told.append(["acl-add", whole, "from-lport", str(_ESTABLISHED), f"inport == @{whole} && ip", "allow-related"])
    action = "allow-related" if network.default == "allow" else "drop"
    told.append(["acl-add", whole, "to-lport", str(_BOTTOM), f"outport == @{whole} && ip", action])
    return told


def _rates(network: VirtualNetwork, ports: Sequence[PortRow]) -> list[list[str]]:
    """Meters of the switch and not queues of a card: they are where the port is, and what goes to a neighbour is counted, too."""
    name = switch(network.name)
    told = [["qos-del", name]]
    for port in ports:
        for end, match, rate in (("to-lport", "outport", port.rate_in), ("from-lport", "inport", port.rate_out)):
            if rate:
                burst = rate * _KBITS // _BURST
                told.append(["qos-add", name, end, "100", f'{match} == "{port.id}"', f"rate={rate * _KBITS}", f"burst={burst}"])
    return told


def mirror(network: str, name: str) -> str:
    """A mirror, and the id by which Open vSwitch's port that it ends at is known."""
    return f"trivet.{network}.{name}"


def _mirrors(network: VirtualNetwork, ports: Sequence[PortRow], present: Present) -> list[list[str]]:
    told = [["--if-exists", "destroy", "Mirror", row] for row in present.mirrors]
    seen: dict[str, list[str]] = {}
    for number, wish in enumerate(network.mirrors):
        sources = [port.id for port in ports if port.vm == wish.vm]
        row, sink = f"@mirror_{number}_{network.name.replace('-', '_')}", mirror(network.name, wish.name)
        way = {"in": "to-lport", "out": "from-lport", "both": "both"}[wish.direction]
        end = ["type=local", f"sink={quoted(sink)}"] if wish.to_vm else [f"type={wish.kind}", f"sink={quoted(wish.to or '')}"]
        mark = f"external_ids:{OWNER}={network.name}"
        told.append([f"--id={row}", "create", "Mirror", mark, f"name={sink}", f"filter={way}", f"index={wish.key}", *end])
        for source in sources:
            seen.setdefault(source, []).append(row)
    for port in ports:
        told.append(["set", "Logical_Switch_Port", port.id, f"mirror_rules=[{','.join(seen.get(port.id, []))}]"])
    return told


def _match(network: VirtualNetwork, rule: RuleWish) -> str:
    own = group(network.name, rule.group or "")
    parts = [f"outport == @{own}" if rule.direction == "in" else f"inport == @{own}"]
    other = "src" if rule.direction == "in" else "dst"
    if rule.peer_group:
        parts.append(f"ip4.{other} == ${group(network.name, rule.peer_group)}_ip4")
    elif rule.peer:
        parts.append(f"ip{ipaddress.ip_network(rule.peer).version}.{other} == {rule.peer}")
    protocol = {"any": "ip", "icmp": "(icmp4 || icmp6)"}.get(rule.protocol, rule.protocol)
    parts.append(protocol)
    if rule.ports:
        ranges = [str(port).partition("-") for port in rule.ports]
        each = [
            f"{rule.protocol}.dst == {first}" if not last else f"({first} <= {rule.protocol}.dst <= {last})"
            for first, _, last in ranges
        ]
        parts.append(each[0] if len(each) == 1 else f"({' || '.join(each)})")
    return " && ".join(parts)


def _dhcp(network: VirtualNetwork) -> dict[str, str]:
    return {
        "server_id": network.router,
        "server_mac": own_mac(network.name),
        "router": network.router,
        "dns_server": f"{{{', '.join(network.dns or (network.router,))}}}",
        "lease_time": "3600",
        "mtu": str(network.mtu),
        "domain_name": f'"{network.name}"',
    }


def _names(network: VirtualNetwork, ports: Sequence[PortRow]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for port in ports:
        for name in (port.vm, f"{port.vm}.{network.name}"):
            found.setdefault(name, []).append(port.address)
    return {name: " ".join(addresses) for name, addresses in sorted(found.items())}


def _map(values: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{quoted(key)}={quoted(value)}" for key, value in values.items()) + "}"


def quoted(text: str) -> str:
    """A text in the words of ovn-nbctl."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
