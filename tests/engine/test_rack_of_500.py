# SPDX-License-Identifier: Apache-2.0
"""500 machines are switched on at once, on a wire that loses packets: each comes from DHCP to "ready" with its own answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.rackserver import REPO, mac
from tests.engine.test_pxe_dhcp import OnWire, Wire, children

SIZE = 2 * 2**20
TICKS = os.sysconf("SC_CLK_TCK")


LOSSY = """\
table ip lossy {{
  chain in {{
    type filter hook input priority -300
    numgen random mod 100 < {percent} drop
  }}
}}
"""


def lossy(wire: Wire, percent: int) -> None:
    """Lose so many packets each way. Not by netem, which not every kernel has."""
    for end in wire.ends:
        rules = LOSSY.format(percent=percent)
        subprocess.run([*wire.inside(end), "nft", "--file", "-"], input=rules, text=True, check=True)


def cpu(pid: int) -> float:
    """Seconds of a process and of those below it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS + sum(cpu(each) for each in children(pid))


@pytest.mark.parametrize("count", [500])
def test_a_rack_at_once(tmp_path: Path, count: int) -> None:
    wire = Wire(("10.0.0.1/16", "10.0.255.254/16"))
    try:
        lossy(wire, 1)
        with OnWire(tmp_path, wire, "10.0.1.1-10.0.9.250", SIZE, count) as server:
            program = Path(__file__).with_name("rackclients.py")
            facts = [str(count), "port", "10.0.0.1", str(server.https), server.fingerprint, str(SIZE)]
            words = [*wire.inside(wire.ends[1]), sys.executable, str(program), *facts]
            environment = {**os.environ, "PYTHONPATH": str(REPO)}
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=540)
            assert done.returncode == 0, done.stderr[-2000:]
            times = json.loads(done.stdout)
            board = server.now()
            assert {machine.state for machine in board.machines.values()} == {"ready"}
            assert {mac(number): f"n{number}" for number in range(count)} == {m.mac: m.name for m in board.machines.values()}
            assert board.strangers == ()
            assert server.process
            status = Path(f"/proc/{server.process.pid}/status").read_text()
            peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024
            used = cpu(server.process.pid)
            print(f"{count} machines: the slowest {max(times):.0f} s; the server {used:.0f} s of CPU, {peak} MiB")
            assert peak < 400
            assert used / count < 0.5, "half a second of a processor for a machine"
    finally:
        wire.close()
