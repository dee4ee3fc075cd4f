# SPDX-License-Identifier: Apache-2.0
"""A machine that can be switched on. Its disks live in its folder and stay, over power cuts, restarts, new hardware."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vm import answers, images, memory
from tests.vm.console import Console, ConsoleError, Output
from tests.vm.machines import SWITCH, USER, Disk, Machine, Stick
from tests.vm.monitor import Gone, Monitor, options
from tests.vm.process import LabError, connect, end, free_port, spawn
from tests.vm.qemu import VARS, Wiring, argv, blockdev, disk_devices, stick_arguments
from tests.vm.ssh import Ssh
from tests.vm.tpm import start_tpm

RACE = "iotlb_to_section"
REVIVALS = 3
DIAGNOSIS = "trivet status; ip -br addr; systemctl --failed --no-pager; systemctl list-jobs --no-pager; journalctl -b -p err"

if TYPE_CHECKING:
    from tests.vm.lab import Lab


class VM:
    def __init__(self, lab: Lab, machine: Machine, folder: Path) -> None:
        self.lab = lab
        self.machine = machine
        self.folder = folder
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._console: Console | None = None
        self._monitor: Monitor | None = None
        self.ssh: Ssh | None = None
        self._incoming: Path | None = None
        self._revivals = 0
        self._stuck = False
        folder.mkdir(parents=True, exist_ok=True)

    # -- what it is made of -------------------------------------------------------------------------------------------

    def disk_file(self, name: str = "disk0") -> Path:
        return self.folder / f"{name}.qcow2"

    def become(self, machine: Machine) -> VM:
        """Other hardware around the same disks; the machine must be off."""
        self._must_be_off()
        self.machine = machine
        return self

    @property
    def console(self) -> Console:
        if self._console is None:
            raise LabError(f"{self.machine.name} was never started")
        return self._console

    @property
    def monitor(self) -> Monitor:
        if self._monitor is None:
            raise LabError(f"{self.machine.name} was never started")
        return self._monitor

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    # -- power --------------------------------------------------------------------------------------------------------

    def start(self, incoming: Path | None = None) -> VM:
        self._must_be_off()
        for disk in self.machine.disks:
            if not self.disk_file(disk.name).exists():
                images.create(self.disk_file(disk.name), disk.size)
        if self.machine.firmware != "bios" and not self.disk_file("efivars").exists():
            images.convert(VARS[self.machine.firmware], self.disk_file("efivars"), "raw", "qcow2")
        self._incoming = incoming
        self._revivals = 0
        self._console = None
        self._power_on()
        return self

    def _power_on(self) -> None:
        if self.machine.tpm:
            self._helpers.append(start_tpm(self.folder))
        port = free_port()
        cables = tuple(
            (index, self.lab.cable(nic.network, self.machine.name, index))
            for index, nic in enumerate(self.machine.nics)
            if nic.network != USER and not nic.network.startswith(SWITCH)
        )
        taps = tuple(
            (index, self.lab.tap(nic.network, self.machine.name, index))
            for index, nic in enumerate(self.machine.nics)
            if nic.network.startswith(SWITCH)
        )
        wiring = Wiring(self.folder, self.lab.accel, port, cables, str(self._incoming or ""), taps)
        for channel in ("serial", "qmp"):
            (self.folder / channel).unlink(missing_ok=True)
        self._stuck = False
        self._process = spawn(argv(self.machine, wiring), self.folder / "qemu.log")
        self.starts += 1
        try:
            if self._console is None:
                line, transcript = connect(self.folder / "serial"), self.folder / "console.log"
                self._console = Console(line, transcript, self.machine.name, self._revive, self._lost_timer)
            else:
                self._console.attach(connect(self.folder / "serial"))
            self._monitor = Monitor(self.folder / "qmp")
        except LabError as error:
            end(self._process)
            raise LabError(f"{self.machine.name}: {error}\n{self._qemu_log()}") from None
        if self._incoming:
            memory.load(self.monitor, self._incoming)
        reach = (22, self.lab.key, self.folder / "ssh", self.machine.reach) if self.machine.reach else ()
        self.ssh = Ssh(*(reach or (port, self.lab.key, self.folder / "ssh"))) if self.machine.nics else None
        self.monitor.do("cont")

    def _lost_timer(self) -> None:
        """The guest's kernel waits for ever for a tick that QEMU never gave it: as good as a crash of QEMU."""
        if self._process is not None and not self._stuck:
            self._stuck = True
            self._process.kill()

    def _revive(self) -> bool:
        """QEMU 10 with several emulated processors now and then aborts while firmware or kernel arrange memory, or loses the
        timer of a processor.

        That is not the product's fault, and for it no more than a power cut: the machine is switched on again, and the
        lab counts it.
        """
        crashed = self._process is not None and self._process.wait(5) != 0 and (self._stuck or RACE in self._qemu_log())
        if not crashed or self._incoming or self._revivals >= REVIVALS:
            return False
        self._revivals += 1
        self.lab.revived.append(self.machine.name)
        self._closed()
        shutil.move(self.folder / "qemu.log", self.folder / f"qemu-crash-{self.starts}.log")
        self._power_on()
        return True

    def _qemu_log(self) -> str:
        return (self.folder / "qemu.log").read_text()[-2000:]

    def kill(self) -> None:
        """The power goes: what the guest had not flushed is lost."""
        end(self._process)
        self._closed()

    def reset(self) -> None:
        self.monitor.do("system_reset")

    def powerdown(self, timeout: float = 120) -> None:
        """The power button, and the wait until it is off."""
        self.monitor.do("system_powerdown")
        self.wait_exit(timeout)

    def wait_exit(self, timeout: float) -> None:
        """Wait until the machine has switched itself off."""
        while True:
            if self._process is None:
                raise LabError(f"{self.machine.name} was never started")
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                raise ConsoleError(f"{self.machine.name}: still on after {timeout:.0f} s\n{self.console.tail()}") from None
            if not self._revive():
                break
        self._closed()

    def wait_reboot(self, timeout: float) -> None:
        """Wait until the guest resets the machine by itself."""
        while True:
            try:
                self.monitor.wait("RESET", timeout, guest=True)
                return
            except LabError as error:
                if isinstance(error, Gone) and self._revive():
                    continue
                raise ConsoleError(f"{self.machine.name}: {error}\n{self.console.tail()}") from None

    # -- a shell on it ------------------------------------------------------------------------------------------------

    def run(self, script: str, timeout: float = 60, check: bool = True) -> str:
        """The output of a shell script as root: over SSH where that was reached before, else on the serial line."""
        output = self.output(script, timeout)
        if check and not output.ok:
            raise ConsoleError(f"{self.machine.name}: `{script}` ended with {output.status}:\n{output.text[-3000:]}")
        return output.text

    def output(self, script: str, timeout: float = 60) -> Output:
        """As `run`, with the exit status instead of an error."""
        return self.ssh.run(script, timeout) if self.ssh and self.ssh.ready else self.console.run(script, timeout)

    def wait_ssh(self, timeout: float = 240, user: str = "root") -> None:
        if self.ssh is None:
            raise LabError(f"{self.machine.name} has no management NIC")
        try:
            self.ssh.wait(timeout, user, lambda: self.running or self._revive())
        except LabError as error:
            raise ConsoleError(f"{self.machine.name}: {error}\n{self._diagnosis()}") from None

    def _diagnosis(self) -> str:
        """What the machine says of itself on the serial line, when it cannot be reached otherwise."""
        with contextlib.suppress(ConsoleError, OSError):
            self.console.login("root", answers.PASSWORD, timeout=60)
            self.console.run(DIAGNOSIS, timeout=120)
        return self.console.tail()

    def push(self, source: Path, target: str) -> None:
        """Copy a folder's files over the guest's: by SSH, or fetched by the guest's curl from the lab."""
        archive = images.tar(source, self.folder / "push.tar")
        if self.ssh is not None and self.ssh.ready:
            self.ssh.put(archive, f"tar -x -C {target}")
            return
        with answers.files(self.folder) as url:
            self.run(f"curl -sS --fail {url}/push.tar | tar -x -C {target}")

    def push_code(self) -> None:
        """This checkout's `appliance` instead of the image's, in the running machine, in seconds."""
        site = self.run("ls -d /usr/lib/trivet/venv/lib/python3*/site-packages").strip()
        self.push(self.lab.repo / "appliance", f"{site}/appliance")
        # The image's bytecode never looks at its source, so that builds are the same; it would win over what was pushed.
        self.run(f"find {site}/appliance -name __pycache__ -prune -exec rm -r {{}} +")

    # -- hardware while it runs ---------------------------------------------------------------------------------------

    def unplug(self, name: str, timeout: float = 60) -> None:
        """Pull a disk, stick or card out. PCIe asks the guest first, as a hot-swap bay does."""
        after = len(self.monitor.events)
        self.monitor.do("device_del", id=name)
        self.monitor.wait("DEVICE_DELETED", timeout, after=after, device=name)
        with contextlib.suppress(LabError):
            self.monitor.do("blockdev-del", **{"node-name": f"node-{name}"})
        self.machine = replace(
            self.machine,
            disks=tuple(disk for disk in self.machine.disks if disk.name != name),
            sticks=tuple(stick for stick in self.machine.sticks if stick.name != name),
        )

    def plug(self, disk: Disk, port: str = "port-spare0") -> None:
        """Put a disk in while it runs (SATA cannot). Its file is made if it is not there."""
        file = self.disk_file(disk.name)
        if not file.exists():
            images.create(file, disk.size)
        self.monitor.do("blockdev-add", **options(blockdev(disk.name, file)))
        bus = port
        if disk.bus == "scsi":
            if not any(other.bus == "scsi" for other in self.machine.disks):
                self.monitor.do("device_add", driver="virtio-scsi-pci", id="scsi", bus=port)
            bus = "scsi.0"
        for device in disk_devices(disk, bus, 4000 + len(self.machine.disks)):
            self.monitor.do("device_add", **options(device))
        self.machine = replace(self.machine, disks=(*self.machine.disks, disk))

    def sees(self, disk: Disk) -> None:
        """Wait until the guest, whose shell is reached, knows a disk that was put in: settled is also who has not heard of it."""
        self.run(f"until lsblk -dno SERIAL | grep -qx '{disk.serial}'; do sleep 0.2; done; udevadm settle", timeout=90)

    def plug_stick(self, stick: Stick) -> None:
        for words, method in zip(
            stick_arguments(stick, 5000 + len(self.machine.sticks)), ("blockdev-add", "device_add"), strict=True
        ):
            self.monitor.do(method, **options(words))
        self.machine = replace(self.machine, sticks=(*self.machine.sticks, stick))

    def cable(self, nic: int, plugged: bool) -> None:
        self.monitor.do("set_link", name=f"nic{nic}", up=plugged)

    # -- moments that one can come back to ----------------------------------------------------------------------------

    def snapshot(self, name: str) -> None:
        """Keep this moment under a name. A running machine goes on from it; its memory is kept too.

        The disks as they are become read-only bases under fresh overlays, so any number of machines can start from them.
        (QEMU's NVMe cannot save its state: a machine with one is kept switched off.)
        """
        folder = self.lab.snapshot_folder(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        alive = self.running
        if alive:
            memory.save(self.monitor, folder / "memory")
            end(self._process)
            self._closed()
        files = [disk.name for disk in self.machine.disks] + ["efivars"] * (self.machine.firmware != "bios")
        for file in map(self.disk_file, files):
            shutil.move(file, folder / file.name)
        (folder / "done").touch()
        self.restore(name, start=alive)

    def restore(self, name: str, start: bool = True) -> VM:
        """Go to a kept moment, with disks of one's own from there on. Takes seconds, however long the way to it was.

        A disk that the machine did not have at that moment stays as it is, ready to be plugged in.
        """
        folder = self.lab.snapshot_folder(name)
        if self.running:
            self.kill()
        for file in folder.glob("*.qcow2"):
            (self.folder / file.name).unlink(missing_ok=True)
            images.overlay(file, self.folder / file.name)
        kept = folder / "memory"
        return self.start(kept if kept.exists() else None) if start else self

    # -- its end ------------------------------------------------------------------------------------------------------

    def _must_be_off(self) -> None:
        if self.running:
            raise LabError(f"{self.machine.name} is running")

    def _closed(self) -> None:
        if self.ssh:
            self.ssh.close()
        if self._monitor:
            self._monitor.close()
        if self._console:
            time.sleep(0.05)  # let the reader take what is still in the socket
            self._console.close()
        for helper in self._helpers:
            end(helper)
        self._helpers.clear()
