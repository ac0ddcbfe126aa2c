"""Erase events that fired a private profile, once all that was to be delivered of them is.

Several processes may do it side by side: each takes what the others leave.
"""

import logging

from dispatcher.ports import Clock, Erased, ErasureStore, StoreUnavailable

logger = logging.getLogger(__name__)

BATCH_EVENTS = 200
"""In one transaction: short enough to hold up nobody."""
MOST_BATCHES = 50
"""In one go, so that whoever else works in this process has his turn; the rest comes with the next."""


class Eraser:
    """One go at a time; the caller decides when."""

    def __init__(self, store: ErasureStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def erase(self) -> Erased:
        """Erases what is due now, and says how much it was. While the database is away: nothing, and a warning."""
        total = Erased()
        try:
            for _ in range(MOST_BATCHES):
                done = self._store.erase_due(self._clock(), BATCH_EVENTS)
                total = Erased(total.looked_at + done.looked_at, total.events + done.events)
                if done.looked_at < BATCH_EVENTS:
                    break
        except StoreUnavailable:
            logger.warning("erase.store_unavailable")
        if total.events:
            logger.info("erase.done", extra={"fields": {"events": total.events}})
        return total
