"""The database as the only schedule, as every store keeps it: DESIGN's invariant 2, and the limits of profiles."""

from collections import Counter
from uuid import uuid4

from tests.contract.conftest import Opened
from tests.contract.flow import (
    CLAIM,
    LEASE,
    OTHER_CLAIM,
    WAKE,
    at_once,
    claimed,
    evaluate,
    failed,
    made_of,
    pending,
    post,
    saved,
    shown,
    states,
)
from tests.unit.doubles import NOON, WORKSPACE, Events, seconds, spec

LATER = NOON + seconds(300)
AGAIN = WAKE + seconds(5)


def ids_of(woken) -> list:
    return sorted(identifier for ids in woken.values() for identifier in ids)


# --- events


def test_an_event_is_woken_when_its_time_has_come_and_not_before(store: Opened):
    (event,) = post(store, [Events().new()])
    assert store.hot.wake_events(WAKE - seconds(0.001), AGAIN, 100) == []
    assert store.hot.wake_events(WAKE, AGAIN, 100) == [event.id]


def test_an_event_is_given_out_once_until_its_next_time(store: Opened):
    (event,) = post(store, [Events().new()])
    assert store.hot.wake_events(WAKE, AGAIN, 100) == [event.id]
    assert store.hot.wake_events(AGAIN - seconds(0.001), AGAIN, 100) == []
    assert store.hot.wake_events(AGAIN, AGAIN + seconds(5), 100) == [event.id]


def test_the_events_that_wait_longest_are_given_out_first(store: Opened):
    events = Events()
    late, early = events.new(), events.new()
    store.hot.add_events([late], NOON, WAKE + seconds(1))
    store.hot.add_events([early], NOON, WAKE)
    assert store.hot.wake_events(AGAIN, LATER, 1) == [early.id]
    assert store.hot.wake_events(AGAIN, LATER, 2) == [late.id]


def test_events_that_were_given_out_and_not_evaluated_count_against_the_limit(store: Opened):
    first, second, third = post(store, Events().several(3))
    (given_out,) = store.hot.wake_events(WAKE, AGAIN, 1)
    assert store.hot.wake_events(WAKE, AGAIN, 1) == []
    evaluate(store, [event for event in (first, second, third) if event.id == given_out], saved(store), now=WAKE)
    assert len(store.hot.wake_events(WAKE, AGAIN, 1)) == 1


def test_two_sweepers_at_once_give_each_event_out_once(store: Opened):
    events = post(store, Events().several(50))
    one, other = at_once(store, *[lambda: store.hot.wake_events(WAKE, AGAIN, 100)] * 2)
    assert sorted(one + other) == sorted(event.id for event in events)


# --- deliveries


def test_deliveries_are_woken_by_profile_and_once_until_their_next_time(store: Opened):
    crm, erp = saved(store, "crm"), saved(store, "erp")
    events = Events()
    to_crm, to_erp = pending(store, crm, events.several(2)), pending(store, erp, events.several(1))
    woken = store.hot.wake_deliveries(WAKE, AGAIN, 100)
    assert {profile: sorted(ids) for profile, ids in woken.items()} == {crm.id: sorted(to_crm), erp.id: to_erp}
    assert store.hot.wake_deliveries(AGAIN - seconds(0.001), AGAIN, 100) == {}
    assert ids_of(store.hot.wake_deliveries(AGAIN, LATER, 100)) == sorted(to_crm + to_erp)
    assert states(store, to_crm + to_erp) == ["pending"] * 3


def test_no_more_deliveries_of_a_profile_are_given_out_at_a_time_than_were_asked_for(store: Opened):
    profile = saved(store)
    ids = pending(store, profile, Events().several(5))
    assert store.hot.wake_deliveries(WAKE, AGAIN, 0) == {}
    first = ids_of(store.hot.wake_deliveries(WAKE, AGAIN, 3))
    assert store.hot.wake_deliveries(WAKE, AGAIN, 3) == {}
    store.hot.claim(profile, first[:2], uuid4(), WAKE, LATER + seconds(60))
    more = ids_of(store.hot.wake_deliveries(WAKE, AGAIN, 3))
    assert (len(first), len(more)) == (3, 2)
    assert sorted(first + more) == sorted(ids)


def test_one_profiles_backlog_takes_nobody_elses_turn(store: Opened):
    sick, well = saved(store, "sick"), saved(store, "well")
    events = Events()
    pending(store, sick, events.several(5))
    (waiting,) = pending(store, well, events.several(1))
    woken = store.hot.wake_deliveries(WAKE, AGAIN, 2)
    assert (len(woken[sick.id]), woken[well.id]) == (2, [waiting])


def test_two_sweepers_at_once_give_each_delivery_out_once(store: Opened):
    ids = pending(store, saved(store), Events().several(50))
    one, other = at_once(store, *[lambda: store.hot.wake_deliveries(WAKE, AGAIN, 100)] * 2)
    assert sorted(ids_of(one) + ids_of(other)) == sorted(ids)


def test_a_retry_is_woken_when_it_is_due(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    store.hot.record([failed(claim, due_at=LATER)], NOON)
    assert store.hot.wake_deliveries(LATER - seconds(0.001), LATER, 100) == {}
    assert store.hot.wake_deliveries(LATER, LATER + seconds(5), 100) == {profile.id: [claim.id]}


def test_a_claim_whose_lease_ran_out_is_pending_again_and_free(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    assert store.hot.wake_deliveries(LEASE - seconds(0.001), LATER, 100) == {}
    assert store.hot.wake_deliveries(LEASE, LATER, 100) == {profile.id: [claim.id]}
    row = shown(store, claim.id)
    assert [row[name] for name in ("state", "reason", "due_at", "attempts")] == [
        "pending",
        "its worker did not report back",
        LEASE,
        0,
    ]
    (again,) = store.hot.claim(profile, [claim.id], OTHER_CLAIM, LEASE, LATER)
    assert (again.id, again.number, again.attempts) == (claim.id, 1, 0)


def test_a_retry_whose_lease_ran_out_is_retrying_again_and_has_spent_nothing_more(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    store.hot.record([failed(claim, due_at=LATER)], NOON)
    store.hot.claim(profile, [claim.id], OTHER_CLAIM, LATER, LATER + seconds(15))
    expired = LATER + seconds(15)
    assert store.hot.wake_deliveries(expired, expired + seconds(5), 100) == {profile.id: [claim.id]}
    row = shown(store, claim.id)
    assert [row[name] for name in ("state", "due_at", "attempts")] == ["retrying", expired, 1]


# --- profiles that are off or gone


def test_a_disabled_profiles_deliveries_rest_and_are_shown_so(store: Opened):
    profile = saved(store)
    (identifier,) = pending(store, profile, [Events().new()])
    store.hot.wake_deliveries(WAKE - seconds(1), WAKE, 100)
    disable(store, profile)
    assert store.hot.wake_deliveries(WAKE, AGAIN, 100) == {}
    assert store.hot.wake_deliveries(AGAIN, LATER, 100) == {}
    row = shown(store, identifier)
    assert (row["state"], row["reason"]) == ("pending", "profile is disabled")


def test_a_disabled_profiles_backlog_does_not_crowd_out_the_others(store: Opened):
    off, on = saved(store, "off"), saved(store, "on")
    events = Events()
    pending(store, off, [events.new()])
    (wanted,) = post(store, [events.new()])
    (identifier,) = evaluate(store, [wanted], on, now=NOON + seconds(1))
    disable(store, off)
    at = [WAKE + seconds(each) for each in range(1, 5)]
    told = [store.hot.wake_deliveries(now, now + seconds(1), 1) for now in at]
    assert told == [{on.id: [identifier]}] * 4


def test_enabling_a_profile_wakes_its_deliveries_at_once(store: Opened):
    profile = saved(store)
    (identifier,) = pending(store, profile, [Events().new()])
    disable(store, profile)
    store.hot.wake_deliveries(WAKE, AGAIN, 100)
    store.admin.update_profile(WORKSPACE, "crm", spec(), AGAIN)
    assert store.hot.wake_deliveries(AGAIN, LATER, 100) == {profile.id: [identifier]}
    assert shown(store, identifier)["reason"] is None


def test_enabling_a_profile_wakes_no_retry_before_it_is_due(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    store.hot.record([failed(claim, due_at=LATER)], NOON)
    disable(store, profile)
    store.admin.update_profile(WORKSPACE, "crm", spec(), AGAIN)
    assert store.hot.wake_deliveries(LATER - seconds(1), LATER, 100) == {}
    assert store.hot.wake_deliveries(LATER, LATER + seconds(5), 100) == {profile.id: [claim.id]}


def test_a_disabled_profiles_lost_claim_is_taken_back_and_rests(store: Opened):
    profile = saved(store)
    (claim,) = claimed(store, profile, [Events().new()])
    disable(store, profile)
    assert store.hot.wake_deliveries(LEASE, LATER, 100) == {}
    assert states(store, [claim.id]) == ["pending"]


def test_deleting_a_profile_discards_what_waits_and_leaves_what_is_being_sent(store: Opened):
    profile = saved(store)
    events = Events()
    (waiting,) = pending(store, profile, [events.new()])
    (sending,) = claimed(store, profile, [events.new()])
    assert store.admin.delete_profile(WORKSPACE, "crm", AGAIN) is True
    row = shown(store, waiting)
    assert [row[name] for name in ("state", "reason", "due_at", "finished_at")] == [
        "discarded",
        "profile deleted",
        None,
        AGAIN,
    ]
    assert states(store, [sending.id]) == ["sending"]
    assert store.hot.record([failed(sending, due_at=LATER)], AGAIN) == {sending.id}
    assert store.hot.wake_deliveries(LATER, LATER + seconds(5), 100) == {}
    row = shown(store, sending.id)
    assert [row[name] for name in ("state", "reason", "due_at", "finished_at")] == [
        "discarded",
        "profile deleted",
        None,
        LATER,
    ]


def test_a_delivery_made_for_a_profile_that_is_gone_is_discarded(store: Opened):
    profile = saved(store)
    (event,) = post(store, [Events().new()])
    store.admin.delete_profile(WORKSPACE, "crm", NOON)
    (identifier,) = evaluate(store, [event], profile)
    assert store.hot.wake_deliveries(WAKE, AGAIN, 100) == {}
    assert states(store, [identifier]) == ["discarded"]
    books = store.admin.books(WORKSPACE)
    assert (books["made"], books["discarded"]) == (1, 1)


def disable(store: Opened, profile) -> None:
    store.admin.disable_profile(profile.id, profile.revision, "the target answered 410 Gone", NOON)


# --- limits


def test_without_limits_everything_due_is_claimed(store: Opened):
    profile = saved(store)
    ids = pending(store, profile, Events().several(30))
    assert len(store.hot.claim(profile, ids, CLAIM, NOON, LEASE)) == 30


def test_a_rate_lets_a_seconds_worth_go_at_once_and_puts_the_rest_off_evenly(store: Opened):
    profile = saved(store, limits={"per_second": 4})
    ids = pending(store, profile, Events().several(7))
    taken = [each.id for each in store.hot.claim(profile, ids, CLAIM, NOON, LEASE)]
    assert len(taken) == 4
    left = set(ids) - set(taken)
    assert Counter(states(store, ids)) == {"sending": 4, "pending": 3}
    steps = [NOON + seconds(0.25 * number) for number in (1, 2, 3)]
    woken = [ids_of(store.hot.wake_deliveries(step, LATER, 100)) for step in steps]
    assert [len(each) for each in woken] == [1, 1, 1]
    assert {identifier for each in woken for identifier in each} == left


def test_a_rate_gives_more_as_time_passes(store: Opened):
    profile = saved(store, limits={"per_second": 4})
    ids = pending(store, profile, Events().several(12))
    claim = lambda after: len(store.hot.claim(profile, ids, CLAIM, NOON + seconds(after), LATER))  # noqa: E731
    assert [claim(0), claim(0), claim(0.5), claim(0.5), claim(0.75), claim(60)] == [4, 0, 2, 0, 1, 4]


def test_a_rate_holds_over_several_claimers_at_once(store: Opened):
    profile = saved(store, limits={"per_second": 10})
    ids = pending(store, profile, Events().several(40))
    parts = [ids[start::4] for start in range(4)]
    claims = at_once(store, *(lambda part=part: store.hot.claim(profile, part, CLAIM, NOON, LEASE) for part in parts))
    assert sum(map(len, claims)) == 10


def test_a_concurrency_counts_what_is_being_sent(store: Opened):
    profile = saved(store, limits={"concurrency": 3})
    ids = pending(store, profile, Events().several(8))
    first = store.hot.claim(profile, ids, CLAIM, NOON, LEASE)
    assert len(first) == 3
    assert store.hot.claim(profile, ids, OTHER_CLAIM, NOON, LEASE) == []
    store.hot.record([failed(each, due_at=LATER) for each in first[:2]], NOON)
    assert len(store.hot.claim(profile, ids, OTHER_CLAIM, NOON, LEASE)) == 2


def test_a_concurrency_counts_no_other_profiles(store: Opened):
    crm, erp = saved(store, "crm", limits={"concurrency": 1}), saved(store, "erp", limits={"concurrency": 1})
    events = post(store, Events().several(2))
    for profile, event in zip((crm, erp), events, strict=True):
        evaluate(store, [event], profile)
        (made,) = made_of([event], profile, None)
        assert len(store.hot.claim(profile, [made.id], CLAIM, NOON, LEASE)) == 1


def test_a_concurrency_holds_over_several_claimers_at_once(store: Opened):
    profile = saved(store, limits={"concurrency": 5})
    ids = pending(store, profile, Events().several(40))
    parts = [ids[start::4] for start in range(4)]
    claims = at_once(store, *(lambda part=part: store.hot.claim(profile, part, CLAIM, NOON, LEASE) for part in parts))
    assert sum(map(len, claims)) == 5


def test_what_limits_put_off_is_still_due_and_is_looked_at_again_soon(store: Opened):
    profile = saved(store, limits={"concurrency": 1})
    ids = pending(store, profile, Events().several(3))
    (claim,) = store.hot.claim(profile, ids, CLAIM, NOON, LEASE)
    left = sorted(set(ids) - {claim.id})
    assert [shown(store, each)["due_at"] for each in left] == [NOON, NOON]
    assert store.hot.wake_deliveries(NOON + seconds(0.199), LATER, 100) == {}
    assert ids_of(store.hot.wake_deliveries(NOON + seconds(0.4), LATER, 100)) == left
