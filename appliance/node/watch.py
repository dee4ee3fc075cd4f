# SPDX-License-Identifier: Apache-2.0
"""trivetd's look at the network: every half a minute, into /run/trivet/health.json. What goes wrong here is an alert, too."""

import sys
from collections import deque
from collections.abc import Callable

from appliance.host.host import Host
from appliance.model.netreport import Alert, Health, NetworkReport
from appliance.node.health import HEALTH
from appliance.node.published import uptime
from appliance.node.status import followed
from appliance.services.network import health, probe, report


class Watch:
    """Remembers so much of the last minutes as the thresholds are about, and whom each cable led to."""

    def __init__(self) -> None:
        self._reports: deque[tuple[float, NetworkReport]] = deque()
        self._cables: dict[str, str] = {}
        self._said: tuple[Alert, ...] = ()
        self.tunnels = ""
        """Where they are to end, as the last look has it."""

    def look(self, host: Host, stop: Callable[[], bool]) -> None:
        """Write what there is to say; never raises. `stop` is asked every two seconds at least, and keeps the last look."""
        try:
            found = self._alerts(host, stop)
        except Exception as error:  # whatever it is, it must not end the service that holds the node
            message = f"the network could not be looked at: {str(error) or type(error).__name__}"
            found = (Alert(where="trivetd", severity="warning", message=message, hint="see `journalctl -u trivetd`"),)
        if found is None:
            return
        said = {_subject(alert) for alert in self._said}
        for alert in found:
            if _subject(alert) not in said:
                print(alert, file=sys.stderr)
        self._said = found
        try:
            host.files.write(HEALTH, Health(at=uptime(host), alerts=found).model_dump_json() + "\n")
        except Exception as error:  # as above
            print(f"{HEALTH} cannot be written: {error}", file=sys.stderr)

    def _alerts(self, host: Host, stop: Callable[[], bool]) -> tuple[Alert, ...] | None:
        """None when it was stopped."""
        spec, _ = followed(host)
        now = self._remember(report.report(host, report.ports(host), spec), uptime(host))
        self.tunnels = now.tunnels
        found: list[probe.Answer] = []
        for answer in probe.probe(host, now):
            found += [answer] if answer else []
            if stop():
                return None
        return health.alerts(now, probe.gathered(found), self._reports[0][1])

    def _remember(self, now: NetworkReport, at: float) -> NetworkReport:
        """The report, with the names of neighbours that are silent because their cable is out."""
        uplinks = []
        for uplink in now.uplinks:
            ports = []
            for port in uplink.ports:
                if port.cable_to:
                    self._cables[port.mac] = port.cable_to
                known = "" if port.link else self._cables.get(port.mac, "")
                ports.append(port.model_copy(update={"cable_to": port.cable_to or known}))
            uplinks.append(uplink.model_copy(update={"ports": tuple(ports)}))
        named = now.model_copy(update={"uplinks": tuple(uplinks)})
        self._reports.append((at, named))
        while self._reports[0][0] < at - health.WINDOW:
            self._reports.popleft()
        return named


def _subject(alert: Alert) -> tuple[str, str]:
    """What the log has one line about, although the numbers in its sentence change with each look."""
    return alert.where, alert.hint
