# SPDX-License-Identifier: Apache-2.0
"""A door to a VM's screen: a TCP port for the one viewer that has the token, with QEMU's own socket behind it.

`judge` says how a viewer is let in (services/vm/rfb.py): it gets the two ends of its connection and answers with yes or no.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Judge = Callable[[Reader, Writer], Awaitable[bool]]
_WRONG = 3
"""Viewers with a wrong token, after which the door is shut: whoever guesses has no more."""
_PATIENCE = 20.0
"""Seconds for a viewer to answer. Who is silent keeps nobody else out."""
_CHUNK = 65536


@dataclass
class Door:
    """Bound and not open yet, so that the port is known."""

    listener: socket.socket
    behind: str
    judge: Judge
    enter: Judge
    _wrong: int = 0
    _guest: "asyncio.Future[tuple[Reader, Writer]] | None" = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def port(self) -> int:
        """That it has been given."""
        return int(self.listener.getsockname()[1])

    def serve(self, seconds: float, ready: Callable[[], None]) -> bool:
        """Wait for the viewer so long, and show it the screen until it goes. False when none came, or too many were wrong."""
        return asyncio.run(self._serve(seconds, ready))

    async def _serve(self, seconds: float, ready: Callable[[], None]) -> bool:
        self._guest = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(self._came, sock=self.listener)
        ready()
        try:
            reader, writer = await asyncio.wait_for(self._guest, seconds)
        except (TimeoutError, PermissionError):
            return False
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
        await self._show(reader, writer)
        return True

    async def _came(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        let_in = False
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            let_in = await asyncio.wait_for(self.judge(reader, writer), _PATIENCE)
            self._wrong += not let_in
        if task is not None:
            self._tasks.discard(task)
        guest = self._guest
        if let_in and guest is not None and not guest.done():
            guest.set_result((reader, writer))
            return
        writer.close()
        if self._wrong >= _WRONG and guest is not None and not guest.done():
            guest.set_exception(PermissionError())

    async def _show(self, reader: Reader, writer: Writer) -> None:
        try:
            inner, outer = await asyncio.open_unix_connection(self.behind)
            if await self.enter(inner, outer):
                ways = [asyncio.ensure_future(_pass(reader, outer)), asyncio.ensure_future(_pass(inner, writer))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            outer.close()
        finally:
            writer.close()


def door(address: str, behind: str, judge: Judge, enter: Judge) -> Door:
    """At a free port of this address. `enter` goes through what QEMU asks of whoever comes to its socket."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return Door(socket.create_server((address, 0), family=family), behind, judge, enter)


async def _pass(source: Reader, target: Writer) -> None:
    with contextlib.suppress(OSError):
        while part := await source.read(_CHUNK):
            target.write(part)
            await target.drain()
