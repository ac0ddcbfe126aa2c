"""A person asks again, or calls off: final deliveries are reopened, open ones are discarded."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from dispatcher.ports import BrokerUnavailable, Clock, Conflict, DeliveryFilter, Hints, ReplayStore

PAGE_DELIVERIES = 500
"""Deliveries reopened in one transaction: short enough to hold up nobody."""
HINT_DELIVERIES = 200
"""At most this many deliveries in one hint, so that several workers share them."""

ERASED = (
    "The delivery's event is erased: it fired a private profile, and nothing of such an event is kept once all its "
    "deliveries are final (72 hours later for a dead one)."
)


class Replayer:
    """Reopens and discards deliveries. Safe to use from several threads."""

    def __init__(self, store: ReplayStore, hints: Hints, clock: Clock, *, rehint_seconds: float = 5.0) -> None:
        self._store, self._hints, self._clock = store, hints, clock
        self._rehint = timedelta(seconds=rehint_seconds)

    def replay(self, workspace_id: UUID, delivery_id: UUID) -> None:
        """Reopens one final delivery, due now, its attempts counted anew.

        Raises `Conflict` where it is open, its profile deleted, or its event erased.
        """
        if not self._reopen(workspace_id, [delivery_id]):
            if self._store.is_erased(workspace_id, delivery_id):
                raise Conflict(ERASED)
            raise Conflict("Only a final delivery can be replayed, and only while its profile exists.")

    def replay_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        """Reopens every final delivery of the filter whose profile exists and whose event is not erased, newest first.

        Each page is a transaction: when the database goes away half-way, what is reopened stays so, and
        StoreUnavailable is raised.
        """
        reopened, before = 0, None
        while ids := self._store.matching(workspace_id, chosen, before, PAGE_DELIVERIES):
            reopened += self._reopen(workspace_id, ids)
            before = ids[-1]
        return reopened

    def count_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        """How many deliveries `replay_matching` would reopen now."""
        return self._store.count_matching(workspace_id, chosen)

    def discard(self, workspace_id: UUID, delivery_id: UUID, reason: str) -> None:
        """Cancels an open delivery. Raises `Conflict` where it is final, or on its way at this moment."""
        if not self._store.discard(workspace_id, delivery_id, reason, self._clock()):
            raise Conflict("The delivery is final, or being sent at this moment: it cannot be discarded.")

    def _reopen(self, workspace_id: UUID, ids: Sequence[UUID]) -> int:
        now = self._clock()
        reopened = self._store.replay(workspace_id, ids, now, now + self._rehint)
        by_profile: dict[UUID, list[UUID]] = defaultdict(list)
        for delivery_id, profile_id in reopened:
            by_profile[profile_id].append(delivery_id)
        self._hint(by_profile)
        return len(reopened)

    def _hint(self, by_profile: dict[UUID, list[UUID]]) -> None:
        try:
            for profile_id, ids in by_profile.items():
                for start in range(0, len(ids), HINT_DELIVERIES):
                    self._hints.deliver(profile_id, ids[start : start + HINT_DELIVERIES])
        except BrokerUnavailable:
            return  # reopened is reopened: the sweeper hints them
