"""What another transaction is busy with is left to it, without waiting: PostgreSQL's workers never queue up."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import pytest

from tests.contract.conftest import Opened, opened
from tests.contract.flow import CLAIM, LEASE, WAKE, evaluate, made_of, pending, post, saved, states
from tests.unit.doubles import NOON, Events, seconds

pytestmark = pytest.mark.postgresql

SOON = 5.0
_Answer = TypeVar("_Answer")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[Opened]:
    yield from opened("postgresql", request)


@contextmanager
def locked(store: Opened, table: str, column: str, value: object) -> Iterator[None]:
    """Another transaction holds the row."""
    with psycopg.connect(store.url.replace("+psycopg", "")) as other:
        other.execute(f"SELECT 1 FROM {table} WHERE {column} = %s FOR UPDATE", [value])
        yield
        other.rollback()


def at_once(store: Opened, call: Callable[[], _Answer]) -> _Answer:
    """The answer of a call that must not wait for a lock; a call that does fails the test when the lock is gone."""

    def run() -> _Answer:
        try:
            return call()
        finally:
            store.hot.close()

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(run).result(SOON)
    finally:
        pool.shutdown(wait=False)


def test_a_delivery_that_is_being_claimed_is_not_claimed_and_not_waited_for(store: Opened):
    profile = saved(store)
    busy, free = pending(store, profile, Events().several(2))
    with locked(store, "deliveries", "id", busy):
        claims = at_once(store, lambda: store.hot.claim(profile, [busy, free], CLAIM, NOON, LEASE))
    assert [claim.id for claim in claims] == [free]
    assert states(store, [busy, free]) == ["pending", "sending"]


def test_an_event_that_is_being_evaluated_is_left_and_not_waited_for(store: Opened):
    profile = saved(store)
    busy, free = post(store, Events().several(2))
    with locked(store, "evaluations", "event_id", busy.id):
        made = at_once(store, lambda: evaluate(store, [busy, free], profile, CLAIM))
    assert made == {made_of([free], profile, None)[0].id}
    assert [each.id for each in store.hot.unevaluated([busy.id, free.id])[1]] == [busy.id]


def test_rows_that_another_sweeper_is_at_are_not_given_out_and_not_waited_for(store: Opened):
    profile = saved(store)
    events = Events()
    busy, free = pending(store, profile, events.several(2))
    waiting = post(store, events.several(2))
    again = WAKE + seconds(5)
    with locked(store, "deliveries", "id", busy), locked(store, "evaluations", "event_id", waiting[0].id):
        assert at_once(store, lambda: store.hot.wake_deliveries(WAKE, again, 10)) == {profile.id: [free]}
        assert at_once(store, lambda: store.hot.wake_events(WAKE, again, 10)) == [waiting[1].id]
