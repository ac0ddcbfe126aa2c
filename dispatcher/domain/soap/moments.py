"""Dates, times and their parts, as XML Schema writes them (Part 2: Datatypes, 3.2.7 to 3.2.14), and their order."""

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

# Nine digits of a year and twelve of a fraction of a second are more than any calendar needs; both must end somewhere.
_YEAR = r"(?P<year>-?(?:[1-9][0-9]{3,8}|0[0-9]{3}))"
_MONTH = r"(?P<month>0[1-9]|1[0-2])"
_DAY = r"(?P<day>0[1-9]|[12][0-9]|3[01])"
_TIME = (
    r"(?:(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9](?:\.[0-9]{1,12})?)"
    r"|(?P<midnight>24:00:00(?:\.0{1,12})?))"
)
_ZONE = r"(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
FORMS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "dateTime": re.compile(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}"),
        "date": re.compile(f"{_YEAR}-{_MONTH}-{_DAY}{_ZONE}"),
        "time": re.compile(f"{_TIME}{_ZONE}"),
        "gYear": re.compile(f"{_YEAR}{_ZONE}"),
        "gYearMonth": re.compile(f"{_YEAR}-{_MONTH}{_ZONE}"),
        "gMonth": re.compile(f"--{_MONTH}{_ZONE}"),
        "gMonthDay": re.compile(f"--{_MONTH}-{_DAY}{_ZONE}"),
        "gDay": re.compile(f"---{_DAY}{_ZONE}"),
    }
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECONDS_A_DAY = 86_400


def exists(parts: Mapping[str, str | None]) -> bool:
    """Whether there is such a day: no year 0 (XML Schema 1.0), no 31 November, a 29 February in leap years only."""
    year, month, day = parts.get("year"), parts.get("month"), parts.get("day")
    if year is not None and int(year) == 0:
        return False
    if month is None or day is None:
        return True
    last = 28 if month == "02" and year is not None and not _is_leap(int(year)) else _DAYS[int(month) - 1]
    return int(day) <= last


def instant(parts: Mapping[str, str | None], *, zoned: bool) -> Fraction:
    """Seconds on a time line of its own, for comparing values of one type; with `zoned` in UTC, else as on the wall."""
    days = _day_number(int(parts.get("year") or 2000), int(parts.get("month") or 1), int(parts.get("day") or 1))
    seconds = Fraction(days * _SECONDS_A_DAY)
    if parts.get("midnight"):
        seconds += _SECONDS_A_DAY
    elif parts.get("hour"):
        seconds += int(parts["hour"] or 0) * 3600 + int(parts["minute"] or 0) * 60 + Fraction(parts["second"] or 0)
    return seconds - (_offset_seconds(parts.get("zone")) if zoned else 0)


def _offset_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _day_number(year: int, month: int, day: int) -> int:
    """Days since the first of March of the year 0, in the proleptic Gregorian calendar: years that begin in March have
    their leap day last, so that months before it need no exception."""
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return year * 365 + year // 4 - year // 100 + year // 400 + (month * 153 + 2) // 5 + day - 1
