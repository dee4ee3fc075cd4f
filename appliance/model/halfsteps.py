# SPDX-License-Identifier: Apache-2.0
"""Verbs for a mirror that lost a disk, ours or the mainboard's: another disk becomes its half."""

from typing import Literal

from appliance.model.step import BaseStep


class JoinArray(BaseStep):
    """Add a partition of a disk to the md array `name`, which lacks one; md copies onto it what the others have."""

    kind: Literal["join-array"] = "join-array"
    name: str
    uuid: str
    partition: int
    disk: str

    def __str__(self) -> str:
        return f"add partition {self.partition} of {self.disk} to {self.name}"


class CopyBoot(BaseStep):
    """Make a disk start what `source` starts: its ESP, with the volume id `esp`, and with `bios` its boot sector and GRUB."""

    kind: Literal["copy-boot"] = "copy-boot"
    disk: str
    source: str
    esp: str
    bios: bool

    def __str__(self) -> str:
        return f"make {self.disk} start what {self.source} starts"


class JoinVolume(BaseStep):
    """Give a blank disk to a BIOS RAID volume that lacks one. Without `platform` mdadm is told not to ask the firmware."""

    kind: Literal["join-volume"] = "join-volume"
    volume: str
    disk: str
    platform: bool = True

    def __str__(self) -> str:
        return f"add {self.disk} to the BIOS RAID {self.volume}"
