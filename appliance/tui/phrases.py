# SPDX-License-Identifier: Apache-2.0
"""Sentences of the pure code (steps, reasons, problems) as the console says them. Pure.

The planner and the checks speak English, to logs and to `trivet` alike. The console puts their sentences into its own
language: each is matched against a template whose `{name}` stand for what it says them of. Some hints name keys of the spec;
somebody at a console has no spec before his eyes, so `console` says the same of the field that he sees. A test takes every
sentence that the wizard can meet through here.
"""

import re
from dataclasses import dataclass, field


def N_(message: str) -> str:
    """Mark a sentence for the catalogue."""
    return message


@dataclass(frozen=True)
class Phrase:
    """`engine` is the template of what is said, `console` of what is shown.

    `nested` values are sentences themselves, or rows of them.
    """

    engine: str
    console: str
    nested: frozenset[str] = frozenset()
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = re.split(r"\{(\w+)\}", self.engine)
        pattern = "".join(f"(?P<{part}>.+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        object.__setattr__(self, "_pattern", re.compile(pattern, re.DOTALL))

    def match(self, sentence: str) -> dict[str, str] | None:
        """What stands for the names, when this is the sentence's template."""
        found = self._pattern.fullmatch(sentence)
        return found.groupdict() if found else None


def _same(text: str, *nested: str) -> Phrase:
    return Phrase(text, text, frozenset(nested))


PHRASES: tuple[Phrase, ...] = (
    # Steps of an installation, and why each is there.
    _same(N_("check the image on the medium, {size}")),
    _same(N_("partition {disk}: {parts}")),
    _same(N_("mirror partition {number} of {one} and {other} as {name}")),
    _same(N_("write version {version} into slot {slot}")),
    _same(N_("make the state file system")),
    _same(N_("save the spec")),
    _same(N_("make {disk} start slot {slot} on BIOS and UEFI")),
    _same(N_("make {disk} start slot {slot} on UEFI")),
    _same(N_("declare the installation complete")),
    _same(N_("erase {disk}")),
    _same(N_("before anything is changed")),
    Phrase("install.disk", N_("you chose it as the system disk")),
    Phrase("install.wipe", N_("you allowed that it is erased")),
    Phrase("install.disk.count is 2", N_("you chose two disks, so that either can fail")),
    _same(N_("it holds an installation that was never completed")),
    _same(N_("the node starts from it")),
    _same(N_("it is all that persists")),
    _same(N_("the node follows it from its first boot on")),
    _same(N_("either disk alone must start the node")),
    _same(N_("slot a is whole")),
    _same(N_("all else is done and was read back")),
    # Why a disk or a port cannot be used.
    _same(N_("boot medium")),
    _same(N_("system disk")),
    _same(N_("mounted at {path}")),
    _same(N_("in use as swap")),
    _same(N_("member of md array {name}")),
    _same(N_("held by LVM {name}")),
    _same(N_("held by the encrypted volume {name}")),
    _same(N_("one of several paths to a multipath disk")),
    _same(N_("held by {name}")),
    _same(N_("no medium in it")),
    _same(N_("read-only")),
    _same(N_("it has no name that lasts: no serial, no WWN, no known place")),
    _same(N_("it cannot be read: {reason}")),
    _same(N_("too small for a system disk, which needs {size}")),
    _same(N_("it is the volume {label} with the answers")),
    _same(N_("no BIOS can start from sectors of {size} bytes; switch the firmware to UEFI to use it")),
    # A disk's name, and what is on it.
    _same(N_("serial {serial}")),
    _same(N_("Trivet node {name}, version {version}")),
    _same(N_("partition {number} no file system")),
    _same(N_("partition {number} no file system {name}")),
    _same(N_("partition {number} extended")),
    _same(N_("partition {number} {contents}")),
    # What is wrong with an answer, and what to do.
    _same(N_("{name} is not a host name: lower-case letters, digits and inner hyphens, at most 63")),
    _same(N_("{zone} is not a time zone; write it like Asia/Shanghai or Etc/UTC")),
    _same(N_("{key} is not a public key; paste one line of a .pub file")),
    _same(N_("{text} is not an IPv4 or IPv6 address")),
    _same(N_("{text} names a port, which the plane does already; write the address alone")),
    _same(N_("{text} is not an address with its prefix length, such as 10.0.0.11/24")),
    _same(N_("{text} lacks its prefix length; write it like {example}")),
    _same(N_("{text} is the address of the network itself, not of a host in it")),
    _same(N_("{text} is the address of all hosts in the network, not of one of them")),
    _same(N_("{text} is not an address that a host can have on a network")),
    _same(N_("the gateway {gateway} is in none of the plane's networks")),
    _same(N_("the gateway {gateway} is the node's own address")),
    _same(N_("{number} bytes are too few for IPv6, which needs {least}")),
    Phrase("give it mtu: {number} or more", N_("an MTU of {number} or more")),
    Phrase("a plane has one gateway for IPv4 and one for IPv6", N_("there is one gateway for IPv4 and one for IPv6")),
    Phrase("must be a whole number, or must be 'trunk'", N_("a VLAN is a number from 1 to 4094; leave it empty for none")),
    Phrase("must be at most 4094, or must be 'trunk'", N_("a VLAN is a number from 1 to 4094; leave it empty for none")),
    Phrase("must be at least 1, or must be 'trunk'", N_("a VLAN is a number from 1 to 4094; leave it empty for none")),
    Phrase("{name} is on one VLAN, not on a trunk", N_("a VLAN is a number from 1 to 4094; leave it empty for none")),
    Phrase("give its number; a trunk is for business", ""),  # said already
    Phrase("must be 1 or 2", N_("choose one disk, or two to mirror them")),
    Phrase("{number} ports, and no bond that makes one of them", N_("several ports need a bond that makes one of them")),
    Phrase("give bond: active-backup, which needs nothing of the switch, or another mode",
           N_("active-backup needs nothing of the switch")),
    _same(N_("{disk} holds data: {contents}"), "disk", "contents"),
    Phrase("set `install.wipe: true` to erase it, or choose another disk",
           N_("say below that it may be erased, or choose another disk")),
    _same(N_("{one} has sectors of {small} bytes and {other} of {large}")),
    _same(N_("mirror two disks of the same kind")),
    _same(N_("{one} and {other} are too unlike in size to be mirrored")),
    Phrase("choose two of about the same size, by `size`", N_("choose two of about the same size")),
    _same(N_("this system brings no image that could be installed")),
    _same(N_("start the server from a Trivet medium, or over the network with the image of the same build")),
    _same(N_("this node is installed already")),
    # What the hardware lacks.
    _same(N_("there is no disk that a node could be installed on")),
    _same(N_("put in a disk of at least {size}, or free one: beside each disk is what keeps it from being used")),
    _same(N_("there is no network port")),
    _same(N_("put in a network card that Linux has a driver for")),
    _same(N_("the memory is {size}")),
    _same(N_("a node needs at least {size}")),
    _same(N_("it is little for virtual machines and storage: 16 GiB or more would be better")),
    _same(N_("no port has a live cable")),
    _same(N_("plug in the cable of the management network")),
    _same(N_("this processor cannot run virtual machines at speed")),
    _same(N_("switch on VT-x or AMD-V (SVM) in the firmware's setup")),
    _same(N_("there is no IOMMU, so no device can be handed to a virtual machine")),
    _same(N_("switch on VT-d or AMD-Vi in the firmware's setup")),
    _same(N_("there is one network port")),
    _same(N_("with two, a cable may be pulled and the node stays reachable")),
    _same(N_("there is one disk that a system fits on")),
    _same(N_("this port has no LED that can be switched")),
    _same(N_("the driver of this port switches no LED")),
    _same(N_("pull its cable and see which line changes")),
    _same(N_("with two, the system can be mirrored and outlive either of them")),
)  # fmt: skip
