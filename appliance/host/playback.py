# SPDX-License-Identifier: Apache-2.0
"""The doors of a recorded machine: they answer from its record, and refuse whatever would change it."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from appliance.errors import ApplianceError, CommandError
from appliance.host.host import Host, Result, UdevDevice

NAME = "machine.json"


def recorded(folder: Path) -> Host:
    """The machine that is saved in a folder, by `host/record.py`."""
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ApplianceError(f"{path} cannot be read: {error.strerror}", "name a folder that `trivet record` made") from None
    except ValueError as error:
        raise ApplianceError(f"{path} is no recorded machine: {error}", "record it again with `trivet record`") from None
    if not isinstance(data, dict) or "origin" not in data:
        raise ApplianceError(f"{path} is no recorded machine: it has no origin", "record it again with `trivet record`")
    return playback(data)


def playback(data: Mapping[str, Any]) -> Host:
    """The machine in a record."""
    return Host(files=_Files(data), run=_Run(data), udev=_Udev(data), netlink=_Netlink(data), ceph=_Ceph(data))


def question(prefix: str, arguments: Mapping[str, object]) -> str:
    """The name under which an answer of the pool is kept."""
    return f"{prefix} {json.dumps(dict(arguments), sort_keys=True)}" if arguments else prefix


def _refuse(what: str) -> NoReturn:
    hint = "it can be inspected, checked and planned; run this on a live machine"
    raise ApplianceError(f"{what}: this is a recorded machine", hint)


class _Section:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def _answer(self, section: str, name: str) -> Any:
        return self._data.get(section, {}).get(name)


class _Files(_Section):
    def read(self, path: str) -> str | None:
        text: str | list[str] | None = self._answer("files", path)
        return "\n".join(text) if isinstance(text, list) else text

    def read_hex(self, path: str, length: int = -1) -> str | None:
        text: str | None = self._answer("hex", path)
        return text

    def link(self, path: str) -> str | None:
        target: str | None = self._answer("links", path)
        return target

    def real(self, path: str) -> str | None:
        target: str | None = self._answer("real", path)
        return target

    def list(self, path: str) -> tuple[str, ...]:
        return tuple(self._answer("folders", path) or ())

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        _refuse(f"{path} cannot be written")

    def remove(self, path: str) -> None:
        _refuse(f"{path} cannot be removed")


class _Run(_Section):
    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        line = shlex.join(argv)
        answer = self._answer("commands", line)
        if answer is None:
            _refuse(f"nobody knows what `{line}` would say")
        result = Result(**answer)
        for text in result.stdout.splitlines() if on_line else ():
            on_line(text)  # type: ignore[misc]  # mypy does not see that the loop is empty without it
        if check and result.code:
            raise CommandError(argv, result.code, result.stderr)
        return result


class _Udev(_Section):
    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        return tuple(UdevDevice.of(properties) for properties in self._answer("udev", subsystem) or ())

    def settle(self) -> None:
        """There is nothing to wait for."""


class _Netlink(_Section):
    def links(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self._answer("netlink", "links") or ())

    def addresses(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self._answer("netlink", "addresses") or ())

    def gateways(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self._answer("netlink", "gateways") or ())


class _Ceph(_Section):
    def __call__(self, prefix: str, *, stdin: str = "", timeout: float = 30, **arguments: object) -> Any:
        line = question(prefix, arguments)
        answer = self._answer("ceph", line)
        if answer is None:
            _refuse(f"nobody knows what the pool would say to `{line}`")
        return answer
