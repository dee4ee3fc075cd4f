# SPDX-License-Identifier: Apache-2.0
"""`trivet install`: what the live system does at its start. Find the answer, plan, show the plan, carry it out, restart.

It says everything on every console, since nobody knows at which one somebody stands; run by hand it speaks to that person
alone. It asks nothing: consent is in the answer. Whatever it refuses, it changes nothing; the console or a shell comes next.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from appliance import __version__, flow
from appliance.cli import render
from appliance.cli.screen import Screen
from appliance.engine.journal import Journal
from appliance.errors import AnswerError, ApplianceError, Problems, StalePlan
from appliance.host import consoles
from appliance.host.host import Host
from appliance.host.live import live
from appliance.host.lock import only_one
from appliance.installer import answers, slots
from appliance.installer.answers import Options
from appliance.installer.media import Answer
from appliance.installer.report import Reporter, record
from appliance.model.answer import REFUSED, RefusedAnswer, ReportTo
from appliance.model.document import load_spec
from appliance.model.events import Event, Failed
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan, SaveSpec
from appliance.model.problem import Problem
from appliance.model.spec import InstallSpec, Spec

HostWith = Callable[[dict[str, str]], Host]
"""Makes the doors of this machine with these secrets."""
RUN = "/run/trivet"
LOGS = Path(f"{RUN}/log")
LOCK = Path(f"{RUN}/install.lock")
_NO_ANSWER = """\
There is no answer file, so nothing was done. To install this machine, say
`trivet console`, which asks for everything; or give an answer file:
  - plug in a FAT or ISO volume labelled TRIVET-SPEC that has the file spec.yaml;
  - or start with trivet.answer=http://server/path on the kernel's command line;
  - or write the file here, and say `trivet apply spec.yaml`.
`trivet inspect` shows what this machine has, `trivet plan spec.yaml` what would
be done. `trivet install` looks for an answer again.
"""


def install() -> int:
    """The exit code: 0 when the machine is (or was) as the answer says."""
    host = live()
    by_hand = sys.stdin.isatty()
    screen = Screen(consoles.Consoles([] if by_hand else consoles.names(host.files)), sys.stdout, by_hand=by_hand)
    answer: Answer | None = None
    options = Options()
    try:
        with only_one(LOCK, "another `trivet install` is at work", "wait for it, or stop trivet-installer.service"):
            screen.say("", f"Trivet {__version__} installer")
            options = answers.options(host.files.read("/proc/cmdline") or "")
            answer = _answer(host, options, screen)
            if answer is not None:
                _install(answer, host, options, screen)
            elif by_hand:
                screen.say("", *_NO_ANSWER.splitlines())
            else:
                screen.say("There is no answer file: the console asks.")
            return 0
    except ApplianceError as error:
        problems = error.problems if isinstance(error, Problems) else (Problem(where="", message=error.message, hint=error.hint),)
        screen.say("", "Not installed:", *(f"  - {problem}" for problem in problems))
        changed = not isinstance(error, Problems | AnswerError)
        screen.say("What was begun is begun anew the next time." if changed else "Nothing was changed on any disk.")
        screen.say(f"The log is in {LOGS}; `trivet install` tries again.")
        host.files.write(REFUSED, RefusedAnswer(source=answer.source if answer else "", problems=problems).model_dump_json())
        with Reporter(options) as reporter:
            reporter.state("failed", "; ".join(str(problem) for problem in problems))
        return error.exit_code
    finally:
        host.files.write(f"{LOGS}/install.log", screen.transcript)


def agreed(text: str, digest: str, *, as_json: bool, host_with: HostWith = live) -> int:
    """Install by a spec that somebody made here, for the plan that they agreed to. What happens is said as events alone.

    The machine is looked at again: where that gives another plan, a disk holds something else now, and nothing is touched.
    """
    spec = load_spec(text)
    host = host_with(spec.secrets | {"spec": text})
    with only_one(LOCK, "another `trivet install` is at work", "wait for it, or stop trivet-installer.service"):
        with Journal("install", LOGS) as journal:
            emit = render.emitter(journal, as_json=as_json)
            try:
                inventory = flow.inspect(host)
                if inventory.system.installed:
                    raise ApplianceError("this node is installed already", "change it with `trivet apply`")
                plan = flow.plan(inventory, spec)
                if digest != plan.digest:
                    raise StalePlan("this machine is not what it was when you agreed", "look at the plan again")
            except ApplianceError as error:
                emit(Failed(message=error.message, hint=error.hint))
                return error.exit_code
            journal.plan(plan)
            try:
                flow.apply(plan, host, emit)
            except ApplianceError as error:  # apply has said it
                return error.exit_code
        if device := _state(plan):
            slots.keep_logs(host, device, {journal.path.name: host.files.read(str(journal.path)) or ""})
    return 0


def leave(kind: str) -> None:
    """Restart into what was installed, or switch off."""
    # --force: all that was written is on the disk and was read back; the live system's services need no farewell.
    live().run(["systemctl", "reboot" if kind == "restart" else kind, "--force"])


def _install(answer: Answer, host: Host, options: Options, screen: Screen) -> None:
    screen.say(f"Answer: {answer.source}")
    spec = load_spec(answer.text)
    plan = flow.plan(flow.inspect(host), spec)
    screen.say("", *render.plan_text(plan).splitlines(), "")
    if not plan.steps:
        screen.say(f"{spec.node.name} is installed here already. Remove the medium and restart.")
        if options.report:  # nobody stands here, and the server has it start from its disk from now on
            with Reporter(options) as reporter:
                reporter.state("rebooting")
            _then(spec.install or InstallSpec(), screen)
        return
    with Reporter(options) as reporter:
        _apply(plan, spec, answer, screen, reporter)
        _keep(plan, host, options, screen)
        reporter.state("rebooting")
    _then(spec.install or InstallSpec(), screen)


def _answer(host: Host, options: Options, screen: Screen) -> Answer | None:
    host.udev.settle()
    recorded = False

    def inventory() -> str:
        """Asked for when there is an address, and again at each try: the record goes there at the first."""
        nonlocal recorded
        found: list[Inventory] = []
        if options.record and not recorded:
            record(host, options, lambda doors: found.append(flow.inspect(doors)))
            recorded = True
        return (found or [flow.inspect(host)])[0].model_dump_json()

    finder = answers.Finder(host, options, inventory, screen.say)
    return finder.wait() if options.mode == "unattended" else finder.find()


def _apply(plan: Plan, spec: Spec, answer: Answer, screen: Screen, reporter: Reporter) -> None:
    host = live(spec.secrets | {"spec": answer.text})
    begun = time.monotonic()
    with Journal("install", LOGS) as journal:
        journal.plan(plan)

        def emit(event: Event) -> None:
            journal.event(event)
            screen.event(event)
            reporter.event(event)

        flow.apply(plan, host, emit)
    screen.say("", f"{spec.node.name} is installed, after {time.monotonic() - begun:.0f} s.")
    _keep_logs(plan, host, journal.path, screen)


def _keep_logs(plan: Plan, host: Host, journal: Path, screen: Screen) -> None:
    """On the node that was just installed. That it has no log is no reason to call it not installed."""
    device = _state(plan)
    if device is None:
        return
    texts = {journal.name: host.files.read(str(journal)) or "", f"{journal.stem}.log": screen.transcript}
    try:
        slots.keep_logs(host, device, texts)
    except ApplianceError as error:
        screen.say(f"Its log could not be kept: {error}")


def _keep(plan: Plan, host: Host, options: Options, screen: Screen) -> None:
    """What the node needs to say to the server of its rack that it has come up. Without it, it says nothing there."""
    device = _state(plan)
    if device is None or not options.report:
        return
    whom = ReportTo(url=options.report, fingerprint=options.fingerprint, token=options.token, peers=options.peers)
    try:
        slots.keep_report(host, device, whom.model_dump_json() + "\n")
    except ApplianceError as error:
        screen.say(f"It will not report to {options.report}: {error}")


def _state(plan: Plan) -> str | None:
    return next((step.device for step in plan.steps if isinstance(step, SaveSpec)), None)


def _then(install: InstallSpec, screen: Screen) -> None:
    poweroff = install.then == "poweroff"
    screen.say("Switching off." if poweroff else "Restarting from its own disk; the medium can be removed.")
    leave("poweroff" if poweroff else "restart")
