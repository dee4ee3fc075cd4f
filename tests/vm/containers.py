# SPDX-License-Identifier: Apache-2.0
"""Container nodes: the image's own root file system, booted whole by systemd-nspawn, several side by side in seconds.

    with ContainerLab(folder) as lab:
        n1 = lab.node(Node("n1"))
        n1.start()
        n1.run("systemctl is-system-running --wait")

One holder process keeps a network and a mount namespace with the lab's bridges. Each node runs in there, in a process namespace
of its own whose first process dies with the test run; then the kernel takes everything away: processes, mounts, links.
What a container lacks, stories must do in machines: kernel modules, device-mapper, boot loaders, hardware.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.vm import nspawn
from tests.vm.console import Console, ConsoleError, Output, Pty
from tests.vm.lab import BUILD, REPO, push
from tests.vm.loops import LoopDisk, binds, static_files
from tests.vm.namespaces import find_init, members
from tests.vm.nspawn import Node
from tests.vm.process import MORTAL, LabError, command, end, wait_for

ROOT = BUILD / "root"
DEPTH = 3
"""Process namespaces, one in the other: this host's, the mortal one around nspawn, the node's."""

LLDP = ("group_fwd_mask", "0x4000")
"""A bridge keeps LLDP to itself, as a switch does. Here it stands for a cable."""


def cgroups() -> Path:
    """Where this host has version 2 of its control groups."""
    hybrid = Path("/sys/fs/cgroup/unified")
    return hybrid if hybrid.exists() else hybrid.parent


def remove_group(group: Path) -> None:
    """With all below it, as soon as the kernel has let its processes go."""

    def gone() -> bool:
        with contextlib.suppress(OSError):
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()
        return not group.exists()

    wait_for(f"{group} to be empty", gone, 20, 0.05)


class ContainerLab:
    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        if not (root / "usr" / "lib" / "systemd" / "systemd").exists():
            raise LabError(f"no root file system at {root}: run `make iso`")
        self.root = root.resolve()
        self.folder = folder
        self.nodes: dict[str, ContainerNode] = {}
        self._bridges: set[str] = set()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        words = [*MORTAL, "unshare", "--net", "--mount", "--propagation", "slave", "sleep", "infinity"]
        self._holder = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        own = os.readlink("/proc/self/ns/net")
        wait_for("the lab's namespaces", lambda: self._link_of_holder() not in ("", own), 10, 0.01)
        self.command("ip", "link", "set", "lo", "up")

    def __enter__(self) -> ContainerLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def node(self, node: Node) -> ContainerNode:
        """The node, switched off, as the image left the factory."""
        made = ContainerNode(self, node, self.folder / node.name)
        self.nodes[node.name] = made
        return made

    def bridge(self, network: str) -> str:
        name = f"br-{network}"
        if network not in self._bridges:
            self.command("ip", "link", "add", name, "type", "bridge", "forward_delay", "0", *LLDP)
            self.command("ip", "link", "set", name, "up")
            self._bridges.add(network)
        return name

    def code(self, source: Path) -> tuple[str, str]:
        """A bind that gives a node a checkout's `appliance` instead of the image's: always as it is now, without a copy."""
        found = sorted((self.root / "usr/lib/trivet/venv/lib").glob("python3*/site-packages/appliance"))
        if not found:
            raise LabError(f"no Trivet in {self.root}")
        return str(source), f"/{found[0].relative_to(self.root)}"

    def inside(self) -> list[str]:
        """The words before a command that shall run in the lab's namespaces."""
        return ["nsenter", "--target", str(self._holder.pid), "--net", "--mount"]

    def command(self, *words: str) -> str:
        return command(*self.inside(), *words)

    def close(self) -> None:
        for node in self.nodes.values():
            node.kill()
            node.release()
        end(self._holder)

    def _link_of_holder(self) -> str:
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{self._holder.pid}/ns/net")
        return ""


class ContainerNode:
    def __init__(self, lab: ContainerLab, node: Node, folder: Path) -> None:
        self.lab = lab
        self.node = node
        self.folder = folder
        self.console: Console
        self._process: subprocess.Popen[bytes] | None = None
        self._loops: list[LoopDisk] = []
        self._init = 0
        self._frozen = False
        # Two systemds in one control group would take each other's processes for their own, and end them.
        self._group = cgroups() / f"trivet-lab-{os.getpid()}-{node.name}"
        for part in ("merged", "state"):
            (folder / part).mkdir(parents=True)

    @property
    def state(self) -> Path:
        """What the node sees as /var/lib/trivet: it stays over kill and start."""
        return self.folder / "state"

    @property
    def disks(self) -> list[str]:
        return [loop.device for loop in self._loops]

    @property
    def loops(self) -> list[LoopDisk]:
        return self._loops

    def plug(self, order: str) -> LoopDisk:
        """Put another disk in while it runs."""
        disk = LoopDisk(self.folder, self.node.name, len(self._loops), order)
        self._loops.append(disk)
        major, minor = disk.number
        self.run(f"mknod {disk.device} b {major} {minor} && chgrp disk {disk.device}")
        return disk

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # -- power --------------------------------------------------------------------------------------------------------

    def start(self, timeout: float = 60) -> ContainerNode:
        """Boot, and wait until the service manager is up (not until all its services are)."""
        if self.running:
            raise LabError(f"{self.node.name} is running")
        self._forget()
        self._attach_disks()
        merged = self.folder / "merged"
        overlay = f"lowerdir={self.lab.root},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        own_run = "mkdir -p /run/systemd/nspawn && mount -t tmpfs lab /run/systemd/nspawn"
        own_group = f"mkdir {self._group} && echo 0 > {self._group}/cgroup.procs"
        script = f'{own_run} && {own_group} && mount -t overlay overlay -o {overlay} {merged} && exec "$@"'
        isolate = [
            "unshare",
            "--mount",
            "--propagation",
            "slave",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
        ]
        master, slave = pty.openpty()
        words = [*MORTAL, *self.lab.inside(), *isolate, "sh", "-c", script, "sh", *self._argv(merged)]
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "TERM": "linux"}
        self._process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        self.console = Console(Pty(master), self.folder / "console.log", self.node.name)
        try:
            self._init = wait_for(f"the first process of {self.node.name}", self._find_init, timeout)
            self._cable_up()
            wait_for(f"systemd of {self.node.name}", lambda: self.output("systemctl show-environment", 10).ok, timeout)
            # A cable carries whole checksums; between namespaces they are left out, and Open vSwitch in user space minds.
            for index in range(len(self.node.networks)):
                self.run(f"ethtool -K eth{index} tx off")
        except LabError as error:
            raise ConsoleError(f"{self.node.name}: {error}\n{self.console.tail()}") from None
        return self

    def kill(self) -> None:
        """The power goes: everything in the node ends at once, its files stay."""
        if self._init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
        end(self._process)
        if self._process:
            self.console.close()
            for index in range(len(self.node.networks)):  # the kernel takes its time to do so
                with contextlib.suppress(LabError):
                    self.lab.command("ip", "link", "delete", self.link(index))
            remove_group(self._group)
        self._process, self._init, self._frozen = None, 0, False

    def freeze(self) -> None:
        """All processes stand still, as on a host whose storage or firmware hangs: links stay up, nothing answers."""
        self._frozen = True
        seen: set[int] = set()
        while fresh := set(members(self._init)) - seen:
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            seen |= fresh

    def thaw(self) -> None:
        self._frozen = False
        for pid in members(self._init):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # -- network ------------------------------------------------------------------------------------------------------

    def link(self, index: int) -> str:
        """The lab's end of eth<index>."""
        return f"v{index}-{self.node.name}"[:15]

    def cut_off(self, index: int = 0) -> None:
        """The switch no longer forwards for this port; the link itself stays up."""
        self.lab.command("ip", "link", "set", self.link(index), "nomaster")

    def reconnect(self, index: int = 0) -> None:
        self.lab.command("ip", "link", "set", self.link(index), "master", self.lab.bridge(self.node.networks[index]))

    def cable(self, index: int, plugged: bool) -> None:
        self.lab.command("ip", "link", "set", self.link(index), "up" if plugged else "down")

    # -- a shell on it ------------------------------------------------------------------------------------------------

    def output(self, script: str, timeout: float = 60) -> Output:
        if not self._init or self._frozen:
            raise LabError(f"{self.node.name} is {'frozen' if self._frozen else 'not running'}")
        enter = ["nsenter", "--target", str(self._init), "--all", "--"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        words = [*MORTAL, *enter, "env", "-i", path, "HOME=/root", "LANG=C.UTF-8", "sh", "-s"]
        try:
            done = subprocess.run(
                words,
                input=script.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.node.name}: `{script}` did not end within {timeout:.0f} s") from None
        return Output(done.returncode, done.stdout.decode(errors="replace").rstrip("\n"))

    def run(self, script: str, timeout: float = 60, check: bool = True) -> str:
        output = self.output(script, timeout)
        if check and not output.ok:
            raise ConsoleError(f"{self.node.name}: `{script}` ended with {output.status}:\n{output.text[-3000:]}")
        return output.text

    # -- details ------------------------------------------------------------------------------------------------------

    def release(self) -> None:
        for loop in self._loops:
            loop.close()
        self._loops.clear()
        shutil.rmtree(self.folder / "upper", ignore_errors=True)
        shutil.rmtree(self.folder / "work", ignore_errors=True)

    def _forget(self) -> None:
        """What was written over the image is gone with the power, as on a machine: only the state stays."""
        for part in ("upper", "work"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
            (self.folder / part).mkdir()
        if push():
            static_files(REPO / "elements", self.folder / "upper")
        nspawn.prepare(self.folder / "upper", self.node)

    def _argv(self, merged: Path) -> list[str]:
        code = (self.lab.code(REPO / "appliance"),) if push() else ()
        disks = (*((disk, disk) for disk in self.disks), *binds(self.folder)) if self._loops else ()
        bound = ((str(self.state), "/var/lib/trivet"), *disks, *self.node.binds, *code)
        return nspawn.argv(self.node, merged, [self.link(index) for index in range(len(self.node.networks))], bound)

    def _cable_up(self) -> None:
        for index, network in enumerate(self.node.networks):
            set_mac = ("ip", "link", "set", f"eth{index}", "address", self.node.mac(index))
            command("nsenter", "--target", str(self._init), "--net", *set_mac)
            self.lab.command("ip", "link", "set", self.link(index), "master", self.lab.bridge(network), "up")

    def _attach_disks(self) -> None:
        for index, order in enumerate(self.node.disks[len(self._loops) :], start=len(self._loops)):
            self._loops.append(LoopDisk(self.folder, self.node.name, index, order))

    def _find_init(self) -> int | None:
        if self._process is None or not self.running:
            time.sleep(0.1)  # let its last words reach the console
            raise LabError("systemd-nspawn ended")
        return find_init(self._process.pid, DEPTH)
