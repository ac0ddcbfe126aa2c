"""How long something took, in whole seconds."""

import re
from decimal import Decimal

from dispatcher.sources.normal.written import decimal, line_of

_LONGEST = 2**53 - 1
_CLOCK = re.compile(
    r"(?:(?P<days>[0-9]{1,5})[. ])?(?:(?P<hours>[0-9]{1,5}):)?"
    r"(?P<minutes>[0-9]{1,5}):(?P<seconds>[0-5]?[0-9])(?:[.,][0-9]{1,9})?"
)
_ISO = re.compile(
    r"P(?=[0-9T])(?:(?P<days>[0-9]{1,5})D)?(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,9})H)?"
    r"(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,12})(?:[.,][0-9]{1,9})?S)?)?"
)


def duration(value: object) -> int | None:
    """Whole seconds, cut, from seconds (`200`, `"200.7"`), `[d.][hh:]mm:ss` or ISO 8601 (`PT3M20S`); 0 is a fact.

    None for nothing, for what cannot be read, and for less than nothing. Months and years of ISO 8601 have no length.
    """
    seconds = decimal(value)
    if seconds is not None:
        return _whole(seconds)
    line = line_of(value)
    found = _CLOCK.fullmatch(line) or _ISO.fullmatch(line.upper())
    if found is None:
        return None
    days, hours, minutes, rest = (int(found[name] or 0) for name in ("days", "hours", "minutes", "seconds"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def milliseconds(value: object) -> int | None:
    """Whole seconds, cut, from milliseconds as a number or its text (`"345100.00000"`)."""
    ticks = decimal(value)
    return None if ticks is None else _whole(ticks / 1000)


def _whole(seconds: Decimal) -> int | None:
    return int(seconds) if seconds <= _LONGEST else None
