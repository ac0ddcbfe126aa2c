"""A credential as a document: what an administrator writes, read and checked, and what is shown of it."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from dispatcher.domain.credentials.kinds import (
    SECRET_NAMES,
    STATIC_MEMBERS,
    STATIC_READERS,
    Document,
    Kind,
    Place,
    Put,
    Signature,
    User,
)
from dispatcher.domain.credentials.secret_forms import MASK, forms_of
from dispatcher.domain.credentials.token_kinds import TOKEN_MEMBERS, read_client_credentials, read_login
from dispatcher.domain.credentials.token_service import TokenService
from dispatcher.domain.credentials.username_token import (
    REFUSED_FAULTS,
    WSSE_MEMBERS,
    UsernameToken,
    fits_xml,
    read_username_token,
)
from dispatcher.domain.engines import CompileXpath
from dispatcher.domain.exchange import Tls
from dispatcher.domain.shape import NO_SUCH_MEMBER, Fault, Reading

MAX_SECRET_CHARACTERS = 16_384
MAX_PEM_CHARACTERS = 262_144
SLOTS = (1, 2)
REFUSING = (401, 403)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMON = ("name", "description", "kind", "tls")
_SOMETHING = "something else"  # what was given may be a secret in the wrong place
_ANY_CHARACTER = frozenset({Kind.BASIC, Kind.TOKEN_SECRET, Kind.OAUTH2, Kind.TOKEN_LOGIN, Kind.HMAC, Kind.WSSE})
"""Kinds that encode the secret before it goes into a header, or put it nowhere near one."""
MAX_FAULTS = 20
_OWN_MEMBERS = {**STATIC_MEMBERS, **TOKEN_MEMBERS, Kind.WSSE: WSSE_MEMBERS}
_FAULT_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}")

Means = User | Put | Signature | UsernameToken | TokenService | None


class TlsRefused(ValueError):
    """PEM that is not what it should be: `member` of the credential's `tls`, and the reason, which quotes nothing."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"{member}: {reason}")
        self.member, self.reason = member, reason


ReadTls = Callable[[Tls], Document]
"""What there is to know of certificates: `certificate` (subject, issuer, validity, fingerprint) or None, and a list
`ca` of the same. Raises `TlsRefused` for what no connection could be made with."""


@dataclass(frozen=True, slots=True)
class CredentialEngines:
    """What the reading of a credential needs of the outside."""

    xpath: CompileXpath
    read_tls: ReadTls


class CredentialRefused(ValueError):
    """A document that is no credential. The text holds no value; `faults` lists what to mend, and no secret."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the credential is refused for {len(faults)} fault(s)")
        self.faults = faults


@dataclass(frozen=True)
class CredentialSpec:
    """A credential, read and checked. `document` holds its secrets: it is stored encrypted and never shown.

    `secrets` are the two slots; `refused_status` and `refused_fault` (codes of SOAP faults, without prefix) are the
    answers that say that a secret or token is not good.
    """

    name: str
    kind: Kind
    means: Means = field(repr=False)
    secrets: tuple[str | None, str | None] = field(repr=False)
    preferred: int
    refused_status: frozenset[int]
    refused_fault: frozenset[str]
    tls: Tls | None = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    forms: tuple[tuple[str, ...], ...] = field(repr=False, compare=False)
    """For each slot, what a target may repeat of its secret."""

    @property
    def fetches(self) -> bool:
        """Whether a token must be fetched before a request can be sent."""
        return self.kind in (Kind.OAUTH2, Kind.TOKEN_LOGIN)

    @property
    def goes_into_envelope(self) -> bool:
        """Whether it is put into a SOAP envelope, so that a request without one cannot carry it."""
        match self.means:
            case UsernameToken():
                return True
            case None | User() | Signature():
                return False
            case Put() as put:
                return put.place is Place.SOAP_HEADER
            case service:
                return service.send.place is Place.SOAP_HEADER
        assert_never(self.means)

    @property
    def slots(self) -> tuple[int, ...]:
        """The numbers of the slots that hold a secret, the preferred one first."""
        held = [slot for slot in SLOTS if self.secrets[slot - 1] is not None]
        return tuple(sorted(held, key=lambda slot: slot != self.preferred))

    def secret(self, slot: int) -> str:
        """The secret of a slot that holds one; empty for a kind that has none."""
        return self.secrets[slot - 1] or ""

    def shown(self) -> Document:
        """The document with every secret masked."""
        shown = dict(self.document)
        for name in secret_members(self.kind):
            shown[name] = MASK if shown[name] is not None else None
        if shown["tls"] is not None and shown["tls"]["private_key"] is not None:
            shown["tls"] = {**shown["tls"], "private_key": MASK}
        return shown


def secret_members(kind: Kind) -> tuple[str, ...]:
    """The names of a kind's two secrets in its document; none for `none`."""
    name = SECRET_NAMES.get(kind)
    return () if name is None else (name, f"{name}_2")


def secret_member(kind: Kind, slot: int) -> str | None:
    """The name of one secret."""
    members = secret_members(kind)
    return members[slot - 1] if members else None


def parse_credential(raw: object, engines: CredentialEngines, stored: CredentialSpec | None = None) -> CredentialSpec:
    """The credential of decoded JSON or YAML; a masked secret is the `stored` one. Raises `CredentialRefused`."""
    reading = Reading()
    given = raw if type(raw) is dict else {}
    kind = Kind(reading.word(given.get("kind"), "kind", tuple(Kind)))
    if type(raw) is not dict:
        reading.note("", "an object", raw)
    kept = stored.document if stored is not None and stored.kind is kind else {}
    given = _with_first_slot(reading, given, kind)
    secrets = _read_secrets(reading, given, kind, kept)
    kept_tls = (stored.document["tls"] or {}) if stored is not None else {}
    tls = _read_tls(reading, given.get("tls"), engines.read_tls, kept_tls)
    rest = {key: value for key, value in given.items() if key not in secret_members(kind) and key != "tls"}
    rest = reading.members(reading.plain(rest), "", _members(kind))
    means, own = _read_means(reading, rest, kind, engines.xpath)
    document: Document = {
        "name": _read_name(reading, rest.get("name")),
        "description": reading.text(rest.get("description") or "", "description", 2_000),
        "kind": kind.value,
        **own,
        **dict(zip(secret_members(kind), secrets, strict=bool(secret_members(kind)))),
        **(_read_secret_rules(reading, rest, kind, secrets) if secret_members(kind) else {}),
        "tls": None if tls is None else {"certificate": tls.certificate, "private_key": tls.private_key, "ca": tls.ca},
    }
    if kind is Kind.HMAC and not reading.faults:
        _check_key(reading, document)
    if kind is Kind.BASIC and not document["username"] and secrets in (("", None), ("", "")):
        reading.note_got("username", "a user name or a password", "neither")
    if reading.faults:
        raise CredentialRefused([_told(fault) for fault in reading.faults])
    return CredentialSpec(
        document["name"],
        kind,
        means,
        secrets,
        document.get("preferred", 1),
        frozenset(document.get("refused_status", ())),
        frozenset(document.get("refused_fault", ())),
        tls,
        document,
        tuple(_forms(kind, means, secret) for secret in secrets),
    )


def rotated(spec: CredentialSpec, slot: int, secret: object, engines: CredentialEngines) -> CredentialSpec:
    """With a new secret in a slot, which is preferred from now on; None retires the slot. Raises CredentialRefused."""
    member = secret_member(spec.kind, slot)
    if member is None:
        raise CredentialRefused([{"field": "kind", "expected": "a kind that has a secret", "got": spec.kind.value}])
    if secret == MASK:
        raise CredentialRefused([{"field": "secret", "expected": "the secret itself", "got": "its mask"}])
    preferred = slot if secret is not None else 3 - slot
    return parse_credential({**spec.document, member: secret, "preferred": preferred}, engines, spec)


def _told(fault: Fault) -> Fault:
    """A fault that may be printed and logged: what stands in an unknown member may be another kind's secret."""
    return {**fault, "got": _SOMETHING} if fault["expected"].startswith(NO_SUCH_MEMBER) else fault


def _members(kind: Kind) -> tuple[str, ...]:
    rules = ("preferred", "refused_status", "refused_fault") if secret_members(kind) else ()
    return (*_COMMON[:3], *_OWN_MEMBERS[kind], *rules)


def _with_first_slot(reading: Reading, given: Document, kind: Kind) -> Document:
    """The first secret may be called by its number too."""
    name = SECRET_NAMES.get(kind)
    numbered = f"{name}_1"
    if name is None or numbered not in given:
        return given
    if name in given:
        reading.note_got(numbered, f"nothing beside {name}, which is the same", "both")
    return {name: given[numbered], **{key: value for key, value in given.items() if key != numbered}}


def _read_means(reading: Reading, given: Document, kind: Kind, compile_xpath: CompileXpath) -> tuple[Means, Document]:
    if kind is Kind.OAUTH2:
        return read_client_credentials(reading, given)
    if kind is Kind.TOKEN_LOGIN:
        return read_login(reading, given, compile_xpath)
    if kind is Kind.WSSE:
        return read_username_token(reading, given)
    return STATIC_READERS[kind](reading, given)


def _read_name(reading: Reading, raw: object) -> str:
    if type(raw) is str and _NAME.fullmatch(raw):
        return raw
    reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", raw)
    return ""


def _read_secrets(
    reading: Reading, given: Document, kind: Kind, kept: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    members = secret_members(kind)
    if not members:
        return None, None
    first, second = (_read_secret(reading, given.get(name), name, kind, kept.get(name)) for name in members)
    if given.get(members[0]) is None and given.get(members[1]) is None:
        reading.note_got(members[0], "the secret", "nothing")
    return first, second


def _read_secret(reading: Reading, raw: object, at: str, kind: Kind, kept: str | None) -> str | None:
    if raw is None:
        return None
    if raw == MASK:
        if kept is None:
            reading.note_got(at, "the secret itself", "its mask, with no secret stored for this kind")
        return kept
    if type(raw) is not str or len(raw) > MAX_SECRET_CHARACTERS:
        reading.note_got(at, f"text of at most {MAX_SECRET_CHARACTERS} characters", _SOMETHING)
    elif _CONTROL.search(raw) or any("\ud800" <= each <= "\udfff" for each in raw):
        reading.note_got(at, "text without line breaks and other control characters", _SOMETHING)
    elif not raw and kind is not Kind.BASIC:
        reading.note_got(at, "text that is not empty", "nothing")
    elif kind not in _ANY_CHARACTER and (not raw.isascii() or raw.strip() != raw):
        reading.note_got(at, "ASCII without spaces around it", _SOMETHING)
    elif kind is Kind.WSSE and not fits_xml(raw):
        reading.note_got(at, "text that XML can hold", _SOMETHING)
    else:
        return raw
    return None


def _read_secret_rules(
    reading: Reading, given: Document, kind: Kind, secrets: tuple[str | None, str | None]
) -> Document:
    preferred = given.get("preferred", 1)
    if preferred not in SLOTS or type(preferred) is not int:
        reading.note("preferred", "1 or 2", preferred)
        preferred = 1
    if secrets[preferred - 1] is None:
        preferred = 3 - preferred
    default = list(REFUSING) if kind is Kind.TOKEN_LOGIN else [401]
    refused = reading.items(given.get("refused_status", default), "refused_status", len(REFUSING))
    for index, each in enumerate(refused):
        if each not in REFUSING or type(each) is not int:
            reading.note(f"refused_status[{index}]", "401 or 403", each)
    return {"preferred": preferred, "refused_status": refused, "refused_fault": _read_faults(reading, given, kind)}


def _read_faults(reading: Reading, given: Document, kind: Kind) -> list[str]:
    default = list(REFUSED_FAULTS) if kind is Kind.WSSE else []
    faults = reading.items(given.get("refused_fault", default), "refused_fault", MAX_FAULTS)
    for index, each in enumerate(faults):
        if type(each) is not str or not _FAULT_CODE.fullmatch(each):
            reading.note(f"refused_fault[{index}]", "a fault's code without its prefix", each)
    return faults


def _read_tls(reading: Reading, raw: object, read_tls: ReadTls, kept: Mapping[str, Any]) -> Tls | None:
    if raw is None:
        return None
    given = reading.members(raw, "tls", ("certificate", "private_key", "ca"))
    texts: dict[str, str | None] = {}
    for name, value in given.items():
        if value == MASK and name == "private_key" and kept.get(name) is not None:
            texts[name] = kept[name]
        elif value is None or (type(value) is str and 0 < len(value) <= MAX_PEM_CHARACTERS):
            texts[name] = value
        else:
            reading.note_got(f"tls.{name}", "PEM text", _SOMETHING)
    tls = Tls(**texts)
    if reading.faults or tls == Tls():
        return None
    try:
        read_tls(tls)
    except TlsRefused as refused:
        reading.note_got(f"tls.{refused.member}", refused.reason, _SOMETHING)
    return tls


def _check_key(reading: Reading, document: Document) -> None:
    for member in secret_members(Kind.HMAC):
        try:
            if document[member] is not None:
                key_bytes(document[member], document["secret_encoding"])
        except ValueError:
            reading.note_got(member, f"text in {document['secret_encoding']}", _SOMETHING)


def key_bytes(secret: str, encoding: str) -> bytes:
    """The key that a signature's secret stands for. Raises ValueError."""
    if encoding == "base64":
        return b64decode(secret, validate=True)
    return bytes.fromhex(secret) if encoding == "hex" else secret.encode()


def _forms(kind: Kind, means: Means, secret: str | None) -> tuple[str, ...]:
    if secret is None or kind is Kind.HMAC:
        return ()
    if isinstance(means, User):
        return forms_of(secret, b64encode(f"{means.name}:{secret}".encode()).decode())
    return forms_of(secret)
