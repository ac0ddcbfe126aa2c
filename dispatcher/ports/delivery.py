"""Ports of delivery: claims, results, and what waits for news of its call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.delivery import Claim, Result, State
from dispatcher.ports.evaluation import Profile


class DeliveryStore(Protocol):
    """Claims and results."""

    def catalogue_version(self) -> int:
        """The version of the catalogue now."""
        ...

    def claim(
        self, profile: Profile, ids: Sequence[UUID], claim_id: UUID, now: datetime, lease_until: datetime
    ) -> list[Claim]:
        """Claims those that are due and free, at most what the profile's limits allow now.

        Under limits, the rest is put off to when it may be tried.
        """
        ...

    def record(self, results: Sequence[Result], now: datetime) -> set[UUID]:
        """Writes attempts and next states, durably; only where the claim still stands. The ids written."""
        ...


@dataclass(frozen=True, slots=True)
class CallState:
    """What is known of the call of a delivery's event: the contexts of all its events, the delivery's own among them,
    and the outputs of the followed profile's newest delivery of it (None: it has delivered nothing)."""

    contexts: Sequence[dict[str, Any]]
    outputs: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class PutBack:
    """A claimed delivery that is not to be sent now: pending until `due_at`, or final."""

    delivery_id: UUID
    claim_id: UUID
    state: State
    reason: str
    due_at: datetime | None


class WaitingStore(Protocol):
    """Deliveries that wait for news of their call. Every call is keyed by its source and its id.

    No news is lost between a look and a `put_back`: who looks is listed first, and what is listed is woken.
    """

    def look(self, claims: Sequence[Claim], followed: str | None) -> dict[UUID, CallState]:
        """Lists these deliveries as waiting, then reads the state of their calls, by delivery id."""
        ...

    def put_back(self, releases: Sequence[PutBack], now: datetime) -> list[UUID]:
        """Releases claims that still stand; those still pending for which news came since the look are due at once.

        The ids of these.
        """
        ...

    def stop_waiting(self, delivery_ids: Sequence[UUID]) -> None:
        """Takes deliveries off the list: they are about to be sent."""
        ...

    def wake_waiting(self, calls: Sequence[tuple[UUID, str]], now: datetime) -> dict[UUID, list[UUID]]:
        """Makes what waits for news of these calls (source, call id) due: delivery ids by profile."""
        ...

    def wake_followers(self, delivery_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
        """As `wake_waiting`, for the calls of deliveries that have just been delivered."""
        ...
