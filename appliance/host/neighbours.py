# SPDX-License-Identifier: Apache-2.0
"""Who is on this node's links, by multicast DNS: a cluster that pairs is announced, and found without an address."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

_TYPE = "_trivet._tcp.local."
PORT = 5353


class Found(NamedTuple):
    """A cluster that lets somebody in, and the node that does."""

    cluster: str
    node: str
    address: str


@contextmanager
def announced(cluster: str, node: str, address: str, port: int) -> Iterator[None]:
    """As long as this lasts, whoever looks finds this node."""
    from zeroconf import IPVersion, ServiceInfo, Zeroconf  # noqa: PLC0415 - 80 ms, for who pairs alone

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    info = ServiceInfo(
        _TYPE, f"{node}.{_TYPE}", addresses=[socket.inet_pton(family, address)], port=port,
        properties={"cluster": cluster}, server=f"{node}.local.",
    )  # fmt: skip
    zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V6Only if ":" in address else IPVersion.V4Only)
    try:
        zeroconf.register_service(info, cooperating_responders=True)
        yield
    finally:
        zeroconf.close()


def find(address: str, seconds: float = 4.0) -> tuple[Found, ...]:
    """All that are announced on the link of this address, after so many seconds."""
    from zeroconf import IPVersion, ServiceBrowser, ServiceListener, Zeroconf  # noqa: PLC0415 - as above

    found: dict[str, Found] = {}

    class Listener(ServiceListener):
        def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            info = zc.get_service_info(type_, name, 2000)
            if info and (addresses := info.parsed_addresses()):
                cluster = (info.properties.get(b"cluster") or b"").decode(errors="replace")
                found[name] = Found(cluster, name.removesuffix(f".{_TYPE}"), addresses[0])

        def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            self.add_service(zc, type_, name)

        def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            found.pop(name, None)

    zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V6Only if ":" in address else IPVersion.V4Only)
    try:
        ServiceBrowser(zeroconf, _TYPE, Listener())
        time.sleep(seconds)
    finally:
        zeroconf.close()
    return tuple(sorted(found.values()))
