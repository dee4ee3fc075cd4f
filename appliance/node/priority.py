# SPDX-License-Identifier: Apache-2.0
"""What comes first while copies are made again: a word of the saved spec, changed in its text and carried out."""

from collections.abc import Callable

from appliance import flow
from appliance.engine.apply import Emit
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.document import load_spec
from appliance.model.plan import Plan
from appliance.node.status import load_saved
from appliance.node.trial import Planned, settled
from appliance.tui.node.yamledit import edited


def change(host_with: Callable[..., Host], priority: str, emit: Emit, planned: Planned) -> Plan:
    """The plan that was carried out; without steps when it is so already."""
    host = host_with()
    with settled(host):
        spec, text = load_saved(host)
        if spec.storage is None:
            raise ApplianceError("the spec of this node says nothing of storage", "write `storage: {}` and apply it first")
        if spec.storage.priority == priority:
            return Plan()
        text, _ = edited(text, {("storage", "priority"): priority})
        spec = load_spec(text)
        plan = flow.plan(flow.inspect(host), spec)
        if plan.destroys:
            hint = "`trivet apply` shows what it is, and asks"
            raise ApplianceError(f"the saved spec is not carried out yet: {', '.join(plan.destroys)} would be erased", hint)
        planned(plan)
        flow.apply(plan, host_with(spec.secrets | {"spec": text}), emit)
    return plan
