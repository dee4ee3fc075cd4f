# SPDX-License-Identifier: Apache-2.0
"""Nodes become a cluster, in the words of etcd: founded, joined by a token, a voter killed; and who leaves and comes again."""

from __future__ import annotations

import json
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

ETCDCTL = "ETCDCTL_CACERT={0}/ca.crt ETCDCTL_CERT={0}/node.crt ETCDCTL_KEY={0}/node.key etcdctl --endpoints={1}"
FOLDER = "/var/lib/trivet/cluster"


def document(node: Node, number: int, **more: Any) -> dict[str, Any]:
    plane = {"nics": [{"mac": node.mac(0)}], "address": f"10.7.0.{number}/24"}
    return answers.spec(KEY, node.name, network={"planes": {"management": plane}}, **more)


def fresh(containers: ContainerLab, number: int, **more: Any) -> ContainerNode:
    node = containers.node(Node(f"n{number}"))
    (node.state / "spec.yaml").write_text(answers.text(document(node.node, number, **more)))
    return node.start()


def opened(node: ContainerNode) -> None:
    node.run("systemctl is-system-running --wait", timeout=120)


def etcdctl(node: ContainerNode, words: str, address: str = "10.7.0.1") -> str:
    """etcd's own tool, over TLS, with the node's own certificate."""
    return node.run(f"{ETCDCTL.format(FOLDER, f'https://{address}:2379')} {words}", timeout=60)


def voters(node: ContainerNode, address: str = "10.7.0.1") -> dict[str, bool]:
    """Name -> is it a learner?"""
    found = json.loads(etcdctl(node, "member list --write-out=json", address))["members"]
    return {each.get("name", ""): each.get("isLearner", False) for each in found}


def healthy(node: ContainerNode, count: int, address: str = "10.7.0.1") -> None:
    said = etcdctl(node, "endpoint health --cluster 2>&1", address)
    assert said.count("is healthy") == count, said


def members(node: ContainerNode) -> list[str]:
    return [each["name"] for each in json.loads(node.run("trivet cluster show --json"))["cluster"]["members"]]


def ready(node: ContainerNode) -> None:
    node.run("until trivet status --json | grep -q '\"state\": \"ready\"'; do sleep 1; done", timeout=120)


@story("three-nodes-join", quick=True)
def test_three_nodes_join(containers: ContainerLab) -> None:
    n1, n2, n3 = (fresh(containers, number) for number in (1, 2, 3))
    for node in (n1, n2, n3):
        opened(node)
    n1.run("trivet cluster create lab", timeout=120)
    assert voters(n1) == {"n1": False}
    assert members(n1) == ["n1"]
    ready(n1)

    # The second comes by a token, and votes not yet: of two voters each would be needed.
    token = n1.run("trivet cluster token")
    n2.run(f"echo {token} > /root/token && trivet cluster join --address 10.7.0.1 --token-file /root/token", timeout=120)
    assert members(n2) == ["n1", "n2"]
    assert voters(n2) == {"n1": False}
    ready(n2)
    refused = n3.output(f"echo {token} | trivet cluster join --address 10.7.0.1 --token-file -")
    assert "another machine has joined with this token" in refused.text, refused.text

    # With the third there are three, all by themselves.
    n1.run("systemd-run --quiet --unit=pair trivet cluster pair")
    n1.run("until journalctl -u pair -o cat | grep -q ^words:; do sleep 0.5; done", timeout=60)
    words = n1.run("journalctl -u pair -o cat | sed -n 's/^words: //p'")
    wrong = n3.output("echo abandon ability able about | trivet cluster join --words-file -", timeout=120)
    assert "these are not the words" in wrong.text, wrong.text
    said = n3.run(f"echo {words} | trivet cluster join --words-file -", timeout=240)
    n1.run("until journalctl -u pair -o cat | grep -q 'n3 has joined'; do sleep 0.5; done", timeout=60)
    shown = n1.run("journalctl -u pair -o cat | sed -n 's/.*Its fingerprint: //p'")
    assert shown, "both sides show the new node's fingerprint"
    assert shown in said
    n1.run("until [ $(trivet cluster show | grep -c control) = 3 ]; do sleep 1; done", timeout=60)
    for node in (n2, n3):
        ready(node)
    assert voters(n1) == {"n1": False, "n2": False, "n3": False}
    healthy(n3, 3)
    for node in (n1, n2, n3):
        told = node.run("journalctl -b -o cat --no-pager -u trivetd; cat /var/lib/trivet/log/* 2>/dev/null; true")
        assert token.split("-")[1] not in told
        assert words not in told

    # A voter is lost with its power: the others go on, and it comes back by itself.
    n2.kill()
    etcdctl(n1, "put /lab/without-n2 yes")
    n2.start()
    opened(n2)
    ready(n2)
    n2.run("until [ \"$(etcdctl get --print-value-only /lab/without-n2)\" = yes ]; do sleep 1; done", timeout=120)


@story("remove-and-rejoin")
def test_remove_and_rejoin(containers: ContainerLab) -> None:
    """A control node is removed and the next one takes its role; it joins again under its name; a dead one is removed."""
    n1, *more = (fresh(containers, number) for number in (1, 2, 3, 4))
    for node in (n1, *more):
        opened(node)
    n1.run("trivet cluster create lab", timeout=240)
    for node in more:
        node.run(f"echo {n1.run('trivet cluster token')} | trivet cluster join --address 10.7.0.1 --token-file -", timeout=300)
    n2, n3, n4 = more
    n1.run("until [ $(etcdctl member list | grep -c 'started.*false$') = 3 ]; do sleep 1; done", timeout=180)
    assert voters(n1) == {"n1": False, "n2": False, "n3": False}
    n1.run("trivet cluster remove n3", timeout=120)
    n1.run("until [ $(etcdctl member list | grep -c 'started.*false$') = 3 ]; do sleep 1; done", timeout=180)
    assert voters(n1) == {"n1": False, "n2": False, "n4": False}
    n3.run("until trivet status | grep -q 'has been removed from its cluster'; do sleep 1; done", timeout=120)
    assert not n3.output("systemctl is-active etcd").ok
    n3.run("trivet cluster leave", timeout=120)
    n3.run(f"echo {n1.run('trivet cluster token')} | trivet cluster join --address 10.7.0.4 --token-file -", timeout=240)
    assert members(n3) == ["n1", "n2", "n4", "n3"]
    # One of three voters is dead: it may go. Of what is left then none may.
    n2.kill()
    n1.run("trivet cluster remove n2", timeout=120)
    n1.run("until [ $(etcdctl member list | grep -c 'started.*false$') = 3 ]; do sleep 1; done", timeout=180)
    assert voters(n1) == {"n1": False, "n3": False, "n4": False}
    healthy(n1, 3)
    n4.kill()
    refused = n1.output("trivet cluster remove n3", timeout=120)
    assert "without n3 the cluster could decide nothing: n4 does not answer" in refused.text, refused.text
