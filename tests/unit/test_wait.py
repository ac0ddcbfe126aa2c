"""Deliveries that wait for a recording, or for what another profile delivers, through a whole worker."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Profile, StoreUnavailable
from tests.unit.doubles import NOON, WORKSPACE, House, answered, seconds

AVAILABLE = {"state": "available", "url": "https://pbx.example/rec/7f9c.wav"}


@pytest.fixture
def house() -> Iterator[House]:
    house = House(lambda request: answered(201, body=b'{"id": "L-1"}'))
    yield house
    house.close()


def waiting_profile(house: House, then: str = "send", **changes: Any) -> Profile:
    trigger = {"events": ["call.finished"], "wait_for": {"recording": {"up_to_seconds": 1200, "then": then}}}
    return house.profile(trigger=trigger, **changes)


def hear(house: House, **of: Any) -> None:
    """An event comes in, is evaluated, and everything that this starts is done."""
    house.evaluator.evaluate(house.post(**of))
    house.claimers.run()


def only(house: House, profile: Profile) -> dict[str, Any]:
    """The one delivery of the profile."""
    rows = [house.store.delivery(WORKSPACE, delivery_id(event, profile.id)) for event in house.posted]
    (row,) = (each for each in rows if each is not None)
    return row


def sweep(house: House) -> None:
    """What the sweeper and a worker do with what is due."""
    for profile_id, ids in house.store.wake_deliveries(house.clock(), house.clock() + seconds(5), 100).items():
        house.deliverer.deliver(profile_id, ids)
    house.claimers.run()


def bodies(house: House) -> list[dict[str, Any]]:
    return [orjson.loads(request.body or b"") for request in house.sender.requests]


# --- recordings


def test_a_delivery_waits_for_its_calls_recording(house: House):
    profile = waiting_profile(house)
    hear(house)
    row = only(house, profile)
    assert (row["state"], row["reason"], row["due_at"], row["attempts"]) == (
        "pending",
        "waiting for recording",
        NOON + seconds(1200),
        0,
    )
    assert (house.sender.requests, house.log(row["id"])) == ([], [])


def test_the_recording_releases_it_with_the_call_as_it_is_by_then(house: House):
    profile = waiting_profile(house)
    hear(house, group="Sales")
    house.clock.pass_seconds(30)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    row = only(house, profile)
    assert (row["state"], row["reason"], row["partial"]) == ("delivered", None, False)
    (body,) = bodies(house)
    assert body["type"] == "call.finished"
    assert body["call"] == {"id": "7f9c", "caller_name": "Jane Roe", "group": "Sales", "recording": AVAILABLE}


def test_a_recording_that_came_first_is_not_waited_for(house: House):
    profile = waiting_profile(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    hear(house)
    assert only(house, profile)["state"] == "delivered"
    assert bodies(house)[0]["call"]["recording"] == AVAILABLE


def test_a_recording_in_the_event_itself_is_not_waited_for(house: House):
    profile = waiting_profile(house)
    hear(house, recording=AVAILABLE)
    assert (only(house, profile)["state"], only(house, profile)["partial"]) == ("delivered", False)


def test_another_calls_recording_releases_nothing(house: House):
    profile = waiting_profile(house)
    hear(house)
    hear(house, call_id="8a00", kind="call.recorded", recording=AVAILABLE)
    assert only(house, profile)["state"] == "pending"


def test_news_that_say_nothing_of_the_recording_release_nothing(house: House):
    profile = waiting_profile(house)
    hear(house)
    hear(house, kind="call.updated", disposition="sale")
    hear(house, kind="call.updated", recording={"state": "pending"})
    assert only(house, profile)["state"] == "pending"


@pytest.mark.parametrize(
    ("then", "state", "reason", "sent"),
    [
        ("send", "delivered", None, 1),
        ("skip", "discarded", "no recording within 1200 s", 0),
        ("dead", "dead", "no recording within 1200 s", 0),
    ],
)
def test_at_the_deadline_the_policy_decides(house: House, then: str, state: str, reason: str | None, sent: int):
    profile = waiting_profile(house, then)
    hear(house)
    house.clock.pass_seconds(1199)
    sweep(house)
    assert only(house, profile)["state"] == "pending"
    house.clock.pass_seconds(1)
    sweep(house)
    row = only(house, profile)
    assert (row["state"], row["reason"], row["partial"]) == (state, reason, then == "send")
    assert len(house.sender.requests) == sent
    assert house.books() == {state: 1}
    assert (row["finished_at"], row["due_at"]) == (house.clock(), None)


def test_a_call_that_nobody_answered_is_not_waited_for(house: House):
    profile = waiting_profile(house, "dead")
    hear(house, outcome="missed")
    assert (only(house, profile)["state"], only(house, profile)["reason"]) == ("discarded", "the call has no recording")


def test_a_retry_of_what_was_waited_for_is_an_ordinary_retry(house: House):
    house.sender.script = lambda request: answered(503)
    profile = waiting_profile(house, retry={"delays_seconds": [60], "jitter": 0})
    hear(house, recording=AVAILABLE)
    assert (only(house, profile)["state"], only(house, profile)["due_at"]) == ("retrying", NOON + seconds(60))
    house.sender.script = lambda request: answered(200)
    hear(house, kind="call.updated", recording=AVAILABLE)
    assert only(house, profile)["state"] == "retrying"  # the target's pause is not for us to shorten
    house.clock.pass_seconds(60)
    sweep(house)
    assert only(house, profile)["state"] == "delivered"


def test_the_time_that_it_waited_is_not_taken_from_its_retries(house: House):
    house.sender.script = lambda request: answered(503)
    retry = {"delays_seconds": [60, 60], "jitter": 0, "give_up_after_seconds": 100}
    profile = waiting_profile(house, retry=retry)
    hear(house)
    house.clock.pass_seconds(1200)
    sweep(house)
    assert (only(house, profile)["state"], only(house, profile)["attempts"]) == ("retrying", 1)
    house.clock.pass_seconds(60)
    sweep(house)
    assert (only(house, profile)["state"], only(house, profile)["attempts"]) == ("dead", 2)


def test_a_wait_survives_the_worker_that_began_it(house: House):
    profile = waiting_profile(house)
    hear(house)
    heir = House(store=house.store)
    heir.evaluator.evaluate(house.post(kind="call.recorded", recording=AVAILABLE))
    heir.claimers.run()
    assert only(house, profile)["state"] == "delivered"
    heir.close()


def test_a_worker_that_dies_between_the_news_and_the_evaluation_leaves_the_news_to_be_told(house: House):
    profile = waiting_profile(house)
    hear(house)
    (news,) = house.post(kind="call.recorded", recording=AVAILABLE)
    add_deliveries, house.store.add_deliveries = house.store.add_deliveries, _away
    with pytest.raises(StoreUnavailable):
        house.evaluator.evaluate([news])
    house.store.add_deliveries = add_deliveries
    house.evaluator.evaluate([news])
    house.claimers.run()
    assert only(house, profile)["state"] == "delivered"
    assert len(house.sender.requests) == 1


def _away(*_: object) -> None:
    raise StoreUnavailable("away")


def test_a_disabled_profile_that_waits_goes_on_waiting(house: House):
    profile = waiting_profile(house)
    hear(house)
    house.store.disable_profile(profile.id, profile.revision, "by hand", NOON)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    assert only(house, profile)["state"] == "pending"
    assert house.sender.requests == []


# --- followers


def lead(house: House, **changes: Any) -> Profile:
    return house.profile("create-lead", outputs=[{"name": "lead_id", "json": "$.id"}], **changes)


def attach(house: House, **follow: Any) -> Profile:
    trigger = {"events": ["call.recorded"]}
    return house.profile("attach", trigger=trigger, follow={"profile": "create-lead", **follow})


def test_a_follower_gets_what_the_followed_profiles_target_answered(house: House):
    lead(house)
    follower = attach(house)
    hear(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    assert only(house, follower)["state"] == "delivered"
    created, attached = bodies(house)
    assert ("followed" in created, attached["followed"]) == (False, {"lead_id": "L-1"})
    assert attached["type"] == "call.recorded"


def test_a_follower_whose_event_comes_first_waits(house: House):
    lead(house)
    follower = attach(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    assert (only(house, follower)["state"], only(house, follower)["reason"]) == ("pending", "waiting for create-lead")
    hear(house)
    assert only(house, follower)["state"] == "delivered"
    assert bodies(house)[1]["followed"] == {"lead_id": "L-1"}


def test_a_follower_of_the_same_event_is_sent_after_the_followed_one(house: House):
    follower = house.profile("attach", follow={"profile": "create-lead"})
    lead(house)
    hear(house)
    assert only(house, follower)["state"] == "delivered"
    assert ["followed" in body for body in bodies(house)] == [False, True]


def test_a_follower_waits_while_the_followed_one_is_retried(house: House):
    house.sender.script = lambda request: answered(503)
    created = lead(house, retry={"delays_seconds": [60], "jitter": 0})
    follower = attach(house)
    hear(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    assert (only(house, created)["state"], only(house, follower)["state"]) == ("retrying", "pending")
    house.sender.script = lambda request: answered(200, body=b'{"id": 7}')
    house.clock.pass_seconds(60)
    sweep(house)
    assert (only(house, created)["state"], only(house, follower)["state"]) == ("delivered", "delivered")
    assert bodies(house)[-1]["followed"] == {"lead_id": 7}


def test_a_follower_of_what_never_came_ends_by_its_policy(house: House):
    lead(house, enabled=False)
    follower = attach(house, up_to_seconds=600, then="skip")
    hear(house, kind="call.recorded", recording=AVAILABLE)
    house.clock.pass_seconds(600)
    sweep(house)
    reason = "create-lead delivered nothing for this call within 600 s"
    assert (only(house, follower)["state"], only(house, follower)["reason"]) == ("discarded", reason)


def test_a_follower_that_nobody_told_finds_out_by_itself(house: House):
    lead(house)
    follower = attach(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    house.recorder._delivered = lambda ids: None
    hear(house)
    assert only(house, follower)["state"] == "pending"
    house.clock.pass_seconds(900)
    sweep(house)
    assert only(house, follower)["state"] == "delivered"


def test_outputs_are_captured_of_delivered_answers_only(house: House):
    house.sender.script = lambda request: answered(500, body=b'{"id": "L-9"}')
    created = lead(house, retry={"delays_seconds": []})
    follower = attach(house, up_to_seconds=60, then="send")
    hear(house)
    hear(house, kind="call.recorded", recording=AVAILABLE)
    house.clock.pass_seconds(60)
    sweep(house)
    assert only(house, created)["state"] == "dead"
    assert "followed" not in bodies(house)[-1]
    assert only(house, follower)["partial"] is True


def test_templates_see_the_delivery_that_they_are_of(house: House):
    profile = house.profile()
    (event_id,) = house.post()
    house.evaluator.evaluate([event_id])
    (context,) = house.templates.seen
    identifier = str(delivery_id(event_id, profile.id))
    assert context["delivery"] == {"id": identifier, "attempt": 1, "partial": False, "test": False}
