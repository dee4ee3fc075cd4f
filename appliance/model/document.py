# SPDX-License-Identifier: Apache-2.0
"""From text to a document, with every problem at once: YAML with duplicate keys refused, old versions lifted, keys checked.

The node's spec is one; documents of VMs and of their networks are read by the same rules.
"""

import difflib
import re
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from appliance.errors import SpecError
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.model.upgrade import lift

# Sentences for pydantic's error types; anything else keeps pydantic's own words, which are readable English too.
_SENTENCES = {
    "missing": "is missing",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of keys and values",
    "model_attributes_type": "must be a mapping of keys and values",
    "literal_error": "must be {expected}",
    "less_than_equal": "must be at most {le}",
    "greater_than_equal": "must be at least {ge}",
}
Document = TypeVar("Document", bound=BaseModel)

_MISSING = {"version": "begin the document with `version: 1`"}
# How pydantic names the branches of a union in a path; people know only the keys.
_UNION_TAG = re.compile(r"(tuple|literal|function-\w+|constrained-\w+|lax-or-strict)(\[.*)?|int|str|Range")


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2, which refuses a key given twice: the second one would win in silence.

    In YAML 1.1 the key `on` is the value true, and the MAC address 52:54:00:12:34:56 is a number in base 60.
    """


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str | int):
            raise SpecError([Problem(where=f"line {line}", message="a key must be a plain word")])
        if key in seen:
            message = f"the key {key!r} stands twice in one mapping, first in line {seen[key]}"
            raise SpecError([Problem(where=f"line {line}", message=message, hint="keep one of them")])
        seen[key] = line
    return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_yaml(text: str) -> Any:
    """The data in a YAML text. SpecError names line and column of what is not YAML."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the document"
        hint = "check indentation and colons there; tabs are not allowed"
        raise SpecError([Problem(where=where, message=f"not YAML: {error.problem}", hint=hint)]) from None
    except yaml.YAMLError as error:
        message = f"not YAML: {str(error).splitlines()[0]}"
        raise SpecError([Problem(where="the document", message=message, hint="save it as plain UTF-8 text")]) from None
    except (ValueError, RecursionError) as error:  # a date such as 2026-99-99, or nesting without end
        message = f"not a usable value: {error}"
        raise SpecError([Problem(where="the document", message=message)]) from None


def load_spec(text: str) -> Spec:
    """A Spec from YAML text. SpecError holds every problem, each with its path."""
    return load(text, Spec, "begin with `version: 1`, `node:` and `network:`")


def load(text: str, kind: type[Document], hint: str) -> Document:
    """A document of a kind from YAML text; `hint` says how one begins. SpecError as in load_spec."""
    data = parse_yaml(text)
    if not isinstance(data, dict):
        found = "empty" if data is None else f"a {type(data).__name__}"
        raise SpecError([Problem(where="the document", message=f"must be a mapping, and is {found}", hint=hint)])
    try:
        return kind.model_validate(lift(data))
    except ValidationError as error:
        raise SpecError(_problems(error, kind)) from None


def _problems(error: ValidationError, kind: type[BaseModel]) -> list[Problem]:
    """One problem a place. A union reports each branch; the branches are folded into one sentence.

    Where one branch found something within the value, it is the one that was meant, and the others have nothing to say.
    """
    by_place: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        by_place.setdefault(_path(detail["loc"]), []).append(detail)
    meant = {where for where in by_place if not any(other.startswith((f"{where}.", f"{where}[")) for other in by_place)}
    return [_problem(where, details, kind) for where, details in by_place.items() if where in meant]


def _problem(where: str, details: list[ErrorDetails], kind: type[BaseModel]) -> Problem:
    first = details[0]
    if first["type"] == "extra_forbidden":
        known = _keys(first["loc"][:-1], kind)
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return Problem(where=where, message="unknown key", hint=hint)
    # Of a union's branches, the one whose own validator speaks knows best what was meant.
    best = next((d for d in details if d["type"] == "value_error"), first)
    if best["type"] == "value_error":
        return Problem(where=where, message=str(best["msg"]).removeprefix("Value error, "))
    sentences = dict.fromkeys(_sentence(d) for d in details)
    return Problem(where=where, message=", or ".join(sentences), hint=_MISSING.get(where, ""))


def _sentence(detail: ErrorDetails) -> str:
    own = detail["msg"][:1].lower() + detail["msg"][1:]
    return _SENTENCES.get(detail["type"], own).format(**detail.get("ctx", {}))


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not _UNION_TAG.fullmatch(part):
            text += f".{part}" if text else part
    return text


def _keys(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys that the model at this path knows."""
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        found = _model_in(field.annotation)
        model = found or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None
