# SPDX-License-Identifier: Apache-2.0
"""What a page looks like beside its first sight: help, refusals, questions, work, its end. A story shows each to who looks.

The stories stop at each moment with its name; test_moments.py takes its picture, test_plain.py sees that a terminal with
nothing but letters can show it.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from appliance.errors import ApplianceError
from appliance.host import led
from appliance.installer.stick import Stick
from appliance.model.answer import RefusedAnswer
from appliance.model.events import Failed, Finished, Started
from appliance.model.events import Progress as Going
from appliance.model.joining import Arrived, Offered
from appliance.model.nettest import Finding
from appliance.model.problem import Problem
from appliance.tui.node.lockout import Attempts
from appliance.tui.screens.wizard import PAGES
from tests.tui import nodes
from tests.tui.installer import Installer
from tests.tui.manage import Operator
from tests.tui.pilot import PASSWORD, Person, answer

CHOSEN = {
    "small-bios": ("pci-0000:01:00.0",),
    "hundred-disks": ("wwn-0x5000c50000000002",),
    "virtual-functions": ("virtio-SYS0",),
    "imsm-pair": ("ata-QEMU_HARDDISK_DIRTY",),
}
"""One disk and one port; a hundred disks; two ports with all their functions; a pair of BIOS RAID, and a disk that holds data."""
_LOST = "trivet: web has been changed by somebody else meanwhile; look at it again, and repeat what you meant to do"
REFUSED = RefusedAnswer(
    source="spec.yaml on /dev/sdb",
    problems=(
        Problem(where="node.name", message="'N1!' is not a host name: lower-case letters, digits and inner hyphens, at most 63"),
        Problem(where="line 4", message="the key 'vlan' stands twice in one mapping, first in line 3", hint="keep one of them"),
        Problem(where="install.disk", message="nothing matches, and 1 is asked for; there are no candidates at all"),
    ),
)


async def own_pages(person: Person, machine: Installer) -> AsyncIterator[str]:
    """What every machine's wizard has in the same way: shown on one."""
    yield "refused-answer"
    await person.press("f10")
    yield "leave"
    await person.press("enter", "f9")
    yield "no-shell"
    for page in PAGES:
        await person.open(page.__name__)
        await person.press("f1")
        yield f"help-{page.__name__}"
        await person.press("f1")
    await person.open("AdminPage")
    await person.press("ctrl+n")
    yield "password-missing"
    await person.fill("password", "password")
    await person.fill("again", "passwore")
    await person.fill("ssh", "ssh-rsa")
    yield "password-weak"
    await person.fill("password", "")
    await person.fill("again", "")
    await person.fill("ssh", "")
    person.app.change(name="", password_hash=None)
    async for name in saving(person, machine):
        yield name


async def saving(person: Person, machine: Installer) -> AsyncIterator[str]:
    """The answers on a stick, and why not."""
    await answer(person)
    machine.plugged, machine.trouble = [], ""
    await person.press("f5")
    yield "save-no-stick"
    await person.press("f1")
    yield "help-SavePage"
    await person.press("f1")
    machine.plugged = [Stick("/dev/sdx1", "Cruzer Blade, /dev/sdx1"), Stick("/dev/sdy1", "DataTraveler, /dev/sdy1")]
    await person.press("f5")
    yield "save"
    await person.press("f6")
    yield "save-as-code"
    if person.page == "Code":
        await person.press("f6")
    person.app.screen.query_one("#save").focus()
    machine.trouble = "spec.yaml on Cruzer Blade is not what was written"
    await person.press("enter")
    yield "save-failed"
    machine.trouble = ""
    await person.pilot.pause(0.3)  # a button that was pressed takes no second press at once
    await person.press("enter")
    yield "saved"
    await person.press("escape")


async def own_machine(person: Person, machine: Installer) -> AsyncIterator[str]:
    """What there is to see of this machine on the way, to an installation that fails."""
    person.app.put(person.app.draft.with_disks())
    await person.open("DiskPage")
    await person.press("end", "space", "ctrl+n")
    yield "disk-not-chosen"
    person.app.put(person.app.draft.with_disks(*_chosen(person)))
    person.app.change(wipe=True)
    await person.open("NetworkPage")
    with _no_led():
        await person.press("f5")
        yield "no-led"
    await person.choose("method", 1)
    await person.fill("vlan", "5000")
    await person.fill("address", "10.0.0.11")
    await person.fill("gateway", "10.9.9.9")
    await person.fill("dns", "dns")
    await person.press("ctrl+n")
    yield "network-wrong"
    person.app.change(vlan="", address="", gateway="", dns="", method="dhcp")
    await person.open("NodePage")
    await person.fill("name", "N1")
    await person.fill("timezone", "Mars/Base")
    await person.press("ctrl+n")
    yield "node-wrong"
    await answer(person)
    await person.open("ConsentPage")
    yield "consent"
    for field in person.app.screen.query("#body Input"):
        field.focus()
        await person.type("no")
    yield "consent-wrong"
    async for moment in installing(person, machine):
        yield moment


def _chosen(person: Person) -> tuple[str, ...]:
    inventory = person.app.inventory
    known = {disk.id for disk in inventory.disks} if inventory else set()
    return next(disks for disks in CHOSEN.values() if {*disks} <= known)


async def installing(person: Person, machine: Installer) -> AsyncIterator[str]:
    """At work, failed, and done: drawn from the events of the real plan."""
    page = person.app.screen
    plan = page.plan()  # type: ignore[attr-defined]  # the page of consent
    for failing in (True, False):
        await person.open("ConsentPage")
        page = person.app.screen
        page.query_one("#install").disabled = False
        page._agreed()  # type: ignore[attr-defined]
        await person.rest()
        total = len(plan.steps)
        yield "begun" if failing else "begun-again"
        for index, step in enumerate(plan.steps, 1):
            machine.say(Started(step=step.id, title=str(step), index=index, total=total).model_dump())
            if step.kind == "write-slot":
                machine.say(Going(step=step.id, done=50 * 2**20, total=200 * 2**20, rate=2**20).model_dump())
                if failing:
                    await follow(person)
                    yield "writing"
                    why = f"{step}: the image on the medium changed while it was copied"
                    machine.say(Failed(step=step.id, message=why, hint="make the medium again from the ISO").model_dump())
                    machine.process.code = 5
                    await follow(person)
                    yield "failed"
                    break
            machine.say(Finished(step=step.id).model_dump())
        if failing:
            await person.press("f1")
            yield "help-ProgressPage"
            await person.press("f1", "enter")
            await person.rest()
    machine.process.code = 0
    await follow(person)
    yield "installed"
    machine.forget()


async def follow(person: Person) -> None:
    """What the next look at the events brings, without the wait."""
    person.app.screen._follow()  # type: ignore[attr-defined]  # the page of the work
    await person.rest()


class _no_led:
    """The driver of each port switches no LED."""

    def __enter__(self) -> None:
        self.blink, led.blink = led.blink, self._refuse

    def __exit__(self, *_: object) -> None:
        led.blink = self.blink

    @staticmethod
    def _refuse(host: object, pci: str) -> None:
        raise ApplianceError("the driver of this port switches no LED", "pull its cable and see which line changes")


# The console of a node.


async def door(person: Operator) -> AsyncIterator[str]:
    """Before anybody is in."""
    await person.press("f1")
    yield "help-status"
    await person.press("f1", "enter", "f1")
    yield "help-login"
    await person.press("f1")
    await person.type("wrong")
    await person.press("enter")
    yield "wrong-password"
    person.edge.tried = Attempts(failures=6, at=nodes.UPTIME, until=nodes.UPTIME + 120)
    await person.type("wrong")
    await person.press("enter")
    yield "locked-out"
    person.edge.tried = Attempts()
    await person.press("escape")
    for at, name in (("no password", "no-password"), ("unreadable", "unreadable")):
        person.edge.at_the_door = at  # type: ignore[assignment]  # one of them
        await person.press("enter")
        yield name
        await person.press("escape")
    person.edge.at_the_door = "open"


async def hours(person: Operator) -> AsyncIterator[str]:
    """Who is logged in, and what may come of each page."""
    await person.log_in()
    await person.press("f1")
    yield "help-menu"
    await person.press("f1", "up", "up", "up", "enter")
    yield "no-shell"
    for keys, name in (
        ("11", "network"), ("12", "edit"), ("13", "nettest"), ("14", "sriov"), ("21", "name"), ("22", "language"),
        ("23", "password"), ("24", "ssh"), ("25", "keyboard"), ("26", "menu-bmc"), ("262", "bmc-address"),
        ("263", "bmc-user"),
        ("s", "setup"), ("3", "disks"), ("4", "hardware"), ("5", "alerts"), ("6", "logs"),
        ("7", "repair"), ("9", "menu-power"),
    ):  # fmt: skip
        await person.press(*keys, "f1")
        yield f"help-{name}"
        await person.press("f1")
        if name == "nettest":
            person.edge.started[-1].end(0)
            await person.second()
        await home(person)
    for moments in (logs, forms, power, tests, work):
        async for moment in moments(person):
            yield moment
        await home(person)


async def machines(person: Operator) -> AsyncIterator[str]:
    """Virtual machines: what one sees of them, and what is asked before something is lost."""
    await person.log_in()
    await person.press("m")
    yield "vms"
    await person.press("f1")
    yield "help-vms"
    await person.press("f1", "n")
    yield "vm-networks"
    await person.press("f1")
    yield "help-vm-networks"
    await person.press("f1", "escape", "r")
    yield "vm-routers"
    await person.press("f1")
    yield "help-vm-routers"
    await person.press("f1", "escape", "home", "3")
    yield "vm"
    await person.press("f1")
    yield "help-vm"
    await person.press("f1", "1")
    yield "vm-details"
    await person.press("f1")
    yield "help-vm-details"
    await person.press("f1", "escape", "5")
    yield "vm-switch-off"
    await person.press("escape", "8")
    yield "vm-force-off"
    now = person.app.clock()
    person.app.clock = lambda: now  # how long it is at work is in the picture
    await person.press("right", "enter")
    yield "vm-work"
    person.edge.started[-1].end(5, _LOST)
    await person.second()
    yield "vm-work-failed"
    await person.press("escape", "escape", "1", "2")
    person.edge.started[-1].end()
    await person.second()
    yield "vm-work-done"
    async for name in _snapshots(person):
        yield name


async def together(person: Operator) -> AsyncIterator[str]:
    """The cluster: alone, founding one, joining one; then in one, letting a node in, and what is asked before one goes."""
    await person.log_in()
    await person.press("c")
    yield "cluster-alone"
    await person.press("f1")
    yield "help-cluster"
    await person.press("f1", "1", "enter")
    yield "cluster-name-wrong"
    await person.press("f1")
    yield "help-cluster-found"
    await person.press("f1", "escape", "2")
    await person.fill("words", "abandon abilty able about")
    await person.press("enter", "enter")
    yield "cluster-words-wrong"
    await person.press("f1")
    yield "help-cluster-join"
    person.edge.nodes_together = nodes.CLUSTER
    await person.press("f1", "escape", "f5")
    yield "cluster"
    await person.press("3")
    yield "cluster-remove"
    await person.press("escape", "q")
    yield "cluster-leave"
    await person.press("escape", "l")
    digits = nodes.CLUSTER.fingerprint
    offered = Offered(words="abandon ability able about", cluster="rack-1", address="10.0.0.11", fingerprint=digits)
    person.edge.started[-1].say(offered.model_dump_json())
    await person.second()
    yield "cluster-pair"
    await person.press("f1")
    yield "help-cluster-pair"
    person.edge.started[-1].say(Arrived(name="c5", fingerprint=digits[::-1]).model_dump_json())
    person.edge.started[-1].end()
    await person.press("f1")
    await person.second()
    yield "cluster-paired"
    person.app.seen = replace(person.app.seen, cluster=nodes.DOCUMENT, machine_id="1" * 32)
    await person.press("escape", "m", "3", "9")
    yield "vm-move"
    await person.press("f1")
    yield "help-vm-move"


async def _snapshots(person: Operator) -> AsyncIterator[str]:
    await person.press("escape", "4")
    yield "snapshots"
    await person.press("f1")
    yield "help-snapshots"
    await person.press("f1", "t")
    await person.fill("snapshot", "Before Upgrade")
    await person.press("enter")
    yield "snapshot-wrong"
    await person.press("escape", "1")
    yield "snapshot"
    await person.press("1")
    yield "snapshot-revert"
    await person.press("escape", "2")
    yield "snapshot-delete"
    await person.press("escape", "escape", "escape", "escape")
    person.edge.trouble = "etcd does not answer: http://127.0.0.1:2379: timed out"
    person.app.screen.action_again()  # type: ignore[attr-defined]  # what the next seconds bring
    await person.rest()
    yield "vms-unreadable"


async def pool(person: Operator) -> AsyncIterator[str]:
    """The pool, while copies are made again; and care for one of its disks."""
    await person.log_in()
    await person.press("p")
    yield "pool"
    await person.press("f1")
    yield "help-pool"
    await person.press("f1", "escape", "d")
    yield "pool-disks"
    await person.press("f1")
    yield "help-pool-disks"
    await person.press("f1", "3")
    yield "pool-disk"
    await person.press("f1")
    yield "help-pool-disk"
    await person.press("f1", "1")
    yield "pool-disk-refused"
    await person.press("2")
    yield "pool-light"
    await person.press("escape")
    await person.press("d", "4", "4")
    yield "pool-take-in"


async def home(person: Operator) -> None:
    """Back to the menu."""
    while person.page != "MenuPage":
        await person.press("escape")


async def logs(person: Operator) -> AsyncIterator[str]:
    """Somebody looks for a word."""
    await person.press("6", "slash")
    await person.type("link")
    yield "logs-search"
    await person.type("less")
    yield "logs-nothing"
    await person.press("escape")
    await home(person)
    person.edge.trouble = "`journalctl` ended with 1: No such file or directory"
    await person.press("6")
    yield "logs-failed"
    person.edge.trouble = ""
    await person.press("f3", "f3")
    yield "logs-kernel"


async def forms(person: Operator) -> AsyncIterator[str]:
    """What a field refuses."""
    await person.press("1", "2")
    await person.fill("address", "10.0.2.16")
    await person.fill("vlan", "5000")
    await person.press("ctrl+n")
    yield "edit-wrong"
    await home(person)
    await person.press("2", "1")
    await person.fill("name", "N1")
    await person.fill("timezone", "Mars/Base")
    await person.press("ctrl+n")
    yield "name-wrong"
    await home(person)
    await person.press("2", "3")
    await person.fill("password", PASSWORD)
    await person.fill("again", "other")
    await person.press("ctrl+n")
    yield "password-differs"
    await home(person)
    await person.press("2", "4")
    await person.fill("ssh", "ssh-rsa")
    await person.press("ctrl+n")
    yield "ssh-wrong"


async def power(person: Operator) -> AsyncIterator[str]:
    """Questions before the node goes down."""
    await person.press("9", "1")
    yield "restart"
    await person.press("escape", "2")
    yield "switch-off"
    person.edge.trouble = "`systemctl poweroff` ended with 1: Access denied"
    await person.press("right", "enter")
    yield "switch-off-failed"
    person.edge.trouble = ""


async def tests(person: Operator) -> AsyncIterator[str]:
    """The network, asked."""
    await person.press("1", "3")
    yield "nettest-begun"
    found = Finding(
        plane="management", test="MTU", target="10.0.2.2", outcome="failed", message="1500 bytes do not pass, 1400 do",
        hint="set the MTU of each switch on the way, or write mtu: 1400 for the plane",
    )  # fmt: skip
    person.edge.started[-1].say(found.model_dump_json())
    person.edge.started[-1].end(5)
    await person.second()
    yield "nettest-failed"


async def work(person: Operator) -> AsyncIterator[str]:
    """A change that fails, one that cannot even begin, one that is kept."""
    for failing in (True, False):
        await person.press("1", "2")
        await person.fill("address", "10.0.2.16/24")
        await person.press("ctrl+n")
        if failing:
            person.edge.trouble = "another change is being made"
            await person.press("right", "enter")
            yield "plan-refused"
            person.edge.trouble = ""
            await person.press("f1")
            yield "help-plan"
            await person.press("f1")
            await person.pilot.pause(0.3)  # as above
            person.app.screen.query_one("#apply").focus()
            await person.press("enter")
        else:
            await person.press("right", "enter")
        trivet = person.edge.started[-1]
        trivet.steps("load the firewall")
        trivet.say(Started(step="2", title="configure the network", index=2, total=3))
        if failing:
            why = "configure the network: bond-storage is not as it was asked for after 30 s"
            trivet.say(Failed(step="2", message=why, hint="see `journalctl -u systemd-networkd`"))
            trivet.end(5)
            await person.second()
            yield "work-failed"
            await person.press("f1")
            yield "help-work"
            await person.press("f1", "enter")
        else:
            nodes.begin_trial(person.data, 60)
            trivet.end()
            await person.second()
    await person.press("f1")
    yield "help-trial"
    await person.press("f1", "right", "enter")
    person.edge.started[-1].steps("save the spec")
    nodes.end_trial(person.data)
    person.edge.started[-1].end()
    await person.second()
    yield "kept"
    await person.press("enter")


async def own_node(person: Operator) -> AsyncIterator[str]:
    """What there is to see of this machine as a node that was just installed."""
    yield "status"
    await person.log_in()
    yield "menu"
    for keys, name in (
        ("11", "network"), ("12", "edit"), ("14", "sriov"), ("s", "setup"), ("3", "disks"), ("4", "hardware"), ("5", "alerts"),
        ("7", "repair"),
    ):  # fmt: skip
        await person.press(*keys)
        yield name
        await home(person)
    await person.press("1", "2")
    await person.fill("address", "10.0.2.16/24")
    await person.press("ctrl+n")
    yield "plan"
