"""The kinds of credentials whose secret goes with every request, and where it goes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatcher.domain.credentials.cookies import EVERY_COOKIE
from dispatcher.domain.credentials.soap_header import read_header_xml
from dispatcher.domain.requests.http_headers import RESERVED_HEADERS
from dispatcher.domain.shape import Reading, joined

MAX_NAME_CHARACTERS = 200
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")


class Kind(StrEnum):
    """How a target is told who asks."""

    NONE = "none"
    BASIC = "basic"
    TOKEN_SECRET = "token_secret"  # noqa: S105 - a word, no secret
    BEARER = "bearer"
    API_KEY = "api_key"
    OAUTH2 = "oauth2_client_credentials"
    TOKEN_LOGIN = "token_login"  # noqa: S105 - a word, no secret
    HMAC = "hmac"
    WSSE = "wsse"


SECRET_NAMES: Mapping[Kind, str] = {
    Kind.BASIC: "password",
    Kind.TOKEN_SECRET: "secret",
    Kind.BEARER: "token",
    Kind.API_KEY: "value",
    Kind.OAUTH2: "client_secret",
    Kind.TOKEN_LOGIN: "password",
    Kind.HMAC: "secret",
    Kind.WSSE: "password",
}
"""The member of a kind's first secret; that of the second has `_2` behind it."""


class Place(StrEnum):
    """Where in a request a secret or a token is put."""

    HEADER = "header"
    QUERY = "query"
    COOKIE = "cookie"
    SOAP_HEADER = "soap_header"


@dataclass(frozen=True, slots=True)
class User:
    """`basic` and `token_secret`: HTTP Basic (RFC 7617); the name is no secret."""

    name: str


@dataclass(frozen=True, slots=True)
class Put:
    """`bearer` and `api_key`, and how a fetched token is sent: a value, behind its prefix, under a name at a place.

    In a SOAP header it has no name but stands in `xml`, where that says `{token}`.
    """

    place: Place
    name: str
    prefix: str = ""
    xml: str = ""

    @property
    def every_cookie(self) -> bool:
        """Whether the value is a whole `Cookie` header, with all that a login set."""
        return self.place is Place.COOKIE and self.name == EVERY_COOKIE


BEARER = Put(Place.HEADER, "Authorization", "Bearer ")
"""RFC 6750."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`hmac`: a header with a keyed hash of parts of the request.

    `signs` and `prefix` are texts with parts in braces; see `SIGNED_PARTS`. The secret's bytes are those of its text in
    UTF-8, or what it says in Base64 or hexadecimal.
    """

    algorithm: str
    header: str
    signs: str
    encoding: str
    prefix: str
    timestamp_header: str | None
    secret_encoding: str


SIGNED_PARTS: Mapping[str, str] = {
    "method": "the method, in capitals",
    "url": "the whole URL as it is sent",
    "host": "host and port as the URL has them",
    "path": "the path",
    "query": "the query, without the question mark",
    "target": "path and query as the request line has them",
    "timestamp": "seconds since 1970",
    "timestamp_ms": "milliseconds since 1970",
    "id": "the delivery's id (webhook-id)",
    "content_type": "the Content-Type, empty without one",
    "body": "the body's bytes",
    "body_sha256": "SHA-256 of the body, in hexadecimal",
    "body_sha256_base64": "SHA-256 of the body, in Base64",
}
"""What `signs` may name; `prefix` may name the two timestamps."""
ALGORITHMS = ("sha256", "sha512", "sha384", "sha1")
Document = dict[str, Any]


def no_control(reading: Reading, raw: object, at: str, most: int = MAX_NAME_CHARACTERS) -> str:
    """Text without control characters, which would begin a header of its own."""
    text = reading.text(raw, at, most)
    if _CONTROL.search(text):
        reading.note_got(at, "text without control characters", "a control character")
    return text


def required(reading: Reading, given: Document, at: str, name: str) -> str:
    """Text that is not empty, without control characters."""
    text = no_control(reading, given.get(name), joined(at, name))
    if not text:
        reading.note(joined(at, name), "text", given.get(name))
    return text


def http_token(reading: Reading, raw: object, at: str) -> str:
    """A name that HTTP takes for a header or a cookie (RFC 9110, 5.6.2)."""
    if type(raw) is str and len(raw) <= MAX_NAME_CHARACTERS and _TOKEN.fullmatch(raw):
        return raw
    reading.note(at, "a name of letters, digits and !#$%&'*+.^_`|~-", raw)
    return ""


def header_name(reading: Reading, raw: object, at: str) -> str:
    """A header that is not Onhook's own or the connection's."""
    name = http_token(reading, raw, at)
    if name.lower() in RESERVED_HEADERS or name.lower() == "cookie":
        reading.note_got(at, "a header that Onhook does not set itself", name)
    return name


def known_parts(reading: Reading, text: str, at: str, known: Mapping[str, str] | tuple[str, ...]) -> None:
    """Notes each part in braces that is none of the known."""
    for name in PLACEHOLDER.findall(text):
        if name not in known:
            reading.note_got(at, f"no parts but {', '.join('{' + each + '}' for each in known)}", "{" + name + "}")


def read_put(reading: Reading, raw: Document, at: str, fallback: Document) -> Put:
    """Where a value goes: `in`, `name`, and for a header or cookie a `prefix`; for a SOAP header its `xml` instead."""
    place = Place(reading.word(raw.get("in", fallback["in"]), joined(at, "in"), tuple(Place)))
    for foreign in ("name", "prefix") if place is Place.SOAP_HEADER else ("xml",):
        if raw.get(foreign):
            reading.note_got(joined(at, foreign), f"nothing, with in: {place.value}", "something")
    if place is Place.SOAP_HEADER:
        xml = read_header_xml(reading, raw.get("xml"), joined(at, "xml"))
        known_parts(reading, xml, joined(at, "xml"), ("token",))
        return Put(place, "", "", xml)
    raw_name, name_at = raw.get("name", fallback.get("name")), joined(at, "name")
    if place is Place.HEADER:
        name = header_name(reading, raw_name, name_at)
    elif place is Place.COOKIE:
        name = http_token(reading, raw_name, name_at)
    else:
        name = required(reading, {"name": raw_name}, at, "name")
    return Put(place, name, no_control(reading, raw.get("prefix") or "", joined(at, "prefix")))


def read_send(reading: Reading, raw: object, usual: str) -> Put:
    """A credential's `send`."""
    return read_put(reading, reading.members(raw, "send", ("in", "name", "prefix", "xml")), "send", {"in": usual})


def no_every_cookie(reading: Reading, put: Put) -> None:
    """Notes a `send` that only a login can have which keeps every cookie."""
    if put.every_cookie:
        reading.note_got("send.name", "a cookie's name (all of them come only of a login)", EVERY_COOKIE)


def put_document(put: Put) -> Document:
    """As a credential's document shows it."""
    if put.place is Place.SOAP_HEADER:
        return {"in": put.place.value, "xml": put.xml}
    return {"in": put.place.value, "name": put.name, "prefix": put.prefix}


def _read_user(member: str) -> Callable[[Reading, Document], tuple[User, Document]]:
    def read(reading: Reading, given: Document) -> tuple[User, Document]:
        # Empty where a key alone goes as the password.
        name = no_control(reading, given.get(member), member)
        if ":" in name:
            reading.note_got(member, "text without a colon (RFC 7617)", "a colon")
        return User(name), {member: name}

    return read


def _read_bearer(_: Reading, __: Document) -> tuple[Put, Document]:
    return BEARER, {}


def _read_api_key(reading: Reading, given: Document) -> tuple[Put, Document]:
    put = read_send(reading, given.get("send"), "header")
    no_every_cookie(reading, put)
    return put, {"send": put_document(put)}


def _read_signature(reading: Reading, given: Document) -> tuple[Signature, Document]:
    timestamp_header = given.get("timestamp_header")
    signs = given.get("signs", "{timestamp}.{body}" if timestamp_header else "{body}")
    document: Document = {
        "algorithm": reading.word(given.get("algorithm", "sha256"), "algorithm", ALGORITHMS),
        "header": header_name(reading, given.get("header", "X-Signature"), "header"),
        "signs": reading.text(signs, "signs", 2_000),
        "encoding": reading.word(given.get("encoding", "hex"), "encoding", ("hex", "base64")),
        "prefix": no_control(reading, given.get("prefix") or "", "prefix"),
        "timestamp_header": None
        if timestamp_header is None
        else header_name(reading, timestamp_header, "timestamp_header"),
        "secret_encoding": reading.word(
            given.get("secret_encoding", "text"), "secret_encoding", ("text", "base64", "hex")
        ),
    }
    known_parts(reading, document["signs"], "signs", SIGNED_PARTS)
    if not PLACEHOLDER.search(document["signs"]):
        # Without any, every request has the same signature: most likely the braces were forgotten.
        parts = ", ".join("{" + part + "}" for part in SIGNED_PARTS)
        reading.note_got("signs", f"at least one of {parts}", "none of them")
    known_parts(reading, document["prefix"], "prefix", ("timestamp", "timestamp_ms"))
    return Signature(**document), document


def _read_none(_: Reading, __: Document) -> tuple[None, Document]:
    return None, {}


STATIC_MEMBERS: Mapping[Kind, tuple[str, ...]] = {
    Kind.NONE: (),
    Kind.BASIC: ("username",),
    Kind.TOKEN_SECRET: ("token",),
    Kind.BEARER: (),
    Kind.API_KEY: ("send",),
    Kind.HMAC: ("algorithm", "header", "signs", "encoding", "prefix", "timestamp_header", "secret_encoding"),
}
"""Members of each static kind, its secrets aside."""
STATIC_READERS: Mapping[Kind, Callable[[Reading, Document], tuple[User | Put | Signature | None, Document]]] = {
    Kind.NONE: _read_none,
    Kind.BASIC: _read_user("username"),
    Kind.TOKEN_SECRET: _read_user("token"),
    Kind.BEARER: _read_bearer,
    Kind.API_KEY: _read_api_key,
    Kind.HMAC: _read_signature,
}
