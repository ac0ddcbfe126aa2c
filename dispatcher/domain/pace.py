"""How many deliveries a profile's limits allow now, over all workers."""

from datetime import datetime, timedelta

from dispatcher.domain.profile import Limits

BURST_SECONDS = 1.0
"""A profile that was silent may send this many seconds' worth at once."""
BUSY_PAUSE = timedelta(milliseconds=200)
"""When its concurrency is used up: how soon to look again."""


def is_limited(limits: Limits) -> bool:
    """Whether anything is limited at all; what is not needs no look at the other workers."""
    return limits.per_second is not None or limits.concurrency is not None


def allowance(
    limits: Limits, pace_at: datetime | None, now: datetime, wanted: int, sending: int
) -> tuple[int, datetime | None, list[datetime]]:
    """How many of `wanted` may start, the pace to remember, and when to look at each of the others.

    The rate is the generic cell rate algorithm (ITU-T I.371): `pace_at` is when the next one would be
    due if none had ever come early.
    """
    granted, interval = wanted, timedelta(0)
    if limits.concurrency is not None:
        granted = max(min(granted, limits.concurrency - sending), 0)
        interval = BUSY_PAUSE / limits.concurrency
    if limits.per_second is not None:
        interval = max(interval, timedelta(seconds=1 / limits.per_second))
        step = timedelta(seconds=1 / limits.per_second)
        earliest = max(pace_at or now, now)
        burst = max(timedelta(seconds=BURST_SECONDS), step)
        granted = max(min(granted, (burst - (earliest - now)) // step), 0)
        pace_at = earliest + granted * step
    first = now + max(interval, BUSY_PAUSE)
    return granted, pace_at, [first + place * interval for place in range(wanted - granted)]
