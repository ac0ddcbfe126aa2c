"""One attempt from claim to record, with the sender, the store and the clock in the test's hands."""

from collections import Counter
from collections.abc import Iterator

import pytest
from standardwebhooks.webhooks import Webhook

from dispatcher.deliver import Patience
from dispatcher.domain.exchange import ErrorWord, Exchange
from dispatcher.domain.private_view import keyed_hash
from dispatcher.domain.signature import new_secret
from dispatcher.ports import StoreUnavailable
from tests.unit.doubles import NOON, WORKSPACE, House, answered, refuse_to_render, seconds, spec

TIMEOUT = Exchange(error=ErrorWord.TIMEOUT, detail="no answer in time")
SHUTDOWN = Exchange(error=ErrorWord.SHUTDOWN, detail="the sender is stopping")


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
    made = House(lambda request: None, capacity=250)
    yield made
    made.close()


def answer_with(house: House, exchange: Exchange) -> None:
    house.sender.script = lambda request: exchange


def at_url(url: str) -> dict:
    return {"kind": "rest", "method": "POST", "url": url, "body": {"kind": "json", "value": {}}}


# --- what goes over the wire


def test_a_request_carries_the_deliverys_id_the_time_and_who_sends(house: House):
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    (request,) = house.sender.requests
    signature = dict(request.headers)["webhook-signature"]
    assert (request.method, request.url) == ("POST", "https://crm.example/calls")
    assert request.headers == [
        ("Content-Type", "application/json"),
        ("webhook-id", str(identifier)),
        ("webhook-timestamp", str(int(NOON.timestamp()))),
        ("Idempotency-Key", str(identifier)),
        ("User-Agent", "Onhook/1.2.3"),
        ("webhook-signature", signature),
    ]
    assert (request.connect_timeout_seconds, request.deadline_seconds) == (5.0, 10)


def test_the_receivers_library_takes_the_signature(house: House, monkeypatch: pytest.MonkeyPatch):
    profile = house.profile()
    house.deliverer.deliver(profile.id, house.backlog(profile, 1))
    (request,) = house.sender.requests
    webhook = Webhook(new_secret(profile.signing_key))
    # The library compares the timestamp with its own clock; the test's stands at noon of a day of its own.
    monkeypatch.setattr(webhook, "_Webhook__verify_timestamp", lambda header: NOON, raising=True)
    assert webhook.verify(request.body, dict(request.headers))["call"] == {"id": "7f9c", "caller_name": "Jane Roe"}


def test_a_profile_that_does_not_sign_sends_no_signature(house: House):
    profile = house.profile(sign=False)
    house.deliverer.deliver(profile.id, house.backlog(profile, 1))
    assert "webhook-signature" not in dict(house.sender.requests[0].headers)


def test_a_short_time_out_bounds_the_connecting_too(house: House):
    profile = house.profile(timeout_seconds=2)
    house.deliverer.deliver(profile.id, house.backlog(profile, 1))
    (request,) = house.sender.requests
    assert (request.connect_timeout_seconds, request.deadline_seconds) == (2, 2)


def test_every_attempt_of_a_delivery_carries_the_same_id(house: House):
    answer_with(house, TIMEOUT)
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    for pause in (0, 5, 300):
        house.clock.pass_seconds(pause)
        house.deliverer.deliver(profile.id, [identifier])
    sent = [dict(request.headers) for request in house.sender.requests]
    assert [each["webhook-id"] for each in sent] == [str(identifier)] * 3
    assert [each["Idempotency-Key"] for each in sent] == [str(identifier)] * 3
    assert len({each["webhook-signature"] for each in sent}) == 3


def test_a_retry_is_built_with_the_profile_as_it_is_now(house: House):
    answer_with(house, TIMEOUT)
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    house.store.update_profile(WORKSPACE, "crm", spec(request=at_url("https://new.example/calls")), house.clock())
    house.clock.pass_seconds(5)
    house.deliverer.deliver(profile.id, [identifier])
    assert [request.url for request in house.sender.requests] == [
        "https://crm.example/calls",
        "https://new.example/calls",
    ]
    assert house.row(identifier)["revision"] == 2


# --- what becomes of it


def test_a_delivered_one_is_final_with_its_attempt_in_the_log(house: House):
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    assert house.deliverer.deliver(profile.id, [identifier]) == ("crm", 1, 0)
    row = house.row(identifier)
    assert [row[name] for name in ("state", "reason", "attempts", "due_at", "finished_at")] == [
        "delivered",
        None,
        1,
        None,
        NOON,
    ]
    (attempt,) = house.log(identifier)
    assert (attempt["number"], attempt["status"], attempt["outcome"]) == (1, 200, "delivered")


def test_a_429_postpones_by_retry_after_and_spends_no_attempt(house: House):
    answer_with(house, answered(429, ("retry-after", "120")))
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "reason", "attempts", "due_at")] == [
        "retrying",
        "status: answered 429",
        0,
        NOON + seconds(120),
    ]
    assert len(house.log(identifier)) == 1
    house.clock.pass_seconds(119.999)
    house.deliverer.deliver(profile.id, [identifier])
    assert len(house.sender.requests) == 1


def test_a_503_with_a_date_postpones_until_then_and_spends_no_attempt(house: House):
    answer_with(house, answered(503, ("retry-after", "Fri, 20 Nov 2026 12:10:00 GMT")))
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "attempts", "due_at")] == ["retrying", 0, NOON + seconds(600)]


def test_410_ends_the_delivery_and_switches_the_profile_off_with_a_reason(house: House):
    answer_with(house, answered(410))
    profile = house.profile()
    first, second = house.backlog(profile, 2)
    house.deliverer.deliver(profile.id, [first])
    assert (house.row(first)["state"], house.row(first)["reason"]) == ("dead", "refused: answered 410")
    saved = house.store.profile(WORKSPACE, "crm")
    assert (saved.profile.enabled, saved.disabled_reason) == (False, "the target answered 410 Gone")
    assert house.deliverer.deliver(profile.id, [second]) == ("crm", 0, 1)
    assert (house.row(second)["state"], house.row(second)["reason"]) == ("pending", "profile is disabled")
    assert len(house.sender.requests) == 1


def test_attempts_that_are_used_up_end_dead_with_their_number(house: House):
    answer_with(house, TIMEOUT)
    profile = house.profile(retry={"delays_seconds": [5, 60], "jitter": 0})
    (identifier,) = house.backlog(profile, 1)
    for pause in (0, 5, 60):
        house.clock.pass_seconds(pause)
        house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "reason", "attempts", "finished_at")] == [
        "dead",
        "gave up after 3 attempts, last timeout: no answer in time",
        3,
        NOON + seconds(65),
    ]
    assert [each["number"] for each in house.log(identifier)] == [1, 2, 3]


def test_a_time_that_is_used_up_ends_dead_however_few_the_attempts(house: House):
    answer_with(house, answered(429, ("retry-after", "100")))
    profile = house.profile(retry={"give_up_after_seconds": 150})
    (identifier,) = house.backlog(profile, 1)
    for pause in (0, 100):
        house.clock.pass_seconds(pause)
        house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "reason", "attempts")] == [
        "dead",
        "gave up: the target asks to wait 100 s, and its time of 150 s is used up, last status: answered 429",
        0,
    ]


def test_a_template_that_cannot_be_rendered_is_dead_with_a_row_in_the_log_and_nothing_sent(house: House):
    house.templates.render = refuse_to_render
    profile = house.profile()
    ids = house.backlog(profile, 3)
    house.deliverer.deliver(profile.id, ids)
    assert house.sender.requests == []
    row = house.row(ids[0])
    assert [row[name] for name in ("state", "reason", "attempts")] == [
        "dead",
        "render_error: no such filter in request.body",
        0,
    ]
    (attempt,) = house.log(ids[0])
    assert [attempt[name] for name in ("number", "outcome", "error", "detail", "status")] == [
        1,
        "our_fault",
        "render_error",
        "no such filter in request.body",
        None,
    ]
    assert "request" not in attempt


def test_one_call_that_cannot_be_rendered_does_not_keep_the_others_of_its_batch(house: House):
    profile = house.profile()
    ids = house.backlog(profile, 3)
    plain, broken = house.templates.render, iter([False, True, False])
    house.templates.render = lambda context: refuse_to_render(context) if next(broken) else plain(context)
    house.deliverer.deliver(profile.id, ids)
    assert [house.row(each)["state"] for each in ids] == ["delivered", "dead", "delivered"]
    assert [dict(request.headers)["webhook-id"] for request in house.sender.requests] == [str(ids[0]), str(ids[2])]


def test_a_template_that_fails_in_a_way_that_nobody_foresaw_is_dead_and_keeps_no_other_of_its_batch(
    house: House, caplog: pytest.LogCaptureFixture
):
    profile = house.profile()
    ids = house.backlog(profile, 3)
    plain, broken = house.templates.render, iter([False, True, False])

    def surprise(context):
        if next(broken):
            raise KeyError("Jane Roe")
        return plain(context)

    house.templates.render = surprise
    assert house.deliverer.deliver(profile.id, ids) == ("crm", 3, 0)
    assert [house.row(each)["state"] for each in ids] == ["delivered", "dead", "delivered"]
    assert house.row(ids[1])["reason"] == "render_error: an unforeseen KeyError in request"
    assert [(each["error"], each["detail"]) for each in house.log(ids[1])] == [
        ("render_error", "an unforeseen KeyError in request")
    ]
    assert [record.message for record in caplog.records] == ["deliver.build_failed"]


def test_a_template_that_cannot_even_be_compiled_ends_its_deliveries(house: House):
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.templates.compile = lambda spec, hash_key, *, workspace_id: 1 / 0
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert (row["state"], row["attempts"]) == ("dead", 0)
    assert row["reason"] == "render_error: an unforeseen ZeroDivisionError in request"


def test_a_shutdown_hands_the_delivery_back_and_spends_nothing(house: House):
    answer_with(house, SHUTDOWN)
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    row = house.row(identifier)
    assert [row[name] for name in ("state", "attempts", "due_at")] == ["pending", 0, NOON]


def test_the_log_keeps_what_was_sent_and_answered_shortened(house: House):
    answer_with(house, answered(500, ("content-type", "text/plain"), body=b"x" * 5000))
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    (attempt,) = house.log(identifier)
    assert attempt["request"]["url"] == "https://crm.example/calls"
    assert '"caller_name":"Jane Roe"' in attempt["request"]["body"]
    assert attempt["response"] == {"status": 500, "headers": [["content-type", "text/plain"]], "body": "x" * 4096}


def test_a_private_profile_keeps_nothing_of_what_was_sent_or_answered(house: House):
    answer_with(house, answered(500, body=b"Jane Roe is unknown"))
    profile = house.profile(private=True)
    (identifier,) = house.backlog(profile, 1)
    house.deliverer.deliver(profile.id, [identifier])
    (attempt,) = house.log(identifier)
    assert ("request" in attempt, "response" in attempt) == (False, False)
    assert "Jane" not in str(attempt)
    assert (attempt["status"], attempt["error"]) == (500, "status")
    sent = house.sender.requests[0].body
    assert (attempt["request_bytes"], attempt["response_bytes"]) == (len(sent), 19)
    assert attempt["body_hash"] == keyed_hash(profile.hash_key, sent)
    assert attempt["response_hash"] == keyed_hash(profile.hash_key, b"Jane Roe is unknown")


def test_a_claim_of_a_profile_that_waits_stands_longer_by_the_time_of_a_look(house: House):
    trigger = {"events": ["call.finished"], "wait_for": {"recording": {"up_to_seconds": 60}}}
    plain, waits = house.profile(timeout_seconds=10), house.profile("waits", timeout_seconds=10, trigger=trigger)
    assert house.deliverer.lease_until(plain, NOON) == NOON + seconds(15)
    assert house.deliverer.lease_until(waits, NOON) == NOON + seconds(25)


# --- claims


def test_what_somebody_else_is_sending_is_not_sent_again(hanging: House):
    profile = hanging.profile()
    ids = hanging.backlog(profile, 2)
    hanging.deliverer.deliver(profile.id, ids)
    assert hanging.deliverer.deliver(profile.id, ids) == ("crm", 0, 0)
    assert (len(hanging.sender.requests), hanging.room.held) == (2, 2)
    hanging.sender.finish(answered(200))
    assert hanging.room.held == 0


def test_a_claim_stands_longer_than_its_exchange_may_take(house: House):
    profile = house.profile(timeout_seconds=60)
    assert house.deliverer.lease_until(profile, NOON) == NOON + seconds(65)


@pytest.mark.parametrize(("lease", "until"), [(300.0, 300.0), (1.0, 11.0), (None, 15.0)])
def test_a_set_lease_counts_unless_it_is_shorter_than_the_exchange(lease: float | None, until: float):
    house = House(lease_seconds=lease)
    assert house.deliverer.lease_until(house.profile(), NOON) == NOON + seconds(until)
    house.close()


def test_an_exchange_that_ends_after_its_lease_was_taken_back_records_nothing(hanging: House):
    profile = hanging.profile()
    (identifier,) = hanging.backlog(profile, 1)
    hanging.deliverer.deliver(profile.id, [identifier])
    later = hanging.clock.pass_seconds(15)
    hanging.store.wake_deliveries(later, later + seconds(5), 100)
    hanging.sender.finish(answered(200))
    assert (hanging.row(identifier)["state"], hanging.log(identifier)) == ("pending", [])
    assert hanging.room.held == 0


def test_a_deleted_or_disabled_profile_sends_nothing(house: House):
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    house.store.disable_profile(profile.id, profile.revision, "by hand", NOON)
    assert house.deliverer.deliver(profile.id, [identifier]) == ("crm", 0, 1)
    house.store.delete_profile(WORKSPACE, "crm", NOON)
    assert house.deliverer.deliver(profile.id, [identifier]) == ("(deleted)", 0, 0)
    assert house.sender.requests == []


def test_a_limited_profile_sends_what_its_limits_allow_and_the_rest_waits_in_the_database(house: House):
    profile = house.profile(limits={"per_second": 4})
    ids = house.backlog(profile, 10)
    assert house.deliverer.deliver(profile.id, ids) == ("crm", 4, 0)
    house.claimers.run()
    assert house.books() == {"pending": 6, "delivered": 4}
    later = house.clock.pass_seconds(0.25)
    woken = house.store.wake_deliveries(later, later + seconds(5), 100)
    assert [len(each) for each in woken.values()] == [1]


# --- room


def test_room_is_given_back_when_the_store_cannot_claim(house: House):
    profile = house.profile()
    ids = house.backlog(profile, 3)
    house.profiles.at_least(house.store.catalogue_version())
    claim = house.store.claim

    def fail(*args):
        raise StoreUnavailable("away")

    house.store.claim = fail
    with pytest.raises(StoreUnavailable):
        house.deliverer.deliver(profile.id, ids)
    assert (house.room.held, house.sender.requests) == (0, [])
    house.store.claim = claim
    assert house.deliverer.deliver(profile.id, ids) == ("crm", 3, 0)


def test_room_is_given_back_when_the_result_cannot_be_written(house: House):
    profile = house.profile()
    ids = house.backlog(profile, 2)
    house.store.record = lambda results, now: 1 / 0
    house.deliverer.deliver(profile.id, ids)
    assert house.room.held == 0
    assert house.books() == {"sending": 2}


def test_deliveries_over_the_room_wait_aside_unclaimed_and_go_out_as_it_frees(hanging: House):
    profile = hanging.profile()
    ids = hanging.backlog(profile, 250)
    assert hanging.deliverer.deliver(profile.id, ids) == ("crm", 150, 100)
    assert hanging.claimers.run() == 0
    assert hanging.books() == {"sending": 150, "pending": 100}
    # Small draws are dear: nothing is claimed before a good part of what waits fits.
    hanging.sender.finish(answered(200), 50)
    hanging.claimers.run()
    assert hanging.books() == {"sending": 100, "pending": 100, "delivered": 50}
    hanging.sender.finish(answered(200), 25)
    hanging.claimers.run()
    assert hanging.books() == {"sending": 150, "pending": 25, "delivered": 75}
    hanging.sender.finish(answered(200), 100)
    hanging.claimers.run()
    assert hanging.books() == {"sending": 75, "delivered": 175}
    hanging.sender.finish(answered(200))
    assert hanging.books() == {"delivered": 250}
    sent = Counter(dict(request.headers)["webhook-id"] for request in hanging.sender.requests)
    assert (len(sent), set(sent.values())) == (250, {1})
    assert hanging.room.held == 0


def test_a_profile_slow_to_answer_gets_more_room_and_says_so_by_its_timings():
    slow = House(lambda request: None)
    profile = slow.profile()
    ids = slow.backlog(profile, 1000)
    answer = answered(200)
    answer.timings.total_ms = 2_000.0
    slow.deliverer.deliver(profile.id, ids)
    assert slow.room.held == 192
    slow.sender.finish(answer)
    slow.claimers.run()
    assert slow.room.held == 768
    slow.sender.finish(answer)
    slow.close()


def test_nine_hundred_of_a_hanging_profile_leave_room_for_a_hundred_of_another():
    house = House(lambda request: answered(200) if "well" in request.url else None)
    sick, well = house.profile("sick"), house.profile("well", request=at_url("https://well.example/"))
    assert house.room.take(sick.id, 1, first_attempts=True) == 1
    house.room.give_back(sick.id, 1, took_ms=10_000.0)
    of_sick, of_well = house.backlog(sick, 900), house.backlog(well, 100)
    house.deliverer.deliver(sick.id, of_sick)
    house.claimers.run()
    assert house.room.held == 768
    house.deliverer.deliver(well.id, of_well)
    assert [house.row(each)["state"] for each in of_well] == ["delivered"] * 100
    assert house.room.held == house.room.held_by(sick.id) == 768
    house.close()


def test_what_waits_aside_is_left_to_others_once_the_worker_stops(hanging: House):
    profile = hanging.profile()
    ids = hanging.backlog(profile, 250)
    hanging.deliverer.deliver(profile.id, ids)
    hanging.claimers.shutdown(cancel_futures=True)
    hanging.sender.stop(1)
    assert hanging.room.held == 0
    assert hanging.books() == {"pending": 250}


def test_room_given_back_unused_starts_what_waits_aside(hanging: House):
    profile = hanging.profile()
    ids = hanging.backlog(profile, 10)
    taken = hanging.deliverer.take_first(profile, 1000, Patience())
    hanging.deliverer.deliver(profile.id, ids)
    hanging.claimers.run()
    assert (taken, hanging.sender.requests) == (200, [])
    hanging.deliverer.give_back(profile.id, taken)
    hanging.claimers.run()
    assert len(hanging.sender.requests) == 10
