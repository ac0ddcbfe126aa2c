"""Ports of replay: a person asks again, or calls off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries; an absent member does not restrict."""

    state: str | None = None
    profile: str | None = None
    call_id: str | None = None
    event_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    test: bool = False
    """Tests instead of the ordinary ones: no filter chooses both."""


class ReplayStore(Protocol):
    """A person asks again, or calls off."""

    def replay(
        self, workspace_id: UUID, ids: Sequence[UUID], now: datetime, wake_at: datetime
    ) -> list[tuple[UUID, UUID]]:
        """Reopens those that are final (attempts from 0, due now): (delivery, profile) of each reopened.

        Those of deleted profiles and of erased events stay as they are: there is no request left to build.
        """
        ...

    def is_erased(self, workspace_id: UUID, delivery_id: UUID) -> bool:
        """Whether the event of this delivery is erased."""
        ...

    def matching(self, workspace_id: UUID, chosen: DeliveryFilter, before: UUID | None, limit: int) -> list[UUID]:
        """Ids of final deliveries of a filter, newest first, older than `before`; none that `replay` leaves."""
        ...

    def count_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        """How many deliveries `matching` gives in all."""
        ...

    def discard(self, workspace_id: UUID, delivery_id: UUID, reason: str, now: datetime) -> bool:
        """Cancels an open delivery; False where it is final already or being sent now."""
        ...
