"""When a delivery that failed is tried again, and when no more."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dispatcher.domain.shape import Reading

DAY_SECONDS = 86_400
MAX_DELAYS = 50
_DELAY_BOUNDS = (0, 31 * DAY_SECONDS)
_GIVE_UP_BOUNDS = (1, 366 * DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The pause before each retry, in seconds, and the time after which a delivery is given up.

    An empty `delays_seconds` is one attempt. `jitter` (0 to 1) spreads a delay evenly over that share of itself
    to either side, so that an outage does not end in a stampede.
    """

    delays_seconds: tuple[float, ...] = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
    jitter: float = 0.1
    give_up_after_seconds: float = 3 * DAY_SECONDS

    def __post_init__(self) -> None:
        low, high = _DELAY_BOUNDS
        if len(self.delays_seconds) > MAX_DELAYS or not all(low <= each <= high for each in self.delays_seconds):
            raise ValueError(f"at most {MAX_DELAYS} delays of {low} to {high} seconds")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter is from 0 to 1")
        if not _GIVE_UP_BOUNDS[0] <= self.give_up_after_seconds <= _GIVE_UP_BOUNDS[1]:
            raise ValueError(f"give_up_after_seconds is from {_GIVE_UP_BOUNDS[0]} to {_GIVE_UP_BOUNDS[1]}")

    def delay(self, spent_attempts: int, random_0_1: float) -> timedelta | None:
        """The pause after the n-th spent attempt, or None when no attempt is left. Nothing spent: no pause."""
        if spent_attempts < 1:
            return timedelta(0)
        if spent_attempts > len(self.delays_seconds):
            return None
        return timedelta(seconds=self.delays_seconds[spent_attempts - 1] * (1 + self.jitter * (2 * random_0_1 - 1)))

    def as_document(self) -> dict[str, Any]:
        """As a profile's `retry` shows it."""
        return {
            "delays_seconds": list(self.delays_seconds),
            "jitter": self.jitter,
            "give_up_after_seconds": self.give_up_after_seconds,
        }


def read_retry(reading: Reading, raw: object, at: str) -> RetryPolicy:
    """A profile's `retry`; what is missing is as in `RetryPolicy()`."""
    given = RetryPolicy().as_document()
    given |= reading.members(raw, at, tuple(given))
    delays = reading.items(given["delays_seconds"], f"{at}.delays_seconds", MAX_DELAYS)
    return RetryPolicy(
        tuple(
            reading.number(each, f"{at}.delays_seconds[{index}]", _DELAY_BOUNDS) for index, each in enumerate(delays)
        ),
        reading.number(given["jitter"], f"{at}.jitter", (0, 1)),
        reading.number(given["give_up_after_seconds"], f"{at}.give_up_after_seconds", _GIVE_UP_BOUNDS),
    )
