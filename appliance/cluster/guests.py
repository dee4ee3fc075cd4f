# SPDX-License-Identifier: Apache-2.0
"""VM documents as HA sees them. Pure."""

from pydantic import ValidationError

from appliance.cluster.state import Guest
from appliance.model.vmrecord import VmRecord


def guest(record: VmRecord, revision: int) -> Guest:
    """What matters of a VM when its node is lost."""
    vm = record.vm
    pools = sorted({nic.pool for nic in vm.nics if nic.pool})
    fixed = ""
    if vm.pci:
        fixed = f"it has a PCI device of that node, {vm.pci[0]}"
    elif vm.usb:
        fixed = f"it has a USB device of that node, {vm.usb[0]}"
    elif pools:
        fixed = f"it has a virtual function of that node's pool {pools[0]}"
    elif local := [name for name, file in record.files.items() if file.startswith("/")]:
        fixed = f"its disk {local[0]} is a file of that node, and not in the pool"
    return Guest(
        name=vm.name,
        node=record.node,
        revision=revision,
        wanted=record.wanted == "running" and not record.template and not record.deleted,
        ha=vm.place.ha,
        order=vm.start.order,
        cpus=vm.cpu.max or vm.cpu.count,
        memory=vm.memory.size,
        pages=vm.memory.pages or "",
        pin=vm.cpu.pin,
        fixed=fixed,
        moving=record.moving,
        nodes=vm.place.nodes,
        apart=vm.place.apart,
        together=vm.place.together,
    )


class Reader:
    """Documents by key, each read once for each revision. One that cannot be read is nobody's: it is left as it is."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, VmRecord, Guest]] = {}

    def guest(self, key: str, text: str, revision: int) -> Guest | None:
        old = self._known.get(key)
        if old is None or old[0] != revision:
            try:
                record = VmRecord.model_validate_json(text)
            except ValidationError:
                return None
            old = self._known[key] = (revision, record, guest(record, revision))
        return old[2]

    def record(self, key: str) -> VmRecord:
        """The document that was read last."""
        return self._known[key][1]
