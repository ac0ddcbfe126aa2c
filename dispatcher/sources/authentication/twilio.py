"""Twilio's signature, as its clones send it too."""

import base64
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from urllib.parse import SplitResult, parse_qsl, urlsplit

from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated
from dispatcher.sources.format import Posted

_DEFAULT_PORTS = {"http": 80, "https": 443}


def verify_twilio(auth: Auth, posted: Posted) -> None:
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
    keys = [token.encode() for token in both(auth, "auth_token")]
    expected = [_signature(key, url + signed) for key in keys for url in _port_variants(posted.url)]
    if not any_equal(expected, [given.encode("utf-8", "replace")]):
        raise Forbidden(
            "The X-Twilio-Signature does not fit: check the auth token, "
            "and that ONHOOK_PUBLIC_URL is the address Twilio calls."
        )


def _form_text(body: bytes) -> str:
    values: dict[str, set[str]] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        values.setdefault(name, set()).add(value)
    return "".join(name + value for name in sorted(values) for value in sorted(values[name]))


def _signature(key: bytes, text: str) -> bytes:
    return base64.b64encode(hmac_digest(key, text.encode("utf-8", "replace"), "sha1"))


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
