# SPDX-License-Identifier: Apache-2.0
"""A machine's inventory -> its answer: a template, filled with its row of the table, and tried on that very inventory. Pure.

Nothing is answered that this machine would refuse: what a template renders is loaded, checked and planned here as it is on
the machine. Templates run in jinja2's sandbox, and a name that nobody has given is an error and never an empty text.
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from appliance import flow
from appliance.errors import Problems, Unsatisfiable
from appliance.model.base import Model
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.pxe.rules import Rule, choose
from appliance.pxe.table import Row, Table, macs

_LARGEST = 2**20


@dataclass(frozen=True)
class Description:
    """What an operator wrote of a rack. `templates` maps the name of a file to its text."""

    rules: tuple[Rule, ...]
    table: Table = field(default_factory=Table)
    templates: Mapping[str, str] = field(default_factory=dict)
    serve_peers: bool = False


@dataclass(frozen=True)
class Answer:
    """`text` is what the machine gets; `approve`: not before somebody has said so."""

    text: str
    spec: Spec
    plan: Plan
    template: str
    approve: bool


class Claim(Model):
    """What a machine of the rack has for itself: no other may have it.

    `founds` is the name of the cluster that it begins, `joins` the address of the one that it is to join; "" for none.
    """

    machine: str
    name: str = ""
    addresses: tuple[str, ...] = ()
    uuid: str = ""
    founds: str = ""
    joins: str = ""


def answer(rack: Description, inventory: Inventory, template: str = "") -> Answer:
    """What this machine is to be installed by; `template` is one that somebody chose for it.

    Problems says why there is none.
    """
    if inventory.system.installed:
        raise _refused("this machine", "runs as an installed node", "start it over the network to install it anew")
    row = rack.table.find(inventory)
    rule = Rule(template=template) if template else choose(rack.rules, inventory, row)
    if rule is None:
        hint = "add it to the table or to the rules, or approve it with a template"
        raise _refused("rack.yaml", "no rule holds for this machine", hint)
    text = render(rack.templates, rule.template, row, inventory)
    try:
        spec = load_spec(text)
        plan = flow.plan(inventory, spec)
    except Problems as error:
        where = f"templates/{rule.template}" + (f" with {row.where}" if row else "")
        raise type(error)([p.model_copy(update={"where": f"{where}: {p.where}"}) for p in error.problems]) from None
    return Answer(text, spec, plan, rule.template, rule.approve)


def render(templates: Mapping[str, str], name: str, row: Row | None, inventory: Inventory) -> str:
    """The template's text for this machine."""
    where = f"templates/{name}"
    if name not in templates:
        raise _refused(where, "is not there", f"there are: {', '.join(sorted(templates)) or 'none'}")
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.DictLoader(dict(templates)), undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    values = dict(row.values) if row else {}
    try:
        parts: list[str] = []
        size = 0
        for part in environment.get_template(name).generate(**values, row=values, **_facts(inventory)):
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                raise _refused(where, "renders more than a mebibyte, which is no spec", "does a loop have no end?")
        return "".join(parts)
    except jinja2.UndefinedError as error:
        column = f"give {row.where} that column, or let the template do without" if row else ""
        hint = column or "no row of the table means this machine"
        raise _refused(where, str(error.message), hint) from None
    except jinja2.TemplateSyntaxError as error:
        raise _refused(f"{where} line {error.lineno}", f"is no template: {error.message}") from None
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _refused(where, f"cannot be rendered: {error}") from None


def _facts(inventory: Inventory) -> dict[str, Any]:
    """What a template knows of the machine itself: all of `trivet inspect --json`, and the usual of it by short names."""
    whole, dmi = inventory.model_dump(mode="json"), inventory.machine.dmi
    short = {
        "serial": dmi.serial, "uuid": dmi.uuid, "manufacturer": dmi.manufacturer, "product": dmi.product,
        "firmware": inventory.machine.firmware.mode, "memory": inventory.machine.memory, "macs": list(macs(inventory)),
    }  # fmt: skip
    return {"inventory": whole, "machine": short}


def claim(machine: str, given: Answer, inventory: Inventory) -> Claim:
    """What this machine would have for itself."""
    planes = given.spec.network.planes.given.values()
    addresses = sorted({str(ipaddress.ip_interface(a).ip) for plane in planes for a in plane.addresses})
    create, join = (given.spec.cluster.create, given.spec.cluster.join) if given.spec.cluster else (None, None)
    return Claim(
        machine=machine, name=given.spec.node.name, addresses=tuple(addresses), uuid=inventory.machine.dmi.uuid.lower(),
        founds=create.name if create else "", joins=(join.address or "") if join else "",
    )  # fmt: skip


def clashes(wished: Claim, others: Sequence[Claim]) -> Iterator[Problem]:
    """Why this machine cannot have what it is to have: another one has it."""
    for other in others:
        if other.machine == wished.machine:
            continue
        if wished.name and wished.name == other.name:
            hint = "give each its own name in the table"
            yield Problem(where="node.name", message=f"{wished.name} is the machine {other.machine} already", hint=hint)
        for address in sorted({*wished.addresses} & {*other.addresses}):
            hint = "give each its own address in the table"
            yield Problem(where="network.planes", message=f"the machine {other.machine} has {address} already", hint=hint)
        if wished.uuid and wished.uuid == other.uuid:
            message = f"the machine {other.machine} has the UUID {wished.uuid}, too"
            yield Problem(where="this machine", message=message, hint="have the maker's tool write a UUID of its own into each")


def _refused(where: str, message: str, hint: str = "") -> Unsatisfiable:
    return Unsatisfiable([Problem(where=where, message=message, hint=hint)])
