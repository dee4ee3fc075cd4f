# SPDX-License-Identifier: Apache-2.0
"""Sentences of the pure code (steps, reasons, problems) as the console says them. Pure.

The planner and the checks speak English, to logs and to `trivet` alike. The console puts their sentences into its own
language: each is matched against a template whose `{name}` stand for what it says them of. Some hints name keys of the spec;
somebody at a console has no spec before his eyes, so `console` says the same of the field that he sees. A test takes the
sentences out of the code (tests/tui/test_sentences.py), and demands that each has its phrase and its translation.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest


def N_(message: str) -> str:
    """Mark a sentence for the catalogue."""
    return message


ROWS = frozenset({"ports", "planes", "macs", "differences", "choices", "example", "parts"})
"""Names for which several things may stand, with `and` or `or` between them."""

WHOLE = frozenset({"answer"})
"""Names for which all that an error says may stand: its place, its reason and its remedy."""

_WORDS = ("number", "code", "index", "line", "column", "days", "hours", "minutes", "seconds", "file", "template")
_FORMS = {**dict.fromkeys(_WORDS, "[^ ,;:]+"), "state": "[^:]+"}
"""What may stand for a name, where that is not anything: one word, or no more than a sentence."""


@dataclass(frozen=True)
class Phrase:
    """`engine` is the template of what is said, `console` of what is shown.

    `nested` values are sentences themselves, or rows of them. Of several that match, the one that says most by itself is
    meant: `weight` is how much that is.
    """

    engine: str
    console: str
    nested: frozenset[str] = frozenset()

    @cached_property
    def _literal(self) -> tuple[str, ...]:
        return tuple(filter(None, re.split(r"\{\w+\}", self.engine)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.engine)
        names = (f"(?P<{part}>{_FORMS.get(part, '.+')})" for part in parts[1::2])
        pattern = "".join(re.escape(text) + name for text, name in zip_longest(parts[::2], names, fillvalue=""))
        return re.compile(pattern, re.DOTALL)

    @property
    def weight(self) -> int:
        """How many characters it has of its own."""
        return sum(map(len, self._literal))

    def match(self, sentence: str) -> dict[str, str] | None:
        """What stands for the names, when this is the sentence's template."""
        if not all(part in sentence for part in self._literal):  # hundreds of patterns need never be compiled
            return None
        found = self._pattern.fullmatch(sentence)
        return found.groupdict() if found else None


def same(text: str, *nested: str) -> Phrase:
    """One that the console says as the engine does."""
    return Phrase(text, text, frozenset(nested))


PHRASES: tuple[Phrase, ...] = (
    # Steps of an installation, and why each is there.
    same(N_("check the image on the medium, {size}")),
    same(N_("partition {disk}: {parts}")),
    same(N_("mirror partition {number} of {one} and {other} as {name}")),
    same(N_("write version {version} into slot {slot}")),
    same(N_("make the state file system")),
    same(N_("save the spec")),
    same(N_("make {disk} start slot {slot} on BIOS and UEFI")),
    same(N_("make {disk} start slot {slot} on UEFI")),
    same(N_("declare the installation complete")),
    same(N_("erase {disk}")),
    same(N_("try the hardware, {size} of memory, disks ({number}) and ports")),
    same(N_("try the hardware")),
    same(N_("write to {disk}, and read it back")),
    Phrase("install.burn_in", N_("you want the hardware tried first")),
    Phrase("install.burn_in.disks is write", N_("you want the disk written to first")),
    same(N_("the memory fails its test of {size}")),
    same(N_("{size} of memory could not be tried: memtester ended with {code}")),
    same(N_("it cannot be read or written without errors")),
    same(N_("it could not be tried")),
    same(N_("it says of itself that it fails (SMART)")),
    same(N_("it has {number} sectors that it cannot read (SMART)")),
    same(N_("it counts {number} errors that it could not correct (SMART)")),
    same(N_("the port {mac} counts {errors} errors in {packets} packets")),
    same(N_("replace the disk")),
    Phrase("replace it and start again, or leave install.burn_in out; nothing was changed on any disk",
           N_("replace it and start again, or leave the burn-in out; nothing was changed on any disk")),
    same(N_("{address} is no address of this node any more")),
    same(N_("before anything is changed")),
    Phrase("install.disk", N_("you chose it as the system disk")),
    Phrase("install.wipe", N_("you allowed that it is erased")),
    Phrase("install.disk.count is 2", N_("you chose two disks, so that either can fail")),
    same(N_("it holds an installation that was never completed")),
    same(N_("the node starts from it")),
    same(N_("it is all that persists")),
    same(N_("the node follows it from its first boot on")),
    same(N_("either disk alone must start the node")),
    same(N_("slot a is whole")),
    same(N_("all else is done and was read back")),
    # Why a disk or a port cannot be used.
    same(N_("boot medium")),
    same(N_("system disk")),
    same(N_("mounted at {path}")),
    same(N_("in use as swap")),
    same(N_("member of md array {name}")),
    same(N_("held by LVM {name}")),
    same(N_("held by the encrypted volume {name}")),
    same(N_("one of several paths to a multipath disk")),
    same(N_("held by {name}")),
    same(N_("no medium in it")),
    same(N_("it is a VM's")),
    same(N_("read-only")),
    same(N_("it has no name that lasts: no serial, no WWN, no known place")),
    same(N_("it cannot be read: {reason}")),
    same(N_("it is a BIOS RAID volume that has failed: {state}"), "state"),
    same(N_("too small for a system disk, which needs {size}")),
    same(N_("it is the volume {label} with the answers")),
    same(N_("no BIOS can start from sectors of {size} bytes; switch the firmware to UEFI to use it")),
    # A disk's name, and what is on it.
    same(N_("serial {serial}")),
    same(N_("Trivet node {name}, version {version}")),
    same(N_("partition {number} no file system")),
    same(N_("partition {number} no file system {name}")),
    same(N_("partition {number} extended")),
    same(N_("partition {number} {contents}")),
    # What is wrong with an answer, and what to do.
    same(N_("{name} is not a host name: lower-case letters, digits and inner hyphens, at most 63")),
    same(N_("{zone} is not a time zone; write it like Asia/Shanghai or Etc/UTC")),
    same(N_("{key} is not a public key; paste one line of a .pub file")),
    same(N_("{text} is not an IPv4 or IPv6 address")),
    same(N_("{text} names a port, which the plane does already; write the address alone")),
    same(N_("{text} is not an address with its prefix length, such as 10.0.0.11/24")),
    same(N_("{text} lacks its prefix length; write it like {example}")),
    same(N_("{text} is the address of the network itself, not of a host in it")),
    same(N_("{text} is the address of all hosts in the network, not of one of them")),
    same(N_("{text} is not an address that a host can have on a network")),
    same(N_("the gateway {gateway} is in none of the plane's networks")),
    same(N_("the gateway {gateway} is the node's own address")),
    same(N_("{number} bytes are too few for IPv6, which needs {least}")),
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
    same(N_("{disk} holds data: {contents}"), "disk", "contents"),
    Phrase("set `install.wipe: true` to erase it, or choose another disk",
           N_("say below that it may be erased, or choose another disk")),
    same(N_("{one} has sectors of {small} bytes and {other} of {large}")),
    same(N_("mirror two disks of the same kind")),
    same(N_("{one} and {other} are too unlike in size to be mirrored")),
    Phrase("choose two of about the same size, by `size`", N_("choose two of about the same size")),
    same(N_("this system brings no image that could be installed")),
    same(N_("start the server from a Trivet medium, or over the network with the image of the same build")),
    same(N_("this node is installed already")),
    # What the hardware lacks.
    same(N_("there is no disk that a node could be installed on")),
    same(N_("put in a disk of at least {size}, or free one: beside each disk is what keeps it from being used")),
    same(N_("there is no network port")),
    same(N_("put in a network card that Linux has a driver for")),
    same(N_("the memory is {size}")),
    same(N_("a node needs at least {size}")),
    same(N_("it is little for virtual machines and storage: 16 GiB or more would be better")),
    same(N_("no port has a live cable")),
    same(N_("plug in the cable of the management network")),
    same(N_("this processor cannot run virtual machines at speed")),
    same(N_("switch on VT-x or AMD-V (SVM) in the firmware's setup")),
    same(N_("there is no IOMMU, so no device can be handed to a virtual machine")),
    same(N_("switch on VT-d or AMD-Vi in the firmware's setup")),
    same(N_("there is one network port")),
    same(N_("with two, a cable may be pulled and the node stays reachable")),
    same(N_("there is one disk that a system fits on")),
    same(N_("this port has no LED that can be switched")),
    same(N_("the driver of this port switches no LED")),
    same(N_("pull its cable and see which line changes")),
    same(N_("with two, the system can be mirrored and outlive either of them")),
)  # fmt: skip
