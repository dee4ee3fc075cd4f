# SPDX-License-Identifier: Apache-2.0
"""Leases of etcd, transactions over several keys, and a look at many keys at one revision."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from appliance.host.etcd import Etcd


class Known(NamedTuple):
    """A key as it is: its text, the revision at which it was made, that of its last change."""

    text: str
    made: int
    changed: int


class Condition(Protocol):
    """What must be so: the revision of a key's last change, or at which it was `made`; 0 for no such key."""

    @property
    def key(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def made(self) -> bool: ...


class Leased:
    """etcd, for who holds a lease."""

    def __init__(self, etcd: Etcd) -> None:
        self._etcd = etcd

    def grant(self, seconds: float) -> int:
        """A new lease."""
        return int(self._etcd.ask("/v3/lease/grant", {"TTL": str(math.ceil(seconds))})["ID"])

    def renew(self, lease: int) -> bool:
        """False when it has ended."""
        answer = self._etcd.ask("/v3/lease/keepalive", {"ID": str(lease)})
        return int(answer.get("result", {}).get("TTL", 0)) > 0

    def revoke(self, lease: int) -> None:
        """End it, with all keys that have it."""
        self._etcd.ask("/v3/lease/revoke", {"ID": str(lease)})

    def txn(self, conditions: Sequence[Condition], puts: Mapping[str, str | None], lease: int = 0) -> bool:
        """Write all (None removes), if all conditions hold. False when one does not."""
        compare = [_compare(each) for each in conditions]
        success = [_change(key, text, lease) for key, text in puts.items()]
        return bool(self._etcd.ask("/v3/kv/txn", {"compare": compare, "success": success}).get("succeeded"))

    def look(self, *keys: str) -> dict[str, Known]:
        """All that is there under these keys, at one revision; one that ends with / is a folder."""
        asked = [{"request_range": _range(key)} for key in keys]
        answer = self._etcd.ask("/v3/kv/txn", {"success": asked})
        parts = [part.get("response_range", {}) for part in answer.get("responses", ())]
        return {_text(kv["key"]): _known(kv) for part in parts for kv in part.get("kvs", ())}


def _range(key: str) -> dict[str, str]:
    return {"key": _code(key), "range_end": _code(key[:-1] + chr(ord(key[-1]) + 1))} if key.endswith("/") else {"key": _code(key)}


def _compare(condition: Condition) -> dict[str, str]:
    field, target = ("create_revision", "CREATE") if condition.made else ("mod_revision", "MOD")
    return {"key": _code(condition.key), "target": target, field: str(condition.revision), "result": "EQUAL"}


def _change(key: str, text: str | None, lease: int) -> dict[str, Any]:
    if text is None:
        return {"request_delete_range": {"key": _code(key)}}
    return {"request_put": {"key": _code(key), "value": _code(text), **({"lease": str(lease)} if lease else {})}}


def _known(kv: Mapping[str, Any]) -> Known:
    return Known(_text(kv.get("value", "")), int(kv["create_revision"]), int(kv["mod_revision"]))


def _code(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(code: str) -> str:
    return base64.b64decode(code).decode()
