# SPDX-License-Identifier: Apache-2.0
"""`make bench`: times as ratios against a named reference of the same run, best of several.

First what needs no machine: `inspect` and `plan` of a large recorded one, start of Python and imports included. Then what
nodes of the ISO that is built do, in containers and in a virtual machine; `--no-machines` leaves that out. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench import console
from tests.bench.large import large
from tests.bench.row import Row

REPO = Path(__file__).resolve().parents[2]
TRIES = 7
SPEC = """
version: 1
node: {name: n1}
install: {disk: {transport: nvme, prefer: smallest}}
network: {planes: {management: {nics: [{driver: e1000e}], address: dhcp}}}
"""


def best(*words: str) -> tuple[float, int]:
    """Seconds and peak memory in KiB of the quickest of TRIES runs."""
    found = []
    for _ in range(TRIES):
        begun = time.monotonic()
        child = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, cwd=REPO)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
        found.append((time.monotonic() - begun, usage.ru_maxrss))
    return min(found)


def programs() -> None:
    """Starts of our program, against the start of an empty one."""
    with tempfile.TemporaryDirectory() as folder:
        record = json.loads((REPO / "tests/machines/two-sockets/machine.json").read_text())
        (Path(folder) / "machine.json").write_text(json.dumps(large(record)))
        spec = Path(folder) / "spec.yaml"
        spec.write_text(SPEC)
        cli = ("-m", "appliance.cli.main")
        rows = {
            "python -c pass (reference)": best("-c", "pass"),
            "import pydantic's BaseModel": best("-c", "from pydantic import BaseModel"),
            "trivet --version": best(*cli, "--version"),
            "trivet inspect, large machine": best(*cli, "inspect", "--json", "--machine", folder),
            "trivet plan, large machine": best(*cli, "plan", "--json", str(spec), "--machine", folder),
        }
    reference = rows["python -c pass (reference)"][0]
    print(f"{'106 disks, 32 ports of 16 VFs':<34} {'ms':>6} {'ratio':>6} {'MiB':>6}")
    for name, (seconds, memory) in rows.items():
        print(f"{name:<34} {seconds * 1000:6.0f} {seconds / reference:6.1f} {memory / 1024:6.0f}")


def nodes() -> None:
    """An ISO, its nodes, and what a person would compare them with."""
    from tests.bench import machines, network, pool  # noqa: PLC0415 - they need what is built, and QEMU; the rest does not

    table("container nodes", network.rows())
    table("a machine of 2 processors and 2 GiB", machines.rows())
    table("a pool of 3 HDDs with an SSD before them", pool.rows())


def table(title: str, rows: Iterable[Row]) -> None:
    """Each line as soon as it is measured."""
    print(f"\n{title:<50} {'':>10} {'ratio':>6}  reference", flush=True)
    for what, figure, unit, reference, its in rows:
        against = f"{figure / its:6.2f}  {reference}, {its:.2f} {unit}" if its else ""
        print(f"{what:<50} {figure:6.2f} {unit:<3} {against}".rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-machines", action="store_true", help="only what needs neither QEMU nor an ISO")
    args = parser.parse_args()
    programs()
    table("the console at a recorded machine, 80x24", console.rows())
    if not args.no_machines:
        nodes()


if __name__ == "__main__":
    main()
