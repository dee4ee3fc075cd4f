# SPDX-License-Identifier: Apache-2.0
"""The recycle bin: what has been there for longer than the spec says is purged, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from appliance.errors import StalePlan
from appliance.host.etcd import Entry
from appliance.host.host import Host, Result
from appliance.host.playback import playback
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord
from appliance.services.vm import life
from appliance.services.vm.records import BIN, Here


class Documents:
    """A store in memory, with the revisions of one."""

    def __init__(self) -> None:
        self.kept: dict[str, Entry] = {}
        self._last = 0

    def get(self, key: str) -> Entry | None:
        return self.kept.get(key)

    def list(self, prefix: str) -> tuple[Entry, ...]:
        return tuple(self.kept[key] for key in sorted(self.kept) if key.startswith(prefix))

    def put(self, key: str, text: str, expects: int) -> int:
        self._at(key, expects)
        self._last += 1
        self.kept[key] = Entry(key, text, self._last)
        return self._last

    def delete(self, key: str, expects: int) -> None:
        self._at(key, expects)
        del self.kept[key]

    def _at(self, key: str, expects: int) -> None:
        if (self.kept[key].revision if key in self.kept else 0) != expects:
            raise StalePlan(key)


def binned(store: Documents, name: str, days: float, **more: object) -> None:
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    vm = Vm.model_validate({"version": 1, "name": name, "memory": {"size": "64MiB"}})
    record = VmRecord.model_validate({"vm": vm, "uuid": f"u-{name}", "node": "n1", "deleted": at, **more})
    store.put(BIN + record.uuid, record.model_dump_json(exclude_defaults=True), 0)


def test_what_is_old_enough_is_purged() -> None:
    store, ran = Documents(), list[str]()

    def run(argv: Sequence[str], **_: object) -> Result:
        ran.append(" ".join(argv))
        return Result(0, "", "")

    record = playback({})
    host = Host(files=record.files, run=run, udev=record.udev, netlink=record.netlink)
    here = Here(host=host, store=store, node="n1")
    binned(store, "old", 31)
    binned(store, "young", 29)
    binned(store, "base", 40)
    binned(store, "linked", 1, rests_on=("u-base",))
    binned(store, "others", 40, node="n2")
    said: list[str] = []
    life.empty_bin(here, said.append)
    assert sorted(store.kept) == [f"{BIN}u-{name}" for name in ("base", "linked", "others", "young")]
    assert [line.partition(":")[0].partition(";")[0] for line in said] == [
        "the disks of linked rest on those of base",
        "old has left the recycle bin",
    ]
    assert any(line.startswith("rm -rf") and "u-old" in line for line in ran)
    life.empty_bin(replace(here, recycle=7), said.append)
    assert f"{BIN}u-young" not in store.kept
