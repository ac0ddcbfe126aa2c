"""Events and parts of calls handed to the ingestor, and the wait for their commit."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import get_ident
from typing import Any

import orjson

from dispatcher.api.problems import unavailable
from dispatcher.ingest import Ingestor
from dispatcher.ports import Accepted, Clock, NewEvent, NewPart, Source, StoreUnavailable
from dispatcher.sources.quiet import quiet_seconds_of
from dispatcher.take import Read, Taker

MAX_WAITING_EVENTS = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait in memory for a commit, so that a slow database costs memory within bounds."""
COMMIT_SECONDS = 8.0
"""How long a poster waits for a commit. A database that hangs answers nobody; posters themselves give up after about
ten seconds, and have an answer that says what to do before that."""
UNSURE = (
    "The database did not answer in time: these events may have been stored, or may be yet. Post them again; "
    "an event with an id is stored once."
)


class Intake:
    """Stores events and says what became of them. For one event loop."""

    def __init__(self, ingestor: Ingestor, clock: Clock, *, commit_seconds: float = COMMIT_SECONDS) -> None:
        self._ingestor, self._clock, self._commit_seconds = ingestor, clock, commit_seconds
        self._taker = Taker(ingestor, clock, quiet_seconds_of)
        self._waiting_events = 0
        self._waiting_bytes = 0

    async def store(self, source: Source, parsed: Read) -> list[Accepted]:
        """What became of each, parts first, once all are durable.

        Raises a 503 problem, or StoreUnavailable; then none is, unless the problem is one of time and says so.
        """
        new, parts = self._taker.prepare(source, parsed, self._clock())
        count, size = len(new) + len(parts), sum(len(each.body) for each in new) + sum(len(each.body) for each in parts)
        if self._waiting_events + count > MAX_WAITING_EVENTS or self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise unavailable("Too many events wait for the database; none of these was stored.")
        waiting = self._submit(new, parts, size)
        patience = asyncio.get_running_loop().call_later(self._commit_seconds, _give_up, waiting)
        try:
            result = await waiting
        finally:
            patience.cancel()
        if isinstance(result, StoreUnavailable):
            # A new one: raising the one object that many requests were given would chain their tracebacks.
            raise StoreUnavailable(*result.args)
        return result

    def _submit(
        self, new: list[NewEvent], parts: list[NewPart], size: int
    ) -> "asyncio.Future[list[Accepted] | StoreUnavailable]":
        loop, thread = asyncio.get_running_loop(), get_ident()
        future: asyncio.Future[list[Accepted] | StoreUnavailable] = loop.create_future()

        def settle(result: list[Accepted] | StoreUnavailable) -> None:
            self._waiting_events -= len(new) + len(parts)
            self._waiting_bytes -= size
            if not future.done():
                future.set_result(result)

        def done(result: list[Accepted] | StoreUnavailable) -> None:
            if get_ident() == thread:
                settle(result)
                return
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(settle, result)

        self._waiting_events += len(new) + len(parts)
        self._waiting_bytes += size
        self._ingestor.submit(new, done, parts)
        return future


def _give_up(waiting: "asyncio.Future[list[Accepted] | StoreUnavailable]") -> None:
    """Ends the wait; what was submitted still counts as waiting until its commit has come to something."""
    if not waiting.done():
        waiting.set_exception(unavailable(UNSURE))


def accepted_json(accepted: Sequence[Accepted], *, batch: bool) -> bytes:
    """The 202 body: one answer, or `{"events": [...]}`."""
    shown: list[dict[str, Any]] = [
        {"id": each.id, "source_event_id": each.source_event_id, "duplicate": each.duplicate} for each in accepted
    ]
    return orjson.dumps({"events": shown} if batch else shown[0])


def is_batch(raw: object) -> bool:
    """Whether a decoded body is `{"events": [...]}`, which is answered in kind."""
    return isinstance(raw, dict) and "events" in raw
