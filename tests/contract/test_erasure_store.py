"""An event that fired a private profile is erased when all its deliveries are final, and is then gone for everybody."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.erasure import ErasureRows
from dispatcher.adapters.sql.tables import deliveries, evaluations, events
from dispatcher.domain.delivery import NextState, Result, State
from dispatcher.domain.erasure import DEAD_KEPT, LATEST_LOOK, OUTPUTS_KEPT
from dispatcher.ports import DeliveryFilter, Erased, Evaluation, NewEvent, Profile
from tests.contract.conftest import Opened
from tests.contract.flow import CLAIM, LEASE, WAKE, at_once, delivered, failed, made_of, post, saved
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds

BATCH = 100
HOUR = timedelta(hours=1)


@pytest.fixture
def eraser(store: Opened) -> Any:
    return eraser_of(store)


def eraser_of(store: Opened) -> Any:
    return store.hot if store.engine is None else ErasureRows(Database(store.engine))


def evaluated(store: Opened, new: Sequence[NewEvent], *profiles: Profile) -> list[UUID]:
    """Stores events that fired all of the profiles; the ids of their deliveries, which are pending."""
    post(store, new)
    made = [each for profile in profiles for each in made_of(new, profile, None)]
    private = any(profile.spec.private for profile in profiles)
    evaluations = [Evaluation(event.id, len(profiles), private) for event in new]
    store.hot.add_deliveries(evaluations, made, store.hot.catalogue_version(), NOON, {}, WAKE)
    return [each.id for each in made]


def ended(
    store: Opened, profile: Profile, ids: Sequence[UUID], state: State = State.DELIVERED, now: datetime = NOON
) -> None:
    results = []
    for claim in store.hot.claim(profile, ids, CLAIM, now, LEASE + (now - NOON)):
        result = delivered(claim)
        result.next = NextState(state, None if state is State.DELIVERED else "refused: answered 404", 1, None)
        result.outputs = orjson.dumps({"private": True, "values": {"lead_id": "canary"}})
        results.append(result)
    assert len(store.hot.record(results, now)) == len(ids)


def bodies(store: Opened, event_ids: Sequence[UUID]) -> list[bool]:
    """Of which events a body is stored."""
    if store.engine is None:
        return [bool(store.hot._events[each].event.body) for each in event_ids]
    with store.engine.connect() as connection:
        rows = connection.execute(select(events.c.id, events.c.body).where(events.c.id.in_(event_ids)))
        kept = {row.id: bool(row.body) for row in rows}
    return [kept[each] for each in event_ids]


def look_at(store: Opened, event_id: UUID) -> datetime | None:
    if store.engine is None:
        return store.hot._events[event_id].erase_at
    with store.engine.connect() as connection:
        return connection.execute(select(evaluations.c.erase_at).where(evaluations.c.event_id == event_id)).scalar_one()


def outputs(store: Opened, delivery_id: UUID) -> bool:
    if store.engine is None:
        return store.hot._deliveries[delivery_id].outputs is not None
    with store.engine.connect() as connection:
        query = select(deliveries.c.outputs).where(deliveries.c.id == delivery_id)
        return connection.execute(query).scalar_one() is not None


def test_an_event_that_fired_no_private_profile_is_never_looked_at(store: Opened, eraser: Any):
    profile = saved(store)
    (event,) = new = [Events().new()]
    ended(store, profile, evaluated(store, new, profile))
    assert eraser.erase_due(NOON + 1000 * HOUR, BATCH) == Erased(0, 0)
    assert (look_at(store, event.id), bodies(store, [event.id])) == (None, [True])


def test_a_private_event_is_erased_when_all_its_deliveries_are_final(store: Opened, eraser: Any):
    profile = saved(store, private=True)
    (event,) = new = [Events().new()]
    (delivery_id,) = evaluated(store, new, profile)
    assert look_at(store, event.id) == WAKE
    assert eraser.erase_due(WAKE - seconds(1), BATCH) == Erased(0, 0)
    ended(store, profile, [delivery_id])
    assert eraser.erase_due(WAKE, BATCH) == Erased(1, 1)
    assert bodies(store, [event.id]) == [False]
    assert eraser.erase_due(WAKE, BATCH) == Erased(0, 0)
    assert store.admin.delivery(WORKSPACE, delivery_id)["erased_at"] == WAKE


def test_an_open_delivery_of_an_ordinary_profile_keeps_it_too_and_looks_come_less_often(store: Opened, eraser: Any):
    private, ordinary = saved(store, private=True), saved(store, "other")
    (event,) = new = [Events().new()]
    first, second = evaluated(store, new, private, ordinary)
    ended(store, private, [first])
    assert eraser.erase_due(WAKE, BATCH) == Erased(1, 0)
    assert look_at(store, event.id) == WAKE + seconds(5)
    assert eraser.erase_due(NOON + HOUR, BATCH) == Erased(1, 0)
    assert look_at(store, event.id) == NOON + HOUR + LATEST_LOOK
    ended(store, ordinary, [second], now=NOON + HOUR)
    assert bodies(store, [event.id]) == [True]
    assert eraser.erase_due(NOON + HOUR + LATEST_LOOK, BATCH) == Erased(1, 1)


def test_a_dead_delivery_keeps_it_for_72_hours(store: Opened, eraser: Any):
    profile = saved(store, private=True)
    (event,) = new = [Events().new()]
    ended(store, profile, evaluated(store, new, profile), State.DEAD)
    assert eraser.erase_due(WAKE, BATCH) == Erased(1, 0)
    assert look_at(store, event.id) == NOON + DEAD_KEPT
    assert eraser.erase_due(NOON + DEAD_KEPT - seconds(1), BATCH) == Erased(0, 0)
    assert eraser.erase_due(NOON + DEAD_KEPT, BATCH) == Erased(1, 1)
    assert bodies(store, [event.id]) == [False]


def test_what_was_captured_goes_72_hours_after_the_event(store: Opened, eraser: Any):
    profile = saved(store, private=True)
    (event,) = new = [Events().new()]
    (delivery_id,) = evaluated(store, new, profile)
    ended(store, profile, [delivery_id])
    eraser.erase_due(WAKE, BATCH)
    assert (outputs(store, delivery_id), look_at(store, event.id)) == (True, WAKE + OUTPUTS_KEPT)
    assert eraser.erase_due(WAKE + OUTPUTS_KEPT, BATCH) == Erased(1, 0)
    assert (outputs(store, delivery_id), look_at(store, event.id)) == (False, None)


def test_a_batch_takes_those_longest_due_and_no_more_than_it_may(store: Opened, eraser: Any):
    profile = saved(store, private=True)
    new = Events().several(60)
    ended(store, profile, evaluated(store, new, profile))
    ids = [event.id for event in new]
    assert eraser.erase_due(WAKE, 40) == Erased(40, 40)
    assert sum(bodies(store, ids)) == 20
    assert eraser.erase_due(WAKE, 40) == Erased(20, 20)
    assert not any(bodies(store, ids))


def test_an_erased_event_is_neither_replayed_nor_counted_nor_shown(database: Opened):
    profile = saved(database, private=True)
    (event, kept) = new = Events().several(2)
    gone, other = evaluated(database, new, profile)
    ended(database, profile, [gone])
    eraser_of(database).erase_due(WAKE, BATCH)
    ended(database, profile, [other])
    admin = database.admin
    assert admin.replay(WORKSPACE, [gone], NOON, WAKE) == []
    assert (admin.is_erased(WORKSPACE, gone), admin.is_erased(WORKSPACE, other)) == (True, False)
    assert admin.matching(WORKSPACE, DeliveryFilter(), None, 10) == [other]
    assert admin.count_matching(WORKSPACE, DeliveryFilter()) == 1
    assert admin.replay(WORKSPACE, [gone, other], NOON, WAKE) == [(other, profile.id)]
    record = admin.event(WORKSPACE, event.id)
    assert record.context == {"id": None, "type": "call.finished", "call": {"id": "7f9c"}}
    assert (record.event["private"], record.event["erased_at"]) == (True, WAKE)
    shown = [(each["private"], each["erased_at"]) for each in admin.events(WORKSPACE, None, 10).items]
    assert shown == [(True, None), (True, WAKE)]
    assert [each.event["id"] for each in admin.call(WORKSPACE, "7f9c")] == [event.id, kept.id]


def test_a_replay_before_the_erasure_keeps_the_event(database: Opened):
    profile = saved(database, private=True)
    (event,) = new = [Events().new()]
    (delivery_id,) = evaluated(database, new, profile)
    ended(database, profile, [delivery_id])
    database.admin.replay(WORKSPACE, [delivery_id], NOON, WAKE)
    assert eraser_of(database).erase_due(WAKE, BATCH) == Erased(1, 0)
    (claim,) = database.hot.claim(profile, [delivery_id], CLAIM, WAKE, WAKE + seconds(15))
    assert claim.context["call"]["caller_name"] == "Jane Roe"
    assert bodies(database, [event.id]) == [True]


def test_of_a_replay_and_an_erasure_at_one_moment_one_comes_first(database: Opened):
    profile = saved(database, private=True)
    new = Events().several(40)
    ids = evaluated(database, new, profile)
    ended(database, profile, ids)
    eraser = eraser_of(database)

    def replayed() -> set[UUID]:
        return {each for one in ids for each, _ in database.admin.replay(WORKSPACE, [one], NOON, WAKE)}

    def erased() -> set[UUID]:
        for _ in range(8):
            eraser.erase_due(WAKE, 5)
        return set()

    reopened, _ = at_once(database, replayed, erased)
    body_kept = dict(zip(ids, bodies(database, [event.id for event in new]), strict=True))
    assert reopened == {each for each, kept in body_kept.items() if kept}


def test_a_retry_is_open_until_it_is_final(store: Opened, eraser: Any):
    profile = saved(store, private=True)
    (event,) = new = [Events().new()]
    ids = evaluated(store, new, profile)
    results: list[Result] = [failed(each, NOON + HOUR) for each in store.hot.claim(profile, ids, CLAIM, NOON, LEASE)]
    store.hot.record(results, NOON)
    assert eraser.erase_due(WAKE, BATCH) == Erased(1, 0)
    assert bodies(store, [event.id]) == [True]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_erased_body_is_overwritten_in_sqlites_file(database: Opened):
    profile = saved(database, private=True)
    (event,) = new = [Events().new()]
    ended(database, profile, evaluated(database, new, profile))
    with database.engine.connect() as connection:
        sealed = connection.execute(select(events.c.body).where(events.c.id == event.id)).scalar_one()
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file = Path(database.url.removeprefix("sqlite:///"))
    assert sealed in file.read_bytes()
    eraser_of(database).erase_due(WAKE, BATCH)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert sealed not in file.read_bytes()
