# SPDX-License-Identifier: Apache-2.0
"""A node that a rack's server has installed says there that it has come up: that it joins, is ready, or why it is neither.

It does so until it was heard as ready, or for an hour; the next start tries again. Then its credential is removed. Until it is
in its cluster it asks for its token, and a node that founds one makes tokens for an hour (node/admission.py).
"""

import contextlib
import json
import logging
import threading
import time
from contextlib import ExitStack

from pydantic import ValidationError

from appliance.errors import AnswerError, ApplianceError
from appliance.host.host import Host
from appliance.host.live import live
from appliance.installer import fetch
from appliance.installer.answers import Options
from appliance.installer.report import tell
from appliance.model.answer import REPORT, ReportTo
from appliance.model.status import Status
from appliance.node import admission
from appliance.node.slot import served
from appliance.node.status import status

log = logging.getLogger("trivet.report")
PLACE = f"/var/lib/trivet/{REPORT}"
_HOUR, _PAUSE, _PAUSE_MAX = 3600.0, 5.0, 60.0
_thread: threading.Thread | None = None


def begin(host: Host) -> None:
    """Have a thread say it, where there is somebody to say it to."""
    global _thread  # noqa: PLW0603 - one thread for the life of trivetd, which calls this after each plan
    whom = read(host)
    if whom and (_thread is None or not _thread.is_alive()):
        _thread = threading.Thread(target=_report, args=[whom], daemon=True, name="report")
        _thread.start()


def read(host: Host) -> ReportTo | None:
    """To whom; None for nobody, and for what nobody could have meant."""
    text = host.files.read(PLACE)
    try:
        return ReportTo.model_validate_json(text) if text else None
    except ValidationError:
        return None


def words(found: Status) -> tuple[str, str]:
    """The state of the board that a node is in, and why. Pure."""
    waits = [str(pending) for pending in found.pending if pending.where.startswith("cluster")]
    if waits and found.state != "failed":  # it tries again and again, whatever has failed
        return "joining", (found.boot.failed if found.boot else "") or waits[0]
    if found.state == "failed" or (found.boot and found.boot.failed):
        problems = [str(problem) for problem in found.problems]
        return "failed", "; ".join(problems) or (found.boot.failed if found.boot else "")
    return "ready", ""


def _report(whom: ReportTo) -> None:
    options = Options(report=whom.url, fingerprint=whom.fingerprint, token=whom.token)
    said, pause, end = ("", ""), _PAUSE, time.monotonic() + _HOUR
    while time.monotonic() < end:
        host = live()
        try:
            now = words(status(host))
            if now[0] == "ready":
                _ready(host, whom, options)
                return
            if now[0] == "joining" and (missing := admission.admitted(host, whom)):
                now = ("joining", missing)
            if now != said:
                tell(options, [json.dumps({"state": now[0], "cause": now[1]})])
            said = now
        except fetch.TryAgain:
            pass  # it restarts, or the network is still to come
        except AnswerError:
            host.files.remove(PLACE)  # it does not know us any more
            return
        except ApplianceError:
            pass  # this node cannot say yet what it is
        time.sleep(pause)
        pause = _PAUSE if said[0] == "joining" else min(2 * pause, _PAUSE_MAX)


def _ready(host: Host, whom: ReportTo, options: Options) -> None:
    """Say so, serve the slot to others where that is wanted, and let them into the cluster that this node founds.

    A node that cannot is ready all the same.
    """
    with ExitStack() as stack:
        extra: dict[str, object] = {}
        if whom.peers:
            try:
                extra = {"sha256": stack.enter_context(served(host, whom)), "serves": whom.peers}
            except (ApplianceError, OSError) as error:
                log.warning("this node does not serve its slot: %s", error)
        tell(options, [json.dumps({"state": "ready", "cause": "", **extra})])
        founds, end = admission.founder(host), time.monotonic() + _HOUR
        if not founds:
            host.files.remove(PLACE)
        while (founds or extra) and time.monotonic() < end:
            if founds:
                with contextlib.suppress(ApplianceError):  # the server is away, or etcd; the next one may be heard
                    admission.admit(live(), whom)
            time.sleep(_PAUSE)
        host.files.remove(PLACE)
