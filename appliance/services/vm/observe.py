# SPDX-License-Identifier: Apache-2.0
"""Which VMs run, from the documents that libvirt keeps under /run; what a running one has, from libvirt itself."""

from xml.etree import ElementTree

from appliance.host.host import Host
from appliance.model.vmrecord import State

_RUNNING = "/run/libvirt/qemu"
MARKS = "/run/trivet/vms"
"""A file for each VM that was started since this node was: whose VM is gone was stopped from within."""
_WORDS: dict[str, State] = {"running": "running", "paused": "paused", "pmsuspended": "paused", "shutdown": "running"}


def states(host: Host) -> dict[str, State]:
    """What each VM that has a process does, by name."""
    found: dict[str, State] = {}
    for file in host.files.list(_RUNNING):
        if file.endswith(".xml"):
            try:
                status = ElementTree.fromstring(host.files.read(f"{_RUNNING}/{file}") or "<nothing/>")
            except ElementTree.ParseError:
                found[file.removesuffix(".xml")] = "starting"  # it is being written
                continue
            found[file.removesuffix(".xml")] = _WORDS.get(status.get("state", ""), "starting")
    return found


def state(host: Host, name: str) -> State:
    """What one VM does."""
    return states(host).get(name, "stopped")


def marked(host: Host) -> tuple[str, ...]:
    """The VMs that were started since this node was."""
    return host.files.list(MARKS)


def mark(host: Host, name: str) -> None:
    """It was started."""
    host.files.write(f"{MARKS}/{name}", "")


def unmark(host: Host, name: str) -> None:
    """It is not to be looked for any more."""
    host.files.remove(f"{MARKS}/{name}")


def live(host: Host, name: str) -> ElementTree.Element:
    """The domain as libvirt has it."""
    return ElementTree.fromstring(host.run(["virsh", "--quiet", "dumpxml", name]).stdout)
