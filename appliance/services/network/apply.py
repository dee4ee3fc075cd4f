# SPDX-License-Identifier: Apache-2.0
"""The effects on the node's own network, through systemd-networkd."""

import configparser
import time
from collections.abc import Iterable

from appliance.engine.apply import Handler, Report
from appliance.errors import StalePlan, StepFailed
from appliance.host.host import Host
from appliance.model.network import Device, Vf
from appliance.model.plan import ConfigureNetwork, ConfigureVfs, LoadFirewall, VfWish
from appliance.services.network.observe import devices, firewall, functions, port_name
from appliance.services.network.sriov import agree

NETWORKD = "systemd-networkd.service"
_DEVICES = "/sys/bus/pci/devices"
_SECONDS = 20
"""For the kernel to have what was asked of networkd: bonds and VLANs need no link."""


class _ConfigureNetwork:
    def done(self, step: ConfigureNetwork, host: Host) -> bool:
        written = all((host.files.read(file.path) or "") == file.content.rstrip() for file in step.files)
        return written and not _missing(step.devices, host)

    def do(self, step: ConfigureNetwork, host: Host, report: Report) -> None:
        # networkd makes what is not there, and leaves a bond or VLAN that is there as it was made.
        stale = {_device(host.files.read(file.path)) for file in step.files if file.path.endswith(".netdev")}
        stale |= {device.name for device in _missing(step.devices, host)}
        for file in step.files:
            if file.content:
                host.files.write(file.path, file.content)
            else:
                host.files.remove(file.path)
        for name in sorted(stale & {device.name for device in devices(host.netlink.links())}):
            host.run(["ip", "link", "delete", name])
        # What it has made once and lost since, networkd makes again only when it starts.
        host.run(["systemctl", "restart" if stale - {""} else "try-reload-or-restart", NETWORKD])
        self._wait(step, host)

    def _wait(self, step: ConfigureNetwork, host: Host) -> None:
        end = time.monotonic() + _SECONDS
        while missing := _missing(step.devices, host):
            if time.monotonic() > end:
                names = ", ".join(device.name for device in missing)
                raise StepFailed(f"{names} is not as it was asked for after {_SECONDS} s", f"see `journalctl -u {NETWORKD}`")
            time.sleep(0.2)


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
                self._wait(host, f"{sys}/virtfn{len(step.vfs) - 1}")
        pairs = list(zip(step.vfs, functions(host, step.pci), strict=True))
        for wish, vf in pairs:
            for name, value in wish.attributes.items():
                if getattr(vf, name) != value:
                    host.run(["ip", "link", "set", port, "vf", str(vf.index), *_words(name, value, wish)])
        host.files.write(f"{sys}/sriov_drivers_autoprobe", "1")  # without it the kernel lets none of its drivers have them
        for wish, vf in pairs:
            _drive(host, vf, wish.driver)

    def _wait(self, host: Host, path: str) -> None:
        end = time.monotonic() + _SECONDS
        while host.files.link(path) is None:
            if time.monotonic() > end:
                raise StepFailed(f"the virtual functions did not appear within {_SECONDS} s", "see `dmesg`")
            time.sleep(0.1)


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
    if driver == "vfio-pci" and vf.driver != "vfio-pci":
        host.run(["modprobe", "vfio-pci"])
    elif (driver == "kernel" and vf.driver not in ("", "vfio-pci")) or vf.driver == driver:
        return
    sys = f"{_DEVICES}/{vf.pci}"
    host.files.write(f"{sys}/driver_override", "vfio-pci" if driver == "vfio-pci" else "\n")
    if vf.driver:
        host.files.write(f"{sys}/driver/unbind", vf.pci)
    host.files.write("/sys/bus/pci/drivers_probe", vf.pci)


def _missing(wished: Iterable[Device], host: Host) -> list[Device]:
    """Those that the kernel has not, or not so."""
    present = set(devices(host.netlink.links()))
    return [device for device in wished if device not in present]


def _device(netdev: str | None) -> str:
    """The name of what a .netdev file makes; "" for no file."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(netdev or "")
    return parser.get("NetDev", "name", fallback="")


HANDLERS: dict[type, Handler] = {
    ConfigureNetwork: _ConfigureNetwork(),
    ConfigureVfs: _ConfigureVfs(),
    LoadFirewall: _LoadFirewall(),
}
