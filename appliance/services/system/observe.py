# SPDX-License-Identifier: Apache-2.0
"""The running system as it is set up now: name, time, password, services, the files that Trivet renders."""

import json
import posixpath
from fnmatch import fnmatchcase

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.document import load_spec
from appliance.model.inventory import Image, System
from appliance.model.rendered import digest

RENDERED = (
    "/etc/hosts",
    "/etc/systemd/timesyncd.conf.d/trivet.conf",
    "/etc/ssh/sshd_config.d/trivet.conf",
    "/root/.ssh/authorized_keys",
    "/run/systemd/network/*-trivet-*",
)
"""Files that Trivet writes whole; a glob may stand in the last component."""

SPEC = "/var/lib/trivet/spec.yaml"
_ZONES = "/zoneinfo/"
_SSH_UNIT = "/sys/fs/cgroup/system.slice/ssh.service"
_LIVE = "/run/initramfs/live/live"


def observe(host: Host) -> System:
    """Reads a dozen small files and runs nothing."""
    return System(
        installed="trivet.slot" in cmdline(host),
        spec=_spec(host),
        hostname=host.files.read("/proc/sys/kernel/hostname") or "",
        timezone=_timezone(host),
        password=_password(host.files.read("/etc/shadow") or ""),
        # systemd makes a unit's control group when it starts and removes it when the last process of it has gone.
        ssh=bool(host.files.read(f"{_SSH_UNIT}/cgroup.procs")),
        files=_files(host),
        image=_image(host),
    )


def cmdline(host: Host) -> dict[str, str]:
    """The kernel's arguments; a word without a value maps to "". The last of several wins."""
    return dict(word.partition("=")[::2] for word in (host.files.read("/proc/cmdline") or "").split())


def _spec(host: Host) -> str:
    text = host.files.read(SPEC)
    try:
        return load_spec(text).digest if text else ""
    except ApplianceError:
        return ""  # what is wrong with it is said by who needs it


def _timezone(host: Host) -> str:
    link = host.files.link("/etc/localtime") or ""
    return link.partition(_ZONES)[2] or "Etc/UTC"


def _password(shadow: str) -> str:
    """A fingerprint of root's password field; "" for an account that no password opens."""
    field = next((line.split(":")[1] for line in shadow.splitlines() if line.startswith("root:")), "")
    return "" if field.startswith(("*", "!")) else digest(field)


def _files(host: Host) -> dict[str, str]:
    texts = {path: host.files.read(path) for pattern in RENDERED for path in _expand(host, pattern)}
    return {path: digest(text) for path, text in texts.items() if text}


def _expand(host: Host, pattern: str) -> list[str]:
    folder, name = posixpath.split(pattern)
    if "*" not in name:
        return [pattern]
    return [f"{folder}/{found}" for found in host.files.list(folder) if fnmatchcase(found, name)]


def _image(host: Host) -> Image | None:
    """What the live medium carries, as the file beside it says."""
    text = host.files.read(f"{_LIVE}/image.json")
    try:
        facts = json.loads(text) if text else None
        return Image(**{k: facts[k] for k in ("version", "size", "sha256")}, path=f"{_LIVE}/trivet.squashfs") if facts else None
    except (ValueError, KeyError, TypeError):
        return None  # a damaged medium carries nothing that could be installed
