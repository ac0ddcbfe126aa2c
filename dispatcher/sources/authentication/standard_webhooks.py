"""Posts signed by the Standard Webhooks specification, version 1.0 (symmetric, `v1`)."""

from dispatcher.domain.shape import Reading
from dispatcher.domain.signature import key_of, sign
from dispatcher.sources.authentication.coverage import check_covered
from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both
from dispatcher.sources.authentication.moments import check_moment
from dispatcher.sources.authentication.refusals import Forbidden, NotAuthenticated
from dispatcher.sources.format import Posted

_FAMILIES = ("webhook", "svix")
"""The specification's headers, and the name under which its authors first sent them."""
_MAX_SIGNATURES = 16


def check_key(reading: Reading, auth: Auth, at: str) -> None:
    """Notes secrets that are no `whsec_` and Base64."""
    for name in ("secret", "secret_2"):
        if type(auth.get(name)) is str and not _key(auth[name]):
            reading.note_got(f"{at}.{name}", "whsec_ and Base64, as the sender shows it", "a value that is not shown")


def verify_standard_webhooks(auth: Auth, posted: Posted) -> None:
    """Raises unless one of the signatures fits with one of the secrets, and was made within the tolerance."""
    for family in _FAMILIES:
        found = [posted.headers.get(f"{family}-{name}") for name in ("id", "timestamp", "signature")]
        if all(found):
            break
    else:
        raise NotAuthenticated("The request lacks webhook-id, webhook-timestamp or webhook-signature.")
    identifier, timestamp, signatures = (each or "" for each in found)
    check_covered(posted)
    check_moment(timestamp, auth, posted.received_at)
    given = [each.encode("utf-8", "replace") for each in signatures.split(" ")[:_MAX_SIGNATURES]]
    keys = [_key(secret) for secret in both(auth, "secret")]
    try:
        expected = [sign([key], identifier, int(timestamp), posted.body).encode() for key in keys]
    except UnicodeEncodeError:
        expected = []
    if not any_equal(expected, given):
        raise Forbidden("The webhook-signature does not fit: check the secret.")


def _key(secret: str) -> bytes:
    """The key, empty where the secret is none."""
    try:
        return key_of(secret)
    except ValueError:
        return b""
