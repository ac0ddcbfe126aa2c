"""Ports of calls that come in parts: where parts are kept, and how what they say together is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.assembly import Assembly
from dispatcher.ports.events import Accepted, NewEvent


@dataclass(slots=True)
class NewPart:
    """A part about to be stored. `part_id` is the record's own id, None where it has none; `body` is what
    `assemble.body_of` made of it. `under_way`: its `leg` has not ended yet; None: it says nothing of any."""

    id: UUID
    workspace_id: UUID
    source_id: UUID
    part_id: str | None
    keys: tuple[str, ...]
    call_id: str
    occurred_at: datetime
    quiet_seconds: float
    ends_call: bool
    is_fact: bool
    leg: str | None
    under_way: bool
    body: bytes


@dataclass(slots=True)
class HeldPart:
    """A part as it is kept, the oldest first. `told`: an event has said what it says."""

    id: UUID
    part_id: str | None
    told: bool
    body: dict[str, Any]


@dataclass(slots=True)
class DueCall:
    """A call of which there is something to tell; parts that are erased are not among its parts."""

    assembly: Assembly
    parts: list[HeldPart]


@dataclass(slots=True)
class Telling:
    """What is to be told of a call: events, in order, and the parts that they cover. `finished`: the call is told as
    finished, under `call_id`. Nothing is done where another version of it is stored by now."""

    assembly_id: UUID
    version: int
    call_id: str
    finished: bool
    told: list[UUID]
    events: list[NewEvent]


@dataclass(frozen=True, slots=True)
class OpenCall:
    """Parts of a call that wait: how many, and until when."""

    parts: int
    due_at: datetime


class OpenCallStore(Protocol):
    """What is known of calls before they are told."""

    def open_call(self, workspace_id: UUID, call_id: str) -> OpenCall | None:
        """What waits of a call, by its id or one of the keys of its parts."""
        ...


class PartStore(Protocol):
    """Where parts go."""

    def add_parts(self, parts: Sequence[NewPart], now: datetime) -> list[Accepted]:
        """Stores what is new, durably, and finds out which call each part belongs to; parts of a source that share a
        key are of one call, also those that came before. A part with the id of a stored one is a duplicate: nothing
        changes for it."""
        ...


class AssemblyStore(PartStore, OpenCallStore, Protocol):
    """Calls that come in parts, kept until they are told and for a while after."""

    def due_calls(self, now: datetime, again_at: datetime, limit: int) -> list[DueCall]:
        """Calls that are due, those longest due first. Each is given out once until `again_at`."""
        ...

    def tell(self, tellings: Sequence[Telling], now: datetime, wake_at: datetime) -> list[Accepted]:
        """Stores the events and notes what they cover, durably, in one transaction; what became of each event that was
        tried. A telling of another version than the stored one is left out, and comes up again."""
        ...

    def forget_old(self, now: datetime, limit: int) -> int:
        """Removes calls of which nothing has come for `assembly.KEPT`, with their parts; how many."""
        ...
