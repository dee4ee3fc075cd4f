# SPDX-License-Identifier: Apache-2.0
"""Selectors: facts that must all hold, a count, a preference. They choose disks and NICs without naming devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field, field_validator

from appliance.model.base import Model
from appliance.model.network import Nic
from appliance.model.storage import Disk, Transport
from appliance.model.units import (
    SizeComparison,
    SpeedComparison,
    compare,
    format_size,
    format_speed,
    parse_size,
    parse_speed,
)

T = TypeVar("T", Disk, Nic)


class Range(Model):
    """At least `min`, at most `max` (none: no limit)."""

    min: int = Field(default=1, ge=0)
    max: int | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        return f"at least {self.min}" if self.max is None else f"{self.min} to {self.max}"


class DiskSelector(Model):
    """Which disks. Text facts are globs, compared without regard to case; `size` is a comparison (">= 1TiB").

    Several `id` mean any of them: two disks that somebody points at need have nothing else in common.
    """

    id: str | tuple[str, ...] | None = None
    serial: str | None = None
    wwn: str | None = None
    path: str | None = None
    model: str | None = None
    transport: Transport | None = None
    rotational: bool | None = None
    size: SizeComparison | None = None
    slot: str | None = None
    pci: str | None = None
    numa_node: int | None = None
    count: int | Range | None = None
    prefer: Literal["smallest", "largest", "fastest"] | None = None

    def rank(self, disk: Disk) -> tuple[int | str, ...]:
        """Disks in the order of `prefer`; the id decides between equals, so that the choice is the same each time."""
        return (*_PREFER[self.prefer](disk), disk.id) if self.prefer else ()

    def facts(self, disk: Disk) -> list[str]:
        """Why this disk does not match, a phrase for each fact; empty when it does."""
        return [
            *_texts(self, disk, ("id", "serial", "wwn", "path", "model", "slot", "pci")),
            *_equals(self, disk, ("transport", "rotational", "numa_node")),
            *([f"size is {format_size(disk.size)}, not {self.size}"]
              if self.size and not compare(self.size, disk.size, parse_size) else []),
        ]  # fmt: skip


class NicSelector(Model):
    """Which ports. `speed` is a comparison (">= 10G"), `link: true` asks for a port whose cable is live.

    `lldp` is a glob on what the other end of the cable says of itself, its name and its port: "sw1/Ethernet*".
    """

    mac: str | None = None
    pci: str | None = None
    driver: str | None = None
    model: str | None = None
    speed: SpeedComparison | None = None
    link: bool | None = None
    lldp: str | None = None
    numa_node: int | None = None
    count: int | Range | None = None
    prefer: ClassVar[None] = None

    @field_validator("mac")
    @classmethod
    def _lower(cls, mac: str | None) -> str | None:
        return mac.lower().replace("-", ":") if mac else mac

    @property
    def passing(self) -> bool:
        """Does it ask for what comes and goes: a cable, how fast it is, who is at its other end?"""
        return self.link is not None or self.speed is not None or self.lldp is not None

    @property
    def lasting(self) -> "NicSelector":
        """The rest of it, which a port is told by at any time."""
        return self.model_copy(update={"link": None, "speed": None, "lldp": None})

    @property
    def words(self) -> str:
        """Its facts, for a person: `driver igb, link true`."""
        facts = self.model_dump(mode="json", exclude_none=True, exclude={"count"}).items()
        texts = (f"{name} {str(fact).lower() if isinstance(fact, bool) else fact}" for name, fact in facts)
        return ", ".join(texts) or "any address"

    @property
    def least(self) -> int:
        """How many ports it asks for, and no fewer."""
        return self.count.min if isinstance(self.count, Range) else 1 if self.count is None else self.count

    def counted(self, default: int | Range) -> "NicSelector":
        """With the count that it has when it says none."""
        return self if self.count is not None else self.model_copy(update={"count": default})

    def rank(self, nic: Nic) -> tuple[int | str, ...]:
        """Ports stay in the order of the inventory."""
        return ()

    def facts(self, nic: Nic) -> list[str]:
        """Why this port does not match, a phrase for each fact; empty when it does."""
        return [
            *_texts(self, nic, ("mac", "pci", "driver", "model", "lldp")),
            *_equals(self, nic, ("link", "numa_node")),
            *([f"speed is {format_speed(nic.speed)}, not {self.speed}"]
              if self.speed and not compare(self.speed, nic.speed, parse_speed) else []),
        ]  # fmt: skip


class Choice(Model):
    """The ports that a selector chose, by their lasting addresses; `selector` has its count."""

    selector: NicSelector
    macs: tuple[str, ...]


class Chosen(Model):
    """What the selectors of a spec chose that ask for what comes and goes, by the digest of the spec."""

    specs: dict[str, tuple[Choice, ...]] = {}


def _texts(selector: Model, thing: Model, names: Sequence[str]) -> list[str]:
    reasons = []
    for name in names:
        wanted, observed = getattr(selector, name), getattr(thing, name)
        globs = (wanted,) if isinstance(wanted, str) else wanted or ()
        if wanted is not None and not any(fnmatchcase(observed.lower(), pattern.lower()) for pattern in globs):
            reasons.append(f"{name} is {observed or 'unknown'}")
    return reasons


def _equals(selector: Model, thing: Model, names: Sequence[str]) -> list[str]:
    reasons = []
    for name in names:
        wanted, observed = getattr(selector, name), getattr(thing, name)
        if wanted is not None and observed != wanted:
            reasons.append(f"{name} is {str(observed).lower() if isinstance(observed, bool) else observed}")
    return reasons


_FASTEST = {"nvme": 0, "sas": 1, "sata": 1, "scsi": 1, "virtio": 1, "raid": 1, "mmc": 3, "usb": 4, "other": 4}
_PREFER: dict[str, Callable[[Disk], tuple[int, ...]]] = {
    "smallest": lambda d: (d.size,),
    "largest": lambda d: (-d.size,),
    "fastest": lambda d: (d.rotational, _FASTEST[d.transport], d.size),
}


@dataclass(frozen=True)
class Selection(Generic[T]):
    """`chosen` is empty when `problem` says why. `rejected` keeps every candidate that fell out, with its reasons."""

    chosen: tuple[T, ...]
    rejected: tuple[tuple[T, tuple[str, ...]], ...]
    problem: str = ""


def select(selector: DiskSelector | NicSelector, things: Sequence[T], default: int | Range = 1) -> Selection[T]:
    """Apply a selector. More matches than `count` are refused unless `prefer` says which of them to take.

    `unusable` things never match. The default count is 1: a selector that would match two disks has to say which.
    """
    matching: list[T] = []
    meant: list[tuple[T, tuple[str, ...]]] = []  # what the selector names and may not be used: said first
    others: list[tuple[T, tuple[str, ...]]] = []
    for thing in things:
        reasons: list[str] = selector.facts(thing)  # type: ignore[arg-type]  # the caller pairs selector and thing
        if reasons:
            others.append((thing, tuple(reasons) + thing.unusable))
        elif thing.unusable:
            meant.append((thing, thing.unusable))
        else:
            matching.append(thing)
    rejected = meant + others
    matching.sort(key=selector.rank)  # type: ignore[arg-type]
    count = selector.count if selector.count is not None else default
    least, most = (count, count) if isinstance(count, int) else (count.min, count.max)
    if len(matching) < least:
        return Selection((), tuple(rejected), f"{_matches(len(matching))}, and {count} is asked for{_why(rejected, things)}")
    if most is not None and len(matching) > most:
        if not selector.prefer:
            names = "; ".join(t.label for t in matching[:8])
            return Selection((), tuple(rejected), f"{len(matching)} match, and {count} is asked for: {names}")
        rejected += [(thing, (f"not among the {most} {selector.prefer}",)) for thing in matching[most:]]
        matching = matching[:most]
    return Selection(tuple(matching), tuple(rejected))


def _matches(number: int) -> str:
    return {0: "nothing matches", 1: "only 1 matches"}.get(number, f"only {number} match")


def _why(rejected: Sequence[tuple[T, tuple[str, ...]]], things: Sequence[T]) -> str:
    if not things:
        return "; there are no candidates at all"
    if not rejected:
        return "; there are no others"
    shown = "; ".join(f"{thing.label}: {', '.join(reasons)}" for thing, reasons in rejected[:12])
    return f" ({shown}{'; ...' if len(rejected) > 12 else ''})"  # noqa: PLR2004 - as many as a person will read
