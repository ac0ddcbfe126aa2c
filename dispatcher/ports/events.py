"""Ports of ingest: where accepted events go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(slots=True)
class NewEvent:
    """An event about to be stored. `body` is the canonical event as JSON: id, type, occurred_at, call."""

    id: UUID
    workspace_id: UUID
    source_id: UUID
    source_event_id: str | None
    type: str
    call_id: str
    occurred_at: datetime
    body: bytes


@dataclass(slots=True)
class Accepted:
    """What became of an event: its id (the first one's, for a duplicate)."""

    id: UUID
    source_event_id: str | None
    duplicate: bool


class EventStore(Protocol):
    """Where accepted events go."""

    def add_events(self, events: Sequence[NewEvent], received_at: datetime, wake_at: datetime) -> list[Accepted]:
        """Stores what is new, durably, in the order given; the sweeper hints what is not evaluated by `wake_at`."""
        ...
