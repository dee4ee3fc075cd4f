# SPDX-License-Identifier: Apache-2.0
"""What happens to a rack: a closed union of events, and `after`, which makes of a rack and an event the rack after it. Pure.

The events are the server's journal, so a server that was killed knows what it knew: all but those that say how far a
transfer is, of which there are too many.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from appliance.model.base import Model
from appliance.model.events import Event, Failed, Finished, Output, Progress, Started
from appliance.model.plan import TRIES
from appliance.pxe.answer import Claim
from appliance.pxe.rack import LINES, Machine, Rack

_NOTHING: dict[str, Any] = {"done": 0, "total": 0, "rate": 0}
_FORGOTTEN: dict[str, Any] = {"bound": "", "cause": "", "claim": None, "serves": "", "tested": ()}
"""What a machine that begins anew is no more."""


class _OfMachine(Model):
    """`line` is what a person reads of it in the machine's log, "" for nothing; `lasting`: is it worth a line in the journal?"""

    at: float
    mac: str

    @property
    def line(self) -> str:
        return ""

    @property
    def lasting(self) -> bool:
        return True

    def changes(self, machine: Machine) -> dict[str, Any]:
        """What is otherwise with the machine after it."""
        raise NotImplementedError


class Begun(_OfMachine):
    """It asked what to start, and got a credential."""

    kind: Literal["begun"] = "begun"
    address: str = ""
    token: str

    @property
    def line(self) -> str:
        return f"starts over the network{f', from {self.address}' if self.address else ''}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        fresh = {"state": "discovered", "address": self.address, "token": self.token}
        return fresh | _FORGOTTEN | _NOTHING


class Moved(_OfMachine):
    """It has `done` of `total` bytes of the image that it starts from."""

    kind: Literal["moved"] = "moved"
    done: int
    total: int
    rate: int = 0

    @property
    def lasting(self) -> bool:
        return False

    def changes(self, machine: Machine) -> dict[str, Any]:
        if machine.state not in ("discovered", "fetching"):
            return {}
        return {"state": "fetching", "done": self.done, "total": self.total, "rate": self.rate}


class Loaded(_OfMachine):
    """It has got the kernel, or the initrd: how far a machine came that shows nothing is worth knowing."""

    kind: Literal["loaded"] = "loaded"
    file: str

    @property
    def line(self) -> str:
        return f"has got {self.file}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {}


class Sent(_OfMachine):
    """It was told to get the image from a node that has it."""

    kind: Literal["sent"] = "sent"
    peer: str

    @property
    def line(self) -> str:
        return f"gets the image from {self.peer}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {"state": "fetching"} | _NOTHING if machine.state in ("discovered", "fetching") else {}


class Asked(_OfMachine):
    """It sent its inventory."""

    kind: Literal["asked"] = "asked"
    serial: str = ""
    uuid: str = ""
    product: str = ""
    bound: str = ""

    @property
    def line(self) -> str:
        return f"asks for its answer: {self.product or 'a machine'}{f', serial {self.serial}' if self.serial else ''}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {"serial": self.serial, "uuid": self.uuid, "product": self.product, "bound": self.bound}


class Answered(_OfMachine):
    """It got its answer."""

    kind: Literal["answered"] = "answered"
    name: str
    template: str
    claim: Claim

    @property
    def line(self) -> str:
        return f"becomes {self.name}, by {self.template}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        found = {"name": self.name, "template": self.template, "claim": self.claim, "approved": False, "cause": ""}
        return found | _NOTHING | {"state": "writing"}


class Waits(_OfMachine):
    """It got none, and somebody has to do something: `cause` says what."""

    kind: Literal["waits"] = "waits"
    cause: str

    @property
    def line(self) -> str:
        return f"waits: {self.cause}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {"state": "waiting", "cause": self.cause, "claim": None} | _NOTHING


class Told(_OfMachine):
    """What the installer on it says of its work."""

    kind: Literal["told"] = "told"
    event: Event

    @property
    def line(self) -> str:
        match self.event:
            case Started() as step:
                return f"[{step.index}/{step.total}] {step.title}"
            case Output() as output:
                return output.line
            case Failed() as failed:
                return f"failed: {failed.message}"
        return ""

    @property
    def lasting(self) -> bool:
        return bool(self.line)

    def changes(self, machine: Machine) -> dict[str, Any]:
        if machine.state != "writing":
            return {}
        changed: dict[str, Any] = {}
        match self.event:
            case Failed() as failed:
                cause = f"{failed.message}; {failed.hint}" if failed.hint else failed.message
                changed = {"state": "failed", "cause": cause} | _NOTHING
            case Output() as output if machine.trying:
                changed = {"tested": (*machine.tested, output.line)[-LINES:]}
            case Progress() as progress:
                changed = {"done": progress.done, "total": progress.total, "rate": progress.rate}
            case Started() as step:
                changed = {"trying": step.title.startswith(TRIES)} | _NOTHING
            case Finished():
                changed = {"trying": False} | _NOTHING
        return changed


class Reported(_OfMachine):
    """It says what it is now: an installer at its end, a node after its start."""

    kind: Literal["reported"] = "reported"
    state: Literal["rebooting", "joining", "ready", "failed"]
    cause: str = ""
    serves: str = ""
    image: str = ""

    @property
    def line(self) -> str:
        said = f"{self.state}: {self.cause}" if self.cause else self.state
        return f"{said}, and serves its slot to others" if self.serves else said

    def changes(self, machine: Machine) -> dict[str, Any]:
        if not machine.claim and self.state != "failed":
            return {}  # it has had no answer
        return {"state": self.state, "cause": self.cause, "serves": self.serves, "image": self.image} | _NOTHING


class Approved(_OfMachine):
    """Somebody on the board wants it installed, by `template` if they chose one."""

    kind: Literal["approved"] = "approved"
    template: str = ""

    @property
    def line(self) -> str:
        return f"approved{f', by {self.template}' if self.template else ''}"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {"approved": True, "chosen": self.template}


class Powered(_OfMachine):
    """Somebody on the board has said something to its BMC."""

    kind: Literal["powered"] = "powered"
    said: str

    @property
    def line(self) -> str:
        return self.said

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {}


class Again(_OfMachine):
    """Somebody on the board wants it installed anew, at its next start."""

    kind: Literal["again"] = "again"

    @property
    def line(self) -> str:
        return "is to be installed again, at its next start over the network"

    def changes(self, machine: Machine) -> dict[str, Any]:
        return {"state": "discovered", "token": "", "name": ""} | _FORGOTTEN | _NOTHING


class Stranger(Model):
    """Somebody asked for what is not theirs, and got nothing."""

    kind: Literal["stranger"] = "stranger"
    at: float
    address: str
    wanted: str


class Noticed(Model):
    """What is wrong with the wire now; nothing when all is well again."""

    kind: Literal["noticed"] = "noticed"
    at: float
    warnings: tuple[str, ...]


class Kept(Model):
    """All of it, as it was when the journal was begun anew."""

    kind: Literal["kept"] = "kept"
    rack: Rack


Happened = Annotated[
    Begun
    | Moved
    | Loaded
    | Sent
    | Asked
    | Answered
    | Waits
    | Told
    | Reported
    | Approved
    | Powered
    | Again
    | Stranger
    | Noticed
    | Kept,
    Field(discriminator="kind"),
]
HAPPENED: TypeAdapter[Happened] = TypeAdapter(Happened)


def after(rack: Rack, event: Happened) -> Rack:
    """The rack after this has happened to it."""
    if isinstance(event, Kept):
        return event.rack
    if isinstance(event, Stranger):
        line = f"{event.address} asked for {event.wanted}, and got nothing"
        return rack.model_copy(update={"strangers": (*rack.strangers, line)[-LINES:]})
    if isinstance(event, Noticed):
        return rack.model_copy(update={"warnings": event.warnings})
    before = rack.machines.get(event.mac) or Machine(mac=event.mac, since=event.at)
    changed = {"seen": event.at} | event.changes(before)
    if changed.get("state", before.state) != before.state:
        changed["since"] = event.at
    if event.line and event.line not in before.log[-1:]:
        changed["log"] = (*before.log, event.line)[-LINES:]
    return rack.model_copy(update={"machines": rack.machines | {event.mac: before.model_copy(update=changed)}})
