# SPDX-License-Identifier: Apache-2.0
"""A server with a thread for each connection, of which there are only so many at once, and none idle for ever.

Whoever comes when there are more is sent away at once, and comes again. TLS's handshake is in the connection's own thread: who
stalls it keeps nobody else waiting.
"""

import contextlib
import socketserver
import ssl
import threading
from typing import Any, ClassVar


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """`at_once` connections, each ended after `idle` seconds in which nothing came and nothing could be sent."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    at_once: ClassVar[int] = 200
    idle: ClassVar[float] = 30.0
    look: ClassVar[float] = 0.2
    """Seconds between two looks whether it is to stop."""

    def __init__(self, address: Any, handler: type[socketserver.BaseRequestHandler], tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._room = threading.BoundedSemaphore(self.at_once)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(self.idle)
        with contextlib.ExitStack() as stack:
            if self._tls:
                request = stack.enter_context(self._tls.wrap_socket(request, server_side=True))
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in mid-stream, or shows a certificate that is none of ours, is no error of ours."""

    def start(self) -> None:
        work = {"poll_interval": self.look}
        threading.Thread(target=self.serve_forever, kwargs=work, daemon=True, name=type(self).__name__).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
