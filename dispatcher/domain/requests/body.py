"""A request's body as a profile describes it, with templates still in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dispatcher.domain.requests import cloud_event
from dispatcher.domain.requests.cloud_event import read_cloud_event
from dispatcher.domain.requests.media_types import read_media_type
from dispatcher.domain.requests.pairs import MAX_PAIRS, pairs_document, read_name, read_pairs, read_template
from dispatcher.domain.shape import Reading


class BodyKind(StrEnum):
    """How a body is built. Each brings its own Content-Type; `raw` must and `xml` may name it."""

    NONE = "none"
    FORM = "form"
    JSON = "json"
    RAW = "raw"
    XML = "xml"
    MULTIPART = "multipart"
    CLOUDEVENT = "cloudevent"
    VCON = "vcon"


OWN_CONTENT_TYPE = frozenset({BodyKind.RAW, BodyKind.XML, BodyKind.MULTIPART, BodyKind.CLOUDEVENT})
"""Those beside which no header Content-Type is allowed: they name theirs elsewhere, or need it to be as it is."""


class Part(NamedTuple):
    """A part of a multipart form: a literal name, templates of value and file name, a literal media type."""

    name: str
    value: str
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """`value` is None, a tuple of `Pair` (form) or `Part` (multipart), any JSON whose strings are templates (json),
    a template (raw, xml), a `CloudEvent`, or whether it is redacted (vcon)."""

    kind: BodyKind
    value: Any = None
    content_type: str | None = None

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request.body` shows it."""
        match self.kind:
            case BodyKind.NONE:
                return {"kind": "none"}
            case BodyKind.FORM:
                return {"kind": "form", "value": pairs_document(self.value)}
            case BodyKind.JSON:
                return {"kind": "json", "value": self.value}
            case BodyKind.RAW | BodyKind.XML:
                return {"kind": self.kind.value, "content_type": self.content_type, "value": self.value}
            case BodyKind.MULTIPART:
                return {"kind": "multipart", "value": [_part_document(part) for part in self.value]}
            case BodyKind.CLOUDEVENT:
                document: dict[str, Any] = self.value.as_document()
                return document
            case BodyKind.VCON:
                return {"kind": "vcon", "redacted": self.value}


NO_BODY = Body(BodyKind.NONE)


def read_body(reading: Reading, raw: object, at: str) -> Body:
    """A profile's `request.body`; faults are noted."""
    if type(raw) is not dict:
        reading.note(at, "an object", raw)
        return NO_BODY
    kind = raw.get("kind")
    if type(kind) is not str or kind not in _MEMBERS:
        reading.word(kind, f"{at}.kind", tuple(BodyKind))
        return NO_BODY
    return _read_of_kind(reading, BodyKind(kind), reading.members(raw, at, _MEMBERS[kind]), at)


def _read_of_kind(reading: Reading, kind: BodyKind, given: dict[str, Any], at: str) -> Body:
    match kind:
        case BodyKind.NONE:
            return NO_BODY
        case BodyKind.FORM:
            return Body(BodyKind.FORM, read_pairs(reading, given.get("value"), f"{at}.value"))
        case BodyKind.JSON:
            return Body(BodyKind.JSON, _read_json(reading, given, f"{at}.value"))
        case BodyKind.RAW:
            return _read_typed(reading, given, at, BodyKind.RAW, None)
        case BodyKind.XML:
            return _read_typed(reading, given, at, BodyKind.XML, "application/xml")
        case BodyKind.MULTIPART:
            return Body(BodyKind.MULTIPART, _read_parts(reading, given.get("value"), f"{at}.value"))
        case BodyKind.CLOUDEVENT:
            event = read_cloud_event(reading, given, at)
            refuse_templates_in_keys(reading, event.data, f"{at}.data")
            return Body(BodyKind.CLOUDEVENT, event)
        case BodyKind.VCON:
            return Body(BodyKind.VCON, reading.flag(given.get("redacted", False), f"{at}.redacted"))


def refuse_templates_in_keys(reading: Reading, value: Any, at: str) -> None:
    """Notes every key of a JSON value that holds a template."""
    if type(value) is dict:
        for key, item in value.items():
            if "{{" in key:
                reading.note(at, "literal keys (templates are for values)", key)
            refuse_templates_in_keys(reading, item, f"{at}.{key}")
    elif type(value) is list:
        for index, item in enumerate(value):
            refuse_templates_in_keys(reading, item, f"{at}[{index}]")


def _read_json(reading: Reading, given: Mapping[str, Any], at: str) -> Any:
    if "value" not in given:
        reading.note_got(at, "any JSON value, whose strings are templates", "nothing")
    value = given.get("value")
    refuse_templates_in_keys(reading, value, at)
    return value


def _read_typed(reading: Reading, given: Mapping[str, Any], at: str, kind: BodyKind, default: str | None) -> Body:
    text = read_template(reading, given.get("value"), f"{at}.value")
    return Body(kind, text, read_media_type(reading, given.get("content_type", default), f"{at}.content_type"))


def _read_parts(reading: Reading, raw: object, at: str) -> tuple[Part, ...]:
    items = reading.items(raw, at, MAX_PAIRS)
    if not items:
        reading.note(at, "at least one part", raw)
    return tuple(_read_part(reading, each, f"{at}[{index}]") for index, each in enumerate(items))


def _read_part(reading: Reading, raw: object, at: str) -> Part:
    given = reading.members(raw, at, Part._fields)
    if type(raw) is not dict:
        return Part("", "")
    name = read_name(reading, given.get("name"), f"{at}.name")
    if not name.isprintable():
        reading.note_got(f"{at}.name", "a name without control characters", "a control character")
    filename, content_type = given.get("filename"), given.get("content_type")
    return Part(
        name,
        read_template(reading, given.get("value"), f"{at}.value"),
        None if filename is None else read_template(reading, filename, f"{at}.filename"),
        None if content_type is None else read_media_type(reading, content_type, f"{at}.content_type"),
    )


def _part_document(part: Part) -> dict[str, str]:
    return {key: value for key, value in part._asdict().items() if value is not None}


_MEMBERS: Mapping[str, tuple[str, ...]] = {
    BodyKind.NONE: ("kind",),
    BodyKind.FORM: ("kind", "value"),
    BodyKind.JSON: ("kind", "value"),
    BodyKind.RAW: ("kind", "content_type", "value"),
    BodyKind.XML: ("kind", "content_type", "value"),
    BodyKind.MULTIPART: ("kind", "value"),
    BodyKind.CLOUDEVENT: cloud_event.MEMBERS,
    BodyKind.VCON: ("kind", "redacted"),
}
