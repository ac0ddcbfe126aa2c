"""`/v1/credentials` from outside: secrets go in and never out, changes are an administrator's and are noted."""

from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.memory.sender import ScriptedSender
from dispatcher.domain.exchange import ErrorWord, Exchange, Timings
from dispatcher.tokens import Scope
from tests.unit.api_house import PROFILE, House
from tests.unit.certificates import certificate
from tests.unit.credential_doubles import MemoryTokens, credential_document
from tests.unit.doubles import answered

BASIC = {"name": "crm", "kind": "basic", "username": "jane", "password": "pass word-1"}
SHOWN = {
    **BASIC,
    "description": "",
    "password": "***",
    "password_2": None,
    "preferred": 1,
    "refused_status": [401],
    "refused_fault": [],
    "tls": None,
    "tls_details": None,
    "revision": 1,
    "created_at": "2026-11-20T12:00:00Z",
    "updated_at": "2026-11-20T12:00:00Z",
}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        yield made


def add(house: House, **over: Any) -> None:
    answer = house.call("POST", "/v1/credentials", json={**BASIC, **over})
    assert answer.status_code == 201, answer.text


def stored(house: House) -> tuple[str | None, str | None]:
    (saved,) = house.store.saved_credentials.values()
    return saved.credential.spec.secrets


def test_a_credential_is_made_and_shown_without_its_secret(house: House) -> None:
    answer = house.call("POST", "/v1/credentials", json=BASIC)
    assert (answer.status_code, answer.json()) == (201, SHOWN)
    assert house.call("GET", "/v1/credentials/crm", Scope.READ).json() == SHOWN
    assert house.call("GET", "/v1/credentials", Scope.READ).json() == {"items": [SHOWN], "next": None}
    assert stored(house) == ("pass word-1", None)
    assert house.call("POST", "/v1/credentials", json=BASIC).status_code == 409


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("PUT", "/crm"),
        ("PATCH", "/crm"),
        ("DELETE", "/crm"),
        ("POST", "/crm/test"),
        ("POST", "/crm/secrets/1/rotate"),
        ("DELETE", "/crm/secrets/1"),
    ],
)
def test_changes_are_for_administrators(house: House, method: str, path: str) -> None:
    add(house)
    for scope in (Scope.READ, Scope.WRITE, Scope.INGEST):
        assert house.call(method, f"/v1/credentials{path}", scope).status_code == 403
    assert house.call(method, f"/v1/credentials{path}", None).status_code == 401
    assert stored(house) == ("pass word-1", None)
    if path:
        missing = house.call(method, f"/v1/credentials{path.replace('crm', 'none')}", json=_body(method, path))
        assert missing.status_code == 404


def _body(method: str, path: str) -> Any:
    if path.endswith("rotate"):
        return {"secret": "x"}
    return {**BASIC, "name": "none"} if method in ("PUT", "PATCH") else None


def test_what_is_shown_can_be_edited_and_sent_back(house: House) -> None:
    add(house, password_2="second")
    shown = house.call("GET", "/v1/credentials/crm").json()
    answer = house.call("PUT", "/v1/credentials/crm", json={**shown, "username": "john"})
    assert (answer.status_code, answer.json()["username"], answer.json()["revision"]) == (200, "john", 2)
    assert stored(house) == ("pass word-1", "second")
    answer = house.call("PATCH", "/v1/credentials/crm", json={"password_2": "***", "description": "theirs"})
    assert (answer.status_code, stored(house)) == (200, ("pass word-1", "second"))
    answer = house.call("PATCH", "/v1/credentials/crm", json={"password": "new", "password_2": None})
    assert (answer.status_code, stored(house)) == (200, ("new", None))


def test_a_refused_change_changes_nothing_and_quotes_no_secret(house: House) -> None:
    add(house)
    for method, body in (("PUT", {**BASIC, "password": "canary\n"}), ("PATCH", {"password": "canary\n"})):
        answer = house.call(method, "/v1/credentials/crm", json=body)
        assert (answer.status_code, "canary" in answer.text) == (422, False)
    answer = house.call("PATCH", "/v1/credentials/crm", json={"name": "other"})
    assert [each["field"] for each in answer.json()["errors"]] == ["name"]
    assert house.call("GET", "/v1/credentials/crm").json() == SHOWN


def test_rotating_sets_the_other_secret_and_prefers_it_and_retiring_takes_the_old_one_out(house: House) -> None:
    add(house)
    answer = house.call("POST", "/v1/credentials/crm/secrets/2/rotate", json={"secret": "second"})
    assert answer.status_code == 200
    assert (answer.json()["password_2"], answer.json()["preferred"]) == ("***", 2)
    assert stored(house) == ("pass word-1", "second")
    answer = house.call("DELETE", "/v1/credentials/crm/secrets/1")
    assert (answer.json()["password"], answer.json()["preferred"]) == (None, 2)
    last = house.call("POST", "/v1/credentials/crm/secrets/2/rotate", json={"secret": None})
    assert (last.status_code, stored(house)) == (422, (None, "second"))
    for path, body in (("3/rotate", {"secret": "x"}), ("one/rotate", {"secret": "x"})):
        assert house.call("POST", f"/v1/credentials/crm/secrets/{path}", json=body).status_code == 404
    assert house.call("POST", "/v1/credentials/crm/secrets/2/rotate", json={}).status_code == 422


def test_a_credential_that_profiles_use_is_kept(house: House) -> None:
    add(house)
    profile = {**PROFILE, "name": "calls", "credential": "crm"}
    assert house.call("POST", "/v1/profiles", json=profile).status_code == 201
    answer = house.call("DELETE", "/v1/credentials/crm")
    assert answer.status_code == 409
    assert "used by calls" in answer.json()["detail"]
    assert house.call("DELETE", "/v1/profiles/calls").status_code == 204
    assert house.call("DELETE", "/v1/credentials/crm").status_code == 204
    assert house.call("GET", "/v1/credentials/crm").status_code == 404


def test_a_profile_that_names_no_credential_is_refused_with_those_that_are(house: House) -> None:
    add(house)
    answer = house.call("POST", "/v1/profiles", json={**PROFILE, "credential": "crn"})
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["field"] == "credential"
    assert "crm" in fault["expected"]


def test_every_change_and_test_is_in_the_audit_log(house: House) -> None:
    house.sender = AuthenticatedSender(ScriptedSender(lambda _: answered(200)), MemoryTokens(), house.clock)
    add(house)
    house.call("PATCH", "/v1/credentials/crm", json={"description": "x"})
    house.call("POST", "/v1/credentials/crm/secrets/2/rotate", json={"secret": "canary"})
    house.call("DELETE", "/v1/credentials/crm/secrets/2")
    house.call("POST", "/v1/credentials/crm/test")
    house.call("DELETE", "/v1/credentials/crm")
    noted = [(action, subject) for _, action, subject in house.store.audit_log if action.startswith("credential")]
    assert noted == [
        ("credential.created", "crm"),
        ("credential.changed", "crm"),
        ("credential.secret_rotated", "crm 2"),
        ("credential.secret_retired", "crm 2"),
        ("credential.tested", "crm"),
        ("credential.deleted", "crm"),
    ]
    house.sender.stop(0)


def test_certificates_are_described_and_their_key_is_not_shown(house: House) -> None:
    pem, key = certificate("client.example")
    answer = house.call("POST", "/v1/credentials", json={**BASIC, "tls": {"certificate": pem, "private_key": key}})
    assert answer.status_code == 201
    assert answer.json()["tls"] == {"certificate": pem, "private_key": "***", "ca": None}
    assert answer.json()["tls_details"]["certificate"]["subject"] == "CN=client.example"
    assert answer.json()["tls_details"]["certificate"]["expires_at"].endswith("Z")


@pytest.fixture
def scripted(house: House) -> Iterator[ScriptedSender]:
    inner = ScriptedSender(lambda _: answered(200))
    house.sender = AuthenticatedSender(inner, MemoryTokens(), house.clock)
    yield inner
    house.sender.stop(0)


def test_a_test_sends_the_credential_to_a_url_and_says_status_and_timings(
    house: House, scripted: ScriptedSender
) -> None:
    add(house)
    exchange = answered(404, body=b"canary-body")
    exchange.timings = Timings(1.0, 2.0, 3.0, 4.0, 5.0)
    scripted.script = lambda _: exchange
    answer = house.call("POST", "/v1/credentials/crm/test", json={"url": "https://crm.example/me"})
    assert answer.json() == {
        "kind": "basic",
        "ok": True,
        "token": None,
        "answer": {
            "status": 404,
            "error": None,
            "detail": None,
            "timings": {"dns_ms": 1.0, "connect_ms": 2.0, "tls_ms": 3.0, "first_byte_ms": 4.0, "total_ms": 5.0},
        },
    }
    [request] = scripted.requests
    assert (request.method, request.url) == ("GET", "https://crm.example/me")
    assert dict(request.headers)["User-Agent"] == "Onhook/1.2.3"
    scripted.script = lambda _: answered(403)
    assert house.call("POST", "/v1/credentials/crm/test", json={"url": "https://crm.example/me"}).json()["ok"] is False


def test_a_test_of_a_fetching_kind_says_until_when_the_token_is_good_and_not_the_token(
    house: House, scripted: ScriptedSender
) -> None:
    house.call("POST", "/v1/credentials", json=credential_document("oauth2_client_credentials"))
    scripted.script = lambda _: answered(200, body=b'{"access_token":"canary-token","expires_in":600}')
    answer = house.call("POST", "/v1/credentials/crm/test")
    assert answer.json() == {
        "kind": "oauth2_client_credentials",
        "ok": True,
        "token": {"obtained": True, "expires_at": "2026-11-20T12:10:00Z", "error": None, "detail": None},
        "answer": None,
    }
    scripted.script = lambda _: Exchange(error=ErrorWord.DNS, detail="the name was not found")
    answer = house.call("POST", "/v1/credentials/crm/test", json={"url": "https://crm.example/me"})
    assert answer.json()["token"] == {
        "obtained": False,
        "expires_at": None,
        "error": "dns",
        "detail": "no access token: the name was not found",
    }
    assert (answer.json()["ok"], answer.json()["answer"]) == (False, None)


@pytest.mark.parametrize("url", ["ftp://crm.example/", "https://u:canary@crm.example/", "nothing", 7, "https://a b/"])
def test_a_test_asks_no_address_that_is_none(house: House, scripted: ScriptedSender, url: Any) -> None:
    add(house)
    answer = house.call("POST", "/v1/credentials/crm/test", json={"url": url})
    assert (answer.status_code, scripted.requests, "canary" in answer.text) == (422, [], False)
