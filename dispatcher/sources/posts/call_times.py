"""When a call began, was answered and ended, as canonical fields, and how long it was by these."""

from datetime import datetime, timedelta

from dispatcher.domain.field_values import time_text


def timed(started: datetime | None, answered: datetime | None, ended: datetime | None) -> dict[str, object]:
    """The times that there are, and the seconds between them; what would be less than nothing is absent (None)."""
    return {
        "started_at": time_text(started) if started else None,
        "answered_at": time_text(answered) if answered else None,
        "ended_at": time_text(ended) if ended else None,
        "duration_seconds": seconds_between(started, ended),
        "talk_seconds": seconds_between(answered, ended),
        "ring_seconds": seconds_between(started, answered),
    }


def seconds_between(first: datetime | None, last: datetime | None) -> int | None:
    """Whole seconds, cut; None where a moment is missing or the last one is before the first."""
    if first is None or last is None or last < first:
        return None
    return int((last - first).total_seconds())


def moved(moment: datetime | None, seconds: int | None) -> datetime | None:
    """The moment so many seconds later (earlier, if they are negative); None where that is no moment."""
    if moment is None or seconds is None:
        return None
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None
