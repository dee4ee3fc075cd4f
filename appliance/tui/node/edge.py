# SPDX-License-Identifier: Apache-2.0
"""What the node's console does, as opposed to shows: all of it passes here, and nowhere else.

Whatever changes the node is `trivet` as a child, so the console can do nothing that the command line cannot, and its death
stops nothing. Consoles share what they count of wrong passwords by a file under /run.
"""

import os
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

from appliance.errors import ApplianceError
from appliance.host import audit, child, errand
from appliance.host.host import Host
from appliance.host.lock import only_one
from appliance.model.bmc import BmcView
from appliance.model.clusterview import ClusterView
from appliance.model.poolreport import StorageView
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import RouterView
from appliance.node import bmc, errands
from appliance.node.errands import Errand
from appliance.node.published import uptime
from appliance.tui.node.lockout import Attempts
from appliance.tui.outcome import Work

FOLDER = "/run/trivet/console"
_ATTEMPTS = f"{FOLDER}/attempts.json"
_LOG_LINES = 1000
IDLE = 600
"""Seconds without a key after which somebody is logged out, of the console and of its shell."""
UNITS: dict[str, tuple[str, ...]] = {
    "trivetd": ("-u", "trivetd"),
    "trivet-console": ("-t", audit.IDENTITY),
    "kernel": ("-k",),
    "all": (),
}
"""What of the journal can be asked for."""


_TRIVET = (sys.executable, "-m", "appliance.cli.main")
Door = Literal["open", "no password", "unreadable"]
"""Can root's password be asked for? "unreadable": who runs this console is not root."""


class Edge(Protocol):
    """The effects of the console."""

    def attempts(self) -> Attempts:
        """The wrong passwords of late, on all consoles of this node."""

    def door(self) -> Door:
        """Whether there is a password that lets somebody in."""

    def opens(self, password: str) -> bool:
        """Is it root's? Counts it when it is not. ApplianceError when it cannot be said."""

    def note(self, text: str) -> None:
        """A line for the journal."""

    def start(self, *arguments: str, stdin: str = "") -> Work:
        """Start `trivet` with these; it outlives the console."""

    def works(self) -> list[Errand]:
        """What the consoles of this node have started of late, the newest first."""

    def work(self, done: Errand) -> Work:
        """One of these, to be looked at."""

    def stop(self, work: Work) -> None:
        """Ask it to end."""

    def shell(self) -> int:
        """A shell on this terminal, until it ends."""

    def vms(self) -> tuple[VmView, ...]:
        """The virtual machines of this node. Slow; ApplianceError when they cannot be asked for."""

    def networks(self) -> tuple[NetworkRecord, ...]:
        """The networks that they are on. As slow."""

    def cluster(self) -> ClusterView:
        """Who is in the cluster. As slow."""

    def routers(self) -> tuple[RouterView, ...]:
        """What connects those. As slow."""

    def storage(self) -> StorageView:
        """The pool and its disks. As slow."""

    def bmc(self) -> BmcView | None:
        """The board's own computer; None without one. As slow."""

    def serial(self, name: str, leave: str) -> int:
        """The serial line of a virtual machine on this terminal, until somebody leaves it; `leave` says how."""

    def power(self, verb: str) -> None:
        """ "reboot" or "poweroff", with a farewell to every service."""

    def log(self, unit: str) -> list[str]:
        """The last lines of the journal, one of UNITS."""


class LiveEdge:
    """Those of this machine."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._works = count(1)

    def attempts(self) -> Attempts:
        try:
            return Attempts.model_validate_json(self._host.files.read(_ATTEMPTS) or "{}")
        except ValueError:
            return Attempts()

    def _field(self) -> str | None:
        """Root's in /etc/shadow; None where it cannot be read."""
        text = self._host.files.read("/etc/shadow")
        return None if text is None else next((x.split(":")[1] for x in text.splitlines() if x.startswith("root:")), "")

    def door(self) -> Door:
        field = self._field()
        return "unreadable" if field is None else "open" if field.startswith("$") else "no password"

    def opens(self, password: str) -> bool:
        from appliance.host.password import matches  # noqa: PLC0415 - ctypes, which the status screen does not need

        with only_one(Path(f"{FOLDER}/login.lock"), "somebody logs in at another console", "try again"):
            now, before = uptime(self._host), self.attempts()
            if before.left(now):
                return False
            # Counted before it is looked at: who kills the console meanwhile gains no attempt. A full /run keeps nobody out.
            with suppress(OSError):
                self._host.files.write(_ATTEMPTS, before.failed(now).model_dump_json(), 0o600)
            good = matches(password, self._field() or "")
            if good:
                self._host.files.remove(_ATTEMPTS)
        self.note("root logged in" if good else f"wrong password, number {before.failed(now).failures}")
        return good

    def note(self, text: str) -> None:
        audit.note(text)

    def start(self, *arguments: str, stdin: str = "") -> Work:
        self.note(f"began: trivet {' '.join(arguments)}")
        errands.forget(self._host)
        begun = uptime(self._host)
        name = f"{begun * 100:012.0f}-{os.getpid()}-{next(self._works)}"  # in the order of time
        events = Path(errands.FOLDER) / f"{name}.jsonl"
        argv = [*_TRIVET, *arguments, "--json"]
        started = child.start(argv, stdin, events, errand.environment(events.with_suffix(".ended")))
        said = Errand(name=name, arguments=arguments, line=audit.terminal(), begun=begun, pid=started.pid)
        with suppress(OSError):  # a full /run keeps nobody from the work
            self._host.files.write(f"{errands.FOLDER}/{name}.json", said.model_dump_json())
        return Work(started, events)

    def works(self) -> list[Errand]:
        return errands.errands(self._host)

    def work(self, done: Errand) -> Work:
        return Work(errands.Following(self._host, done), Path(errands.FOLDER) / f"{done.name}.jsonl")

    def stop(self, work: Work) -> None:
        self.note(f"asked process {work.child.pid} to end")
        child.stop(work.child.pid)

    def shell(self) -> int:
        self.note("began: a shell")
        # At an idle prompt bash logs out by itself, as the console would.
        code = child.foreground(["bash", "--login"], {"TMOUT": str(IDLE)})
        self.note(f"the shell has ended with {code}")
        return code

    def vms(self) -> tuple[VmView, ...]:
        from appliance.node.vms import views  # noqa: PLC0415 - libvirt's and etcd's words, which only its pages need

        return views(self._host)

    def networks(self) -> tuple[NetworkRecord, ...]:
        from appliance.node.vms import networks  # noqa: PLC0415 - as above

        return networks(self._host)

    def cluster(self) -> ClusterView:
        return _cluster(self._host)

    def routers(self) -> tuple[RouterView, ...]:
        from appliance.node.vms import routers  # noqa: PLC0415 - as above

        return routers(self._host)

    def storage(self) -> StorageView:
        return _storage(self._host)

    def bmc(self) -> BmcView | None:
        return bmc.view(self._host)

    def serial(self, name: str, leave: str) -> int:
        self.note(f"began: trivet vm console {name}")
        print(leave, file=sys.__stdout__, flush=True)
        # Who forgets to leave it has left the door open that is behind it.
        code = child.foreground([*_TRIVET, "vm", "console", name], {}, idle=IDLE)
        self.note(f"the serial line of {name} was left with {code}")
        return code

    def power(self, verb: str) -> None:
        self.note(f"began: {verb}")
        try:
            self._host.run(["systemctl", verb])
        except ApplianceError as error:
            self.note(f"{verb}: failed: {error}")
            raise

    def log(self, unit: str) -> list[str]:
        argv = ["journalctl", "--no-pager", "--quiet", "-o", "short-iso", "-n", str(_LOG_LINES), *UNITS[unit]]
        return self._host.run(argv).stdout.splitlines()


class DryEdge:
    """Those of a recorded machine: whoever looks at it may log in, and nothing is done."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def attempts(self) -> Attempts:
        return Attempts()

    def door(self) -> Door:
        return "open"

    def opens(self, password: str) -> bool:
        return True

    def note(self, text: str) -> None:
        """There is nobody who would read it."""

    def start(self, *arguments: str, stdin: str = "") -> Work:
        raise _refused()

    def works(self) -> list[Errand]:
        return []

    def work(self, done: Errand) -> Work:
        raise _refused()

    def stop(self, work: Work) -> None:
        raise _refused()

    def shell(self) -> int:
        raise _refused()

    def vms(self) -> tuple[VmView, ...]:
        raise _refused()

    def networks(self) -> tuple[NetworkRecord, ...]:
        raise _refused()

    def cluster(self) -> ClusterView:
        return _cluster(self._host)

    def routers(self) -> tuple[RouterView, ...]:
        raise _refused()

    def storage(self) -> StorageView:
        return _storage(self._host)

    def bmc(self) -> BmcView | None:
        return bmc.view(self._host)

    def serial(self, name: str, leave: str) -> int:
        raise _refused()

    def power(self, verb: str) -> None:
        raise _refused()

    def log(self, unit: str) -> list[str]:
        raise _refused()


def _cluster(host: Host) -> ClusterView:
    from appliance.node.clusterview import view  # noqa: PLC0415 - asks all nodes, which only its page does

    return view(host)


def _storage(host: Host) -> StorageView:
    from appliance.node.storage import view  # noqa: PLC0415 - asks the pool, which only its page does

    return view(host)


def _refused() -> ApplianceError:
    return ApplianceError("this is a recorded machine: nothing is done on it", "run this on a node")
