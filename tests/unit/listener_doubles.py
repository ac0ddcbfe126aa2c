"""What the tests of listeners build with: a source, a door that remembers, a clock, a spool without encryption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from dispatcher.adapters.listeners.intake import Intake
from dispatcher.adapters.listeners.record import Record
from dispatcher.adapters.listeners.spool import Spool
from dispatcher.domain.event import CallEvent
from dispatcher.ports import Source, StoreUnavailable
from dispatcher.sources.format import Parsed
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, HandClock
from tests.unit.switch_posts import events_of

AVAYA = (
    "2026/11/20 11:00:00,00:03:11,9,+14155550100,I,200,200,,0,{number},0,E200,Jane Roe,T9001,Line 1.1,0,0,,,,,,,,,,,,,"
)
"""An answered call from outside, in the shape of IP Office's SMDR; it ends with this segment."""


def source_of(spoken: str = "smdr_avaya", auth: Mapping[str, Any] | None = None, **config: Any) -> Source:
    return Source(SOURCE, WORKSPACE, "pbx", spoken, dict(auth) if auth else None, "UTC", None, config)


def avaya(number: int) -> bytes:
    return AVAYA.format(number=number).encode()


@dataclass
class Door:
    """Remembers what was stored and what was put into quarantine. While `away` is set, it is as a database is then."""

    stored: list[CallEvent] = field(default_factory=list)
    held: list[tuple[bytes, str]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    away: bool = False
    calls: int = 0

    def take(self, _: Source, parsed: Sequence[Parsed], received_at: datetime) -> None:
        self.calls += 1
        if self.away:
            raise StoreUnavailable("away")
        known = {event.source_event_id for event in self.stored}
        self.stored += [event for event in events_of(parsed) if event.source_event_id not in known]
        self.moments.append(received_at)

    def quarantine(self, _: Source, record: Record, reason: str) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.held.append((record.body, reason))

    @property
    def report_ids(self) -> list[str]:
        return [event.call["report_id"] for event in self.stored]


def intake_of(door: Door, source: Source | None = None, clock: HandClock | None = None) -> Intake:
    given = source or source_of()
    return Intake(given, lambda _: given, door.take, door.quarantine, clock or HandClock())


def spool_in(folder: Path, max_bytes: int = 1_000_000) -> Spool:
    return Spool(folder, lambda entry: entry[::-1], lambda sealed: sealed[::-1], max_bytes)


def record(body: bytes, **changes: Any) -> Record:
    return replace(Record(body, NOON, "one", "text/plain", "192.0.2.1"), **changes)
