"""What a delivery waits for before its first attempt: its call's recording, or another profile's delivery."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from dispatcher.domain.shape import Reading

MAX_WAIT_SECONDS = 7 * 86_400
RELOOK_SECONDS = 900.0
"""A follower looks again by itself after this time: a worker that died between recording what it delivered and telling
so must not keep others waiting until their deadline."""
_RELOOK_SHARE = 0.25
"""Of the time that it has waited already: the pauses grow, so that a backlog of days does not spend its profile's pace
on looks."""
DEFAULT_FOLLOW_SECONDS = 259_200
"""Three days, as long as the followed delivery itself may take."""
_PROFILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Then(StrEnum):
    """What becomes of a delivery that has waited in vain."""

    SEND = "send"
    """With what is there; the delivery is marked partial."""
    SKIP = "skip"
    """Discarded, with the reason."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until the call's recording is available, at most so long."""

    up_to_seconds: float
    then: Then

    def as_document(self) -> dict[str, Any]:
        """As a profile's `trigger.wait_for` shows it."""
        return {"recording": {"up_to_seconds": self.up_to_seconds, "then": self.then.value}}


@dataclass(frozen=True, slots=True)
class Follow:
    """Wait until another profile has delivered for the same call; its outputs are `followed.NAME`."""

    profile: str
    up_to_seconds: float
    then: Then

    def as_document(self) -> dict[str, Any]:
        """As a profile's `follow` shows it."""
        return {"profile": self.profile, "up_to_seconds": self.up_to_seconds, "then": self.then.value}


def read_wait_for(reading: Reading, raw: object, at: str) -> WaitFor | None:
    """A profile's `trigger.wait_for`; faults are noted."""
    if raw is None:
        return None
    given = reading.members(raw, at, ("recording",)).get("recording")
    inner = f"{at}.recording"
    members = reading.members(given, inner, ("up_to_seconds", "then"))
    if type(given) is not dict:
        return None
    return WaitFor(_seconds(reading, members.get("up_to_seconds"), inner), _then(reading, members, inner, Then.SEND))


def read_follow(reading: Reading, raw: object, at: str, own_name: object) -> Follow | None:
    """A profile's `follow`; faults are noted."""
    if raw is None:
        return None
    given = reading.members(raw, at, ("profile", "up_to_seconds", "then"))
    if type(raw) is not dict:
        return None
    profile = given.get("profile")
    if type(profile) is not str or not _PROFILE.fullmatch(profile):
        reading.note(f"{at}.profile", "the name of a profile", profile)
        profile = ""
    elif profile == own_name:
        reading.note_got(f"{at}.profile", "the name of another profile", "its own")
    seconds = _seconds(reading, given.get("up_to_seconds", DEFAULT_FOLLOW_SECONDS), at)
    return Follow(profile, seconds, _then(reading, given, at, Then.DEAD))


def cycle_of(follows: Mapping[str, str], start: str) -> list[str]:
    """The names on the way from `start` back to itself, `start` first and last; empty if there is no such way.

    `follows` has for each profile the one that it follows.
    """
    way = [start]
    while (following := follows.get(way[-1])) is not None:
        if following == start:
            return [*way, start]
        if following in way:
            return []  # a cycle among others, which is theirs to be refused for
        way.append(following)
    return []


def _seconds(reading: Reading, raw: object, at: str) -> float:
    return reading.number(raw, f"{at}.up_to_seconds", (1, MAX_WAIT_SECONDS))


def _then(reading: Reading, given: Mapping[str, Any], at: str, usual: Then) -> Then:
    return Then(reading.word(given.get("then", usual.value), f"{at}.then", [each.value for each in Then]))


# --- the call as it is assembled

_RECORDING_RANK = {"none": 1, "expected": 2, "pending": 3, "failed": 4, "available": 5}
_NEVER_RECORDED = frozenset({"missed", "abandoned", "busy", "rejected", "cancelled", "failed"})


def assembled(fired: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The context of the event that fired, its call completed and updated by the other events of the same call.

    `others` may come in any order and may hold `fired` itself. What happened later overrides what was said before, and
    absence overrides nothing; a recording never goes back from `available`.
    """
    call: dict[str, Any] = {}
    seen = {id(fired): fired} | {id(each): each for each in others}
    for each in sorted(seen.values(), key=_occurred):
        _complete(call, each["call"])
    return {**fired, "call": call}


def _occurred(context: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(context["occurred_at"])


def _complete(into: dict[str, Any], later: Mapping[str, Any]) -> None:
    for key, value in later.items():
        before = into.get(key)
        if key == "recording" and isinstance(before, dict) and isinstance(value, dict):
            into[key] = better_recording(before, value)
        elif isinstance(before, dict) and isinstance(value, dict):
            into[key] = dict(before)
            _complete(into[key], value)
        else:
            into[key] = value


def better_recording(before: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a recording, completed by what is said later; it never goes back from `available`."""
    known, said = before.get("state"), later.get("state")
    if said is not None and _RECORDING_RANK.get(said, 0) < _RECORDING_RANK.get(str(known), 0):
        return {**later, **before}
    return {**before, **later}


class News(StrEnum):
    """What is known of a call's recording."""

    AVAILABLE = "available"
    NOT_YET = "not yet"
    NEVER = "never"
    """There is none, and none will come: the call was not answered, or its source says so."""
    FAILED = "failed"


def recording_news(call: Mapping[str, Any]) -> News:
    """What a call says of its recording. Of a call that nobody answered no recording is expected."""
    recording = call.get("recording") or {}
    match recording.get("state"):
        case "available":
            return News.AVAILABLE
        case "failed":
            return News.FAILED
        case "none":
            return News.NEVER
        case "expected" | "pending":
            return News.NOT_YET
        case _ if recording.get("url"):
            return News.AVAILABLE
        case _:
            return News.NEVER if call.get("outcome") in _NEVER_RECORDED else News.NOT_YET


# --- the decision


@dataclass(frozen=True, slots=True)
class Ready:
    """To be sent now; `partial` where it has waited in vain."""

    partial: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until`, unless news come."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Over:
    """It has waited in vain, and is not to be sent."""

    then: Then
    reason: str


Decision = Ready | Wait | Over


def decide(
    wait_for: WaitFor | None,
    follow: Follow | None,
    call: Mapping[str, Any],
    outputs: Mapping[str, Any] | None,
    opened_at: datetime,
    now: datetime,
) -> Decision:
    """What to do with a delivery that waits. `outputs` are the followed delivery's, None while it is not delivered."""
    decisions = [_of_recording(wait_for, call, opened_at, now), _of_followed(follow, outputs, opened_at, now)]
    for over in (each for each in decisions if isinstance(each, Over)):
        return over
    waits = [each for each in decisions if isinstance(each, Wait)]
    if waits:
        return Wait(min(each.until for each in waits), "; ".join(each.reason for each in waits))
    return Ready(any(isinstance(each, Ready) and each.partial for each in decisions))


def retries_count_from(wait_for: WaitFor | None, follow: Follow | None, opened_at: datetime, now: datetime) -> datetime:
    """From when the give-up time of a delivery counts that is ready to be sent: the time to wait is not part of it."""
    longest = max(each.up_to_seconds if each is not None else 0.0 for each in (wait_for, follow))
    return min(now, opened_at + timedelta(seconds=longest))


def _of_recording(wait_for: WaitFor | None, call: Mapping[str, Any], opened_at: datetime, now: datetime) -> Decision:
    if wait_for is None:
        return Ready()
    news = recording_news(call)
    if news is News.AVAILABLE:
        return Ready()
    if news is News.NEVER:
        # No fault of anybody's: the call has no recording, so that "dead" would be a false alarm.
        return Ready(partial=True) if wait_for.then is Then.SEND else Over(Then.SKIP, "the call has no recording")
    until = opened_at + timedelta(seconds=wait_for.up_to_seconds)
    if news is News.NOT_YET and now < until:
        return Wait(until, "waiting for recording")
    why = "the recording failed" if news is News.FAILED else f"no recording within {wait_for.up_to_seconds:g} s"
    return Ready(partial=True) if wait_for.then is Then.SEND else Over(wait_for.then, why)


def _of_followed(
    follow: Follow | None, outputs: Mapping[str, Any] | None, opened_at: datetime, now: datetime
) -> Decision:
    if follow is None or outputs is not None:
        return Ready()
    until = opened_at + timedelta(seconds=follow.up_to_seconds)
    if now < until:
        pause = max(timedelta(seconds=RELOOK_SECONDS), (now - opened_at) * _RELOOK_SHARE)
        return Wait(min(until, now + pause), f"waiting for {follow.profile}")
    why = f"{follow.profile} delivered nothing for this call within {follow.up_to_seconds:g} s"
    return Ready(partial=True) if follow.then is Then.SEND else Over(follow.then, why)
