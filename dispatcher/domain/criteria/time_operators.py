"""Operators that ask where a moment lies on the clock and in the week of a place.

Moments are turned into that place's local time, so daylight saving needs no rule of its own: where the clock is put
back, a window holds in both passes of the repeated hour; what the clock skips, no moment has.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from dispatcher.domain.criteria.comparisons import moment_in
from dispatcher.domain.criteria.operands import LocalTest, Operand, OperandRefused, Test, word_of
from dispatcher.domain.shape import nearest

ZONE = "source.time_zone"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UTC = "UTC"
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?|24:00(?::00)?")
_EXPECTED_TIME = 'a time of day such as "22:00" (in YAML in quotes)'
_EXPECTED_WINDOW = '{"from": "22:00", "to": "06:00"}, and where it is not the source\'s, "zone": "Europe/Berlin"'
_EXPECTED_DAYS = f'a list of {", ".join(DAYS)}, or {{"days": [...], "zone": ...}}'
_DAY_SECONDS = 86_400
_MAX_CHARACTERS = 64
"""Of a text that may be a time: the cache must not keep the long ones that a source may have below `call.custom`."""
_CACHED = 1_024
"""Finding a place's local time takes 2 us, and every profile asks for the times of the same few events."""


class _Local(NamedTuple):
    """A moment in a place: whole seconds since midnight by its clock (bounds have no fractions), Monday is 0."""

    seconds: int
    weekday: int


def time_between(operand: Operand) -> Test | LocalTest:
    """`time_between`: from `from` on and before `to`; where `to` is the earlier one, over midnight."""
    members = _members(operand.value, ("from", "to", "zone"), _EXPECTED_WINDOW)
    begins, ends = _time_of_day(members.get("from"), ".from"), _time_of_day(members.get("to"), ".to")
    if begins == _DAY_SECONDS:
        raise OperandRefused('"00:00", where a day begins', members["from"], ".from")
    if begins == ends:
        raise OperandRefused("another time than `from`: nothing lies between", members["to"], ".to")
    overnight = begins > ends

    def inside(local: _Local) -> bool:
        return local.seconds >= begins or local.seconds < ends if overnight else begins <= local.seconds < ends

    return _in_zone(_zone(members.get("zone"), ".zone"), inside)


def weekday_in(operand: Operand) -> Test | LocalTest:
    """`weekday_in`: the moment's own day is one of the days; the hours after a midnight belong to the next one."""
    raw = operand.value
    members = {"days": raw} if type(raw) is list else _members(raw, ("days", "zone"), _EXPECTED_DAYS)
    at = "" if type(raw) is list else ".days"
    days = members.get("days")
    if type(days) is not list or not 1 <= len(days) <= len(DAYS):
        raise OperandRefused(f"a list of {', '.join(DAYS)}", days, at)
    wanted = frozenset(DAYS.index(word_of(day, DAYS, f"{at}[{index}]")) for index, day in enumerate(days))
    return _in_zone(_zone(members.get("zone"), ".zone"), lambda local: local.weekday in wanted)


def _in_zone(zone: str | None, holds: Callable[[_Local], bool]) -> Test | LocalTest:
    def test(value: Any, place: Any) -> bool:
        local = _local(value, place) if type(value) is str and len(value) <= _MAX_CHARACTERS else None
        return local is not None and holds(local)

    return LocalTest(ZONE, test) if zone is None else lambda value: test(value, zone)


@lru_cache(_CACHED)
def _local(text: str, zone: str | None) -> _Local | None:
    """The moment in a zone; in UTC where there is no such zone."""
    moment = moment_in(text)
    if moment is None:
        return None
    try:
        local = moment.astimezone(_known(zone or _UTC) or ZoneInfo(_UTC))
    except OverflowError:
        # The first and the last day of the calendar have places where it is a day that the calendar lacks.
        local = moment
    return _Local(local.hour * 3600 + local.minute * 60 + local.second, local.weekday())


def _zone(raw: Any, at: str) -> str | None:
    if raw is None:
        return None
    if type(raw) is str and _known(raw) is not None:
        return raw
    hint = nearest(raw, available_timezones()) if type(raw) is str else ""
    raise OperandRefused(f"a name of the IANA time zone database, such as Europe/Berlin{hint}", raw, at)


def _known(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _time_of_day(raw: Any, at: str) -> int:
    """Seconds since midnight."""
    found = _TIME_OF_DAY.fullmatch(raw) if type(raw) is str else None
    if found is None:
        raise OperandRefused(_EXPECTED_TIME, raw, at)
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return _DAY_SECONDS if found[0].startswith("24") else hours * 3600 + minutes * 60 + seconds


def _members(raw: Any, known: tuple[str, ...], expected: str) -> dict[str, Any]:
    if type(raw) is not dict:
        raise OperandRefused(expected, raw)
    for name, value in raw.items():
        if name not in known:
            raise OperandRefused(f"no such member{nearest(name, known)}", value, f".{name}")
    return raw
