# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates, in this process: no key meets a command line, and what is text here is written by the files door.

ECDSA P-256 everywhere. A cluster has an authority of its own for ten years; each node's certificate lives 90 days and is for
both ends of a connection. What a request asks for is not believed: who signs says which names and addresses are in it.
"""

import datetime
import hashlib
import ipaddress
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.errors import ApplianceError

_NODE, _AUTHORITY, RENEW = 90, 3650, 30
"""Days: of a node's certificate, of the authority's, and how many are left when a node's is renewed."""
_EARLY = datetime.timedelta(minutes=5)
"""A certificate is good a little before it was made: no two clocks are the same."""
LOCAL = ("127.0.0.1", "::1")


def make_key() -> str:
    """A new private key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def make_authority(cluster: str, key: str) -> str:
    """The certificate of a cluster's authority, over its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Trivet cluster {cluster}")])
    private = _key(key)
    use = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = (
        _builder(name, name, private.public_key(), _AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(use, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
    )
    return _text(builder.sign(private, hashes.SHA256()))


def make_request(key: str, name: str) -> str:
    """A request for a certificate; it proves that who asks has the key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(_key(key), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def sign(authority: str, key: str, request: str, name: str, addresses: Iterable[str]) -> str:
    """A node's certificate. ApplianceError when the request is none, or somebody else's."""
    issuer, private = _certificate(authority), _key(key)
    try:
        asked = x509.load_pem_x509_csr(request.encode())
    except ValueError:
        raise ApplianceError("what was sent is no request for a certificate") from None
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise ApplianceError("the request for a certificate is not signed with its own key")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    places = dict.fromkeys((*addresses, *LOCAL))
    names = [x509.DNSName(name), x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(place)) for place in places)]
    builder = (
        _builder(subject, issuer.subject, public, _NODE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(private.public_key()), critical=False)
    )
    return _text(builder.sign(private, hashes.SHA256()))


def fingerprint(text: str) -> str:
    """SHA-256 of a certificate, or of the public key of a request: 64 hexadecimal digits."""
    if "REQUEST" in text:
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(x509.load_pem_x509_csr(text.encode()).public_key().public_bytes(*form)).hexdigest()
    return hashlib.sha256(_certificate(text).public_bytes(serialization.Encoding.DER)).hexdigest()


def shown(digits: str) -> str:
    """A fingerprint as two people compare it: the first half, in groups of four."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits) // 2, 4)).upper()


def days_left(text: str, now: datetime.datetime | None = None) -> float:
    """Until a certificate ends."""
    return (_certificate(text).not_valid_after_utc - (now or _now())) / datetime.timedelta(days=1)


def is_for(text: str, authority: str, name: str, addresses: Iterable[str]) -> bool:
    """Is this a certificate of that authority, for that name and all these addresses?"""
    try:
        found, issuer = _certificate(text), _certificate(authority)
        found.verify_directly_issued_by(issuer)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    there = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return name in names.get_values_for_type(x509.DNSName) and {str(ipaddress.ip_address(a)) for a in addresses} <= there


def whose(der: bytes) -> str:
    """The name in a certificate that TLS has verified; "" for none."""
    found = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = _now()
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _key(text: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(text.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ApplianceError("this private key is not of the kind that Trivet makes")
    return key


def _certificate(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
