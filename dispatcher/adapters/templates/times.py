"""The filters of times and durations. Formats are a bounded set of directives, the same on every machine."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from jinja2.utils import pass_context

from dispatcher.adapters.templates.numbers import source_fact
from dispatcher.domain.field_values import Unfit, read_moment

MAX_FORMAT_CHARACTERS = 200
_CACHED = 1_024
_DIRECTIVE = re.compile(r"%(:z|.|$)", re.DOTALL)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


def _offset(moment: datetime, separator: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}{separator}{minutes % 60:02}"


# Not strftime: its names follow the machine's locale, and years before 1000 its platform.
_WRITERS: Mapping[str, Callable[[datetime], str]] = MappingProxyType(
    {
        "Y": lambda moment: f"{moment.year:04}",
        "y": lambda moment: f"{moment.year % 100:02}",
        "m": lambda moment: f"{moment.month:02}",
        "d": lambda moment: f"{moment.day:02}",
        "H": lambda moment: f"{moment.hour:02}",
        "I": lambda moment: f"{moment.hour % 12 or 12:02}",
        "p": lambda moment: "AM" if moment.hour < 12 else "PM",
        "M": lambda moment: f"{moment.minute:02}",
        "S": lambda moment: f"{moment.second:02}",
        "f": lambda moment: f"{moment.microsecond:06}",
        "j": lambda moment: f"{moment.timetuple().tm_yday:03}",
        "a": lambda moment: _DAYS[moment.weekday()][:3],
        "A": lambda moment: _DAYS[moment.weekday()],
        "b": lambda moment: _MONTHS[moment.month - 1][:3],
        "B": lambda moment: _MONTHS[moment.month - 1],
        "u": lambda moment: str(moment.isoweekday()),
        "z": lambda moment: _offset(moment, ""),
        ":z": lambda moment: _offset(moment, ":"),
        "Z": lambda moment: moment.tzname() or "",
        "%": lambda _: "%",
    }
)


@pass_context
def local(context: Any, value: Any, zone: str | None = None, format: str | None = None) -> str | None:  # noqa: A002 - its name in templates
    """The time in a zone, the source's if none is given; None for what is no time of RFC 3339."""
    moment = _moment(value)
    if moment is None:
        return None
    there = moment.astimezone(_zone(source_fact(context, "time_zone") or "UTC" if zone is None else zone))
    return there.isoformat() if format is None else "".join([write(there) for write in _writers(format)])


def epoch_ms(value: Any) -> int | None:
    """Milliseconds since 1970-01-01T00:00:00Z."""
    moment = _moment(value)
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def epoch_s(value: Any) -> int | None:
    """Seconds since 1970-01-01T00:00:00Z."""
    moment = _moment(value)
    return None if moment is None else (moment - _EPOCH) // _SECOND


def duration(value: Any, form: str = "hh:mm:ss") -> str | None:
    """Seconds in one of `DURATIONS`; None for what is no number of seconds."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if type(value) not in (int, float) or not 0 <= value < 2**53:
        return None
    return _DURATIONS[form](int(value))


def _hours(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _iso(seconds: int) -> str:
    parts = ((seconds // 3600, "H"), (seconds // 60 % 60, "M"), (seconds % 60, "S"))
    return "PT" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0S")


_DURATIONS: Mapping[str, Callable[[int], str]] = MappingProxyType(
    {
        "hh:mm:ss": lambda seconds: _hours(seconds).zfill(8),
        "h:mm:ss": _hours,
        "mm:ss": lambda seconds: f"{seconds // 60:02}:{seconds % 60:02}",
        "iso": _iso,
    }
)


def _moment(value: Any) -> datetime | None:
    if type(value) is not str:
        return None
    try:
        return read_moment(value)
    except Unfit:
        return None


@lru_cache(_CACHED)
def _zone(name: str) -> ZoneInfo:
    """Raises ValueError or LookupError (ZoneInfoNotFoundError) for what is no zone."""
    try:
        return ZoneInfo(name)
    except OSError:
        # A name such as "Europe" is a folder of the system's database.
        raise ValueError("no time zone") from None


@lru_cache(_CACHED)
def _writers(form: str) -> tuple[Callable[[datetime], str], ...]:
    """Raises ValueError for a format that is not allowed."""
    if format_fault(form) is not None:
        raise ValueError("no format of times")
    writers: list[Callable[[datetime], str]] = []
    for index, text in enumerate(_DIRECTIVE.split(form)):
        writers.append(_WRITERS[text] if index % 2 else _literal(text))
    return tuple(writers)


def _literal(text: str) -> Callable[[datetime], str]:
    return lambda _: text


def format_fault(form: Any) -> str | None:
    """What is expected of a format, or None where it is fit."""
    if type(form) is not str or len(form) > MAX_FORMAT_CHARACTERS:
        return f"a format of at most {MAX_FORMAT_CHARACTERS} characters"
    directives = _DIRECTIVE.findall(form)
    if any(each not in _WRITERS for each in directives):
        return f"directives of {' '.join('%' + each for each in _WRITERS)}"
    if "I" in directives and "p" not in directives:
        return "%p beside %I, or %H: hours of 1 to 12 without AM or PM are read wrongly"
    return None


def zone_fault(zone: Any) -> str | None:
    """What is expected of a time zone, or None where it is fit."""
    try:
        _zone(zone)
    except (TypeError, ValueError, LookupError):
        return "a time zone of the IANA database, such as 'Europe/Berlin'"
    return None


def local_fault(zone: Any = None, format: Any = None) -> str | None:  # noqa: A002 - as in templates
    """What is expected of literal arguments of `local`."""
    return (None if zone is None else zone_fault(zone)) or (None if format is None else format_fault(format))


def duration_fault(form: Any = "hh:mm:ss") -> str | None:
    """What is expected of the literal argument of `duration`."""
    return None if form in _DURATIONS else f"one of {', '.join(repr(each) for each in _DURATIONS)}"
