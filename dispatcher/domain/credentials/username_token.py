"""`wsse`: a user's name and password in a SOAP envelope (OASIS, Web Services Security UsernameToken Profile 1.1.1)."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from html import escape

from dispatcher.domain.credentials.kinds import Document, no_control
from dispatcher.domain.credentials.secret_forms import MASK, forms_of
from dispatcher.domain.credentials.soap_envelope import WSSE, Envelope, NoEnvelope
from dispatcher.domain.shape import Reading

NONCE_BYTES = 16
"""As other toolkits have it; the profile asks only that it be random and never the same (3.1)."""
WSSE_MEMBERS = ("username", "password_type", "nonce", "timestamp_seconds", "must_understand")
"""Members of the kind, its secrets aside."""
REFUSED_FAULTS = ("FailedAuthentication", "InvalidSecurityToken", "InvalidSecurity", "FailedCheck", "SecurityError")
"""How a target says that it does not take the password: WSS SOAP Message Security 1.1.1, 12, and CXF's own word, which
tells a caller as little as it can."""
MAX_TIMESTAMP_SECONDS = 86_400
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_NO_XML = frozenset("\ufffe\uffff")
"""What passes for text elsewhere and cannot stand in XML 1.0 at all (2.2), beside control characters."""


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """What the block holds. A digest always has nonce and creation; a password as text has them with `nonce`."""

    username: str
    digest: bool
    nonce: bool
    timestamp: timedelta | None
    must_understand: bool


def read_username_token(reading: Reading, given: Document) -> tuple[UsernameToken, Document]:
    """A `wsse`; faults are noted."""
    username = no_control(reading, given.get("username"), "username")
    if not username or not fits_xml(username):
        reading.note_got("username", "text that XML can hold, not empty", "nothing, or another character")
    seconds = given.get("timestamp_seconds")
    document: Document = {
        "username": username,
        # Text, since a target can check a digest only if it keeps its passwords in clear: most do not.
        "password_type": reading.word(given.get("password_type", "text"), "password_type", ("text", "digest")),
        "nonce": reading.flag(given.get("nonce", False), "nonce"),
        "timestamp_seconds": None
        if seconds is None
        else reading.number(seconds, "timestamp_seconds", (1, MAX_TIMESTAMP_SECONDS)),
        "must_understand": reading.flag(given.get("must_understand", False), "must_understand"),
    }
    lifetime = document["timestamp_seconds"]
    means = UsernameToken(
        username,
        document["password_type"] == "digest",  # noqa: S105 - a word, no secret
        document["nonce"],
        None if lifetime is None else timedelta(seconds=lifetime),
        document["must_understand"],
    )
    return means, document


def fits_xml(text: str) -> bool:
    """Whether XML 1.0 can hold a text that has no control characters."""
    return _NO_XML.isdisjoint(text)


def digest_of(password: str, nonce: bytes, now: datetime) -> str:
    """Base64 of SHA-1 over nonce, creation and password (profile, 3.1). SHA-1 is the profile's, and its only one."""
    return b64encode(sha1(nonce + _moment(now).encode() + password.encode()).digest()).decode()  # noqa: S324


def security_block(token: UsernameToken, envelope: Envelope, password: str, now: datetime, nonce: bytes) -> str:
    """The `wsse:Security` for an envelope. Raises NoEnvelope for one that has its own already."""
    assert len(nonce) >= NONCE_BYTES or not (token.digest or token.nonce), "a nonce is handed in"
    said = digest_of(password, nonce, now) if token.digest else password
    return _block(token, envelope, escape(said), now, b64encode(nonce).decode())


def shown_block(token: UsernameToken, envelope: Envelope, now: datetime) -> str:
    """The same for people: the mask stands for password, digest and nonce."""
    return _block(token, envelope, MASK, now, MASK)


def own_forms(token: UsernameToken, password: str, now: datetime, nonce: bytes) -> tuple[str, ...]:
    """What a target may repeat of this one request, beside the forms of the password itself."""
    return forms_of(digest_of(password, nonce, now), b64encode(nonce).decode()) if token.digest else ()


def _block(token: UsernameToken, envelope: Envelope, password: str, now: datetime, nonce: str) -> str:
    if envelope.has_security:
        raise NoEnvelope("the envelope has a wsse:Security of its own, and the credential brings another")
    created = f"<wsu:Created>{_moment(now)}</wsu:Created>"
    timestamp = ""
    if token.timestamp is not None:
        expires = f"<wsu:Expires>{_moment(now + token.timestamp)}</wsu:Expires>"
        timestamp = f"<wsu:Timestamp>{created}{expires}</wsu:Timestamp>"
    word = "PasswordDigest" if token.digest else "PasswordText"
    once = ""
    if token.digest or token.nonce:
        once = f'<wsse:Nonce EncodingType="{_BASE64}">{nonce}</wsse:Nonce>{created}'
    understood = f' xmlns:soap="{envelope.namespace}" soap:mustUnderstand="1"' if token.must_understand else ""
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{_WSU}"{understood}>{timestamp}'
        f"<wsse:UsernameToken><wsse:Username>{escape(token.username)}</wsse:Username>"
        f'<wsse:Password Type="{_PROFILE}#{word}">{password}</wsse:Password>{once}</wsse:UsernameToken>'
        "</wsse:Security>"
    )


def _moment(now: datetime) -> str:
    """As `xsd:dateTime` in UTC with Z and milliseconds: any other zone, or none, is what targets stumble over."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
