# SPDX-License-Identifier: Apache-2.0
"""The rack's desk: who asks, who gets what, what somebody on the board has said. Knows no sockets and no threads but its lock.

The rules: a credential is for the machine that started with it, and for one answer; nothing is answered that this machine would
refuse, or that another machine has; who waits is told why; what was installed is installed again only when somebody says so.
"""

import hashlib
import hmac
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from appliance.errors import ApplianceError
from appliance.host.host import Files
from appliance.host.playback import NAME
from appliance.model.base import Model
from appliance.model.events import Event
from appliance.model.inventory import Inventory
from appliance.pxe.answer import Answer, Description, answer, claim, clashes
from appliance.pxe.happened import (
    Again,
    Answered,
    Approved,
    Asked,
    Begun,
    Happened,
    Loaded,
    Moved,
    Noticed,
    Powered,
    Reported,
    Sent,
    Stranger,
    Told,
    Waits,
    after,
)
from appliance.pxe.journal import Journal
from appliance.pxe.peers import Shares
from appliance.pxe.rack import Machine, Rack
from appliance.pxe.records import TESTED
from appliance.pxe.table import Row, macs

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_MOST = 20_000
"""Machines on a board. Somebody who makes up addresses fills no memory."""
_EVERY = 1.0
"""Seconds between two events that only say how far a machine is."""
_LONGEST = 400
OK, WAIT, NO, WRONG = 200, 503, 403, 400


class State(Model):
    """What an installer at its end, and a node at its start, says of itself."""

    state: str
    cause: str = ""
    serves: int = Field(default=0, ge=0, le=65535)
    """The port where it has the image for others."""
    sha256: str = Field(default="", max_length=64)


_REPORTS: TypeAdapter[list[Event | State]] = TypeAdapter(Annotated[list[Event | State], Field(max_length=500)])


@dataclass(frozen=True)
class Reply:
    """An HTTP status and a text: an answer, or a sentence for a person."""

    status: int
    text: str = ""


@dataclass(frozen=True)
class Kept:
    """The folders for what machines send: inventories, and what their doors have answered."""

    inventories: Path
    records: Path


class Desk:
    """`describe` gives what the operator wrote, as it is now; `clock` the time of day."""

    def __init__(
        self, describe: Callable[[], Description], journal: Journal, files: Files, kept: Kept, clock: Callable[[], float]
    ) -> None:
        self._describe, self._journal, self._files, self._kept, self._clock = describe, journal, files, kept, clock
        self._rack = journal.rack
        self._lock = threading.Lock()
        self._moved: dict[str, float] = {}
        self._shares = Shares()
        self._tokens = {m.token: m.mac for m in self._rack.machines.values() if m.token}

    @property
    def rack(self) -> Rack:
        """As it is now."""
        return self._rack

    # A machine.

    def begin(self, mac: str, address: str) -> str | None:
        """A new credential for a machine that starts; None for one that is installed, and for what is no machine."""
        with self._lock:
            known = self._rack.machines.get(mac)
            if (known and known.installed) or (not known and len(self._rack.machines) >= _MOST):
                return None
            token = secrets.token_urlsafe(24)
            self._note(Begun(at=self._clock(), mac=mac, address=address, token=_digest(token)))
            return token

    def installed(self, mac: str) -> bool:
        """Does it start from its own disk?"""
        known = self._rack.machines.get(mac)
        return known is not None and known.installed

    def move(self, mac: str, done: int, total: int, rate: int) -> None:
        """A machine has so much of the image that it starts from."""
        with self._lock:
            if done >= total:
                self._shares.done(mac)
            if mac in self._rack.machines and self._due(mac, last=done >= total):
                self._note(Moved(at=self._clock(), mac=mac, done=done, total=total, rate=rate))

    def load(self, mac: str, file: str) -> None:
        """A machine has got one of the files that it starts."""
        with self._lock:
            if mac in self._rack.machines:
                self._note(Loaded(at=self._clock(), mac=mac, file=file))

    @property
    def serve_peers(self) -> bool:
        """Are nodes to serve their slots to others? What is wrong with the rack's file is said to who asks for an answer."""
        try:
            return self._describe().serve_peers
        except ApplianceError:
            return False

    def peer(self, mac: str, sha256: str) -> str | None:
        """The node that a machine is to get this image from, "" for us; None: it is to come again."""
        if not self.serve_peers:
            return ""
        with self._lock:
            machines = self._rack.machines.values()
            nodes = [m.serves for m in machines if m.serves and m.state == "ready" and m.image == sha256 and m.mac != mac]
            chosen = self._shares.take(mac, nodes, self._clock())
            if chosen and mac in self._rack.machines:
                self._note(Sent(at=self._clock(), mac=mac, peer=chosen))
            return chosen

    def ask(self, token: str, body: bytes, address: str) -> Reply:
        """The answer for the machine with this credential and this inventory."""
        machine = self.known(token)
        if machine is None:
            return self.stranger(address, "an answer without a credential of this server")
        try:
            inventory = Inventory.model_validate_json(body)
        except (ValidationError, RecursionError):
            return Reply(WRONG, "what was sent is no inventory of this version: the server is of another build than the image")
        if refused := self._identify(machine.mac, inventory, address):
            return refused
        machine = self._rack.machines[machine.mac]
        try:
            found = answer(self._describe(), inventory, machine.chosen)
        except ApplianceError as error:
            return self._wait(machine.mac, str(error))
        if found.approve and not machine.approved:
            return self._wait(machine.mac, f"{found.template} asks for approval; approve it on the board")
        return self._give(machine.mac, found, inventory)

    def tell(self, token: str, body: bytes, address: str) -> Reply:
        """What an installer or a node says of itself: a list of events."""
        machine = self.known(token)
        if machine is None:
            return self.stranger(address, "to report without a credential of this server")
        try:
            reports = _REPORTS.validate_json(body)
            happened = [self._reported(machine.mac, report, address) for report in reports]
        except (ValidationError, RecursionError):
            return Reply(WRONG, "what was sent is no list of events")
        with self._lock:
            before = self._rack.machines[machine.mac].tested
            for event in happened:
                self._note(event)
            tested = self._rack.machines[machine.mac].tested
        if tested != before:
            self._keep(machine.mac, TESTED, "".join(f"{line}\n" for line in tested))
        return Reply(OK)

    def keep(self, token: str, body: bytes, address: str) -> Reply:
        """What a machine's doors have answered; `trivet pxe record` hands it on, when it can be played back."""
        machine = self.known(token)
        if machine is None:
            return self.stranger(address, "to be recorded without a credential of this server")
        if machine.installed:
            return Reply(NO, "this machine is installed")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or "origin" not in document:
            return Reply(WRONG, "what was sent is no recorded machine")
        self._keep(machine.mac, NAME, json.dumps(document, ensure_ascii=True))
        return Reply(OK)

    def notice(self, warnings: tuple[str, ...]) -> None:
        """What is wrong with the wire now."""
        with self._lock:
            if warnings != self._rack.warnings:
                self._note(Noticed(at=self._clock(), warnings=warnings))

    # The board.

    def approve(self, named: Iterable[str], template: str = "") -> list[str]:
        """Which of these machines are to be installed from now on: those that wait or failed."""
        return self._each(named, ("waiting", "failed"), lambda mac: Approved(at=self._clock(), mac=mac, template=template))

    def again(self, named: Iterable[str]) -> list[str]:
        """Which of these machines are to be installed at their next start although they were."""
        return self._each(named, None, lambda mac: Again(at=self._clock(), mac=mac))

    def row(self, mac: str) -> Row | None:
        """The row of the table that means a machine: by what it has sent, or by the MAC address that it started with."""
        rows = self._describe().table
        try:
            return rows.find(Inventory.model_validate_json((self._kept.inventories / _file(mac)).read_bytes()))
        except (OSError, ValidationError):
            return next((row for row in rows.rows if row.text("mac") == mac), None)

    def powered(self, mac: str, said: str) -> None:
        """What became of its power."""
        with self._lock:
            self._note(Powered(at=self._clock(), mac=mac, said=_plain(said)))

    def _each(self, named: Iterable[str], states: tuple[str, ...] | None, event: Callable[[str], Happened]) -> list[str]:
        with self._lock:
            known = [self._rack.machines[mac] for mac in named if mac in self._rack.machines]
            chosen = [machine.mac for machine in known if states is None or machine.state in states]
            for mac in chosen:
                self._note(event(mac))
            return chosen

    # Details.

    def _keep(self, mac: str, name: str, text: str) -> None:
        self._files.write(str(self._kept.records / mac.replace(":", "-") / name), text, 0o600)

    def known(self, token: str) -> Machine | None:
        """The machine with this credential; None for nobody."""
        digest = _digest(token)
        machine = self._rack.machines.get(self._tokens.get(digest, ""))
        return machine if machine and hmac.compare_digest(machine.token, digest) else None

    def _identify(self, mac: str, inventory: Inventory, address: str) -> Reply | None:
        """Is this the machine that the credential was made for, and the one that used it before? None when it is."""
        own, dmi = _identity(inventory), inventory.machine.dmi
        if mac not in macs(inventory):
            return self.stranger(address, f"the answer of {mac}, and has no such port")
        with self._lock:
            machine = self._rack.machines[mac]
            other = bool(machine.bound) and machine.bound != own
            if not other and not machine.installed:
                facts = {"serial": _plain(dmi.serial), "uuid": _plain(dmi.uuid), "product": _plain(dmi.product)}
                self._note(Asked(at=self._clock(), mac=mac, bound=own, **facts))
        if other:
            return self.stranger(address, f"the answer of {mac}, for which another machine has used that credential")
        if machine.installed:
            return Reply(NO, "this machine is installed; have it installed again on the board first")
        self._files.write(str(self._kept.inventories / _file(mac)), inventory.model_dump_json() + "\n", 0o600)
        return None

    def _give(self, mac: str, found: Answer, inventory: Inventory) -> Reply:
        own = claim(mac, found, inventory)
        with self._lock:
            problems = list(clashes(own, self._rack.claims))
            if not problems:
                self._note(Answered(at=self._clock(), mac=mac, name=own.name, template=found.template, claim=own))
                return Reply(OK, found.text)
        return self._wait(mac, "; ".join(str(problem) for problem in problems))

    def _wait(self, mac: str, cause: str) -> Reply:
        with self._lock:
            if (self._rack.machines[mac].state, self._rack.machines[mac].cause) != ("waiting", cause):
                self._note(Waits(at=self._clock(), mac=mac, cause=cause))
        return Reply(WAIT, cause)

    def stranger(self, address: str, wanted: str) -> Reply:
        """Somebody asked for what is not theirs: noted, and refused without a word."""
        with self._lock:
            self._note(Stranger(at=self._clock(), address=address, wanted=wanted))
        return Reply(NO)

    def _reported(self, mac: str, report: Event | State, address: str) -> Happened:
        """Cut down to what a board can show, whatever was sent."""
        now = self._clock()
        if isinstance(report, State):
            serves = f"{address}:{report.serves}" if report.serves else ""
            facts = {"state": report.state, "cause": _plain(report.cause), "serves": serves, "image": _plain(report.sha256)}
            return Reported.model_validate({"at": now, "mac": mac, **facts})
        fields = report.model_dump(exclude={"event"}).items()
        return Told(at=now, mac=mac, event=report.model_copy(update={name: _plain(value) for name, value in fields}))

    def _due(self, mac: str, *, last: bool) -> bool:
        now = self._clock()
        if not last and now - self._moved.get(mac, 0.0) < _EVERY:
            return False
        self._moved[mac] = now
        return True

    def _note(self, event: Happened) -> None:
        """It has happened. Called with the lock."""
        before = self._rack
        self._rack = after(before, event)
        if isinstance(event, Begun | Asked):
            self._shares.done(event.mac)
        if isinstance(event, Begun | Again):
            if known := before.machines.get(event.mac):
                self._tokens.pop(known.token, None)
            if token := self._rack.machines[event.mac].token:
                self._tokens[token] = event.mac
        if not isinstance(event, Moved | Told) or event.lasting:
            self._journal.write(event)


def _file(mac: str) -> str:
    return f"{mac.replace(':', '-')}.json"


def mac_of(text: str) -> str:
    """A MAC address in its one form; "" for what is none that a port can have."""
    mac = text.lower().replace("-", ":")
    return mac if _MAC.fullmatch(mac) and not int(mac[:2], 16) & 1 else ""


def _plain(value: Any) -> Any:
    """Text of one line and numbers that somebody could mean."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " for c in value[:_LONGEST])
    if isinstance(value, float):
        return value if 0 <= value < 2**60 else 0.0  # what is not a number is in no range
    return max(0, min(value, 2**60))


def _identity(inventory: Inventory) -> str:
    """What tells this machine from others, whatever it was started from."""
    dmi = inventory.machine.dmi
    return _digest("\n".join([dmi.uuid.lower(), dmi.serial, *sorted(macs(inventory))]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
