"""What is set on an easy handle: once for all its exchanges, and anew for each."""

import pycurl

from dispatcher.adapters.client_tls import check_tls
from dispatcher.adapters.name_gate import CACHE_SECONDS
from dispatcher.domain.exchange import Tls

_MAX_IDLE_SECONDS = 50  # Below the 60 s after which common load balancers drop an idle connection.
_MAX_CONNECTION_SECONDS = 600  # So that a target that moved to another address is found again.

STATIC_OPTIONS = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.PROXY, ""),  # The empty string also keeps libcurl from looking into the environment.
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.ACCEPT_ENCODING, ""),
    (pycurl.DNS_CACHE_TIMEOUT, CACHE_SECONDS),
    (pycurl.MAXAGE_CONN, _MAX_IDLE_SECONDS),
    (pycurl.MAXLIFETIME_CONN, _MAX_CONNECTION_SECONDS),
)
"""What is the same for every exchange of a handle."""


def set_method(curl: pycurl.Curl, method: str, body: bytes | None) -> None:
    """Without a body POST, PUT and PATCH still say `Content-Length: 0` (RFC 9110, 8.6); GET and DELETE say nothing."""
    if body is None and method in ("GET", "DELETE"):
        curl.setopt(pycurl.HTTPGET, 1)
    else:
        curl.setopt(pycurl.POSTFIELDS, body or b"")
    curl.setopt(pycurl.CUSTOMREQUEST, method)


def set_tls(curl: pycurl.Curl, tls: Tls) -> None:
    """For a handle of single use. Raises TlsUnusable.

    libcurl shares a connection only under the same certificate and authority; that the same certificate means the same
    key, `check_tls` sees to.
    """
    check_tls(tls)
    curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)  # Nor may a session be resumed that another client began.
    if tls.ca is not None:
        curl.setopt(pycurl.CAINFO_BLOB, tls.ca.encode())
        curl.unsetopt(pycurl.CAPATH)
    if tls.certificate is not None and tls.private_key is not None:
        curl.setopt(pycurl.SSLCERT_BLOB, tls.certificate.encode())
        curl.setopt(pycurl.SSLKEY_BLOB, tls.private_key.encode())


def milliseconds(seconds: float) -> int:
    """Of a time-out, for libcurl: to it 0 is "for ever"."""
    return max(1, int(seconds * 1000))
