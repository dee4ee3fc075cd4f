# SPDX-License-Identifier: Apache-2.0
"""What an operator wrote of a rack, read from its folder: rack.yaml, the table beside it, and templates/."""

from pathlib import Path

from appliance import flow
from appliance.errors import ApplianceError, SpecError
from appliance.host.playback import NAME, recorded
from appliance.model.document import parse_yaml, validated
from appliance.model.inventory import Inventory
from appliance.model.problem import Problem
from appliance.pxe.answer import Description
from appliance.pxe.rules import RackFile
from appliance.pxe.table import Table, load_table

RACK = "rack.yaml"
INVENTORIES = "inventories"
"""Where the server keeps what each machine has sent."""
RECORDS = "records"
"""Where it keeps what their doors have answered, by MAC address: recorded machines."""
_TABLES = ("machines.csv", "machines.yaml", "machines.yml")


def load(folder: Path) -> Description:
    """All of it. SpecError holds what is wrong with it, and a rule whose template is not there is."""
    try:
        file = _rack(_text(folder / RACK))
        name = file.table or next((name for name in _TABLES if (folder / name).is_file()), "")
        table = load_table(name, _text(folder / name)) if name else Table()
        paths = sorted(path for path in (folder / "templates").glob("*") if path.is_file() and not path.name.startswith("."))
        templates = {path.name: _text(path) for path in paths}
    except UnicodeDecodeError as error:
        raise SpecError([Problem(where=str(folder), message=f"has a file that is not UTF-8 text: {error.reason}")]) from None
    known = f"there are: {', '.join(templates) or 'none'}"
    missing = [
        Problem(where=f"rules[{index}].template", message=f"there is no {rule.template} in templates/", hint=known)
        for index, rule in enumerate(file.rules)
        if rule.template not in templates
    ]
    if missing:
        raise SpecError(missing)
    return Description(file.rules, table, templates, file.serve_peers)


class Watched:
    """What is written of a rack, read again when somebody has changed it. It is asked by many machines at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[object, ...] = ()
        self._description: Description | None = None

    def __call__(self) -> Description:
        """SpecError as in `load`, for as long as it is wrong."""
        paths = sorted([*self._folder.glob("*"), *self._folder.glob("templates/*")])
        seen = tuple((str(path), (facts := path.stat()).st_mtime_ns, facts.st_size) for path in paths if path.is_file())
        if self._description is None or seen != self._seen:
            self._description = None
            self._description = load(self._folder)
            self._seen = seen
        return self._description


def _rack(text: str) -> RackFile:
    data = parse_yaml(text)
    if not isinstance(data, dict):
        raise SpecError([Problem(where=RACK, message="must be a mapping", hint="begin with `version: 1` and `rules:`")])
    return validated(RackFile, data)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        hint = f"a rack is a folder with {RACK} and templates/"
        raise ApplianceError(f"{path} cannot be read: {error.strerror}", hint) from None


def machines(folder: Path) -> dict[str, Path]:
    """Name -> place of the machines that are saved in a folder: those of `trivet record`, and inventories of the server."""
    found = {path.parent.name: path.parent for path in folder.glob(f"*/{NAME}")}
    found |= {folder.name: folder} if (folder / NAME).is_file() else {}
    found |= {path.stem: path for path in folder.glob("*.json") if path.name != NAME}
    if not found:
        hint = f"name a folder of machines that `trivet record` made, or the server's own folder {INVENTORIES}"
        raise ApplianceError(f"{folder} has no machines in it", hint)
    return dict(sorted(found.items()))


def inventory(path: Path) -> Inventory:
    """What a saved machine has."""
    if path.is_dir():
        return flow.inspect(recorded(path))
    try:
        return Inventory.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ApplianceError(f"{path} is no inventory: {str(error).splitlines()[0]}") from None
