"""Whether a post really comes from the source's call system. An unset authentication is closed, never open."""

import base64
import binascii
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from dispatcher.sources.format import Posted

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CHALLENGES = MappingProxyType({"basic": 'Basic realm="onhook", charset="UTF-8"', "bearer": 'Bearer realm="onhook"'})


class NotAuthenticated(Exception):
    """The post shows no valid credential: 401, with `challenge` as WWW-Authenticate where it is set (RFC 9110)."""

    def __init__(self, reason: str, challenge: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.challenge = challenge


class Forbidden(Exception):
    """No credential would help: 403. The source is closed, or the signature belongs to another request."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify(auth: Mapping[str, Any] | None, posted: Posted) -> None:
    """Returns if the post satisfies a source's `auth`; raises `NotAuthenticated` or `Forbidden` if not.

    The kind `token` is judged by the API, which knows the tokens: handing it in is a programming error.
    """
    if not auth or auth.get("kind") is None:
        raise Forbidden("The source takes nothing until its authentication is set.")
    kind = auth["kind"]
    if kind == "token":
        raise TypeError("the kind `token` is judged by the API, not by verify()")
    if check_auth(auth):
        raise Forbidden("The source takes nothing until its authentication is mended.")
    _VERIFIERS[kind](auth, posted)


def check_auth(auth: object) -> list[str]:
    """What is wrong with a source's `auth`, a sentence each; empty if it may be saved. None (closed) is fine."""
    if auth is None:
        return []
    if not isinstance(auth, Mapping):
        return ["auth must be an object with a kind."]
    kind = auth.get("kind")
    if not isinstance(kind, str) or kind not in _SECRETS:
        return [f"auth.kind must be one of {', '.join(_SECRETS)}."]
    needed = _SECRETS[kind]
    problems = [f"auth.{name} must be text that is not empty." for name in needed if not _is_text(auth.get(name))]
    unknown = sorted(str(name) for name in auth if name != "kind" and name not in needed)
    problems += [f"auth.{name} is not known for the kind {kind}." for name in unknown]
    if kind == "basic" and ":" in str(auth.get("username")):
        problems.append("auth.username must not contain a colon (RFC 7617).")
    return problems


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and not any("\ud800" <= each <= "\udfff" for each in value)


def _verify_basic(auth: Mapping[str, Any], posted: Posted) -> None:
    """RFC 7617. User and password are compared as one, so that neither's length of match shows in the time."""
    scheme, _, encoded = posted.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    if not compare_digest(given, f"{auth['username']}:{auth['password']}".encode()):
        raise NotAuthenticated("User name or password is missing or wrong.", _CHALLENGES["basic"])


def _verify_bearer(auth: Mapping[str, Any], posted: Posted) -> None:
    """RFC 6750, by the Authorization header alone: a token in a URL ends up in logs."""
    scheme, _, given = posted.headers.get("authorization", "").partition(" ")
    expected = auth["token"].encode()
    if scheme.lower() != "bearer" or not compare_digest(given.strip().encode("utf-8", "replace"), expected):
        raise NotAuthenticated("The bearer token is missing or wrong.", _CHALLENGES["bearer"])


def _verify_twilio(auth: Mapping[str, Any], posted: Posted) -> None:
    """Twilio's X-Twilio-Signature (twilio.com/docs/usage/security), as its own libraries check it.

    HMAC-SHA1 with the account's auth token over the URL, then each sorted key with each of its sorted, distinct
    values. For a body that is no form the query carries bodySHA256, and the text is the URL alone. Any other
    body is read as a form whatever its Content-Type says: that header is not signed, and a body that could
    call itself something else would pass under the signature of a mere GET.
    """
    given = posted.headers.get("x-twilio-signature")
    if not given:
        raise NotAuthenticated("The request carries no X-Twilio-Signature.")
    body_hash = next((value for name, value in posted.query if name == "bodySHA256"), None)
    if body_hash is None:
        signed = _form_text(posted.body)
    elif compare_digest(sha256(posted.body).hexdigest().encode(), body_hash.lower().encode("utf-8", "replace")):
        signed = ""
    else:
        raise Forbidden("The body does not match the bodySHA256 that was signed.")
    key = auth["auth_token"].encode()
    matches = [_twilio_match(key, url + signed, given) for url in _port_variants(posted.url)]
    if not any(matches):
        raise Forbidden(
            "The X-Twilio-Signature does not fit: check the auth token, "
            "and that ONHOOK_PUBLIC_URL is the address Twilio calls."
        )


def _form_text(body: bytes) -> str:
    values: dict[str, set[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        values.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(values) for value in sorted(values[name]))


def _twilio_match(key: bytes, text: str, given: str) -> bool:
    expected = base64.b64encode(hmac_digest(key, text.encode("utf-8", "replace"), "sha1"))
    return compare_digest(expected, given.encode("utf-8", "replace"))


def _port_variants(url: str) -> set[str]:
    """The URL as it is, without its port, and with the default port: Twilio signs now one, now the other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return {url}
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    if port is not None:
        return {url, _with_host(url, parts, host)}
    default = _DEFAULT_PORTS.get(parts.scheme)
    return {url} if default is None else {url, _with_host(url, parts, f"{host}:{default}")}


def _with_host(url: str, parts: SplitResult, host: str) -> str:
    """The URL with another host and not one other byte changed, which putting its parts together would not promise."""
    return url.replace(f"//{parts.netloc}", f"//{host}", 1)


_SECRETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"token": (), "basic": ("username", "password"), "bearer": ("token",), "twilio": ("auth_token",)}
)
_VERIFIERS: Mapping[str, Callable[[Mapping[str, Any], Posted], None]] = MappingProxyType(
    {"basic": _verify_basic, "bearer": _verify_bearer, "twilio": _verify_twilio}
)
