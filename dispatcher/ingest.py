"""Accept events, and parts of calls: stored first, acknowledged then, hinted last.

What arrives while a commit runs is written together in the next one (group commit): a
commit costs a flush to disk whether it holds one event or hundreds. Parts are no events yet (see `assemble`).
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any

import orjson

from dispatcher.domain.event import CallEvent
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.domain.scrub import scrub_call
from dispatcher.ports import (
    Accepted,
    BrokerUnavailable,
    Clock,
    EventStore,
    Hints,
    NewEvent,
    NewPart,
    PartStore,
    Source,
    StoreUnavailable,
)

logger = logging.getLogger(__name__)

GROUP_EVENTS = 1_000
"""Nothing more joins a commit that holds this many events, so that its reply does not wait for a very long one."""
CROWD_EVENTS = 64
"""After a group of more than these the distance to the next one doubles: throughput matters more by then."""
HINT_EVENTS = 200
"""At most this many events in one hint, so that several workers share a burst."""

Committed = Callable[[list[Accepted] | StoreUnavailable], None]
_Answer = tuple[Committed, list[Accepted] | StoreUnavailable]


@dataclass(slots=True)
class _Submission:
    events: Sequence[NewEvent]
    done: Committed
    parts: Sequence[NewPart] = ()

    @property
    def size(self) -> int:
        return len(self.events) + len(self.parts)


class Ingestor:
    """Group commit of events and parts by one thread of its own. Without a store of parts it takes events alone.

    `notify` runs a function where the callers want their answers (an event loop's
    `call_soon_threadsafe`); it is called once for a whole group.
    """

    def __init__(
        self,
        store: EventStore,
        hints: Hints,
        clock: Clock,
        notify: Callable[[Callable[[], None]], object] = lambda function: function(),
        *,
        parts: PartStore | None = None,
        linger_seconds: float = 0.006,
        rehint_seconds: float = 5.0,
    ) -> None:
        self._parts = parts
        self._store, self._hints, self._clock, self._notify = store, hints, clock, notify
        self._linger_seconds = linger_seconds
        self._rehint = timedelta(seconds=rehint_seconds)
        self._away = False
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def submit(self, events: Sequence[NewEvent], done: Committed, parts: Sequence[NewPart] = ()) -> None:
        """Queues events that must be stored together or not at all, or parts, and returns at once.

        `done` gets what became of each, in order, once all are durable, or the StoreUnavailable that
        kept them from it. Of events and parts in one submission the parts come first, in a transaction of their own.
        """
        self._queue.put(_Submission(events, done, parts))

    def stop(self) -> None:
        """Commits what is queued and ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        began, size = -inf, 0
        while (first := self._queue.get()) is not None:
            group = [first]
            # Under load groups keep a distance, and every hop behind this one is cheaper by it. An event
            # that comes after a silence is never made to wait.
            distance = self._linger_seconds * (2 if size > CROWD_EVENTS else 1)
            sleep(max(began + distance - monotonic(), 0))
            began = monotonic()
            stopping = self._drain_into(group)
            size = sum(submission.size for submission in group)
            self._commit(group)
            if stopping:
                return

    def _drain_into(self, group: list[_Submission]) -> bool:
        count = group[0].size
        while count < GROUP_EVENTS:
            try:
                more = self._queue.get_nowait()
            except Empty:
                return False
            if more is None:
                return True
            group.append(more)
            count += more.size
        return False

    def _commit(self, group: list[_Submission]) -> None:
        now = self._clock()
        events = [event for submission in group for event in submission.events]
        try:
            held = self._add_parts(group, now)
            accepted = self._store.add_events(events, now, now + self._rehint) if events else []
        except StoreUnavailable as unavailable:
            if not self._away:
                logger.warning("ingest.store_unavailable")
            self._away = True
            self._answer_all(group, unavailable)
            return
        except Exception as failure:
            # The loop that must survive: a failure of ours must not end ingestion for all that come after.
            logger.exception("ingest.failed")
            if len(group) > 1:
                # One submission that cannot be stored must not fail the others of its group.
                for submission in group:
                    self._commit([submission])
            else:
                self._answer_all(group, StoreUnavailable(type(failure).__name__))
            return
        self._away = False
        self._answer_each(group, held, accepted)
        hint_new(self._hints, accepted)

    def _add_parts(self, group: list[_Submission], now: datetime) -> list[Accepted]:
        parts = [part for submission in group for part in submission.parts]
        if not parts:
            return []
        if self._parts is None:
            raise TypeError("this ingestor has no store of parts")
        return self._parts.add_parts(parts, now)

    def _answer_each(self, group: list[_Submission], held: list[Accepted], accepted: list[Accepted]) -> None:
        answers: list[_Answer] = []
        parts, events = iter(held), iter(accepted)
        for submission in group:
            mine = [*islice(parts, len(submission.parts)), *islice(events, len(submission.events))]
            answers.append((submission.done, mine))
        self._notify(partial(_tell, answers))

    def _answer_all(self, group: list[_Submission], unavailable: StoreUnavailable) -> None:
        self._notify(partial(_tell, [(submission.done, unavailable) for submission in group]))


def hint_new(hints: Hints, accepted: Sequence[Accepted]) -> None:
    """Hints the events that are no duplicates, once they are stored. While the broker is away the sweeper does it."""
    event_ids = [each.id for each in accepted if not each.duplicate]
    for start in range(0, len(event_ids), HINT_EVENTS):
        try:
            hints.evaluate(event_ids[start : start + HINT_EVENTS])
        except BrokerUnavailable:
            return  # stored is stored


def _tell(answers: Sequence[_Answer]) -> None:
    for done, answer in answers:
        try:
            done(answer)
        except Exception:
            # A poster that has gone must not keep the others of its group from their answers.
            logger.exception("ingest.answer_failed")


def new_event(event: CallEvent, source: Source, clock: Clock) -> NewEvent:
    """An event to store, under a new time-ordered id, with what its source is set up as now."""
    identifier = uuid7(unix_ms(clock()), os.urandom(10))
    return NewEvent(
        identifier,
        source.workspace_id,
        source.id,
        event.source_event_id,
        event.type,
        event.call["id"],
        event.occurred_at,
        orjson.dumps({**event.as_context(), "call": kept_call(event.call, source), "source": source_facts(source)}),
    )


def source_facts(source: Source) -> dict[str, Any]:
    """What an event says of its source."""
    return {"name": source.name, "country": source.country, "time_zone": source.time_zone}


def kept_call(call: dict[str, Any], source: Source) -> dict[str, Any]:
    """What is stored of a call: nothing of a card, and nothing that was typed, unless its source is told otherwise."""
    return call if source.config.get("scrub") is False else scrub_call(call)
