"""How much of everything the short and the long form measure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Events of each scenario; seconds of the open loops."""

    naive: int
    one_by_one: int
    batched: int
    backlog: int
    open_seconds: int
    slow: int
    isolation_seconds: int
    growth: int
    soap: int


SHORT = Scale(
    naive=800,
    one_by_one=15_000,
    batched=20_000,
    backlog=20_000,
    open_seconds=10,
    slow=3_000,
    isolation_seconds=10,
    growth=10_000,
    soap=8_000,
)
LONG = Scale(
    naive=4_000,
    one_by_one=100_000,
    batched=100_000,
    backlog=100_000,
    open_seconds=60,
    slow=20_000,
    isolation_seconds=30,
    growth=50_000,
    soap=50_000,
)
