# SPDX-License-Identifier: Apache-2.0
"""The effects on what runs VMs: libvirt's daemon, control groups, huge pages.

Debian builds libvirt as one daemon; systemd listens for it and starts it for whoever asks.
"""

from appliance.engine.apply import Handler, Report
from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.model.plan import MergePages, ReserveForPlatform, RunLibvirt, SetHugePages
from appliance.services.hypervisor.observe import KSM, libvirt, merging, pages, pages_file, virtualisation

_SOCKETS = ("virtlogd.socket", "libvirtd.socket")
_SERVICES = ("libvirtd.service", "libvirtd-ro.socket", "libvirtd-admin.socket", "libvirtd.socket")


class _RunLibvirt:
    def done(self, step: RunLibvirt, host: Host) -> bool:
        return libvirt(host) == step.running

    def do(self, step: RunLibvirt, host: Host, report: Report) -> None:
        if step.running:
            host.run(["systemctl", "start", *_SOCKETS])
        else:
            host.run(["systemctl", "stop", *_SERVICES])


class _ReserveForPlatform:
    def done(self, step: ReserveForPlatform, host: Host) -> bool:
        now = virtualisation(host)
        return (now.cpus, now.memory) == (step.cpus, step.memory)

    def do(self, step: ReserveForPlatform, host: Host, report: Report) -> None:
        words = [f"AllowedCPUs={step.cpus}", f"MemoryMin={step.memory}"]
        host.run(["systemctl", "set-property", "--runtime", "system.slice", *words])


class _MergePages:
    def done(self, step: MergePages, host: Host) -> bool:
        return merging(host) == step.merge

    def do(self, step: MergePages, host: Host, report: Report) -> None:
        if step.merge != "off":
            host.files.write(f"{KSM}/advisor_mode", "scan-time" if step.merge == "auto" else "none")
        # 2 gives back what was merged, which 0 would leave as it is.
        host.files.write(f"{KSM}/run", "2" if step.merge == "off" else "1")


class _SetHugePages:
    def done(self, step: SetHugePages, host: Host) -> bool:
        return pages(host, step.node, step.size) == step.pages

    def do(self, step: SetHugePages, host: Host, report: Report) -> None:
        host.files.write(pages_file(step.node, step.size), str(step.pages))
        if (found := pages(host, step.node, step.size)) != step.pages:
            message = f"the kernel has {found} pages of {step.size} in one piece on NUMA node {step.node}, not {step.pages}"
            raise StepFailed(message, "start the node anew: its memory is in pieces; or ask for fewer pages")


HANDLERS: dict[type, Handler] = {
    RunLibvirt: _RunLibvirt(),
    ReserveForPlatform: _ReserveForPlatform(),
    MergePages: _MergePages(),
    SetHugePages: _SetHugePages(),
}
