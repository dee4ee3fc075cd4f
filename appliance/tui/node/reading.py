# SPDX-License-Identifier: Apache-2.0
"""Read what the status screen says: small files of this node at each look, the network itself in a worker."""

import re
from xml.etree import ElementTree

from appliance import __version__
from appliance.host.host import Host
from appliance.model.cluster import COPY, copied
from appliance.model.netreport import NetworkReport
from appliance.model.poolreport import PoolReport
from appliance.node import health
from appliance.node.published import last_boot, seconds_left, uptime
from appliance.tui.node.seen import Seen

_VMS = "/run/libvirt/qemu"
_SLOT = re.compile(r"(?:^|\s)trivet\.slot=(\w+)")
_HALVES = re.compile(r"\[([U_]+)\]")
_REBUILD = re.compile(r"(?:recovery|resync) = *([0-9.]+%)")


def seen(host: Host, network: NetworkReport | None = None, trouble: str = "") -> Seen:
    """A dozen small files; `network` and `trouble` are what the last look at the network gave."""
    now = uptime(host)
    cmdline = host.files.read("/proc/cmdline") or ""
    slot = _SLOT.search(cmdline)
    mdstat = (host.files.read("/proc/mdstat") or "") if "md-uuid-" in cmdline else ""
    rebuilding = _REBUILD.search(mdstat)
    return Seen(
        name=host.files.read("/proc/sys/kernel/hostname") or "",
        version=__version__,
        slot=slot[1] if slot else "",
        uptime=now,
        boot=last_boot(host),
        alerts=health.alerts(host, now),
        looked=health.last(host) is not None,
        reverts_in=seconds_left(host),
        network=network,
        trouble=trouble,
        mirror="".join(_HALVES.findall(mdstat)),
        rebuilding=rebuilding[1] if rebuilding else "",
        vms=_vms(host),
        pool=_pool(host),
        cluster=copied(host.files.read(COPY)),
        machine_id=host.files.read("/etc/machine-id") or "",
    )


def _pool(host: Host) -> PoolReport | None:
    known = health.storage(host)
    return known.report if known else None


def _vms(host: Host) -> tuple[str, ...] | None:
    """Those that run, from the documents that libvirt keeps of them: it is not asked, since that would start it."""
    if not host.files.list("/run/libvirt"):
        return None
    names = (name for name in host.files.list(_VMS) if name.endswith(".xml"))
    return tuple(sorted(filter(None, (_name(host.files.read(f"{_VMS}/{name}") or "") for name in names))))


def _name(document: str) -> str:
    try:
        return ElementTree.fromstring(document).findtext(".//domain/name") or ""
    except ElementTree.ParseError:
        return ""  # being written


def network(host: Host) -> tuple[NetworkReport | None, str]:
    """The planes as they are now, or why nobody can say. Slow (0.1 s and more), so never where the screen is drawn."""
    from appliance.node.status import followed  # noqa: PLC0415 - the first frame needs none of it
    from appliance.services.network import report  # noqa: PLC0415 - the same

    try:
        spec, _ = followed(host)
        return report.report(host, report.ports(host), spec), ""
    except Exception as error:  # a port that goes while it is looked at, too: the screen outlives it, and says so
        return None, plain(error)


def plain(error: Exception) -> str:
    """What went wrong, in one line."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
