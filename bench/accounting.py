"""What a run came to: percentiles, losses and repeats. Pure arithmetic, so that it can be tested."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(ordered: Sequence[float], per_cent: float) -> float:
    """The nearest-rank percentile of an ascending sequence: its smallest value that `per_cent` % do not exceed."""
    if not ordered:
        raise ValueError("no values")
    return ordered[max(math.ceil(per_cent / 100 * len(ordered)), 1) - 1]


@dataclass(frozen=True)
class Spread:
    """How a latency was distributed, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


def spread(seconds: Iterable[float]) -> Spread | None:
    """The distribution of durations given in seconds; None without any."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    p50, p95, p99 = (round(1000 * percentile(ordered, p), 3) for p in (50, 95, 99))
    return Spread(len(ordered), p50, p95, p99, round(1000 * ordered[-1], 3))


@dataclass(slots=True)
class Post:
    """One HTTP post of the generator; unix times. `status` is 0 where no answer came."""

    first: int
    count: int
    due: float
    sent: float
    done: float
    status: int
    answer_bytes: int = 0
    """Of the whole answer, its head included."""

    @property
    def accepted(self) -> bool:
        """Whether the answer was a success, by whichever 2xx the poster expects."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Arrival:
    """One request that reached the sink; `at` is when its last byte was read, unix time."""

    at: float
    webhook_id: str
    event_id: str
    path: str
    status: int


@dataclass(frozen=True)
class Balance:
    """Whether what was accepted arrived. All but `accepted` and `arrived` are 0 where nothing went wrong."""

    accepted: int
    arrived: int
    lost: int
    """Accepted events that no successful request carried."""
    repeats: int
    """Successful requests beyond the first with the same webhook-id: what at-least-once allows."""
    doubled: int
    """Further webhook-ids under which an event reached the same path: a receiver could not have dropped these."""
    unasked: int
    """Events that arrived though their post was not answered 2xx: allowed, since an answer may get lost."""


def balance(accepted: set[str], arrivals: Iterable[Arrival]) -> Balance:
    """Holds accepted event ids against the sink's record. Only requests the sink answered 2xx count as arrived."""
    taken = [a for a in arrivals if 200 <= a.status < 300]
    events = {a.event_id for a in taken}
    by_webhook = Counter((a.webhook_id, a.path) for a in taken)
    pairs = {(a.event_id, a.path) for a in taken}
    return Balance(
        accepted=len(accepted),
        arrived=len(events),
        lost=len(accepted - events),
        repeats=len(taken) - len(by_webhook),
        doubled=len({(a.webhook_id, a.event_id, a.path) for a in taken}) - len(pairs),
        unasked=len(events - accepted),
    )


def first_arrivals(arrivals: Iterable[Arrival]) -> dict[str, float]:
    """Event id to the moment its first request arrived, whatever the sink answered."""
    first: dict[str, float] = {}
    for a in arrivals:
        if a.at < first.get(a.event_id, math.inf):
            first[a.event_id] = a.at
    return first


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times as much; None where one of the two was not measured."""
    return None if ours is None or not theirs else round(ours / theirs, 1)
