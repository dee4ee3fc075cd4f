# SPDX-License-Identifier: Apache-2.0
"""Put together what `trivet status` says: the machine as it is, against the spec that is saved on it."""

from appliance import __version__, flow
from appliance.errors import Problems
from appliance.host.host import Host
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan, ReplaceSpec
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.model.status import Boot, Status
from appliance.node import health
from appliance.node.published import CANDIDATE, last_boot, seconds_left, uptime
from appliance.services.system.observe import SPEC


def load_saved(host: Host) -> tuple[Spec, str]:
    """The saved spec and its text. Problems when there is none or it cannot be read."""
    text = host.files.read(SPEC)
    if text is None:
        message = "this node has no saved spec"
        raise Problems([Problem(where=SPEC, message=message, hint="give it one with `trivet apply spec.yaml`")])
    return load_spec(text), text


def followed(host: Host) -> tuple[Spec, str]:
    """The spec that this node shall follow now, and its text: the saved one, or while a change is tried that."""
    text = host.files.read(CANDIDATE)
    return load_saved(host) if text is None else (load_spec(text), text)


def wanted(host: Host, inventory: Inventory) -> tuple[Spec, str, Plan]:
    """The spec that this node shall follow now, its text, and the plan to it.

    While a change is tried it is not to be saved before somebody keeps it.
    """
    tried = host.files.read(CANDIDATE) is not None
    spec, text = followed(host)
    plan = flow.plan(inventory, spec, follow=True)
    return spec, text, plan.without(ReplaceSpec) if tried else plan


def status(host: Host) -> Status:
    """Never raises for what is wrong with the node: that is what it is there to say."""
    inventory = flow.inspect(host)
    if not inventory.system.installed:
        return Status(state="live", **_facts(host, inventory))
    boot = last_boot(host)
    try:
        _, _, plan = wanted(host, inventory)
    except Problems as error:
        return Status(state="failed", boot=boot, problems=error.problems, **_facts(host, inventory))
    drift = tuple(str(step) for step in plan.steps)
    return Status(
        state="differs" if _differs(plan, boot) else "ready",
        boot=boot,
        drift=drift,
        pending=plan.pending,
        **_facts(host, inventory),
    )


def _differs(plan: Plan, boot: Boot | None) -> bool:
    return bool(plan.steps or plan.awaited or plan.lost or (boot and (boot.failed or boot.refused)))


def _facts(host: Host, inventory: Inventory) -> dict[str, object]:
    return {
        "name": inventory.system.hostname,
        "version": __version__,
        "slot": inventory.machine.boot.slot,
        "uptime": uptime(host),
        "reverts_in": seconds_left(host),
        "addresses": tuple(a for a in inventory.addresses if a.scope == "global"),
        "spec": inventory.system.spec,
        "alerts": health.alerts(host, uptime(host)) if inventory.system.installed else (),
    }
