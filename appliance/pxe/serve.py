# SPDX-License-Identifier: Apache-2.0
"""`trivet pxe serve`: everything that a rack needs, on one interface, until somebody ends it.

All that is kept is in one folder: the certificate, the journal, the inventories. Who starts it again in that folder goes on where
it was, with the credentials that machines have on their kernel lines.
"""

import hashlib
import ipaddress
import signal
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.host.companion import Companion
from appliance.host.host import Host
from appliance.host.lock import only_one
from appliance.pxe import folder
from appliance.pxe.desk import Desk, Kept
from appliance.pxe.dhcp import Wire, dnsmasq
from appliance.pxe.firewall import opened
from appliance.pxe.joins import Joins, Mint
from appliance.pxe.journal import Journal
from appliance.pxe.menus import IMAGE, Place, grub_first
from appliance.pxe.places import SOCKET, STATE
from appliance.pxe.power import Switches
from appliance.pxe.rogue import Watch
from appliance.pxe.server import Answers, Board, Boot
from appliance.pxe.source import BOOTED, Source, digest, open_source

TFTP = Path("/run/trivet/pxe")
_LOOK = 0.5
_TEN_YEARS = "3650"
_LAST_VLAN = 4094


@dataclass(frozen=True)
class Wish:
    """`dhcp` is "FIRST-LAST", "proxy", or "off" for who has told their own DHCP server what to start."""

    rack: Path
    interface: str
    source: str
    state: Path = STATE
    dhcp: str = "proxy"
    address: str = ""
    http: int = 80
    https: int = 8443
    vlan: int = 0


def serve(host: Host, wish: Wish, say: Callable[[str], None], mint: Mint) -> None:
    """Until SIGINT or SIGTERM. ApplianceError when it cannot begin, or dnsmasq cannot go on.

    `mint` makes tokens for the cluster that this node is in.
    """
    described = folder.Watched(wish.rack)
    described()  # what is wrong with it is said now, and not to the first machine
    network = _address(host, wish)
    wire = _wire(wish, network)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    tftp = TFTP / wish.interface
    _folders(wish.state, tftp)
    with ExitStack() as stack:
        busy = f"another `trivet pxe serve` has {wish.state}"
        stack.enter_context(only_one(wish.state / "lock", busy, "end it, or name another --state"))
        source = open_source(wish.source, host, wish.state)
        say(f"Reading {wish.source}, to know that it is whole")
        if digest(source) != source.sha256:
            message = f"{IMAGE} of {wish.source} is not what was built: its SHA-256 is another"
            raise ApplianceError(message, "build or copy it again")
        certificate, fingerprint = _certificate(host, wish.state)
        place = Place(str(network.ip), wish.http, wish.https, fingerprint, vlan=_vlan(wish.vlan))
        journal = Journal(wish.state / "rack.jsonl")
        stack.callback(journal.close)
        desk = Desk(described, journal, host.files, _kept(wish.state), time.time)
        try:
            servers = (Boot((place.address, wish.http), desk, source, place),
                       Answers((place.address, wish.https), desk, certificate, Joins(desk, mint)),
                       Board(wish.state / SOCKET, desk, Switches(host, wish.rack, desk)))  # fmt: skip
        except OSError as error:
            message = f"{place.address} port {wish.http} or {wish.https} cannot be had: {error.strerror}"
            raise ApplianceError(message, "is another server there? name other ports") from None
        stack.enter_context(opened(host, wish.interface, (wish.http, wish.https)))
        for server in servers:
            server.start()
            stack.callback(server.stop)
        companion = stack.enter_context(_dnsmasq(host, wish.state, tftp, wire, place, source)) if wire else None
        if wire:
            watch = Watch(wish.interface, place.address, desk.notice, proxy=wire.proxy)
            watch.start()
            stack.callback(watch.stop)
        say(f"Serving Trivet {source.version} on {wish.interface}: {place.url}, {place.desk}")
        say(f"Certificate sha256:{fingerprint}; the board: trivet pxe board --state {wish.state}")
        while not ended.wait(_LOOK):
            if companion and (said := companion.ended()) is not None:
                raise ApplianceError(f"dnsmasq has ended: {said}", "is another DHCP or TFTP server running on this machine?")


def _kept(state: Path) -> Kept:
    return Kept(state / folder.INVENTORIES, state / folder.RECORDS)


def _folders(state: Path, tftp: Path) -> None:
    """dnsmasq is nobody, and serves what is for everybody alone, from a place that nobody may enter."""
    for made, mode in (
        (state, 0o700),
        (state / folder.INVENTORIES, 0o700),
        (state / folder.RECORDS, 0o700),
        (tftp, 0o755),
        (tftp / "grub", 0o755),
    ):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)


def _vlan(number: int) -> int:
    if not 0 <= number <= _LAST_VLAN:
        raise ApplianceError(f"--vlan {number} is no VLAN", f"name one of 1 to {_LAST_VLAN}")
    return number


def _wire(wish: Wish, network: ipaddress.IPv4Interface) -> Wire | None:
    """None without DHCP of ours."""
    if wish.dhcp == "off":
        return None
    if wish.dhcp == "proxy":
        return Wire(wish.interface, network)
    try:
        first, last = (ipaddress.IPv4Address(word.strip()) for word in wish.dhcp.split("-"))
    except ValueError:
        hint = "write FIRST-LAST, such as 10.0.0.100-10.0.0.250, or proxy, or off"
        raise ApplianceError(f"--dhcp {wish.dhcp} is no range", hint) from None
    if first not in network.network or last not in network.network or first > last:
        hint = "give out addresses of that network"
        raise ApplianceError(f"{first} to {last} is no range in {network.network}, which {wish.interface} is in", hint)
    if first <= network.ip <= last:
        raise ApplianceError(f"{first} to {last} has the server's own address {network.ip} in it", "leave it out")
    return Wire(wish.interface, network, str(first), str(last))


def _address(host: Host, wish: Wish) -> ipaddress.IPv4Interface:
    """The server's own, as machines see it."""
    found = [str(a["address"]) for a in host.netlink.addresses() if a["link"] == wish.interface and ":" not in str(a["address"])]
    if wish.interface not in {link["name"] for link in host.netlink.links()}:
        raise ApplianceError(f"there is no interface {wish.interface}", "`ip -br link` shows them")
    chosen = [a for a in found if a.partition("/")[0] == wish.address] if wish.address else found
    if not chosen:
        hint = f"give it one: ip address add 10.0.0.1/24 dev {wish.interface}"
        raise ApplianceError(f"{wish.interface} has no IPv4 address{f' {wish.address}' if wish.address else ''}", hint)
    if len(chosen) > 1:
        raise ApplianceError(f"{wish.interface} has several addresses: {', '.join(chosen)}", "choose one with --address")
    return ipaddress.IPv4Interface(chosen[0])


def _certificate(host: Host, state: Path) -> tuple[Path, str]:
    """Made once, by ourselves: machines compare it with its fingerprint and look at nothing else in it."""
    path = state / "server.pem"
    if not path.exists():
        key, new = state / "key.new", state / "server.new"
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        host.run([*words, "-subj", "/CN=trivet pxe", "-days", _TEN_YEARS, "-keyout", str(key), "-out", str(new)])
        host.files.write(str(path), f"{key.read_text()}{new.read_text()}", 0o600)
        key.unlink()
        new.unlink()
    text = path.read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE-----") :])
    return path, hashlib.sha256(der).hexdigest()


def _dnsmasq(  # noqa: PLR0917 - all that a wire is made of
    host: Host, state: Path, tftp: Path, wire: Wire, place: Place, source: Source
) -> Companion:
    """TFTP has boot loaders and the first menu, and nothing that belongs to one machine."""
    for name, piece in source.pieces.items():
        if name not in BOOTED:
            (tftp / name).write_bytes(piece.read())
            (tftp / name).chmod(0o644)
    host.files.write(str(tftp / "grub/grub.cfg"), grub_first(place))
    config = state / "dnsmasq.conf"
    host.files.write(str(config), dnsmasq(wire, place, str(tftp), str(state / "leases")))
    host.run(["dnsmasq", "--test", f"--conf-file={config}"])  # what is wrong is a sentence now, and so is a missing program
    words = ["dnsmasq", "--keep-in-foreground", "--log-facility=-", f"--conf-file={config}", "--user=nobody", "--group=nogroup"]
    return Companion(words, state / "dnsmasq.log")
