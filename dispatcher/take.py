"""Take in what a source's format has read: events and parts of calls, through one door for every transport."""

from collections.abc import Callable, Sequence
from datetime import datetime
from queue import SimpleQueue

from dispatcher.assemble import new_part
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.ingest import Ingestor, new_event
from dispatcher.ports import Accepted, Clock, NewEvent, NewPart, Source, StoreUnavailable

Read = Sequence[CallEvent | CallPart]
"""What a format read out of a post, a line or a file."""


class Taker:
    """Stores what was read of any source. Safe to use from several threads.

    `quiet_seconds` says how long a source's calls must have been quiet before they count as complete.
    """

    def __init__(self, ingestor: Ingestor, clock: Clock, quiet_seconds: Callable[[Source], float]) -> None:
        self._ingestor, self._clock, self._quiet_seconds = ingestor, clock, quiet_seconds

    def take(self, source: Source, parsed: Read, received_at: datetime) -> list[Accepted]:
        """What became of each, the parts first, once all are durable. Raises StoreUnavailable; then it may be repeated:
        what has an id of its own is stored once."""
        if not parsed:
            return []
        events, parts = self.prepare(source, parsed, received_at)
        answers: SimpleQueue[list[Accepted] | StoreUnavailable] = SimpleQueue()
        self._ingestor.submit(events, answers.put, parts)
        answer = answers.get()
        if isinstance(answer, StoreUnavailable):
            raise StoreUnavailable(*answer.args) from answer
        return answer

    def prepare(self, source: Source, parsed: Read, received_at: datetime) -> tuple[list[NewEvent], list[NewPart]]:
        """The events and the parts to submit to the ingestor, for whoever must not wait in a thread."""
        events = [new_event(each, source, self._clock) for each in parsed if isinstance(each, CallEvent)]
        found = [each for each in parsed if isinstance(each, CallPart)]
        quiet = self._quiet_seconds(source) if found else 0.0
        return events, [new_part(each, source, quiet, received_at, self._clock) for each in found]
