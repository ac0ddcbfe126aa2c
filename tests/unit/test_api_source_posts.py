import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from hmac import digest
from typing import Any
from urllib.parse import urlencode

import pytest

from dispatcher.assemble import Assembled, Assembler
from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, WORKSPACE, House, problem

BASIC = {"kind": "basic", "username": "pbx", "password": "hunter2"}
CDR = {
    "core-uuid": "c",
    "variables": {
        "uuid": "7f9c",
        "direction": "inbound",
        "start_uepoch": "1795168800000000",
        "answer_uepoch": "1795168809000000",
        "end_uepoch": "1795169000000000",
        "hangup_cause": "NORMAL_CLEARING",
    },
    "callflow": [],
}


@pytest.fixture
def house() -> Iterator[House]:
    with House(public_url="https://calls.example/onhook/") as house:
        yield house


def post(house: House, source: str, content: bytes, **given: Any) -> Any:
    return house.call("POST", f"/v1/sources/{source}/events", None, content=content, **given)


def stored(house: House) -> list[tuple[str, str]]:
    """Types and calls of the events and the parts."""
    events = [(row.event.type, row.event.call_id) for row in house.store._events.values()]
    parts = [row.part for row in house.store.assemblies._parts.values()]
    return [*events, *((json.loads(each.body)["event"]["type"], each.call_id) for each in parts)]


def test_a_freeswitch_record_is_stored_and_answered_with_an_empty_200(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    answer = post(house, "fs", json.dumps(CDR).encode(), auth=("pbx", "hunter2"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert stored(house) == [("call.finished", "7f9c")]


def test_a_record_that_is_posted_again_is_stored_once(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    for _ in range(2):
        assert post(house, "fs", json.dumps(CDR).encode(), auth=("pbx", "hunter2")).status_code == 200
    assert len(stored(house)) == 1


def test_what_is_not_understood_is_logged_with_its_source_and_the_reason_and_without_its_content(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    with caplog.at_level(logging.WARNING):
        post(house, "fs", b"+14155550100", auth=("pbx", "hunter2"))
    (said,) = [each for each in caplog.records if each.message == "source.not_understood"]
    (held,) = house.store.held
    assert vars(said)["fields"] == {"source": "fs", "reason": held["reason"]}


def test_what_is_not_understood_is_kept_in_quarantine_and_answered_as_success(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    answer = post(house, "fs", b"hello", auth=("pbx", "hunter2"), headers={"x-kept": "yes", "cookie": "session"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert stored(house) == []
    (held,) = house.store.held
    assert (held["source"], held["size_bytes"], held["received_at"]) == ("fs", 5, house.clock())
    assert held["headers"]["x-kept"] == "yes"
    assert held["headers"].keys().isdisjoint({"authorization", "cookie"})
    page = house.call("GET", "/v1/quarantine", Scope.READ).json()
    assert page == {
        "items": [
            {
                "id": str(held["id"]),
                "source": "fs",
                "received_at": "2026-11-20T12:00:00Z",
                "reason": held["reason"],
                "size_bytes": 5,
            }
        ],
        "next": None,
    }


def test_a_wrong_password_is_401_with_the_sources_challenge_and_nothing_is_kept(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    answer = post(house, "fs", b"hello", auth=("pbx", "hunter3"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="onhook", charset="UTF-8"'
    assert answer.json() == problem(401, "Unauthorized", "User name or password is missing or wrong.")
    assert (stored(house), house.store.held) == ([], [])


def test_a_source_without_authentication_is_closed(house: House) -> None:
    house.add_source("fs", "freeswitch", None)
    minted = house.minted[Scope.ADMIN]
    answer = post(house, "fs", json.dumps(CDR).encode(), auth=(minted.token.id, minted.secret_1))
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The source takes nothing until its authentication is set."
    assert "www-authenticate" in answer.headers
    assert stored(house) == []


def test_an_unknown_source_is_404(house: House) -> None:
    assert post(house, "nowhere", b"{}").json() == problem(404, "Not Found", "There is no such source.")


def test_a_method_that_the_format_does_not_use_is_405(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    answer = house.call("GET", "/v1/sources/fs/events", None)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(("scope", "status"), [(Scope.INGEST, 200), (Scope.READ, 403), (None, 401)])
def test_a_source_of_the_kind_token_wants_one_with_the_scope_ingest(
    house: House, scope: Scope | None, status: int
) -> None:
    house.add_source("fs", "freeswitch", {"kind": "token"})
    answer = house.call("POST", "/v1/sources/fs/events", scope, content=json.dumps(CDR).encode())
    assert answer.status_code == status
    assert len(stored(house)) == (1 if status == 200 else 0)


def test_twilios_signature_is_checked_over_the_public_address(house: House) -> None:
    house.add_source("tw", "twilio", {"kind": "twilio", "auth_token": "12345"})
    form = {"CallSid": "CA1", "AccountSid": "AC1", "CallStatus": "completed", "Direction": "inbound"}
    url = "https://calls.example/onhook/v1/sources/tw/events?leg=a%20b"
    text = url + "".join(name + form[name] for name in sorted(form))
    signature = b64encode(digest(b"12345", text.encode(), "sha1")).decode()
    headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    path = "/v1/sources/tw/events?leg=a%20b"
    answer = house.call("POST", path, None, content=urlencode(form).encode(), headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert stored(house) == [("call.finished", "CA1")]
    forged = house.call("POST", path, None, content=urlencode({**form, "CallSid": "CA2"}).encode(), headers=headers)
    assert forged.status_code == 403
    assert len(stored(house)) == 1


def test_a_status_that_is_no_event_is_success_and_stores_nothing(house: House) -> None:
    house.add_source("tw", "twilio", {"kind": "basic", "username": "tw", "password": "x"})
    form = urlencode({"CallSid": "CA1", "AccountSid": "AC1", "CallStatus": "ringing", "Direction": "inbound"}).encode()
    answer = post(house, "tw", form, auth=("tw", "x"))
    assert (answer.status_code, stored(house), house.store.held) == (204, [], [])


def test_a_generic_source_answers_as_the_events_address_does(house: House) -> None:
    house.add_source("own", "generic", BASIC)
    auth = ("pbx", "hunter2")
    one = post(house, "own", json.dumps(FINISHED).encode(), auth=auth)
    assert (one.status_code, list(one.json())) == (202, ["id", "source_event_id", "duplicate"])
    batch = post(house, "own", json.dumps({"events": [FINISHED]}).encode(), auth=auth)
    assert batch.json() == {"events": [{**one.json(), "duplicate": True}]}
    malformed = post(house, "own", b"{", auth=auth)
    assert (malformed.status_code, malformed.headers["content-type"]) == (400, "application/problem+json")
    bad = post(house, "own", b'{"type": "call.finished", "call": {"id": 5}}', auth=auth)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "call.id")
    assert (len(stored(house)), house.store.held) == (1, [])


def test_a_database_that_is_away_is_503_so_that_the_call_system_tries_again(house: House) -> None:
    house.add_source("fs", "freeswitch", BASIC)
    post(house, "fs", b"hello", auth=("pbx", "hunter2"))
    house.store.away = True
    for content in (json.dumps(CDR).encode(), b"hello"):
        answer = post(house, "fs", content, auth=("pbx", "hunter2"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    house.store.away = False
    assert house.store.books(WORKSPACE)["accepted"] == 0


def test_legs_of_a_call_become_one_event_when_their_source_is_quiet(house: House) -> None:
    house.add_source("tw", "twilio", {"kind": "basic", "username": "tw", "password": "x"})
    first = {"CallSid": "CA1", "AccountSid": "AC1", "CallStatus": "completed", "Direction": "inbound"}
    child = {**first, "CallSid": "CA2", "ParentCallSid": "CA1", "Direction": "outbound-dial"}
    for form in (child, first, child):
        assert post(house, "tw", urlencode(form).encode(), auth=("tw", "x")).status_code == 204
    shown = house.call("GET", "/v1/calls/CA1").json()
    assert (shown["events"], shown["open"]["parts"]) == ([], 2)
    assembler = Assembler(house.store.assemblies, house.hints, house.clock)
    assert assembler.assemble() == Assembled()
    house.clock.pass_seconds(60)
    assert assembler.assemble() == Assembled(1, 1)
    shown = house.call("GET", "/v1/calls/CA1").json()
    assert [each["source_event_id"] for each in shown["events"]] == ["CA1:finished"]
    assert "open" not in shown
