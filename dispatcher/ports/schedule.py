"""Ports of the schedule: hints to workers, what is due, and what is to be erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Depth:
    """Hints of each kind that wait in the broker."""

    evaluate: int
    deliver: int


class Hints(Protocol):
    """Tells workers, through the broker, where to look. A lost hint costs time, nothing else."""

    def evaluate(self, event_ids: Sequence[UUID]) -> None:
        """These events wait for evaluation. Raises `BrokerUnavailable`."""
        ...

    def deliver(self, profile_id: UUID, delivery_ids: Sequence[UUID]) -> None:
        """These deliveries of one profile are due. Raises `BrokerUnavailable`."""
        ...

    def depth(self) -> Depth:
        """How many hints wait now. Raises `BrokerUnavailable`."""
        ...


class ScheduleStore(Protocol):
    """The database as the only schedule."""

    def wake_events(self, now: datetime, again_at: datetime, limit: int) -> list[UUID]:
        """Events not evaluated whose time has come, the longest waiting first.

        Each is given out once until `again_at`, and no more than `limit` are given out at a time: those that
        were and have not been evaluated since count.
        """
        ...

    def wake_deliveries(self, now: datetime, again_at: datetime, limit: int) -> dict[UUID, list[UUID]]:
        """Deliveries due, or with a lease run out, by profile, the longest waiting first.

        Each is given out once until `again_at`, and no more than `limit` of a profile at a time, so that one
        profile's backlog delays no other's. Of disabled profiles only tests are given out.
        """
        ...


@dataclass(frozen=True, slots=True)
class Erased:
    """How many events the eraser looked at, and how many of them are erased now."""

    looked_at: int = 0
    events: int = 0


class ErasureStore(Protocol):
    """Events that fired a private profile."""

    def erase_due(self, now: datetime, limit: int) -> Erased:
        """Looks at events that are due, those longest due first, and does what `domain.erasure.next_step` says.

        No delivery of an event is reopened or made while this looks at it; what is erased stays so.
        """
        ...
