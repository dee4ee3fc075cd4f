# SPDX-License-Identifier: Apache-2.0
"""A VM's firmware does what its document says, in the words of the guest's kernel."""

from __future__ import annotations

from tests.vm import bootable
from tests.vm.containers import ContainerLab
from tests.vm.guest import Guest
from tests.vm.stories.test_vms import make, node_with_vms
from tests.vm.story import story


@story("secure-boot-in-guest")
def test_secure_boot_in_guest(containers: ContainerLab) -> None:
    """What is signed starts, and has a TPM, which keeps what it has when the VM is off; what is not signed does not start."""
    node = node_with_vms(containers)
    for name, shim in (("signed", True), ("unsigned", False)):
        bootable.make(node.state / f"{name}.img", shim=shim)
        node.run(f"trivet image add /var/lib/trivet/{name}.img && rm /var/lib/trivet/{name}.img", timeout=120)
        firmware = {"firmware": "secure-boot", "tpm": True, "memory": {"size": "320MiB"}}
        make(node, "vm", name=name, disks=[{"image": f"{name}.img"}], boot=["disk"], **firmware)
    node.run("trivet vm start signed", timeout=120)
    guest = Guest(node, "signed").wait(900)
    said = guest.run("dmesg | grep -i -E 'secure ?boot|locked down|tpm'")
    assert "Secure boot enabled" in said, said
    assert "locked down from EFI Secure Boot" in said, said
    assert guest.run("cat /sys/class/tpm/tpm0/tpm_version_major") == "2"
    owner = node.run("etcdctl get --print-value-only /trivet/v1/vms/signed | grep -o '\"uuid\":\"[^\"]*' | cut -d '\"' -f 4")
    node.run("trivet vm stop signed", timeout=120)
    assert node.run(f"stat -c %s /var/lib/libvirt/swtpm/{owner}/tpm2/tpm2-00.permall") != "0", "what it keeps, without the VM"

    node.run("trivet vm start unsigned", timeout=120)
    log = "trivet vm console unsigned --log | tr -d '\\0'"
    node.run(f"until {log} | grep -q -E 'Access Denied|Security Violation'; do sleep 2; done", timeout=300)
    assert "guest: begins" not in node.run(log)
    node.run("trivet vm stop unsigned --force && trivet vm delete signed", timeout=60)
    node.run("trivet vm purge signed --yes")
    assert not node.output(f"test -e /var/lib/libvirt/swtpm/{owner}").ok, "it goes with the VM"
