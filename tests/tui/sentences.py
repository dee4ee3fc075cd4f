# SPDX-License-Identifier: Apache-2.0
"""The sentences for people, taken out of the code: what is given as `message`, `hint` or `why`, and what steps are called.

An f-string becomes a template, in which `N1` stands for what it names. A name is followed to what was assigned to it, a call of
the same module to what it returns, a condition to both of its ends. What comes from elsewhere (another program's words,
another sentence) has no text of its own, and is `open`: test_sentences.py has the list of those places, so that none is lost.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path, PurePath

CARRIED = frozenset({"message", "hint", "why", "problem", "unusable", "not_yet"})
"""Parameters and fields whose values somebody reads."""
_BRACES = re.compile(r"\{\w+\}")
OPEN = ""
"""What is known of a text that the code has from elsewhere."""
_DEPTH = 6
_MOST = 64


@dataclass(frozen=True)
class Sentence:
    """A template, and where it stands."""

    text: str
    place: str


@dataclass
class Module:
    """A file of the program, and what is defined in it."""

    path: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    @cached_property
    def scopes(self) -> dict[ast.AST, ast.FunctionDef]:
        """Each node's innermost function: outer ones come first, inner ones write over them."""
        return {node: f for f in ast.walk(self.tree) if isinstance(f, ast.FunctionDef) for node in ast.walk(f) if node is not f}

    @cached_property
    def constants(self) -> dict[str, list[ast.expr]]:
        return _assigned(self.tree.body)


def modules(root: Path) -> list[Module]:
    """All of the program."""
    return [Module(path, ast.parse(path.read_text())) for path in sorted(root.rglob("*.py"))]


def _assigned(body: Iterable[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Name -> all that is ever assigned to it."""
    found: dict[str, list[ast.expr]] = {}

    def put(target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for each, part in zip(target.elts, value.elts, strict=True):
                put(each, part)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
            put(target, value.body)
            put(target, value.orelse)

    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    put(target, node.value)
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                put(node.target, node.value)
    return found


def _alternatives(node: ast.expr) -> Sequence[ast.expr] | None:
    """The ends of a condition, the members of a table; None for what is neither."""
    match node:
        case ast.IfExp(body=one, orelse=other):
            return (one, other)
        case ast.BoolOp(values=values) | ast.Dict(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            return values
        case ast.Lambda(body=inner) | ast.Starred(value=inner):
            return (inner,)
        case _:
            return None


class Reader:
    """Reads templates out of expressions of one module."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def texts(self, node: ast.expr, at: ast.AST, depth: int = 0) -> list[str]:
        """All that this may be; OPEN for what is from elsewhere. `at` is where it stands."""
        return [text for text in dict.fromkeys(self._texts(node, at, depth)) if text != NOTHING][:_MOST]

    def _texts(self, node: ast.expr, at: ast.AST, depth: int) -> Iterator[str]:
        if depth > _DEPTH:
            yield OPEN
            return
        match node:
            case ast.Constant(value=str() as text):
                yield _BRACES.sub(NAMED, text) or NOTHING
            case ast.Constant():
                return
            case ast.JoinedStr(values=values):
                yield from map("".join, product(*(self._part(value, at, depth) for value in values)))
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                yield from map("".join, product(self._inner(one, at, depth), self._inner(other, at, depth)))
            case ast.Name(id=name):
                yield from self._named(name, at, depth)
            case ast.Subscript(value=ast.Name(id=name)):
                yield from self._members(name, at, depth)
            case ast.Call(func=function, args=arguments):
                yield from self._called(function, arguments, at, depth)
            case _:
                inner = _alternatives(node)
                for each in inner or ():
                    yield from self._texts(each, at, depth + 1)
                yield from (OPEN,) if inner is None else ()

    def _called(self, function: ast.expr, arguments: list[ast.expr], at: ast.AST, depth: int) -> Iterator[str]:
        """What a call gives: of the same module, or of a method of texts and tables."""
        match function:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self.module.functions:
                yield from self.returned(self.module.functions[name], depth + 1)
            case ast.Attribute(value=ast.Constant(value=str() as between), attr="join"):
                yield from self._joined(between, arguments[0], at, depth)
            case ast.Attribute(value=inner, attr="rstrip" | "format" | "get" | "strip"):
                yield from self._texts(inner, at, depth + 1)
            case _:
                yield OPEN

    def _joined(self, between: str, each: ast.expr, at: ast.AST, depth: int) -> Iterator[str]:
        """With a word between them there are two; else what each of them is."""
        counted = "and" in between
        known = isinstance(each, ast.GeneratorExp)
        parts = self._inner(each.elt, at, depth) if isinstance(each, ast.GeneratorExp) else [NAMED]
        yield from (f"{part}{between}{part}" if counted else part if known else OPEN for part in parts)

    def _part(self, node: ast.expr, at: ast.AST, depth: int) -> list[str]:
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        return self._inner(node.value, at, depth) if isinstance(node, ast.FormattedValue) else [OPEN]

    def _inner(self, node: ast.expr, at: ast.AST, depth: int) -> list[str]:
        """A part of a sentence: its own words where it has some, and a stand-in for what is named."""
        words = list(dict.fromkeys(map(_word, self._texts(node, at, depth + 1)))) or [NAMED]
        return [NAMED] if {*words} == {NAMED, ""} else words

    def _named(self, name: str, at: ast.AST, depth: int) -> Iterator[str]:
        scope = self.module.scopes.get(at)
        values = _assigned(scope.body).get(name) if scope else None
        values = values or self.module.constants.get(name)
        if not values:
            yield OPEN
        for value in values or ():
            yield from self._texts(value, at, depth + 1)

    def _members(self, name: str, at: ast.AST, depth: int) -> Iterator[str]:
        scope = self.module.scopes.get(at)
        values = (_assigned(scope.body).get(name) if scope else None) or self.module.constants.get(name, [])
        tables = [value for value in values if isinstance(value, ast.Dict | ast.Tuple)]
        if not tables:
            yield OPEN
        for table in tables:
            for value in table.values if isinstance(table, ast.Dict) else table.elts:
                yield from self._texts(value, at, depth + 1)

    def returned(self, function: ast.FunctionDef, depth: int = 0) -> Iterator[str]:
        """What a function returns or yields."""
        for node in ast.walk(function):
            if self.module.scopes.get(node) is function and isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                yield from self._texts(node.value, node, depth)


NAMED = "\0"
"""Stands for what is named, until `numbered`."""
_WORDS = frozenset({"start", "stop", "received", "sent", "UEFI", "is", "are", "has", "have", "stuck"})
"""Single words that are of the sentence, and not what it is said of."""


NOTHING = "\1"
"""What was left out, between the words of a sentence."""


def _word(text: str) -> str:
    return "" if text == NOTHING else text if " " in text or text in _WORDS else NAMED


def numbered(text: str) -> str:
    """With `<1>`, `<2>` for what is named."""
    first, *others = text.split(NAMED)
    return first + "".join(f"N{number}{part}" for number, part in enumerate(others, 1))


def carriers(program: Sequence[Module]) -> dict[str, list[list[str]]]:
    """Functions and classes that take one of CARRIED, by name, with the names of all that they take in order."""
    found: dict[str, list[list[str]]] = {"__init__": [["message", "hint"]]}
    bases: dict[str, list[str]] = {}
    for module in program:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef) and node.name not in _DEAF:
                names = _parameters(node)
                if CARRIED & {*names} and module.path.name not in _DUMB:
                    found.setdefault(node.name, []).append(names)
            elif isinstance(node, ast.ClassDef) and not any(f.name == "__init__" for f in _functions(node)):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                fields = [f.target.id for f in node.body if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name)]
                if CARRIED & {*fields} and node.name not in _DEAF:
                    found[node.name] = [fields]
    found["ApplianceError"] = found["__init__"]
    for _ in range(4):
        found |= {name: found[base] for name, above in bases.items() for base in above if base in found and name not in found}
    return found


_DEAF = frozenset({"_", "N_", "__init__", "notify", "Rule"})
"""Gettext's own, what goes to systemd alone, and the comments of a firewall rule."""
_DUMB = frozenset({"netlink.py"})
"""Their messages are the kernel's."""


def _functions(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [each for each in node.body if isinstance(each, ast.FunctionDef)]


def _parameters(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args) if argument.arg not in ("self", "cls")]


def carried(module: Module, known: dict[str, list[list[str]]]) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Each place where somebody is told something: the call, and what it is given."""
    if module.path.name in _DUMB:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _DEAF - {"__init__"}:
            continue
        yield from ((node, keyword.value) for keyword in node.keywords if keyword.arg in CARRIED)
        for names in known.get(name, ()) if name != "__init__" or module.path.name == "errors.py" else ():
            for parameter, value in zip(names, node.args, strict=False):
                if parameter in CARRIED or isinstance(value, ast.Starred):
                    yield node, value


def passed_on(module: Module, call: ast.Call, value: ast.expr, known: dict[str, list[list[str]]]) -> bool:
    """Is it what this function was given itself? Its callers are looked at, too."""
    scope = module.scopes.get(call)
    return isinstance(value, ast.Name) and scope is not None and scope.name in known and value.id in _parameters(scope)


SPEAKERS = {
    "services/storage/answers.py": {"_reasons", "_risks"},
    "services/storage/report.py": {"failing"},
    "services/storage/roles.py": {"_unfit", "_unasked"},
    "services/storage/usage.py": {"reasons", "_holder"},
    "installer/plan.py": {"_unfit"},
    "installer/fetch.py": {"_reason"},
    "model/selector.py": {"facts", "select"},
    "model/document.py": {"_sentence"},
    "services/network/plan.py": {"_words"},
    "services/network/sriov.py": {"_why", "differences"},
    "services/network/selftest.py": {"measured"},
    "services/network/probe.py": {"ask"},
    "node/service.py": {"converge"},
}
"""Functions whose results become part of a sentence elsewhere, by module."""


COMMAND_LINE = (
    "cli/api.py",
    "cli/bmc.py",
    "cli/doctor.py",
    "cli/ha.py",
    "cli/hypervisor.py",
    "cli/network.py",
    "cli/pxe.py",
    "cli/router.py",
    "cli/vm.py",
    "cli/vmhost.py",
    "cluster/agent.py",
    "cluster/balance.py",
    "cluster/fencing.py",
    "cluster/recover.py",
    "cluster/spare.py",
    "host/companion.py",
    "cluster/chair.py",
    "cluster/doctor.py",
    "cluster/effects.py",
    "cluster/examine.py",
    "cluster/keeper.py",
    "cluster/moving.py",
    "cluster/spread.py",
    "host/etcdlease.py",
    "host/fenceprobe.py",
    "node/admission.py",
    "node/api.py",
    "node/clusterwatch.py",
    "node/doctor.py",
    "node/feed.py",
    "node/ha.py",
    "node/others.py",
    "node/routes.py",
    "node/vnc.py",
    "pxe/bmc.py",
    "pxe/journal.py",
    "pxe/power.py",
    "pxe/redfish.py",
    "pxe/serve.py",
    "pxe/server.py",
    "pxe/source.py",
    "services/cluster/people.py",
    "services/hypervisor/worth.py",
    "services/vm/exchange.py",
    "services/vm/hardware.py",
    "services/vm/routers.py",
)
"""What `trivet cluster`, `vm import` and the like, `image`, `network`, `numa`, `doctor` and `pxe` alone say: English.
What HA notes in the cluster's journal, and what a board says to who reads it (pxe/power.py), no page shows either.
What a rack's server answers a machine with (pxe/answer.py, desk.py, folder.py, table.py) is shown by the installer: not here.

No page of the console brings them along (test_sentences.py sees to that); the first one that does takes them out of here.
"""


def alone(path: str) -> bool:
    """Is this module, by its path below the program's folder, one of the command line's own?"""
    return any(PurePath(path).match(pattern) for pattern in COMMAND_LINE)


def collect(root: Path) -> tuple[list[Sentence], set[str]]:
    """All sentences that a console may show, and the places whose words are from elsewhere."""
    program = [module for module in modules(root) if not alone(str(module.path.relative_to(root)))]
    known = carriers(program)
    found: dict[str, Sentence] = {}
    opened: set[str] = set()

    def put(module: Module, node: ast.AST, texts: Iterable[str], what: ast.AST) -> None:
        name = str(module.path.relative_to(root))
        for text in texts:
            if text == OPEN and not name.startswith("tui/"):
                opened.add(f"{name}: {ast.unparse(what)}")
            elif re.search("[A-Za-z]{2}", text.replace(NAMED, "")):
                found.setdefault(numbered(text), Sentence(numbered(text), f"{name}:{getattr(node, 'lineno', 0)}"))

    for module in program:
        name, reader = str(module.path.relative_to(root)), Reader(module)
        for call, value in carried(module, known):
            if not passed_on(module, call, value, known):
                put(module, call, reader.texts(value, call), value)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                if node.exc.func.id == "ValueError" and name.startswith("model/"):
                    put(module, node, reader.texts(node.exc.args[0], node), node.exc.args[0])
            elif isinstance(node, ast.FunctionDef) and (node.name in SPEAKERS.get(name, ()) or _titled(name, node)):
                put(module, node, (text for text in reader.returned(node) if text != OPEN), node)
    return list(found.values()), opened


def _titled(name: str, node: ast.FunctionDef) -> bool:
    return node.name == "__str__" and name in ("model/plan.py", "model/storage.py", "model/selector.py", "model/problem.py")
