# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong is said in the console's language: the sentences are taken out of the code (sentences.py)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from appliance.errors import CommandError, SpecError
from appliance.model.document import load_spec
from appliance.model.problem import Problem
from appliance.model.selector import DiskSelector, NicSelector, select
from appliance.tui import i18n
from appliance.tui.i18n import listed, read, said
from appliance.tui.phrases import ROWS
from tests.tui.reached import reached
from tests.tui.sentences import COMMAND_LINE, Sentence, alone, collect
from tests.tui.test_draft import machine

ROOT = Path(__file__).parents[2] / "appliance"
FOUND, OPENED = collect(ROOT)
LEAST = 730
"""So many there are; fewer means that the test reads them no longer."""
REAL = {
    "copies differ from each other (N1 N2 in N3)": "copies differ from each other (N1 mismatches in N3)",
    "copies differ from each other (N1 N2)": "copies differ from each other (N1 mismatch)",
    "write N1": "write /N1",
    "remove N1": "remove /N1",
    "start N1": "start N1.service",
    "stop N1": "stop N1.service",
    "N1: N2 of N3 packets N4 within N5 minutes had errors": "N1: N2 of N3 packets received within N5 minutes had errors",
    "N1: N2 of N3 packets N4 within N5 minutes were dropped": "N1: N2 of N3 packets sent within N5 minutes were dropped",
    "N1, cable to N2: N3 of N4 packets N5 within N6 minutes had errors": (
        "N1, cable to N2: N3 of N4 packets sent within N6 minutes had errors"
    ),
    "N1, cable to N2: N3 of N4 packets N5 within N6 minutes were dropped": (
        "N1, cable to N2: N3 of N4 packets received within N6 minutes were dropped"
    ),
    "N1: N2 on N3": "N1: N2 on N3 (N4, N5)",
    "N1 and N2 on N3": "N1 and N2 on N3 (N4, N5)",
    "N1: a single node is a pool of one": "storage: a single node is a pool of one",
    "N1OSD N2": "cache of OSD N2",
    "N1OSD N2 of Ceph cluster N3": "cache of OSD N2 of Ceph cluster N3",
    "N1 SSDN2 for N3 HDDs, and one serves N4 at most": "N1 SSDs for N3 HDDs, and one serves N4 at most",
    "a N1 disk, which may be gone tomorrow": "a USB disk, which may be gone tomorrow",
}
"""What the code puts together of values that have their own form: paths, units, ports."""
UNSEEN = {"there is N1"}
"""Said on a command line alone, to who named a plane that there is not."""
ELSEWHERE = {
    "cli/install.py: error.hint",
    "cli/install.py: error.message",
    "cli/main.py: error.hint",
    "cli/main.py: error.message",
    "cli/nettest.py: alert.hint",
    "cli/nettest.py: alert.message",
    "engine/apply.py: error.hint",
    "engine/apply.py: failed.message",
    "installer/burnin.py: '; '.join(found)",
    "installer/plan.py: selection.problem",
    "model/document.py: ', or '.join(sentences)",
    "model/document.py: str(best['msg']).removeprefix('Value error, ')",
    "model/rendered.py: why",
    "node/bmc.py: error.hint",
    "node/bmc.py: error.message",
    "node/diskwatch.py: *BUSY",
    "node/diskwatch.py: finding",
    "node/service.py: *BUSY",
    "pxe/answer.py: str(error.message)",
    "pxe/desk.py: inventory",
    "pxe/desk.py: machine.mac",
    "pxe/desk.py: str(error)",
    "services/cluster/join.py: str(error)",
    "services/cluster/voters.py: error.hint",
    "services/hypervisor/plan.py: problem.hint",
    "services/hypervisor/plan.py: problem.message",
    "services/network/apply.py: not_yet",
    "services/network/gone.py: '; '.join(filter(None, (selection.problem, *others)))",
    "services/network/plan.py: each.hint",
    "services/network/plan.py: each.message",
    "services/network/propose.py: nic.unusable[0]",
    "services/network/propose.py: problem.message",
    "services/network/selftest.py: alert.hint",
    "services/network/selftest.py: alert.message",
    "services/network/selftest.py: f\"{len(speeds)} ports: {', '.join(speeds)}\" if uplink.bond else speeds[0]",
    "services/network/selftest.py: missing.message",
    "services/network/selftest.py: reason",
    "services/network/sriov.py: selection.problem",
    "services/network/topology.py: why",
    "services/storage/check.py: selection.problem",
    "services/storage/health.py: now.reason",
    "services/storage/report.py: role.why",
    "services/storage/roles.py: '; '.join(reasons)",
    "services/storage/roles.py: rest.problem",
    "services/vm/adopt.py: LINKED",
    "services/vm/records.py: error.errors(include_url=False)[0]['msg'].removeprefix('Value error, ')",
    "services/vm/snapshots.py: LINKED",
}
"""Sentences that are handed on: those that they were made of are found where they are made."""
CHINESE = re.compile("[\u4e00-\u9fff]")
UNSAID = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
"""Words that a phrase has taken for names."""
ENGLISH = re.compile(r"\b(must|is|are|be|or|and|not|the|but|give)\b")


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    i18n.use("zh_CN")
    yield
    i18n.use("en")


def left(sentence: str) -> list[str]:
    """The parts of a sentence that no phrase knows. What stands for a name has no words of its own."""
    if not re.search("[A-Za-z]{2}", re.sub(r"\bN\d+", "", sentence)):
        return []
    reading = read(sentence)
    if reading is None:
        return [sentence]
    if (phrase := reading.phrase) is None:
        return [part for half in reading.parts for part in left(half)]
    if not CHINESE.search(i18n._(phrase.console)) and phrase.console:
        return [phrase.console]
    # A row may hold anything: what it is made of is found where it is made.
    return [part for name, value in reading.values.items() if name not in phrase.nested & ROWS for part in left(value)]


def test_the_sentences_are_found() -> None:
    assert len(FOUND) >= LEAST
    texts = {each.text for each in FOUND}
    places = {each.place.partition("/")[0] for each in FOUND}
    assert {"cli", "engine", "host", "installer", "model", "node", "services", "tui"} <= places
    assert {"erase N1", "no port is named", "there is one network port", "N1 has no usable port", "plan again"} <= texts


def test_no_page_shows_what_only_the_command_line_says() -> None:
    """Who adds a page for VMs, or for the rack, takes its modules out of COMMAND_LINE: their sentences are translated then."""
    brought = reached(ROOT, "tui")
    assert {"flow.py", "tui/node/edge.py", "services/storage/check.py"} <= brought
    assert [path for path in sorted(brought) if alone(path)] == []
    assert all([*ROOT.glob(pattern)] for pattern in COMMAND_LINE)


def test_what_is_handed_on_is_known() -> None:
    """Who hands on a sentence in a new place sees to it that those that it is made of are found, then adds the place here."""
    assert OPENED == ELSEWHERE


@pytest.mark.parametrize("sentence", FOUND, ids=lambda each: each.text[:50])
def test_each_is_said_in_chinese(sentence: Sentence) -> None:
    text = REAL.get(sentence.text, sentence.text)
    if text not in UNSEEN:
        assert left(text) == [], sentence.place
        assert said(text) != text
        assert not UNSAID.search(re.sub(r"`[^`]*`", "", said(text))), said(text)


def test_what_is_replaced_here_is_there() -> None:
    assert {*REAL, *UNSEEN} <= {each.text for each in FOUND}


def facts() -> Iterator[str]:
    """Why a thing is not the one that a selector means, by the selectors' own words."""
    disk, nic = machine("two-sockets").disks[0], machine("two-sockets").nics[0]
    for name in DiskSelector.model_fields.keys() - {"count", "prefer", "size", "transport", "rotational", "numa_node"}:
        yield from DiskSelector(**{name: "other"}).facts(disk)
    yield from DiskSelector(size=">= 1PiB", transport="mmc", rotational=not disk.rotational, numa_node=9).facts(disk)
    for name in ("mac", "pci", "driver", "model", "lldp"):
        yield from NicSelector(**{name: "other"}).facts(nic)
    yield from NicSelector(speed=">= 900G", link=not nic.link, numa_node=9).facts(nic)


def test_each_fact_of_a_selector() -> None:
    found = list(facts())
    names = (DiskSelector.model_fields.keys() | NicSelector.model_fields.keys()) - {"count", "prefer"}
    assert {fact.partition(" ")[0] for fact in found} == names
    assert [fact for fact in found if not CHINESE.search(said(fact)) or " is " in said(fact) or ", not" in said(fact)] == []


WISH = {"version": 1, "node": {"name": "a"}, "network": {"planes": {"management": {"nics": [{"link": True}], "address": "dhcp"}}}}


@pytest.mark.parametrize(
    "text",
    [
        "", "[1]", "a: 1\na: 2", "a: b: c", "a: 'b", "a:\n\t- b", "version: 2", "version: x",
        "version: 1\n  x: 1", "{1: 2, [3]: 4}",
        *(yaml.safe_dump(WISH | more) for more in (
            {"node": 1}, {"node": {"name": 1}}, {"node": {"name": "A_"}}, {"node": {"name": "a", "ntp": "x"}}, {"nodes": 1},
            {"admin": []},
            {"node": {"name": "a", "language": "fr"}}, {"install": {"wipe": "maybe"}}, {"install": {"disk": {"count": 3}}},
            {"install": {"disk": {"size": "big"}}}, {"install": {"then": "sleep"}}, {"hypervisor": {"reserve": {"cpus": -1}}},
            {"hypervisor": {"hugepages": {"3MiB": 1}}}, {"cluster": {}}, {"hypervisor": {"reserve": {"cpus": 1.5}}},
            {"hypervisor": {"reserve": {"memory": "much"}}}, {"network": {"planes": {"management": {"vlan": "x"}}}},
            {"network": {"planes": {"management": {"mtu": 9}}}}, {"network": {"planes": {"management": {"bond": "x"}}}},
            {"network": {"planes": {"management": {"address": "x"}}}},
            {"network": {"planes": {"management": {"nics": [{"count": "x"}]}}}},
            {"admin": {"password_hash": "x"}}, {"admin": {"ssh": {"authorized_keys": ["x"]}}},
        )),
    ],
)  # fmt: skip
def test_each_refusal_of_a_document(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(text)
    for problem in caught.value.problems:
        for part in filter(None, (problem.message, problem.hint, str(problem))):
            assert CHINESE.search(said(part)), part
            assert not ENGLISH.search(re.sub(r"`[^`]*`|'[^']*'", "", said(part))), said(part)


def test_sentences_that_are_put_together() -> None:
    assert said(str(Problem(where="network.planes.storage", message="no port is named", hint="give it nics"))) == (
        "network.planes.storage：没有指定网口；请为它写 nics"
    )
    assert said("trivet: the disk X is not there any more; plan again") == "磁盘 X 已不在；请重新计划"
    assert said("set the time zone to X/Y: there is no time zone X/Y") == "将时区设为 X/Y：没有时区 X/Y"
    assert said("configure the network: No space left on device: /etc/x") == "配置网络：设备空间已满：/etc/x"
    error = CommandError(("nft", "--file", "-"), 1, "Error: No such file or directory")
    assert said(f"load the firewall: {error.message}") == "加载防火墙：`nft --file -` 以 1 结束：Error：没有这个文件或目录"
    assert said("erase wwn-1: it would destroy QEMU HARDDISK, 10 GiB, serial X: gpt, partition 1 vfat") == (
        "擦除 wwn-1：会毁掉 QEMU HARDDISK，10 GiB，序列号 X：gpt，分区 1 vfat"
    )


def test_why_a_selector_finds_nothing() -> None:
    why = "DISK A, 1 GiB, serial X: boot medium, size is 1 GiB, not >= 2GiB; B: id is B"
    chinese = "DISK A，1 GiB，序列号 X：启动介质，大小为 1 GiB，不是 >= 2GiB；B：标识为 B"
    assert said(f"nothing matches, and at least 1 is asked for ({why})") == f"没有匹配项，要求的数量：至少 1（{chinese}）"


def test_why_none_of_a_hundred_disks_is_meant() -> None:
    found = select(DiskSelector(serial="nope"), machine("hundred-disks").disks).problem
    text = said(f"install.disk: {found}; `trivet inspect` shows the facts of each disk")
    assert text.startswith("install.disk：没有匹配项，要求的数量：1（QEMU HARDDISK，40 GiB，序列号 HDD0000：序列号为 HDD0000；")
    assert text.endswith("……）；`trivet inspect` 显示每块磁盘的各项信息")


def test_a_row_of_things_has_chinese_between_them() -> None:
    assert listed("boot medium, read-only") == "启动介质，只读"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("rack.yaml: no rule holds for this machine; add it to the table or to the rules, or approve it with a template",
         "rack.yaml：没有适用于本机的规则；请将它加入机器表或规则，或用一个模板批准它"),
        ("m.csv line 3: has the serial of this machine and another mac; correct the table",
         "m.csv 第 3 行：serial 与本机相同，而 mac 不同；请改正机器表"),
        ("templates/a.yaml with m.csv line 3: install.disk: nothing matches, and 1 is asked for; there are no candidates at all",
         "templates/a.yaml（m.csv 第 3 行）：install.disk：没有匹配项，要求的数量：1；没有任何候选"),
        ("this machine is installed; have it installed again on the board first", "本机已安装；请先在面板上让它重新安装"),
        ("node.yaml asks for approval; approve it on the board", "node.yaml 需要批准；请在面板上批准"),
    ],
)  # fmt: skip
def test_what_the_server_of_a_rack_answers(sentence: str, words: str) -> None:
    assert said(f"10.0.0.1:8443 says: {sentence}") == f"10.0.0.1:8443 说：{words}"
