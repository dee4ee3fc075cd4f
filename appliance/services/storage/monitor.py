# SPDX-License-Identifier: Apache-2.0
"""Effects: monitor and manager. Keys are made by Ceph's own tool, in files that root and ceph alone can read."""

import time

from appliance.engine.apply import Handler, Report
from appliance.errors import ApplianceError, CommandError, StepFailed
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.pool import ADMIN_KEYRING, place
from appliance.model.poolsteps import AddMonitor, MakeMonitor, RemoveMonitor, RunManager, RunMonitor
from appliance.services.storage.pool import STATE, Made, made

_LIB = "/var/lib/ceph"
_ALL = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mds", "allow *", "--cap", "mgr", "allow *")
_PATIENCE = 120.0
"""Seconds for a monitor to answer: of emulated processors one takes 20."""


def answering(host: Host) -> None:
    """Wait until the monitor answers. ApplianceError when it does not in time."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            host.ceph("fsid")
            return
        except ApplianceError:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def owned(host: Host, path: str) -> None:
    """Give a file or folder, with all in it, to Ceph's user."""
    host.run(["chown", "--recursive", "ceph:ceph", path])


class _MakeMonitor:
    def done(self, step: MakeMonitor, host: Host) -> bool:
        return made(host) == Made(fsid=step.fsid, host=step.host, address=step.address)

    def do(self, step: MakeMonitor, host: Host, report: Report) -> None:
        if kept := made(host):
            raise StepFailed(f"this node is in the pool {kept.fsid} already", "plan again")
        store, work = _folder(step.host), f"{_LIB}/tmp/first"
        # What an interruption has left was never a pool: nothing is in it.
        host.run(["rm", "-rf", store, work])
        host.run(["mkdir", "-p", "-m", "0700", store, work, ADMIN_KEYRING.rpartition("/")[0]])
        keys = f"{work}/keys"
        host.run(["ceph-authtool", "--create-keyring", keys, "--gen-key", "--name", "mon.", "--cap", "mon", "allow *"])
        if host.files.read(ADMIN_KEYRING) is None:
            host.run(["ceph-authtool", "--create-keyring", ADMIN_KEYRING, "--gen-key", "--name", "client.admin", *_ALL])
            host.run(["chmod", "0600", ADMIN_KEYRING])
        host.run(["ceph-authtool", keys, "--import-keyring", ADMIN_KEYRING])
        where = place(step.address)
        host.run(["monmaptool", "--create", "--clobber", "--fsid", step.fsid, "--addv", step.host, where, f"{work}/map"])
        _store(host, step, work)


def _store(host: Host, step: MakeMonitor | AddMonitor, work: str) -> None:
    """The monitor's store, of the map and the keys in `work`; last of all it is said that it is there."""
    for path in (work, _folder(step.host)):
        owned(host, path)
    names = ["--id", step.host, "--setuser", "ceph", "--setgroup", "ceph"]
    host.run(["ceph-mon", "--mkfs", *names, "--monmap", f"{work}/map", "--keyring", f"{work}/keys"])
    host.run(["rm", "-rf", work])
    host.files.write(STATE, Made(fsid=step.fsid, host=step.host, address=step.address).model_dump_json() + "\n")


class _AddMonitor:
    def done(self, step: AddMonitor, host: Host) -> bool:
        return made(host) == Made(fsid=step.fsid, host=step.host, address=step.address)

    def do(self, step: AddMonitor, host: Host, report: Report) -> None:
        answering(host)
        if step.host in _members(host):
            # One of this name had its store on a disk that is gone: what is left of it is its place.
            host.ceph("mon rm", name=step.host)
        work, store = f"{_LIB}/tmp/join", _folder(step.host)
        host.run(["rm", "-rf", store, work])
        host.run(["mkdir", "-p", "-m", "0700", store, work])
        host.run(["ceph", "auth", "get", "mon.", "--out-file", f"{work}/keys"])
        host.run(["ceph", "mon", "getmap", "--out-file", f"{work}/map"])
        _store(host, step, work)


class _RemoveMonitor:
    def done(self, step: RemoveMonitor, host: Host) -> bool:
        answering(host)
        return step.host not in _members(host) and not (step.here and host.files.read(STATE))

    def do(self, step: RemoveMonitor, host: Host, report: Report) -> None:
        if step.host in _members(host):
            try:
                host.ceph("mon ok-to-rm", id=step.host)
            except CommandError as error:
                message = f"the monitor of {step.host} may not go: the others could not go on without it ({error.stderr.strip()})"
                raise StepFailed(message, "see that the monitors of the other control nodes run; `ceph -s` shows them") from None
            host.ceph("mon rm", name=step.host)
        host.ceph("auth rm", entity=f"mgr.{step.host}")
        if step.here:
            host.run(["systemctl", "stop", _monitor(step.host), _manager(step.host)])
            host.run(["rm", "-rf", _folder(step.host), f"{_LIB}/mgr/ceph-{step.host}"])
            host.files.remove(STATE)


def _folder(name: str) -> str:
    return f"{_LIB}/mon/ceph-{name}"


def _members(host: Host) -> list[str]:
    """The monitors by name, at work or not."""
    return [str(each["name"]) for each in host.ceph("mon dump")["mons"]]


class _RunMonitor:
    def done(self, step: RunMonitor, host: Host) -> bool:
        return running(host, _monitor(step.host))

    def do(self, step: RunMonitor, host: Host, report: Report) -> None:
        start(host, _monitor(step.host))


class _RunManager:
    def done(self, step: RunManager, host: Host) -> bool:
        return running(host, _manager(step.host))

    def do(self, step: RunManager, host: Host, report: Report) -> None:
        folder = f"{_LIB}/mgr/ceph-{step.host}"
        if host.files.read(f"{folder}/keyring") is None:
            answering(host)
            caps = ["mon", "allow profile mgr", "osd", "allow *", "mds", "allow *"]
            (given,) = host.ceph("auth get-or-create", entity=f"mgr.{step.host}", caps=caps)
            host.run(["mkdir", "-p", folder])
            host.files.write(f"{folder}/keyring", f"[mgr.{step.host}]\n\tkey = {given['key']}\n", 0o600)
            owned(host, folder)
        start(host, _manager(step.host))


def start(host: Host, unit: str) -> None:
    """Also what systemd has given up, after it ended too often."""
    host.run(["systemctl", "reset-failed", unit], check=False)
    host.run(["systemctl", "start", unit])


def _monitor(name: str) -> str:
    return f"ceph-mon@{name}.service"


def _manager(name: str) -> str:
    return f"ceph-mgr@{name}.service"


HANDLERS: dict[type, Handler] = {
    MakeMonitor: _MakeMonitor(),
    AddMonitor: _AddMonitor(),
    RemoveMonitor: _RemoveMonitor(),
    RunMonitor: _RunMonitor(),
    RunManager: _RunManager(),
}
