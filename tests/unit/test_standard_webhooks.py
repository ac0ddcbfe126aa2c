"""Standard Webhooks 1.0.0, clause by clause: what a sender has to do, seen in what Onhook puts on the wire.

The headings are those of the specification (github.com/standard-webhooks/standard-webhooks, spec). Everything goes
through the worker's own path, and receivers are the specification's Python library.
"""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dispatcher.adapters.egress import Egress
from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.domain.profile import ProfileRefused, parse_profile
from dispatcher.domain.retry_policy import RetryPolicy
from dispatcher.domain.signature import SECRET_BYTES, key_of, new_secret
from dispatcher.ports import Profile
from tests.unit.doubles import NOON, WORKSPACE, House, answered, document, seconds
from tests.unit.memory_admin import MemoryAdmin

TOLERANCE_SECONDS = 300
"""Of the receivers' library, to either side of its own clock."""
AWAY = Exchange(error=ErrorWord.RESET, detail="the connection was closed")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A worker with the product's own templates, four minutes ago: its first retries are within the tolerance."""
    monkeypatch.setattr("tests.unit.doubles.PlainTemplates", JinjaTemplates)
    monkeypatch.setattr("tests.unit.doubles.MemoryStore", MemoryAdmin)
    made = House()
    made.clock.now = datetime.now(UTC).replace(microsecond=987_654) - seconds(240)
    yield made
    made.close()


def sent(house: House, profile: Profile, *ids: UUID) -> list[Request]:
    """The requests of one attempt at each of these deliveries (a new one, without ids)."""
    before = len(house.sender.requests)
    house.deliverer.deliver(profile.id, list(ids) or house.backlog(profile, 1))
    return house.sender.requests[before:]


def header(request: Request, name: str) -> str:
    (value,) = [value for key, value in request.headers if key.lower() == name]
    return value


def verify(profile: Profile, request: Request) -> None:
    """As a receiver does it; raises where the signature, the id or the time is not sound."""
    receiver = Webhook(new_secret(profile.signing_key))
    receiver.verify(request.body or b"", dict(request.headers), json_parse=False)


def rotate(house: House, profile: Profile, key: bytes, overlap_seconds: float) -> None:
    """What the store does of a rotation: a new current key, the old one until the overlap ends, a new catalogue."""
    profiles = house.store._profiles
    row = profiles.rows[profile.id]
    until = house.clock() + seconds(overlap_seconds)
    rotated = replace(profile, signing_key=key, previous_key=profile.signing_key, previous_key_until=until)
    row.saved = replace(row.saved, profile=rotated)
    profiles.version += 1


def request_document(**changes: Any) -> dict[str, Any]:
    plain = document()["request"]
    return {**plain, **changes}


# --- Payload structure


def test_the_payload_is_the_body_of_a_post_and_json_where_the_profile_says_so(house: House):
    (request,) = sent(house, house.profile())
    assert (request.method, json.loads(request.body or b"")) == ("POST", {"id": "7f9c"})
    assert header(request, "content-type") == "application/json"


def test_a_payload_may_have_the_recommended_members_type_timestamp_and_data(house: House):
    value = {"type": "{{ type }}", "timestamp": "{{ occurred_at }}", "data": {"id": "{{ call.id }}"}}
    profile = house.profile(request=request_document(body={"kind": "json", "value": value}))
    (request,) = sent(house, profile)
    assert json.loads(request.body or b"") == {
        "type": "call.finished",
        "timestamp": "2026-11-20T11:59:00Z",
        "data": {"id": "7f9c"},
    }


# --- Webhook metadata


def test_the_id_is_unique_to_a_delivery_and_stays_the_same_on_every_attempt(house: House):
    house.sender.script = lambda request: AWAY
    profile = house.profile()
    first, second = house.backlog(profile, 2)
    ids = []
    for pause in (0, 5, 300):
        house.clock.pass_seconds(pause)
        ids.append([header(request, "webhook-id") for request in sent(house, profile, first, second)])
    assert ids == [[str(first), str(second)]] * 3


def test_two_endpoints_get_the_same_event_under_ids_of_their_own(house: House):
    one, other = house.profile("crm"), house.profile("erp")
    house.evaluator.evaluate(house.post())
    assert len({header(request, "webhook-id") for request in house.sender.requests}) == 2
    assert {house.row(UUID(header(request, "webhook-id")))["profile"] for request in house.sender.requests} == {
        one.spec.name,
        other.spec.name,
    }


def test_a_replay_by_a_person_carries_the_id_that_the_receiver_knows(house: House):
    house.sender.script = lambda request: answered(400)
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    (failed,) = sent(house, profile, identifier)
    house.clock.pass_seconds(60)
    assert house.store.replay(WORKSPACE, [identifier], house.clock(), house.clock()) == [(identifier, profile.id)]
    (replayed,) = sent(house, profile, identifier)
    assert header(replayed, "webhook-id") == header(failed, "webhook-id") == str(identifier)
    assert int(header(replayed, "webhook-timestamp")) - int(header(failed, "webhook-timestamp")) == 60


def test_the_timestamp_is_of_the_attempt_in_whole_seconds_and_not_of_the_event(house: House):
    house.sender.script = lambda request: AWAY
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    (first,) = sent(house, profile, identifier)
    began = house.clock()
    house.clock.pass_seconds(5)
    (second,) = sent(house, profile, identifier)
    stamps = [header(request, "webhook-timestamp") for request in (first, second)]
    assert stamps == [str(int(began.timestamp())), str(int(began.timestamp()) + 5)]
    assert first.body == second.body


def test_a_request_that_somebody_kept_and_sends_later_is_too_old_for_a_receiver(house: House):
    profile = house.profile()
    house.clock.now -= seconds(TOLERANCE_SECONDS)
    (request,) = sent(house, profile)
    with pytest.raises(WebhookVerificationError, match="too old"):
        verify(profile, request)


# --- Signature scheme


def test_what_is_signed_is_the_id_the_timestamp_and_the_bytes_of_the_body(house: House):
    profile = house.profile()
    (request,) = sent(house, profile)
    signed = f"{header(request, 'webhook-id')}.{header(request, 'webhook-timestamp')}.".encode() + (request.body or b"")
    digest = hmac.new(profile.signing_key, signed, sha256).digest()
    assert header(request, "webhook-signature") == "v1," + b64encode(digest).decode()


def test_neither_id_nor_timestamp_can_hold_a_full_stop_whatever_the_source_calls_its_events(house: House):
    profile = house.profile()
    house.evaluator.evaluate(house.post(theirs="evt.1.{}", call_id="7f9c.1674087231.{}"))
    (request,) = house.sender.requests
    assert "." not in header(request, "webhook-id") + header(request, "webhook-timestamp")
    verify(profile, request)


BODIES: dict[str, dict[str, Any]] = {
    "json": {"kind": "json", "value": {"name": "{{ call.caller_name }}", "n": [1.0, 1e3, None, "Jörg \u2028"]}},
    "form": {"kind": "form", "value": [{"name": "who", "value": "{{ call.caller_name }} & more"}]},
    "raw": {"kind": "raw", "content_type": "text/plain", "value": " {{ call.caller_name }} \r\n\u00a0\n"},
    "raw xml": {"kind": "raw", "content_type": "application/xml", "value": "<n>{{ call.caller_name }}</n>"},
    "empty raw": {"kind": "raw", "content_type": "text/plain", "value": "{{ call.disposition }}"},
    "none": {"kind": "none"},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_body_that_is_sent_is_the_body_that_was_signed(house: House, method: str, body: dict[str, Any]):
    profile = house.profile(request=request_document(method=method, body=body))
    (request,) = sent(house, profile)
    verify(profile, request)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(profile, replace(request, body=(request.body or b"") + b" "))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_without_a_body_is_signed_as_one_with_an_empty_body(house: House, method: str):
    profile = house.profile(request=request_document(method=method, body={"kind": "none"}))
    (request,) = sent(house, profile)
    assert (request.method, request.body) == (method, None)
    verify(profile, request)


def test_a_receiver_refuses_another_id_another_time_or_another_secret(house: House):
    profile = house.profile()
    (request,) = sent(house, profile)
    for name, value in (
        ("webhook-id", str(UUID(int=7))),
        ("webhook-timestamp", str(int(house.clock().timestamp()) + 1)),
    ):
        changed = [(key, value if key == name else old) for key, old in request.headers]
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            verify(profile, replace(request, headers=changed))
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(replace(profile, signing_key=b"another" * 5), request)


def test_a_secret_is_shown_as_whsec_and_base64_and_has_24_to_64_bytes():
    secret = new_secret(bytes(range(SECRET_BYTES)))
    assert secret == "whsec_" + b64encode(bytes(range(SECRET_BYTES))).decode()
    assert key_of(secret) == b64decode(secret.removeprefix("whsec_"))
    assert 24 <= SECRET_BYTES <= 64


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_secret_of_any_other_size_is_not_made(size: int):
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        new_secret(b"k" * size)


def test_every_endpoint_has_a_secret_of_its_own(house: House):
    one, other = house.profile("crm"), house.profile("erp")
    (request,) = sent(house, one)
    assert one.signing_key != other.signing_key
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(other, request)


# --- Webhook headers


def test_the_headers_have_the_names_of_the_specification_and_come_once(house: House):
    (request,) = sent(house, house.profile())
    names = [name for name, _ in request.headers if name.lower().startswith("webhook-")]
    assert sorted(names) == ["webhook-id", "webhook-signature", "webhook-timestamp"]


@pytest.mark.parametrize("name", ["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE"])
def test_no_profile_can_set_them_itself(name: str):
    headers = [{"name": name, "value": "{{ call.id }}"}]
    with pytest.raises(ProfileRefused) as refused:
        parse_profile(document(request=request_document(headers=headers)), ENGINES)
    assert [fault["field"] for fault in refused.value.faults] == ["request.headers[0].name"]


def test_while_a_secret_rotates_there_are_two_signatures_and_then_one_again(house: House):
    old = house.profile()
    assert len(header(sent(house, old)[0], "webhook-signature").split(" ")) == 1
    rotate(house, old, b"n" * 32, overlap_seconds=60)
    new = replace(old, signing_key=b"n" * 32)
    (during,) = sent(house, old)
    verify(old, during)
    verify(new, during)
    signatures = header(during, "webhook-signature").split(" ")
    assert [each.partition(",")[0] for each in signatures] == ["v1", "v1"]
    house.clock.pass_seconds(60)
    (after,) = sent(house, old)
    assert len(header(after, "webhook-signature").split(" ")) == 1
    verify(new, after)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(old, after)


def test_what_waited_for_its_retry_during_a_rotation_is_signed_with_the_new_secret(house: House):
    house.sender.script = lambda request: AWAY
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    sent(house, profile, identifier)
    rotate(house, profile, b"n" * 32, overlap_seconds=0)
    house.clock.pass_seconds(5)
    (retried,) = sent(house, profile, identifier)
    verify(replace(profile, signing_key=b"n" * 32), retried)


# --- Event types


def test_an_endpoint_gets_only_the_types_that_it_chose(house: House):
    house.profile(trigger={"events": ["call.recorded"]})
    house.evaluator.evaluate(house.post())
    assert house.sender.requests == []


# --- Deliverability and reliability


def test_retries_back_off_over_days_and_are_spread_by_jitter():
    policy = RetryPolicy()
    delays = policy.delays_seconds
    assert delays[0] == 5
    assert list(delays) == sorted(delays)
    assert sum(delays) > 86_400
    assert policy.give_up_after_seconds == 3 * 86_400
    assert policy.delay(2, 0.0) != policy.delay(2, 0.99)


def test_a_failed_delivery_is_sent_again_until_it_succeeds_and_then_never_again(house: House):
    answers = iter([AWAY, answered(500), answered(200)])
    house.sender.script = lambda request: next(answers)
    profile = house.profile(retry={"delays_seconds": [5, 5], "jitter": 0})
    (identifier,) = house.backlog(profile, 1)
    for _ in range(4):
        house.deliverer.deliver(profile.id, [identifier])
        house.clock.pass_seconds(5)
    assert len(house.sender.requests) == 3
    assert (house.row(identifier)["state"], house.row(identifier)["attempts"]) == ("delivered", 3)
    for request in house.sender.requests:
        verify(profile, request)


# --- Delivery success and failure


def state_after(house: House, exchange: Exchange, **changes: Any) -> tuple[str, float | None]:
    """The delivery's state, and the seconds until it is due."""
    house.sender.script = lambda request: exchange
    profile = house.profile(retry={"jitter": 0}, **changes)
    (identifier,) = house.backlog(profile, 1)
    sent(house, profile, identifier)
    row = house.row(identifier)
    due = row["due_at"]
    return row["state"], None if due is None else (_moment(due) - house.clock()).total_seconds()


def _moment(shown: Any) -> datetime:
    return shown if isinstance(shown, datetime) else datetime.fromisoformat(shown)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_any_2xx_is_success(house: House, status: int):
    assert state_after(house, answered(status)) == ("delivered", None)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(house: House, status: int):
    exchange = answered(status, ("location", "https://crm.example/moved"))
    assert state_after(house, exchange) == ("dead", None)
    assert [request.url for request in house.sender.requests] == ["https://crm.example/calls"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_any_other_status_is_a_failure(house: House, status: int):
    assert state_after(house, answered(status)) == ("dead", None)


@pytest.mark.parametrize("word", ["timeout", "reset", "connect_refused", "connect_timeout", "tls", "dns", "protocol"])
def test_a_time_out_and_a_broken_connection_are_failures_that_are_retried(house: House, word: str):
    exchange = Exchange(error=ErrorWord(word), detail="a sentence")
    assert state_after(house, exchange) == ("retrying", 5)


def test_410_disables_the_endpoint_and_nothing_more_is_sent_to_it(house: House):
    assert state_after(house, answered(410)) == ("dead", None)
    (saved,) = house.store.load_catalogue().profiles.values()
    assert saved.enabled is False
    house.evaluator.evaluate(house.post())
    assert len(house.sender.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_target_under_load_is_given_time(house: House, status: int):
    assert state_after(house, answered(status)) == ("retrying", 5)


def rfc_9110_date(of: datetime) -> str:
    return of.strftime("%a, %d %b %Y %H:%M:%S GMT")


def asctime(of: datetime) -> str:
    return of.strftime("%a %b %d %H:%M:%S %Y")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", [lambda _: "3600", rfc_9110_date, asctime], ids=["seconds", "date", "asctime"])
def test_retry_after_sets_the_next_attempt(house: House, status: int, value: Callable[[datetime], str]):
    house.clock.now = NOON
    asked = value(NOON + seconds(3600))
    assert state_after(house, answered(status, ("retry-after", asked))) == ("retrying", 3600)


# --- Request timeouts


@pytest.mark.parametrize("timeout", [15, 30])
def test_a_target_can_be_given_the_recommended_time(house: House, timeout: int):
    (request,) = sent(house, house.profile(timeout_seconds=timeout))
    assert request.deadline_seconds == timeout


# --- Server side request forgery


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00:ec2::254"])
def test_no_internal_address_may_be_connected_to(address: str):
    assert Egress().permits(address) is False
