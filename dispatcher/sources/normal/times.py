"""Moments in every shape that call systems write, as aware datetimes in UTC; None where there is none to be had.

None is given for nothing (`""`, `0`, `null`), for what cannot be read, and for whatever lies before 3 January 1970:
systems write the zero of their clock (1970, 1900, 1601, the year 1), in any zone, for "it did not happen".

A local time that the clocks skip in spring is read with the offset from before the change (PEP 495, fold 0): 02:30
becomes 03:30, as on a clock that nobody has put forward yet. One that they repeat in autumn is the first of the two,
unless `after` says that it cannot be.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from dispatcher.sources.normal.durations import duration, milliseconds
from dispatcher.sources.normal.layouts import DAY_FIRST, MONTH_AND_DAY, MONTH_FIRST, YEAR_FIRST, offset_of, read_layout
from dispatcher.sources.normal.written import decimal, line_of

__all__ = [
    "DAY_FIRST",
    "MONTH_AND_DAY",
    "MONTH_FIRST",
    "YEAR_FIRST",
    "Zone",
    "date_and_time",
    "duration",
    "epoch_microseconds",
    "epoch_milliseconds",
    "epoch_seconds",
    "gregorian_seconds",
    "is_zone",
    "iso",
    "local",
    "milliseconds",
    "rfc2822",
    "without_year",
]

Zone = str | tzinfo
"""An IANA name or a zone. Where nobody knows the name there is no moment either: it would be hours off."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1970, 1, 3, tzinfo=UTC)
"""Two days after the epoch: it is 14:00 on the first in Kiribati's zone, and read as UTC-12 that is the second."""
_GREGORIAN_SECONDS = 62_167_219_200
"""From the year 0 (Erlang's `calendar`, which Kazoo is written with) to 1970."""
_ISO = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[Tt ]\s?([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,20}))?)?"
    r"\s?(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3},\s?)?[0-9]{1,2}\s[A-Za-z]{3}\s[0-9]{4}\s[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"\s(?:[+-][0-9]{4}|UTC?|GMT|Z|[ECMP][SD]T)(?:\s\([A-Za-z ]*\))?"
)


def epoch_seconds(value: object) -> datetime | None:
    """From seconds since 1970, whole or with a fraction, as a number or its text."""
    return _since_1970(value, 1_000_000)


def epoch_milliseconds(value: object) -> datetime | None:
    """From milliseconds since 1970."""
    return _since_1970(value, 1_000)


def epoch_microseconds(value: object) -> datetime | None:
    """From microseconds since 1970."""
    return _since_1970(value, 1)


def gregorian_seconds(value: object) -> datetime | None:
    """From seconds since the year 0 of the Gregorian calendar, as Kazoo counts them."""
    return _since_1970(value, 1_000_000, _GREGORIAN_SECONDS)


def iso(text: object, zone: Zone, *, after: datetime | None = None) -> datetime | None:
    """From ISO 8601 with day and time, also with a space for the `T`, `-0500` and no separators at all.

    Without an offset it is of the zone, with `after` as for `local`. A fraction is cut behind the microseconds.
    """
    found = _ISO.fullmatch(line_of(text))
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    leap = second == "60"
    try:
        here = _zone(zone) if offset is None else offset_of(offset.lower())
        seconds = 59 if leap else int(second or 0)
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds, microsecond, tzinfo=here)
    except ValueError:
        return None
    # POSIX time knows no leap second: it counts as the first second after it.
    return None if here is None else _moment(at, after, timedelta(seconds=1 if leap else 0))


def rfc2822(text: object) -> datetime | None:
    """From the date of an e-mail (RFC 2822), which always says its offset."""
    line = line_of(text)
    if _RFC_2822.fullmatch(line) is None:
        return None
    try:
        moment = parsedate_to_datetime(line)
        # `-0000` is UTC of a clock whose zone is not told, and is given without a zone.
        return _real(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError, OverflowError):
        return None


def local(text: object, zone: Zone, layouts: Iterable[str], *, after: datetime | None = None) -> datetime | None:
    """From a text in the first of the layouts (of `layouts.py`) that fits; one with `%z` says its own offset.

    `%I`, hours up to 12, is read with `%p` alone, however the text writes it (`pm`, `P.M.`, `3:05PM`). `after` is a
    moment that is known to be no later: it tells which one of a repeated hour is meant.
    Raises `ValueError` for a layout that `layout_fault` finds fault with, which is a programming error.
    """
    line = line_of(text)
    for layout in layouts:
        naive = read_layout(line, layout)
        if naive is not None:
            here = naive.tzinfo or _zone(zone)
            return None if here is None else _moment(naive.replace(tzinfo=here), after)
    return None


def without_year(text: object, zone: Zone, near: datetime, layouts: Iterable[str]) -> datetime | None:
    """From a text whose layouts have no year: the one of the three years around `near` (aware) that is nearest."""
    line, here = line_of(text), _zone(zone)
    # Read in a leap year, so that 29 February is a day.
    naive = next((read for layout in layouts if (read := read_layout(f"2000 {line}", f"%Y {layout}"))), None)
    if naive is None or here is None:
        return None
    moments = [_in_year(naive, year, here) for year in (near.year - 1, near.year, near.year + 1)]
    return min((each for each in moments if each is not None), key=lambda each: abs(each - near), default=None)


def date_and_time(
    date: object, time: object, zone: Zone, layouts: Iterable[str] = YEAR_FIRST, *, after: datetime | None = None
) -> datetime | None:
    """From a date and a time of day that came as two fields; the layouts are of both with a space between them."""
    day, hour = line_of(date), line_of(time)
    return local(f"{day} {hour}", zone, layouts, after=after) if day and hour else None


def _since_1970(value: object, unit: int, zero: int = 0) -> datetime | None:
    ticks = decimal(value)
    if ticks is None:
        return None
    try:
        return _real(_EPOCH + timedelta(microseconds=int((ticks - zero) * unit)))
    except OverflowError:
        return None


@lru_cache(maxsize=256)
def _named_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of this name."""
    return _named_zone(name) is not None


def _zone(zone: Zone) -> tzinfo | None:
    return _named_zone(zone) if isinstance(zone, str) else zone


def _in_year(naive: datetime, year: int, zone: tzinfo) -> datetime | None:
    try:
        return _moment(naive.replace(year=year, tzinfo=zone), None)
    except ValueError:
        return None  # 29 February, or a year that there is not


def _moment(local_time: datetime, after: datetime | None, beyond: timedelta = timedelta()) -> datetime | None:
    try:
        first = local_time.astimezone(UTC)
        if after is not None and first < after:
            first = max(first, local_time.replace(fold=1).astimezone(UTC))
        return _real(first + beyond)
    except OverflowError:
        return None


def _real(moment: datetime) -> datetime | None:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        return None
    return moment if moment >= _EARLIEST else None
