"""Accept events: stored first, acknowledged then, hinted last.

Events that arrive while a commit runs are written together in the next one (group commit): a
commit costs a flush to disk whether it holds one event or hundreds.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import orjson

from dispatcher.domain.event import CallEvent
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.domain.scrub import scrub_call
from dispatcher.ports import Accepted, BrokerUnavailable, Clock, EventStore, Hints, NewEvent, Source, StoreUnavailable

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


class Ingestor:
    """Group commit of events by one thread of its own.

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
        linger_seconds: float = 0.006,
        rehint_seconds: float = 5.0,
    ) -> None:
        self._store, self._hints, self._clock, self._notify = store, hints, clock, notify
        self._linger_seconds = linger_seconds
        self._rehint = timedelta(seconds=rehint_seconds)
        self._away = False
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def submit(self, events: Sequence[NewEvent], done: Committed) -> None:
        """Queues events that must be stored together or not at all, and returns at once.

        `done` gets what became of each, in order, once all are durable, or the StoreUnavailable that
        kept them from it.
        """
        self._queue.put(_Submission(events, done))

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
            size = sum(len(submission.events) for submission in group)
            self._commit(group)
            if stopping:
                return

    def _drain_into(self, group: list[_Submission]) -> bool:
        count = len(group[0].events)
        while count < GROUP_EVENTS:
            try:
                more = self._queue.get_nowait()
            except Empty:
                return False
            if more is None:
                return True
            group.append(more)
            count += len(more.events)
        return False

    def _commit(self, group: list[_Submission]) -> None:
        now = self._clock()
        events = [event for submission in group for event in submission.events]
        try:
            accepted = self._store.add_events(events, now, now + self._rehint)
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
        self._answer_each(group, accepted)
        self._hint([each.id for each in accepted if not each.duplicate])

    def _answer_each(self, group: list[_Submission], accepted: list[Accepted]) -> None:
        answers: list[_Answer] = []
        start = 0
        for submission in group:
            end = start + len(submission.events)
            answers.append((submission.done, accepted[start:end]))
            start = end
        self._notify(partial(_tell, answers))

    def _answer_all(self, group: list[_Submission], unavailable: StoreUnavailable) -> None:
        self._notify(partial(_tell, [(submission.done, unavailable) for submission in group]))

    def _hint(self, event_ids: list[UUID]) -> None:
        for start in range(0, len(event_ids), HINT_EVENTS):
            try:
                self._hints.evaluate(event_ids[start : start + HINT_EVENTS])
            except BrokerUnavailable:
                return  # stored is stored: the sweeper hints them


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
    facts = {"name": source.name, "country": source.country, "time_zone": source.time_zone}
    return NewEvent(
        identifier,
        source.workspace_id,
        source.id,
        event.source_event_id,
        event.type,
        event.call["id"],
        event.occurred_at,
        orjson.dumps({**event.as_context(), "call": _kept(event.call, source), "source": facts}),
    )


def _kept(call: dict[str, Any], source: Source) -> dict[str, Any]:
    """What is stored of a call: nothing of a card, and nothing that was typed, unless its source is told otherwise."""
    return call if source.config.get("scrub") is False else scrub_call(call)
