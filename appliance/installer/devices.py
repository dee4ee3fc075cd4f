# SPDX-License-Identifier: Apache-2.0
"""Where the installer works, and the file systems that it looks into."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.host.host import Host

WORK = f"/run/trivet/install-{os.getpid()}"


@contextmanager
def mounted(host: Host, device: str, kind: str, options: str) -> Iterator[str]:
    """A file system, mounted for as long as the block lasts; the folder it is at."""
    where = f"{WORK}/{kind}"
    host.run(["mkdir", "-p", where])
    host.run(["mount", "-t", kind, "-o", f"nodev,nosuid,noexec,{options}", device, where])
    try:
        yield where
    finally:
        host.run(["umount", where])
