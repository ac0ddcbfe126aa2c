"""What is due, lost or expired is hinted again."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.sweep import Sweeper, Swept
from tests.unit.doubles import House


@pytest.fixture
def house() -> Iterator[House]:
    """A worker, for its store and clock."""
    made = House()
    yield made
    made.close()


@pytest.fixture
def hints() -> MemoryHints:
    return MemoryHints()


@pytest.fixture
def sweeper(house: House, hints: MemoryHints) -> Sweeper:
    return Sweeper(house.store, hints, house.clock, rehint_seconds=5)


def test_an_event_whose_hint_was_lost_is_hinted_when_its_time_has_come(house: House, hints: MemoryHints, sweeper):
    events = house.post(2)
    assert sweeper.sweep() == Swept(0, 0)
    house.clock.pass_seconds(5)
    assert sweeper.sweep() == Swept(events=2, deliveries=0)
    assert hints.evaluations == [events]


def test_what_was_hinted_is_left_alone_until_the_rehint_time_is_over(house: House, hints: MemoryHints, sweeper):
    house.post(1)
    told = []
    for pause in (5, 0, 4.999, 0.001):
        house.clock.pass_seconds(pause)
        told.append(sweeper.sweep().events)
    assert told == [1, 0, 0, 1]


def test_due_deliveries_are_hinted_by_profile(house: House, hints: MemoryHints, sweeper):
    crm, erp = house.profile("crm"), house.profile("erp")
    of_crm, of_erp = house.backlog(crm, 2), house.backlog(erp, 1)
    assert sweeper.sweep() == Swept(events=0, deliveries=3)
    assert hints.deliveries == [(crm.id, of_crm), (erp.id, of_erp)]


def test_a_backlog_is_cut_into_hints_of_two_hundred(house: House, hints: MemoryHints, sweeper):
    profile = house.profile()
    house.backlog(profile, 450)
    house.post(201)
    house.clock.pass_seconds(5)
    assert sweeper.sweep() == Swept(events=201, deliveries=450)
    assert [len(each) for each in hints.evaluations] == [200, 1]
    assert [len(ids) for _, ids in hints.deliveries] == [200, 200, 50]


def test_while_the_broker_is_away_nothing_is_given_out(house: House, hints: MemoryHints, sweeper):
    profile = house.profile()
    house.backlog(profile, 3)
    house.post(2)
    house.clock.pass_seconds(5)
    hints.away = True
    assert sweeper.sweep() == Swept(failed=True)
    hints.away = False
    assert sweeper.sweep() == Swept(events=2, deliveries=3)


def test_a_broker_that_goes_away_halfway_loses_nothing(house: House, hints: MemoryHints, sweeper):
    house.backlog(house.profile(), 450)
    take = hints.deliver

    def take_one(profile_id, ids):
        take(profile_id, ids)
        hints.away = True

    hints.deliver = take_one
    assert sweeper.sweep().failed is True
    hints.away, hints.deliver = False, take
    assert sweeper.sweep() == Swept(0, 0)
    house.clock.pass_seconds(5)
    assert sweeper.sweep() == Swept(deliveries=450)


def test_while_the_store_is_away_a_sweep_says_so_and_hints_nothing(house: House, hints: MemoryHints, sweeper, caplog):
    house.post(1)
    house.clock.pass_seconds(5)
    house.store.away = True
    assert sweeper.sweep() == Swept(failed=True)
    assert [record.message for record in caplog.records] == ["sweep.store_unavailable"]
    house.store.away = False
    assert sweeper.sweep() == Swept(events=1)


def test_a_backlog_is_given_out_by_and_by_and_the_rest_stays_in_the_database(house: House, hints, sweeper):
    house.backlog(house.profile(), 8_500)
    assert sweeper.sweep() == Swept(deliveries=8_000)
    assert (len(hints.deliveries), len(hints.deliveries[0][1])) == (40, 200)
    assert sweeper.sweep() == Swept()


def test_nothing_is_given_out_while_a_hundred_hints_wait(house: House, hints: MemoryHints, sweeper):
    house.backlog(house.profile(), 1)
    hints.deliveries = [(UUID(int=1), [])] * 100
    assert sweeper.sweep() == Swept()
    hints.deliveries.pop()
    assert sweeper.sweep() == Swept(deliveries=1)


def test_waiting_evaluations_do_not_hold_up_deliveries(house: House, hints: MemoryHints, sweeper):
    (delivery,) = house.backlog(house.profile(), 1)
    hints.evaluations = [[]] * 100
    house.post(1)
    house.clock.pass_seconds(5)
    assert sweeper.sweep() == Swept(events=0, deliveries=1)
    assert hints.deliveries[0][1] == [delivery]


def test_a_wiped_broker_loses_nothing(house: House, hints: MemoryHints, sweeper):
    house.profile()
    events = house.post(3)
    hints.evaluate(events)
    hints.wipe()
    house.clock.pass_seconds(5)
    sweeper.sweep()
    (hinted,) = hints.evaluations
    house.evaluator.evaluate(hinted)
    assert house.books() == {"delivered": 3}
