# SPDX-License-Identifier: Apache-2.0
"""Effects: this node's etcd, alone or as a voter.

The first node's etcd goes on with what it holds: it is told where the others will reach it, and starts again. On any other
node what an etcd of its own held is put away, and it comes in as a learner, which has no vote before it has everything. All
of it may be cut short anywhere: what has been done is asked of etcd itself, and only the vote is written down, last.
"""

import time

from appliance.engine.apply import Report
from appliance.errors import ApplianceError, StepFailed
from appliance.host import etcdmembers
from appliance.host.etcd import Etcd, StoreError
from appliance.host.etcdmembers import Voter
from appliance.host.host import Host
from appliance.model.cluster import CA, CERTIFICATE, PRIVATE_KEY
from appliance.model.clustersteps import RunEtcd
from appliance.services.cluster.observe import ETCD, VOTES, began, etcd
from appliance.services.cluster.plan import DATA, TLS
from appliance.services.cluster.store import others

_HOME = "/var/lib/etcd"
FIRST = "/run/trivet/etcd.first"
"""What etcd is told at its first start as one of several, and at no other: its unit reads this file, too."""
_PATIENCE = 180.0
"""Seconds for the others to take a voter in: one comes after the other."""
_STEP = 1.0


class RunEtcdHandler:
    def done(self, step: RunEtcd, host: Host) -> bool:
        if not step.running:
            return not etcd(host)
        votes = host.files.read(VOTES) or ""
        return etcd(host) and votes == step.cluster and (not step.settings or began(host) == step.settings)

    def do(self, step: RunEtcd, host: Host, report: Report) -> None:
        if not step.running:
            self._stop(step, host)
            return
        host.run(["mkdir", "-p", _HOME])
        certify(host)
        if not step.cluster:
            _start(host)
        elif step.others and (host.files.read(VOTES) or "") != step.cluster:
            self._join(step, host, report)
        else:
            self._go_on(step, host)
        host.files.write(VOTES, step.cluster + "\n") if step.cluster else host.files.remove(VOTES)

    def _stop(self, step: RunEtcd, host: Host) -> None:
        if step.others and host.files.read(VOTES):
            withdraw(others(step.others), host)
        host.run(["systemctl", "stop", ETCD])
        if step.cluster:
            forget(host)  # what it holds is with the others, and would be old when it votes again

    def _go_on(self, step: RunEtcd, host: Host) -> None:
        """With what it holds, and the others know where it is: that they can only be told while it runs."""
        if step.others:
            _start(host, wait=False)  # after a power cut of all nodes it takes until others are back
            _begun(host)
            return
        if not etcd(host):
            _start(host)
        local = Etcd()
        me = _alone(local)
        if me.peer != step.peer:
            etcdmembers.move(local, me.id, step.peer)
        if began(host) != step.settings:
            _start(host)
        _alone(local)

    def _join(self, step: RunEtcd, host: Host, report: Report) -> None:
        there = others(step.others)
        host.run(["systemctl", "stop", ETCD], check=False)
        me = self._listed(step, host, there, report)
        if not me.name:
            forget(host)
            names = {each.peer: each.name for each in etcdmembers.voters(there)} | {step.peer: _name(host)}
            listed = ",".join(f"{name}={peer}" for peer, name in names.items() if name)
            host.files.write(FIRST, f"ETCD_INITIAL_CLUSTER={listed}\nETCD_INITIAL_CLUSTER_STATE=existing\n")
        try:
            _start(host)
        finally:
            host.files.remove(FIRST)
        end = time.monotonic() + _PATIENCE
        while me.learner:
            try:
                etcdmembers.promote(there, me.id)
                return
            except StoreError:
                me = next((each for each in etcdmembers.voters(there) if each.id == me.id), me)
                if time.monotonic() > end:
                    raise
                time.sleep(_STEP)

    def _listed(self, step: RunEtcd, host: Host, there: Etcd, report: Report) -> Voter:
        """This node among the voters, as a learner that may begin; or as what it was when it was cut short."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                found = etcdmembers.voters(there)
                mine = next((each for each in found if each.peer == step.peer), None)
                stale = [each for each in found if each is not mine and each.name == _name(host)]
                if mine and mine.name and not _holds(host):
                    stale.append(mine)  # it has begun once, and nothing is left of that
                if mine and mine not in stale:
                    return mine
                for each in stale:
                    etcdmembers.remove(there, each.id)
                etcdmembers.add(there, step.peer)
            except StoreError as error:  # another one is coming in, or has just come
                if time.monotonic() > end:
                    raise StepFailed(f"the cluster's etcd takes no voter in: {error.message}", error.hint) from None
                report.line(f"waits for the others: {error.message}")
                time.sleep(_STEP)


def withdraw(there: Etcd, host: Host) -> None:
    """This node votes no more."""
    for each in etcdmembers.voters(there):
        if each.name == _name(host):
            etcdmembers.remove(there, each.id)


def forget(host: Host) -> None:
    """What the etcd here held. It does not run."""
    host.files.remove(VOTES)
    host.run(["rm", "-rf", DATA])


def certify(host: Host) -> None:
    """Give etcd's user what it needs of the node's certificate; etcd itself reads it anew at each connection."""
    if host.files.read(CERTIFICATE) is not None:
        for source in (CA, CERTIFICATE, PRIVATE_KEY):
            host.files.write(f"{TLS}/{source.rpartition('/')[2]}", (host.files.read(source) or "") + "\n", 0o600)
        host.run(["chown", "--recursive", "etcd:etcd", TLS])


def _start(host: Host, *, wait: bool = True) -> None:
    # The image's numbers of users may change with a version, and what is bound here stays: it begins as root's, too.
    host.run(["chown", "--recursive", "etcd:etcd", _HOME])
    host.run(["systemctl", "reset-failed", ETCD], check=False)
    host.run(["systemctl", "restart", *(() if wait else ("--no-block",)), ETCD])


def _begun(host: Host) -> None:
    """Wait for its process."""
    end = time.monotonic() + _PATIENCE
    while not (etcd(host) and began(host)) and time.monotonic() < end:
        time.sleep(_STEP / 4)


def _name(host: Host) -> str:
    return host.files.read("/proc/sys/kernel/hostname") or ""


def _holds(host: Host) -> bool:
    return bool(host.files.list(f"{DATA}/member/wal"))


def _alone(local: Etcd) -> Voter:
    """The one voter that there is, as soon as it answers."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return etcdmembers.voters(local)[0]
        except ApplianceError:
            if time.monotonic() > end:
                raise StepFailed("etcd does not answer", "see `journalctl -u etcd`") from None
            time.sleep(_STEP / 4)
