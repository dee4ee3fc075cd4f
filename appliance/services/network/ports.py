# SPDX-License-Identifier: Apache-2.0
"""(selectors of the spec, ports) -> the ports that they mean. Pure.

A cable, its speed and who is at its other end come and go: a node that starts has no link yet and has heard nobody, and Open
vSwitch's ports hear nobody ever (the kernel hands it their frames before networkd sees any). So what a selector chose by
such facts when it was planned with first is kept, and it means those ports for as long as they are there and the rest of it
holds for them. Another selector chooses anew.

A node that follows its spec already goes on with what is left of these ports, and with no other in their place.
"""

from collections.abc import Iterator, Sequence

from appliance.model.inventory import Inventory
from appliance.model.network import Nic
from appliance.model.plan import KeepPorts
from appliance.model.selector import Choice, Chosen, NicSelector, Selection, select
from appliance.model.spec import Spec

NAME = "ports.json"
"""Of the file that has them, where the spec is."""
PORTS = f"/var/lib/trivet/{NAME}"


def choose(inventory: Inventory, spec: Spec, selector: NicSelector) -> Selection[Nic]:
    """The ports that a selector of the spec means, which has its count."""
    ports = [nic for nic in inventory.nics if not nic.vf_of]
    for choice in _kept(inventory, spec):
        if choice.selector == selector and (nics := _there(choice, ports)):
            return Selection(nics, ())
    return select(selector, ports)


def left(inventory: Inventory, spec: Spec, selector: NicSelector) -> Selection[Nic]:
    """The ports that are left of those that a selector means; beside them `problem` says what is gone.

    A choice is not made anew here: the card may be back at the next start, and another port is not what was meant.
    """
    ports = [nic for nic in inventory.nics if not nic.vf_of]
    choice = next((choice for choice in _kept(inventory, spec) if choice.selector == selector), None)
    if choice is not None:
        there = _meant(choice, ports)
        nics = tuple(nic for nic in there if [other.mac for other in there].count(nic.mac) == 1)  # not twins
        gone = (mac for mac in choice.macs if mac not in {nic.mac for nic in nics})
        return Selection(nics, (), "; ".join(f"the port {mac}, chosen by {selector.words}, is not there" for mac in gone))
    found = select(selector, ports)
    there = tuple(nic for nic in ports if not selector.facts(nic) and not nic.unusable)
    if found.chosen or len(there) >= selector.least:  # too many: nobody knows which of them is meant
        return found
    return Selection(there, found.rejected, _gone(selector, selector.least - len(there)))


def _gone(selector: NicSelector, number: int) -> str:
    if selector.least == 1:
        return f"the port with {selector.words} is not there"
    return f"{number} of {selector.least} ports with {selector.words} {'is' if number == 1 else 'are'} not there"


def choices(inventory: Inventory, spec: Spec, *, follow: bool = False) -> tuple[Choice, ...]:
    """What is worth to be kept of what the spec's selectors choose; of one that is followed, what they have chosen."""
    planes = (selector for plane in spec.network.planes.given.values() for selector in plane.selectors)
    functions = (entry.nic.counted(1) for entry in spec.network.sriov)
    passing = dict.fromkeys(selector for selector in (*planes, *functions) if selector.passing)
    kept = {choice.selector: choice for choice in reversed(_kept(inventory, spec))} if follow else {}
    new = (Choice(selector=s, macs=tuple(nic.mac for nic in choose(inventory, spec, s).chosen)) for s in passing if s not in kept)
    found = kept | {choice.selector: choice for choice in new if choice.macs}
    return tuple(found[selector] for selector in passing if selector in found)


def plan(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Iterator[KeepPorts]:
    """The saved spec's choices stay until another one is saved: it may be gone back to."""
    mine, specs, saved = choices(inventory, spec, follow=follow), inventory.chosen.specs, inventory.system.spec
    if mine != specs.get(spec.digest, ()):
        others = {saved: specs[saved]} if saved in specs else {}
        why = "they stay the same without a cable, and where nobody is heard"
        yield KeepPorts(chosen=Chosen(specs=others | {spec.digest: mine}), why=why)


def _kept(inventory: Inventory, spec: Spec) -> tuple[Choice, ...]:
    """This spec's own first, then those of the saved one, which a new one has most of its selectors from."""
    specs = inventory.chosen.specs
    return (*specs.get(spec.digest, ()), *specs.get(inventory.system.spec, ()))


def _there(choice: Choice, ports: Sequence[Nic]) -> tuple[Nic, ...]:
    """The ports of a choice, when all of them are there and may still be meant; () otherwise."""
    nics = _meant(choice, ports)
    return nics if len(nics) == len(choice.macs) else ()


def _meant(choice: Choice, ports: Sequence[Nic]) -> tuple[Nic, ...]:
    """Those of a choice that may still be meant."""
    meant = (nic for nic in ports if nic.mac in choice.macs and not nic.unusable)
    return tuple(nic for nic in meant if not choice.selector.lasting.facts(nic))
