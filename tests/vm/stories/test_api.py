# SPDX-License-Identifier: Apache-2.0
"""Programs use the cluster by its API: curl, with tokens of different roles, asks one node about another one's VM."""

from __future__ import annotations

import json
from typing import Any

from tests.vm import guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.stories.test_cluster import FOLDER, fresh, opened, ready
from tests.vm.stories.test_vms import vm
from tests.vm.story import story


def curl(node: ContainerNode, token: str, path: str, more: str = "") -> tuple[int, Any]:
    """The status, and the document; as a program elsewhere would ask, which knows the authority alone."""
    bearer = f"-H 'Authorization: Bearer {token}'" if token else ""
    words = f"curl --silent --cacert {FOLDER}/ca.crt {bearer} {more} -w '\\n%{{http_code}}' https://10.7.0.1:8443{path}"
    body, _, code = node.run(words, timeout=60).rpartition("\n")
    return int(code), json.loads(body) if body.startswith(("{", "[")) else body


@story("api-answers-for-the-cluster")
def test_api_answers_for_the_cluster(containers: ContainerLab) -> None:
    n1, n2 = (fresh(containers, number, hypervisor={"emulation": True}) for number in (1, 2))
    for node in (n1, n2):
        opened(node)
        guest.library(node)
    n1.run("trivet cluster create lab", timeout=120)
    n2.run(f"echo {n1.run('trivet cluster token')} | trivet cluster join --address 10.7.0.1 --token-file -", timeout=120)
    ready(n2)
    vm(n2, "far", run=False)
    reader, operator = (n1.run(f"trivet api token {name} --role {role}") for name, role in (("mon", "read"), ("ops", "operate")))

    # Nobody, somebody whose token is not good, and who may not.
    for token, status in (("", 401), ("mon.wrong", 401), ("nobody.x", 401)):
        assert curl(n1, token, "/v1/vms")[0] == status, token
    code, told = curl(n1, reader, "/v1/vms/far/start", "-X POST")
    assert (code, told["problems"][0]["message"]) == (403, "this needs the role operate, and the token has read")

    # Any node answers for the cluster, and about another one.
    assert [each["name"] for each in curl(n1, reader, "/v1/nodes")[1]] == ["n1", "n2"]
    assert curl(n1, reader, "/v1/nodes/n2/status")[1]["name"] == "n2"
    assert curl(n1, reader, "/v1/nodes/n3/status")[0] == 404
    assert curl(n1, reader, "/v1/vms/far")[1]["node"] == "n2"
    assert curl(n1, reader, "/v1/nothing")[0] == 404
    described = curl(n1, "", "/v1/openapi.json")[1]
    assert "/v1/vms/{vm}/start" in described["paths"]

    # The VM runs where it is, and whoever listens hears of it.
    listen = f"curl -sN --max-time 40 --cacert {FOLDER}/ca.crt -H 'Authorization: Bearer {reader}' https://10.7.0.1:8443/v1/events"
    n1.run(f"systemd-run --quiet --unit=listen sh -c \"{listen} > /tmp/heard\"")
    assert curl(n1, operator, "/v1/vms/far/start", "-X POST") == (200, {})
    assert n2.run("virsh domstate far").strip() == "running"
    n1.run("until grep -q '\"state\": \"running\"' /tmp/heard; do sleep 0.5; done", timeout=40)
    assert '"name": "n2"' in n1.run("grep -A1 'event: node' /tmp/heard")
    code, text = curl(n2, operator, "/v1/vms/far/reset", "-X POST")
    assert code == 200, text

    # The command line does the same with the node's certificate.
    assert n1.run("trivet vm suspend far") == "far stands still on n2."
    assert n2.run("virsh domstate far").strip() == "paused"
    assert n1.run("trivet vm resume far && trivet vm stop far --force").endswith("far is stopped on n2.")
    assert n2.run("virsh list --name").strip() == ""

    # Measures, in Prometheus' form; and a token that is revoked is nobody's at once.
    code, text = curl(n1, reader, "/metrics")
    assert code == 200, text
    assert "trivet_node_uptime_seconds " in text
    n1.run("trivet api revoke mon")
    assert curl(n1, reader, "/v1/nodes")[0] == 401
    secret = operator.partition(".")[2]
    assert secret not in n1.run("etcdctl get --prefix /; journalctl -b -o cat --no-pager")
    assert "ops" in n1.run("trivet api")
