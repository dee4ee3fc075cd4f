# SPDX-License-Identifier: Apache-2.0
"""Save a machine: one file `machine.json` with every answer that its doors gave while it was inspected.

`host/playback.py` answers from it. The sections: `origin` (where it came from, in one sentence), `files` (text, as a list
where it has several lines), `hex`, `links`, `real`, `folders`, `udev` (properties of each device, by subsystem), `netlink`,
`commands` (by the line that could be pasted), `ceph` (the pool's answers, by the question). What is not in the record is not on
the machine: a file that is absent, an empty folder. A command that is not in it is an error, since nobody knows what it would
have said; so is everything that would change the machine.

Secrets never enter a record, scrambled or not: see `_KEPT`.
"""

import dataclasses
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from appliance.errors import CommandError
from appliance.host.host import Host, Result, UdevDevice
from appliance.host.playback import NAME, question

_MANY = 2  # lines, from which on a text is kept as a list
_ARGUMENTS = ("root", "rd.", "systemd.", "trivet.", "console=", "intel_iommu=", "amd_iommu=", "iommu=", "quiet", "ro")

T = TypeVar("T")
Record = dict[str, dict[str, Any]]


def record(live: Host, inspect: Callable[[Host], object], folder: Path, *, origin: str, scramble: bool = False) -> Path:
    """Inspect a machine and save all that it answered. The path of the file that was written."""
    return save(taken(live, inspect, origin), folder, scramble=scramble)


def taken(live: Host, inspect: Callable[[Host], object], origin: str) -> dict[str, Any]:
    """Inspect a machine; the document with all that it answered."""
    host = RecordingHost.of(live)
    inspect(host)
    return {"origin": origin, **host.record}


def save(document: dict[str, Any], folder: Path, *, scramble: bool = False) -> Path:
    """The record as `machine.json` in a folder. The path of the file that was written."""
    if scramble:
        from appliance.host.scramble import scrambled  # noqa: PLC0415

        document = scrambled(document)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


@dataclasses.dataclass(frozen=True)
class RecordingHost(Host):
    """A host that keeps each answer which another one gives."""

    record: Record = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, live: Host) -> "RecordingHost":
        sections = ("files", "hex", "links", "real", "folders", "udev", "netlink", "commands", "ceph")
        record: Record = {section: {} for section in sections}
        return cls(
            files=_RecordingFiles(live, record),
            run=_RecordingRun(live, record),
            udev=_RecordingUdev(live, record),
            netlink=_RecordingNetlink(live, record),
            ceph=_RecordingCeph(live, record),
            secrets=live.secrets,
            record=record,
        )


def _redact_shadow(text: str) -> str:
    """Root's line alone, and of its hash no more than that there is one."""
    line = next((line for line in text.splitlines() if line.startswith("root:")), "root:*:")
    return re.sub(r"^root:[^*!:][^:]*", "root:$y$j9T$redacted", line)


def _redact_spec(text: str) -> str:
    return re.sub(r"""(password_hash['"]?\s*:\s*)[^,}\n]*""", r'\1"$y$j9T$redacted"', text)


def _redact_cmdline(text: str) -> str:
    """The words that say how this system was started; others may be anybody's, and a URL may carry a password."""
    words = (word for word in text.split() if word.startswith(_ARGUMENTS))
    return re.sub(r"(://)[^/@\s]*@", r"\1redacted@", " ".join(words))


def _redact_label(text: str) -> str:
    """A label of Ceph's BlueStore has the OSD's key among its entries: name, length in four bytes, value."""
    begin, name, rest = text.partition(b"osd_key".hex())
    length = 2 * int.from_bytes(bytes.fromhex(rest[:8]), "little")
    return begin + name + rest[:8] + "78" * (len(rest[8 : 8 + length]) // 2) + rest[8 + length :] if name else text


def _shorten_cpuinfo(text: str) -> str:
    """Of a second processor and each further one only its places: the rest is the same again, 1.5 KB a thread."""
    first, *others = text.split("\n\n")
    places = ("processor", "physical id", "core id", "cpu cores")
    kept = ("\n".join(line for line in block.splitlines() if line.startswith(places)) for block in others)
    return "\n\n".join([first, *kept])


_KEPT: Mapping[str, Callable[[str], str]] = {
    "/etc/shadow": _redact_shadow,
    "/var/lib/trivet/spec.yaml": _redact_spec,
    "/proc/cmdline": _redact_cmdline,
    "/proc/cpuinfo": _shorten_cpuinfo,
}


class _Recording:
    def __init__(self, live: Host, record: Record) -> None:
        self._live, self._record = live, record

    def _keep(self, section: str, name: str, answer: T, kept: object | None = None) -> T:
        if answer not in (None, ()):
            self._record[section][name] = answer if kept is None else kept
        return answer


class _RecordingFiles(_Recording):
    def read(self, path: str) -> str | None:
        text = self._live.files.read(path)
        if text is None:
            return None
        text = _KEPT.get(path, str)(text)
        lines = text.split("\n")
        return self._keep("files", path, text, lines if len(lines) >= _MANY else text)

    def read_hex(self, path: str, length: int = -1) -> str | None:
        text = self._live.files.read_hex(path, length)
        return self._keep("hex", path, text and _redact_label(text))

    def link(self, path: str) -> str | None:
        return self._keep("links", path, self._live.files.link(path))

    def real(self, path: str) -> str | None:
        return self._keep("real", path, self._live.files.real(path))

    def list(self, path: str) -> tuple[str, ...]:
        return self._keep("folders", path, self._live.files.list(path))

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self._live.files.write(path, text, mode)

    def remove(self, path: str) -> None:
        self._live.files.remove(path)


class _RecordingRun(_Recording):
    def __call__(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        result = self._live.run(argv, stdin=stdin, check=False, on_line=on_line)
        self._keep("commands", shlex.join(argv), result, dataclasses.asdict(result))
        if check and result.code:
            raise CommandError(argv, result.code, result.stderr)
        return result


class _RecordingUdev(_Recording):
    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        devices = self._live.udev.devices(subsystem)
        return self._keep("udev", subsystem, devices, [dict(d.properties) for d in devices])

    def settle(self) -> None:
        self._live.udev.settle()


class _RecordingNetlink(_Recording):
    def links(self) -> tuple[Mapping[str, Any], ...]:
        return self._keep("netlink", "links", self._live.netlink.links())

    def addresses(self) -> tuple[Mapping[str, Any], ...]:
        return self._keep("netlink", "addresses", self._live.netlink.addresses())

    def gateways(self) -> tuple[Mapping[str, Any], ...]:
        return self._keep("netlink", "gateways", self._live.netlink.gateways())


class _RecordingCeph(_Recording):
    def __call__(self, prefix: str, *, stdin: str = "", timeout: float = 30, **arguments: object) -> Any:
        return self._keep("ceph", question(prefix, arguments), self._live.ceph(prefix, stdin=stdin, timeout=timeout, **arguments))
