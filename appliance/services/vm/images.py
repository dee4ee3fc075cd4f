# SPDX-License-Identifier: Apache-2.0
"""The library: images, media and kernels as files of this node, which documents name without a folder."""

from appliance.errors import CommandError
from appliance.host.host import Host
from appliance.services.vm import qemuimg
from appliance.services.vm.records import VmError

LIBRARY = "/var/lib/libvirt/library"


def image(host: Host, name: str) -> str:
    """The file of an image of the library. VmError with those that there are."""
    file = f"{LIBRARY}/{name}"
    if host.files.real(file) is None:
        names = ", ".join(host.files.list(LIBRARY)) or "it is empty"
        raise VmError(f"there is no {name} in the library", f"there: {names}; add it with `trivet image add FILE`")
    return file


def add_image(host: Host, source: str, name: str) -> None:
    """Put a copy of a file into the library; disks in other forms than qcow2 and raw as qcow2."""
    host.run(["mkdir", "-p", LIBRARY])
    if host.files.real(f"{LIBRARY}/{name}") is not None:
        raise VmError(
            f"there is a {name} in the library already", "remove it with `trivet image remove`, or name this one otherwise"
        )
    new = f"{LIBRARY}/.{name}.new"
    try:
        if qemuimg.form(host, source) in ("raw", "qcow2"):
            host.run(["cp", "--sparse=always", "--", source, new])
        else:
            qemuimg.convert(host, source, new, "qcow2")
        host.run(["mv", "--", new, f"{LIBRARY}/{name}"])
    except CommandError:
        host.files.remove(new)
        raise
