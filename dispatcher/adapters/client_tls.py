"""Certificates and authorities of a request's own (`domain.exchange.Tls`), for both senders.

Both must be sure that a key belongs to its certificate before they use them: a pool of connections tells two clients
apart by the certificate, which is public, and so the proof that somebody owns it must not be left to the handshake.
"""

import os
import secrets
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from urllib3.util.ssl_ import create_urllib3_context

from dispatcher.adapters.client_certificates import read_tls
from dispatcher.domain.credentials.spec import TlsRefused
from dispatcher.domain.exchange import Tls

_CHECKED = 1_024  # Credentials with a certificate of their own: more than a busy site has. A check takes 0.2 to 20 ms.


class TlsUnusable(Exception):
    """A certificate, key or authority that no connection can be made with. The text quotes nothing of it."""


def check_tls(tls: Tls) -> None:
    """Raises TlsUnusable for what cannot be used; each is looked at once."""
    reason = _fault(tls)
    if reason is not None:
        raise TlsUnusable(reason)


@lru_cache(maxsize=_CHECKED)
def _fault(tls: Tls) -> str | None:
    try:
        read_tls(tls)
    except TlsRefused as refused:
        return f"the credential's {refused.member} cannot be used: expected {refused.reason}"
    return None


def make_context(ca_file: str, tls: Tls | None = None) -> ssl.SSLContext:
    """Whom to trust, and who we are. Raises TlsUnusable.

    What libcurl does is done here too, or the two senders would differ in whom they trust: a certificate in the bundle
    is trusted even where it is no root, and an authority without the newer extensions is one all the same.
    """
    context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls is not None:
        check_tls(tls)
    try:
        if tls is not None and tls.ca is not None:
            context.load_verify_locations(cadata=tls.ca)
        else:
            context.load_verify_locations(ca_file)
        if tls is not None and tls.certificate is not None and tls.private_key is not None:
            _load_client(context, tls.certificate, tls.private_key)
    except ssl.SSLError as error:
        raise TlsUnusable("the credential's certificates cannot be used") from error
    return context


def _load_client(context: ssl.SSLContext, certificate: str, private_key: str) -> None:
    """Python's `ssl` reads files alone. What is on the disk for a moment is locked with a password nobody keeps."""
    password = secrets.token_bytes(32).hex()
    key = load_pem_private_key(private_key.encode(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
    descriptor, path = tempfile.mkstemp(prefix="onhook-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.encode() + b"\n" + locked)
        context.load_cert_chain(path, password=password)
    finally:
        Path(path).unlink()
