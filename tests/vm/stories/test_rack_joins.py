# SPDX-License-Identifier: Apache-2.0
"""Nodes that a rack's server has installed come into one cluster, and nobody types a word: in container nodes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.rackserver import Server, inventory
from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node, machine_id
from tests.vm.process import command
from tests.vm.stories.test_cluster import members, opened, ready, voters
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

HOST = "10.7.0.254"
RULES = "version: 1\ntable: machines.csv\nserve_peers: false\nrules: [{when: {listed: true}, template: node.yaml.j2}]\n"
TEMPLATE = """\
version: 1
node: {name: "{{ name }}", timezone: Asia/Shanghai}
admin:
  password_hash: "%(hash)s"
  ssh: {enabled: true, authorized_keys: ["%(key)s"]}
install: {disk: {prefer: smallest}}
network:
  planes:
    management: {nics: [{mac: "{{ machine.macs[0] }}"}], address: "{{ address }}"}
{%% if name == "n1" %%}
cluster: {create: {name: rack}}
{%% else %%}
cluster: {join: {address: 10.7.0.1, token_file: /var/lib/trivet/cluster/token}}
{%% endif %%}
"""


class OnBridge(Server):
    """The server as people start it, on the lab's switch of the management plane."""

    def __init__(self, containers: ContainerLab, folder: Path, nodes: list[Node]) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder)
        self._lab = containers
        self.host = HOST
        rows = [f"{n.name},{n.mac(0)},10.7.0.{i}/24" for i, n in enumerate(nodes, 1)]
        (self.rack / "machines.csv").write_text("\n".join(["name,mac,address", *rows]) + "\n")
        (self.rack / "rack.yaml").write_text(RULES)
        text = TEMPLATE % {"hash": answers.PASSWORD_HASH, "key": KEY}
        (self.rack / "templates/node.yaml.j2").write_text(text)
        bridge = containers.bridge("mgmt")
        containers.command("ip", "address", "add", f"{HOST}/24", "dev", bridge)
        self._bridge = bridge

    def command(self) -> list[str]:
        words = super().command()
        for option, value in (("--interface", self._bridge), ("--address", HOST)):
            words[words.index(option) + 1] = value
        return [*self._lab.inside(), *words]

    def elsewhere(self, node: ContainerNode, address: str, http: int, https: int) -> None:
        """The same rack, served by a node itself from now on: on its own ports, and with its own certificate."""
        self.stop()
        self.host, self.http, self.https = address, http, https
        (link,) = json.loads(node.run(f"ip -json address show to {address}"))
        words = f"trivet pxe serve /root/rack --interface {link['ifname']} --source /root/pxe --state /root/state --dhcp off"
        node.run(f"systemd-run --quiet --unit=rack {words} --http-port {http} --https-port {https}")
        node.run("until journalctl -u rack -o cat | grep -q ^Certificate; do sleep 0.5; done", timeout=60)
        self.fingerprint = node.run("journalctl -u rack -o cat | sed -n 's/^Certificate sha256:\\([0-9a-f]*\\);.*/\\1/p'")

    def curl(self, *words: str, text: str = "") -> str:
        """As a machine on that switch asks."""
        return command(*self._lab.inside(), "curl", "--silent", "--show-error", "--insecure", *words, text=text)

    def post(self, what: str, token: str, body: str) -> tuple[str, str]:
        """The text and the status of the reply."""
        words = ("--header", f"Authorization: Bearer {token}", "--write-out", "\\n%{http_code}", "--data-binary", "@-")
        text, _, status = self.curl(*words, f"https://{self.host}:{self.https}/{what}", text=body).rpartition("\n")
        return text, status

    def install(self, node: ContainerNode) -> str:
        """From its menu to its disk, as the installer does: what the node finds there at its first start. Its credential."""
        port, name = node.node.mac(0), node.node.name
        menu = self.curl(f"http://{self.host}:{self.http}/boot/{port}/grub.cfg")
        facts = dict(word.partition("=")[::2] for word in menu.split())
        token = facts["trivet.answer.token"]
        found = inventory(port, name)
        found["machine"]["dmi"]["uuid"] = machine_id(name)
        text, status = self.post("answer", token, json.dumps(found))
        assert status == "200", text
        (node.state / "spec.yaml").write_text(text)
        assert self.post("report", token, json.dumps([{"state": "rebooting"}])) == ("", "200")
        whom = {"url": facts["trivet.report"], "fingerprint": self.fingerprint, "token": token}
        (node.state / "report.json").write_text(json.dumps(whom))
        return token


@pytest.fixture
def rack(containers: ContainerLab) -> Iterator[tuple[OnBridge, list[ContainerNode]]]:
    nodes = [containers.node(Node(f"n{number}")) for number in (1, 2, 3)]
    with OnBridge(containers, containers.folder / "server", [each.node for each in nodes]) as server:
        yield server, nodes


def states(server: Server) -> dict[str, str]:
    return {machine.name: machine.state for machine in server.now().machines.values()}


@story("rack-joins-by-itself")
def test_rack_joins_by_itself(rack: tuple[OnBridge, list[ContainerNode]]) -> None:
    """Who is to join is up first and waits; with the founder there are three voters, and no token is left anywhere."""
    server, (n1, n2, n3) = rack
    credentials = {node.node.name: server.install(node) for node in (n1, n2, n3)}
    for made_up in ("made-up", ""):
        assert server.post("token", made_up, "{}") == ("", "403")
    assert server.post("token", credentials["n1"], "{}") == ("this machine is to join no cluster", "403")
    assert server.post("tokens", credentials["n3"], '{"tokens": {}}') == ("[]", "200"), "who founds nothing hears of nobody"
    n2.start()
    opened(n2)
    end = time.monotonic() + 120
    while "the node n1, which founds the cluster, is not there yet" not in server.now().machines[n2.node.mac(0)].cause:
        assert time.monotonic() < end, server.now().machines[n2.node.mac(0)]
        time.sleep(1)
    assert states(server)["n2"] == "joining"
    for node in (n1, n3):
        node.start()
    end = time.monotonic() + 300
    while states(server) != {"n1": "ready", "n2": "ready", "n3": "ready"}:
        assert time.monotonic() < end, server.now().model_dump_json(indent=1)
        time.sleep(1)
    n1.run("until [ $(trivet cluster show | grep -c control) = 3 ]; do sleep 1; done", timeout=120)
    assert sorted(members(n3)) == ["n1", "n2", "n3"]
    n1.run("until [ $(etcdctl member list | grep -c 'started.*false$') = 3 ]; do sleep 1; done", timeout=180)
    assert voters(n1) == {"n1": False, "n2": False, "n3": False}
    for node in (n1, n2, n3):
        ready(node)
    kept = "".join(file.read_text() for file in (server.folder / "state").glob("*.json*"))
    assert "TRIVET1-" not in kept
    for node in (n2, n3):
        assert not (node.state / "report.json").exists(), "its credential is gone"
        assert not (node.state / "cluster" / "token").exists()
    for node in (n1, n2, n3):
        told = node.run("journalctl -b -o cat --no-pager; cat /var/lib/trivet/log/* 2>/dev/null; true", timeout=120)
        assert "TRIVET1-" not in told
        assert not [token for token in credentials.values() if token in told]


@story("node-joins-later")
def test_node_joins_later(containers: ContainerLab) -> None:
    """The cluster is there already, and one of its nodes serves the rack: it makes the token for one that comes later."""
    folder = containers.folder / "server"
    binds = ((str(folder / "rack"), "/root/rack"), (str(folder / "pxe"), "/root/pxe"))
    n1, n2 = containers.node(Node("n1", binds=binds)), containers.node(Node("n2"))
    with OnBridge(containers, folder, [n1.node, n2.node]) as server:
        server.install(n1)
        (n1.state / "report.json").unlink()
        n1.start()
        opened(n1)
        n1.run("until trivet cluster show | grep -q n1; do sleep 1; done", timeout=120)
        server.elsewhere(n1, "10.7.0.1", 80, 8444)
        server.install(n2)
        n2.start()
        n2.run("until trivet cluster show | grep -q n1; do sleep 1; done", timeout=120)
        assert members(n1) == ["n1", "n2"]
        n1.run("until trivet pxe board --state /root/state | grep -q ' ready .* n2'; do sleep 1; done", timeout=120)
        assert "TRIVET1-" not in n1.run("cat /root/state/rack.jsonl; journalctl -b -o cat --no-pager", timeout=120)
