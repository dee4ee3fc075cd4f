# SPDX-License-Identifier: Apache-2.0
"""What trivetd does for the cluster beside its other work: it keeps the copy of the document as new as etcd's, answers other
nodes, and renews this node's certificate. When the document has changed the node is planned again.

A look that fails says so once, and comes again: nothing of this ends the service that holds the node.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.host.host import Host
from appliance.model.cluster import CA, CERTIFICATE, KEY, ClusterDocument, Member, myself
from appliance.services.cluster.store import known, store

if TYPE_CHECKING:
    from appliance.node.api import Api

_PAUSE = 3.0
HostOf = Callable[[], Host]


def again() -> None:
    """Have the main thread plan again."""
    os.kill(os.getpid(), signal.SIGHUP)


class ClusterWatch:
    def __init__(self, host_of: HostOf, changed: Callable[[], None] = again, pause: float = _PAUSE) -> None:
        self._host_of, self._changed, self._pause = host_of, changed, pause
        self._api: Api | None = None
        self._said = ""

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="cluster").start()

    def _run(self) -> None:
        while True:
            self.look()
            time.sleep(self._pause)

    def look(self) -> None:
        """Once. Never raises."""
        try:
            host = self._host_of()
            document, machine = known(host)
            me = myself(document, machine)
            self._serve(host, me)
            if document and me:
                self._renew(host, me)
                self._refresh(host, document)
            self._said = ""
        except Exception as error:  # whatever it is, as in watch.py
            if str(error) != self._said:
                self._said = str(error)
                print(f"the cluster could not be looked at: {str(error) or type(error).__name__}", file=sys.stderr)

    def _serve(self, host: Host, me: Member | None) -> None:
        """Answer at this node's address, with the certificate that it has."""
        wanted = me.address if me else ""
        certificate = host.files.read(CERTIFICATE)
        if self._api and (self._api.address != wanted or self._api.certificate != certificate):
            self._api.stop()
            self._api = None
        if wanted and self._api is None:
            from appliance.node.api import Api  # noqa: PLC0415 - cryptography is 60 ms, for who is in a cluster

            api = Api(wanted, self._host_of)
            api.start()
            self._api = api

    def _refresh(self, host: Host, document: ClusterDocument) -> None:
        from appliance.services.cluster.join import remember  # noqa: PLC0415 - as above

        entry = store(host).get(KEY)
        if entry is None:
            return
        now = ClusterDocument.model_validate_json(entry.text)
        if now != document and now.id == document.id:
            remember(host, now)
            print("the cluster's document has changed", file=sys.stderr)
            self._changed()

    def _renew(self, host: Host, me: Member) -> None:
        from appliance.host import certificates  # noqa: PLC0415 - as above
        from appliance.node import cluster  # noqa: PLC0415 - as above

        text, authority = host.files.read(CERTIFICATE), host.files.read(CA)
        if text and authority and certificates.days_left(text) < certificates.RENEW:
            cluster.renew(host, me)
            print("this node's certificate is renewed", file=sys.stderr)
