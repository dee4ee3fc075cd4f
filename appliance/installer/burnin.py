# SPDX-License-Identifier: Apache-2.0
"""Effects of a burn-in: memtester on a part of the memory, fio on the disks, what disks and ports say of themselves.

Everything is tried before anything is judged: who has a screwdriver in hand wants to know all that is wrong. What was found
is said line by line, so the board of a rack has it. A burn-in that was passed is not run again by this start of the machine.
"""

import json
from collections.abc import Iterator, Sequence

from appliance.engine.apply import Handler, Report
from appliance.errors import StepFailed
from appliance.host import blocks
from appliance.host.host import Host, Result
from appliance.model.plan import BurnIn, WriteAndRead
from appliance.model.storage import Disk, DiskHealth
from appliance.model.units import format_size
from appliance.services.network.health import ERRORS_LEAST, ERRORS_RATIO
from appliance.services.storage import smart
from appliance.services.storage.devices import disk_link, expected, refresh
from appliance.services.storage.observe import observe_disk

PASSED = "/run/trivet/burn-in"
_MIB = 2**20
_SHARE = 0.6
"""Of the memory that is free: the live system needs the rest."""
_WRITTEN = 1024 * _MIB
_STUCK, _WRONG = 2, 4
_NET = "/sys/class/net"
_NOTHING_CHANGED = "replace it and start again, or leave install.burn_in out; nothing was changed on any disk"


class _BurnIn:
    def done(self, step: BurnIn, host: Host) -> bool:
        return host.files.read(f"{PASSED}/{step.id}") is not None

    def do(self, step: BurnIn, host: Host, report: Report) -> None:
        disks = [disk for id_ in step.disks if (disk := observe_disk(host, id_))]
        found = [*_memory(host, step.memory, report), *_disks(host, disks, step.seconds, report), *_ports(host, report)]
        if found:
            raise StepFailed("; ".join(found), _NOTHING_CHANGED)
        host.files.write(f"{PASSED}/{step.id}", "passed\n")


class _WriteAndRead:
    def done(self, step: WriteAndRead, host: Host) -> bool:
        return host.files.read(f"{PASSED}/{step.id}") is not None

    def do(self, step: WriteAndRead, host: Host, report: Report) -> None:
        disk = expected(host, step.disk, "")
        size = min(_WRITTEN, blocks.size(disk.link) // _MIB * _MIB)
        compare = ["--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--verify_state_save=0"]
        job = ["--name=0", f"--filename={disk.link}", f"--size={size}", "--rw=write", "--bs=1M", *compare]
        said = host.run([*_FIO, *job], check=False)
        failed = job_errors(said, 1)[0]
        # What was written could be taken for something of somebody's, and the disk was blank.
        blocks.zero(disk.link, 0, size)
        blocks.flush(disk.link)
        refresh(host, disk.link)
        if failed:
            raise StepFailed(f"{disk.label}: {failed}", "replace the disk")
        report.line(f"{disk.label}: {format_size(size)} written and read back")
        host.files.write(f"{PASSED}/{step.id}", "passed\n")


_FIO = ("fio", "--output-format=json", "--direct=1", "--ioengine=libaio", "--iodepth=8")


def _memory(host: Host, wished: int, report: Report) -> Iterator[str]:
    size = min(wished, int(available(host.files.read("/proc/meminfo") or "") * _SHARE)) // _MIB
    code = host.run(["memtester", f"{size}M", "1"], check=False).code
    if code & (_STUCK | _WRONG):
        yield f"the memory fails its test of {size} MiB"
    elif code:
        yield f"{size} MiB of memory could not be tried: memtester ended with {code}"
    else:
        report.line(f"memory: {size} MiB tried, no error")


def available(meminfo: str) -> int:
    """Bytes that a program could have now. Pure."""
    found = next((line.split()[1] for line in meminfo.splitlines() if line.startswith("MemAvailable:")), "0")
    return int(found) * 1024


def _disks(host: Host, disks: Sequence[Disk], seconds: int, report: Report) -> Iterator[str]:
    """All at once, as they will be used; then what they say of themselves."""
    if not disks:
        return
    jobs = [word for number, disk in enumerate(disks) for word in (f"--name={number}", f"--filename={disk_link(host, disk.id)}")]
    limits = ["--readonly", "--rw=randread", "--bs=256k", "--randrepeat=0", "--time_based", f"--runtime={seconds}"]
    said = host.run([*_FIO, *limits, *jobs], check=False)
    health = smart.read(host, disks)
    for disk, failed, rate in zip(disks, job_errors(said, len(disks)), rates(said, len(disks)), strict=True):
        ill = [*([failed] if failed else []), *complaints(health.get(disk.id))]
        yield from (f"{disk.label}: {each}" for each in ill)
        if not ill:
            asked = "" if disk.id in health else ", which says nothing of its health"
            report.line(f"{disk.label}: read at {format_size(rate)}/s, no error{asked}")


def _jobs(said: Result) -> list[dict[str, object]]:
    """What fio says of each job; it may have complained before."""
    try:
        return list(json.loads(said.stdout[said.stdout.index("{") :])["jobs"])
    except (ValueError, KeyError, TypeError):
        return []


def job_errors(said: Result, count: int) -> list[str]:
    """Why each of fio's jobs failed, "" for none that did. Pure."""
    jobs = _jobs(said)
    if len(jobs) != count:
        last = (said.stderr.strip() or said.stdout.strip()).splitlines()[-1:]
        return [f"it could not be tried: {last[0] if last else f'fio ended with {said.code}'}"] * count
    return ["it cannot be read or written without errors" if job.get("error") else "" for job in jobs]


def rates(said: Result, count: int) -> list[int]:
    """Bytes a second that each job has read. Pure."""
    found = [job.get("read") for job in _jobs(said)]
    return [int(read.get("bw_bytes", 0)) if isinstance(read, dict) else 0 for read in found] or [0] * count


def complaints(health: DiskHealth | None) -> Iterator[str]:
    """What a disk says of itself that nobody would install on. Pure."""
    if health is None:
        return
    if health.passed is False:
        yield "it says of itself that it fails (SMART)"
    if health.pending:
        yield f"it has {health.pending} sectors that it cannot read (SMART)"
    if health.errors:
        yield f"it counts {health.errors} errors that it could not correct (SMART)"


def _ports(host: Host, report: Report) -> Iterator[str]:
    """Since the start of this system, which came over one of them if the machine was started over the network."""
    for name in host.files.list(_NET):
        if host.files.real(f"{_NET}/{name}/device") is None:
            continue
        counted = {what: _number(host, f"{_NET}/{name}/statistics/{what}") for what in ("rx_packets", "tx_packets", *_BAD)}
        packets, errors = counted["rx_packets"] + counted["tx_packets"], sum(counted[what] for what in _BAD)
        mac = (host.files.read(f"{_NET}/{name}/address") or "").strip()
        if errors >= ERRORS_LEAST and errors > packets * ERRORS_RATIO:
            yield f"the port {mac} counts {errors} errors in {packets} packets"
        elif packets:
            report.line(f"port {mac}: {packets} packets, {errors} errors")


_BAD = ("rx_errors", "tx_errors")


def _number(host: Host, path: str) -> int:
    text = (host.files.read(path) or "0").strip()
    return int(text) if text.isdecimal() else 0


HANDLERS: dict[type, Handler] = {BurnIn: _BurnIn(), WriteAndRead: _WriteAndRead()}
