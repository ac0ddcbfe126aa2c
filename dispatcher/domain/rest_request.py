"""A REST request as a profile describes it: method, URL, query, headers and body, with templates still in them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dispatcher.domain.shape import Reading

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LATER_BODY_KINDS = ("xml", "multipart", "cloudevent", "vcon")
MAX_TEMPLATE_CHARACTERS = 65_536
MAX_PAIRS = 100
_MAX_URL_CHARACTERS = 8_000
_MAX_NAME_CHARACTERS = 200

RESERVED_HEADERS = frozenset(
    {"webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key", "user-agent"}
    | {"content-length", "host", "expect", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"}
)
"""Headers that Onhook sets itself, or that belong to the connection (RFC 9110, 7.6.1)."""

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_URL = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MEDIA_TYPE = re.compile(r"[!#$&^_.+0-9A-Za-z-]+/[!#$&^_.+0-9A-Za-z-]+(?:[ \t]*;[ \t]*[\x21-\x7e]+)*")
_OTHER_CHARSET = re.compile(r"charset=(?!\"?utf-8\"?(?:[;\s]|$))", re.IGNORECASE)


class BodyKind(StrEnum):
    """How a body is built. JSON and form bodies bring their own Content-Type, raw ones name it."""

    NONE = "none"
    FORM = "form"
    JSON = "json"
    RAW = "raw"


class Pair(NamedTuple):
    """A literal name and the template of its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Body:
    """`value` is None, a tuple of `Pair` (form), any JSON whose strings are templates (json), or a template (raw)."""

    kind: BodyKind
    value: Any = None
    content_type: str | None = None

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request.body` shows it."""
        match self.kind:
            case BodyKind.NONE:
                return {"kind": "none"}
            case BodyKind.FORM:
                return {"kind": "form", "value": _pairs_document(self.value)}
            case BodyKind.JSON:
                return {"kind": "json", "value": self.value}
            case BodyKind.RAW:
                return {"kind": "raw", "content_type": self.content_type, "value": self.value}


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request to render. Scheme, host and port of `url` are literal, so that no call decides where it goes."""

    method: str
    url: str
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: Body = Body(BodyKind.NONE)

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request` shows it."""
        return {
            "kind": "rest",
            "method": self.method,
            "url": self.url,
            "query": _pairs_document(self.query),
            "headers": _pairs_document(self.headers),
            "body": self.body.as_document(),
        }


def read_request(reading: Reading, raw: object, at: str) -> RestRequest:
    """A profile's `request`; faults are noted."""
    if type(raw) is dict and raw.get("kind") == "soap":
        reading.note(f"{at}.kind", "rest (soap is not available in this version)", "soap")
        return RestRequest("POST", "")
    given = reading.members(raw, at, ("kind", "method", "url", "query", "headers", "body"))
    reading.word(given.get("kind", "rest"), f"{at}.kind", ("rest",))
    body = _read_body(reading, given.get("body", {"kind": "none"}), f"{at}.body")
    method = reading.word(given.get("method"), f"{at}.method", METHODS)
    if given.get("method") == "GET" and body.kind is not BodyKind.NONE:
        reading.note_got(f"{at}.body.kind", "none, since a GET has no body", body.kind)
    return RestRequest(
        method,
        _read_url(reading, given.get("url"), f"{at}.url"),
        _read_pairs(reading, given.get("query", []), f"{at}.query"),
        _read_headers(reading, given.get("headers", []), f"{at}.headers", body.kind),
        body,
    )


def _read_url(reading: Reading, raw: object, at: str) -> str:
    url = reading.text(raw, at, _MAX_URL_CHARACTERS)
    match = _URL.fullmatch(url)
    if match is None:
        reading.note(at, "an http or https URL", raw)
        return url
    fault = _authority_fault(match["authority"]) or _rest_fault(match["rest"])
    if fault:
        reading.note(at, fault, raw)
    return url


def _authority_fault(authority: str) -> str | None:
    if "{" in authority:
        return "a URL whose scheme, host and port are literal"
    if "@" in authority:
        return "a URL without user name or password"
    match = _AUTHORITY.fullmatch(authority)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65_535):
        return "a URL with a host name (in ASCII) or address and, if any, a port from 1 to 65535"
    return None


def _rest_fault(rest: str) -> str | None:
    literal = _EXPRESSION.sub("x", rest)
    if "#" in literal:
        return "a URL without a fragment (#...)"
    if _UNSAFE_IN_URL.search(literal):
        return "a URL without spaces and control characters, each % followed by two hex digits"
    segments = literal.partition("?")[0].lower().replace("%2e", ".").split("/")
    if "." in segments or ".." in segments:
        return "a URL without the segments . and .."
    return None


def _read_pairs(reading: Reading, raw: object, at: str) -> tuple[Pair, ...]:
    return tuple(
        _read_pair(reading, each, f"{at}[{index}]") for index, each in enumerate(reading.items(raw, at, MAX_PAIRS))
    )


def _read_pair(reading: Reading, raw: object, at: str) -> Pair:
    given = reading.members(raw, at, ("name", "value"))
    if type(raw) is not dict:
        return Pair("", "")
    name = reading.text(given.get("name"), f"{at}.name", _MAX_NAME_CHARACTERS)
    if not name or "{{" in name:
        reading.note(f"{at}.name", "a literal name, not empty", given.get("name"))
    return Pair(name, reading.text(given.get("value"), f"{at}.value", MAX_TEMPLATE_CHARACTERS))


def _read_headers(reading: Reading, raw: object, at: str, body: BodyKind) -> tuple[Pair, ...]:
    headers = _read_pairs(reading, raw, at)
    for index, (name, value) in enumerate(headers):
        if not _TOKEN.fullmatch(name):
            reading.note(f"{at}[{index}].name", "a header name (a token of RFC 9110)", name)
        elif name.lower() in RESERVED_HEADERS:
            reading.note(f"{at}[{index}].name", "a header that Onhook does not set itself", name)
        elif name.lower() == "content-type" and body is BodyKind.RAW:
            reading.note(f"{at}[{index}].name", "no Content-Type beside content_type of the raw body", name)
        if _CONTROL.search(value):
            reading.note_got(f"{at}[{index}].value", "text without control characters", "a control character")
    return headers


def _read_body(reading: Reading, raw: object, at: str) -> Body:
    if type(raw) is not dict:
        reading.note(at, "an object", raw)
        return Body(BodyKind.NONE)
    kind = raw.get("kind")
    if type(kind) is not str or kind not in _BODY_MEMBERS:
        later = f" ({kind} is not available in this version)" if kind in _LATER_BODY_KINDS else ""
        reading.note(f"{at}.kind", f"one of {', '.join(BodyKind)}{later}", kind)
        return Body(BodyKind.NONE)
    given = reading.members(raw, at, _BODY_MEMBERS[kind])
    match kind:
        case "form":
            return Body(BodyKind.FORM, _read_pairs(reading, given.get("value"), f"{at}.value"))
        case "json":
            return Body(BodyKind.JSON, _read_json(reading, given, f"{at}.value"))
        case "raw":
            text = reading.text(given.get("value"), f"{at}.value", MAX_TEMPLATE_CHARACTERS)
            return Body(BodyKind.RAW, text, _read_media_type(reading, given.get("content_type"), f"{at}.content_type"))
        case _:
            return Body(BodyKind.NONE)


def _read_json(reading: Reading, given: Mapping[str, Any], at: str) -> Any:
    if "value" not in given:
        reading.note_got(at, "any JSON value, whose strings are templates", "nothing")
    value = given.get("value")
    _refuse_templates_in_keys(reading, value, at)
    return value


def _refuse_templates_in_keys(reading: Reading, value: Any, at: str) -> None:
    if type(value) is dict:
        for key, item in value.items():
            if "{{" in key:
                reading.note(at, "literal keys (templates are for values)", key)
            _refuse_templates_in_keys(reading, item, f"{at}.{key}")
    elif type(value) is list:
        for index, item in enumerate(value):
            _refuse_templates_in_keys(reading, item, f"{at}[{index}]")


def _read_media_type(reading: Reading, raw: object, at: str) -> str:
    if type(raw) is not str or len(raw) > _MAX_NAME_CHARACTERS or not _MEDIA_TYPE.fullmatch(raw) or "{{" in raw:
        reading.note(at, "a literal media type such as text/plain", raw)
        return "text/plain"
    if _OTHER_CHARSET.search(raw):
        reading.note(at, "no charset but utf-8, in which every body is sent", raw)
    return raw


def _pairs_document(pairs: tuple[Pair, ...]) -> list[dict[str, str]]:
    return [pair._asdict() for pair in pairs]


_BODY_MEMBERS = {
    "none": ("kind",),
    "form": ("kind", "value"),
    "json": ("kind", "value"),
    "raw": ("kind", "content_type", "value"),
}
