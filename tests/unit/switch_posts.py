"""Posts of switches for tests, and a call without the forms of its numbers, which have tests of their own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, Posted, SourceSettings
from dispatcher.sources.format import Parsed

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)


def posted(body: bytes, query: Sequence[tuple[str, str]] = ()) -> Posted:
    """A post whose Content-Type says nothing of use."""
    url = "https://onhook.example/v1/sources/pbx1/events"
    return Posted("POST", url, list(query), {"content-type": "text/plain"}, body, NOW, "192.0.2.10")


def parsed(name: str, body: bytes, **config: Any) -> Sequence[Parsed]:
    """What a format makes of a body, for a source in Berlin."""
    return FORMATS[name].parse(posted(body), SourceSettings("Europe/Berlin", "DE", config))


def one(name: str, body: bytes, **config: Any) -> Any:
    """The only part or event of a body."""
    [found] = parsed(name, body, **config)
    return found


def told(found: Parsed) -> dict[str, Any]:
    """The call of a part or an event, without `external` and `dialled`, which are made of its numbers."""
    [event] = events_of([found])
    return {name: value for name, value in event.call.items() if name not in ("external", "dialled")}


def facts(found: Parsed) -> tuple[Any, ...]:
    """What a part says besides its call: id, type, moment, keys, whether it ends its call, whether it is a fact."""
    if isinstance(found, CallEvent):
        return found.source_event_id, found.type, found.occurred_at
    assert isinstance(found, CallPart)
    event = found.event
    return event.source_event_id, event.type, event.occurred_at, found.keys, found.ends_call, found.is_fact


def at(text: str) -> datetime:
    """A moment of 20 November 2026, UTC."""
    return datetime.fromisoformat(f"2026-11-20T{text}+00:00")


def without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A record that lacks some members."""
    return {name: value for name, value in record.items() if name not in names}


def events_of(parsed: Sequence[Parsed]) -> list[CallEvent]:
    """The events of what was read, each part of a call as the event that it would be alone."""
    return [each.event if isinstance(each, CallPart) else each for each in parsed]
