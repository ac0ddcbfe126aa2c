"""Find what is due, lost or expired, and hint it again: the database is the only schedule.

Several sweepers may run side by side: what one gives out, the others leave alone for a while.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from dispatcher.ports import BrokerUnavailable, Clock, Hints, ScheduleStore, StoreUnavailable

logger = logging.getLogger(__name__)

HINT_IDS = 200
"""Ids in one hint, so that several workers share a backlog."""
WAITING_HINTS = 100
"""While more hints of a kind than this wait in the broker, nobody takes them, and no more are sent."""
GIVEN_OUT = 8_000
"""Events, and deliveries of each profile, that are given out at a time: about a second of one machine's work. A
backlog stays in the database, where it is safe, and where nobody else's turn comes after it."""


@dataclass(slots=True)
class Swept:
    """How many events and deliveries a sweep hinted; `failed` where the database or the broker was away."""

    events: int = 0
    deliveries: int = 0
    failed: bool = False


class Sweeper:
    """One sweep at a time; the caller decides when."""

    def __init__(self, store: ScheduleStore, hints: Hints, clock: Clock, *, rehint_seconds: float = 5.0) -> None:
        self._store, self._hints, self._clock = store, hints, clock
        self._rehint = timedelta(seconds=rehint_seconds)

    def sweep(self) -> Swept:
        """Hints what is due now. While the database or the broker is away it says so in the log and does nothing."""
        try:
            return self._sweep()
        except StoreUnavailable:
            logger.warning("sweep.store_unavailable")
        except BrokerUnavailable:
            # What was given out but not hinted is given out again after the rehint time.
            logger.warning("sweep.broker_unavailable")
        return Swept(failed=True)

    def _sweep(self) -> Swept:
        # Asked first, so that nothing is given out while the broker is away.
        depth = self._hints.depth()
        now = self._clock()
        again_at = now + self._rehint
        events = self._store.wake_events(now, again_at, GIVEN_OUT) if depth.evaluate < WAITING_HINTS else []
        for part in _parts(events):
            self._hints.evaluate(part)
        deliveries = self._store.wake_deliveries(now, again_at, GIVEN_OUT) if depth.deliver < WAITING_HINTS else {}
        for profile_id, ids in deliveries.items():
            for part in _parts(ids):
                self._hints.deliver(profile_id, part)
        return Swept(len(events), sum(map(len, deliveries.values())))


def _parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[start : start + HINT_IDS] for start in range(0, len(ids), HINT_IDS)]
