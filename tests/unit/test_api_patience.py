"""A database that hangs: posters are answered all the same, and in time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event as Signal
from uuid import uuid4

import pytest

from dispatcher.api.fresh import Fresh
from dispatcher.api.intake import MAX_WAITING_EVENTS, UNSURE, Intake
from dispatcher.api.problems import Problem
from dispatcher.domain.event import parse_events
from dispatcher.ingest import Committed
from dispatcher.ports import Accepted, NewEvent, Source, StoreUnavailable

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOURCE = Source(uuid4(), uuid4(), "default", "generic", None, "UTC", None, {})
EVENTS = parse_events({"id": "e1", "type": "call.finished", "call": {"id": "c1"}}, NOON)


class HangingIngestor:
    """Commits when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Sequence[NewEvent], Committed]] = []

    def submit(self, events: Sequence[NewEvent], done: Committed, _: object = ()) -> None:
        self.waiting.append((events, done))

    def commit(self) -> None:
        for events, done in self.waiting:
            done([Accepted(event.id, event.source_event_id, duplicate=False) for event in events])
        self.waiting.clear()


def test_a_commit_that_does_not_come_in_time_is_a_503_that_says_it_may_be_stored() -> None:
    async def story() -> Problem:
        intake = Intake(HangingIngestor(), lambda: NOON, commit_seconds=0.01)  # type: ignore[arg-type]
        with pytest.raises(Problem) as late:
            await intake.store(SOURCE, EVENTS)
        return late.value

    problem = asyncio.run(story())
    assert (problem.status, problem.detail, problem.headers) == (503, UNSURE, {"retry-after": "5"})


def test_what_its_poster_no_longer_waits_for_takes_room_until_it_is_committed() -> None:
    """Otherwise each time-out would let as many in again, and the memory of a hanging database had no bound."""

    async def story() -> list[Accepted]:
        ingestor = HangingIngestor()
        intake = Intake(ingestor, lambda: NOON, commit_seconds=0.01)  # type: ignore[arg-type]
        for _ in range(2):
            with pytest.raises(Problem) as refused:
                await intake.store(SOURCE, list(EVENTS) * MAX_WAITING_EVENTS)
        assert refused.value.detail == "Too many events wait for the database; none of these was stored."
        ingestor.commit()
        again = asyncio.create_task(intake.store(SOURCE, EVENTS))
        await asyncio.sleep(0)
        ingestor.commit()
        return await again

    assert [each.source_event_id for each in asyncio.run(story())] == ["e1"]


def test_a_look_up_that_hangs_is_an_unavailable_store_to_all_who_wait_and_still_one_read() -> None:
    go_on = Signal()
    reads = []

    def read(name: str) -> str:
        reads.append(name)
        go_on.wait(5)
        return "value"

    async def story() -> str | None:
        fresh = Fresh(read, lambda: 0.0, load_seconds=0.01)
        ends = await asyncio.gather(*(fresh.find("a") for _ in range(3)), return_exceptions=True)
        assert [type(end) for end in ends] == [StoreUnavailable] * 3
        go_on.set()
        await asyncio.gather(*fresh._loading.values())
        return await fresh.find("a")

    assert (asyncio.run(story()), reads) == ("value", ["a"])
