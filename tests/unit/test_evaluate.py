"""Every profile is asked, and first attempts leave in the same task."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest

from dispatcher.domain.ids import delivery_id
from dispatcher.evaluate import Evaluated
from dispatcher.ports import StoreUnavailable
from tests.unit.doubles import NOON, WORKSPACE, House, answered, refuse_to_render, seconds, spec

CRITERIA = {"field": "call.id", "op": "eq", "value": "vip-call"}


@pytest.fixture
def house() -> Iterator[House]:
    """A worker whose target answers 200 at once."""
    made = House()
    yield made
    assert made.room.held == 0
    made.close()


@pytest.fixture
def hanging() -> Iterator[House]:
    """A worker whose target answers when the test says so."""
    made = House(lambda request: None, capacity=100)
    yield made
    made.close()


def trigger(*events: str, criteria: dict | None = None) -> dict:
    return {"events": list(events), "criteria": criteria}


def test_an_event_is_delivered_to_every_profile_that_takes_its_type(house: House):
    for name, types in {"crm": ["call.finished"], "bi": ["*"], "erp": ["call.recorded"]}.items():
        house.profile(name, trigger=trigger(*types))
    assert house.evaluator.evaluate(house.post(2)) == Evaluated(2, Counter(crm=2, bi=2), 0)
    assert house.books() == {"delivered": 4}


def test_a_profile_for_one_type_and_for_every_type_fires_once(house: House):
    profile = house.profile(trigger=trigger("call.finished", "*"))
    (event,) = house.post(1)
    assert house.evaluator.evaluate([event]) == Evaluated(1, Counter(crm=1), 0)
    assert [dict(request.headers)["webhook-id"] for request in house.sender.requests] == [
        str(delivery_id(event, profile.id))
    ]
    assert house.store.books(WORKSPACE)["made"] == 1
    house.evaluator.evaluate(house.post(1, kind="call.recorded"))
    assert house.books() == {"delivered": 2}


def test_criteria_decide_call_by_call(house: House):
    profile = house.profile(trigger=trigger("call.finished", criteria=CRITERIA))
    plain, vip = house.post(1, call_id="call-1") + house.post(1, call_id="vip-call")
    assert house.evaluator.evaluate([plain, vip]) == Evaluated(2, Counter(crm=1), 0)
    assert house.store.delivery(WORKSPACE, delivery_id(plain, profile.id)) is None
    assert house.row(delivery_id(vip, profile.id))["state"] == "delivered"


def test_an_event_that_no_profile_wants_is_evaluated_and_never_looked_at_again(house: House):
    house.profile(trigger=trigger("call.recorded"))
    assert house.evaluator.evaluate(house.post(1)) == Evaluated(1, Counter(), 0)
    assert house.store.wake_events(NOON + seconds(60), NOON + seconds(65), 10) == []
    assert house.sender.requests == []


def test_a_disabled_profile_makes_no_delivery(house: House):
    house.profile("off", enabled=False)
    assert house.evaluator.evaluate(house.post(1)).made == Counter()


def test_profiles_of_another_workspace_are_not_asked(house: House):
    house.store.create_profile(UUID(int=5), spec(), NOON)
    assert house.evaluator.evaluate(house.post(1)).made == Counter()


def test_the_first_attempt_leaves_in_the_same_task_under_a_lease(hanging: House):
    profile = hanging.profile()
    (event,) = hanging.post(1)
    hanging.evaluator.evaluate([event])
    assert hanging.row(delivery_id(event, profile.id))["state"] == "sending"
    assert len(hanging.sender.requests) == hanging.room.held == 1
    assert hanging.store.wake_deliveries(NOON + seconds(14.999), NOON + seconds(20), 10) == {}
    assert hanging.store.wake_deliveries(NOON + seconds(15), NOON + seconds(20), 10) != {}


def test_an_evaluation_that_is_repeated_sends_nothing_again(house: House):
    house.profile()
    events = house.post(3)
    house.evaluator.evaluate(events)
    assert house.evaluator.evaluate(events) == Evaluated()
    assert len(house.sender.requests) == 3


def test_what_somebody_else_evaluates_meanwhile_is_theirs_to_send(house: House):
    profile = house.profile()
    events = house.post(3)
    other = House()
    other.store = house.store
    add = house.store.add_deliveries

    def overtaken(evaluations, deliveries, *rest):
        # Another worker is done with the first event between our reading it and our writing.
        house.store.add_deliveries = add
        add(evaluations[:1], [each for each in deliveries if each.event_id == events[0]], *rest)
        return add(evaluations, deliveries, *rest)

    house.store.add_deliveries = overtaken
    assert house.evaluator.evaluate(events) == Evaluated(3, Counter(crm=2), 0)
    assert house.room.held == 0
    sent = {dict(request.headers)["webhook-id"] for request in house.sender.requests}
    assert sent == {str(delivery_id(each, profile.id)) for each in events[1:]}
    other.close()


def test_nothing_is_changed_and_all_room_is_free_when_the_store_is_away(house: House):
    house.profile()
    events = house.post(2)
    house.store.away = True
    with pytest.raises(StoreUnavailable):
        house.evaluator.evaluate(events)
    house.store.away = False
    assert house.evaluator.evaluate(events).made == Counter(crm=2)


def test_room_is_given_back_when_the_deliveries_cannot_be_made(house: House):
    house.profile()
    events = house.post(2)
    add = house.store.add_deliveries

    def fail(*args):
        raise StoreUnavailable("away")

    house.store.add_deliveries = fail
    with pytest.raises(StoreUnavailable):
        house.evaluator.evaluate(events)
    assert (house.room.held, house.sender.requests) == (0, [])
    house.store.add_deliveries = add
    assert house.evaluator.evaluate(events).made == Counter(crm=2)


def test_what_there_is_no_room_for_is_made_pending_and_goes_out_as_room_frees(hanging: House):
    hanging.profile()
    assert hanging.evaluator.evaluate(hanging.post(120)) == Evaluated(120, Counter(crm=120), 40)
    assert hanging.books() == {"sending": 80, "pending": 40}
    hanging.sender.finish(answered(200))
    hanging.claimers.run()
    while hanging.sender.finish(answered(200)):
        hanging.claimers.run()
    assert hanging.books() == {"delivered": 120}
    assert (len(hanging.sender.requests), hanging.room.held) == (120, 0)


def test_a_hanging_profile_leaves_room_for_the_first_attempts_of_another(hanging: House):
    hanging.profile("sick")
    hanging.evaluator.evaluate(hanging.post(120))
    hanging.profile("well", trigger=trigger("call.recorded"))
    assert hanging.evaluator.evaluate(hanging.post(16, kind="call.recorded")) == Evaluated(16, Counter(well=16), 0)


def test_a_limited_profile_is_never_claimed_by_an_evaluation(house: House):
    house.profile(limits={"per_second": 4})
    assert house.evaluator.evaluate(house.post(10)) == Evaluated(10, Counter(crm=10), 10)
    assert (house.books(), house.sender.requests) == ({"pending": 10}, [])
    house.claimers.run()
    assert house.books() == {"delivered": 4, "pending": 6}


def test_a_call_that_cannot_be_rendered_frees_its_room_and_ends_dead(house: House):
    house.profile()
    house.templates.render = refuse_to_render
    house.evaluator.evaluate(house.post(3))
    assert house.books() == {"dead": 3}


def test_a_new_profile_is_asked_from_the_next_event_on(house: House):
    house.profile("crm")
    house.evaluator.evaluate(house.post(1))
    house.profile("erp")
    assert house.evaluator.evaluate(house.post(1)).made == Counter(crm=1, erp=1)


def test_unknown_events_are_no_events(house: House):
    assert house.evaluator.evaluate([UUID(int=1)]) == Evaluated()
    assert house.evaluator.evaluate([]) == Evaluated()
