# SPDX-License-Identifier: Apache-2.0
"""Effects: OSDs made, started, taken out; their caches given and given up.

What ceph-volume does, in its form (its listing knows our OSDs), and not by it: it invents an OSD's uuid where the plan says one,
so that an addition that was interrupted would leave an OSD that nobody has; and each call is two starts of Python, 10 s on
emulated processors. An OSD's key is in the label of its own disk, as there: its folder is made of that at each start.
"""

import base64
import json
import os
import struct
import time
from typing import Any

from appliance.engine.apply import Handler, Report
from appliance.errors import CommandError, StepFailed
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.poolsteps import AddCache, AddOsd, DropCache, RemoveOsd, StartOsd
from appliance.model.storage import Disk
from appliance.services.storage import fast, removal, volume
from appliance.services.storage.devices import disk_link, erase, expected, refresh
from appliance.services.storage.monitor import answering, owned, start
from appliance.services.storage.observe import observe_disk

_UP_SECONDS = 180
_BUSY = 11
"""ceph-osd ends with this (EAGAIN) when udev has the disk open to look at it."""
_TRIES = 5


def folder(osd: int) -> str:
    """Where an OSD's files are, in memory: made of its disk's label."""
    return f"/var/lib/ceph/osd/ceph-{osd}"


def unit(osd: int) -> str:
    """Its daemon."""
    return f"ceph-osd@{osd}.service"


class _AddOsd:
    def done(self, step: AddOsd, host: Host) -> bool:
        answering(host)
        osd = _known(host, step.uuid)
        return osd is not None and bool(osd["up"])

    def do(self, step: AddOsd, host: Host, report: Report) -> None:
        disk = _taken(host, step)
        if (old := _known(host, step.uuid)) is not None:
            # An addition that was interrupted, or a disk that was erased: nothing is on it, whatever the map says.
            host.ceph("osd purge", id=int(old["osd"]), force=True, yes_i_really_mean_it=True)
        if disk.fingerprint:
            erase(host, disk)
        cached = step.fast is not None and step.fast.use == "cache"
        device = _volume(host, step) if cached else disk.link
        key = new_key()
        secrets = {"cephx_secret": key, "crush_device_class": step.device_class}
        osd = int(host.ceph("osd new", uuid=step.uuid, stdin=json.dumps(secrets))["osdid"])
        _mkfs(host, osd, step, device, key)
        if cached:
            volume.tag(host, step.uuid, step.fsid, osd)
        start(host, unit(osd))
        _wait_up(host, step.uuid, osd)


def new_key() -> str:
    """A key as Ceph makes one: its kind, when it was made, its length, 16 bytes of chance."""
    now = time.time()
    head = struct.pack("<hiih", 1, int(now), int(now % 1 * 1e9), 16)
    return base64.b64encode(head + os.urandom(16)).decode()


def _taken(host: Host, step: AddOsd) -> Disk:
    """The disk, as it was agreed to. What an interrupted addition of this OSD has built on it is taken apart before."""
    disk = observe_disk(host, step.disk)
    begun = disk is not None and disk.osd is not None and disk.osd.uuid == step.uuid and disk.osd.id < 0
    if disk is None or not begun or disk.fingerprint != step.expects:
        return expected(host, step.disk, step.expects)
    volume.take_apart(host, step.uuid)
    refresh(host, disk.link)  # else what was there is still said of it, for an instant
    left = observe_disk(host, step.disk)
    return expected(host, step.disk, left.fingerprint if left else step.expects)


def _volume(host: Host, step: AddOsd) -> str:
    """What an OSD with a cache stands on."""
    volume.make(host, step.disk, step.uuid)
    volume.tag(host, step.uuid, step.fsid)
    if step.fast:
        volume.add_cache(host, step.uuid, step.fast)
    volume.activate(host, step.uuid)
    return volume.device(step.uuid)


def _mkfs(host: Host, osd: int, step: AddOsd, device: str, key: str) -> None:
    path = folder(osd)
    _mount(host, path)
    host.run(["ln", "-sfn", device, f"{path}/block"])
    part = volume.partition(host, step.fast) if step.fast and step.fast.use == "db" else ""
    database = ["--bluestore-block-db-path", part] if part else []
    for name in (device, *([part] if part else [])):
        host.run(["chown", "--dereference", "ceph:ceph", name])
    owned(host, path)
    argv = ["ceph-osd", "--mkfs", "--id", str(osd), "--osd-data", path, "--osd-uuid", step.uuid, "--osd-objectstore", "bluestore",
            "--keyfile", "-", "--setuser", "ceph", "--setgroup", "ceph", *database]  # fmt: skip
    for last in [False] * (_TRIES - 1) + [True]:
        result = host.run(argv, stdin=key, check=False)
        if not result.code:
            break
        if last or result.code != _BUSY:
            raise CommandError(argv, result.code, result.stderr)
        time.sleep(1)
    # Only what the disk's own label gives is there at each start: it shall be so at the first one, too.
    prime(host, osd, step.uuid, device, db=bool(part))


def _mount(host: Host, path: str) -> None:
    host.run(["mkdir", "-p", path])
    mounts = host.files.read("/proc/self/mountinfo") or ""
    if f" {path} " not in mounts:
        host.run(["mount", "-t", "tmpfs", "-o", "mode=0750,size=1m", "tmpfs", path])


def prime(host: Host, osd: int, uuid: str, device: str, *, db: bool) -> None:
    """Make an OSD's folder of its disk."""
    path = folder(osd)
    _mount(host, path)
    host.run(["rm", "-f", f"{path}/block", f"{path}/block.db"])
    host.run(["ceph-bluestore-tool", "prime-osd-dir", "--path", path, "--no-mon-config", "--dev", device])
    links = {"block": device} | ({"block.db": volume.part_link(fast.part_uuid(uuid))} if db else {})
    for name, target in links.items():
        host.run(["ln", "-sfn", target, f"{path}/{name}"])
        host.run(["chown", "--dereference", "ceph:ceph", target])
    owned(host, path)


def _known(host: Host, uuid: str) -> dict[str, Any] | None:
    """An OSD of the monitor's map, by its uuid."""
    return next((osd for osd in host.ceph("osd dump")["osds"] if osd["uuid"] == uuid), None)


def _wait_up(host: Host, uuid: str, osd: int) -> None:
    end = time.monotonic() + _UP_SECONDS
    while not (known := _known(host, uuid)) or not known["up"]:
        if time.monotonic() > end:
            raise StepFailed(f"osd.{osd} is not up after {_UP_SECONDS} s", f"see `journalctl -u {unit(osd)}`")
        time.sleep(0.5)


class _StartOsd:
    def done(self, step: StartOsd, host: Host) -> bool:
        return running(host, unit(step.osd))

    def do(self, step: StartOsd, host: Host, report: Report) -> None:
        if step.lvm:
            volume.activate(host, step.uuid)
        device = volume.device(step.uuid) if step.lvm else disk_link(host, step.disk)
        prime(host, step.osd, step.uuid, device, db=step.db)
        start(host, unit(step.osd))


class _DropCache:
    def done(self, step: DropCache, host: Host) -> bool:
        return not volume.cached(host, step.uuid) and running(host, unit(step.osd))

    def do(self, step: DropCache, host: Host, report: Report) -> None:
        host.run(["systemctl", "stop", unit(step.osd)])
        if volume.cached(host, step.uuid):
            volume.drop_cache(host, step.uuid)
        volume.activate(host, step.uuid)
        prime(host, step.osd, step.uuid, volume.device(step.uuid), db=False)
        start(host, unit(step.osd))


class _AddCache:
    def done(self, step: AddCache, host: Host) -> bool:
        return volume.cached(host, step.uuid)

    def do(self, step: AddCache, host: Host, report: Report) -> None:
        volume.add_cache(host, step.uuid, step.fast)


class _RemoveOsd:
    def done(self, step: RemoveOsd, host: Host) -> bool:
        return _known(host, step.uuid) is None and (not step.disk or _blank(host, step.disk))

    def do(self, step: RemoveOsd, host: Host, report: Report) -> None:
        known = _known(host, step.uuid)
        if known is not None:
            removal.allow(host, step, report)
        host.run(["systemctl", "stop", unit(step.osd)])
        if known is not None:
            removal.forget(host, step)
        host.run(["umount", folder(step.osd)], check=False)  # it may never have been started here
        if step.lvm or not step.disk:
            volume.take_apart(host, step.uuid)
        if step.cache:
            volume.remove_partition(host, step.cache, fast.part_uuid(step.uuid))
        if step.disk and not _blank(host, step.disk):
            disk = observe_disk(host, step.disk)
            if disk is None or disk.osd is None or disk.osd.uuid == step.uuid:
                erase(host, expected(host, step.disk, disk.fingerprint if disk else ""))


def _blank(host: Host, name: str) -> bool:
    disk = observe_disk(host, name)
    return disk is None or not disk.fingerprint


HANDLERS: dict[type, Handler] = {
    AddOsd: _AddOsd(),
    StartOsd: _StartOsd(),
    RemoveOsd: _RemoveOsd(),
    DropCache: _DropCache(),
    AddCache: _AddCache(),
}
