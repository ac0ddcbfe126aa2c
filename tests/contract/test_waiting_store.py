"""What each store does with deliveries that wait for news of their call: none is lost between look and release."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from dispatcher.domain.delivery import Claim, State
from dispatcher.ports import NewEvent, Profile, PutBack
from tests.contract import flow
from tests.contract.conftest import Opened
from tests.contract.flow import CLAIM, LEASE, saved, shown
from tests.unit.doubles import NOON, SOURCE, WORKSPACE, Events, seconds, spec

LATER = NOON + seconds(1200)
CALL = (SOURCE, "7f9c")


@pytest.fixture
def events() -> Events:
    return Events()


def claimed(store: Opened, profile: Profile, event: NewEvent) -> Claim:
    """A delivery of the event that this worker has claimed."""
    (claim,) = flow.claimed(store, profile, [event])
    return claim


def delivered(store: Opened, profile: Profile, event: NewEvent, outputs: bytes | None) -> UUID:
    """A delivery of the event that the target took, with what was captured of its answer."""
    claim = claimed(store, profile, event)
    result = flow.delivered(claim)
    result.outputs = outputs
    assert store.hot.record([result], NOON) == {claim.id}
    return claim.id


def captured(**values: Any) -> bytes:
    return orjson.dumps({"private": False, "values": values})


def back(claim: Claim, due_at: Any = LATER, state: State = State.PENDING) -> PutBack:
    return PutBack(claim.id, claim.claim_id, state, "waiting for recording", due_at)


def test_a_look_shows_every_event_of_the_call_and_of_no_other(store: Opened, events: Events):
    profile = saved(store)
    claim = claimed(store, profile, events.new("a1", call_id="7f9c"))
    store.hot.add_events([events.new("a2", call_id="7f9c"), events.new("b1", call_id="8a00")], NOON, NOON)
    state = store.waiting.look([claim], None)[claim.id]
    assert [context["id"] for context in state.contexts] == ["a1", "a2"]
    assert state.outputs is None


def test_the_same_call_id_of_another_source_is_another_call(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    stranger = events.new("z1", call_id="7f9c")
    stranger.source_id = uuid4()
    store.hot.add_events([stranger], NOON, NOON)
    assert len(store.waiting.look([claim], None)[claim.id].contexts) == 1
    store.waiting.put_back([back(claim)], NOON)
    assert store.waiting.wake_waiting([(stranger.source_id, "7f9c")], NOON) == {}


def test_what_is_put_back_is_pending_until_its_deadline_with_its_reason(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    assert store.waiting.put_back([back(claim)], NOON) == []
    row = shown(store, claim.id)
    assert (row["state"], row["reason"], row["due_at"], row["attempts"]) == (
        "pending",
        "waiting for recording",
        LATER,
        0,
    )
    assert store.hot.wake_deliveries(NOON, NOON + seconds(5), 10) == {}
    assert store.hot.wake_deliveries(LATER, LATER + seconds(5), 10) == {claim.profile_id: [claim.id]}


def test_news_make_what_waits_due_at_once(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    other = claimed(store, saved(store, "other"), events.new("b1", call_id="8a00"))
    store.waiting.look([claim, other], None)
    store.waiting.put_back([back(claim), back(other)], NOON)
    assert store.waiting.wake_waiting([CALL], NOON + seconds(60)) == {claim.profile_id: [claim.id]}
    assert shown(store, claim.id)["due_at"] == NOON + seconds(60)
    assert shown(store, other.id)["due_at"] == LATER
    assert store.waiting.wake_waiting([CALL], NOON + seconds(61)) == {}


def test_news_between_look_and_release_are_not_lost(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    assert store.waiting.wake_waiting([CALL], NOON) == {}
    assert store.waiting.put_back([back(claim)], NOON) == [claim.id]
    assert shown(store, claim.id)["due_at"] == NOON


def test_news_are_told_once(store: Opened, events: Events):
    profile = saved(store)
    claim = claimed(store, profile, events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    store.waiting.wake_waiting([CALL], NOON)
    store.waiting.put_back([back(claim)], NOON)
    (again,) = store.hot.claim(profile, [claim.id], CLAIM, NOON, LEASE)
    store.waiting.look([again], None)
    assert store.waiting.put_back([back(again)], NOON) == []
    assert shown(store, claim.id)["due_at"] == LATER


def test_what_waits_no_more_is_not_woken(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    store.waiting.stop_waiting([claim.id])
    store.waiting.put_back([back(claim)], NOON)
    assert store.waiting.wake_waiting([CALL], NOON) == {}
    assert shown(store, claim.id)["due_at"] == LATER


@pytest.mark.parametrize("state", [State.DISCARDED, State.DEAD])
def test_a_wait_may_end_for_good(store: Opened, events: Events, state: State):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    assert store.waiting.put_back([back(claim, None, state)], NOON + seconds(1)) == []
    row = shown(store, claim.id)
    assert (row["state"], row["reason"], row["due_at"], row["finished_at"]) == (
        state.value,
        "waiting for recording",
        None,
        NOON + seconds(1),
    )
    assert store.waiting.wake_waiting([CALL], NOON) == {}


@pytest.mark.parametrize(
    ("changes", "due_at"), [({}, NOON + seconds(60)), ({"timeout_seconds": 7, "trigger": ...}, LATER)]
)
def test_what_waits_is_looked_at_again_once_its_profile_waits_for_something_else(
    store: Opened, events: Events, changes: dict[str, Any], due_at: Any
):
    trigger = {"events": ["call.finished"], "wait_for": {"recording": {"up_to_seconds": 1200}}}
    profile = saved(store, trigger=trigger)
    claim = claimed(store, profile, events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    store.waiting.put_back([back(claim)], NOON)
    given = {key: trigger if value is ... else value for key, value in changes.items()}
    store.admin.update_profile(WORKSPACE, "crm", spec("crm", **given), NOON + seconds(60))
    assert shown(store, claim.id)["due_at"] == due_at


@pytest.mark.parametrize(
    "discard",
    [
        lambda admin, claim: admin.discard(WORKSPACE, claim.id, "by hand", NOON),
        lambda admin, _: admin.delete_profile(WORKSPACE, "crm", NOON),
    ],
    ids=["by hand", "with its profile"],
)
def test_what_is_discarded_leaves_nothing_on_the_list(
    database: Opened, events: Events, discard: Callable[[Any, Claim], bool]
):
    claim = claimed(database, saved(database), events.new("a1", call_id="7f9c"))
    other = claimed(database, saved(database, "other"), events.new("b1", call_id="8a00"))
    database.waiting.look([claim, other], None)
    database.waiting.put_back([back(claim), back(other)], NOON)
    assert discard(database.admin, claim)
    assert database.engine is not None
    with database.engine.connect() as connection:
        (count,) = connection.exec_driver_sql("SELECT count(*) FROM waiting").scalars()
    assert (shown(database, claim.id)["state"], count) == ("discarded", 1)


def test_only_the_holder_of_the_claim_puts_back(store: Opened, events: Events):
    claim = claimed(store, saved(store), events.new("a1", call_id="7f9c"))
    store.waiting.look([claim], None)
    stranger = PutBack(claim.id, uuid4(), State.PENDING, "not mine", LATER)
    assert store.waiting.put_back([stranger], NOON) == []
    assert shown(store, claim.id)["state"] == "sending"


def test_outputs_are_those_of_the_followed_profiles_delivery_of_the_same_call(store: Opened, events: Events):
    lead = saved(store, "create-lead")
    attach = saved(store, "attach")
    first = events.new("a1", call_id="7f9c")
    done = delivered(store, lead, first, captured(lead_id="L-1"))
    delivered(store, lead, events.new("b1", call_id="8a00"), captured(lead_id="L-2"))
    claim = claimed(store, attach, events.new("a2", call_id="7f9c"))
    assert store.waiting.look([claim], "create-lead")[claim.id].outputs == {"lead_id": "L-1"}
    assert store.waiting.look([claim], "nobody")[claim.id].outputs is None
    store.waiting.put_back([back(claim)], NOON)
    assert store.waiting.wake_followers([done], NOON) == {attach.id: [claim.id]}


def test_a_followed_delivery_without_outputs_has_delivered_all_the_same(store: Opened, events: Events):
    delivered(store, saved(store, "create-lead"), events.new("a1", call_id="7f9c"), None)
    claim = claimed(store, saved(store, "attach"), events.new("a2", call_id="7f9c"))
    assert store.waiting.look([claim], "create-lead")[claim.id].outputs == {}


def test_a_followed_delivery_that_is_not_delivered_says_nothing(store: Opened, events: Events):
    claimed(store, saved(store, "create-lead"), events.new("a1", call_id="7f9c"))
    claim = claimed(store, saved(store, "attach"), events.new("a2", call_id="7f9c"))
    assert store.waiting.look([claim], "create-lead")[claim.id].outputs is None


@pytest.mark.parametrize(("private", "outputs"), [(False, {"lead_id": "L-1"}), (True, None)])
def test_outputs_are_shown_on_the_delivery_unless_its_profile_is_private(
    store: Opened, events: Events, private: bool, outputs: dict[str, Any] | None
):
    kept = orjson.dumps({"private": private, "values": {"lead_id": "L-1"}})
    identifier = delivered(store, saved(store), events.new(), kept)
    assert shown(store, identifier)["outputs"] == outputs


def test_outputs_are_kept_encrypted(database: Opened, events: Events):
    lead = saved(database, "create-lead")
    delivered(database, lead, events.new("a1", call_id="7f9c"), captured(lead_id="canary-7f9c"))
    assert database.engine is not None
    with database.engine.connect() as connection:
        (sealed,) = connection.exec_driver_sql("SELECT outputs FROM deliveries").scalars()
    assert sealed is not None
    assert b"canary" not in bytes(sealed)


def test_news_that_nobody_waits_for_wake_nothing(store: Opened):
    assert store.waiting.wake_waiting([CALL], NOON) == {}
    assert store.waiting.wake_followers([uuid4()], NOON) == {}
