"""How a mapped moment is written: one of the known ways, or a layout."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from dispatcher.domain.shape import Reading
from dispatcher.sources.normal import times
from dispatcher.sources.normal.layouts import layout_fault, read_layout

Moment = Callable[[Any, str], datetime | None]
"""The moment that a value says, in a time zone where it names none itself."""

READERS: Mapping[str, Moment] = MappingProxyType(
    {
        "iso": times.iso,
        "rfc2822": lambda value, _: times.rfc2822(value),
        "epoch_s": lambda value, _: times.epoch_seconds(value),
        "epoch_ms": lambda value, _: times.epoch_milliseconds(value),
        "epoch_us": lambda value, _: times.epoch_microseconds(value),
        "gregorian_s": lambda value, _: times.gregorian_seconds(value),
    }
)
MAX_LAYOUT_CHARACTERS = 100
_SOME_MOMENT = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)


def read_moment_layout(reading: Reading, raw: object, at: str) -> Moment:
    """The moments of a layout of `strptime`, with the day and its year; a fault is noted."""
    if type(raw) is not str or "%" not in raw or len(raw) > MAX_LAYOUT_CHARACTERS:
        reading.note(at, f"one of {', '.join(READERS)}, or a layout such as %Y/%m/%d %H:%M:%S", raw)
    elif fault := layout_fault(raw) or _gap(raw):
        reading.note(at, fault, raw)
    else:
        layouts = (raw,)
        return lambda value, zone: times.local(value, zone, layouts)
    return lambda *_: None


def _gap(layout: str) -> str | None:
    """What a layout lacks to say a day, or whether it cannot read what it writes."""
    letters = set(re.findall(r"%(.)", layout))
    if not (letters & {"Y", "y"} and ("j" in letters or (letters & {"m", "b", "B"} and "d" in letters))):
        return "a layout with year, month and day"
    try:
        read = read_layout(_SOME_MOMENT.strftime(layout), layout)
    except (ValueError, re.error):
        # A letter that stands in it twice is refused by the standard library's own pattern.
        read = None
    return None if read is not None else "a layout in which no letter stands twice"
