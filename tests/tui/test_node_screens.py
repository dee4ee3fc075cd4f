# SPDX-License-Identifier: Apache-2.0
"""Every page of the node's console as text, at two sizes, in both languages (tests/tui/node_screens); see test_screens.py."""

from pathlib import Path

import pytest

from appliance.model.events import Started
from appliance.model.nettest import Finding
from appliance.tui import i18n
from tests.tui import nodes
from tests.tui.manage import Operator, manage
from tests.tui.pilot import PASSWORD, SIZES
from tests.tui.test_screens import agree, fits

SCREENS = Path(__file__).parent / "node_screens"
NAMES = (
    "status", "login", "menu", "menu-network", "network", "sriov", "menu-node", "name", "language", "password", "ssh", "disks",
    "hardware", "alerts", "logs", "repair", "menu-power", "edit", "plan", "work", "trial", "nettest", "status-trial",
    "menu-planes", "plane", "throughput", "validate", "works", "keyboard", "menu-bmc", "bmc",
    "bmc-address", "bmc-user", "bmc-plan",
)  # fmt: skip
SETUP = ("status-fresh", "setup", "setup-planes", "setup-refused", "setup-plan", "setup-pool", "setup-pool-plan",
         "setup-one-port")  # fmt: skip
"""Those that a node shows which has its management network alone."""


class Camera:
    """Takes a picture of each page that somebody goes to."""

    def __init__(self, person: Operator, language: str, size: str) -> None:
        self.person, self.folder, self.cells = person, SCREENS / f"{language}-{size}", SIZES[size]
        self.shown: list[str] = []

    def see(self, name: str) -> None:
        fits(self.person.screen, self.cells, leave=False)
        agree(self.folder / f"{name}.txt", self.person.screen)
        self.shown.append(name)

    async def walk(self, *ways: tuple[str, str]) -> None:
        """Digits of the menu, and the page that they lead to."""
        for keys, name in ways:
            await self.person.press(*keys)
            self.see(name)
            while self.person.page != "MenuPage":
                await self.person.press("escape")

    async def change(self) -> None:
        """From the page of the network to a change on trial."""
        person = self.person
        await person.press("1", "2")
        self.see("edit")
        await person.fill("address", "10.0.2.16/24")
        await person.press("ctrl+n")
        self.see("plan")
        await person.press("right", "enter")
        trivet = person.edge.started[-1]
        trivet.say(Started(step="1", title="configure the network", index=2, total=3))
        await person.second()
        self.see("work")
        nodes.begin_trial(person.data, 60)
        trivet.end()
        await person.second()
        self.see("trial")

    async def board(self) -> None:
        """Another address for the BMC, up to its plan."""
        person = self.person
        await person.press("2", "6", "2")
        await person.choose("method", 1)
        await person.fill("address", "10.0.0.50/24")
        await person.fill("gateway", "10.0.0.1")
        await person.press("ctrl+n")
        self.see("bmc-plan")
        while person.page != "MenuPage":
            await person.press("escape")

    async def test(self) -> None:
        """The network, while a change is on trial."""
        person = self.person
        await person.press("enter", "1", "3")
        wrong = Finding(plane="storage", test="link", outcome="failed", message=nodes.CABLE.message, hint=nodes.CABLE.hint)
        right = Finding(plane="management", test="ping", target="10.0.2.2", outcome="ok", message="it answers")
        person.edge.started[-1].say(right.model_dump_json(), wrong.model_dump_json())
        person.edge.started[-1].end(5)
        await person.second()
        self.see("nettest")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", i18n.NAMES)
def test_pages(language: str, size: str) -> None:
    cameras: list[Camera] = []

    async def story(person: Operator) -> None:
        camera = Camera(person, language, size)
        cameras.append(camera)
        person.edge.board = nodes.BOARD
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        await person.rest()
        camera.see("status")
        await person.press("enter")
        camera.see("login")
        await person.type(PASSWORD)
        await person.press("enter")
        camera.see("menu")
        await camera.walk(
            ("1", "menu-network"), ("11", "network"), ("14", "sriov"), ("2", "menu-node"), ("21", "name"), ("22", "language"),
            ("23", "password"), ("24", "ssh"), ("25", "keyboard"), ("26", "menu-bmc"),
            ("261", "bmc"), ("262", "bmc-address"), ("263", "bmc-user"),
            ("3", "disks"), ("4", "hardware"), ("5", "alerts"), ("6", "logs"), ("7", "repair"),
            ("9", "menu-power"), ("15", "menu-planes"), ("153", "plane"), ("1t", "throughput"), ("v", "validate"), ("w", "works"),
        )  # fmt: skip
        await camera.board()
        await camera.change()
        await camera.test()
        await person.press("enter", "f10")
        camera.see("status-trial")

    manage(story, nodes.CABLE, size=SIZES[size])
    assert sorted(cameras[0].shown) == sorted(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", i18n.NAMES)
def test_pages_of_a_fresh_node(language: str, size: str) -> None:
    shown: list[str] = []

    async def begin(person: Operator) -> Camera:
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        await person.log_in()
        return Camera(person, language, size)

    async def six_ports(person: Operator) -> None:
        camera = await begin(person)
        await person.press("escape")
        await person.second()
        camera.see("status-fresh")
        await person.press("enter", "s")
        camera.see("setup")
        await person.press("ctrl+n")
        camera.see("setup-planes")
        await person.fill("storage_address", "10.0.2.9/24")
        await person.press("ctrl+n")
        camera.see("setup-refused")
        await person.fill("storage_address", "10.0.9.11/24")
        await person.fill("overlay_vlan", "30")
        await person.fill("overlay_address", "10.0.8.11/24")
        await person.press("ctrl+n")
        camera.see("setup-plan")
        while person.page != "MenuPage":
            await person.press("escape")
        await person.press("u")
        await person.choose("serves", 0)
        camera.see("setup-pool")
        await person.press("ctrl+n")
        camera.see("setup-pool-plan")
        shown.extend(camera.shown)

    async def one_port(person: Operator) -> None:
        camera = await begin(person)
        await person.press("s", "ctrl+n")
        camera.see("setup-one-port")
        shown.extend(camera.shown)

    manage(six_ports, size=SIZES[size], data=nodes.fresh("six-ports"))
    manage(one_port, size=SIZES[size], data=nodes.fresh("small-bios"))
    assert tuple(shown) == SETUP


def test_the_pictures_are_those_of_the_pages() -> None:
    """A picture that no test writes any more would be read by nobody."""
    assert {path.name for path in SCREENS.iterdir()} == {f"{language}-{size}" for language in i18n.NAMES for size in SIZES}
    for folder in SCREENS.iterdir():
        assert {path.stem for path in folder.iterdir()} == {*NAMES, *SETUP}
