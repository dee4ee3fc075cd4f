# SPDX-License-Identifier: Apache-2.0
"""Which units of systemd run, from their control groups: without a command."""

from appliance.host.host import Host


def running(host: Host, unit: str) -> bool:
    """Has the unit processes? systemd makes its control group when it starts, and removes it when the last one has gone."""
    return bool(host.files.read(f"/sys/fs/cgroup/system.slice/{_slice(unit)}{unit}/cgroup.procs"))


def _slice(unit: str) -> str:
    """Units of a template have a slice together: `ceph-osd@3.service` is in `system-ceph\\x2dosd.slice`."""
    template, at, _ = unit.partition("@")
    escaped = template.replace("-", "\\x2d")
    return f"system-{escaped}.slice/" if at else ""
