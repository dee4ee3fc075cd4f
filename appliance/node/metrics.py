# SPDX-License-Identifier: Apache-2.0
"""This node's measures for Prometheus: what trivetd knows already, so that asking every few seconds costs nothing.

Each node speaks for itself, and every pool's value comes from each of them: take one, or the greatest.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance import __version__
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.netreport import Alert, Severity
from appliance.model.poolreport import StorageHealth
from appliance.model.vmrecord import VmView
from appliance.node import health, vms
from appliance.node.published import last_boot, uptime

_SEVERITIES: tuple[Severity, ...] = ("critical", "warning")


def measured(host: Host) -> list[Metric]:
    """All of this node."""
    boot, up = last_boot(host), uptime(host)
    found = [
        _one("trivet_node_info", "Always 1; what runs here", 1, version=__version__),
        _one("trivet_node_uptime_seconds", "Since the start of the machine", up),
        _one("trivet_node_as_specified", "Did the node become what its spec says at this boot?", bool(boot and not boot.failed)),
    ]
    try:
        machines = vms.views(host)
    except ApplianceError:
        machines = ()
    return [*found, *of_alerts(health.alerts(host, up)), *of_storage(health.storage(host)), *of_vms(machines)]


def of_alerts(alerts: Iterable[Alert]) -> Iterator[Metric]:
    """How many there are of each severity. Pure."""
    every = [alert.severity for alert in alerts]
    family = GaugeMetricFamily("trivet_alerts", "What somebody must look after", labels=["severity"])
    for severity in _SEVERITIES:
        family.add_metric([severity], every.count(severity))
    yield family


def of_vms(machines: Iterable[VmView]) -> Iterator[Metric]:
    """Those of this node. Pure."""
    running = GaugeMetricFamily("trivet_vm_running", "Does the VM run here?", labels=["vm"])
    cpus = GaugeMetricFamily("trivet_vm_cpus", "Its processors", labels=["vm"])
    memory = GaugeMetricFamily("trivet_vm_memory_bytes", "Its memory", labels=["vm"])
    for vm in machines:
        running.add_metric([vm.name], vm.state == "running")
        cpus.add_metric([vm.name], vm.cpus)
        memory.add_metric([vm.name], vm.memory)
    yield from (running, cpus, memory)


def of_storage(seen: StorageHealth | None) -> Iterator[Metric]:
    """The pool, and this node's disks. Pure."""
    if seen is None or not seen.report.name:
        return
    pool = seen.report
    yield _one("trivet_pool_health", "Always 1; the pool's health in a word", 1, health=pool.health)
    for name, text, value in (
        ("raw_bytes", "Of all disks", pool.raw),
        ("raw_used_bytes", "Of all disks", pool.raw_used),
        ("usable_bytes", "For data, with all copies made", pool.usable),
        ("used_bytes", "By data", pool.used),
        ("osds", "OSDs that there are", pool.osds),
        ("osds_up", "OSDs at work", pool.osds_up),
        ("osds_in", "OSDs that keep data", pool.osds_in),
        ("degraded_objects", "Objects with too few copies", pool.rebuild.degraded),
        ("misplaced_objects", "Objects that lie elsewhere than they shall", pool.rebuild.misplaced),
        ("rebuild_bytes_per_second", "How fast copies are made", pool.rebuild.rate),
        ("mismatches", "Copies that differ", pool.scrub.errors),
    ):
        yield _one(f"trivet_pool_{name}", text, value)
    labels = ["serial", "slot", "role"]
    families = {
        "up": GaugeMetricFamily("trivet_disk_up", "Is its OSD at work?", labels=labels),
        "used": GaugeMetricFamily("trivet_disk_used_bytes", "Of its OSD", labels=labels),
        "room": GaugeMetricFamily("trivet_disk_room_bytes", "Of its OSD", labels=labels),
        "temperature": GaugeMetricFamily("trivet_disk_temperature_celsius", "As the disk says", labels=labels),
        "wear": GaugeMetricFamily("trivet_disk_wear_percent", "Of what an SSD can bear", labels=labels),
        "latency": GaugeMetricFamily("trivet_disk_latency_milliseconds", "Work for a request, lately", labels=labels),
    }
    for disk in pool.disks:
        for field, family in families.items():
            value = getattr(disk, field)
            if value is not None and (field in ("temperature", "wear", "latency") or disk.osd is not None):
                family.add_metric([disk.serial, disk.slot, disk.role], value)
    yield from families.values()


def exposition(metrics: Iterable[Metric]) -> str:
    """As Prometheus reads it."""
    every = list(metrics)

    class Found(Collector):
        def collect(self) -> Iterable[Metric]:
            return every

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Found())
    return generate_latest(registry).decode()


def _one(name: str, text: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
