# SPDX-License-Identifier: Apache-2.0
"""What somebody changes of a node, as changes of the text of its spec. Pure.

The fields are those of the wizard; they begin with what the spec says, and only what differs from that is written back: a
selector, a comment, a plane that nobody touched stays as it was.
"""

import re
from collections.abc import Iterator
from typing import Any

from appliance import flow
from appliance.errors import SpecError
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.services.network.propose import Proposal, propose
from appliance.tui import draft as drafts
from appliance.tui.draft import Draft, Verdict, words
from appliance.tui.node import planes
from appliance.tui.node.planes import PlaneDraft
from appliance.tui.node.yamledit import GONE, Path, edited

ASKED: tuple[drafts.Field, ...] = ("storage_vlan", "storage_address", "overlay_vlan", "overlay_address")
"""What a proposed plane may ask of a person, in the order of the page: <plane>_<what>."""
NETWORK: frozenset[str] = frozenset({*planes.FIELDS, "taken", "planes", *ASKED})
"""Fields whose change can lock somebody out: it is tried, and takes itself back."""


class NodeDraft(PlaneDraft):
    """What the spec of a node says, as it can be typed; `ssh_on` is apart from the keys. `pool`: it has a part in a
    pool; `vms`: they run here.

    `proposal` is what the node lacks, `planes` those of it that shall be added, the rest what was answered for them.
    """

    ssh_on: bool = False
    keyboard: str = "us"
    pool: bool = False
    vms: bool = False
    proposal: Proposal = Proposal()
    planes: tuple[str, ...] = ()
    storage_vlan: str = ""
    storage_address: str = ""
    overlay_vlan: str = ""
    overlay_address: str = ""

    @property
    def asked(self) -> tuple[drafts.Field, ...]:
        """What has to be answered for the planes that shall be added."""
        fields = {f"{each.name}_{ask}" for each in self.proposal.planes if each.name in self.planes for ask in each.asks}
        return tuple(field for field in ASKED if field in fields)


def draft_of(spec: Spec, inventory: Inventory, plane: str = "management") -> NodeDraft:
    """The fields as the spec has them, those of the network for one of its planes."""
    fields: dict[str, Any] = planes.fields(plane, spec, inventory)
    return NodeDraft(
        **fields,
        name=spec.node.name,
        timezone=spec.node.timezone,
        ntp=", ".join(spec.node.ntp),
        language=spec.node.language,
        keyboard=spec.node.keyboard,
        pool=spec.storage is not None,
        vms=spec.hypervisor is not None,
        password_hash=spec.admin.password_hash,
        ssh="\n".join(spec.admin.ssh.authorized_keys),
        ssh_on=spec.admin.ssh.enabled,
        proposal=propose(inventory, spec),
    )


def first(before: NodeDraft) -> NodeDraft:
    """What is shown first: as it is; a plane that is not there, as it could be."""
    return before if before.there else before.model_copy(update=planes.suggested(before.plane, before.proposal))


def changed(before: NodeDraft, after: NodeDraft) -> frozenset[str]:
    """The fields that say something else."""
    return frozenset(
        name for name in NodeDraft.model_fields if name != "strength" and getattr(before, name) != getattr(after, name)
    )


def changes(before: NodeDraft, after: NodeDraft) -> dict[Path, object]:
    """What is written into the spec."""
    names = changed(before, after)
    return dict((*planes.changes(names, after), *_added(after), *_rest(names, after)))


def _added(after: NodeDraft) -> Iterator[tuple[Path, object]]:
    """The planes that the node lacked, each whole."""
    for each in after.proposal.planes:
        if each.name in after.planes:
            typed = {ask: str(getattr(after, f"{each.name}_{ask}")) for ask in each.asks}
            answers = {ask: planes.number(text) if ask == "vlan" else planes.few(text) or "" for ask, text in typed.items()}
            yield (*planes.PLANES, each.name), each.data(**{ask: answer for ask, answer in answers.items() if answer is not GONE})


def _rest(names: frozenset[str], after: NodeDraft) -> Iterator[tuple[Path, object]]:
    for name in sorted(names & {"name", "timezone", "language", "keyboard"}):
        yield ("node", name), getattr(after, name).strip()
    if "ntp" in names:
        yield ("node", "ntp"), words(after.ntp) or GONE
    if "password_hash" in names and after.password_hash:
        yield ("admin", "password_hash"), after.password_hash.get_secret_value()
    if "ssh" in names:
        yield ("admin", "ssh", "authorized_keys"), [line.strip() for line in after.ssh.splitlines() if line.strip()]
    for name, key in (("pool", "storage"), ("vms", "hypervisor")):
        if name in names:
            yield (key,), {} if getattr(after, name) else GONE
    if "ssh_on" in names:
        yield ("admin", "ssh", "enabled"), after.ssh_on


def text(saved: str, before: NodeDraft, after: NodeDraft) -> tuple[str, bool]:
    """The spec with what was changed, and whether its comments are still there."""
    return edited(saved, changes(before, after))


def judge(saved: str, before: NodeDraft, draft: NodeDraft, inventory: Inventory) -> Verdict:
    """What is wrong with what was typed, by field."""

    def ask(draft: Draft) -> drafts.Asked:
        if not isinstance(draft, NodeDraft):
            raise TypeError(draft)
        try:
            spec = load_spec(text(saved, before, draft)[0])
        except SpecError as error:
            return list(error.problems), None
        return flow.check(inventory, spec), spec

    return drafts.judged(draft, frozenset(_open(draft)), ask, lambda problem: _lead(problem, draft))


def _lead(problem: Problem, draft: NodeDraft) -> drafts.Field:
    """What is said of other parts of the spec is said where it can be read: it keeps this change from being made, too."""
    if draft.planes:
        found = re.match(r"network\.planes\.(\w+)(\.vlan)?", problem.where)
        field = f"{found[1]}_{'vlan' if found[2] else 'address'}" if found else ""
        return next((name for name in draft.asked if name == field), "planes")
    serves: dict[str, drafts.Field] = {"storage": "pool", "hypervisor": "vms"}
    if name := serves.get(problem.where.partition(".")[0]):
        return name
    place = problem.where.replace(f"network.planes.{draft.plane}", drafts.PLANE, 1)
    try:
        return drafts.field_of(problem.model_copy(update={"where": place}))
    except LookupError:
        return "on" if draft.on else "ports"


def _open(draft: NodeDraft) -> Iterator[drafts.Field]:
    yield from (name for name in ("name", "timezone") if not getattr(draft, name))
    yield from planes.unanswered(draft)
    yield from (name for name in draft.asked if not getattr(draft, name).strip())
