"""Claims and records, as every store keeps them: DESIGN's invariants 3 and 4."""

from uuid import UUID

import pytest

from dispatcher.domain.delivery import Attempt, Claim, NextState, Result, State
from dispatcher.domain.exchange import ErrorWord, Exchange, Timings
from tests.contract.conftest import Opened
from tests.contract.flow import (
    CLAIM,
    LEASE,
    OTHER_CLAIM,
    at_once,
    claimed,
    delivered,
    failed,
    pending,
    saved,
    shown,
    states,
)
from tests.unit.doubles import NOON, WORKSPACE, Events, answered, seconds, spec

LATER = NOON + seconds(300)


def test_a_claim_gives_the_whole_of_what_an_attempt_needs(store: Opened):
    profile = saved(store)
    event = Events().new("a1b2", call_id="7f9c")
    (identifier,) = pending(store, profile, [event])
    (claim,) = store.hot.claim(profile, [identifier], CLAIM, NOON, LEASE)
    context = {
        "id": "a1b2",
        "type": "call.finished",
        "occurred_at": "2026-11-20T11:59:00Z",
        "call": {"id": "7f9c", "caller_name": "Jane Roe"},
    }
    assert claim == Claim(identifier, CLAIM, profile.id, 1, 1, 0, NOON, context, event_id=event.id)
    row = shown(store, identifier)
    assert (row["state"], row["due_at"]) == ("sending", None)


def test_what_is_claimed_is_not_claimed_again(store: Opened):
    profile = saved(store)
    ids = pending(store, profile, Events().several(2))
    assert len(store.hot.claim(profile, ids[:1], CLAIM, NOON, LEASE)) == 1
    assert [each.id for each in store.hot.claim(profile, ids, OTHER_CLAIM, NOON, LEASE)] == ids[1:]


def test_what_is_not_due_is_not_claimed(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    store.hot.record([failed(claim, due_at=LATER)], NOON)
    assert store.hot.claim(profile, [claim.id], CLAIM, LATER - seconds(0.001), LEASE) == []
    (again,) = store.hot.claim(profile, [claim.id], CLAIM, LATER, LATER + seconds(15))
    assert (again.number, again.attempts, again.opened_at) == (2, 1, NOON)


def test_what_is_final_is_not_claimed(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    store.hot.record([delivered(claim)], NOON)
    assert store.hot.claim(profile, [claim.id], OTHER_CLAIM, LATER, LATER) == []


def test_unknown_ids_and_none_claim_nothing(store: Opened):
    profile = saved(store)
    assert store.hot.claim(profile, [UUID(int=17)], CLAIM, NOON, LEASE) == []
    assert store.hot.claim(profile, [], CLAIM, NOON, LEASE) == []


def test_a_claim_takes_the_current_revision(store: Opened):
    profile = saved(store)
    (identifier,) = pending(store, profile, [Events().new()])
    newer = store.admin.update_profile(WORKSPACE, "crm", spec(timeout_seconds=30), NOON).profile
    (claim,) = store.hot.claim(newer, [identifier], CLAIM, NOON, LEASE)
    assert claim.revision == 2
    assert shown(store, identifier)["revision"] == 2


def test_of_several_claimers_at_once_each_delivery_goes_to_one(store: Opened):
    profile = saved(store)
    ids = pending(store, profile, Events().several(60))
    claims = [UUID(int=number) for number in range(1, 5)]
    shares = at_once(
        store, *(lambda claim=claim: store.hot.claim(profile, ids, claim, NOON, LEASE) for claim in claims)
    )
    taken = [each.id for share in shares for each in share]
    assert sorted(taken) == sorted(ids)


def test_attempt_and_next_state_are_written_together(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    exchange = answered(503)
    exchange.timings = Timings(1.5, 2.5, 3.5, 4.5, 5.5)
    attempt = Attempt(
        1, NOON, "retry_later", ErrorWord.STATUS, "answered 503", exchange, b'{"request": {"method": "POST"}}'
    )
    following = NextState(State.RETRYING, "status: answered 503", 1, LATER)
    assert store.hot.record([Result(claim.id, claim.claim_id, attempt, following)], NOON) == {claim.id}
    row = shown(store, claim.id)
    assert [row[name] for name in ("state", "reason", "attempts", "due_at", "finished_at")] == [
        "retrying",
        "status: answered 503",
        1,
        LATER,
        None,
    ]
    assert store.admin.attempts(WORKSPACE, claim.id) == [
        {
            "number": 1,
            "started_at": NOON,
            "duration_ms": 5.5,
            "status": 503,
            "error": "status",
            "detail": "answered 503",
            "outcome": "retry_later",
            "timings": {"dns_ms": 1.5, "connect_ms": 2.5, "tls_ms": 3.5, "first_byte_ms": 4.5},
            "request": {"method": "POST"},
        }
    ]


def test_a_final_state_keeps_its_reason_and_its_moment(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    attempt = Attempt(1, NOON, "rejected", ErrorWord.STATUS, "answered 404", answered(404), None)
    following = NextState(State.DEAD, "refused: answered 404", 1, None)
    store.hot.record([Result(claim.id, claim.claim_id, attempt, following)], NOON + seconds(2))
    row = shown(store, claim.id)
    assert [row[name] for name in ("state", "reason", "due_at", "finished_at")] == [
        "dead",
        "refused: answered 404",
        None,
        NOON + seconds(2),
    ]
    assert store.hot.wake_deliveries(LATER, LATER, 100) == {}


def test_an_attempt_that_sent_nothing_has_a_row_without_an_exchange(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    attempt = Attempt(1, NOON, "our_fault", ErrorWord.RENDER_ERROR, "no such filter in request.body", None, None)
    following = NextState(State.DEAD, "render_error: no such filter in request.body", 0, None)
    store.hot.record([Result(claim.id, claim.claim_id, attempt, following)], NOON)
    (row,) = store.admin.attempts(WORKSPACE, claim.id)
    assert (row["duration_ms"], row["status"], row["error"]) == (None, None, "render_error")
    assert shown(store, claim.id)["attempts"] == 0


def test_the_rows_of_the_log_are_numbered_on_where_attempts_are_not_spent(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    shutdown = Attempt(1, NOON, "our_fault", ErrorWord.SHUTDOWN, "", Exchange(error=ErrorWord.SHUTDOWN), None)
    store.hot.record([Result(claim.id, CLAIM, shutdown, NextState(State.PENDING, "shutdown: ", 0, NOON))], NOON)
    (again,) = store.hot.claim(profile, [claim.id], OTHER_CLAIM, NOON, LEASE)
    assert (again.number, again.attempts) == (2, 0)
    store.hot.record([delivered(again)], NOON)
    assert [each["number"] for each in store.admin.attempts(WORKSPACE, claim.id)] == [1, 2]
    assert shown(store, claim.id)["attempts"] == 1


def test_a_late_record_over_a_successors_claim_writes_nothing(store: Opened):
    profile = saved(store)
    (late,) = claimed(store, profile, [Events().new()])
    store.hot.wake_deliveries(LEASE, LEASE + seconds(5), 100)
    (successor,) = store.hot.claim(profile, [late.id], OTHER_CLAIM, LEASE, LEASE + seconds(15))
    before = shown(store, late.id)
    assert store.hot.record([delivered(late)], LEASE) == set()
    assert shown(store, late.id) == before
    assert store.admin.attempts(WORKSPACE, late.id) == []
    assert store.hot.record([delivered(successor)], LEASE) == {late.id}


def test_a_late_record_after_the_lease_was_taken_back_writes_nothing(store: Opened):
    profile = saved(store)
    (late,) = claimed(store, profile, [Events().new()])
    store.hot.wake_deliveries(LEASE, LEASE + seconds(5), 100)
    assert store.hot.record([delivered(late)], LEASE) == set()
    assert states(store, [late.id]) == ["pending"]


def test_a_record_past_the_lease_counts_while_nobody_took_the_claim_back(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    assert store.hot.record([delivered(claim)], LEASE + seconds(60)) == {claim.id}


def test_a_result_recorded_twice_is_written_once(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    assert store.hot.record([delivered(claim)], NOON) == {claim.id}
    assert store.hot.record([delivered(claim)], NOON) == set()
    assert len(store.admin.attempts(WORKSPACE, claim.id)) == 1


def test_of_a_group_those_are_written_whose_claims_stand(store: Opened):
    profile = saved(store)
    claims = claimed(store, profile, Events().several(3))
    store.hot.record([delivered(claims[1])], NOON)
    written = store.hot.record([delivered(each) for each in claims], NOON)
    assert written == {claims[0].id, claims[2].id}
    assert states(store, [each.id for each in claims]) == ["delivered"] * 3


def test_a_group_with_a_result_that_cannot_be_written_changes_nothing(database: Opened):
    profile = saved(database)
    sound, broken = claimed(database, profile, Events().several(2))
    bad = delivered(broken)
    bad.attempt.started_at = None
    with pytest.raises(Exception, match=r"(?i)started_at|NoneType"):
        database.hot.record([delivered(sound), bad], NOON)
    assert states(database, [sound.id, broken.id]) == ["sending", "sending"]
    assert database.admin.attempts(WORKSPACE, sound.id) == []


def test_recording_nothing_is_no_trouble(store: Opened):
    assert store.hot.record([], NOON) == set()
