"""MaxContact, which posts nothing: events are made of what its `getcalls` says again and again of each agent. Pure.

A call is known by its agent, its CallId and its CallStartTime, since the numbers begin anew at 1000 whenever the
dialler starts. It has ended when two successive successful answers do not have it any more. An answer that failed says
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings, canonical
from dispatcher.sources.maxcontact.answer import SeenCall
from dispatcher.sources.maxcontact.config import MEMBERS, read_config
from dispatcher.sources.posts.said import present

MISSES = 2
"""Successive successful answers without a call, after which it has ended."""
GAP = timedelta(seconds=30)
"""Between two successful answers: after a longer one nobody knows when a call ended, nor whether the dialler did."""
HOLD = timedelta(seconds=60)
"""For so long a call that went in a gap waits for a sign of whether the dialler was started anew."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A call that an agent has, or had in the answer before."""

    seen: SeenCall
    first_seen: datetime
    last_seen: datetime
    recording_moves: int = 0
    misses: int = 0
    first_missing: datetime | None = None
    went_in_gap: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """What is known of one agent: the calls by their keys, and when an answer succeeded last."""

    calls: Mapping[str, Watched] = field(default_factory=dict)
    heard_at: datetime | None = None


@dataclass(slots=True)
class Numbering:
    """What the CallIds of all agents tell of the dialler: the latest call, and when numbers rose or began anew."""

    highest: int | None = None
    highest_start: datetime | None = None
    risen_at: datetime | None = None
    reset_at: datetime | None = None
    resets: int = 0

    def know(self, call: SeenCall) -> None:
        """A call that was known before this process began: no news, whatever its number."""
        if self.highest is None or call.call_id > self.highest:
            self.highest, self.highest_start = call.call_id, call.started_at

    def note(self, call: SeenCall, at: datetime) -> None:
        """A call that was not known before. A lower number that starts later is of a dialler that was started anew."""
        if self.highest is None or call.call_id > self.highest:
            self.highest, self.highest_start, self.risen_at = call.call_id, call.started_at, at
        elif call.started_at and self.highest_start and call.started_at > self.highest_start:
            self.reset_at, self.resets = at, self.resets + 1
            self.highest, self.highest_start = call.call_id, call.started_at


@dataclass(frozen=True, slots=True)
class Step:
    """What an answer changed. `forgotten` calls went with a dialler that was started anew."""

    agent: Agent
    events: list[CallEvent]
    forgotten: int = 0
    is_news: bool = False
    """Whether more changed than when calls were seen last."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The agent that an answer is about."""

    source: str
    user: str
    settings: SourceSettings


def key_of(whose: Whose, call: SeenCall) -> str:
    """The key of a call: the same in every process, at any time."""
    start = time_text(call.started_at) if call.started_at else call.start
    return sha256("\n".join((whose.source, whose.user, str(call.call_id), start)).encode()).hexdigest()[:32]


def observe(whose: Whose, agent: Agent, seen: Sequence[SeenCall], at: datetime, numbering: Numbering) -> Step:
    """What a successful answer means: the agent's state now, and the events, whose ids depend on the calls alone."""
    is_gap = agent.heard_at is None or at - agent.heard_at > GAP
    there = {key_of(whose, call): call for call in seen}
    for key, call in there.items():
        if key not in agent.calls:
            numbering.note(call, at)
    calls: dict[str, Watched] = {}
    events: list[CallEvent] = []
    forgotten, is_news = 0, False
    for key, known in agent.calls.items():
        if key in there:
            calls[key], moved = _seen_again(whose, key, known, there[key], at)
            is_news |= bool(moved) or bool(known.misses)
            events += moved
            continue
        is_news = True
        missed = _missed(known, at, is_gap=is_gap)
        match _verdict(missed, at, numbering):
            case "wait":
                calls[key] = missed
            case "forget":
                forgotten += 1
            case _:
                events.append(_finished(whose, key, missed, at))
    for key, call in there.items():
        if key not in agent.calls:
            is_news = True
            calls[key] = Watched(call, at, at)
    return Step(Agent(calls, at), events, forgotten, is_news)


def _seen_again(
    whose: Whose, key: str, known: Watched, call: SeenCall, at: datetime
) -> tuple[Watched, list[CallEvent]]:
    now = replace(known, seen=call, last_seen=at, misses=0, first_missing=None, went_in_gap=False)
    if call.recording_state == known.seen.recording_state or call.recording_state is None:
        return now, []
    if known.seen.recording_state is None:
        return now, []
    moved = replace(now, recording_moves=known.recording_moves + 1)
    return moved, [_recording(whose, key, moved, at)]


def _missed(known: Watched, at: datetime, *, is_gap: bool) -> Watched:
    first = known.first_missing is None
    return replace(
        known,
        misses=known.misses + 1,
        first_missing=at if first else known.first_missing,
        went_in_gap=is_gap if first else known.went_in_gap,
    )


def _verdict(missed: Watched, at: datetime, numbering: Numbering) -> str:
    """`wait`, `forget` or `finish`."""
    if missed.misses < MISSES:
        return "wait"
    if not missed.went_in_gap:
        return "finish"
    assert missed.first_missing is not None
    if numbering.reset_at is not None and numbering.reset_at > missed.last_seen:
        return "forget"
    rose = numbering.risen_at is not None and numbering.risen_at > missed.last_seen
    return "finish" if rose or at - missed.first_missing >= HOLD else "wait"


def _finished(whose: Whose, key: str, known: Watched, at: datetime) -> CallEvent:
    missing = known.first_missing or at
    # Of a gap nothing is known but its beginning; else the end lies between two answers.
    ended = known.last_seen if known.went_in_gap else known.last_seen + (missing - known.last_seen) / 2
    ended = max(ended.replace(microsecond=0), known.seen.started_at or ended)
    call = _call(whose, key, known.seen)
    call["ended_at"] = time_text(ended)
    if known.seen.started_at is not None:
        call["duration_seconds"] = int((ended - known.seen.started_at).total_seconds())
    call["custom"] |= {
        "last_seen_at": time_text(known.last_seen),
        "first_missing_at": time_text(missing),
        "end_time_precision_seconds": round((missing - known.last_seen).total_seconds(), 1),
        **({"ended_unknown": True} if known.went_in_gap else {}),
    }
    raw = {"id": f"{key}:finished", "type": "call.finished", "occurred_at": time_text(ended), "call": call}
    return canonical(raw, at, whose.settings)


def _recording(whose: Whose, key: str, known: Watched, at: datetime) -> CallEvent:
    words = whose.settings.config.get("recording_states") or {}
    word = words.get(str(known.seen.recording_state))
    kind = f"recording.{word}" if word else "x.maxcontact.recording_state"
    call = _call(whose, key, known.seen)
    identifier = f"{key}:recording:{known.recording_moves}:{known.seen.recording_state}"
    raw = {"id": identifier, "type": kind, "occurred_at": time_text(at), "call": call}
    return canonical(raw, at, whose.settings)


def reset_event(whose: Whose, at: datetime, numbering: Numbering) -> CallEvent:
    """Says that the dialler was started anew: its calls of before are not finished one by one."""
    moment = numbering.reset_at or at
    identifier = f"{sha256(f'{whose.source} {time_text(moment)}'.encode()).hexdigest()[:32]}:reset"
    call = {"id": identifier, "custom": {"source_reset": True}}
    raw = {"id": identifier, "type": "x.maxcontact.source_reset", "occurred_at": time_text(moment), "call": call}
    return canonical(raw, at, whose.settings)


def _call(whose: Whose, key: str, seen: SeenCall) -> dict[str, Any]:
    config = whose.settings.config
    users = config.get("users")
    name = users.get(whose.user) if isinstance(users, Mapping) else None
    numbers = (
        ("call_state", seen.call_state, "call_states"),
        ("call_status", seen.call_status, "call_statuses"),
        ("recording_state", seen.recording_state, "recording_words"),
    )
    custom = {field: (config.get(words) or {}).get(str(number), number) for field, number, words in numbers}
    call = {
        "id": key,
        "report_id": str(seen.call_id),
        "caller_name": seen.name,
        "external_number": seen.number,
        "agent": present({"id": whose.user, "name": name}),
        "direction": (config.get("directions") or {}).get(str(seen.call_status)),
        "started_at": time_text(seen.started_at) if seen.started_at else None,
    }
    return {**present(call), "custom": present(custom)}


def _parse(posted: Posted, settings: SourceSettings) -> Sequence[CallEvent]:  # noqa: ARG001 - a format's signature
    raise NotUnderstood("MaxContact posts no events: `onhook listen maxcontact` asks it for them.")


FORMAT = Format(
    name="maxcontact",
    parse=_parse,
    auth_kinds=frozenset(),
    config_members=MEMBERS,
    read_config=read_config,
)
