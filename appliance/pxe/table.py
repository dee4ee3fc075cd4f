# SPDX-License-Identifier: Apache-2.0
"""The table of machines: a row says which machine it means, and what its template is filled with. Pure.

A row means a machine when everything holds that it says of it. Where some of it holds and some does not, a typing mistake or an
exchanged mainboard is likelier than another machine: that is said, and nobody gets that row.
"""

import csv
import io
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.errors import SpecError, Unsatisfiable
from appliance.model.document import parse_yaml
from appliance.model.inventory import Inventory
from appliance.model.problem import Problem

_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")
_OWN = ("machine", "inventory", "row")
"""Names that a template has anyway."""


def macs(inventory: Inventory) -> tuple[str, ...]:
    """The permanent addresses of a machine's own ports."""
    return tuple(nic.mac for nic in inventory.nics if not nic.vf_of)


def _mac(text: str) -> str:
    return text.lower().replace("-", ":")


_FACTS: dict[str, Callable[[Inventory], tuple[str, ...]]] = {
    "serial": lambda i: (i.machine.dmi.serial,),
    "uuid": lambda i: (i.machine.dmi.uuid.lower(),),
    "mac": macs,
    "lldp": lambda i: tuple(n.label.lower() for nic in i.nics for n in nic.neighbours),
}
"""What a row may say of the machine that it means, and what a machine has of it."""
_NORMAL: dict[str, Callable[[str], str]] = {"mac": _mac, "uuid": str.lower, "lldp": str.lower}
_ALONE = ("name", "address", "bmc", *_FACTS)
"""What no two rows may share."""


@dataclass(frozen=True)
class Row:
    """`where` is its place, for a person: "machines.csv line 3"."""

    where: str
    values: Mapping[str, Any]

    def text(self, column: str) -> str:
        """What stands there in its one form, "" for nothing."""
        value = str(self.values.get(column) or "").strip()
        return _NORMAL.get(column, str)(value)


@dataclass(frozen=True)
class Table:
    rows: tuple[Row, ...] = ()

    def find(self, inventory: Inventory) -> Row | None:
        """The row that means this machine; None without one. Unsatisfiable when that is in doubt."""
        judged = [(row, *_compare(row, inventory)) for row in self.rows]
        if found := [row for row, holds, fails in judged if holds and not fails]:
            if len(found) > 1:
                places = " and ".join(row.where for row in found)
                message = f"{places} both mean this machine"
                raise Unsatisfiable([Problem(where="the table", message=message, hint="leave one of them, or say more in each")])
            return found[0]
        for row, holds, fails in judged:
            if holds:
                message = f"has the {holds[0]} of this machine and another {fails[0]}"
                raise Unsatisfiable([Problem(where=row.where, message=message, hint="correct the table")])
        return None


def _compare(row: Row, inventory: Inventory) -> tuple[list[str], list[str]]:
    """The columns that hold for the machine, and those that do not."""
    given = {name: text for name in _FACTS if (text := row.text(name))}
    holds = [name for name, text in given.items() if text in _FACTS[name](inventory)]
    return holds, [name for name in given if name not in holds]


def load_table(name: str, text: str) -> Table:
    """The table in a file of this name. SpecError holds all that is wrong with it."""
    rows = _yaml(name, text) if name.endswith((".yaml", ".yml")) else _csv(name, text)
    if problems := list(_problems(name, rows)):
        raise SpecError(problems)
    return Table(tuple(rows))


def _csv(name: str, text: str) -> list[Row]:
    """What spreadsheets write: with a byte order mark or not, with commas or semicolons."""
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    rows: list[Row] = []
    columns: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            where, words = f"{name} line {reader.line_num}", [cell.strip() for cell in cells]
            if not columns:
                columns = [word.lower() for word in words]
            elif len(words) > len(columns):
                raise SpecError([Problem(where=where, message=f"has {len(words)} cells, and the table {len(columns)} columns")])
            else:
                rows.append(Row(where, {c: w for c, w in zip(columns, words, strict=False) if w}))
    except csv.Error as error:
        raise SpecError([Problem(where=f"{name} line {reader.line_num}", message=f"is no CSV: {error}")]) from None
    if twice := sorted({c for c in columns if columns.count(c) > 1}):
        raise SpecError([Problem(where=name, message=f"the column {twice[0] or 'without a name'} is there twice")])
    return rows


def _yaml(name: str, text: str) -> list[Row]:
    data = parse_yaml(text)
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise SpecError([Problem(where=name, message="must be a list with a mapping for each machine")])
    items = ({str(key): value for key, value in item.items() if value is not None} for item in data)
    return [Row(f"{name} entry {number}", item) for number, item in enumerate(items, 1)]


def _problems(name: str, rows: Sequence[Row]) -> Iterator[Problem]:
    if not rows:
        hint = "begin with a line of column names, such as name,serial,address"
        yield Problem(where=name, message="has no machine in it", hint=hint)
    for column in sorted({column for row in rows for column in row.values}):
        if not _COLUMN.fullmatch(column) or column in _OWN:
            message = f"{column!r} cannot be the name of a column"
            yield Problem(where=name, message=message, hint="templates use it: lower-case letters, digits and _")
    seen: dict[tuple[str, str], Row] = {}
    for row in rows:
        if not any(row.text(fact) for fact in _FACTS):
            hint = f"give {', '.join(_FACTS)}, or some of them"
            yield Problem(where=row.where, message="does not say which machine it means", hint=hint)
        for column in _ALONE:
            text = _address(row.text(column)) if column == "address" else row.text(column)
            if text and (other := seen.setdefault((column, text), row)) is not row:
                yield Problem(where=row.where, message=f"has the {column} {text} of {other.where}", hint="no two may share it")


def _address(text: str) -> str:
    """Without the length of its prefix: two machines with one address are two, whatever they think of the network."""
    try:
        return str(ipaddress.ip_interface(text).ip)
    except ValueError:
        return ""  # the template's own business
