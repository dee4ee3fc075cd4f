# SPDX-License-Identifier: Apache-2.0
"""The running machine."""

import logging
from collections.abc import Mapping

from appliance.host.ceph import LiveCeph
from appliance.host.command import LiveRun
from appliance.host.files import LiveFiles
from appliance.host.host import Host
from appliance.host.netlink import LiveNetlink
from appliance.host.udev import LiveUdev


def live(secrets: Mapping[str, str] | None = None) -> Host:
    """The doors of this machine. Nothing is opened, read or imported until it is asked for."""
    for library in ("sh", "pyroute2", "asyncio"):  # at debug level they log all that passes through them, secrets too
        logging.getLogger(library).setLevel(logging.WARNING)
    run = LiveRun()
    return Host(files=LiveFiles(), run=run, udev=LiveUdev(run), netlink=LiveNetlink(), ceph=LiveCeph(), secrets=secrets or {})
