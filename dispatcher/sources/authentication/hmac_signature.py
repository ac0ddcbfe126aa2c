"""HMAC signatures in their many spellings: over the body or more, in hex or Base64, alone or as `t=...,v1=...`."""

import base64
import hashlib
import re
from collections.abc import Iterable
from hmac import digest as hmac_digest
from urllib.parse import urlsplit

from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication.coverage import check_covered
from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both, encoded_keys, key_bytes
from dispatcher.sources.authentication.moments import check_moment
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated
from dispatcher.sources.format import Posted

ALGORITHMS = ("sha256", "sha1", "sha384", "sha512")
ENCODINGS = ("hex", "base64")
_PLACEHOLDERS = ("body", "body_sha256", "timestamp", "method", "url", "path", "query", "host")
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
_MAX_SIGNATURES = 8
"""Of one request; a rotation shows two."""


def check_signature(reading: Reading, auth: Auth, at: str) -> None:
    """Notes what is signed where it is nothing that can be, and secrets that are not in their encoding."""
    encoded_keys(reading, auth, at)
    signs = auth.get("signs", _signs(auth))
    names = _PLACEHOLDER.findall(signs) if type(signs) is str else []
    strange = [name for name in names if name not in _PLACEHOLDERS]
    if strange or not {"body", "body_sha256"} & set(names):
        known = " ".join(f"{{{each}}}" for each in _PLACEHOLDERS)
        reading.note(f"{at}.signs", f"text with {{body}} or {{body_sha256}} and none but {known}", signs)
    elif _is_timed(auth) != ("timestamp" in names):
        expected = "{timestamp} in it exactly where timestamp_header or timestamp_field is set"
        reading.note(f"{at}.signs", expected, signs)
    if auth.get("timestamp_field") and not auth.get("signature_field"):
        reading.note_got(f"{at}.signature_field", "the name of the part with the signature, such as v1", "nothing")


def verify_hmac(auth: Auth, posted: Posted) -> None:
    """Raises unless one of the header's signatures fits, with one of the secrets, what was posted, in time."""
    header = posted.headers.get(auth["header"].lower())
    if not header:
        raise NotAuthenticated("The request carries no signature in the source's header.")
    parts = _parts(header) if auth.get("signature_field") else []
    timestamp = _timestamp(auth, posted, parts)
    given = _given(auth, header, parts)
    if not given:
        raise NotAuthenticated("The signature's header holds none in the form that the source expects.")
    signs = auth.get("signs") or _signs(auth)
    if not {"url", "query"} & set(_PLACEHOLDER.findall(signs)):
        check_covered(posted)
    text = _signed_text(signs, posted, timestamp or "")
    keys = [key_bytes(secret, auth.get("secret_encoding", "text")) for secret in both(auth, "secret")]
    expected = [hmac_digest(key, text, auth.get("algorithm", "sha256")) for key in keys]
    if not any_equal(expected, given):
        raise Forbidden("The signature does not fit: check the secret and what is signed.")
    if _is_timed(auth):
        check_moment(timestamp, auth, posted.received_at)


def _is_timed(auth: Auth) -> bool:
    return bool(auth.get("timestamp_header") or auth.get("timestamp_field"))


def _signs(auth: Auth) -> str:
    """What is signed unless `signs` says: the body, after the moment where one is sent (Stripe, DIDWW, Slack's kin)."""
    return "{timestamp}.{body}" if _is_timed(auth) else "{body}"


def _parts(header: str) -> list[tuple[str, str]]:
    pairs = (part.strip().partition("=") for part in header.split(","))
    return [(name, value) for name, _, value in pairs]


def _timestamp(auth: Auth, posted: Posted, parts: Iterable[tuple[str, str]]) -> str | None:
    if auth.get("timestamp_header"):
        return posted.headers.get(auth["timestamp_header"].lower())
    return next((value for name, value in parts if name == auth.get("timestamp_field")), None)


def _given(auth: Auth, header: str, parts: list[tuple[str, str]]) -> list[bytes]:
    field, prefix = auth.get("signature_field"), auth.get("prefix") or ""
    texts = [value for name, value in parts if name == field] if field else [header.strip()]
    bare = [each.removeprefix(prefix) for each in texts if each.startswith(prefix)]
    decoded = [_decoded(each, auth.get("encoding", "hex")) for each in bare[:_MAX_SIGNATURES]]
    return [each for each in decoded if each]


def _decoded(text: str, encoding: str) -> bytes:
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _signed_text(signs: str, posted: Posted, timestamp: str) -> bytes:
    """The template's text around its parts, each replaced by the bytes that were posted."""
    pieces = _PLACEHOLDER.split(signs)
    filled = [_part(each, posted, timestamp) if index % 2 else each.encode() for index, each in enumerate(pieces)]
    return b"".join(filled)


def _part(name: str, posted: Posted, timestamp: str) -> bytes:
    match name:
        case "body":
            return posted.body
        case "body_sha256":
            return hashlib.sha256(posted.body).hexdigest().encode()
        case "timestamp":
            return timestamp.encode("utf-8", "replace")
        case "method":
            return posted.method.encode()
        case "url":
            return posted.url.encode("utf-8", "replace")
        case _:
            return _of_url(name, posted.url).encode("utf-8", "replace")


def _of_url(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return {"path": parts.path, "query": parts.query, "host": parts.netloc}[name]
