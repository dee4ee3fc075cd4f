# SPDX-License-Identifier: Apache-2.0
"""Effects: OVN's two databases, alone on a node or as members of a raft on the cluster's control nodes.

The oldest control node makes the raft of the databases that it has, rows and all; the others join. What is there stays until what
follows it is whole: a file is made beside it, and takes its name.
"""

import re
import time
from collections.abc import Sequence

from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.model.central import NORTHBOUND, RAFT, SOUTHBOUND, TLS, remote
from appliance.model.network import Chassis

UNITS = ("ovn-ovsdb-server-nb.service", "ovn-ovsdb-server-sb.service", "ovn-northd.service")
_SECONDS = 120
"""For the databases to be members of their raft: a busy machine takes its time to elect one."""
_ELECTION = 5000
"""Milliseconds without its leader after which a database elects another: rows change rarely, and machines are busy."""
_RUN, _LIB, _SCHEMAS = "/run/ovn", "/var/lib/ovn", "/usr/share/ovn"
_BASES = {NORTHBOUND: ("ovnnb_db", "OVN_Northbound", "ovn-nb"), SOUTHBOUND: ("ovnsb_db", "OVN_Southbound", "ovn-sb")}
_ADDRESS = re.compile(r"^Address: ssl:\[?(.*?)\]?:\d+$", re.MULTILINE)
_SERVER = re.compile(r"^    (\w+) \(\w+ at ssl:\[?(.*?)\]?:\d+\)", re.MULTILINE)
_STATUS = re.compile(r"^Status: cluster member$", re.MULTILINE)


PORTS = tuple(_BASES)


def member(host: Host) -> str:
    """The address under which both databases of this node are members of their raft; "" as long as they are not."""
    found = {_member(host, port) for port in _BASES}
    return found.pop() if len(found) == 1 else ""


def _member(host: Host, port: int) -> str:
    file, name, _ = _BASES[port]
    told = host.run(["ovn-appctl", "-t", f"{_RUN}/{file}.ctl", "cluster/status", name], check=False).stdout
    address = _ADDRESS.search(told)
    return address[1] if address and _STATUS.search(told) else ""


def members(host: Host, port: int) -> dict[str, str]:
    """The raft members of a database as this node's own knows them: address -> its id there. None where it is no member."""
    file, name, _ = _BASES[port]
    told = host.run(["ovn-appctl", "-t", f"{_RUN}/{file}.ctl", "cluster/status", name], check=False).stdout
    return {address: server for server, address in _SERVER.findall(told)}


def forget(host: Host, address: str) -> None:
    """Take the member at an address out of both rafts. The others must be a majority without it."""
    for port, (file, name, _) in _BASES.items():
        if server := members(host, port).get(address):
            host.run(["ovn-appctl", "-t", f"{_RUN}/{file}.ctl", "cluster/kick", name, server])


def settle(host: Host, chassis: Chassis) -> None:
    """Have the databases be what they shall be on this node, and run; or none of them."""
    if chassis.central is None:
        host.run(["systemctl", "stop", *reversed(UNITS)])
        return
    stale = [port for port in _BASES if _clustered(host, port) != bool(chassis.central)]
    if stale:
        host.run(["systemctl", "stop", *reversed(UNITS)])
        host.run(["mkdir", "-p", _LIB])
    for port in stale:
        _make(host, port, chassis)
    host.run(["systemctl", "start", *UNITS])
    if chassis.central:
        _joined(host, chassis.central)
        for port in _BASES:
            _listen(host, port, six=":" in chassis.central)
    _filled(host)


def _file(port: int) -> str:
    return f"{_LIB}/{_BASES[port][0]}.db"


def _clustered(host: Host, port: int) -> bool:
    """Is the database in the form of a raft's member? One that is not there yet stands alone, and is made when it starts."""
    return (
        host.files.real(_file(port)) is not None
        and not host.run(["ovsdb-tool", "db-is-clustered", _file(port)], check=False).code
    )


def _make(host: Host, port: int, chassis: Chassis) -> None:
    file, fresh, (_, name, schema) = _file(port), f"{_file(port)}.new", _BASES[port]
    host.run(["rm", "-f", fresh])
    if not chassis.central:
        host.run(["ovsdb-tool", "cluster-to-standalone", fresh, file])
    else:
        own, others = chassis.central, [each for each in chassis.remotes if each != chassis.central]
        here = remote(own, RAFT[port])
        if chassis.remotes[0] == own and not _answering(host, port, others):
            seed = file if host.files.real(file) is not None else f"{_SCHEMAS}/{schema}.ovsschema"
            host.run(["ovsdb-tool", f"--election-timer={_ELECTION}", "create-cluster", fresh, seed, here])
        else:
            there = [remote(each, RAFT[port]) for each in others]
            host.run(["ovsdb-tool", "join-cluster", fresh, name, here, *there])
    host.run(["mv", "-f", fresh, file])


def _answering(host: Host, port: int, others: Sequence[str]) -> bool:
    """Has another control node these databases already? Then this one has lost its own, and makes no second cluster of them."""
    asked = (["ovsdb-client", "--timeout=3", *TLS, "list-dbs", remote(each, port)] for each in others)
    return any(not host.run(words, check=False).code for words in asked)


def _joined(host: Host, address: str) -> None:
    end = time.monotonic() + _SECONDS
    while member(host) != address:
        if time.monotonic() > end:
            raise StepFailed(
                f"OVN's databases have not become members of the cluster's within {_SECONDS} s",
                "does OVN run on the oldest control node? See /var/log/ovn/ovsdb-server-nb.log",
            )
        time.sleep(0.5)


def _filled(host: Host) -> None:
    """Until northd has written its first rows: a controller of OVN 25.03 that comes before dies of SIGSEGV, again and again."""
    look = ["ovn-sbctl", "--timeout=10", f"--db=unix:{_RUN}/{_BASES[SOUTHBOUND][0]}.sock", "--no-leader-only", "--bare"]
    end = time.monotonic() + _SECONDS
    while not host.run([*look, "--columns=_uuid", "list", "SB_Global"], check=False).stdout.strip():
        if time.monotonic() > end:
            raise StepFailed(f"OVN's northd has not begun its work within {_SECONDS} s", "see /var/log/ovn/ovn-northd.log")
        time.sleep(0.1)


def _listen(host: Host, port: int, *, six: bool) -> None:
    """What the databases listen on stands in them. The firewall says who may come."""
    file, _, schema = _BASES[port]
    where = f"pssl:{port}:[::]" if six else f"pssl:{port}"
    words = [f"{schema}ctl", "--timeout=30", f"--db=unix:{_RUN}/{file}.sock", "--no-leader-only"]
    if host.run([*words, "get-connection"]).stdout.split() != [where]:
        host.run([*words, "--inactivity-probe=60000", "set-connection", where])
