"""Plivo's signatures, V3 and V2 (plivo.com/docs/voice/concepts/signature-validation)."""

import base64
from hmac import digest as hmac_digest
from urllib.parse import parse_qsl, urlsplit

from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated
from dispatcher.sources.format import Posted

VERSIONS = ("v3", "v2")
_MAX_SIGNATURES = 8


def verify_plivo(auth: Auth, posted: Posted) -> None:
    """HMAC-SHA256 by the auth token, in Base64, over the URL, in V3 the fields too, and a nonce.

    Each header may hold several signatures, and there is one by the main account's token beside the subaccount's.
    V2 does not cover the body, so it is taken only where the source says so: with a V2 signature that somebody has
    seen, any body could be posted to a source that takes both.
    """
    version = auth.get("version", "v3")
    nonce = posted.headers.get(f"x-plivo-signature-{version}-nonce")
    headers = (f"x-plivo-signature-{version}", f"x-plivo-signature-ma-{version}")
    given = [each.strip() for name in headers for each in posted.headers.get(name, "").split(",") if each.strip()]
    if not nonce or not given:
        raise NotAuthenticated(f"The request carries no X-Plivo-Signature-{version.upper()} with its nonce.")
    text = _text_v3(posted, nonce) if version == "v3" else posted.url + nonce
    data = text.encode("utf-8", "replace")
    expected = [base64.b64encode(hmac_digest(token.encode(), data, "sha256")) for token in both(auth, "auth_token")]
    shown = [each.encode("utf-8", "replace") for each in given[:_MAX_SIGNATURES]]
    if not any_equal(expected, shown):
        raise Forbidden(
            "The X-Plivo-Signature does not fit: check the auth token, "
            "and that ONHOOK_PUBLIC_URL is the address Plivo calls."
        )


def _text_v3(posted: Posted, nonce: str) -> str:
    """The address without its query, the sorted query and the sorted fields; dots divide them, and the nonce."""
    try:
        parts = urlsplit(posted.url)
    except ValueError:
        return ""
    query = "&".join(f"{name}={value}" for name, value in _sorted(parts.query))
    fields = "".join(name + value for name, value in _sorted(posted.body.decode("utf-8", "replace")))
    text = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query or fields:
        text += f"?{query}" + ("." if query and fields else "") + fields
    return f"{text}.{nonce}"


def _sorted(encoded: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(encoded, keep_blank_values=True))
