"""The canonical event: what a source said once about a call. Parsed at the edge, then trusted everywhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatcher.domain.call_fields import EVENT_TYPES, FIELDS
from dispatcher.domain.field_values import (
    MAX_DEPTH,
    Reader,
    Unfit,
    described,
    read_free,
    read_id,
    read_moment,
    read_object,
    reader_of,
    time_text,
    well_formed,
)

MAX_EVENTS = 1000
"""Events in one batch, so that one post cannot fill a transaction."""
MAX_LISTED_FAULTS = 100
_MAX_FIELD_CHARACTERS = 200


@dataclass(slots=True)
class CallEvent:
    """One event in canonical form. Not frozen, since that costs three times as much to make; nobody changes it.

    `occurred_at` is aware, in UTC. `call` holds the fields of `FIELDS` without the prefix `call.`, typed as
    there; times are RFC 3339 text in UTC with `Z`; an absent field has no key; what the source sent beyond
    these lies under `custom`. All of it can be encoded as JSON in UTF-8.
    """

    source_event_id: str | None
    type: str
    occurred_at: datetime
    call: dict[str, Any]

    def as_context(self) -> dict[str, Any]:
        """What criteria and templates see of it; what is stored says of its source besides."""
        return {
            "id": self.source_event_id,
            "type": self.type,
            "occurred_at": time_text(self.occurred_at),
            "call": self.call,
        }


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field. `index` is the event's place in its batch, None for a single event.

    `got` may quote a short value: it is for the poster's answer and belongs into no log.
    """

    index: int | None
    field: str
    expected: str
    got: str


class EventRefused(ValueError):
    """Events that do not hold what they must. The text holds no value; `faults` lists what to mend."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the event is refused for {len(faults)} fault(s)")
        self.faults = faults


def parse_events(raw: object, received_at: datetime, limit: int = MAX_EVENTS) -> list[CallEvent]:
    """The events of a decoded JSON body: one event, or `{"events": [...]}` with 1 to `limit`.

    Raises `EventRefused` with every fault of every event (the first hundred); then nothing may be stored.
    """
    if type(raw) is not dict or "events" not in raw:
        return [parse_event(raw, received_at)]
    faults = [_unknown(None, key, raw[key]) for key in raw if key != "events"]
    batch = raw["events"]
    if type(batch) is not list or not 1 <= len(batch) <= limit:
        faults.append(Fault(None, "events", f"a list of 1 to {limit} events", described(batch)))
        raise EventRefused(faults[:MAX_LISTED_FAULTS])
    events = []
    for index, each in enumerate(batch):
        try:
            events.append(parse_event(each, received_at, index))
        except EventRefused as refused:
            faults += refused.faults
            if len(faults) >= MAX_LISTED_FAULTS:
                break
    if faults:
        raise EventRefused(faults[:MAX_LISTED_FAULTS])
    return events


def parse_event(raw: object, received_at: datetime, index: int | None = None) -> CallEvent:
    """One event of decoded JSON in canonical form; `received_at` (aware, UTC) stands in for `occurred_at`.

    Raises `EventRefused` with all faults of the event.
    """
    if type(raw) is not dict:
        raise EventRefused([Fault(index, "", "an event as an object", described(raw))])
    reading = _Reading(index)
    if not raw.keys() <= _TOP:
        reading.faults += [_unknown(index, key, raw[key]) for key in raw if key not in _TOP]
    event = CallEvent(
        reading.optional(raw, "id", read_id, None),
        reading.required(raw, "type", _read_type, ""),
        reading.optional(raw, "occurred_at", read_moment, received_at),
        reading.call(reading.required(raw, "call", read_object, _NO_CALL)),
    )
    if reading.faults:
        raise EventRefused(reading.faults[:MAX_LISTED_FAULTS])
    return event


class _Reading:
    """The faults found so far in one event."""

    __slots__ = ("faults", "index")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.faults: list[Fault] = []

    def note(self, field: str, unfit: Unfit) -> None:
        path = well_formed(field + unfit.at)[:_MAX_FIELD_CHARACTERS]
        self.faults.append(Fault(self.index, path, unfit.expected, unfit.got))

    def optional(self, given: dict[str, Any], key: str, read: Reader, default: Any) -> Any:
        value = given.get(key)
        if value is None:
            return default
        try:
            return read(value)
        except Unfit as unfit:
            self.note(key, unfit)
            return default

    def required(self, given: dict[str, Any], key: str, read: Reader, default: Any) -> Any:
        if key not in given:
            self.faults.append(Fault(self.index, key, _REQUIRED[key], "nothing"))
            return default
        try:
            return read(given[key])
        except Unfit as unfit:
            self.note(key, unfit)
            return default

    def call(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("id") is None:
            got = "null" if "id" in given else "nothing"
            self.faults.append(Fault(self.index, "call.id", _REQUIRED["call.id"], got))
        call, unknown = self.members(given, _CALL, "call.")
        for name, fields, path in _OBJECTS:
            if name in call:
                call[name], beyond = self.members(call[name], fields, path)
                if beyond:
                    unknown[name] = beyond
                if not call[name]:
                    del call[name]
        custom = self.custom(unknown, "call.") if unknown else {}
        if "custom" in call:
            custom |= self.custom(call.pop("custom"), "call.custom.")
        if custom:
            call["custom"] = custom
        return call

    def members(
        self, given: dict[str, Any], fields: Mapping[str, Reader], path: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The known members in canonical form, and the unknown ones as they are."""
        known: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for key, value in given.items():
            read = fields.get(key)
            if read is None:
                unknown[key] = value
            elif value is not None:
                try:
                    known[key] = read(value)
                except Unfit as unfit:
                    self.note(path + key, unfit)
        return known, unknown

    def custom(self, given: dict[str, Any], path: str) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in given.items():
            try:
                read[well_formed(key)] = read_free(value, MAX_DEPTH - 1)
            except Unfit as unfit:
                self.note(path + key, unfit)
        return read


def _read_type(value: object) -> str:
    if type(value) is str and (value in _TYPES or (len(value) <= 255 and _OWN_TYPE.fullmatch(value))):
        return value
    raise Unfit(_REQUIRED["type"], value)


def _unknown(index: int | None, key: str, value: object) -> Fault:
    return Fault(index, well_formed(key)[:_MAX_FIELD_CHARACTERS], "no such field", described(value))


def _readers(prefix: str) -> dict[str, Reader]:
    """The readers of the fields directly under a prefix, by their last name."""
    return {
        path.removeprefix(prefix): reader_of(field)
        for path, field in FIELDS.items()
        if path.startswith(prefix) and "." not in path.removeprefix(prefix)
    }


_NO_CALL: dict[str, Any] = {"id": "-"}
"""Read instead of a call that is no object, so that its one fault is not joined by others."""
_TOP = frozenset({"id", "type", "occurred_at", "call"})
_TYPES = frozenset(EVENT_TYPES)
_OWN_TYPE = re.compile(r"x\.[a-z0-9._-]+")
_CALL = _readers("call.")
_OBJECTS = tuple(
    (name, _readers(f"call.{name}."), f"call.{name}.") for name in ("agent", "recording", "external", "dialled")
)
_REQUIRED = {
    "type": "one of " + ", ".join(EVENT_TYPES) + ", or x. and letters a-z, digits and ._-",
    "call": "an object",
    "call.id": "text of 1 to 255 characters without control characters",
}
