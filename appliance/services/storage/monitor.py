# SPDX-License-Identifier: Apache-2.0
"""Effects: monitor and manager. Keys are made by Ceph's own tool, in files that root and ceph alone can read."""

import time

from appliance.engine.apply import Handler, Report
from appliance.errors import ApplianceError, StepFailed
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.pool import ADMIN_KEYRING
from appliance.model.poolsteps import MakeMonitor, RunManager, RunMonitor
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
        store, work = f"{_LIB}/mon/ceph-{step.host}", f"{_LIB}/tmp/first"
        # What an interruption has left was never a pool: nothing is in it.
        host.run(["rm", "-rf", store, work])
        host.run(["mkdir", "-p", "-m", "0700", store, work, ADMIN_KEYRING.rpartition("/")[0]])
        keys = f"{work}/keys"
        host.run(["ceph-authtool", "--create-keyring", keys, "--gen-key", "--name", "mon.", "--cap", "mon", "allow *"])
        if host.files.read(ADMIN_KEYRING) is None:
            host.run(["ceph-authtool", "--create-keyring", ADMIN_KEYRING, "--gen-key", "--name", "client.admin", *_ALL])
            host.run(["chmod", "0600", ADMIN_KEYRING])
        host.run(["ceph-authtool", keys, "--import-keyring", ADMIN_KEYRING])
        bracketed = f"[{step.address}]" if ":" in step.address else step.address
        place = f"[v2:{bracketed}:3300/0]"
        host.run(["monmaptool", "--create", "--clobber", "--fsid", step.fsid, "--addv", step.host, place, f"{work}/map"])
        for path in (work, store):
            owned(host, path)
        names = ["--id", step.host, "--setuser", "ceph", "--setgroup", "ceph"]
        host.run(["ceph-mon", "--mkfs", *names, "--monmap", f"{work}/map", "--keyring", keys])
        host.run(["rm", "-rf", work])
        host.files.write(STATE, Made(fsid=step.fsid, host=step.host, address=step.address).model_dump_json() + "\n")


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


HANDLERS: dict[type, Handler] = {MakeMonitor: _MakeMonitor(), RunMonitor: _RunMonitor(), RunManager: _RunManager()}
