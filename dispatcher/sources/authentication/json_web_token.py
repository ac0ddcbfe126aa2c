"""JSON Web Tokens signed with a shared secret (RFC 7519, RFC 7515): as the body (Dialpad) or in a header (Vonage)."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from hmac import compare_digest
from hmac import digest as hmac_digest
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both, key_bytes
from dispatcher.sources.authentication.moments import tolerance_of
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated, Why
from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.generic import decode_json

ALGORITHMS: Mapping[str, str] = MappingProxyType({"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"})
PLACES = ("body", "header")
_CHALLENGE = 'Bearer realm="onhook"'


def verify_jwt(auth: Auth, posted: Posted) -> None:
    """Raises unless the token is signed as the source says, is valid now, and is about this very body.

    The algorithm is the source's to say, never the token's: what calls itself `none` is refused with all others.
    """
    token = _token(auth, posted)
    parts = _parts(token)
    if parts is None:
        raise NotAuthenticated("The request carries no JSON Web Token where the source expects one.", _CHALLENGE)
    header, claims, signed, signature = parts
    algorithm = auth.get("algorithm", "HS256")
    keys = [key_bytes(secret, auth.get("secret_encoding", "text")) for secret in both(auth, "secret")]
    expected = [hmac_digest(key, signed, ALGORITHMS[algorithm]) for key in keys]
    if header.get("alg") != algorithm or "crit" in header or not any_equal(expected, [signature]):
        raise Forbidden("The token's signature does not fit: check the secret and the algorithm.")
    _check_times(claims, auth, posted.received_at.timestamp())
    if auth["in"] == "header":
        _check_payload(claims, posted)


def claims_in(body: bytes) -> dict[str, Any] | None:
    """The claims of a body that is a token, for a format to read once it is verified; None for any other body."""
    parts = _parts(body.strip().decode("latin-1").strip('"'))
    return parts[1] if parts else None


def _token(auth: Auth, posted: Posted) -> str:
    if auth["in"] == "body":
        # Some send the bare token, some as a JSON string.
        return posted.body.strip().decode("latin-1").strip('"')
    value = posted.headers.get(auth.get("header", "authorization").lower(), "").strip()
    scheme, separator, rest = value.partition(" ")
    return rest.strip() if separator and scheme.lower() == "bearer" else value


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes] | None:
    """Header, claims, what is signed, and the signature; None for what is no token (RFC 7515, 7.1)."""
    head, _, rest = token.partition(".")
    payload, separator, signature = rest.partition(".")
    if not separator:
        return None
    try:
        header, claims = decode_json(_decoded(head)), decode_json(_decoded(payload))
        mark = _decoded(signature)
    except (NotUnderstood, ValueError):
        return None
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        return None
    return header, claims, f"{head}.{payload}".encode("latin-1"), mark


def _decoded(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("no base64url")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error


def _check_times(claims: Mapping[str, Any], auth: Auth, now: float) -> None:
    """`exp`, `nbf` and `iat` (RFC 7519, 4.1); a token without `exp` is good for the tolerance after its `iat`."""
    leeway = tolerance_of(auth)
    for name in ("exp", "nbf", "iat"):
        if name in claims and type(claims[name]) not in (int, float):
            raise Forbidden(f"The token's {name} is no number.")
    too_early = [name for name in ("nbf", "iat") if claims.get(name, now) > now + leeway]
    expires = claims.get("exp", claims.get("iat", now))
    if too_early or expires < now - leeway:
        raise Forbidden("The token has expired or is not valid yet: check both clocks.", Why.STALE)


def _check_payload(claims: Mapping[str, Any], posted: Posted) -> None:
    """`payload_hash`, where it is claimed, is the SHA-256 of the body, or of the query of a GET without one."""
    claimed = claims.get("payload_hash")
    if claimed is None:
        return
    payload = posted.body or _query(posted.url)
    expected = hashlib.sha256(payload).hexdigest().encode()
    if not compare_digest(str(claimed).lower().encode("utf-8", "replace"), expected):
        raise Forbidden("The body is not the one that the token was made for.")


def _query(url: str) -> bytes:
    try:
        return urlsplit(url).query.encode("utf-8", "replace")
    except ValueError:
        return b""
