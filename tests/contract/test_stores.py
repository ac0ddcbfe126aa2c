"""Events and evaluations, as every store keeps them: DESIGN's invariants 1, 2 and 7."""

from uuid import UUID

import pytest

from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Accepted, Evaluation
from tests.contract.conftest import Opened
from tests.contract.flow import CLAIM, LEASE, OTHER_CLAIM, WAKE, at_once, evaluate, made_of, post, saved, shown
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds

OTHER_SOURCE = UUID("00000000-0000-4000-8000-0000000050ce")


def test_events_are_accepted_in_the_order_given(store: Opened):
    events = Events()
    batch = [events.new("b"), events.new(), events.new("a")]
    assert store.hot.add_events(batch, NOON, WAKE) == [
        Accepted(batch[0].id, "b", duplicate=False),
        Accepted(batch[1].id, None, duplicate=False),
        Accepted(batch[2].id, "a", duplicate=False),
    ]


def test_a_repeated_event_is_a_duplicate_with_the_id_of_the_first(store: Opened):
    events = Events()
    first = events.new("a1b2-hangup")
    store.hot.add_events([first], NOON, WAKE)
    again, fresh = events.new("a1b2-hangup"), events.new("a1b2-answer")
    assert store.hot.add_events([fresh, again], NOON, WAKE) == [
        Accepted(fresh.id, "a1b2-answer", duplicate=False),
        Accepted(first.id, "a1b2-hangup", duplicate=True),
    ]
    assert store.admin.books(WORKSPACE)["accepted"] == 2


def test_an_event_repeated_in_its_own_batch_is_a_duplicate_of_the_first(store: Opened):
    events = Events()
    first, again = events.new("a1b2-hangup"), events.new("a1b2-hangup")
    assert store.hot.add_events([first, again], NOON, WAKE) == [
        Accepted(first.id, "a1b2-hangup", duplicate=False),
        Accepted(first.id, "a1b2-hangup", duplicate=True),
    ]
    assert store.admin.books(WORKSPACE)["accepted"] == 1


def test_the_same_id_from_two_sources_is_two_events(store: Opened):
    here, there = Events().new("17"), Events(source_id=OTHER_SOURCE).new("17")
    there.id = UUID(int=here.id.int + 1)
    accepted = store.hot.add_events([here, there], NOON, WAKE)
    assert [each.duplicate for each in accepted] == [False, False]


def test_events_without_an_id_of_their_source_are_never_duplicates(store: Opened):
    events = Events()
    accepted = store.hot.add_events(events.several(2), NOON, WAKE) + store.hot.add_events([events.new()], NOON, WAKE)
    assert [each.duplicate for each in accepted] == [False, False, False]


def test_the_same_event_posted_over_two_connections_at_once_is_stored_once(store: Opened):
    events = Events()
    ours = [events.new(f"call-{number}") for number in range(50)]
    theirs = [events.new(f"call-{number}") for number in range(50)]
    one, other = at_once(
        store,
        lambda: store.hot.add_events(ours, NOON, WAKE),
        lambda: store.hot.add_events(theirs, NOON, WAKE),
    )
    assert [each.id for each in one] == [each.id for each in other]
    assert sorted(each.duplicate for each in one + other) == [False] * 50 + [True] * 50
    assert store.admin.books(WORKSPACE)["accepted"] == 50


def test_the_same_events_posted_in_opposite_orders_at_once_do_not_lock_each_other_out(store: Opened):
    events = Events()
    ours = [events.new(f"call-{number}") for number in range(800)]
    theirs = [events.new(f"call-{number}") for number in reversed(range(800))]
    calls = [lambda batch=batch: store.hot.add_events(batch, NOON, WAKE) for batch in (ours, theirs)]
    one, other = at_once(store, *calls)
    assert [each.source_event_id for each in one + other] == [each.source_event_id for each in ours + theirs]
    assert {each.source_event_id: each.id for each in one} == {each.source_event_id: each.id for each in other}
    assert store.admin.books(WORKSPACE)["accepted"] == 800


def test_a_batch_is_stored_whole_or_not_at_all(store: Opened):
    events = Events()
    broken = events.new("broken")
    broken.occurred_at = None
    with pytest.raises(Exception, match=r"(?i)occurred_at|NoneType"):
        store.hot.add_events([events.new("sound"), broken], NOON, WAKE)
    assert store.admin.books(WORKSPACE)["accepted"] == 0
    assert store.hot.add_events([events.new("sound")], NOON, WAKE)[0].duplicate is False


def test_no_events_are_no_trouble(store: Opened):
    assert store.hot.add_events([], NOON, WAKE) == []


def test_a_stored_event_waits_for_evaluation_with_what_criteria_and_templates_see(store: Opened):
    event = Events().new("a1b2-hangup", call_id="7f9c")
    store.hot.add_events([event], NOON, WAKE)
    version, (stored,) = store.hot.unevaluated([event.id])
    assert version == store.hot.catalogue_version()
    assert (stored.id, stored.workspace_id) == (event.id, WORKSPACE)
    assert stored.context == {
        "id": "a1b2-hangup",
        "type": "call.finished",
        "occurred_at": "2026-11-20T11:59:00Z",
        "call": {"id": "7f9c", "caller_name": "Jane Roe"},
    }


def test_a_body_with_a_null_character_comes_back_as_it_was(store: Opened):
    event = Events().new()
    event.body = event.body.replace(b"Jane Roe", b"Jane\\u0000Roe")
    store.hot.add_events([event], NOON, WAKE)
    assert store.hot.unevaluated([event.id])[1][0].context["call"]["caller_name"] == "Jane\x00Roe"


def test_unknown_and_repeated_ids_make_no_events(store: Opened):
    event = Events().new()
    store.hot.add_events([event], NOON, WAKE)
    _, found = store.hot.unevaluated([event.id, UUID(int=17), event.id])
    assert [each.id for each in found] == [event.id]


def test_an_evaluated_event_waits_for_nobody(store: Opened):
    events = post(store, Events().several(2))
    evaluate(store, events[:1], saved(store))
    assert [each.id for each in store.hot.unevaluated([each.id for each in events])[1]] == [events[1].id]
    assert store.hot.wake_events(WAKE, WAKE + seconds(5), 100) == [events[1].id]


def test_an_event_that_nobody_wants_is_evaluated_all_the_same(store: Opened):
    (event,) = post(store, [Events().new()])
    assert store.hot.add_deliveries([Evaluation(event.id, 0)], [], 0, NOON, {}, WAKE) == set()
    assert store.hot.unevaluated([event.id]) == (-1, [])
    books = store.admin.books(WORKSPACE)
    assert (books["accepted"], books["evaluated"], books["made"]) == (1, 1, 0)


def test_a_delivery_made_claimed_is_being_sent_under_its_lease(store: Opened):
    profile = saved(store)
    (event,) = post(store, [Events().new("a1b2", call_id="7f9c")])
    identifier = delivery_id(event.id, profile.id)
    assert evaluate(store, [event], profile, CLAIM) == {identifier}
    assert shown(store, identifier) == {
        "id": identifier,
        "event_id": event.id,
        "source_event_id": "a1b2",
        "event_type": "call.finished",
        "call_id": "7f9c",
        "profile": "crm",
        "revision": 1,
        "state": "sending",
        "reason": None,
        "attempts": 0,
        "due_at": None,
        "created_at": NOON,
        "finished_at": None,
        "erased_at": None,
        "partial": False,
        "test": False,
        "outputs": None,
    }
    assert store.hot.wake_deliveries(LEASE - seconds(1), LEASE + seconds(5), 100) == {}
    assert store.hot.wake_deliveries(LEASE, LEASE + seconds(5), 100) == {profile.id: [identifier]}


def test_a_delivery_made_unclaimed_is_pending_and_due_at_once(store: Opened):
    profile = saved(store)
    (event,) = post(store, [Events().new()])
    (identifier,) = evaluate(store, [event], profile)
    row = shown(store, identifier)
    assert (row["state"], row["due_at"], row["attempts"]) == ("pending", NOON, 0)
    assert store.hot.wake_deliveries(WAKE - seconds(1), WAKE + seconds(5), 100) == {}
    assert store.hot.wake_deliveries(WAKE, WAKE + seconds(5), 100) == {profile.id: [identifier]}


def test_an_evaluation_that_is_repeated_makes_nothing_and_changes_nothing(store: Opened):
    profile = saved(store)
    (event,) = post(store, [Events().new()])
    (identifier,) = evaluate(store, [event], profile, CLAIM)
    before = shown(store, identifier)
    assert evaluate(store, [event], profile, OTHER_CLAIM, now=NOON + seconds(60)) == set()
    assert shown(store, identifier) == before
    assert store.admin.books(WORKSPACE)["made"] == 1


def test_an_evaluation_that_is_repeated_with_a_newer_catalogue_makes_nothing_either(store: Opened):
    crm, erp = saved(store, "crm"), saved(store, "erp")
    (event,) = post(store, [Events().new()])
    evaluate(store, [event], crm, CLAIM)
    assert evaluate(store, [event], erp, OTHER_CLAIM, now=NOON + seconds(60)) == set()
    books = store.admin.books(WORKSPACE)
    assert (books["made"], books["sending"]) == (1, 1)


def test_what_somebody_else_evaluated_is_left_to_them_and_the_rest_is_made(store: Opened):
    profile = saved(store)
    events = post(store, Events().several(3))
    evaluate(store, events[1:2], profile, CLAIM)
    made = evaluate(store, events, profile, OTHER_CLAIM)
    assert made == {delivery_id(events[0].id, profile.id), delivery_id(events[2].id, profile.id)}


def test_of_two_evaluators_at_once_each_event_is_made_by_one(store: Opened):
    crm, erp = saved(store, "crm"), saved(store, "erp")
    events = post(store, Events().several(40))
    # Each knows another catalogue, so that a delivery made twice is not hidden by its id.
    one, other = at_once(
        store,
        lambda: evaluate(store, events, crm, CLAIM),
        lambda: evaluate(store, list(reversed(events)), erp, OTHER_CLAIM),
    )
    by_crm = {each.event_id for each in made_of(events, crm, None) if each.id in one}
    by_erp = {each.event_id for each in made_of(events, erp, None) if each.id in other}
    assert not by_crm & by_erp
    assert by_crm | by_erp == {event.id for event in events}
    books = store.admin.books(WORKSPACE)
    assert (books["evaluated"], books["made"], books["sending"]) == (40, 40, 40)
