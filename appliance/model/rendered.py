# SPDX-License-Identifier: Apache-2.0
"""Files that Trivet writes whole from the spec: what they should hold, against the digests that the inventory has."""

import hashlib
from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.plan import RenderFile

QEMU_CONF = "/etc/libvirt/qemu.conf"
ETCD_DEFAULTS = "/etc/default/etcd"
"""Of the engines, whose packages bring files of the same names."""
HEADER = "# Written by Trivet from its spec; changes are lost. See `trivet plan`.\n"


def digest(text: str) -> str:
    """12 hexadecimal digits of a text without its trailing white space, which is how files are read; "" for none."""
    return hashlib.sha256(text.rstrip().encode()).hexdigest()[:12] if text.strip() else ""


def render(
    inventory: Inventory, path: str, content: str, *, why: str, reload: str = "", mode: int = 0o644
) -> Iterator[RenderFile]:
    """The step that makes `path` hold `content` ("" removes it), unless it is so already."""
    if inventory.system.files.get(path, "") != digest(content):
        yield RenderFile(path=path, content=content, mode=mode, reload=(reload,) if reload else (), why=why)
