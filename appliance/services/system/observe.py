# SPDX-License-Identifier: Apache-2.0
"""The running system as it is set up now: name, time, password, services, the files that Trivet renders."""

import json
import posixpath
from fnmatch import fnmatchcase

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.central import DEFAULTS, NORTHD
from appliance.model.document import load_spec
from appliance.model.inventory import Image, System
from appliance.model.pool import CONF
from appliance.model.rendered import ETCD_DEFAULTS, QEMU_CONF, digest
from appliance.services.system.plan import HOSTS, KEYS, TIMESYNCD

RENDERED = (HOSTS, TIMESYNCD, KEYS, CONF, QEMU_CONF, ETCD_DEFAULTS, DEFAULTS, NORTHD, "/run/systemd/network/*-trivet-*")
"""Files that Trivet writes whole; a glob may stand in the last component."""

SPEC = "/var/lib/trivet/spec.yaml"
_ZONES = "/zoneinfo/"
_LIVE = "/run/initramfs/live/live"


def observe(host: Host) -> System:
    """Reads a dozen small files and runs nothing."""
    return System(
        # A container node has no kernel line of its own; what makes it a node is its spec, as for any other.
        installed="trivet.slot" in cmdline(host) or host.files.read(SPEC) is not None,
        spec=_spec(host),
        hostname=hostname(host),
        timezone=timezone(host),
        password=password(host),
        ssh=running(host, "ssh.service"),
        machine_id=host.files.read("/etc/machine-id") or "",
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


def hostname(host: Host) -> str:
    """What the kernel calls this system."""
    return host.files.read("/proc/sys/kernel/hostname") or ""


def timezone(host: Host) -> str:
    """The zone that /etc/localtime points at; UTC without one, as everywhere."""
    link = host.files.link("/etc/localtime") or ""
    return link.partition(_ZONES)[2] or "Etc/UTC"


def password(host: Host) -> str:
    """A fingerprint of root's password field; "" for an account that no password opens."""
    shadow = host.files.read("/etc/shadow") or ""
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
