# SPDX-License-Identifier: Apache-2.0
"""Units of systemd, as the kernel has them."""

from appliance.host.host import Host


def running(host: Host, unit: str) -> bool:
    """Has the unit processes? systemd makes its control group when it starts, and removes it when the last one has gone."""
    return bool(host.files.read(f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs"))
