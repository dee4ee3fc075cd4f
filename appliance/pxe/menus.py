# SPDX-License-Identifier: Apache-2.0
"""What a machine is told to start, for GRUB and for iPXE: rendered for one machine at a time. Pure.

The first menu says only where the machine's own one is, under its MAC address: so each start is seen, and has a credential
of its own. What is installed is sent on to its own disk, so "network first" may stay the firmware's order for ever.

Kernel, initrd and image come over plain HTTP, since no firmware and no GRUB knows our certificate; the image is compared with its
SHA-256 on the kernel line. Answers, credentials and reports go over HTTPS to the certificate whose fingerprint is there, too.
"""

from dataclasses import dataclass

from appliance.installer.boot import NODE, SHIM
from appliance.installer.plan import ALWAYS

_HTTP_PORT = 80
IMAGE = "trivet.squashfs"


@dataclass(frozen=True)
class Place:
    """Where the server is, as a machine sees it. `fingerprint` is the SHA-256 of its certificate in hexadecimal."""

    address: str
    http: int = _HTTP_PORT
    https: int = 8443
    fingerprint: str = ""
    peers: int = 0
    """The port where nodes are to serve their slots; 0 when they are not."""
    vlan: int = 0
    """The VLAN whose tagged frames are all that machines get; 0 for untagged ones."""

    @property
    def _host(self) -> str:
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def url(self) -> str:
        """Of what machines start from."""
        return f"http://{self._host}" + ("" if self.http == _HTTP_PORT else f":{self.http}")

    @property
    def desk(self) -> str:
        """Of what they ask and tell."""
        return f"https://{self._host}:{self.https}"

    @property
    def grub(self) -> str:
        """GRUB's word for `url`."""
        return f"(http,{self.address}" + (")" if self.http == _HTTP_PORT else f",{self.http})")


def arguments(place: Place, mac: str, token: str, sha256: str) -> tuple[str, ...]:
    """The kernel's, for a live system that comes over the network and installs this machine."""
    return (
        f"root=live:{place.url}/boot/{mac}/{IMAGE}", f"trivet.image.sha256={sha256}",
        "rd.live.image", "rd.live.dir=live", f"rd.live.squashimg={IMAGE}", "rd.live.overlay.overlayfs=1", "ip=dhcp",
        "trivet.mode=unattended", f"trivet.answer={place.desk}/answer", f"trivet.report={place.desk}/report",
        f"trivet.record={place.desk}/record",
        f"trivet.answer.fingerprint=sha256:{place.fingerprint}", f"trivet.answer.token={token}",
        *([f"trivet.peers={place.peers}"] if place.peers else []),
        *([f"trivet.vlan={place.vlan},{mac}"] if place.vlan else []), *ALWAYS,
    )  # fmt: skip


_SERIAL = """\
if serial --unit=0 --speed=115200; then
    terminal_input console serial
    terminal_output console serial
fi
"""


def grub_first(place: Place) -> str:
    """/grub/grub.cfg: the machine's own menu; again and again where the server is away."""
    own = f"{place.grub}/boot/${{net_default_mac}}/grub.cfg"
    return f"""\
{_SERIAL}insmod http
set own={own}
export own
configfile "$own"
echo "{place.url} does not answer; trying again in 10 seconds"
sleep 10
configfile "$prefix/grub.cfg"
"""


def grub_install(place: Place, mac: str, token: str, sha256: str) -> str:
    """Start the installer, at once."""
    folder = f"{place.grub}/boot/{mac}"
    line = " ".join(arguments(place, mac, token, sha256))
    return f"""\
echo "Trivet: fetching the installer from {place.url}"
linux {folder}/vmlinuz {line}
initrd {folder}/initrd.img
boot
echo "{place.url} does not answer; trying again in 10 seconds"
sleep 10
configfile "$own"
"""


def grub_local() -> str:
    """Start from the machine's own disk: the one that says whose node it is. A firmware that is left with `exit` may well ask."""
    return f"""\
echo "Trivet: this machine is installed; starting from its own disk"
if search --no-floppy --file --set=root {NODE}; then
    if [ "$grub_platform" = "efi" ]; then
        chainloader {SHIM}
    else
        regexp --set=1:disk "^([^,]*)" "$root"
        set root="$disk"
        chainloader +1
    fi
    boot
fi
echo "Trivet: no disk of this machine has a node"
sleep 10
exit
"""


def ipxe_first(place: Place) -> str:
    """As `grub_first`. iPXE has a card for each port; `netX` is the one that it started from."""
    return f"""\
#!ipxe
:again
chain --autofree {place.url}/boot/${{netX/mac}}/boot.ipxe ||
echo {place.url} does not answer; trying again in 10 seconds
sleep 10
goto again
"""


def ipxe_install(place: Place, mac: str, token: str, sha256: str) -> str:
    """As `grub_install`."""
    folder = f"{place.url}/boot/{mac}"
    line = " ".join(("initrd=initrd.img", *arguments(place, mac, token, sha256)))
    return f"""\
#!ipxe
echo Trivet: fetching the installer from {place.url}
:again
kernel {folder}/vmlinuz {line} || goto away
initrd {folder}/initrd.img || goto away
boot
:away
imgfree
echo {place.url} does not answer; trying again in 10 seconds
sleep 10
goto again
"""


def ipxe_local() -> str:
    """As `grub_local`."""
    return """\
#!ipxe
echo Trivet: this machine is installed; starting from its own disk
iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||
exit 1
"""
