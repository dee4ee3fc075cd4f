# SPDX-License-Identifier: Apache-2.0
"""A fake etcd: one history of revisions, transactions with compares, leases that end. Values are never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.cluster.state import Compare


@dataclass(frozen=True, slots=True)
class Item:
    value: Any
    made: int
    changed: int
    lease: int


class FakeEtcd:
    def __init__(self) -> None:
        self.revision = 1
        self.items: dict[str, Item] = {}
        self.ends: dict[int, float] = {}
        self._held: dict[int, set[str]] = {}
        self.changes: list[str] = []
        """Each key that was changed, in order, for who follows them."""

    def grant(self, now: float, ttl: float) -> int:
        lease = len(self._held) + 1000
        self._held[lease] = set()
        self.ends[lease] = now + ttl
        return lease

    def renew(self, lease: int, now: float, ttl: float) -> bool:
        """False when it has ended."""
        self.expire(now)
        if lease not in self.ends:
            return False
        self.ends[lease] = now + ttl
        return True

    def expire(self, now: float) -> None:
        for lease in [lease for lease, end in self.ends.items() if end <= now]:
            del self.ends[lease]
            for key in sorted(self._held[lease]):
                self._set(key, None, 0)

    def holds(self, compares: Iterable[Compare]) -> bool:
        for compare in compares:
            item = self.items.get(compare.key)
            now = 0 if item is None else item.made if compare.made else item.changed
            if now != compare.revision:
                return False
        return True

    def txn(self, now: float, compares: Iterable[Compare], puts: Mapping[str, Any], lease: int = 0) -> bool:
        self.expire(now)
        if not self.holds(compares) or (lease and lease not in self.ends):
            return False
        self.revision += 1
        for key, value in puts.items():
            self._set(key, value, lease)
        return True

    def _set(self, key: str, value: Any, lease: int) -> None:
        old = self.items.get(key)
        if old is not None and old.lease:
            self._held[old.lease].discard(key)
        if value is None:
            if old is not None:
                self.revision += 1
                del self.items[key]
        else:
            self.items[key] = Item(value, old.made if old else self.revision, self.revision, lease)
            if lease:
                self._held[lease].add(key)
        self.changes.append(key)

    def made(self, key: str) -> int:
        item = self.items.get(key)
        return item.made if item else 0

    def changed(self, key: str) -> int:
        item = self.items.get(key)
        return item.changed if item else 0

    def value(self, key: str) -> Any:
        item = self.items.get(key)
        return item.value if item else None
