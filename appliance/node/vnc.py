# SPDX-License-Identifier: Apache-2.0
"""A VM's screen for one viewer: a port on management that is open for a minute, and a token that is good once."""

import secrets
from collections.abc import Callable
from contextlib import nullcontext

from appliance.errors import ApplianceError
from appliance.host import vncdoor
from appliance.host.host import Host
from appliance.host.vncdoor import Reader, Writer
from appliance.node.status import followed
from appliance.services.network import report
from appliance.services.network.hole import Hole, opened
from appliance.services.vm import rfb
from appliance.services.vm.domain import screen

SECONDS = 60
LOCAL = "127.0.0.1"


def address(host: Host) -> str:
    """This node's on management. ApplianceError when it has none."""
    spec, _ = followed(host)
    planes = report.report(host, report.ports(host), spec).planes
    held = [each.address.partition("/")[0] for plane in planes if plane.name == "management" for each in plane.addresses]
    found = next((each for each in held if not each.startswith("fe80:")), "")
    if not found:
        raise ApplianceError("management has no address now, so no viewer could come", "see `trivet net show`, or say --local")
    return found


def show(host: Host, name: str, at: str, ready: Callable[[str, int, str], None], *, seconds: float = SECONDS) -> bool:
    """Serve one viewer until it goes. `ready` is called with address, port and token. False when nobody with the token came."""
    token = rfb.token()

    async def judge(reader: Reader, writer: Writer) -> bool:
        return await _let_in(reader, writer, token)

    door = vncdoor.door(at, screen(name), judge, _enter)
    hole = Hole(name=f"vnc-{door.port}", port=door.port, seconds=int(seconds), comment=f"trivet vm console, {door.port}")
    with nullcontext() if at == LOCAL else opened(host, hole, ["management"]):
        return door.serve(seconds, lambda: ready(at, door.port, token))


async def _let_in(reader: Reader, writer: Writer, token: str) -> bool:
    writer.write(rfb.VERSION)
    viewer = rfb.minor(await reader.readexactly(len(rfb.VERSION)))
    if not viewer:
        raise EOFError  # no viewer: somebody who looks which ports are open
    writer.write(rfb.offer(viewer))
    if rfb.chooses(viewer):
        await reader.readexactly(1)
    challenge = secrets.token_bytes(rfb.CHALLENGE)
    writer.write(challenge)
    right = rfb.right(challenge, await reader.readexactly(rfb.CHALLENGE), token)
    writer.write(rfb.OK if right else rfb.refusal(viewer))
    await writer.drain()
    return right


async def _enter(reader: Reader, writer: Writer) -> bool:
    """Into QEMU, which asks nothing."""
    await reader.readexactly(len(rfb.VERSION))
    writer.write(rfb.VERSION)
    (count,) = await reader.readexactly(1)
    if not rfb.offered(await reader.readexactly(count)):
        return False
    writer.write(bytes([rfb.NONE]))
    return await reader.readexactly(len(rfb.OK)) == rfb.OK
