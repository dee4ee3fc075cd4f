# SPDX-License-Identifier: Apache-2.0
"""A node plans from the cluster's document: found one, join one, vote or not, be removed. And a spec's text is changed."""

import json

import pytest

from appliance import flow
from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host.playback import recorded
from appliance.model.cluster import ClusterDocument, Member, Membership, Places, joined, left
from appliance.model.clustersteps import FoundCluster, JoinCluster, MakeAuthority, RunEtcd, TakeRole
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory, System
from appliance.model.plan import RenderFile
from appliance.model.rendered import ETCD_DEFAULTS, digest
from appliance.node.cluster import rewritten
from appliance.services.cluster import plan as cluster
from tests.unit.carried import MACHINES
from tests.unit.test_system_plan import spec

ME = "1" * 32
HERE = Places(management="10.0.0.1", storage="10.0.1.1", every=("10.0.0.1", "10.0.1.1"))


def node(**more: object) -> Inventory:
    return Inventory(system=System(installed=True, hostname="n1", machine_id=ME)).model_copy(update=more)


def document(*numbers: int) -> ClusterDocument:
    found = ClusterDocument(id="x", name="lab")
    for number in numbers:
        address = f"10.0.0.{number}"
        found = joined(found, Member(name=f"n{number}", machine_id=str(number) * 32, serial=0, address=address, storage=address))
    return found


def kinds(inventory: Inventory, **parts: object) -> list[type]:
    return [type(step) for step in cluster.plan(inventory, spec(**parts), HERE)]


def test_who_founds_a_cluster_has_certificates_first_and_the_document_last() -> None:
    steps = list(cluster.plan(node(), spec(cluster={"create": {"name": "lab"}}), HERE))
    assert [type(step) for step in steps] == [MakeAuthority, RenderFile, RunEtcd, FoundCluster]
    founded = steps[-1]
    assert isinstance(founded, FoundCluster)
    (me,) = founded.document.members
    assert (me.name, me.machine_id, me.address, me.storage, me.control, me.serial) == ("n1", ME, "10.0.0.1", "10.0.1.1", True, 1)
    assert steps == list(cluster.plan(node(), spec(cluster={"create": {"name": "lab"}}), HERE)), "the same whenever it is asked"
    run = steps[2]
    assert isinstance(run, RunEtcd)
    assert (run.cluster, run.peer, run.others) == (founded.document.id, "https://10.0.0.1:2380", ())
    content = cluster.settings(spec(), "10.0.0.1")
    assert "ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379,https://10.0.0.1:2379\n" in content
    assert "ETCD_PEER_CLIENT_CERT_AUTH=true\n" in content
    after = node(
        cluster=founded.document,
        etcd=True,
        membership=Membership(settings=run.settings, votes=founded.document.id, authority=True),
        system=node().system.model_copy(update={"files": {ETCD_DEFAULTS: digest(content)}}),
    )
    assert kinds(after, cluster={"create": {"name": "lab"}}) == []


def test_settings_are_known_again_whatever_their_order() -> None:
    lines = cluster.settings(spec(), "10.0.0.1").splitlines()
    process = ["PATH=/bin", *reversed(lines), "ETCD_INITIAL_CLUSTER=n1=x", "ETCD_INITIAL_CLUSTER_STATE=existing"]
    assert cluster.mark(process) == cluster.mark(lines) != cluster.mark(cluster.settings(spec()).splitlines())
    assert cluster.mark(["PATH=/bin"]) == ""


def test_of_two_nodes_the_second_does_not_vote_and_of_three_it_fetches_the_keys_first() -> None:
    second = node(cluster=document(2, 1))
    assert kinds(second, hypervisor={}) == []
    assert kinds(second.model_copy(update={"etcd": True})) == [RunEtcd], "the one of its own stops"
    third = node(cluster=document(2, 1, 3))
    assert kinds(third) == [TakeRole, RenderFile, RunEtcd]
    run = list(cluster.plan(third, spec(), HERE))[-1]
    assert isinstance(run, RunEtcd)
    assert run.others == ("https://10.0.0.2:2379", "https://10.0.0.3:2379")


def test_who_is_removed_stops_and_says_so() -> None:
    gone = node(cluster=left(document(1, 2, 3), "n1"), etcd=True)
    assert kinds(gone, hypervisor={}) == [RunEtcd]
    assert [each.where for each in cluster.pending(gone, spec())] == ["cluster"]
    assert [*cluster.pending(node(cluster=document(1)), spec())] == []


JOIN = {"join": {"address": "10.0.0.9", "token_file": "/root/token"}}


def test_a_node_that_is_to_join_does_nothing_before_that_others_would_have_to_undo() -> None:
    machine = flow.inspect(recorded(MACHINES / "installed-node"))
    plane = {"nics": [{"link": True}], "address": "10.0.0.1/24"}
    wish = spec(hypervisor={"emulation": True}, cluster=JOIN, network={"planes": {"management": plane}})
    plan = flow.plan(machine, wish)
    assert [type(step).__name__ for step in plan.steps][-2:] == ["JoinCluster", "ReplaceSpec"]
    assert not {"MakeMonitor", "AddOsd", "RunLibvirt", "RunEtcd"} & {type(step).__name__ for step in plan.steps}
    assert "cluster.join" in [each.where for each in plan.pending]
    (step,) = cluster.join(node(), spec(cluster=JOIN), HERE)
    assert isinstance(step, JoinCluster)
    assert (step.address, step.token_file, step.member.address) == ("10.0.0.9", "/root/token", "10.0.0.1")


def test_what_a_cluster_asks_of_a_spec() -> None:
    machine = flow.inspect(recorded(MACHINES / "installed-node"))
    plane = {"nics": [{"link": True}], "address": "dhcp"}
    with pytest.raises(Unsatisfiable) as refused:
        flow.plan(machine, spec(cluster={"join": {"address": "10.0.0.9"}}, network={"planes": {"management": plane}}))
    assert {each.where for each in refused.value.problems} >= {"network.planes.management.address", "cluster.join"}


TEXT = """# who we are
version: 1
node: {name: n1}  # its name
cluster:
  create:
    name: old

network:
  planes:
    management: {nics: [{link: true}], address: 10.0.0.1/24}
"""


def test_a_specs_text_keeps_its_comments() -> None:
    new = rewritten(TEXT, {"join": {"token_file": "/x"}})
    assert new.startswith("# who we are\nversion: 1\nnode: {name: n1}  # its name\nnetwork:")
    found = load_spec(new)
    assert found.cluster
    assert found.cluster.join
    assert load_spec(rewritten(new, None)).cluster is None
    braces = json.dumps(load_spec(TEXT).model_dump(mode="json", exclude_none=True, exclude_defaults=True))
    with pytest.raises(ApplianceError, match="written in a way that cannot be changed here"):
        rewritten(braces, {"create": {"name": "lab"}})
