"""`POST /v1/profiles/{name}/test`: the request is shown, or sent as a test that counts nowhere."""

import hmac
from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook

from dispatcher.api import profile_tests
from dispatcher.api.services import ReadyReport
from dispatcher.domain.delivery import State
from dispatcher.domain.ids import delivery_id
from dispatcher.rehearse import PRIVATE_EVENT
from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, PROFILE, WORKSPACE, House, problem

JSON_BODY = {
    **PROFILE["request"],
    "url": "https://crm.example/calls/{{ call.id }}",
    "headers": [{"name": "X-Caller", "value": "{{ call.caller_name }}"}],
    "body": {"kind": "json", "value": {"seconds": "{{ call.duration_seconds }}"}},
}
LONG = {"events": ["call.finished"], "criteria": {"field": "call.duration_seconds", "op": "ge", "value": 600}}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as open_house:
        open_house.add_profile(request=JSON_BODY)
        yield open_house


def tried(house: House, scope: Scope = Scope.ADMIN, name: str = "crm", **body: Any) -> Any:
    return house.call("POST", f"/v1/profiles/{name}/test", scope, json=body)


def books(house: House) -> dict[str, int]:
    return house.store.books(WORKSPACE)


# --- shown


def test_the_newest_stored_event_that_the_profile_takes_is_tried_when_none_is_named(house: House) -> None:
    house.post_event("old", id="c1")
    house.clock.pass_seconds(1)  # ids made within a millisecond are in no order
    newest = house.post_event("new", id="c2")
    house.clock.pass_seconds(1)
    house.call("POST", "/v1/events", json={**FINISHED, "id": "other", "type": "call.recorded"})
    shown = tried(house, Scope.READ).json()
    assert shown["event"] == {
        "id": str(newest),
        "type": "call.finished",
        "call_id": "c2",
        "occurred_at": "2026-11-20T10:03:20Z",
        "stored": True,
    }
    assert (shown["fires"], shown["reason"], shown["verdict"]) == (True, "it takes every call.finished", None)
    assert shown["request"]["url"] == "https://crm.example/calls/c2"


def test_a_given_event_is_shown_as_the_exact_request(house: House) -> None:
    event = {"type": "call.finished", "call": {"id": "a/b", "caller_name": "Jane Roe", "duration_seconds": 200}}
    shown = tried(house, event=event).json()
    request = shown["request"]
    headers = dict(request["headers"])
    assert UUID(headers["webhook-id"]).version == 8
    assert headers == {
        "X-Caller": "Jane Roe",
        "Content-Type": "application/json",
        "webhook-id": headers["webhook-id"],
        "webhook-timestamp": "1795176000",
        "Idempotency-Key": headers["webhook-id"],
        "User-Agent": "Onhook/1.2.3",
        "webhook-signature": headers["webhook-signature"],
    }
    assert (request["method"], request["body"], request["body_encoding"]) == ("POST", '{"seconds":200}', "utf-8")
    assert request["http"].startswith("POST /calls/a%2Fb HTTP/1.1\r\nHost: crm.example\r\nX-Caller: Jane Roe\r\n")
    assert request["http"].endswith('\r\nContent-Length: 15\r\n\r\n{"seconds":200}')
    assert "--data-raw '{\"seconds\":200}'" in request["curl"]
    assert (shown["event"]["id"], shown["event"]["stored"], shown["secrets_masked"]) == (None, False, True)
    assert books(house)["accepted"] == 0


def test_the_signature_is_real_for_who_may_send_and_masked_for_who_may_only_read(house: House) -> None:
    saved = house.store.profile(WORKSPACE, "crm")
    assert saved is not None
    masked, real = (tried(house, scope, event=FINISHED).json()["request"] for scope in (Scope.READ, Scope.ADMIN))
    assert [value for name, value in masked["headers"] if name == "webhook-signature"] == ["v1,***"]
    headers = dict(real["headers"])
    expected = Webhook(saved.profile.signing_key).sign(headers["webhook-id"], house.clock(), real["body"])
    assert headers["webhook-signature"] == expected


def test_an_event_that_does_not_fire_says_why_and_shows_the_request_all_the_same(house: House) -> None:
    house.add_profile("long", request=JSON_BODY, trigger=LONG)
    shown = tried(house, name="long", event=FINISHED).json()
    assert (shown["fires"], shown["reason"]) == (False, "its criteria do not hold")
    assert (shown["verdict"]["held"], shown["verdict"]["saw"]) == (False, 200)
    assert shown["request"]["body"] == '{"seconds":200}'


def test_of_a_call_the_newest_event_that_fires_is_tried(house: House) -> None:
    house.add_profile("long", request=JSON_BODY, trigger=LONG)
    fires = house.post_event("one", duration_seconds=900)
    house.post_event("two", duration_seconds=5)
    shown = tried(house, name="long", call_id="7f9c").json()
    assert (shown["event"]["id"], shown["fires"]) == (str(fires), True)


def test_a_draft_is_rendered_instead_of_what_is_saved_and_is_not_saved(house: House) -> None:
    draft = {**PROFILE, "request": {**JSON_BODY, "url": "https://staging.example/"}}
    assert (
        tried(house, Scope.READ, event=FINISHED, profile=draft).json()["request"]["url"] == "https://staging.example/"
    )
    assert house.call("GET", "/v1/profiles/crm").json()["revision"] == 1
    refused = tried(house, event=FINISHED, profile={**draft, "timeout_seconds": "x"})
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == ["timeout_seconds"]


def test_an_undefined_variable_is_refused_by_its_field(house: House) -> None:
    request = {**JSON_BODY, "body": {"kind": "json", "value": {"score": "{{ call.custom.survey_scor }}"}}}
    house.add_profile("typo", request=request)
    event = {**FINISHED, "call": {**FINISHED["call"], "custom": {"survey_score": 4}}}
    answer = tried(house, name="typo", event=event)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"].startswith("request.body")
    assert "call.custom.survey_scor" in str(fault)


def test_a_waiting_profile_says_what_it_would_wait_for(house: House) -> None:
    wait_for = {"recording": {"up_to_seconds": 1200, "then": "send"}}
    house.add_profile("recorded", request=JSON_BODY, trigger={"events": ["call.finished"], "wait_for": wait_for})
    shown = tried(house, name="recorded", event=FINISHED).json()
    assert shown["waits"] == {
        "decision": "wait",
        "reason": "waiting for recording",
        "until": "2026-11-20T12:20:00Z",
    }
    recorded = {**FINISHED, "call": {**FINISHED["call"], "recording": {"state": "available"}}}
    assert tried(house, name="recorded", event=recorded).json()["waits"] is None


def test_what_a_followed_profile_would_have_captured_may_be_given(house: House) -> None:
    house.add_profile("leads", outputs=[{"name": "lead_id", "json": "$.id"}])
    request = {**JSON_BODY, "url": "https://crm.example/leads/{{ followed.lead_id }}"}
    follow = {"profile": "leads", "up_to_seconds": 60, "then": "skip"}
    house.add_profile("notes", request=request, follow=follow)
    shown = tried(house, name="notes", event=FINISHED, followed={"lead_id": 17}).json()
    assert (shown["request"]["url"], shown["waits"]) == ("https://crm.example/leads/17", None)
    without = tried(house, name="notes", event=FINISHED)
    assert without.status_code == 422
    assert [each["field"] for each in without.json()["errors"]] == ["request.url"]


# --- what is private


def private(house: House, **over: Any) -> UUID:
    """A private profile and an event that fired it."""
    house.add_profile("secret", request=JSON_BODY, private=True, **over)
    event_id = house.post_event("personal", caller_name="Jane Roe")
    house.evaluate(event_id)
    return event_id


def test_of_a_stored_call_a_private_profile_shows_the_outline_only(house: House) -> None:
    event_id = private(house, trigger={**LONG, "criteria": {**LONG["criteria"], "value": 100}})
    answer = tried(house, name="secret", event_id=str(event_id))
    shown = answer.json()
    key = house.store.hash_key(WORKSPACE)
    derived = hmac.digest(key, b"Bodies of private profiles", "sha256")
    assert shown["request"] == {
        "method": "POST",
        "url": "https://crm.example",
        "url_bytes": len("https://crm.example/calls/7f9c"),
        "header_names": [
            "X-Caller",
            "Content-Type",
            "webhook-id",
            "webhook-timestamp",
            "Idempotency-Key",
            "User-Agent",
            "webhook-signature",
        ],
        "body_bytes": 15,
        "body_hash": hmac.digest(derived, b'{"seconds":200}', "sha256").hex(),
    }
    assert (shown["private"], shown["fires"]) == (True, True)
    assert shown["verdict"] == {"clause": {"field": "call.duration_seconds", "op": "ge", "value": 100}, "held": True}
    assert "Jane" not in answer.text


def test_a_caller_sees_his_own_event_in_full_for_a_private_profile_too(house: House) -> None:
    private(house)
    shown = tried(house, name="secret", event={**FINISHED, "call": {"id": "mine", "caller_name": "Ann Own"}}).json()
    assert (shown["private"], dict(shown["request"]["headers"])["X-Caller"]) == (False, "Ann Own")


def test_no_other_profile_shows_or_sends_what_fired_a_private_one(house: House) -> None:
    event_id = private(house)
    shown = tried(house, event_id=str(event_id))
    assert (shown.json()["private"], "Jane" in shown.text) == (True, False)
    sent = tried(house, event_id=str(event_id), send=True)
    assert sent.json() == problem(409, "Conflict", PRIVATE_EVENT)


def test_a_draft_cannot_ask_a_private_event_for_its_values(house: House) -> None:
    event_id = private(house)
    for name in ("secret", "crm"):
        answer = tried(house, name=name, event_id=str(event_id), profile=PROFILE | {"name": name})
        assert answer.status_code == 409


# --- sent


def deliver_at_once(house: House, monkeypatch: pytest.MonkeyPatch, state: State = State.DELIVERED) -> list[UUID]:
    """A worker that ends whatever is hinted; the ids it was hinted."""
    hinted: list[UUID] = []

    def deliver(profile_id: UUID, ids: Sequence[UUID]) -> None:
        hinted.extend(ids)
        house.settle(ids, state)

    monkeypatch.setattr(house.hints, "deliver", deliver)
    return hinted


def test_a_test_of_a_given_event_is_sent_through_the_ordinary_path_and_counted_nowhere(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.post_event("real")
    before = books(house)
    hinted = deliver_at_once(house, monkeypatch)
    answer = tried(house, Scope.WRITE, event={**FINISHED, "id": "real"}, send=True)
    assert answer.status_code == 200, answer.text
    delivery = answer.json()["delivery"]
    assert hinted == [UUID(delivery["id"])]
    assert (delivery["state"], delivery["test"], delivery["source_event_id"]) == ("delivered", True, None)
    assert answer.json()["attempts"] == []
    assert books(house) == before
    for path, count in (("/v1/deliveries", 0), ("/v1/deliveries?test=true", 1), ("/v1/events", 1)):
        assert len(house.call("GET", path).json()["items"]) == count, path
    assert house.call("GET", f"/v1/deliveries/{delivery['id']}").json() == delivery
    assert house.store.audit_log == [(house.minted[Scope.WRITE].token.id, "profile.tested", "crm")]


def test_each_test_of_a_stored_event_is_a_delivery_of_its_own_on_the_calls_page(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = house.post_event()
    (real,) = house.evaluate(event_id)
    before = books(house)
    deliver_at_once(house, monkeypatch)
    tests = [tried(house, event_id=str(event_id), send=True).json()["delivery"]["id"] for _ in range(2)]
    assert len({str(real), *tests}) == 3
    (event,) = house.call("GET", "/v1/calls/7f9c").json()["events"]
    assert {each["id"]: each["test"] for each in event["deliveries"]} == {
        str(real): False,
        **dict.fromkeys(tests, True),
    }
    assert (event["deliveries_made"], books(house)) == (1, before)


def test_a_real_event_under_the_id_of_a_tested_one_is_no_duplicate(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_at_once(house, monkeypatch)
    assert tried(house, event=FINISHED, send=True).status_code == 200
    assert house.call("POST", "/v1/events", json=FINISHED).json()["duplicate"] is False


def test_a_replay_by_filter_leaves_tests_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_at_once(house, monkeypatch, State.DEAD)
    tried(house, event=FINISHED, send=True)
    answer = house.call("POST", "/v1/deliveries/replay", json={"filter": {"profile": "crm"}, "dry_run": True})
    assert answer.json() == {"count": 0}


@pytest.mark.parametrize(
    ("broker", "begins"),
    [(True, "No worker has taken the test yet"), (False, "The broker does not answer")],
)
def test_a_test_that_has_not_ended_in_time_says_why_and_where_to_look(
    monkeypatch: pytest.MonkeyPatch, broker: bool, begins: str
) -> None:
    monkeypatch.setattr(profile_tests, "MARGIN_SECONDS", 0.0)
    with House(ready=ReadyReport(database=True, broker=broker)) as house:
        house.add_profile(timeout_seconds=0.01)
        answer = tried(house, event=FINISHED, send=True)
        shown = answer.json()
        assert (answer.status_code, shown["delivery"]["state"]) == (202, "pending")
        assert answer.headers["location"] == f"/v1/deliveries/{shown['delivery']['id']}"
        assert shown["detail"].startswith(begins)


def test_what_cannot_be_built_is_not_sent(house: House) -> None:
    request = {**JSON_BODY, "url": "https://crm.example/{{ call.caller_name }}"}
    house.add_profile("dots", request=request)
    answer = tried(house, name="dots", event={**FINISHED, "call": {"id": "c", "caller_name": ".."}}, send=True)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "field": "request.url",
            "expected": "a template that can be rendered",
            "got": "a path segment that is . or ..",
        }
    ]
    assert house.call("GET", "/v1/deliveries?test=true").json()["items"] == []


# --- refused


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"event_id": "x"}, "event_id"),
        ({"event_id": str(uuid4()), "call_id": "c"}, ""),
        ({"source": "default"}, "source"),
        ({"event": FINISHED, "profile": PROFILE, "send": True}, "profile"),
        ({"call_id": "c", "followed": {}, "send": True}, "followed"),
        ({"event": FINISHED, "followed": []}, "followed"),
        ({"event": {"type": "call.finished"}}, "event.call"),
        ({"event": [FINISHED]}, "event"),
        ({"events": []}, "events"),
        ({"send": "yes"}, "send"),
    ],
)
def test_a_body_that_is_not_understood_is_refused_by_its_field(house: House, body: dict[str, Any], field: str) -> None:
    answer = tried(house, **body)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "No event that the profile takes is stored yet: give one."),
        ({"call_id": "nowhere"}, "There is no such call."),
        ({"event_id": str(delivery_id(uuid4(), uuid4()))}, "There is no such event."),
        ({"event": FINISHED, "source": "nowhere"}, "There is no such source."),
    ],
)
def test_what_is_not_there_is_404(house: House, body: dict[str, Any], detail: str) -> None:
    assert tried(house, **body).json() == problem(404, "Not Found", detail)


def test_an_unknown_profile_is_404(house: House) -> None:
    assert tried(house, name="nowhere", event=FINISHED).json() == problem(404, "Not Found", "There is no such profile.")


def test_showing_wants_read_and_sending_wants_write(house: House) -> None:
    for scope, send in ((Scope.READ, True), (Scope.WRITE, False)):
        wanted = "write" if send else "read"
        answer = tried(house, scope, event=FINISHED, send=send)
        assert answer.json() == problem(403, "Forbidden", f"The token has not the scope {wanted}.")
    assert tried(house, Scope.INGEST, event=FINISHED).status_code == 403
    assert house.call("POST", "/v1/profiles/crm/test", None, json={}).status_code == 401
    assert house.call("GET", "/v1/deliveries?test=true").json()["items"] == []


# --- what must not be shown


def test_a_credentials_secret_is_masked_in_every_form_of_the_request(house: House) -> None:
    secret = "canary-of-a-password"
    credential = {"name": "key", "kind": "basic", "username": "jane", "password": secret}
    assert house.call("POST", "/v1/credentials", json=credential).status_code == 201
    house.add_profile("keyed", request=JSON_BODY, credential="key")
    answer = tried(house, name="keyed", event=FINISHED)
    shown = answer.json()
    assert ["Authorization", "Basic ***"] in shown["request"]["headers"]
    assert "\r\nAuthorization: Basic ***\r\n" in shown["request"]["http"]
    assert "--header 'Authorization: Basic ***'" in shown["request"]["curl"]
    assert shown["notes"] == ["*** stands for what the credential key puts there."]
    assert secret not in answer.text
    assert b64encode(f"jane:{secret}".encode()).decode() not in answer.text
