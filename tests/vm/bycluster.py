# SPDX-License-Identifier: Apache-2.0
"""A cluster laid by hand into container nodes: what a join would have left in each of them, before it plans and applies.

The engines have to grow from these files alone, whoever has written them.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.model.cluster import ClusterDocument, Member
from tests.vm.containers import ContainerNode
from tests.vm.nspawn import machine_id

_DAYS = datetime.timedelta(days=90)
_KEYRING = "persist/var/lib/ceph/admin/keyring"


class Authority:
    """The cluster's CA, in this process."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab")])
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def write(self, folder: Path, name: str, *addresses: str) -> None:
        """A node's files: the CA's certificate, its own, its key."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [
            *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses),
            x509.DNSName(name),
            x509.DNSName("localhost"),
        ]
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = self._builder(subject, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(both, critical=False)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for file, content in (
            ("ca.crt", self._certificate.public_bytes(serialization.Encoding.PEM)),
            ("node.crt", builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)),
            ("node.key", private),
        ):
            (folder / file).write_bytes(content)
            (folder / file).chmod(0o600)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + _DAYS)
        )


def member(serial: int, node: ContainerNode, address: str, *, control: bool = True, overlay: str | None = None) -> Member:
    name = node.node.name
    return Member(name=name, machine_id=machine_id(name), serial=serial, address=address, storage=address, overlay=overlay,
                  control=control)  # fmt: skip


def know(document: ClusterDocument, *nodes: ContainerNode) -> None:
    """Have these nodes know the cluster as it is now."""
    for node in nodes:
        (node.state / "cluster").mkdir(exist_ok=True)
        (node.state / "cluster" / "cluster.json").write_text(document.model_dump_json())


def hand_over(first: ContainerNode, other: ContainerNode) -> None:
    """The pool's key."""
    target = other.state / _KEYRING
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((first.state / _KEYRING).read_bytes())
    target.chmod(0o600)
