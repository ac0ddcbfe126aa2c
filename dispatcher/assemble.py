"""Put the parts of a call together, and tell what they say: once when it is complete, and again when more is known.

A call's state is in the database, and an event and the note that it was told are one transaction, so that a restart at
any moment loses and doubles nothing. Event ids are derived from the call's and the parts' ids: an event that was told
of the same call before is a duplicate.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from dispatcher.domain.assembling import call_id_of, merged, moment
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import MAX_ID_CHARACTERS, well_formed
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.domain.waiting import News, recording_news
from dispatcher.ingest import hint_new, kept_call, source_facts
from dispatcher.ports import (
    Accepted,
    AssemblyStore,
    Clock,
    DueCall,
    HeldPart,
    Hints,
    NewEvent,
    NewPart,
    Source,
    StoreUnavailable,
    Telling,
)

logger = logging.getLogger(__name__)

BATCH_CALLS = 200
"""In one transaction: short enough to hold up nobody."""
MOST_BATCHES = 10
"""In one go, so that whoever else works in this process has his turn; the rest comes with the next."""
LEASE_SECONDS = 10.0
"""For so long nobody else looks at a call that was given out: many times what a batch takes."""
MAX_KEYS = 16
"""Of one part, its call's id included."""
_WHOLE = frozenset({"call.finished", "call.missed", "call.recorded", "call.updated", "voicemail.left"})
"""Types that the assembler itself decides on; a fact of another type is told under its own as well."""
_ENDED = frozenset({"call.finished", "call.missed", "voicemail.left"})


def new_part(part: CallPart, source: Source, quiet_seconds: float, received_at: datetime, clock: Clock) -> NewPart:
    """A part to store, under a new time-ordered id, with what its source is set up as now; scrubbed as events are."""
    event = part.event
    call = kept_call(event.call, source)
    keys = _keys_of(part, call)
    leg = None if part.leg is None else _storable(part.leg)
    body = {
        "event": {**event.as_context(), "call": call},
        "occurred_at": event.occurred_at,
        "received_at": received_at,
        "keys": keys,
        "ends_call": part.ends_call,
        "is_fact": part.is_fact,
        "leg": leg,
        "source": source_facts(source),
    }
    ended = event.type in _ENDED or event.type.endswith(".finished") or "ended_at" in call
    call_id = str(call.get("id") or keys[0])
    return NewPart(
        uuid7(unix_ms(clock()), os.urandom(10)),
        source.workspace_id,
        source.id,
        event.source_event_id,
        keys,
        call_id,
        event.occurred_at,
        quiet_seconds,
        part.ends_call,
        part.is_fact,
        leg=_storable(call_id) if leg is None and not part.is_fact else leg,
        under_way=not (part.is_fact or part.ends_call or ended),
        body=orjson.dumps(body),
    )


def _keys_of(part: CallPart, call: dict[str, Any]) -> tuple[str, ...]:
    """The part's keys, and the id of its call: two parts that name one call are of it, and its events bear that id."""
    named = [str(call["id"])] if "id" in call else []
    return tuple(dict.fromkeys(map(_storable, [*part.keys[: MAX_KEYS - len(named)], *named])))


def _storable(key: str) -> str:
    """A key as a look-up key of the database: of bounded length, and without NUL, which PostgreSQL takes in no text."""
    key = well_formed(key).replace("\0", "")
    return key if len(key) <= MAX_ID_CHARACTERS else sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Assembled:
    """How many calls an assembler told something of, and how many events that made."""

    calls: int = 0
    events: int = 0


class Assembler:
    """One go at a time; the caller decides when. Several may run side by side."""

    def __init__(self, store: AssemblyStore, hints: Hints, clock: Clock, *, rehint_seconds: float = 5.0) -> None:
        self._store, self._hints, self._clock = store, hints, clock
        self._rehint = timedelta(seconds=rehint_seconds)

    def assemble(self) -> Assembled:
        """Tells what is due now, removes what is old. While the database is away: nothing, and a warning."""
        total = Assembled()
        try:
            for _ in range(MOST_BATCHES):
                done, full = self._batch()
                total = Assembled(total.calls + done.calls, total.events + done.events)
                if not full:
                    break
            self._store.forget_old(self._clock(), BATCH_CALLS)
        except StoreUnavailable:
            logger.warning("assemble.store_unavailable")
        if total.events:
            logger.info("assemble.done", extra={"fields": {"calls": total.calls, "events": total.events}})
        return total

    def _batch(self) -> tuple[Assembled, bool]:
        now = self._clock()
        due = self._store.due_calls(now, now + timedelta(seconds=LEASE_SECONDS), BATCH_CALLS)
        if not due:
            return Assembled(), False
        accepted = self._tell(due, now)
        hint_new(self._hints, accepted)
        new = sum(not each.duplicate for each in accepted)
        return Assembled(len(due), new), len(due) == BATCH_CALLS

    def _tell(self, due: Sequence[DueCall], now: datetime) -> list[Accepted]:
        try:
            return self._store.tell([telling_of(each, self._clock) for each in due], now, now + self._rehint)
        except StoreUnavailable:
            raise
        except Exception:
            # The loop that must survive: a call that cannot be told must not keep all others from it. It comes up again
            # when its lease ends, and says so each time.
            logger.exception("assemble.failed", extra={"fields": {"assembly_id": str(due[0].assembly.id)}})
            return [] if len(due) == 1 else [told for each in due for told in self._tell([each], now)]


def telling_of(due: DueCall, clock: Clock) -> Telling:
    """What there is to tell of a call now."""
    assembly = due.assembly
    parts = {each.id: _part_of(each) for each in due.parts}
    untold = [each for each in due.parts if not each.told]
    new = sorted(untold, key=lambda each: (parts[each.id].event.occurred_at, _name(each)))
    finished = assembly.told_at is not None or any(not part.is_fact for part in parts.values())
    call_id = assembly.call_id if assembly.told_at is not None or not parts else call_id_of(list(parts.values()))
    events = list[CallEvent]()
    if new and not finished:
        events = [_alone(parts[each.id], _name(each), call_id) for each in new]
    elif new:
        events = _told(due, parts, new, call_id)
    facts = due.parts[0].body["source"] if due.parts else {}
    made = [_new_event(each, due, facts, clock) for each in {each.source_event_id: each for each in events}.values()]
    return Telling(assembly.id, assembly.version, call_id, finished, [each.id for each in new], made)


def _told(due: DueCall, parts: dict[UUID, CallPart], new: Sequence[HeldPart], call_id: str) -> list[CallEvent]:
    """The finished call; or what changed of it since, and facts under their own types. Then what can be had of it."""
    call = merged(list(parts.values()), call_id)
    ended = [moment(call["ended_at"])] if "ended_at" in call else []
    latest = max([each.event.occurred_at for each in parts.values()] + ended)
    events = list[CallEvent]()
    if due.assembly.told_at is None:
        events.append(CallEvent(_id(call_id, "finished"), "call.finished", ended[0] if ended else latest, call))
    else:
        known = [parts[each.id] for each in due.parts if each.told]
        if not known or merged(known, call_id) != call:
            events.append(CallEvent(_id(_name(new[-1]), "updated"), "call.updated", latest, call))
    for each in new:
        part = parts[each.id]
        if part.is_fact and part.event.type not in _WHOLE:
            events.append(CallEvent(_name(each), part.event.type, part.event.occurred_at, call))
    if recording_news(call) is News.AVAILABLE:
        events.append(CallEvent(_id(call_id, "recorded"), "call.recorded", latest, call))
    if call.get("outcome") == "voicemail" or any(each.event.type == "voicemail.left" for each in parts.values()):
        events.append(CallEvent(_id(call_id, "voicemail"), "voicemail.left", latest, call))
    return events


def _alone(part: CallPart, name: str, call_id: str) -> CallEvent:
    """A fact whose call nobody knows, as what it is."""
    event = part.event
    names = {"call.recorded": _id(call_id, "recorded"), "voicemail.left": _id(call_id, "voicemail")}
    return CallEvent(names.get(event.type, name), event.type, event.occurred_at, {**event.call, "id": call_id})


def _part_of(held: HeldPart) -> CallPart:
    event, body = held.body["event"], held.body
    occurred_at = datetime.fromisoformat(body["occurred_at"])
    read = CallEvent(_name(held), event["type"], occurred_at, event["call"])
    return CallPart(read, tuple(body["keys"]), body["ends_call"], body["is_fact"], body.get("leg"))


def _name(held: HeldPart) -> str:
    return held.part_id or str(held.id)


def _id(of: str, what: str) -> str:
    """`<of>:<what>`; an id that is too long for that is hashed."""
    whole = f"{of}:{what}"
    return whole if len(whole) <= MAX_ID_CHARACTERS else f"{sha256(of.encode()).hexdigest()}:{what}"


def _new_event(event: CallEvent, due: DueCall, facts: dict[str, Any], clock: Clock) -> NewEvent:
    assembly = due.assembly
    return NewEvent(
        uuid7(unix_ms(clock()), os.urandom(10)),
        assembly.workspace_id,
        assembly.source_id,
        event.source_event_id,
        event.type,
        event.call["id"],
        event.occurred_at,
        orjson.dumps({**event.as_context(), "source": facts}),
    )
