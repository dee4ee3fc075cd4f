# SPDX-License-Identifier: Apache-2.0
"""Effects on whole disks: erase, partition, mirror, and the name that makes an installation a node."""

import json

from appliance.engine.apply import Handler, Report
from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer import grub, layout
from appliance.model.plan import FinishInstall, MirrorPartition, PartitionDisk, ReleaseDisk, WipeDisk
from appliance.services.storage.devices import disk_link, erase, expected, let_go, refresh, wait_for
from appliance.services.storage.observe import observe_disk


class _ReleaseDisk:
    def done(self, step: ReleaseDisk, host: Host) -> bool:
        disk = observe_disk(host, step.disk)
        return disk is not None and not disk.held

    def do(self, step: ReleaseDisk, host: Host, report: Report) -> None:
        let_go(host, step.disk, step.expects, step.held)


class _WipeDisk:
    def done(self, step: WipeDisk, host: Host) -> bool:
        disk = observe_disk(host, step.disk)
        return disk is not None and disk.fingerprint == ""

    def do(self, step: WipeDisk, host: Host, report: Report) -> None:
        erase(host, expected(host, step.disk, step.expects))


class _PartitionDisk:
    def done(self, step: PartitionDisk, host: Host) -> bool:
        link = disk_link(host, step.disk)
        wanted = {p.number: (p.start, p.size, p.type, p.uuid, p.name) for p in step.partitions}
        return read_table(host, link) == wanted and all(host.files.real(layout.part(link, p.number)) for p in step.partitions)

    def do(self, step: PartitionDisk, host: Host, report: Report) -> None:
        disk = expected(host, step.disk, "")
        lines = [f"label: gpt\nlabel-id: {step.uuid}"] + [
            f'start={p.start}MiB, size={p.size}MiB, type={p.type}, uuid={p.uuid}, name="{p.name}"' for p in step.partitions
        ]
        # On a blank disk there is nothing to wipe, and sfdisk keeps the boot code that it finds only with --wipe=never.
        blocks.write(disk.link, 0, grub.NEXT_DEVICE)
        quiet = ["--quiet", "--lock=yes", "--wipe=never", "--wipe-partitions=always"]
        host.run(["sfdisk", *quiet, disk.link], stdin="\n".join(lines) + "\n")
        blocks.flush(disk.link)
        refresh(host, disk.link)
        wait_for(host, *(layout.part(disk.link, p.number) for p in step.partitions))


def read_table(host: Host, link: str) -> dict[int, tuple[int, int, str, str, str]]:
    """number -> (start, size, type, uuid, name) of a GPT, sizes in MiB; {} for any other table or none."""
    result = host.run(["sfdisk", "--json", link], check=False)
    table = json.loads(result.stdout)["partitiontable"] if result.code == 0 and result.stdout.strip() else {}
    if table.get("label") != "gpt":
        return {}
    unit = layout.MIB // table.get("sectorsize", 512)
    return {
        _number(p["node"]): (
            p["start"] // unit, p["size"] // unit, p["type"].lower(), p["uuid"].lower(), p.get("name", ""),
        )
        for p in table.get("partitions", ())
    }  # fmt: skip


def _number(node: str) -> int:
    digits = len(node) - len(node.rstrip("0123456789"))
    return int(node[-digits:])


class _MirrorPartition:
    def done(self, step: MirrorPartition, host: Host) -> bool:
        array = layout.array_link(step.uuid)
        if host.files.real(array) is None:
            return False
        facts = dict(line.partition("=")[::2] for line in host.run(["mdadm", "--detail", "--export", array]).stdout.splitlines())
        members = {value for name, value in facts.items() if name.startswith("MD_DEVICE_") and name.endswith("_DEV")}
        return facts.get("MD_LEVEL") == "raid1" and members == {host.files.real(m) for m in self._members(step, host)}

    def do(self, step: MirrorPartition, host: Host, report: Report) -> None:
        members = self._members(step, host)
        # Metadata at the end, so that each half reads as what is on it. "Assume clean": both halves are blank, and what
        # is written from now on is written to both; there is nothing to copy from one to the other for hours.
        host.run([
            "mdadm", "--create", f"/dev/md/{step.name}.{step.uuid[:8]}", f"--name={step.name}", f"--uuid={step.uuid}",
            "--run", "--metadata=1.0", "--level=1", f"--raid-devices={len(members)}", "--homehost=any",
            "--bitmap=internal", "--assume-clean", *members,
        ])  # fmt: skip
        refresh(host, *members)
        wait_for(host, layout.array_link(step.uuid))

    def _members(self, step: MirrorPartition, host: Host) -> list[str]:
        return [layout.part(disk_link(host, disk), step.partition) for disk in step.disks]


class _FinishInstall:
    number = layout.NUMBER["state"]

    def done(self, step: FinishInstall, host: Host) -> bool:
        tables = [read_table(host, disk_link(host, disk)) for disk in step.disks]
        return all(t.get(self.number, ("",))[-1] == layout.FINISHED for t in tables)

    def do(self, step: FinishInstall, host: Host, report: Report) -> None:
        for disk in step.disks:
            link = disk_link(host, disk)
            # The partitions are in use by now, by an array or a running node: only their names change, no place.
            quiet = ["--quiet", "--lock=yes", "--no-reread", "--no-tell-kernel"]
            host.run(["sfdisk", *quiet, "--part-label", link, str(self.number), layout.FINISHED])
            blocks.flush(link)
            state = layout.part(link, self.number)
            refresh(host, link, state)
            wait_for(host, state)


HANDLERS: dict[type, Handler] = {
    ReleaseDisk: _ReleaseDisk(),
    WipeDisk: _WipeDisk(),
    PartitionDisk: _PartitionDisk(),
    MirrorPartition: _MirrorPartition(),
    FinishInstall: _FinishInstall(),
}
