"""A request's body as a CloudEvent (CloudEvents 1.0), with templates still in it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatcher.domain.requests.media_types import is_json, read_media_type
from dispatcher.domain.requests.pairs import MAX_PAIRS, Pair, read_template
from dispatcher.domain.requests.target_url import read_reference
from dispatcher.domain.shape import Reading

MEMBERS = ("kind", "mode", "source", "type", "subject", "time", "datacontenttype", "data", "extensions")
ATTRIBUTES = frozenset(
    {"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data"}
)
"""What the specification names itself, and `data`, which no attribute may be called."""
DEFAULT_SOURCE = "/sources/{{ source.name }}"
DEFAULT_TYPE = "{{ type }}"
DEFAULT_SUBJECT = "{{ call.id }}"
DEFAULT_TIME = "{{ occurred_at }}"
DEFAULT_DATA = "{{ call }}"
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")


class Mode(StrEnum):
    """How the event travels (HTTP binding, 3)."""

    STRUCTURED = "structured"
    """All of it in the body, so that the signature covers the attributes too: the default."""
    BINARY = "binary"
    """The data is the body, the attributes are headers `ce-...`."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """`data` is any JSON whose strings are templates or, where the media type is no JSON, a template.

    The attribute `id` is no one's choice: it is the delivery's id. Receivers take two events with the same `source`
    and `id` for one, so the id must be the same on every attempt, and another for a replayed test.
    """

    mode: Mode
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    data: Any
    extensions: tuple[Pair, ...]

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request.body` shows it."""
        return {
            "kind": "cloudevent",
            "mode": self.mode.value,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": self.datacontenttype,
            "data": self.data,
            "extensions": {pair.name: pair.value for pair in self.extensions},
        }


def read_cloud_event(reading: Reading, given: dict[str, Any], at: str) -> CloudEvent:
    """The members of a body of the kind `cloudevent`; faults are noted."""
    media_type = read_media_type(
        reading, given.get("datacontenttype", "application/json"), f"{at}.datacontenttype", "application/json"
    )
    data = given.get("data", DEFAULT_DATA)
    if type(data) is not str and not is_json(media_type):
        reading.note(f"{at}.data", "text, since datacontenttype is no JSON", data)
    return CloudEvent(
        Mode(reading.word(given.get("mode", "structured"), f"{at}.mode", tuple(Mode))),
        read_reference(reading, given.get("source", DEFAULT_SOURCE), f"{at}.source"),
        read_template(reading, given.get("type", DEFAULT_TYPE), f"{at}.type"),
        read_template(reading, given.get("subject", DEFAULT_SUBJECT), f"{at}.subject"),
        read_template(reading, given.get("time", DEFAULT_TIME), f"{at}.time"),
        media_type,
        data,
        _read_extensions(reading, given.get("extensions", {}), f"{at}.extensions"),
    )


def _read_extensions(reading: Reading, raw: object, at: str) -> tuple[Pair, ...]:
    if type(raw) is not dict or len(raw) > MAX_PAIRS:
        reading.note(at, f"an object of at most {MAX_PAIRS} attributes", raw)
        return ()
    for name in raw:
        if not _EXTENSION.fullmatch(name) or name in ATTRIBUTES:
            expected = "an attribute's name: 1 to 20 of a-z and 0-9, none of the specification's own"
            reading.note_got(f"{at}.{name}", expected, name)
    return tuple(Pair(name, read_template(reading, value, f"{at}.{name}")) for name, value in raw.items())
