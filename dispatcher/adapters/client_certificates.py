"""Certificates and keys as administrators paste them: checked before they are saved, and described afterwards."""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from dispatcher.domain.credentials.spec import TlsRefused
from dispatcher.domain.exchange import Tls

MAX_CERTIFICATES = 50
_NO_CERTIFICATE = "one or more certificates in PEM (-----BEGIN CERTIFICATE-----)"
_NO_KEY = "a private key in PEM"


def read_tls(tls: Tls) -> dict[str, Any]:
    """As `domain.credential_spec.ReadTls`: subject, issuer, validity and SHA-256 fingerprint of each certificate.

    An expired certificate is no fault here: it may be there to be replaced, and the handshake says so.
    """
    chain = _certificates(tls.certificate, "certificate")
    trusted = _certificates(tls.ca, "ca")
    if chain and tls.private_key is None:
        raise TlsRefused("private_key", "the private key of the certificate")
    if tls.private_key is not None:
        key = _key(tls.private_key)
        if not chain:
            raise TlsRefused("certificate", "the certificate of the private key")
        if _bytes_of(chain[0].public_key()) != _bytes_of(key.public_key()):
            raise TlsRefused("private_key", "the private key that belongs to the first certificate")
    return {
        "certificate": _described(chain[0]) if chain else None,
        "ca": [_described(each) for each in trusted],
    }


def _certificates(pem: str | None, member: str) -> Sequence[x509.Certificate]:
    if pem is None:
        return []
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        for each in found:
            _described(each)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise TlsRefused(member, _NO_CERTIFICATE) from None
    if len(found) > MAX_CERTIFICATES:
        raise TlsRefused(member, f"at most {MAX_CERTIFICATES} certificates")
    return found


def _key(pem: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise TlsRefused(
            "private_key", f"{_NO_KEY} without a passphrase: it is encrypted here, with all else"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsRefused("private_key", _NO_KEY) from None


def _bytes_of(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _described(certificate: x509.Certificate) -> dict[str, Any]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "valid_from": certificate.not_valid_before_utc,
        "expires_at": certificate.not_valid_after_utc,
        "sha256": certificate.fingerprint(SHA256()).hex(),
    }
