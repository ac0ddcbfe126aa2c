"""One canonical call out of its parts: legs, segments, snapshots, and facts that are known later.

The parts come in any order; what they give is the same. What is no time, no number and no outcome follows three rules:
who called and which way is said by the first leg, who had the call and what was asked of him by the last one that
counts, and of everything else what is said later overrides what was said before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from dispatcher.domain.assembling_answers import folded
from dispatcher.domain.assembling_outcome import Ended, answering, outcome_of
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.domain.waiting import better_recording

Call = dict[str, Any]

MAX_LEGS = 20
"""Legs that `custom.legs` shows; a hunt group of hundreds must not make an event of megabytes."""
_FIRST = ("direction", "caller_name", "report_id", "attestation")
_LAST = (("agent",), ("group",), ("dnis", "dialled"), ("external_number", "external"))
"""Each with what comes along with it: the other forms of a number are of the same leg as the number."""
_END = ("hangup_cause", "q850", "sip_code", "ended_by")
_UNITED = ("tags", "account_codes")
_SUMMED = ("duration_seconds", "talk_seconds", "hold_seconds", "ring_seconds")
_TIMES = ("started_at", "answered_at", "ended_at")
_BY_RULE = frozenset(
    {"id", "outcome", "recording", "custom", *_FIRST, *_END, *_UNITED, *_SUMMED, *_TIMES}
    | {name for names in _LAST for name in names}
)
_SHOWN = ("direction", *_TIMES, "outcome", "agent", "group", "dnis", "external_number", *_END, "recording")
"""What `custom.legs` says of a leg, where it differs from the call."""


def call_id_of(parts: Sequence[CallPart]) -> str:
    """The id that the earliest leg knows its call by (the earliest fact, if there is no leg); among legs of one moment
    the id that most parts say; the first key of that part where it knows none."""
    ordered = in_order(parts)
    legs = [each for each in ordered if not each.is_fact] or ordered
    earliest = [each for each in legs if _began(each) == _began(legs[0])]
    said = [each.event.call.get("id") for each in parts]
    best = max(earliest, key=lambda each: said.count(each.event.call.get("id")))
    return str(best.event.call.get("id") or best.keys[0])


def merged(parts: Sequence[CallPart], call_id: str) -> Call:
    """The call, as all of its parts together say it. At least one part."""
    ordered = folded(in_order(parts))
    legs = _latest_of_each([each for each in ordered if not each.is_fact])
    facts = [each for each in ordered if each.is_fact]
    told = [each.event.call for each in (*legs, *facts)]
    calls = [each.event.call for each in legs]
    ended = _ended(parts, legs)
    counting = answering(ended) or calls
    call: Call = {"id": call_id}
    _take_first(call, told)
    _take_last(call, counting, told)
    for each in told:
        call |= {name: value for name, value in each.items() if name not in _BY_RULE}
    _take_times(call, calls, ended)
    _take_durations(call, calls)
    outcome = outcome_of(ended) if calls else next((each["outcome"] for each in told if "outcome" in each), None)
    _put(call, "outcome", outcome)
    call |= _end_of(calls, told, outcome)
    _put(call, "recording", _recording(told))
    for name in _UNITED:
        _put(call, name, list(dict.fromkeys(text for each in told for text in each.get(name, ()))))
    _put(call, "custom", _custom(call, calls, told))
    return call


def in_order(parts: Iterable[CallPart]) -> list[CallPart]:
    """By when they began: a leg when it started, a fact when it happened, an own id settling what is equal."""
    return sorted(parts, key=lambda each: (_began(each), each.event.occurred_at, each.event.source_event_id or ""))


def _began(part: CallPart) -> datetime:
    started = part.event.call.get("started_at")
    return part.event.occurred_at if started is None or part.is_fact else moment(started)


def moment(text: str) -> datetime:
    """The moment of a canonical time."""
    return datetime.fromisoformat(text)


def _latest_of_each(legs: Sequence[CallPart]) -> list[CallPart]:
    """The legs, each once: a later snapshot of a leg stands for those before.

    Snapshots have the same keys, start and parties, and no two outcomes; telephones that ring at once differ in one.
    """
    latest: dict[object, CallPart] = {}
    for place, each in enumerate(legs):
        call = each.event.call
        parties = (call.get("dnis"), call.get("external_number"), repr(call.get("agent")), call.get("direction"))
        identity: object = (each.keys, call["started_at"], *parties) if "started_at" in call else place
        before = latest.get(identity)
        if before is None or before.event.call.get("outcome") in (None, call.get("outcome")):
            older = before is not None and before.event.occurred_at > each.event.occurred_at
            latest[identity] = before if older and before is not None else each
        else:
            latest[place] = each
    return list(latest.values())


def _ended(parts: Sequence[CallPart], legs: Sequence[CallPart]) -> Ended:
    return Ended([each.event.call for each in legs], any(each.event.type == "voicemail.left" for each in parts))


def _put(call: Call, name: str, value: object) -> None:
    if value is not None and value not in ({}, []):
        call[name] = value


def _take_first(call: Call, told: Sequence[Call]) -> None:
    for name in _FIRST:
        _put(call, name, next((each[name] for each in told if name in each), None))


def _take_last(call: Call, counting: Sequence[Call], told: Sequence[Call]) -> None:
    """By the last leg that counts and says it: of an answered call the answered ones, else all; else by any part.

    What was dialled inside to reach an agent is his extension, and no number of the call's.
    """
    by_answer = sorted(counting, key=lambda each: moment(each.get("answered_at") or each.get("started_at", _NEVER)))
    for names in _LAST:
        leg = next((each for each in reversed(by_answer) if _says(each, names[0])), None)
        leg = leg or next((each for each in told if _says(each, names[0])), None)
        leg = leg or next((each for each in told if names[0] in each), {})
        call |= {name: leg[name] for name in names if name in leg}


_NEVER = "0001-01-01T00:00:00Z"


def _says(leg: Call, name: str) -> bool:
    return name in leg and (name == "agent" or leg[name] != leg.get("agent", {}).get("extension"))


def _take_times(call: Call, legs: Sequence[Call], ended: Ended) -> None:
    """Started with the first leg, ended with the last; answered when the other party first answered."""
    spoken = answering(ended)
    for name, of, choose in (("started_at", legs, min), ("answered_at", spoken, min), ("ended_at", legs, max)):
        times = [each[name] for each in of if name in each]
        if times:
            pick: Callable[..., str] = choose
            call[name] = pick(times, key=moment)


def _take_durations(call: Call, legs: Sequence[Call]) -> None:
    """The word of a leg that spans the whole; else by the call's times; else what the legs say, side by side ones
    counted once."""
    summed, unended = _summed(legs, "duration_seconds")
    if (
        summed is not None
        and unended
        and "started_at" in call
        and summed > _seconds_between(call, "started_at", "ended_at")
    ):
        # Segments that say how long they took, but not when they ended: the last one's end is that of the call no more.
        with suppress(OverflowError):
            call["ended_at"] = time_text(moment(call["started_at"]) + timedelta(seconds=summed))
    for name, first, last in (
        ("duration_seconds", "started_at", "ended_at"),
        ("talk_seconds", "answered_at", "ended_at"),
        ("ring_seconds", "started_at", "answered_at"),
    ):
        spans = [each for each in legs if first in call and last in call and _spans(each, call, first, last)]
        stated = next((each[name] for each in spans if name in each), None)
        if stated is not None:
            call[name] = stated
        elif first in call and last in call:
            call[name] = _seconds_between(call, first, last)
        elif name != "ring_seconds":
            _put(call, name, _summed(legs, name)[0])
    _put(call, "hold_seconds", _summed(legs, "hold_seconds")[0])


def _seconds_between(call: Call, first: str, last: str) -> int:
    """0 where one of them is not known, or the last comes first."""
    if first not in call or last not in call:
        return 0
    return max(0, int((moment(call[last]) - moment(call[first])).total_seconds()))


def _spans(leg: Call, call: Call, first: str, last: str) -> bool:
    return (leg.get(first), leg.get(last)) == (call[first], call[last])


def _summed(legs: Sequence[Call], name: str) -> tuple[int | None, bool]:
    """The seconds of legs that follow each other, added; of those that overlap, the most.

    A leg whose end is not known is taken for a segment before or behind the others. The second value: whether there
    was one among several.
    """
    saying = [each for each in legs if name in each]
    if not saying:
        return None, False
    unended = [each for each in saying if "started_at" not in each or "ended_at" not in each]
    total, most, until = sum(each[name] for each in unended), 0, moment(_NEVER)
    for each in saying:
        if each in unended:
            continue
        begins, ends = moment(each["started_at"]), moment(each["ended_at"])
        if begins >= until:
            total, most, until = total + each[name], each[name], ends
        else:
            total, most, until = total - most + max(most, each[name]), max(most, each[name]), max(until, ends)
    return total, bool(unended) and len(saying) > 1


def _end_of(legs: Sequence[Call], told: Sequence[Call], outcome: str | None) -> Call:
    """Why and by whom the call ended: of the leg that ended last; among those of one moment, of the first whose
    outcome is no other than the call's.

    Where times are whole seconds, a telephone that rang in vain may end with the one that answered.
    """
    saying = [each for each in legs if any(name in each for name in _END)]
    saying = saying or [each for each in told if any(name in each for name in _END)][:1]
    if not saying:
        return {}
    fits = (None, outcome)
    last = max(saying, key=lambda each: (moment(each.get("ended_at", _NEVER)), each.get("outcome") in fits))
    return {name: last[name] for name in _END if name in last}


def _recording(told: Sequence[Call]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None
    for each in told:
        if "recording" in each:
            found = each["recording"] if found is None else better_recording(found, each["recording"])
    return found


def _custom(call: Call, legs: Sequence[Call], told: Sequence[Call]) -> Call:
    custom: Call = {}
    for each in told:
        custom |= each.get("custom", {})
    shown = [_shown(each, call) for each in legs] if len(legs) > 1 else []
    _put(custom, "legs", [each for each in shown if each][:MAX_LEGS])
    return custom


def _shown(leg: Call, call: Call) -> Call:
    return {name: leg[name] for name in _SHOWN if name in leg and leg[name] != call.get(name)}
