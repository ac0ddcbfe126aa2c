"""A mapping: which records of a body are calls, and what becomes of each. Read from a source's configuration."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from dispatcher.domain.call_fields import EVENT_TYPES, FIELDS
from dispatcher.domain.engines import PathRefused
from dispatcher.domain.event import MAX_EVENTS, CallEvent
from dispatcher.domain.field_values import Unfit, read_free
from dispatcher.domain.shape import Reading
from dispatcher.sources.format import NotUnderstood, SourceSettings, canonical
from dispatcher.sources.mapped.bodies import BODIES, Find, Notation, fingerprint, notation_of
from dispatcher.sources.mapped.conditions import Holds, read_conditions
from dispatcher.sources.mapped.fields import CALL_FIELDS, MAX_TEXT_CHARACTERS
from dispatcher.sources.mapped.values import Look, Wanted, read_value
from dispatcher.sources.posts.said import present

MEMBERS = ("body", "items", "namespaces", "when", "event")
MAX_CUSTOM = 64
MAX_NAMESPACES = 20
DEFAULT_TYPE = "call.finished"
_EVENT_MEMBERS = ("id", "type", "occurred_at", "call")
_CALL_MEMBERS = tuple(dict.fromkeys([*CALL_FIELDS[""], *filter(None, CALL_FIELDS), "custom"]))
_OWN_TYPE = re.compile(r"x\.[a-z0-9._-]{1,253}")


@dataclass(frozen=True)
class Given:
    """What is known of an event besides its record: what a CloudEvent's attributes say. Looked-up values win."""

    id: str | None = None
    type: str | None = None
    occurred_at: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)


_NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class EventMapping:
    """What is looked up for one event; `call` is by the path below `call.`, customs by `custom.` and their name."""

    id: Look | None
    type: Look | None
    occurred_at: Look | None
    call: Mapping[str, Look]
    holds: Holds

    def looks(self) -> Iterator[tuple[str, Look]]:
        """Everything that is looked up, by the name of its field."""
        for name in ("id", "type", "occurred_at"):
            if (look := getattr(self, name)) is not None:
                yield name, look
        yield from ((f"call.{name}", look) for name, look in self.call.items())


@dataclass(frozen=True)
class BodyMapping:
    """A mapping of whole bodies. `decode` raises `NotUnderstood`; `items` finds the records of a batch."""

    event: EventMapping
    notation: Notation
    items: Find | None
    is_batch: Callable[[Any], bool]
    """Whether the list of records is there, be it empty."""

    def records(self, document: Any) -> list[Any]:
        """The records that are calls. Raises `NotUnderstood` where there are too many to store at once."""
        found = self.all_records(document)
        if len(found) > MAX_EVENTS:
            raise NotUnderstood(f"The body holds more than {MAX_EVENTS} records.")
        return [record for record in found if self.event.holds(record)]

    def all_records(self, document: Any) -> list[Any]:
        """Whatever stands at `items`. Raises `NotUnderstood` where that place is not there: an empty batch says
        nothing, while a body of another shape would be answered as a success and lost, call by call."""
        if self.items is None:
            return [document]
        found = self.items(document)
        if not found and not self.is_batch(document):
            raise NotUnderstood("Nothing stands in the body where config.items looks for records.")
        return found


def read_mapping(reading: Reading, config: Mapping[str, Any], at: str) -> BodyMapping | None:
    """The mapping of a source's `config`; None where faults were noted."""
    before = len(reading.faults)
    body = reading.word(config.get("body", "json"), f"{at}.body", BODIES)
    namespaces = _namespaces(reading, config.get("namespaces"), f"{at}.namespaces")
    notation = notation_of(body, namespaces, in_items="items" in config)
    items = _items(reading, config["items"], f"{at}.items", notation) if config.get("items") is not None else None
    event = read_event_mapping(reading, config, at, notation)
    is_batch = notation.is_batch(config["items"]) if items is not None else bool
    return BodyMapping(event, notation, items, is_batch) if len(reading.faults) == before else None


def read_event_mapping(reading: Reading, config: Mapping[str, Any], at: str, notation: Notation) -> EventMapping:
    """`event` and `when` of a configuration."""
    holds = read_conditions(reading, config.get("when"), f"{at}.when", notation)
    given = reading.members(config.get("event"), f"{at}.event", _EVENT_MEMBERS)

    def look(name: str, path: str) -> Look | None:
        wanted = Wanted(FIELDS[path], notation)
        return read_value(reading, given[name], f"{at}.event.{name}", wanted) if given.get(name) is not None else None

    event_id, moment, kind = look("id", "id"), look("occurred_at", "occurred_at"), look("type", "type")
    if type(given.get("type")) in (str, dict):
        _check_types(reading, given["type"], f"{at}.event.type")
    call = (
        _read_call(reading, given.get("call"), f"{at}.event.call", notation)
        if type(config.get("event")) is dict
        else {}
    )
    return EventMapping(event_id, kind, moment, call, holds)


def _read_call(reading: Reading, raw: object, at: str, notation: Notation) -> dict[str, Look]:
    given = reading.members(raw, at, _CALL_MEMBERS)
    if type(raw) is not dict:
        return {}
    if given.get("id") is None:
        reading.note_got(f"{at}.id", "where the call's id stands", "nothing")
    looks: dict[str, Look] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name == "custom":
            looks |= _read_customs(reading, value, f"{at}.custom", notation)
        elif name in CALL_FIELDS:
            fields = CALL_FIELDS[name]
            for each, inner in reading.members(value, f"{at}.{name}", tuple(fields)).items():
                wanted = Wanted(fields[each], notation)
                looks[f"{name}.{each}"] = read_value(reading, inner, f"{at}.{name}.{each}", wanted)
        else:
            looks[name] = read_value(reading, value, f"{at}.{name}", Wanted(CALL_FIELDS[""][name], notation))
    return looks


def _read_customs(reading: Reading, raw: object, at: str, notation: Notation) -> dict[str, Look]:
    if type(raw) is not dict or len(raw) > MAX_CUSTOM:
        reading.note(at, f"an object of at most {MAX_CUSTOM} members", raw)
        return {}
    wanted = Wanted(None, notation)
    return {f"custom.{name}": read_value(reading, value, f"{at}.{name}", wanted) for name, value in raw.items()}


def _check_types(reading: Reading, raw: str | dict[str, Any], at: str) -> None:
    """Every type that is a constant, alone or in a map, is one that there is."""
    constants = {at: raw} if type(raw) is str else {}
    if type(raw) is dict:
        if type(raw.get("map")) is dict:
            constants |= {f"{at}.map.{key}": value for key, value in raw["map"].items() if type(value) is str}
        if type(raw.get("otherwise")) is str:
            constants[f"{at}.otherwise"] = raw["otherwise"]
    for path, value in constants.items():
        if value not in EVENT_TYPES and not _OWN_TYPE.fullmatch(str(value)):
            reading.note(path, f"one of {', '.join(EVENT_TYPES)}, or x. and a name of your own", value)


def _namespaces(reading: Reading, raw: object, at: str) -> dict[str, str]:
    if raw is None:
        return {}
    if type(raw) is not dict or len(raw) > MAX_NAMESPACES or not all(type(uri) is str and uri for uri in raw.values()):
        reading.note(at, f"an object of at most {MAX_NAMESPACES} prefixes and their namespaces", raw)
        return {}
    return raw


def _items(reading: Reading, raw: object, at: str, notation: Notation) -> Find | None:
    if notation.items is None:
        reading.note(at, "nothing: a form is one record", raw)
        return None
    try:
        if type(raw) is str:
            return notation.items(raw)
        reading.note(at, "a path to the records, as text", raw)
    except PathRefused as refused:
        reading.note(at, str(refused), raw)
    return None


def event_of(
    mapping: EventMapping, record: Any, settings: SourceSettings, received_at: Any, given: Given = _NOTHING_GIVEN
) -> CallEvent | None:
    """The event of a record; None where its type is one that the mapping leaves out.

    Raises `NotUnderstood` where there is no call's id, or a value that no event can hold.
    """

    def found(look: Look | None, default: Any) -> Any:
        value = look(record, settings.time_zone) if look is not None else None
        return default if value is None else value

    kind = found(mapping.type, given.type or (DEFAULT_TYPE if mapping.type is None else None))
    if kind is None:
        return None
    call = _call(mapping.call, record, settings.time_zone)
    if call.get("id") is None:
        raise NotUnderstood("The record gives no call.id: nothing stands where the source's mapping looks for it.")
    custom = {**given.custom, **call.pop("custom", {})}
    raw: dict[str, Any] = {
        "id": found(mapping.id, given.id or f"mapped:{fingerprint(record)}"),
        "type": kind,
        "occurred_at": found(mapping.occurred_at, given.occurred_at or call.get("ended_at") or call.get("started_at")),
        "call": present({**call, "custom": custom}),
    }
    return canonical(raw, received_at, settings)


def _call(looks: Mapping[str, Look], record: Any, zone: str) -> dict[str, Any]:
    call: dict[str, Any] = {}
    for path, look in looks.items():
        value = look(record, zone)
        if value is None:
            continue
        inside, _, name = path.partition(".")
        if not name:
            call[inside] = value
        elif inside != "custom":
            call.setdefault(inside, {})[name] = value
        elif (kept := _kept(value)) is not None:
            call.setdefault("custom", {})[name] = kept
    return call


def _kept(value: Any) -> Any:
    """Any JSON for a custom member; nothing of what is too deep or too long to keep."""
    if type(value) is str:
        return value[:MAX_TEXT_CHARACTERS]
    try:
        kept = read_free(value, 8)
        return kept if len(orjson.dumps(kept)) <= MAX_TEXT_CHARACTERS else None
    except (Unfit, orjson.JSONEncodeError):
        return None


Read = Callable[[Reading, Mapping[str, Any], str], Any]


@lru_cache(maxsize=256)
def _compiled(read: Read, config: bytes) -> Any:
    reading = Reading()
    mapping = read(reading, orjson.loads(config), "config")
    return None if reading.faults else mapping


def compiled(read: Read, config: Mapping[str, Any]) -> Any:
    """The mapping of a configuration, kept for the next post. Raises `NotUnderstood` for one that is at fault."""
    mapping = _compiled(read, orjson.dumps(dict(config)))
    if mapping is None:
        raise NotUnderstood("The source's configuration holds no mapping that can be used.")
    return mapping
