# SPDX-License-Identifier: Apache-2.0
"""qemu-img, for files, devices and images of the pool alike: it reads what Ceph needs from its own configuration, as root.

The form of what a guest has written is always said: qemu-img would look for it in the first bytes, which are the guest's, and
follow them to any file of the node.
"""

import json
from collections.abc import Sequence
from typing import Any

from appliance.host.host import Host

POOLED = "rbd:"
_PARALLEL = ("-m", "16", "-W")
"""The pool answers late and many at once."""


def convert(host: Host, source: str, target: str, form: str, *, of: str = "") -> None:
    """A whole copy, whatever the source rests on; `of` is its form, "" where it is somebody's file and may be looked for."""
    parallel = _PARALLEL if target.startswith(POOLED) else ()
    host.run(["qemu-img", "convert", "-q", *parallel, *_form(of), "-O", form, source, target])


def size(host: Host, source: str, *, of: str = "") -> int:
    """What a guest sees, in bytes."""
    return int(info(host, source, *_form(of))["virtual-size"])


def form(host: Host, source: str) -> str:
    """What somebody's file is: qcow2, raw, vmdk."""
    return str(info(host, source)["format"])


def info(host: Host, source: str, *more: str) -> Any:
    """As qemu-img has it; --force-share, since a running VM may hold it."""
    return json.loads(host.run(["qemu-img", "info", "--force-share", "--output=json", *more, source]).stdout)


def _form(of: str) -> Sequence[str]:
    return ("-f", of) if of else ()
