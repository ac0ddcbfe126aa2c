"""What a person reopens or calls off, and that the books balance throughout: DESIGN's invariant 7."""

from uuid import UUID

import pytest

from dispatcher.adapters.sql.store import AdminRows
from dispatcher.domain.delivery import Attempt, NextState, Result, State
from dispatcher.domain.exchange import ErrorWord
from dispatcher.ports import DeliveryFilter
from tests.contract.conftest import Opened
from tests.contract.flow import (
    CLAIM,
    LEASE,
    OTHER_CLAIM,
    WAKE,
    claimed,
    delivered,
    evaluate,
    failed,
    pending,
    post,
    saved,
    shown,
    states,
)
from tests.unit.doubles import NOON, WORKSPACE, Events, answered, seconds

ELSEWHERE = UUID("00000000-0000-4000-8000-00000000e15e")
LATER = NOON + seconds(300)
EVERYTHING = DeliveryFilter()


def refused(claim, at=NOON) -> Result:
    attempt = Attempt(claim.number, at, "rejected", ErrorWord.STATUS, "answered 404", answered(404), None)
    return Result(claim.id, claim.claim_id, attempt, NextState(State.DEAD, "refused: answered 404", 1, None))


def test_a_replayed_delivery_is_pending_due_now_and_has_spent_nothing(database: Opened):
    profile = saved(database)
    (claim,) = claimed(database, profile, [Events().new()])
    database.hot.record([refused(claim)], NOON)
    reopened = database.admin.replay(WORKSPACE, [claim.id], LATER, LATER + seconds(5))
    assert reopened == [(claim.id, profile.id)]
    row = shown(database, claim.id)
    assert [row[name] for name in ("state", "reason", "attempts", "due_at", "created_at", "finished_at")] == [
        "pending",
        "replayed",
        0,
        LATER,
        NOON,
        None,
    ]
    (again,) = database.hot.claim(profile, [claim.id], OTHER_CLAIM, LATER, LATER + seconds(15))
    assert (again.number, again.attempts, again.opened_at) == (2, 0, LATER)
    assert len(database.admin.attempts(WORKSPACE, claim.id)) == 1


def test_a_replayed_delivery_is_woken_when_its_hint_was_lost(database: Opened):
    profile = saved(database)
    (claim,) = claimed(database, profile, [Events().new()])
    database.hot.record([refused(claim)], NOON)
    database.admin.replay(WORKSPACE, [claim.id], LATER, LATER + seconds(5))
    assert database.hot.wake_deliveries(LATER + seconds(4), LATER + seconds(5), 10) == {}
    assert database.hot.wake_deliveries(LATER + seconds(5), LATER + seconds(9), 10) == {profile.id: [claim.id]}


def test_only_what_is_final_and_in_the_workspace_is_replayed(database: Opened):
    profile = saved(database)
    events = Events()
    (waiting,) = pending(database, profile, [events.new()])
    sending, done = claimed(database, profile, events.several(2))
    database.hot.record([delivered(done)], NOON)
    assert database.admin.replay(ELSEWHERE, [done.id], LATER, LATER) == []
    ids = [waiting, sending.id, done.id]
    assert database.admin.replay(WORKSPACE, ids, LATER, LATER) == [(done.id, profile.id)]
    assert states(database, ids) == ["pending", "sending", "pending"]


def test_what_was_delivered_for_a_deleted_profile_is_not_replayed_and_no_filter_chooses_it(database: Opened):
    gone, kept = saved(database, "gone"), saved(database, "kept")
    events = Events()
    (old,), (other,) = claimed(database, gone, [events.new()]), claimed(database, kept, [events.new()])
    database.hot.record([delivered(old), delivered(other)], NOON)
    database.admin.delete_profile(WORKSPACE, "gone", NOON)
    before = shown(database, old.id)
    assert database.admin.matching(WORKSPACE, EVERYTHING, None, 10) == [other.id]
    assert database.admin.count_matching(WORKSPACE, EVERYTHING) == 1
    assert database.admin.replay(WORKSPACE, [old.id, other.id], LATER, LATER) == [(other.id, kept.id)]
    assert shown(database, old.id) == before


def test_an_open_delivery_is_discarded_with_its_reason(database: Opened):
    (identifier,) = pending(database, saved(database), [Events().new()])
    assert database.admin.discard(WORKSPACE, identifier, "called off by support", LATER) is True
    row = shown(database, identifier)
    assert [row[name] for name in ("state", "reason", "due_at", "finished_at")] == [
        "discarded",
        "called off by support",
        None,
        LATER,
    ]
    assert database.hot.wake_deliveries(LATER, LATER, 10) == {}


def test_what_is_final_or_being_sent_or_elsewhere_is_not_discarded(database: Opened):
    profile = saved(database)
    events = Events()
    sending, done = claimed(database, profile, events.several(2))
    (waiting,) = pending(database, profile, [events.new()])
    database.hot.record([delivered(done)], NOON)
    told = [
        database.admin.discard(workspace, identifier, "no", LATER)
        for workspace, identifier in [(WORKSPACE, sending.id), (WORKSPACE, done.id), (ELSEWHERE, waiting)]
    ]
    assert told == [False, False, False]
    assert states(database, [sending.id, done.id, waiting]) == ["sending", "delivered", "pending"]


@pytest.fixture
def mixed(database: Opened) -> dict[str, UUID]:
    """A delivery of each kind: two profiles, two calls, four states; created a minute apart."""
    crm, erp = saved(database, "crm"), saved(database, "erp")
    events = Events()
    made = {}
    for minute, (name, profile, call) in enumerate(
        [
            ("delivered", crm, "call-1"),
            ("dead", crm, "call-2"),
            ("dead at erp", erp, "call-2"),
            ("open", crm, "call-1"),
        ]
    ):
        (event,) = post(database, [events.new(call_id=call)])
        now = NOON + seconds(60 * minute)
        evaluate(database, [event], profile, now=now)
        found = database.admin.deliveries(WORKSPACE, DeliveryFilter(event_id=event.id), None, 10)
        made[name] = found.items[0]["id"]
        if name != "open":
            (claim,) = database.hot.claim(profile, [made[name]], CLAIM, now, LEASE)
            database.hot.record([delivered(claim) if name == "delivered" else refused(claim)], now)
    return made


def event_of(database: Opened, identifier: UUID) -> UUID:
    return shown(database, identifier)["event_id"]


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (EVERYTHING, ["dead at erp", "dead", "delivered"]),
        (DeliveryFilter(state="dead"), ["dead at erp", "dead"]),
        (DeliveryFilter(state="pending"), []),
        (DeliveryFilter(profile="crm"), ["dead", "delivered"]),
        (DeliveryFilter(profile="nobody"), []),
        (DeliveryFilter(call_id="call-2"), ["dead at erp", "dead"]),
        (DeliveryFilter(profile="erp", call_id="call-1"), []),
        (DeliveryFilter(since=NOON + seconds(60)), ["dead at erp", "dead"]),
        (DeliveryFilter(until=NOON + seconds(60)), ["delivered"]),
        (DeliveryFilter(state="dead", until=NOON + seconds(120)), ["dead"]),
    ],
)
def test_a_filter_chooses_final_deliveries_newest_first(database: Opened, mixed, chosen: DeliveryFilter, names):
    assert database.admin.matching(WORKSPACE, chosen, None, 10) == [mixed[name] for name in names]
    assert database.admin.count_matching(WORKSPACE, chosen) == len(names)


def test_a_filter_by_event_chooses_that_events_alone(database: Opened, mixed):
    chosen = DeliveryFilter(event_id=event_of(database, mixed["dead"]))
    assert database.admin.matching(WORKSPACE, chosen, None, 10) == [mixed["dead"]]


def test_a_filter_goes_on_before_an_id_and_stops_at_the_limit(database: Opened, mixed):
    admin: AdminRows = database.admin
    first = admin.matching(WORKSPACE, EVERYTHING, None, 2)
    assert first == [mixed["dead at erp"], mixed["dead"]]
    assert admin.matching(WORKSPACE, EVERYTHING, first[-1], 2) == [mixed["delivered"]]
    assert admin.matching(ELSEWHERE, EVERYTHING, None, 10) == []
    assert admin.count_matching(ELSEWHERE, EVERYTHING) == 0


def test_the_books_balance_at_every_step(database: Opened):
    profile = saved(database)
    events = Events()
    books: list[dict[str, int]] = []

    def look() -> None:
        books.append(database.admin.books(WORKSPACE))

    posted = post(database, events.several(4))
    look()
    evaluate(database, posted, profile)
    look()
    ids = [each["id"] for each in database.admin.deliveries(WORKSPACE, EVERYTHING, None, 10).items]
    claims = database.hot.claim(profile, ids, CLAIM, NOON, LEASE)
    look()
    database.hot.record([delivered(claims[0]), refused(claims[1]), failed(claims[2], LATER)], NOON)
    look()
    database.admin.discard(WORKSPACE, claims[2].id, "called off", NOON)
    database.admin.replay(WORKSPACE, [claims[1].id], LATER, WAKE)
    look()
    for each in books:
        open_ones = each["pending"] + each["sending"] + each["retrying"]
        assert each["made"] == each["delivered"] + each["dead"] + each["discarded"] + open_ones
    assert books[0] == dict.fromkeys(books[0], 0) | {"accepted": 4}
    assert books[-1] == {
        "accepted": 4,
        "evaluated": 4,
        "made": 4,
        "pending": 1,
        "sending": 1,
        "retrying": 0,
        "delivered": 1,
        "dead": 0,
        "discarded": 1,
    }
    assert database.admin.books(ELSEWHERE) == dict.fromkeys(books[0], 0)
