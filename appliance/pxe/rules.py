# SPDX-License-Identifier: Apache-2.0
"""`rack.yaml`: which template a machine gets, by what it has. Pure.

The rules are tried from top to bottom, and the first that holds is taken. An empty rule holds for every machine: put last, it is
what all the others get. No rule at all is no answer.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal, TypeVar

from pydantic import field_validator

from appliance.model.base import Model
from appliance.model.inventory import Inventory
from appliance.model.selector import DiskSelector, NicSelector, Range
from appliance.model.units import SizeComparison, compare, parse_size
from appliance.pxe.table import Row, macs

S = TypeVar("S", DiskSelector, NicSelector)


class When(Model):
    """Facts of a machine that must all hold. Text facts are globs without regard to case.

    `disks` and `nics` are selectors with a count, of which a machine must have as many: "has 2 NVMe" is `disks: {transport: nvme,
    count: 2}`. `listed` asks whether the table has a row for it, and `bmc` is the address in that row.
    """

    serial: str | None = None
    uuid: str | None = None
    mac: str | None = None
    bmc: str | None = None
    manufacturer: str | None = None
    product: str | None = None
    lldp: str | None = None
    firmware: Literal["bios", "uefi"] | None = None
    memory: SizeComparison | None = None
    disks: DiskSelector | tuple[DiskSelector, ...] = ()
    nics: NicSelector | tuple[NicSelector, ...] = ()
    listed: bool | None = None

    def holds(self, inventory: Inventory, row: Row | None) -> bool:
        """Do all of them hold?"""
        dmi = inventory.machine.dmi
        texts = {
            "serial": (dmi.serial,),
            "uuid": (dmi.uuid,),
            "mac": macs(inventory),
            "bmc": (row.text("bmc") if row else "",),
            "manufacturer": (dmi.manufacturer,),
            "product": (dmi.product,),
            "lldp": tuple(n.label for nic in inventory.nics for n in nic.neighbours),
            "firmware": (inventory.machine.firmware.mode,),
        }
        wished = {name: text for name in texts if (text := getattr(self, name)) is not None}
        disks = [disk for disk in inventory.disks if not disk.unusable]
        nics = [nic for nic in inventory.nics if not nic.vf_of]
        return (
            all(any(fnmatchcase(found.lower(), glob.lower()) for found in texts[name]) for name, glob in wished.items())
            and (self.memory is None or compare(self.memory, inventory.machine.memory, parse_size))
            and all(_counted(s.count, sum(not s.facts(disk) for disk in disks)) for s in _several(self.disks))
            and all(_counted(s.count, sum(not s.facts(nic) for nic in nics)) for s in _several(self.nics))
            and self.listed in (None, row is not None)
        )


def _several(selectors: S | tuple[S, ...]) -> tuple[S, ...]:
    return selectors if isinstance(selectors, tuple) else (selectors,)


def _counted(count: int | Range | None, found: int) -> bool:
    if count is None:
        return found > 0
    if isinstance(count, int):
        return found == count
    return found >= count.min and (count.max is None or found <= count.max)


class Rule(Model):
    """Machines for which `when` holds get `template`; with `approve` only after somebody has said so on the board."""

    when: When = When()
    template: str
    approve: bool = False

    @field_validator("template")
    @classmethod
    def _inside(cls, name: str) -> str:
        if not name or name.startswith(("/", ".")) or "/" in name:
            raise ValueError(f"{name!r} is not the name of a file in the folder templates")
        return name


class RackFile(Model):
    """`table` is the file beside this one with the machines; "" for none. `serve_peers`: what is installed serves its slot to
    the others for an hour, so that a rack does not share one link.
    """

    version: Literal[1]
    table: str = ""
    serve_peers: bool = False
    rules: tuple[Rule, ...]

    @field_validator("table")
    @classmethod
    def _beside(cls, name: str) -> str:
        if "/" in name or (name and not name.endswith((".csv", ".yaml", ".yml"))):
            raise ValueError(f"{name!r} is not the name of a .csv or .yaml file beside rack.yaml")
        return name


def choose(rules: Sequence[Rule], inventory: Inventory, row: Row | None) -> Rule | None:
    """The first rule that holds."""
    return next((rule for rule in rules if rule.when.holds(inventory, row)), None)
