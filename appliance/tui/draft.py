# SPDX-License-Identifier: Apache-2.0
"""What a person has answered so far, the spec that it makes, and what is wrong with it, field by field. Pure.

There is no rule here about what a right answer is: the draft becomes the text of a spec, `load_spec` and `flow.check` say what
is wrong with that, and each problem's place in the spec leads back to the field that it came from. What has not been answered
yet is not wrong: it is open, and says nothing until somebody wants to go on without it.
"""

import glob
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from pydantic import SecretStr

from appliance import flow
from appliance.errors import SpecError
from appliance.model.base import Model
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.network import Nic
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.model.storage import Disk

Field = Literal[
    "medium", "language", "disks", "wipe", "ports", "bond", "vlan", "method", "address", "gateway", "dns",
    "name", "timezone", "ntp", "password", "ssh",
    "on", "mtu", "routes", "peer", "planes", "storage_vlan", "storage_address", "overlay_vlan", "overlay_address",
    "snapshot", "keyboard", "pool", "vms", "cluster", "words",
]  # fmt: skip
Language = Literal["en", "zh_CN"]
Method = Literal["dhcp", "static", "slaac", "none"]
"""Where an address comes from; the wizard asks for the first two."""
PLANE = "network.planes.management"
_PLACES: tuple[tuple[str, Field], ...] = (
    ("the medium", "medium"),
    ("install.wipe", "wipe"),
    ("install", "disks"),
    (f"{PLANE}.nics", "ports"),
    (f"{PLANE}.bond", "bond"),
    (f"{PLANE}.vlan", "vlan"),
    (f"{PLANE}.address", "address"),
    (f"{PLANE}.dns", "dns"),
    (f"{PLANE}.on", "on"),
    (f"{PLANE}.mtu", "mtu"),
    (f"{PLANE}.routes", "routes"),
    (PLANE, "gateway"),  # what is said of the plane as a whole: its gateway is in none of its networks
    ("node.language", "language"),
    ("node.keyboard", "keyboard"),
    ("node.name", "name"),
    ("node.timezone", "timezone"),
    ("node.ntp", "ntp"),
    ("admin.password_hash", "password"),
    ("admin.ssh", "ssh"),
)
"""Places in the spec and the field that each belongs to; the first that fits."""


class Draft(Model):
    """The answers as they were typed. `disks` are ids, `ports` MAC addresses; of the password only its hash is kept.

    `strength` is zxcvbn's judgement of the password, 0 to 4, -1 without one; `ssh` is text, a key a line.
    """

    language: Language = "en"
    disks: tuple[str, ...] = ()
    wipe: bool = False
    ports: tuple[str, ...] = ()
    bond: str = "none"
    vlan: str = ""
    method: Method = "dhcp"
    address: str = ""
    gateway: str = ""
    dns: str = ""
    name: str = ""
    timezone: str = "Etc/UTC"
    ntp: str = ""
    password_hash: SecretStr | None = None
    strength: int = -1
    ssh: str = ""

    def with_disks(self, *ids: str) -> "Draft":
        """With other disks. The consent to erase was for those that were chosen then, and goes with them."""
        return self.model_copy(update={"disks": ids, "wipe": self.wipe and set(ids) <= set(self.disks)})

    def with_ports(self, *macs: str) -> "Draft":
        """With other ports. Two ports want a bond, and the mode that needs nothing of the switch is offered; one wants none."""
        bond = "none" if len(macs) < _PAIR else "active-backup" if self.bond == "none" else self.bond
        return self.model_copy(update={"ports": macs, "bond": bond})


_PAIR = 2
_REPLACED: dict[str, Mapping[str, object]] = {
    "name": {"name": "node"},
    "timezone": {"timezone": "Etc/UTC"},
    "ntp": {"ntp": ""},
    "ssh": {"ssh": ""},
    "password": {"password_hash": None, "strength": -1},
    "vlan": {"vlan": ""},
    "bond": {"bond": "none"},
    "address": {"method": "dhcp"},
    "gateway": {"gateway": ""},
    "dns": {"dns": ""},
    "disks": {"disks": (), "wipe": False},
    "mtu": {"mtu": ""},
    "routes": {"routes": ""},
    "storage_vlan": {"storage_vlan": ""},
    "storage_address": {"storage_address": "dhcp"},
    "pool": {"pool": False},
    "vms": {"vms": False},
    "overlay_vlan": {"overlay_vlan": ""},
    "overlay_address": {"overlay_address": "dhcp"},
}
"""For each field an answer that is right in form: with it in the place of a wrong one the other fields can still be judged."""


def suggested(inventory: Inventory, language: Language = "en") -> Draft:
    """The draft to begin with: the only blank disk there is, and the first port with a live cable. No disk that holds data."""
    fit = [disk for disk in flow.system_disks(inventory) if not disk.unusable]
    blank = [disk.id for disk in fit if not disk.contents]
    live = [nic.mac for nic in ports(inventory) if nic.link]
    draft = Draft(language=language).with_ports(*live[:1])
    return draft.with_disks(*blank) if len(blank) == 1 else draft


def ports(inventory: Inventory) -> list[Nic]:
    """The network ports that can be chosen, in the order of their places; virtual functions are none."""
    return sorted((nic for nic in inventory.nics if not nic.vf_of), key=lambda nic: (nic.pci, nic.mac))


def chosen(draft: Draft, inventory: Inventory) -> list[Disk]:
    """The disks of the draft."""
    return [disk for disk in inventory.disks if disk.id in draft.disks]


def words(text: str) -> list[str]:
    """What a person separates by spaces or commas."""
    return [word for word in re.split(r"[\s,;，、]+", text) if word]


def document(draft: Draft) -> dict[str, Any]:
    """The spec as data. What is not answered is left out, so that the spec has its own word for it."""
    keys = [line.strip() for line in draft.ssh.splitlines() if line.strip()]
    node: dict[str, Any] = {"name": draft.name.strip(), "timezone": draft.timezone.strip(), "language": draft.language}
    if servers := words(draft.ntp):
        node["ntp"] = servers
    data: dict[str, Any] = {"version": 1, "node": node}
    admin: dict[str, Any] = {"ssh": {"enabled": bool(keys), "authorized_keys": keys}} if keys else {}
    if draft.password_hash:
        admin["password_hash"] = draft.password_hash.get_secret_value()
    if admin:
        data["admin"] = admin
    if draft.disks:
        names = [glob.escape(name) for name in draft.disks]
        disk = {"id": names[0]} if len(names) == 1 else {"id": names, "count": len(names)}
        data["install"] = {"disk": disk, "wipe": draft.wipe}
    data["network"] = {"planes": {"management": _plane(draft)}}
    return data


def _plane(draft: Draft) -> dict[str, Any]:
    plane: dict[str, Any] = {"nics": [{"mac": mac} for mac in draft.ports]}
    if draft.bond != "none":
        plane["bond"] = draft.bond
    if vlan := draft.vlan.strip():
        plane["vlan"] = int(vlan) if vlan.isascii() and vlan.isdigit() else vlan
    if draft.method == "dhcp":
        plane["address"] = "dhcp"
        return plane
    addresses = words(draft.address) or [""]
    plane["address"] = addresses[0] if len(addresses) == 1 else addresses
    if gateways := words(draft.gateway):
        plane["gateway"] = gateways[0] if len(gateways) == 1 else gateways
    if servers := words(draft.dns):
        plane["dns"] = servers
    return plane


def text(draft: Draft) -> str:
    """The spec as YAML: what is applied, and what can be saved as an answer file."""
    return _yaml(document(draft))


def shown(draft: Draft) -> str:
    """The same for everybody's eyes: whoever sees it may take a picture. It says itself what it lacks."""
    return f"# admin.password_hash is left out\n{text(draft.model_copy(update={'password_hash': None}))}"


def _yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


@dataclass(frozen=True)
class Verdict:
    """`wrong` maps a field to what is wrong with its answer, `open` are the fields that still need one."""

    wrong: Mapping[Field, tuple[Problem, ...]]
    open: frozenset[Field]
    spec: Spec | None = None

    @property
    def ready(self) -> bool:
        """Can it be planned?"""
        return not self.wrong and not self.open


Asked = tuple[list[Problem], Spec | None]


def judge(draft: Draft, inventory: Inventory) -> Verdict:
    """What `load_spec` and `flow.check` say of the draft, by field."""
    return judged(draft, frozenset(_open(draft)), lambda draft: _ask(draft, inventory), field_of)


def judged(
    draft: Draft, unanswered: frozenset[Field], ask: Callable[[Draft], Asked], lead: Callable[[Problem], Field],
) -> Verdict:  # fmt: skip
    """The same by whoever makes the spec of a draft; `lead` leads from a problem to a field."""
    found: dict[Field, tuple[Problem, ...]] = {}
    spec = None
    # Three times at most: the form of single answers, how they agree, and then the machine. Each time what is wrong is
    # replaced, so that one wrong answer does not keep the others from being judged.
    for _ in range(3):
        problems, spec = ask(draft)
        news = {name: tuple(p for p in problems if lead(p) == name) for name in map(lead, problems)}
        found = news | found
        if spec is not None:
            break
        draft = draft.model_copy(update={key: value for name in news for key, value in _REPLACED.get(name, {}).items()})
    wrong = {name: problems for name, problems in found.items() if name not in unanswered}
    return Verdict(wrong, unanswered, spec if not wrong and not unanswered else None)


def _ask(draft: Draft, inventory: Inventory) -> Asked:
    # Before a disk is chosen the rest is judged as for an installation: what the medium lacks is to be said at once.
    data = document(draft) if draft.disks else document(draft) | {"install": {}}
    try:
        spec = load_spec(_yaml(data))
    except SpecError as error:
        return list(error.problems), None
    return flow.check(inventory, spec), spec


def field_of(problem: Problem) -> Field:
    """The field that a problem's place in the spec belongs to."""
    for place, name in _PLACES:
        if re.match(rf"{re.escape(place)}($|[.\[])", problem.where):
            return name
    raise LookupError(f"no field of the console leads to {problem.where}")


def _open(draft: Draft) -> Iterator[Field]:
    """What the wizard asks and nobody has answered. The spec itself can do without a password; a person at a console cannot."""
    empty: dict[Field, bool] = {
        "disks": not draft.disks,
        "ports": not draft.ports,
        "address": draft.method == "static" and not draft.address.strip(),
        "name": not draft.name.strip(),
        "timezone": not draft.timezone.strip(),
        "password": draft.password_hash is None,
    }
    yield from (name for name, is_empty in empty.items() if is_empty)
