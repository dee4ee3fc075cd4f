# SPDX-License-Identifier: Apache-2.0
"""Change single values in the text of a YAML document; everything else in it stays as somebody has written it. Pure.

Comments, order and style of what is not touched are kept. Whatever was done to the text is proven: it must say what the data
say after the same change, else the whole document is written anew, and its comments are lost.
"""

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from appliance.model.document import parse_yaml

Path = tuple[str, ...]
GONE = object()
"""In the place of a value: the key goes."""


def edited(text: str, changes: Mapping[Path, object]) -> tuple[str, bool]:
    """The text with other values at these paths, and whether its comments are still there. SpecError when it is not YAML."""
    wanted = copy.deepcopy(parse_yaml(text))
    for path, value in changes.items():
        _put(wanted, path, value)
    result = text
    try:
        for path, value in changes.items():
            result = _set(result, path, value)
        if parse_yaml(result) == wanted:
            return result, True
    except Exception:  # whatever the text was like: the way below is always open
        pass
    return yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True, width=120), False


def _put(data: Any, path: Path, value: object) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    if value is GONE:
        data.pop(path[-1], None)
    else:
        data[path[-1]] = value


def _set(text: str, path: Path, value: object) -> str:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    above: list[yaml.MappingNode] = []
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            raise LookupError(path)
        above.append(node)
        found = next((pair for pair in node.value if pair[0].value == key), None)
        if found is None:
            return text if value is GONE else _added(text, node, key, _nested(path[depth + 1 :], value))
        if depth == len(path) - 1:
            if value is GONE:
                return _removed(text, above, path, found)
            return _replaced(text, found, value)
        node = found[1]
    raise LookupError(path)


def _nested(path: Path, value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _replaced(text: str, pair: tuple[yaml.Node, yaml.Node], value: object) -> str:
    colon = text.index(":", _index(pair[0].end_mark))
    return f"{text[: colon + 1]} {_flow(value)}{text[_end(text, pair[1], colon + 1) :]}"


def _added(text: str, node: yaml.MappingNode, key: str, value: object) -> str:
    if node.flow_style:
        end = _index(node.end_mark) - 1
        comma = ", " if node.value else ""
        return f"{text[:end]}{comma}{_flow(key)}: {_flow(value)}{text[end:]}"
    first, last = node.value[0][0], node.value[-1]
    end = text.find("\n", _end(text, last[1], _index(last[0].end_mark) + 1))
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{' ' * first.start_mark.column}{_flow(key)}: {_flow(value)}{text[end:]}"


def _removed(text: str, above: list[yaml.MappingNode], path: Path, pair: tuple[yaml.Node, yaml.Node]) -> str:
    node = above[-1]
    start = text.rfind("\n", 0, _index(pair[0].start_mark)) + 1
    alone = not text[start : _index(pair[0].start_mark)].strip()
    if node.flow_style or len(node.value) == 1 or not alone:
        # In braces, or the last of its kind: what is around it is written anew.
        rest = (other for other in node.value if other is not pair)
        data = {key.value: parse_yaml(text[_index(v.start_mark) : _end(text, v, 0)]) for key, v in rest}
        return _set(text, path[:-1], data)
    end = text.find("\n", _end(text, pair[1], _index(pair[0].end_mark)))
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _end(text: str, node: yaml.Node, empty: int) -> int:
    """Where the value ends: a block ends with its last line, and not where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last, empty)
    return max(len(text[: _index(node.end_mark)].rstrip()), empty)


def _index(mark: Any) -> int:
    return int(mark.index)


def _flow(value: object) -> str:
    """A value in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")
