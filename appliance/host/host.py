# SPDX-License-Identifier: Apache-2.0
"""Host: the six doors through which everything else meets a machine. All are handed in.

| door | reads | changes |
|---|---|---|
| `files` | /sys, /proc, /run, /etc, /dev/disk as text, links and folders | writes whole files |
| `run` | the output of a command | whatever the command does |
| `udev` | devices as udev knows them | settles |
| `netlink` | links, addresses, gateways, VFs | - |
| `ceph` | what this node's pool says | whatever the command does |

The last, `secrets`, maps a place in the spec ("admin.password_hash", "spec") to its text: steps name the place, never the text.

`live()` is the running machine. A recorded machine (`host/record.py`) has the same doors and answers from a file; unit
tests build others from plain dictionaries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from appliance.errors import ApplianceError


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


class Files(Protocol):
    """Paths are absolute and are those of the running machine, whatever the door's root is."""

    def read(self, path: str) -> str | None:
        """The text, without trailing white space; None when there is no such file or it cannot be read."""

    def read_hex(self, path: str, length: int = -1) -> str | None:
        """The bytes of what is no text, in hexadecimal digits, the first `length` of a device; None as in `read`."""

    def link(self, path: str) -> str | None:
        """Where a symbolic link points, as it is written there; None when it is no link."""

    def real(self, path: str) -> str | None:
        """The path with all links followed; None when it does not exist."""

    def list(self, path: str) -> tuple[str, ...]:
        """The names in a folder, sorted; () when there is no such folder."""

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replace the whole file, at once and durably (new file, fsync, rename); parents are made."""

    def remove(self, path: str) -> None:
        """Remove the file if it is there."""


class Run(Protocol):
    """Run an argv list; never a shell."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """CommandError when it ends with other than 0 and `check`; `on_line` sees each line of output as it comes."""


@dataclass(frozen=True)
class UdevDevice:
    """A device of udev: `path` under /sys, `node` under /dev ("" for none), `links` other names under /dev."""

    path: str
    subsystem: str
    node: str = ""
    type: str = ""
    links: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> "UdevDevice":
        """Everything about a device is in its properties: the rest are names for some of them."""
        return cls(
            path="/sys" + properties["DEVPATH"],
            subsystem=properties.get("SUBSYSTEM", ""),
            node=properties.get("DEVNAME", ""),
            type=properties.get("DEVTYPE", ""),
            links=tuple(sorted(properties.get("DEVLINKS", "").split())),
            properties=properties,
        )


class Udev(Protocol):
    """The device database."""

    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        """All devices of a subsystem, in the order of their paths under /sys."""

    def settle(self) -> None:
        """Wait until udev has worked through what the kernel told it."""


class Netlink(Protocol):
    """The kernel's network, as plain values."""

    def links(self) -> tuple[Mapping[str, Any], ...]:
        """name, mac, permanent_mac, mtu, kind, mode, vlan, up, carrier, master (name), parent (name), firmware, vfs.

        `kind` is the kernel's word for what is no hardware ("bond", "vlan"), else ""; `mode` is a bond's; `parent` is what
        a VLAN stands on, `vlan` its number.
        `vfs`: mappings of index, mac, vlan, trust, spoofchk, min_rate, max_rate (Mbit/s).

        Machines that were recorded before these were asked have none of them:
        `stats`: rx_ and tx_ bytes, packets, errors, dropped, since the link was made. `losses`: how often its carrier went.
        `bond` of a bond: active (name), aggregator (number, 0 without LACP), partner (MAC, "" for none).
        `slave` of a bond's member: active, up (as the bond sees it), aggregator.
        """

    def addresses(self) -> tuple[Mapping[str, Any], ...]:
        """link (name), address (CIDR), scope ("global", "site", "link", "host").

        `duplicate`: the kernel asked whether it is free, and somebody has it (IPv6); not in older records.
        """

    def gateways(self) -> tuple[Mapping[str, Any], ...]:
        """The ways out of this machine: link (name), address (of the router)."""


class Ceph(Protocol):
    """This node's pool."""

    def __call__(self, prefix: str, *, stdin: str = "", timeout: float = 30, **arguments: object) -> Any:
        """What a command of Ceph answers, as values of JSON; None for nothing: `ceph("osd pool get", pool="vms", var="size")`.

        CommandError when Ceph refuses, ApplianceError when it does not answer in time (seconds).
        """


def no_ceph(prefix: str, *, stdin: str = "", timeout: float = 30, **arguments: object) -> Any:
    """The door of a machine that has no pool."""
    raise ApplianceError(f"`ceph {prefix}`: this machine has no pool", "see `trivet plan` for what makes one")


@dataclass(frozen=True)
class Host:
    """A machine. The same record for a live one, a recorded one and a test's."""

    files: Files
    run: Run
    udev: Udev
    netlink: Netlink
    ceph: Ceph = no_ceph
    secrets: Mapping[str, str] = field(default_factory=dict)
