# SPDX-License-Identifier: Apache-2.0
"""A machine lab: QEMU machines with real-looking hardware, in a private folder, dead when the test run is.

    with Lab(folder) as lab:
        vm = lab.machine(Machine("n1", disks=(Disk(),), cdrom=str(lab.iso)))
        vm.start()
        vm.console.expect("login:", timeout=180)

What was built (`build/`) is looked up here, and only here.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.vm import accel
from tests.vm.machines import Machine
from tests.vm.process import LabError, command
from tests.vm.switch import Switch
from tests.vm.vm import VM

REPO = Path(__file__).resolve().parents[2]
_ENDS = ("a", "b")
BUILD = Path(os.environ.get("TRIVET_BUILD", REPO / "build"))


def push() -> bool:
    """TRIVET_LAB_PUSH=1: stories take this checkout's Python where they can, for the time between two builds of the ISO."""
    return bool(os.environ.get("TRIVET_LAB_PUSH"))


class Lab:
    """`folder` is for this story alone; `shared` has what stories share: a key, moments of installed machines."""

    def __init__(self, folder: Path, shared: Path | None = None) -> None:
        self.repo = REPO
        self.folder = folder
        self.shared = shared or folder
        self.machines: dict[str, VM] = {}
        self.revived: list[str] = []
        self.keep_disks = False
        self._switches: dict[str, Switch] = {}
        self._cables: dict[str, list[tuple[str, int]]] = {}
        self._accel = ""
        shutil.rmtree(folder, ignore_errors=True)
        for each in (self.folder, self.shared):
            each.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def machine(self, machine: Machine) -> VM:
        """The machine, switched off, with empty disks."""
        if machine.name in self.machines:
            raise LabError(f"there is a machine {machine.name} already")
        vm = VM(self, machine, self.folder / machine.name)
        self.machines[machine.name] = vm
        return vm

    def close(self) -> None:
        for vm in self.machines.values():
            vm.kill()
            for file in [] if self.keep_disks else vm.folder.glob("*.qcow2"):
                file.unlink()
        for switch in self._switches.values():
            switch.close()

    def switch(self, network: str) -> Switch:
        """The switch of this name, which is made at the first call."""
        if network not in self._switches:
            self._switches[network] = Switch(f"lab{os.getpid() % 10_000}-{len(self._switches)}")
        return self._switches[network]

    def tap(self, network: str, machine: str, nic: int) -> str:
        """This host's end of a card's cable to a switch."""
        return self.switch(network).port(f"{machine}.{nic}")

    def cable(self, name: str, machine: str, nic: int) -> tuple[Path, Path]:
        """The sockets at this end of a cable and at the other. What is sent into it comes out there, and nowhere else."""
        ends = self._cables.setdefault(name, [])
        if (machine, nic) not in ends:
            ends.append((machine, nic))
        if len(ends) > len(_ENDS):
            raise LabError(f"the cable {name} has two ends: {ends}")
        here, there = (_ENDS, _ENDS[::-1])[ends.index((machine, nic))]
        return self.folder / f"{name}-{here}", self.folder / f"{name}-{there}"

    def snapshot_folder(self, name: str) -> Path:
        return self.shared / "moments" / name

    def has_snapshot(self, name: str) -> bool:
        return (self.snapshot_folder(name) / "done").exists()

    @property
    def accel(self) -> str:
        if not self._accel:
            self._accel = accel.accel(self.kernel if self.kernel.exists() else None)
        return self._accel

    @property
    def patience(self) -> float:
        """How much longer than on real hardware one waits."""
        return 1.0 if self.accel == "kvm" else 4.0

    @property
    def key(self) -> Path:
        file = self.shared / "key"
        if not file.exists():
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(file))
        return file

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text().strip()

    @property
    def iso(self) -> Path:
        found = sorted(BUILD.glob("trivet-*.iso"), key=lambda file: file.stat().st_mtime)
        if not found:
            raise LabError("no ISO in build/: run `make iso`")
        return found[-1]

    @property
    def kernel(self) -> Path:
        """The live system's kernel, to be started directly where firmware and boot menu are not the point."""
        return BUILD / "pxe" / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return BUILD / "pxe" / "initrd.img"

    @property
    def image(self) -> dict[str, Any]:
        """`live/image.json` of the ISO: what a slot must hold."""
        out = self.folder / "image.json"
        out.unlink(missing_ok=True)
        command("xorriso", "-osirrox", "on", "-indev", str(self.iso), "-extract", "/live/image.json", str(out))
        found: dict[str, Any] = json.loads(out.read_text())
        return found
