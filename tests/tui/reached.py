# SPDX-License-Identifier: Apache-2.0
"""Which modules a part of the program brings along: what it imports, and what that imports, wherever the import stands."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "appliance"


def reached(root: Path, part: str) -> set[str]:
    """All that `part` imports in the end, itself too, as paths below `root`: a folder's name, or that of a module."""
    start = root / part
    waiting = [*start.rglob("*.py")] if start.is_dir() else [start]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(root, path)
    return {str(path.relative_to(root)) for path in found}


def _imported(root: Path, path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            yield from _files(root, node.module)
            for each in node.names:
                yield from _files(root, f"{node.module}.{each.name}")
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] == PACKAGE:
                    yield from _files(root, each.name)


def _files(root: Path, name: str) -> Iterator[Path]:
    """A module is a file or a folder; a name in it is neither."""
    place = root.joinpath(*name.split(".")[1:])
    yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())
