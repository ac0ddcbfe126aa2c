"""Authorities, and the certificates that they issue, for the tests of TLS."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOUR = dt.timedelta(hours=1)
NAMES = ("127.0.0.1", "localhost", "crm.example")


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: str
    private_key: str
    made: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def server_context(self, directory: Path, client_ca: str | None = None) -> ssl.SSLContext:
        """What a target shows; with `client_ca` it asks who the client is, and refuses whom that did not issue."""
        path = directory / f"{self.made.serial_number}.pem"
        path.write_text(self.certificate + self.private_key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_ca)
        return context


class Authority:
    """Issues certificates; its own is self-signed."""

    def __init__(self, name: str) -> None:
        self._issued = _issue(name, None, ca=True)
        self.pem = self._issued.certificate

    def issue(
        self,
        name: str,
        hosts: tuple[str, ...] = NAMES,
        begins: dt.timedelta = -HOUR,
        ends: dt.timedelta = HOUR,
    ) -> Issued:
        """A certificate for these hosts (none: of a client), valid between moments counted from now."""
        return _issue(name, self._issued, hosts=hosts, begins=begins, ends=ends)


def self_signed(name: str) -> Issued:
    """A certificate that nobody but itself vouches for."""
    return _issue(name, None, hosts=NAMES)


def _issue(
    name: str,
    issuer: Issued | None,
    *,
    ca: bool = False,
    hosts: tuple[str, ...] = (),
    begins: dt.timedelta = -HOUR,
    ends: dt.timedelta = HOUR,
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.made.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in hosts]), critical=False)
    made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return Issued(made.public_bytes(pem).decode(), private, made, key)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
