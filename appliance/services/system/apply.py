# SPDX-License-Identifier: Apache-2.0
"""The effects on the running system: its name, time, password, files and units."""

from appliance.engine.apply import Handler, Report
from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.document import load_spec
from appliance.model.plan import RenderFile, ReplaceSpec, SetHostname, SetPassword, SetTimezone, SetUnit
from appliance.model.rendered import digest
from appliance.services.system.observe import SPEC, hostname, password, timezone

ZONES = "/usr/share/zoneinfo"


class _SetHostname:
    def done(self, step: SetHostname, host: Host) -> bool:
        return hostname(host) == step.name

    def do(self, step: SetHostname, host: Host, report: Report) -> None:
        host.files.write("/etc/hostname", step.name + "\n")
        # Not hostnamectl: it needs D-Bus, and the name is wanted before there is one.
        host.files.write("/proc/sys/kernel/hostname", step.name)


class _SetTimezone:
    def done(self, step: SetTimezone, host: Host) -> bool:
        return timezone(host) == step.zone

    def do(self, step: SetTimezone, host: Host, report: Report) -> None:
        if host.files.real(f"{ZONES}/{step.zone}") is None:
            raise StepFailed(f"there is no time zone {step.zone}", "node.timezone takes a name such as Asia/Shanghai")
        host.run(["ln", "-sfn", f"{ZONES}/{step.zone}", "/etc/localtime"])


class _SetPassword:
    def done(self, step: SetPassword, host: Host) -> bool:
        return password(host) == step.fingerprint

    def do(self, step: SetPassword, host: Host, report: Report) -> None:
        if not step.fingerprint:
            host.run(["usermod", "--lock", "root"])
            return
        secret = host.secrets.get("admin.password_hash", "")
        if digest(secret) != step.fingerprint:
            raise StepFailed("the password hash at hand is not the one that was planned", "plan again")
        host.run(["chpasswd", "--encrypted"], stdin=f"root:{secret}\n")


class _RenderFile:
    def done(self, step: RenderFile, host: Host) -> bool:
        return (host.files.read(step.path) or "") == step.content.rstrip()

    def do(self, step: RenderFile, host: Host, report: Report) -> None:
        if step.content:
            host.files.write(step.path, step.content, step.mode)
        else:
            host.files.remove(step.path)
        for unit in step.reload:
            host.run(["systemctl", "try-reload-or-restart", unit])


class _SetUnit:
    def done(self, step: SetUnit, host: Host) -> bool:
        return running(host, step.unit) == step.running

    def do(self, step: SetUnit, host: Host, report: Report) -> None:
        host.run(["systemctl", "start" if step.running else "stop", step.unit])


class _ReplaceSpec:
    def done(self, step: ReplaceSpec, host: Host) -> bool:
        text = host.files.read(SPEC)
        return text is not None and load_spec(text).digest == step.digest

    def do(self, step: ReplaceSpec, host: Host, report: Report) -> None:
        host.files.write(SPEC, host.secrets["spec"], 0o600)


HANDLERS: dict[type, Handler] = {
    SetHostname: _SetHostname(),
    SetTimezone: _SetTimezone(),
    SetPassword: _SetPassword(),
    RenderFile: _RenderFile(),
    SetUnit: _SetUnit(),
    ReplaceSpec: _ReplaceSpec(),
}
