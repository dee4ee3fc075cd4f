# SPDX-License-Identifier: Apache-2.0
"""Effects: what the monitor keeps. Settings, CRUSH rules, and the pool for VMs' disks."""

from typing import Any

from appliance.engine.apply import Handler, Report
from appliance.host.host import Host
from appliance.model.pool import Wish
from appliance.model.poolsteps import ConfigurePool, TunePool
from appliance.services.storage.monitor import answering
from appliance.services.storage.pool import INTERNAL, settings, wish_of

_FIRST_GROUPS = 32
"""Placement groups that a pool begins with; the autoscaler makes more as it fills."""


class _TunePool:
    def done(self, step: TunePool, host: Host) -> bool:
        answering(host)
        now = settings(host.ceph("config dump"))
        return all(now.get(key, "") == value for key, value in step.settings.items())

    def do(self, step: TunePool, host: Host, report: Report) -> None:
        now = settings(host.ceph("config dump"))
        for key, value in step.settings.items():
            who, _, name = key.rpartition("/")
            if not value:
                host.ceph("config rm", who=who, name=name)
            elif now.get(key) != value:
                host.ceph("config set", who=who, name=name, value=value)


class _ConfigurePool:
    def done(self, step: ConfigurePool, host: Host) -> bool:
        answering(host)
        dump, rules = host.ceph("osd dump"), host.ceph("osd crush rule dump")
        internal = wish_of(dump, rules, INTERNAL)
        same = internal is None or (internal.replicas, internal.domain) == (step.wish.replicas, step.wish.domain)
        return same and wish_of(dump, rules, step.pool) == step.wish and _offered(dump, step.pool)

    def do(self, step: ConfigurePool, host: Host, report: Report) -> None:
        wish = step.wish
        if wish.rule not in host.ceph("osd crush rule ls"):
            rule: dict[str, Any] = {"name": wish.rule, "root": "default", "type": wish.domain, "class": wish.device_class}
            host.ceph("osd crush rule create-replicated", **rule)
        dump = host.ceph("osd dump")
        present = {pool["pool_name"] for pool in dump["pools"]}
        if step.pool not in present:
            host.ceph("osd pool create", pool=step.pool, pool_type="replicated", rule=wish.rule,
                      pg_num=_FIRST_GROUPS, pgp_num=_FIRST_GROUPS, autoscale_mode="on")  # fmt: skip
        _become(host, step.pool, wish)
        if not _offered(dump, step.pool):
            host.ceph("osd pool application enable", pool=step.pool, app="rbd")
        if INTERNAL in present:
            _become(host, INTERNAL, wish)


def _become(host: Host, pool: str, wish: Wish) -> None:
    """Copies first: Ceph takes the least number down with them, and it is said after."""
    sure: dict[str, Any] = {"yes_i_really_mean_it": True} if wish.replicas == 1 else {}
    host.ceph("osd pool set", pool=pool, var="crush_rule", val=wish.rule)
    host.ceph("osd pool set", pool=pool, var="size", val=str(wish.replicas), **sure)
    host.ceph("osd pool set", pool=pool, var="min_size", val=str(wish.min_size))
    host.ceph("osd pool set", pool=pool, var="pg_autoscale_mode", val="on")


def _offered(dump: dict[str, Any], name: str) -> bool:
    """Is it known to be for RBD?"""
    return any(pool["pool_name"] == name and "rbd" in pool.get("application_metadata", {}) for pool in dump["pools"])


HANDLERS: dict[type, Handler] = {TunePool: _TunePool(), ConfigurePool: _ConfigurePool()}
