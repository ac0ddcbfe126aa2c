"""What each database does with tests of profiles: they go the ordinary way and are counted nowhere."""

from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from dispatcher.domain.delivery import NewDelivery
from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Conflict, DeliveryFilter, NewEvent, Profile
from dispatcher.wait import Claims
from tests.contract.conftest import Opened
from tests.contract.flow import CLAIM, LEASE, WAKE, claimed, delivered, pending, post, saved, shown
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds, spec

LATER = NOON + seconds(300)


@pytest.fixture
def events() -> Events:
    return Events()


def trial(
    database: Opened,
    profile: Profile,
    event: NewEvent,
    *,
    given: bool = True,
    private: bool = False,
) -> UUID:
    """A test of an event that the caller gives, or of a stored one; its id."""
    identifier = delivery_id(event.id, profile.id, 1)
    new = NewDelivery(identifier, WORKSPACE, event.id, profile.id, profile.revision, None)
    database.admin.add_test(event if given else None, new, NOON, WAKE, private=private)
    return identifier


def test_a_test_is_pending_due_now_and_shown_as_one(database: Opened, events: Events):
    event = events.new("theirs", call_id="call-1")
    identifier = trial(database, saved(database), event)
    row = shown(database, identifier)
    expected = {
        "event_id": event.id,
        "source_event_id": None,
        "call_id": "call-1",
        "profile": "crm",
        "revision": 1,
        "state": "pending",
        "reason": None,
        "attempts": 0,
        "due_at": NOON,
        "created_at": NOON,
        "finished_at": None,
        "test": True,
    }
    assert {name: row[name] for name in expected} == expected


def test_a_test_is_in_no_book_and_no_list_but_its_own(database: Opened, events: Events):
    profile = saved(database)
    (real,) = claimed(database, profile, [events.new("a", call_id="call-1")])
    database.hot.record([delivered(real)], NOON)
    books = database.admin.books(WORKSPACE)
    identifier = trial(database, profile, events.new("b", call_id="call-1"))
    (claim,) = database.hot.claim(profile, [identifier], CLAIM, NOON, LEASE)
    database.hot.record([delivered(claim)], NOON)
    admin = database.admin
    assert shown(database, identifier)["state"] == "delivered"
    assert admin.books(WORKSPACE) == books
    assert [each["id"] for each in admin.deliveries(WORKSPACE, DeliveryFilter(), None, 9).items] == [real.id]
    assert [each["id"] for each in admin.deliveries(WORKSPACE, DeliveryFilter(test=True), None, 9).items] == [
        identifier
    ]
    assert admin.matching(WORKSPACE, DeliveryFilter(), None, 9) == [real.id]
    assert admin.count_matching(WORKSPACE, DeliveryFilter(call_id="call-1")) == 1
    assert [each["source_event_id"] for each in admin.events(WORKSPACE, None, 9).items] == ["a"]
    (record,) = admin.call(WORKSPACE, "call-1")
    assert [each["id"] for each in record.deliveries] == [real.id]


def test_a_test_of_a_stored_event_is_on_its_calls_page_and_leaves_what_was_made(database: Opened, events: Events):
    profile = saved(database)
    event = events.new(call_id="call-1")
    (real,) = claimed(database, profile, [event])
    identifier = trial(database, profile, event, given=False)
    (record,) = database.admin.call(WORKSPACE, "call-1")
    assert {each["id"]: each["test"] for each in record.deliveries} == {real.id: False, identifier: True}
    assert record.event["deliveries_made"] == 1


def test_the_claim_of_a_test_says_so_and_holds_the_event_that_was_given(database: Opened, events: Events):
    profile, event = saved(database), events.new("theirs")
    identifier = trial(database, profile, event)
    (claim,) = database.hot.claim(profile, [identifier], CLAIM, NOON, LEASE)
    assert (claim.test, claim.event_id, claim.context) == (True, event.id, orjson.loads(event.body))


def test_an_event_that_was_given_is_never_evaluated_and_makes_no_duplicate(database: Opened, events: Events):
    event = events.new("theirs")
    trial(database, saved(database), event)
    assert database.hot.unevaluated([event.id])[1] == []
    assert database.hot.wake_events(LATER, LATER, 10) == []
    (again,) = database.hot.add_events([events.new("theirs")], NOON, WAKE)
    assert again.duplicate is False


def test_a_disabled_profiles_tests_are_given_out_and_claimed_and_nothing_else_of_it(database: Opened, events: Events):
    profile = saved(database)
    event = events.new()
    (ordinary,) = pending(database, profile, [event])
    identifier = trial(database, profile, event, given=False)
    stopped = database.admin.update_profile(WORKSPACE, "crm", spec("crm", enabled=False), NOON)
    assert stopped is not None
    assert database.hot.wake_deliveries(LATER, LATER + seconds(5), 10) == {profile.id: [identifier]}
    (claim,) = database.hot.claim(stopped.profile, [identifier, ordinary], CLAIM, LATER, LATER + seconds(15))
    assert claim.id == identifier
    assert shown(database, identifier)["reason"] is None


def test_a_test_waits_for_nothing_and_sees_no_other_event_of_the_call_it_names(database: Opened, events: Events):
    wait_for = {"recording": {"up_to_seconds": 60, "then": "skip"}}
    profile = saved(database, trigger={"events": ["call.finished"], "wait_for": wait_for})
    post(database, [events.new("real", call_id="7f9c")])
    event = events.new("given", call_id="7f9c")
    event.body = orjson.dumps(orjson.loads(event.body) | {"call": {"id": "7f9c"}, "followed": {"lead_id": 17}})
    identifier = trial(database, profile, event)
    claims = Claims(database.hot, database.waiting, lambda: NOON)
    (claim,) = claims.take(profile, [identifier], LEASE)
    assert (claim.partial, claim.context["call"], claim.context["followed"]) == (True, {"id": "7f9c"}, {"lead_id": 17})


def test_the_newest_event_is_of_the_types_asked_for_and_no_test(database: Opened, events: Events):
    admin = database.admin
    assert admin.newest_event(WORKSPACE, ["call.finished"]) is None
    finished, recorded = post(database, [events.new(), events.new(kind="call.recorded")])
    trial(database, saved(database), events.new())
    assert admin.newest_event(WORKSPACE, ["call.finished", "call.missed"]) == finished.id
    assert admin.newest_event(WORKSPACE, []) == recorded.id
    assert admin.newest_event(uuid4(), []) is None


def test_outputs_are_those_of_the_newest_real_delivery_of_the_call(database: Opened, events: Events):
    profile = saved(database)
    first, second = claimed(database, profile, [events.new(call_id="c"), events.new(call_id="c")])
    other = events.new(call_id="c")
    post(database, [other])
    assert database.admin.outputs_for(other.id, profile.id) is None
    for claim, lead in ((second, 2), (first, 1)):
        result = delivered(claim)
        result.outputs = orjson.dumps({"private": False, "values": {"lead_id": lead}})
        database.hot.record([result], NOON)
    trial(database, profile, other, given=False)
    assert database.admin.outputs_for(other.id, profile.id) == {"lead_id": 2}
    assert database.admin.outputs_for(other.id, uuid4()) is None


def test_an_erased_event_is_not_tested(database: Opened, events: Events):
    profile, event = saved(database), events.new()
    post(database, [event])
    assert database.engine is not None
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE events SET erased_at = received_at"))
    with pytest.raises(Conflict):
        trial(database, profile, event, given=False)
    assert database.admin.newest_event(WORKSPACE, []) is None
    assert database.admin.deliveries(WORKSPACE, DeliveryFilter(test=True), None, 9).items == []


def test_what_was_given_for_a_private_test_may_be_erased_as_soon_as_it_is_final(database: Opened, events: Events):
    profile = saved(database)
    plain, secret = events.new(), events.new()
    trial(database, profile, plain)
    trial(database, profile, secret, private=True)
    assert database.engine is not None
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT count(*), count(erase_at) FROM evaluations")).one()
    assert tuple(rows) == (2, 1)


def test_a_copy_signs_with_a_secret_of_its_own(database: Opened):
    for name in ("crm", "copy"):
        saved(database, name)
    first, second = (database.admin.signing_secrets(WORKSPACE, name, NOON) for name in ("crm", "copy"))
    assert first[0] != second[0]
