"""CloudEvents 1.0 as they travel by HTTP (HTTP protocol binding 1.0.2): structured, in a batch, or binary."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from dispatcher.domain.event import MAX_EVENTS
from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.mapped.bodies import small_json

REQUIRED = ("id", "source", "type")
_OPTIONAL = ("specversion", "datacontenttype", "dataschema", "subject", "time", "data", "data_base64")
_MAX_EXTENSIONS = 64
_PREFIX = "ce-"


@dataclass(frozen=True)
class Envelope:
    """One event: its attributes as text, the extensions as they came, and its data, decoded where it is JSON."""

    id: str
    source: str
    type: str
    subject: str | None
    time: str | None
    extensions: Mapping[str, Any]
    data: Any


def envelopes_of(posted: Posted) -> list[Envelope]:
    """The events of a post, an empty list for an empty batch. Raises `NotUnderstood`.

    The mode is told by what was posted: a list is a batch, an object with `specversion` a structured event, and with
    `ce-` headers the body is data. Neither Content-Type nor `datacontenttype` is asked: both are often wrong.
    """
    attributes = {name.removeprefix(_PREFIX): value for name, value in posted.headers.items() if name[:3] == _PREFIX}
    if "id" in attributes and "type" in attributes:
        return [_binary(attributes, posted)]
    raw = small_json(posted.body)
    if isinstance(raw, list):
        if len(raw) > MAX_EVENTS:
            raise NotUnderstood(f"The batch holds more than {MAX_EVENTS} events.")
        return [_structured(each) for each in raw]
    return [_structured(raw)]


def _binary(attributes: Mapping[str, str], posted: Posted) -> Envelope:
    """Header values are percent-encoded UTF-8 (HTTP binding, 3.1.3.2)."""
    given: dict[str, Any] = {name: unquote(value, errors="replace") for name, value in attributes.items()}
    return _envelope(given, _json_or_text(posted.body) if posted.body.strip() else None)


def _structured(raw: object) -> Envelope:
    if not isinstance(raw, dict) or not {"id", "type"} <= raw.keys():
        raise NotUnderstood("The body is no CloudEvent: it is no object with id, source and type.")
    data = raw.get("data")
    if data is None and isinstance(raw.get("data_base64"), str):
        try:
            data = base64.b64decode(raw["data_base64"], validate=True).decode()
        except (binascii.Error, ValueError):
            raise NotUnderstood("The event's data_base64 is no Base64 of text.") from None
    if isinstance(data, str):
        data = _json_or_text(data.encode("utf-8", "replace"))
    return _envelope(raw, data)


def _envelope(given: Mapping[str, Any], data: Any) -> Envelope:
    for name in REQUIRED:
        if not (isinstance(given.get(name), str) and given[name].strip()):
            raise NotUnderstood(f"The event has no {name}, which CloudEvents require.")
    known = (*REQUIRED, *_OPTIONAL)
    extensions = {name: value for name, value in given.items() if name not in known}
    few = dict(sorted(extensions.items())[:_MAX_EXTENSIONS])
    return Envelope(
        given["id"].strip(),
        given["source"].strip(),
        given["type"].strip(),
        _text(given.get("subject")),
        _text(given.get("time")),
        {name: value for name, value in few.items() if isinstance(value, str | bool | int | float)},
        data,
    )


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _json_or_text(data: bytes) -> Any:
    try:
        return small_json(data)
    except NotUnderstood:
        return data.decode("utf-8", "replace")
