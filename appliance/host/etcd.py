# SPDX-License-Identifier: Apache-2.0
"""Documents in etcd, through its v3 JSON gateway: a few calls of HTTP, and no library whose watch may hang for ever.

Endpoints are tried in rotation, each with a time limit; one that begins with https is asked with the node's certificate, and
must show one of the cluster's own. A write says which revision it replaces (0: the document is new), so
that of two who change the same document one is told. A write whose answer was lost is looked up and not repeated blindly.
"""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from appliance.errors import ApplianceError, StalePlan

LOCAL = "http://127.0.0.1:2379"
_SECONDS = 5.0
_OK = 200


class Entry(NamedTuple):
    """A document and the revision at which it was written last."""

    key: str
    text: str
    revision: int


class StoreError(ApplianceError):
    """Nobody answers, or not in a way that one could use."""

    exit_code = 5


class Store(Protocol):
    """Documents by key."""

    def get(self, key: str) -> Entry | None:
        """One document; None when there is none."""

    def list(self, prefix: str) -> tuple[Entry, ...]:
        """All whose key begins like this, by key."""

    def put(self, key: str, text: str, expects: int) -> int:
        """Replace what is there at revision `expects`, 0 for nothing; the new revision. StalePlan when it is another one."""

    def delete(self, key: str, expects: int) -> None:
        """Remove what is there at revision `expects`. StalePlan when it is another one."""


class Tls(NamedTuple):
    """Paths of files: whom to believe, and who we are."""

    ca: str
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """For a client."""
        found = ssl.create_default_context(cafile=self.ca)
        found.load_cert_chain(self.certificate, self.key)
        return found


class Etcd:
    """The store of a node."""

    def __init__(self, endpoints: Sequence[str] = (LOCAL,), seconds: float = _SECONDS, tls: Tls | None = None) -> None:
        self._endpoints = list(endpoints)
        self._seconds = seconds
        self._tls = tls

    def get(self, key: str) -> Entry | None:
        found = self.ask("/v3/kv/range", {"key": _encode(key)}).get("kvs", [])
        return _entry(found[0]) if found else None

    def list(self, prefix: str) -> tuple[Entry, ...]:
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        asked = {"key": _encode(prefix), "range_end": _encode(end), "sort_target": "KEY", "sort_order": "ASCEND"}
        return tuple(_entry(kv) for kv in self.ask("/v3/kv/range", asked).get("kvs", []))

    def put(self, key: str, text: str, expects: int) -> int:
        change = {"request_put": {"key": _encode(key), "value": _encode(text)}}
        try:
            return self._swap(key, change, expects)
        except (StoreError, StalePlan):
            # Was it we who wrote it, and only the answer got lost?
            now = self.get(key)
            if now is not None and now.text == text and now.revision > expects:
                return now.revision
            raise

    def delete(self, key: str, expects: int) -> None:
        self._swap(key, {"request_delete_range": {"key": _encode(key)}}, expects)

    def _swap(self, key: str, change: Mapping[str, Any], expects: int) -> int:
        compare = {"key": _encode(key), "target": "MOD", "mod_revision": str(expects), "result": "EQUAL"}
        answer = self.ask("/v3/kv/txn", {"compare": [compare], "success": [change]})
        if not answer.get("succeeded"):
            name = key.rpartition("/")[2]
            raise StalePlan(
                f"{name} has been changed by somebody else meanwhile", "look at it again, and repeat what you meant to do"
            )
        return int(answer["header"]["revision"])

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a call of the gateway answers; StoreError when none of the endpoints does."""
        last = ""
        for endpoint in tuple(self._endpoints):
            try:
                return self._post(endpoint, path, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                last = f"{endpoint}: {error}"
                self._endpoints.append(self._endpoints.pop(0))  # another one is asked first from now on
        raise StoreError(f"etcd does not answer: {last}", "see `systemctl status etcd`; it runs where the spec has hypervisor")

    def _post(self, endpoint: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        where = urlsplit(endpoint)
        connection: http.client.HTTPConnection
        if where.scheme == "https":
            # The files are read each time: a certificate is renewed while programs run.
            context = self._tls.context() if self._tls else ssl.create_default_context()
            connection = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=self._seconds, context=context)
        else:
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=self._seconds)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status != _OK:
            raise ValueError(data.decode(errors="replace").strip()[:200] or f"status {answer.status}")
        found: dict[str, Any] = json.loads(data)
        return found


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _entry(kv: Mapping[str, Any]) -> Entry:
    key, value = (base64.b64decode(kv.get(name, "")).decode() for name in ("key", "value"))
    return Entry(key, value, int(kv["mod_revision"]))
