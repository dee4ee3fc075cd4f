# SPDX-License-Identifier: Apache-2.0
"""Runs user stories on machines: chooses them, gives each a lab of its own, and ends with a table of results and times."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.vm.observe")

from tests.vm.containers import ContainerLab  # noqa: E402 - after the line above, which makes its assertions speak
from tests.vm.lab import BUILD, Lab  # noqa: E402
from tests.vm.process import LabError  # noqa: E402

WORK = BUILD / "vm"
PROPERTY = "story"
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--story", default="", help="only these stories, with commas between")
    parser.addoption("--quick", action="store_true", help="only the selection of `make test`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = {name for name in config.getoption("--story").split(",") if name}
    quick = config.getoption("--quick")
    known: dict[str, pytest.Item] = {}
    for item in items:
        mark = item.get_closest_marker("story")
        if mark is None:
            raise pytest.UsageError(f"{item.nodeid} is no story: give it @story(name)")
        name = str(mark.kwargs["name"])
        if name in known:
            raise pytest.UsageError(f"two stories are called {name}")
        known[name] = item
        item.user_properties.append((PROPERTY, name))
    if unknown := wanted - known.keys():
        raise pytest.UsageError(f"no story {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")

    def chosen(name: str, item: pytest.Item) -> bool:
        mark = item.get_closest_marker("story")
        return name in wanted if wanted else not quick or bool(mark and mark.kwargs["quick"])

    keep = [item for name, item in known.items() if chosen(name, item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in keep])
    items[:] = keep


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    if call.excinfo is not None:
        item.stash[FAILED] = True
    yield


def _story(request: pytest.FixtureRequest) -> str:
    return str(dict(request.node.user_properties)[PROPERTY])


@pytest.fixture(scope="session")
def shared() -> Path:
    """What the stories of one ISO share. That of an older ISO is of no use, and large."""
    iso = max(BUILD.glob("trivet-*.iso"), key=lambda file: file.stat().st_mtime, default=None)
    if iso is None:
        raise LabError("no ISO in build/: run `make iso`")
    key = hashlib.sha256(f"{iso.name} {iso.stat().st_size} {iso.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    folder = WORK / f"shared-{key}"
    for old in set(WORK.glob("shared-*")) - {folder}:
        shutil.rmtree(old)
    return folder


@pytest.fixture
def quick(request: pytest.FixtureRequest) -> bool:
    """Is this `make test`? A story that does much the same many times then does it once or twice."""
    return bool(request.config.getoption("--quick"))


@pytest.fixture
def lab(request: pytest.FixtureRequest, shared: Path) -> Iterator[Lab]:
    with Lab(WORK / _story(request), shared) as made:
        yield made
        made.keep_disks = request.node.stash.get(FAILED, False)  # until the story runs again
        for name in made.revived:
            request.node.user_properties.append(("note", f"QEMU crashed under {name}, started again"))


@pytest.fixture
def containers(request: pytest.FixtureRequest) -> Iterator[ContainerLab]:
    with ContainerLab(WORK / _story(request)) as made:
        yield made


def _name(report: Any) -> str:
    return str(dict(report.user_properties).get(PROPERTY, report.nodeid))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    seconds: dict[str, float] = {}
    result: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if not isinstance(report, pytest.TestReport):
                continue
            name = _name(report)
            seconds[name] = seconds.get(name, 0.0) + report.duration
            notes.setdefault(name, []).extend(str(value) for key, value in report.user_properties if key == "note")
            if outcome and result.get(name) not in ("failed", "error"):
                result[name] = outcome
    if result:
        terminalreporter.section("stories")
        for name, outcome in result.items():
            said = "; ".join(dict.fromkeys(notes[name]))
            terminalreporter.write_line(f"{name:<32} {outcome:<8} {seconds[name]:7.0f} s  {said}".rstrip())
        terminalreporter.write_line(f"{'all':<32} {'':<8} {sum(seconds.values()):7.0f} s")
