"""When an event that fired a private profile is erased: what to do with one, now, and when to look at it again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.domain.delivery import OPEN_STATES, State

DEAD_KEPT = timedelta(hours=72)
"""A dead delivery keeps its event for so long: a target back from a long outage can still be given it by a replay."""
OUTPUTS_KEPT = timedelta(hours=72)
"""Beyond the erasure: for profiles that follow, whose event may come long after the one that they follow."""
SOONEST_LOOK = timedelta(seconds=5)
LATEST_LOOK = timedelta(minutes=10)
"""Between two looks at an event with open deliveries: half its age, within these bounds. So most events are erased
seconds after their last delivery, and one that waits for days costs little."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with an event now. `look_at`: when to look again; None: it is done with."""

    erase: bool = False
    drop_outputs: bool = False
    look_at: datetime | None = None


def next_step(
    deliveries: Iterable[tuple[State, datetime | None]],
    evaluated_at: datetime,
    erased_at: datetime | None,
    now: datetime,
) -> Step:
    """The step for an event with these deliveries (state and end) of whatever profile.

    The body goes when no delivery is open and none died within `DEAD_KEPT`; what was captured of the answers goes
    `OUTPUTS_KEPT` later.
    """
    if erased_at is not None:
        due = erased_at + OUTPUTS_KEPT
        return Step(drop_outputs=True) if now >= due else Step(look_at=due)
    kept_until = now
    for state, finished_at in deliveries:
        if state in OPEN_STATES:
            return Step(look_at=now + min(max((now - evaluated_at) / 2, SOONEST_LOOK), LATEST_LOOK))
        if state is State.DEAD and finished_at is not None:
            kept_until = max(kept_until, finished_at + DEAD_KEPT)
    if kept_until > now:
        return Step(look_at=kept_until)
    return Step(erase=True, look_at=now + OUTPUTS_KEPT)
