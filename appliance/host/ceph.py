# SPDX-License-Identifier: Apache-2.0
"""The ceph door of a running machine: commands of Ceph's monitor and manager, through librados in this process.

`ceph` as a child is a Python start for each question. One connection stays for the life of the process; librados finds the
monitor again by itself. Every question has a time limit, so that nothing of ours hangs with a pool that does.
"""

import errno
import json
import os
import threading
from typing import Any

from appliance.errors import ApplianceError, CommandError
from appliance.model.cluster import COPY, ClusterDocument
from appliance.model.pool import ADMIN_KEYRING, CONF, monitors

CONNECT_SECONDS = 10
ANSWER_SECONDS = 30
_MANAGER = ("osd destroy", "osd purge")
"""Of what the manager answers the monitor passes everything on but these, which end with EINVAL there (18.2.7)."""
_GONE = {errno.ETIMEDOUT, errno.ESHUTDOWN, errno.ENOTCONN}

_lock = threading.Lock()
_connection: list[Any] = []
"""The one connection of this process, or nothing."""


class LiveCeph:
    """Asks this node's pool, as its administrator."""

    def __call__(self, prefix: str, *, stdin: str = "", timeout: float = ANSWER_SECONDS, **arguments: object) -> Any:
        argv = ("ceph", *prefix.split())
        with _lock:
            import rados  # noqa: PLC0415 - 40 ms, and a node without a pool never needs it

            try:
                cluster = _connection[0] if _connection else _connect(rados)
                question = json.dumps({"prefix": prefix, "format": "json", **arguments})
                asked = cluster.mgr_command if prefix in _MANAGER else cluster.mon_command
                code, out, said = asked(question, stdin.encode(), timeout=round(timeout))
            except rados.Error as error:
                _disconnect()
                hint = "see `journalctl -u 'ceph-mon@*'` and `ceph -s`"
                raise ApplianceError(f"the pool's monitor does not answer ({error})", hint) from None
        if code:
            if -code in _GONE:
                with _lock:
                    _disconnect()
            raise CommandError(argv, abs(code), said or os.strerror(abs(code)))
        return _parsed(out)


def _connect(rados: Any) -> Any:
    limits = {"client_mount_timeout": str(CONNECT_SECONDS), "rados_mon_op_timeout": str(ANSWER_SECONDS)}
    conf = {"keyring": ADMIN_KEYRING, **limits}
    if os.path.exists(CONF):
        cluster = rados.Rados(name="client.admin", conffile=CONF, conf=conf)
    else:  # a member that has just started, or joined
        cluster = rados.Rados(name="client.admin", conf=conf | _told())
    try:
        cluster.connect(timeout=CONNECT_SECONDS)
    except rados.Error:
        cluster.shutdown()
        raise
    _connection.append(cluster)
    return cluster


def _told() -> dict[str, str]:
    """Where the monitors are, as the cluster's document has it."""
    try:
        with open(COPY, encoding="utf-8") as file:
            document = ClusterDocument.model_validate_json(file.read())
    except (OSError, ValueError):
        raise ApplianceError("this node does not know where the pool's monitors are", "see `trivet plan`") from None
    modes = {f"ms_{who}_mode": "secure" for who in ("cluster", "service", "client", "mon_client", "mon_cluster", "mon_service")}
    return {"mon_host": monitors(document), **modes}


def _disconnect() -> None:
    while _connection:
        _connection.pop().shutdown()


def _parsed(out: bytes) -> Any:
    """JSON where the command speaks it; some answer with nothing, or with plain text whatever they are asked for."""
    text = out.decode(errors="replace").strip()
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
