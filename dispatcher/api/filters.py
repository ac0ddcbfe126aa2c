"""Which deliveries, and which posts in quarantine: the filters of lists and of replays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from dispatcher.api.problems import refused
from dispatcher.domain.delivery import FINAL_STATES, State
from dispatcher.domain.field_values import Unfit, read_moment
from dispatcher.domain.shape import Reading
from dispatcher.ports import DeliveryFilter, HeldFilter

MAX_IDS = 1_000
_REFUSED = "The filter is refused."


def list_filter(given: Mapping[str, str | None], *, test: bool = False) -> DeliveryFilter:
    """The filter in a query; absent members do not restrict. Raises a 422 problem that names every bad one."""
    reading = Reading()
    chosen = _read(reading, {name: value for name, value in given.items() if value is not None}, "")
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    return replace(chosen, test=test)


def replay_request(raw: object) -> tuple[DeliveryFilter, bool]:
    """Filter and `dry_run` of `{"filter": {...}, "dry_run": ...}`. Raises a 422 problem.

    A filter without members would reopen everything there ever was, so it is refused, as is a member
    that is empty or unknown.
    """
    reading = Reading()
    body = reading.members(raw, "", ("filter", "dry_run"))
    dry_run = reading.flag(body.get("dry_run", False), "dry_run")
    given = body.get("filter")
    members = reading.members(given, "filter", tuple(_READERS))
    if given == {}:
        reading.note_got("filter", f"at least one of {', '.join(_READERS)}", "no member")
    chosen = _read(reading, members, "filter.")
    if chosen.state is not None and chosen.state not in FINAL_STATES:
        reading.note("filter.state", f"a final state: {', '.join(sorted(FINAL_STATES))}", chosen.state)
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    return chosen, dry_run


def held_request(raw: object, *, may_be_all: bool) -> tuple[HeldFilter, bool]:
    """Filter and `dry_run` of a replay or a discard of posts in quarantine. Raises a 422 problem.

    A filter without members chooses all, where that is allowed.
    """
    reading = Reading()
    body = reading.members(raw, "", ("filter", "dry_run"))
    dry_run = reading.flag(body.get("dry_run", False), "dry_run")
    if body.get("filter") == {} and not may_be_all:
        reading.note_got("filter", f"at least one of {', '.join(_HELD_READERS)}", "no member")
    read: dict[str, Any] = {}
    for name, value in reading.members(body.get("filter"), "filter", tuple(_HELD_READERS)).items():
        try:
            read[name] = _HELD_READERS[name](value)
        except Unfit as unfit:
            reading.note_got(f"filter.{name}", unfit.expected, unfit.got)
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    return HeldFilter(**read), dry_run


def _read(reading: Reading, given: Mapping[str, Any], prefix: str) -> DeliveryFilter:
    read: dict[str, Any] = {}
    for name, value in given.items():
        try:
            read[name] = _READERS[name](value)
        except Unfit as unfit:
            reading.note_got(prefix + name, unfit.expected, unfit.got)
    return DeliveryFilter(**read)


def _state(value: object) -> str:
    if isinstance(value, str) and value in set(State):
        return value
    raise Unfit(f"one of {', '.join(State)}", value)


def _text(value: object) -> str:
    if isinstance(value, str) and value and "\0" not in value:  # which PostgreSQL takes in no text
        return value
    raise Unfit("text that is not empty, without NUL characters", value)


def _uuid(value: object) -> UUID:
    try:
        return UUID(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        raise Unfit("the id of an event", value) from None


def _ids(value: object) -> tuple[UUID, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_IDS:
        raise Unfit(f"a list of 1 to {MAX_IDS} ids", value)
    try:
        return tuple(UUID(each) for each in value)
    except (ValueError, TypeError, AttributeError):
        raise Unfit("ids of posts", value) from None


_HELD_READERS: Mapping[str, Callable[[object], object]] = {
    "ids": _ids,
    "source": _text,
    "since": read_moment,
    "until": read_moment,
}
_READERS: Mapping[str, Callable[[object], object]] = {
    "state": _state,
    "profile": _text,
    "call_id": _text,
    "event_id": _uuid,
    "since": read_moment,
    "until": read_moment,
}
