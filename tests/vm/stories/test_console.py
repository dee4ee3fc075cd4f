# SPDX-License-Identifier: Apache-2.0
"""The console as somebody meets it who has a serial line and nothing else: no answer file, no mouse, no colour."""

from __future__ import annotations

import re
import time

from tests.vm import keyboard, observe
from tests.vm.answers import PASSWORD
from tests.vm.lab import Lab, push
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, bare, installed, live, reached
from tests.vm.story import story
from tests.vm.terminal import Terminal
from tests.vm.vm import VM

MACHINE = Machine("n1", disks=(Disk(bus="sata", serial="CONS0001", rotational=True),), nics=(Nic("e1000e"),))

SHELL = 10
"""Seconds for a login shell on another screen, where nothing can be waited for."""
SERIAL, CONSOLE, DEATHS = "serial-getty@ttyS0", "trivet console", 3
AWAY = 31
"""Seconds without a key after which the console asks the terminal for its size again."""


def wizard(lab: Lab) -> tuple[VM, Terminal]:
    """The ISO without an answer, at the wizard's first page."""
    vm = lab.machine(live(lab, MACHINE, "install"))
    if lab.has_snapshot("wizard"):
        vm.restore("wizard")
    else:
        vm.start()
        Terminal(vm.console).wait("Trivet installer", "Language", "Lab machine", timeout=BOOT)
        vm.snapshot("wizard")
    terminal = Terminal(vm.console)
    terminal.press("ctrl+l")  # it was plugged in just now: the first key has the screen drawn
    terminal.wait("You answer eight short pages.", "Lab machine", timeout=60)
    return vm, terminal


def to(terminal: Terminal, *pages: str) -> None:
    """On to the next page, and the next."""
    for page in pages:
        terminal.press("ctrl+n")
        terminal.wait(f"{page} (")


def consented(terminal: Terminal) -> None:
    """All pages with what they suggest, a name and a password; the work has begun."""
    to(terminal, "This machine", "System disk")
    terminal.wait("CONS0001")
    to(terminal, "Management network", "Name and time")
    terminal.press("n1")
    to(terminal, "Administrator")
    terminal.press(PASSWORD, "enter", PASSWORD)
    to(terminal, "Plan")
    terminal.wait("What will be done")
    to(terminal, "Consent")
    terminal.wait("Nothing is lost")
    terminal.press("right", "enter")
    terminal.wait("Step ")


def switched_off(vm: VM, terminal: Terminal) -> None:
    """The work is over, said so, and the machine goes off at the wish of who watched it; the medium is taken out."""
    terminal.wait("n1 is installed. Remove the medium, then restart.", timeout=INSTALL)
    terminal.press("right", "enter")
    vm.wait_exit(120)
    vm.become(bare(MACHINE))


@story("console-install-serial", quick=True)
def test_console_install_serial(lab: Lab) -> None:
    """The wizard over a serial line, from its first page to the node that it made."""
    vm, terminal = wizard(lab)
    consented(terminal)
    switched_off(vm, terminal)
    observe.whole_disk(lab, vm)
    vm.start()
    told = observe.serial_account(vm)
    assert (told["state"], told["name"], told["slot"]) == ("ready", "n1", "a"), told
    assert [each["address"] for each in told["addresses"]] == ["10.0.2.15/24"]
    assert vm.console.run("systemctl is-active ssh.service").text == "inactive", "SSH is off unless somebody gave a key"


@story("console-crash-install-goes-on")
def test_console_crash_install_goes_on(lab: Lab) -> None:
    """Every console of the machine is killed in mid-install: each comes back, shows how far it is, and the node is whole."""
    vm, terminal = wizard(lab)
    consented(terminal)
    terminal.wait("write version", timeout=INSTALL)
    keyboard.press(vm.monitor, "alt-f2")
    time.sleep(SHELL)
    keyboard.type_text(vm.monitor, "echo killed $(pkill -9 -fc trivet.console) > /dev/ttyS0\n")
    killed = vm.console.expect(r"killed (\d+)", timeout=60)
    assert int(killed[1]) >= 2, "the console of the screen and that of the serial line"
    terminal.wait("done: make the state file system", timeout=INSTALL)
    switched_off(vm, terminal)
    observe.whole_disk(lab, vm)


@story("console-chinese")
def test_console_chinese(lab: Lab) -> None:
    """One key, and every page is Chinese, at the size that the terminal has by now."""
    _, terminal = wizard(lab)
    terminal.press("f2")
    terminal.wait("语言", "English")
    for page in ("本机", "系统盘", "管理网络", "名称和时间"):
        terminal.press("ctrl+n")
        terminal.wait(page)
        picture = terminal.settle()
        assert not re.search(r"[A-Za-z]{3,} [a-z]{3,} [a-z]{3,}", picture), f"English on a Chinese page:\n{picture}"
    terminal.resize(120, 40)
    time.sleep(AWAY)
    terminal.press("ctrl+l")
    terminal.wait("名称和时间")
    drawn = terminal.settle().splitlines()
    assert len(drawn) == 40
    assert any(len(line) > 80 for line in drawn)


def node(lab: Lab) -> tuple[VM, Terminal]:
    """An installed node that has started, and somebody in front of it who reads its status."""
    vm = installed(lab)
    vm.start()
    if push():
        reached(vm).run(f"systemctl restart {SERIAL}")
    terminal = Terminal(vm.console)
    terminal.wait("What the spec says was carried out", "10.0.2.15/24", timeout=BOOT)
    return vm, terminal


def menu(terminal: Terminal) -> None:
    """Past the status and the password."""
    terminal.press("enter")
    terminal.wait("Who manages this node")
    terminal.press(PASSWORD, "enter")
    terminal.wait("1 Network", "8 Shell")


def readdressed(terminal: Terminal, address: str) -> None:
    """Another address, typed, planned, tried: the question whether it is to be kept is on the screen."""
    terminal.press("1")
    terminal.wait("2 Change the management network")
    terminal.press("2")
    terminal.wait("Address given here", "VLAN")
    # From the ports to the method, down to the address given here, to the fields that come up then.
    terminal.press("tab", "down", "space")
    terminal.wait("Gateway")
    terminal.press("tab", f"{address}/24", "tab", "10.0.2.2", "ctrl+n")
    terminal.wait("This is tried for 60 seconds", "configure the network")
    terminal.press("right", "enter")
    terminal.wait("Keep this change?", "The network now:", timeout=120)


@story("console-revert-countdown")
def test_console_revert_countdown(lab: Lab) -> None:
    """An address is changed from the console; nobody keeps it, and it is as before; it is changed again, and kept."""
    vm, terminal = node(lab)
    menu(terminal)
    readdressed(terminal, "10.0.2.77")
    first = re.search(r"is taken back in (\d+) s", terminal.wait("is taken back in"))
    terminal.wait("The trial is over", "10.0.2.15/24", timeout=120)
    assert first
    assert 20 < int(first[1]) <= 60
    terminal.press("esc")
    terminal.wait("8 Shell")
    readdressed(terminal, "10.0.2.77")
    terminal.press("right", "enter")
    terminal.wait("The change is kept", timeout=120)
    terminal.press("esc")
    terminal.wait("8 Shell")
    terminal.press("f10")
    terminal.wait("10.0.2.77/24", "< Log in >", timeout=120)
    terminal.unplug()
    vm.console.login("root", PASSWORD)
    assert "10.0.2.77/24" in vm.console.run("ip -br -4 address").text
    assert "10.0.2.77/24" in vm.console.run("cat /var/lib/trivet/spec.yaml").text
    assert not vm.console.run("systemctl list-timers --all | grep trivet-revert").ok


@story("console-login-prompt-after-three-deaths")
def test_console_login_prompt_after_three_deaths(lab: Lab) -> None:
    """A serial line's console dies three times in a row: a login prompt says why. Who logs out there has the console again."""
    vm, terminal = node(lab)
    vm.wait_ssh()
    for death in range(DEATHS):
        before = vm.run(f"systemctl show -P MainPID {SERIAL}").strip()
        vm.run(f"kill -SEGV {before}")
        again = CONSOLE if death < DEATHS - 1 else "agetty"
        now = f"now=$(systemctl show -P MainPID {SERIAL}) && [ $now -ne {before} ] && ps -o args= -p $now | grep -q '{again}'"
        vm.run(f"until {now}; do sleep 0.2; done", timeout=120)
        told = vm.run("journalctl -b -t trivet-console -o cat | grep -c 'the console has died after'").strip()
        assert told == str(death + 1), "each death is in the journal"
    terminal.wait("The console died 3 times in a row", "SEGV", "login:", timeout=60)
    assert "agetty" in vm.run(f"ps -o args= -p $(systemctl show -P MainPID {SERIAL})")
    terminal.press("root", "enter")
    terminal.wait("Password:")
    terminal.press(PASSWORD, "enter")
    terminal.wait("root@", timeout=60)
    terminal.press("tty", "enter")
    terminal.wait("/dev/ttyS0")
    terminal.press("clear", "enter")  # a login prompt leaves what the console has drawn
    assert "< Log in >" not in terminal.settle()
    terminal.press("exit", "enter")
    terminal.wait("What the spec says was carried out", "< Log in >", timeout=120)
    assert CONSOLE in vm.run(f"ps -o args= -p $(systemctl show -P MainPID {SERIAL})")
