"""Telnyx' signatures: Ed25519 (RFC 8032) over the moment and the body (developers.telnyx.com, voice API webhooks)."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication.coverage import check_covered
from dispatcher.sources.authentication.members import Auth, both
from dispatcher.sources.authentication.moments import check_moment
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated
from dispatcher.sources.format import Posted


def read_public_key(reading: Reading, raw: object, at: str) -> None:
    """32 bytes in Base64, as the portal shows them."""
    if type(raw) is not str or _public_key(raw) is None:
        reading.note_got(at, "the public key from the portal: Base64 of 32 bytes", "a value that is not shown")


def verify_telnyx(auth: Auth, posted: Posted) -> None:
    """Raises unless the signature over `timestamp|body` is by one of the keys, and the moment within the tolerance."""
    timestamp = posted.headers.get("telnyx-timestamp")
    try:
        signature = base64.b64decode(posted.headers.get("telnyx-signature-ed25519", ""), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if not timestamp or not signature:
        raise NotAuthenticated("The request lacks telnyx-timestamp or telnyx-signature-ed25519.")
    check_covered(posted)
    signed = timestamp.encode("utf-8", "replace") + b"|" + posted.body
    if not any(_fits(key, signature, signed) for key in both(auth, "public_key")):
        raise Forbidden("The telnyx-signature-ed25519 does not fit: check the public key.")
    check_moment(timestamp, auth, posted.received_at)


def _fits(key: str, signature: bytes, signed: bytes) -> bool:
    public = _public_key(key)
    try:
        if public is not None:
            public.verify(signature, signed)
    except InvalidSignature:
        return False
    return public is not None


def _public_key(text: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
