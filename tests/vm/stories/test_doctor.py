# SPDX-License-Identifier: Apache-2.0
"""Faults are really made between two nodes, one after the other; the doctor names each, and nothing when it is gone."""

from __future__ import annotations

import json

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

THERE = {"management": "10.7.0.2", "storage": "10.8.0.2"}
CHAIN = "nft add table inet fault && nft add chain inet fault in '{ type filter hook input priority -300; }'"
DROP = f"{CHAIN} && nft add rule inet fault in"
HEAL = "nft delete table inet fault"


def two(containers: ContainerLab) -> tuple[ContainerNode, ContainerNode]:
    nodes = [containers.node(Node(name, networks=("mgmt", "stor"))) for name in ("n1", "n2")]
    for number, node in enumerate(nodes, start=1):
        planes = {
            "management": {"nics": [{"mac": node.node.mac(0)}], "address": f"10.7.0.{number}/24"},
            "storage": {"nics": [{"mac": node.node.mac(1)}], "address": f"10.8.0.{number}/24"},
        }
        (node.state / "spec.yaml").write_text(answers.text(answers.spec(KEY, node.node.name, network={"planes": planes})))
        node.start()
    for node in nodes:
        node.run("systemctl is-system-running --wait", timeout=120)
        node.run("ip link set eth0 up; ip link set eth1 up; until ip -br address show eth1 | grep -q 10.8; do sleep 0.2; done")
    return nodes[0], nodes[1]


def doctor(node: ContainerNode) -> dict[str, str]:
    """Cause -> remedy, of all that it says of a node."""
    said = node.output(f"trivet doctor --json {' '.join(f'--with {address}' for address in THERE.values())}", timeout=120)
    assert said.status in (0, 5), said.text
    return {finding["cause"]: finding["remedy"] for finding in json.loads(said.text)["findings"]}


@story("doctor-names-the-fault")
def test_doctor_names_the_fault(containers: ContainerLab) -> None:
    n1, n2 = two(containers)
    n2.run("systemd-run --quiet python3 -m http.server 8443; until ss -Hltn sport 8443 | grep -q .; do sleep 0.1; done")
    n2.run("nft insert rule inet trivet input tcp dport 8443 accept", check=False)
    before = doctor(n1)
    print(before)

    def named(make: tuple[ContainerNode, str], heal: str, *words: str) -> None:
        """The fault is made; one finding that was not there has these words; it is healed, and the finding is gone."""
        node, script = make
        node.run(script)
        fresh = {cause: remedy for cause, remedy in doctor(n1).items() if cause not in before}
        node.run(heal)
        assert [cause for cause in fresh if all(word in cause for word in words)], (words, fresh)
        assert len(fresh) == 1, f"one fault, one cause: {fresh}"
        assert all(fresh.values()), fresh

    named((n2, "ip link set eth1 mtu 1400"), "ip link set eth1 mtu 1500", "packets of 1500 bytes", "10.8.0.2", "is the most")
    named((n2, f"{DROP} tcp dport 8443 drop"), HEAL, "TCP 8443 (trivetd)", "10.7.0.2", "drops it")
    named((n2, f"{DROP} icmp type echo-request ip daddr 10.8.0.2 drop"), HEAL, "10.8.0.2", "answers no ping")
    mine = "10.8.0.1/24 dev eth1"
    named((n2, f"ip address add {mine}"), f"ip address del {mine}", "10.8.0.1", "somebody else's", n2.node.mac(1))
    named((n2, "ip link set eth1 down"), "ip link set eth1 up; sleep 3", "nobody answers", "10.8.0.2")
    third = "icmp type echo-request ip length '<' 200 ip daddr 10.8.0.2 numgen inc mod 3 == 0 drop"  # ARP and the large ones pass
    named((n2, f"{DROP} {third}"), HEAL, "% of the packets", "10.8.0.2", "are lost")
    left = "/var/lib/ceph/osd/ceph-7"
    named((n1, f"mkdir -p {left} && echo 4d6e0c46-0000-4000-8000-000000000000 > {left}/ceph_fsid"), f"rm -r {left}",
          "another Ceph", "4d6e0c46", left)  # fmt: skip
    old = "/var/lib/etcd/default"
    named((n1, f"mkdir -p {old}/member/snap"), f"rm -r {old}", "another etcd", old)
    named((n1, "printf 'OVSDB CLUSTER 1 2\\n' > /var/lib/ovn/ovnnb_db.db"), "rm /var/lib/ovn/ovnnb_db.db", "OVN", "ovnnb_db.db")
