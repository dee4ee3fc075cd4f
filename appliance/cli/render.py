# SPDX-License-Identifier: Apache-2.0
"""Documents as text for people: 80 columns, no colour, so that a serial line shows them as they are meant."""

from appliance.model.events import Event, Failed, Finished, Output, Started
from appliance.model.plan import Plan
from appliance.model.status import Status


def plan_text(plan: Plan) -> str:
    """Each step with its reason; then what is lost; then what is left out."""
    lines = [f"{number:3}. {step}\n       because: {step.why}" for number, step in enumerate(plan.steps, 1)]
    if not plan.steps:
        lines.append("Nothing to do: this machine is as the spec says.")
    if plan.destroys:
        lines += ["", "This destroys:", *(f"  - {what}" for what in plan.destroys)]
    if plan.pending:
        lines += ["", "Not covered:", *(f"  - {p.where}: {p.why}" for p in plan.pending)]
    return "\n".join(lines)


def event_text(event: Event) -> str:
    """One line for an event that is worth one, "" for the others."""
    match event:
        case Started():
            return f"[{event.index}/{event.total}] {event.title}"
        case Finished(skipped=True):
            return "      was so already"
        case Output():
            return f"      {event.line}"
        case Failed():
            return f"failed: {event.message}" + (f"; {event.hint}" if event.hint else "")
    return ""


_WORDS = {
    "live": "live system, nothing is installed from here yet",
    "ready": "ready, all is as the spec says",
    "differs": "running, and not all is as the spec says",
    "failed": "the spec cannot be carried out",
}


def status_text(status: Status) -> str:
    """What a person wants to know first, first."""
    hours, minutes = divmod(round(status.uptime / 60), 60)
    rows = [
        ("node", f"{status.name}: {_WORDS[status.state]}"),
        ("version", status.version + (f", slot {status.slot.upper()}" if status.slot else "")),
        ("up", f"{hours} h {minutes:02} min"),
        ("addresses", ", ".join(a.address for a in status.addresses) or "none"),
    ]
    if status.boot:
        rows.append(("applied", f"{len(status.boot.applied)} steps at boot in {status.boot.seconds:.1f} s"))
        rows += [("failed", status.boot.failed)] if status.boot.failed else []
        rows += [("refused", line) for line in status.boot.refused]
        rows += [("log", status.boot.log)] if status.boot.log else []
    rows += [("differs", line) for line in status.drift]
    rows += [("not yet", f"{p.where}: {p.why}") for p in status.pending]
    rows += [("problem", str(p)) for p in status.problems]
    return "\n".join(f"{name:>10}  {text}" for name, text in rows)
