# SPDX-License-Identifier: Apache-2.0
"""Name, time, administrator and SSH, as steps."""

from appliance.model.inventory import Inventory, System
from appliance.model.plan import RenderFile
from appliance.model.rendered import digest
from appliance.model.spec import Spec
from appliance.services.system import plan as system

HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrandom ops@example"


def spec(**parts: object) -> Spec:
    network = {"planes": {"management": {"nics": [{"link": True}], "address": "dhcp"}}}
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": network} | parts)


def after(wish: Spec) -> Inventory:
    """What the machine is once the plan has been carried out."""
    files = {s.path: digest(s.content) for s in system.plan(Inventory(), wish) if isinstance(s, RenderFile)}
    password = digest(wish.secrets.get("admin.password_hash", ""))
    return Inventory(
        system=System(
            installed=True,
            spec=wish.digest,
            hostname=wish.node.name,
            timezone=wish.node.timezone,
            password=password,
            ssh=wish.admin.ssh.enabled,
            files=files,
        )
    )


FULL = spec(
    node={"name": "n1", "timezone": "Asia/Shanghai", "ntp": ["192.0.2.1", "ntp.example"]},
    admin={"password_hash": HASH, "ssh": {"enabled": True, "authorized_keys": [KEY]}},
)


def test_everything_from_nothing() -> None:
    assert [str(s) for s in system.plan(Inventory(), FULL)] == [
        "call this node n1",
        "set the time zone to Asia/Shanghai",
        "write /etc/hosts",
        "write /etc/systemd/timesyncd.conf.d/trivet.conf",
        "set the admin password",
        "write /root/.ssh/authorized_keys",
        "start ssh.service",
    ]


def test_plan_twice_is_nothing() -> None:
    assert list(system.plan(after(FULL), FULL)) == []
    assert list(system.plan(after(spec()), spec())) == []


def test_what_is_taken_out_of_the_spec_is_taken_back() -> None:
    assert [str(s) for s in system.plan(after(FULL), spec(node={"name": "n1", "timezone": "Asia/Shanghai"}))] == [
        "remove /etc/systemd/timesyncd.conf.d/trivet.conf",
        "lock the admin password",
        "remove /root/.ssh/authorized_keys",
        "stop ssh.service",
    ]


def test_no_step_holds_the_password() -> None:
    assert all(HASH not in s.model_dump_json() for s in system.plan(Inventory(), FULL))


def test_what_this_version_leaves_out_is_said() -> None:
    wish = spec(node={"name": "n1", "language": "zh_CN"}, storage={}, cluster={"create": {"name": "prod"}})
    assert [p.where for p in system.pending(wish)] == ["node.language"]
