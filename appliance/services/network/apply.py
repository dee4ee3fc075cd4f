# SPDX-License-Identifier: Apache-2.0
"""The effects on the node's own network, through systemd-networkd."""

import configparser
import time
from collections.abc import Callable, Iterable

from appliance.engine.apply import Handler, Report
from appliance.errors import StalePlan, StepFailed
from appliance.host.host import Host
from appliance.model.network import Device, Vf, VfPool
from appliance.model.plan import (
    ConfigureNetwork,
    ConfigureOvn,
    ConfigureVfs,
    ForgetDatabases,
    KeepPorts,
    LoadFirewall,
    OfferVfs,
    VfWish,
)
from appliance.services.network import central, hostdev, switch
from appliance.services.network.observe import chassis, chosen, devices, firewall, functions, port_name, port_names, tables
from appliance.services.network.ports import PORTS
from appliance.services.network.sriov import agree, pool_of

NETWORKD = "systemd-networkd.service"
_OVS_VSCTL = ("ovs-vsctl", "--timeout=20")
_SWITCH = ("ovsdb-server.service", "ovs-vswitchd.service")
_CONTROLLER = "ovn-controller.service"
_LOG = "see /var/log/ovn/ovsdb-server-nb.log"
_SYSTEM_ID = "/etc/openvswitch/system-id.conf"
_DEVICES = "/sys/bus/pci/devices"
_SECONDS = 20
"""For the kernel to have what was asked of networkd: bonds and VLANs need no link."""


class _KeepPorts:
    def done(self, step: KeepPorts, host: Host) -> bool:
        return chosen(host) == step.chosen

    def do(self, step: KeepPorts, host: Host, report: Report) -> None:
        host.files.write(PORTS, step.chosen.model_dump_json() + "\n")


class _ConfigureNetwork:
    def done(self, step: ConfigureNetwork, host: Host) -> bool:
        written = all((host.files.read(file.path) or "") == file.content.rstrip() for file in step.files)
        present = _present(host)
        return written and not _missing(step.devices, present) and not switch.surplus(step.devices, present)

    def do(self, step: ConfigureNetwork, host: Host, report: Report) -> None:
        # networkd makes what is not there, and leaves a bond or VLAN that is there as it was made.
        present = _present(host)
        stale = {_device(host.files.read(file.path)) for file in step.files if file.path.endswith(".netdev")}
        stale |= {device.name for device in _missing(step.devices, present)}
        for file in step.files:
            if file.content:
                host.files.write(file.path, file.content)
            else:
                host.files.remove(file.path)
        # Before the kernel's: a plane's interface has the same name whoever has it.
        if gone := switch.removal(switch.surplus(step.devices, present)):
            host.run([*_OVS_VSCTL, *gone])
        for name in sorted(stale & {device.name for device in present if not device.switched}):
            host.run(["ip", "link", "delete", name])
        # What it has made once and lost since, networkd makes again only when it starts.
        host.run(["systemctl", "restart" if stale - {""} else "try-reload-or-restart", NETWORKD])
        if words := switch.transaction(step.devices, present, port_names(host.netlink.links()), _datapath(host)):
            _start_switch(host)
            host.run([*_OVS_VSCTL, *words])

        def not_yet() -> str:
            names = ", ".join(device.name for device in _missing(step.devices, _present(host)))
            return names and f"{names} is not as it was asked for"

        _wait(not_yet, f"see `journalctl -u {NETWORKD}`")


class _ConfigureOvn:
    def done(self, step: ConfigureOvn, host: Host) -> bool:
        return chassis(host, tables(host)) == step.chassis

    def do(self, step: ConfigureOvn, host: Host, report: Report) -> None:
        if step.chassis is None:
            host.run(["systemctl", "stop", _CONTROLLER, *reversed(central.UNITS)])
            return
        _start_switch(host)
        central.settle(host, step.chassis)
        host.run([*_OVS_VSCTL, *switch.membership(step.chassis, _datapath(host))])
        host.run(["systemctl", "start", _CONTROLLER])
        _wait(lambda: "" if self.done(step, host) else "OVN does not know this node", "see /var/log/ovn/ovn-controller.log")


class _ForgetDatabases:
    def done(self, step: ForgetDatabases, host: Host) -> bool:
        return not any(step.address in central.members(host, port) for port in central.PORTS)

    def do(self, step: ForgetDatabases, host: Host, report: Report) -> None:
        central.forget(host, step.address)
        _wait(lambda: "" if self.done(step, host) else "OVN's databases still count on it", _LOG)


class _LoadFirewall:
    def done(self, step: LoadFirewall, host: Host) -> bool:
        return firewall(host) == step.digest

    def do(self, step: LoadFirewall, host: Host, report: Report) -> None:
        host.run(["nft", "--file", "-"], stdin=step.content)


class _ConfigureVfs:
    """In the one order that works on every driver: port up, none, so many, attributes, and only then drivers."""

    def done(self, step: ConfigureVfs, host: Host) -> bool:
        return agree(step.vfs, functions(host, step.pci))

    def do(self, step: ConfigureVfs, host: Host, report: Report) -> None:
        port = port_name(host, step.pci)
        if not port:
            raise StalePlan(f"there is no port at {step.pci} any more", "see what there is with `trivet inspect`, and plan again")
        host.run(["ip", "link", "set", port, "up"])
        sys = f"{_DEVICES}/{step.pci}"
        if len(functions(host, step.pci)) != len(step.vfs):
            host.files.write(f"{sys}/sriov_drivers_autoprobe", "0")
            host.files.write(f"{sys}/sriov_numvfs", "0")  # a driver changes the number only by way of none
            if step.vfs:
                host.files.write(f"{sys}/sriov_numvfs", str(len(step.vfs)))
                last = f"{sys}/virtfn{len(step.vfs) - 1}"
                _wait(lambda: "" if host.files.link(last) else "the virtual functions have not appeared", "see `dmesg`")
        pairs = list(zip(step.vfs, functions(host, step.pci), strict=True))
        for wish, vf in pairs:
            for name, value in wish.attributes.items():
                if getattr(vf, name) != value:
                    host.run(["ip", "link", "set", port, "vf", str(vf.index), *_words(name, value, wish)])
        # Said before the kernel's drivers may have them: udev has begun to load one, which takes all that nobody else has.
        for wish, vf in pairs:
            host.files.write(f"{_DEVICES}/{vf.pci}/driver_override", "vfio-pci" if wish.driver == "vfio-pci" else "\n")
        host.files.write(f"{sys}/sriov_drivers_autoprobe", "1")  # without it the kernel lets none of its drivers have them
        for wish, vf in pairs:
            _drive(host, vf, wish.driver)


class _OfferVfs:
    """A network of libvirt without a definition: made at each boot, as what it is made of is."""

    def done(self, step: OfferVfs, host: Host) -> bool:
        wished = pool_of(step.pci, functions(host, step.pci))
        return next((p for p in hostdev.pools(host) if p.name == step.pool), VfPool(name=step.pool, functions=())) == wished

    def do(self, step: OfferVfs, host: Host, report: Report) -> None:
        if any(pool.name == step.pool for pool in hostdev.pools(host)):
            host.run(["virsh", "--quiet", "net-destroy", step.pool])
        pool = pool_of(step.pci, functions(host, step.pci))
        if pool.functions:
            host.run(["systemctl", "start", "libvirtd.socket"])
            host.run(["virsh", "--quiet", "net-create", "/dev/stdin"], stdin=hostdev.document(pool))


def _words(name: str, value: object, wish: VfWish) -> list[str]:
    """An attribute as `ip link set ... vf N` takes it."""
    match name:
        case "trust" | "spoofchk":
            return [name, "on" if value else "off"]
        case "link":
            return ["state", {"auto": "auto", "up": "enable", "down": "disable"}[str(value)]]
        case "vlan" | "qos":
            return ["vlan", str(wish.attributes["vlan"]), "qos", str(wish.attributes.get("qos", 0))]
        case "min_rate" | "max_rate":
            rates = {f"{end}_tx_rate": str(wish.attributes.get(f"{end}_rate", 0)) for end in ("max", "min")}
            return [word for pair in rates.items() for word in pair]
        case _:
            return [name, str(value)]


def _drive(host: Host, vf: Vf, driver: str) -> None:
    """Give a virtual function to a driver: vfio-pci by name, the kernel's by letting it choose."""
    sys = f"{_DEVICES}/{vf.pci}"
    present = (host.files.link(f"{sys}/driver") or "").rpartition("/")[2]
    if (driver == "kernel" and present not in ("", "vfio-pci")) or present == driver:
        return
    if driver == "vfio-pci":
        host.run(["modprobe", "vfio-pci"])
    if present:
        host.files.write(f"{sys}/driver/unbind", vf.pci)
    host.files.write("/sys/bus/pci/drivers_probe", vf.pci)


def _wait(not_yet: Callable[[], str], hint: str) -> None:
    """Until there is nothing that is not yet so. StepFailed with its sentence when the time is over."""
    end = time.monotonic() + _SECONDS
    while sentence := not_yet():
        if time.monotonic() > end:
            raise StepFailed(f"{sentence} after {_SECONDS} s", hint)
        time.sleep(0.1)


def _present(host: Host) -> tuple[Device, ...]:
    return devices(tables(host), host.netlink.links())


def _missing(wished: Iterable[Device], present: Iterable[Device]) -> list[Device]:
    """Those that are not there, or not so."""
    there = set(present)
    return [device for device in wished if device not in there]


def _datapath(host: Host) -> str:
    """The kernel's, but in a container node, whose kernel is another machine's and may have none."""
    words = (host.files.read("/proc/cmdline") or "").split()
    return "netdev" if "trivet.container=1" in words else "system"


def _start_switch(host: Host) -> None:
    host.files.write(_SYSTEM_ID, f"{host.files.read('/proc/sys/kernel/hostname')}\n")  # or it invents another at each start
    host.run(["systemctl", "start", *_SWITCH])


def _device(netdev: str | None) -> str:
    """The name of what a .netdev file makes; "" for no file."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(netdev or "")
    return parser.get("NetDev", "name", fallback="")


HANDLERS: dict[type, Handler] = {
    ConfigureNetwork: _ConfigureNetwork(),
    ConfigureOvn: _ConfigureOvn(),
    ConfigureVfs: _ConfigureVfs(),
    ForgetDatabases: _ForgetDatabases(),
    KeepPorts: _KeepPorts(),
    LoadFirewall: _LoadFirewall(),
    OfferVfs: _OfferVfs(),
}
