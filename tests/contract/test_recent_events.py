"""The last events, as a backtest reads them: one consistent view, newest first, a few at a time."""

from uuid import UUID

import orjson
from sqlalchemy import event as sql_event
from sqlalchemy import update

from dispatcher.adapters.sql.tables import evaluations
from dispatcher.adapters.sql.tables import events as event_rows
from dispatcher.domain.ids import moment_of
from dispatcher.ports import PastEvent
from tests.contract.conftest import Opened
from tests.contract.flow import evaluate, post, saved
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")


def ids(database: Opened, since=None, until=None, limit=100) -> list[UUID]:
    return [each.id for each in database.admin.recent_events(WORKSPACE, since, until, limit)]


def change(database: Opened, identifier: UUID, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(event_rows).where(event_rows.c.id == identifier).values(**values))


def test_an_event_comes_with_what_it_said_and_who_judged_it(database: Opened):
    profile, events = saved(database), Events()
    judged, waiting = post(database, [events.new("a1"), events.new("a2", "call-2", "call.recorded")])
    evaluate(database, [judged], profile)
    version = database.hot.catalogue_version()
    assert list(database.admin.recent_events(WORKSPACE, None, None, 10)) == [
        PastEvent(
            waiting.id,
            "call-2",
            "call.recorded",
            NOON - seconds(60),
            None,
            False,
            False,
            False,
            orjson.loads(waiting.body),
        ),
        PastEvent(
            judged.id,
            "7f9c",
            "call.finished",
            NOON - seconds(60),
            version,
            False,
            False,
            False,
            orjson.loads(judged.body),
        ),
    ]


def test_the_newest_are_given_up_to_the_limit(database: Opened):
    stored = post(database, Events().several(120))
    assert ids(database) == [each.id for each in reversed(stored)][:100]
    assert ids(database, limit=3) == [each.id for each in reversed(stored)][:3]


def test_since_is_included_until_is_not(database: Opened):
    stored = post(database, Events().several(5))
    moments = [moment_of(each.id) for each in stored]
    assert ids(database, since=moments[1], until=moments[3]) == [stored[2].id, stored[1].id]
    assert ids(database, since=moments[4] + seconds(0.001)) == []


def test_tests_and_erased_events_are_named_and_not_read(database: Opened):
    test, erased, plain = post(database, Events().several(3))
    change(database, test.id, test=True)
    change(database, erased.id, erased_at=NOON, body=b"")
    found = database.admin.recent_events(WORKSPACE, None, None, 10)
    assert [(each.id, each.test, each.erased, each.context is None) for each in found] == [
        (plain.id, False, False, False),
        (erased.id, False, True, True),
        (test.id, True, False, True),
    ]


def test_what_fired_a_private_profile_is_private_and_so_is_what_was_erased(database: Opened):
    private, erased, plain = post(database, Events().several(3))
    with database.engine.begin() as connection:
        connection.execute(
            update(evaluations).where(evaluations.c.event_id == private.id).values(erase_at=NOON + seconds(60))
        )
    change(database, erased.id, erased_at=NOON, body=b"")
    found = {each.id: each.private for each in database.admin.recent_events(WORKSPACE, None, None, 10)}
    assert found == {private.id: True, erased.id: True, plain.id: False}


def test_another_workspace_has_none_of_them(database: Opened):
    post(database, Events().several(1))
    assert list(database.admin.recent_events(ELSEWHERE, None, None, 10)) == []


def test_what_comes_while_it_is_read_is_not_in_the_view(database: Opened):
    events = Events()
    stored = post(database, events.several(60))
    reading = database.admin.recent_events(WORKSPACE, None, None, 1_000)
    first = next(reading)
    post(database, events.several(5))
    change(database, stored[0].id, erased_at=NOON, body=b"")
    rest = list(reading)
    assert [first.id, *(each.id for each in rest)] == [each.id for each in reversed(stored)]
    assert rest[-1].erased is False


def test_bodies_are_fetched_fifty_at_a_time(database: Opened):
    post(database, Events().several(120))
    fetched: list[object] = []

    @sql_event.listens_for(database.engine, "after_cursor_execute")
    def noted(_connection, _cursor, statement, _parameters, context, _many):
        if "events.body" in statement:
            fetched.append(context.execution_options.get("yield_per"))

    assert len(ids(database, limit=1_000)) == 120
    assert fetched == [50]


def test_a_reader_that_stops_early_gives_its_connection_back(database: Opened):
    post(database, Events().several(60))
    for _ in range(20):
        reading = database.admin.recent_events(WORKSPACE, None, None, 1_000)
        next(reading)
        reading.close()
    assert len(ids(database)) == 60
