# SPDX-License-Identifier: Apache-2.0
"""The board's end of the server's socket."""

import http.client
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from appliance.pxe.rack import Rack

_SECONDS, _LONG = 10.0, 300.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("board", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def rack(path: Path) -> Rack:
    """Who is where now. ApplianceError when no server is there."""
    return Rack.model_validate(_ask(path, "GET", "/rack"))


def approve(path: Path, machines: Sequence[str], template: str = "") -> list[str]:
    """Those of the machines that are to be installed from now on."""
    return list(_ask(path, "POST", "/approve", {"machines": list(machines), "template": template})["machines"])


def again(path: Path, machines: Sequence[str]) -> list[str]:
    """Those that are to be installed at their next start."""
    return list(_ask(path, "POST", "/again", {"machines": list(machines)})["machines"])


def power(path: Path, machines: Sequence[str], to: str, *, network: bool) -> dict[str, str]:
    """Why a machine's BMC did not do it, "" where it did."""
    found = _ask(path, "POST", "/power", {"machines": list(machines), "power": to, "network": network}, _LONG)
    return {str(mac): str(why) for mac, why in found.items()}


def _ask(path: Path, method: str, place: str, body: object = None, seconds: float = _SECONDS) -> Any:
    connection = _Connection(path, seconds)
    try:
        connection.request(method, place, None if body is None else json.dumps(body))
        response = connection.getresponse()
        text = response.read()
        if response.status != http.client.OK:
            raise ApplianceError(f"the server at {path} answered {response.status}", "is it of this version?")
        return json.loads(text)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        hint = "start one with `trivet pxe serve`, or name its folder with --state"
        raise ApplianceError(f"no server of a rack is at {path}: {reason.lower()}", hint) from None
    finally:
        connection.close()
