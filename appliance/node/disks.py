# SPDX-License-Identifier: Apache-2.0
"""A disk that comes, goes or is replaced, as somebody asks for it: looked at, planned, shown, done, proven."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from appliance import flow
from appliance.engine.apply import Emit
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.installer import half
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.node import storage
from appliance.node.status import load_saved
from appliance.node.trial import settled
from appliance.services.storage import led, report, swap

Verb = Literal["add", "remove", "replace"]


@dataclass(frozen=True)
class Wish:
    """`disk` and `new` as a person names them: slot, serial, id or osd.N."""

    verb: Verb
    disk: str
    new: str = ""
    wipe: bool = False
    degraded: bool = False


def planned(host: Host, wish: Wish) -> Plan:
    """What it takes. ApplianceError says why not."""
    spec, _ = load_saved(host)
    inventory = flow.inspect(host)
    if wish.verb == "replace" and (plan := _half(inventory, wish)):
        return plan
    now = report.report(host, inventory, storage.roles(inventory, spec))
    wanted = swap.Wanted(inventory, spec, flow.pool_address(inventory, spec), now, wish.wipe, wish.degraded)
    serials = _serials(host, inventory)
    target = swap.find(inventory, wish.disk, serials)
    if wish.verb == "add":
        return swap.added(wanted, target)
    if wish.verb == "remove":
        return swap.removed(wanted, target)
    return swap.replaced(wanted, target, swap.find(inventory, wish.new) if wish.new else None)


def _half(inventory: Inventory, wish: Wish) -> Plan | None:
    """The plan for a disk that becomes the half of a mirror; None where it is the pool's matter."""
    disk = None if wish.disk == half.SYSTEM else swap.find(inventory, wish.disk).disk
    what = half.meant(inventory, wish.disk, disk)
    if what is None:
        return None
    by_name = wish.disk == what.name or (what.volume is not None and disk == what.volume)
    new = swap.find(inventory, wish.new).disk if wish.new else None if by_name else disk
    return half.replaced(inventory, what, new, wipe=wish.wipe)


def change(host_with: Callable[..., Host], wish: Wish, emit: Emit, agreed: Callable[[Plan], Any]) -> str:
    """Do it, alone. `agreed` is shown the plan and raises when nobody agrees. What to say at the end."""
    host = host_with()
    with settled(host):
        plan = planned(host, wish)
        agreed(plan)
        spec, text = load_saved(host)
        flow.apply(plan, host_with(spec.secrets | {"spec": text}), emit)
    return _DONE[wish.verb].format(name=wish.disk)


_DONE: dict[Verb, str] = {
    "add": "Done. `trivet storage` shows how data moves to it.",
    "remove": "Done: it may be pulled. While it stays in, `trivet apply` takes it in again, unless the spec leaves it out.",
    "replace": "Done. `trivet storage` shows how copies are made again; an old disk that is still in may be pulled.",
}


def locate(host: Host, name: str, *, on: bool) -> str:
    """Switch the light of a disk's bay; the disk's name, to say it."""
    found = storage.inventory(host)
    target = swap.find(found, name)
    if target.disk is None:
        raise ApplianceError(f"{target.name}: nobody knows where it was", "`trivet disk` shows the lights that are on")
    folder = led.bay(host, target.disk)
    if not on:
        led.switch(host, folder, "fault", on=False, must=False)
    led.switch(host, folder, "locate", on=on)
    return target.name


def _serials(host: Host, inventory: Inventory) -> dict[int, str]:
    """The serial numbers of OSDs whose disks are gone: Ceph has them from when each started last."""
    pool = inventory.pool
    found: dict[int, str] = {}
    for osd in pool.osds if pool else ():
        if not osd.disk:
            try:
                known = host.ceph("osd metadata", id=osd.id)
            except ApplianceError:
                continue
            # "sdb=ATA_ST4000NM0035_ZC10ABCD": kernel's name, then maker, model and serial joined by _
            found[osd.id] = str(known.get("device_ids", "")).partition(",")[0].rpartition("_")[2]
    return found
