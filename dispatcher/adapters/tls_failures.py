"""Why a TLS handshake failed, in one set of sentences for both senders, as far as OpenSSL tells."""

import re
import ssl

HANDSHAKE_FAILED = "the TLS handshake failed"
UNTRUSTED = "the target's certificate is not trusted"
WRONG_HOST = "the target's certificate is for another host"

_NOT_TLS = "what the target answered is not TLS"
_REFUSES_CERTIFICATE = "the target refused the client certificate"
_NO_COMMON_VERSION = "the target speaks no version of TLS that is allowed (1.2 or newer)"
_SELF_SIGNED = "the target's certificate is self-signed, or of an authority that is"
_UNKNOWN_ISSUER = "the target's certificate is from an issuer that is not trusted"

_BY_VERIFY_CODE = {
    2: _UNKNOWN_ISSUER,
    9: "the target's certificate is not valid yet",
    10: "the target's certificate has expired",
    18: _SELF_SIGNED,
    19: _SELF_SIGNED,
    20: _UNKNOWN_ISSUER,
    21: _UNKNOWN_ISSUER,
    23: "the target's certificate is revoked",
    26: "the target's certificate is not meant for servers",
    62: WRONG_HOST,
    64: WRONG_HOST,
    66: "the target's certificate has too weak a key",
    67: "an authority of the target's certificate has too weak a key",
    68: "the target's certificate has too weak a signature",
}
"""The X509_V_ERR numbers of OpenSSL's x509_vfy.h, which are part of its interface."""

_REASONS = (
    (198, "PACKET_LENGTH_TOO_LONG", _NOT_TLS),
    (258, "UNSUPPORTED_PROTOCOL", _NO_COMMON_VERSION),
    (266, "WRONG_SSL_VERSION", _NO_COMMON_VERSION),
    (267, "WRONG_VERSION_NUMBER", _NOT_TLS),
    (1040, "SSLV3_ALERT_HANDSHAKE_FAILURE", "the target broke off the TLS handshake: it may want a client certificate"),
    (1042, "SSLV3_ALERT_BAD_CERTIFICATE", _REFUSES_CERTIFICATE),
    (1043, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", _REFUSES_CERTIFICATE),
    (1044, "SSLV3_ALERT_CERTIFICATE_REVOKED", _REFUSES_CERTIFICATE),
    (1045, "SSLV3_ALERT_CERTIFICATE_EXPIRED", _REFUSES_CERTIFICATE),
    (1046, "SSLV3_ALERT_CERTIFICATE_UNKNOWN", _REFUSES_CERTIFICATE),
    (1048, "TLSV1_ALERT_UNKNOWN_CA", _REFUSES_CERTIFICATE),
    (1049, "TLSV1_ALERT_ACCESS_DENIED", _REFUSES_CERTIFICATE),
    (1070, "TLSV1_ALERT_PROTOCOL_VERSION", _NO_COMMON_VERSION),
    (1112, "TLSV1_UNRECOGNIZED_NAME", "the target knows no host of that name"),
    (1116, "TLSV13_ALERT_CERTIFICATE_REQUIRED", "the target wants a client certificate, and got none"),
)
"""Reasons by OpenSSL's number (sslerr.h; an alert of RFC 8446, 6 is 1000 more than its own) and by Python's name."""
_BY_NUMBER = {number: sentence for number, _, sentence in _REASONS}
_BY_NAME = {name: sentence for _, name, sentence in _REASONS}

_QUOTED_NUMBER = re.compile(r"error:([0-9A-Fa-f]{8}):")
_REASON_BITS = 0x7FFFFF


def by_verify_code(code: int) -> str:
    """The sentence for what verifying the target's certificate came to."""
    return _BY_VERIFY_CODE.get(code, UNTRUSTED)


def by_exception(error: ssl.SSLError) -> str:
    """The sentence for what Python's `ssl` raised."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return by_verify_code(error.verify_code)
    return _BY_NAME.get(error.reason or "", HANDSHAKE_FAILED)


def by_message(message: str) -> str | None:
    """The sentence for the number of OpenSSL's that a message of libcurl's quotes, None where it quotes none.

    libcurl tells it in no other way.
    """
    found = _QUOTED_NUMBER.search(message)
    return _BY_NUMBER.get(int(found[1], 16) & _REASON_BITS, HANDSHAKE_FAILED) if found is not None else None
