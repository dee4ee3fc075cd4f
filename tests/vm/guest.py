# SPDX-License-Identifier: Apache-2.0
"""A guest that is at its shell seconds after its start, emulated: Debian's kernel, and an initramfs of the image's busybox.

The real guest agent runs in it. What is written into its disk is there after a restart; `sh` on the serial line and on the
agent's channel does what a story asks for.
"""

from __future__ import annotations

import base64
import json
import lzma
import shutil
import subprocess
import time
from pathlib import Path

from tests.vm.containers import ROOT, ContainerNode
from tests.vm.lab import BUILD
from tests.vm.process import LabError, command

FOLDER = BUILD / "guest"
KERNEL, INITRD = "guest-vmlinuz", "guest-initrd"
_LIBRARIES = ("libc.so.6", "libresolv.so.2", "libm.so.6", "libudev.so.1", "libnuma.so.1", "liburing.so.2",
              "libglib-2.0.so.0", "libgmodule-2.0.so.0", "libpcre2-8.so.0", "libatomic.so.1", "libcap.so.2")  # fmt: skip
_MODULES = ("button", "failover", "net_failover", "virtio_net", "virtio_blk")
_INIT = r"""#!/bin/sh
export PATH=/bin:/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/pts /run /tmp /var/run
mount -t devpts pts /dev/pts
for module in /modules/*.ko; do insmod $module; done
for channel in /sys/class/virtio-ports/*; do
    [ "$(cat $channel/name)" = org.qemu.guest_agent.0 ] && mkdir -p /dev/virtio-ports && \
        ln -s /dev/${channel##*/} /dev/virtio-ports/org.qemu.guest_agent.0
done
ip link set lo up
echo "guest: begins"
(while true; do
    for port in /sys/class/net/eth*; do
        name=${port##*/}
        [ -e "$port" ] && ! [ -e /run/$name ] && touch /run/$name && ip link set $name up && \
            udhcpc -i $name -t 5 -T 2 -b -q -s /bin/lease -x hostname:guest >/dev/null 2>&1 &
    done
    sleep 1
done) &
qemu-ga --daemonize --method=virtio-serial --path=/dev/virtio-ports/org.qemu.guest_agent.0 --statedir=/run --pidfile=/run/qga.pid
echo "guest: is at its shell"
while true; do setsid cttyhack sh; sleep 1; done
"""
_LEASE = r"""#!/bin/sh
case $1 in bound|renew)
    ip address replace $ip/$mask dev $interface; ip link set $interface mtu ${mtu:-1400}
    [ -n "$router" ] && ip route replace default via $router
    : > /etc/resolv.conf; for server in $dns; do echo nameserver $server >> /etc/resolv.conf; done
    echo "guest: $interface has $ip" > /dev/console ;;
esac
"""
_SHUTDOWN = "#!/bin/sh\nsync\nexec poweroff -f\n"


def agent() -> Path:
    """Debian's guest agent: of this host's packages, and nothing of it is installed here."""
    kept = FOLDER / "agent" / "usr" / "sbin" / "qemu-ga"
    if not kept.exists():
        folder = FOLDER / "agent"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "qemu-guest-agent"], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("qemu-guest-agent_*.deb")
        command("dpkg-deb", "-x", str(package), str(folder))
    return kept


def build() -> tuple[Path, Path]:
    """Kernel and initramfs; made once for a root file system."""
    kernel = ROOT / "boot" / "vmlinuz"
    made, stamp = FOLDER / INITRD, FOLDER / "made-of"
    now = f"{ROOT.resolve()} {Path(__file__).stat().st_mtime_ns}"
    if not made.exists() or not stamp.exists() or stamp.read_text() != now:
        _initramfs(made)
        stamp.write_text(now)
    return kernel, made


def _initramfs(target: Path) -> None:
    tree = FOLDER / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "sbin", "proc", "sys", "dev", "etc", "lib64", "lib/x86_64-linux-gnu", "modules", "mnt", "usr/sbin"):
        (tree / folder).mkdir(parents=True)
    root = ROOT.resolve()
    busybox = tree / "bin" / "busybox"
    shutil.copy(root / "usr/bin/busybox", busybox)
    shutil.copy(agent(), tree / "bin" / "qemu-ga")
    shutil.copy(root / "usr/lib64/ld-linux-x86-64.so.2", tree / "lib64")
    for name in _LIBRARIES:
        found = root / "usr/lib/x86_64-linux-gnu" / name
        if found.exists():
            shutil.copy(found.resolve(), tree / "lib/x86_64-linux-gnu" / name)
    for applet in command("chroot", str(root), "busybox", "--list").split():
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    for number, name in enumerate(_MODULES):
        (file,) = root.glob(f"usr/lib/modules/*/kernel/**/{name}.ko.xz")
        (tree / "modules" / f"{number}-{name}.ko").write_bytes(lzma.decompress(file.read_bytes()))
    for path, text in (("init", _INIT), ("bin/lease", _LEASE), ("sbin/shutdown", _SHUTDOWN)):
        (tree / path).write_text(text)
        (tree / path).chmod(0o755)
    command("sh", "-c", f"cd {tree} && find . | cpio --quiet -o -H newc | gzip -1 > {target}.new && mv {target}.new {target}")


def library(node: ContainerNode) -> None:
    """Put the guest's kernel and initramfs into the node's library."""
    for file, name in zip(build(), (KERNEL, INITRD), strict=True):
        shutil.copy(file, node.state / name)
        node.run(f"trivet image add /var/lib/trivet/{name} --name {name} && rm /var/lib/trivet/{name}")


class Guest:
    """A running VM of a node, by its agent."""

    def __init__(self, node: ContainerNode, name: str) -> None:
        self.node, self.name = node, name

    def wait(self, timeout: float = 300) -> Guest:
        """Until its agent answers: seconds, or minutes where others use the processors, too."""
        end = time.monotonic() + timeout
        while not self._ask({"execute": "guest-ping"}).startswith("{"):
            if time.monotonic() > end:
                log = self.node.run(f"trivet vm console {self.name} --log | tail -n 40", check=False)
                raise LabError(f"{self.name}: its agent does not answer\n{log}")
            time.sleep(0.5)
        return self

    def run(self, script: str, timeout: float = 180, check: bool = True) -> str:
        """What a shell in it prints."""
        words = {"path": "/bin/sh", "arg": ["-c", f"export PATH=/bin:/sbin; {script}"], "capture-output": True}
        begun = json.loads(self._ask({"execute": "guest-exec", "arguments": words}))["return"]["pid"]
        end = time.monotonic() + timeout
        while True:
            told = json.loads(self._ask({"execute": "guest-exec-status", "arguments": {"pid": begun}}))["return"]
            if told["exited"]:
                break
            if time.monotonic() > end:
                raise LabError(f"{self.name}: `{script}` did not end within {timeout:.0f} s")
            time.sleep(0.2)
        text = "".join(base64.b64decode(told.get(part, "")).decode() for part in ("out-data", "err-data")).rstrip("\n")
        if check and told.get("exitcode"):
            raise LabError(f"{self.name}: `{script}` ended with {told['exitcode']}:\n{text}")
        return text

    def _ask(self, words: dict[str, object]) -> str:
        return self.node.run(f"virsh --quiet qemu-agent-command {self.name} '{_quoted(words)}' 2>&1", check=False)


def _quoted(words: dict[str, object]) -> str:
    return json.dumps(words).replace("'", "'\\''")
