from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dispatcher.api.gate import Usage
from dispatcher.ports import StoreUnavailable
from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, NOON, House, problem


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def created(house: House) -> Any:
    answer = house.call("POST", "/v1/tokens", json={"name": "pbx", "scopes": ["ingest"]})
    assert answer.status_code == 201
    return answer.json()


def post_event(house: House, token: Any, secret: str) -> int:
    answer = house.call("POST", "/v1/events", None, json=FINISHED, auth=(token["token"], token[secret]))
    return int(answer.status_code)


def test_a_new_token_is_shown_once_with_both_secrets_and_works_at_once(house: House) -> None:
    token = created(house)
    assert token == {
        "id": token["token"],
        "token": token["token"],
        "name": "pbx",
        "scopes": ["ingest"],
        "created_at": "2026-11-20T12:00:00Z",
        "revoked_at": None,
        "requests": 0,
        "last_used_at": None,
        "secret_1": token["secret_1"],
        "secret_2": token["secret_2"],
    }
    assert [post_event(house, token, secret) for secret in ("secret_1", "secret_2")] == [202, 202]
    listed = house.call("GET", "/v1/tokens").text
    assert token["token"] in listed
    assert token["secret_1"] not in listed
    assert "digest" not in listed


def test_a_rotated_secret_replaces_the_old_one_at_once_and_leaves_the_other(house: House) -> None:
    token = created(house)
    assert post_event(house, token, "secret_2") == 202
    answer = house.call("POST", f"/v1/tokens/{token['id']}/secrets/2/rotate")
    assert (answer.status_code, list(answer.json())) == (200, ["secret_2"])
    assert post_event(house, token, "secret_2") == 401
    assert post_event(house, {**token, **answer.json()}, "secret_2") == 202
    assert post_event(house, token, "secret_1") == 202


def test_a_revoked_token_is_refused_at_once_and_stays_in_the_list(house: House) -> None:
    token = created(house)
    assert post_event(house, token, "secret_1") == 202
    assert house.call("DELETE", f"/v1/tokens/{token['id']}").status_code == 204
    assert post_event(house, token, "secret_1") == 401
    (listed,) = [each for each in house.call("GET", "/v1/tokens").json()["items"] if each["id"] == token["id"]]
    assert listed["revoked_at"] == "2026-11-20T12:00:00Z"
    again = house.call("DELETE", f"/v1/tokens/{token['id']}")
    assert again.json() == problem(404, "Not Found", "There is no such token.")


def test_the_list_counts_every_request_up_to_this_moment(house: House) -> None:
    token = created(house)
    house.clock.pass_seconds(60)
    for _ in range(3):
        post_event(house, token, "secret_1")
    (listed,) = [each for each in house.call("GET", "/v1/tokens").json()["items"] if each["id"] == token["id"]]
    assert (listed["requests"], listed["last_used_at"]) == (3, "2026-11-20T12:01:00Z")


def test_a_request_with_a_wrong_secret_is_not_counted(house: House) -> None:
    token = created(house)
    assert post_event(house, {**token, "secret_1": "os_x"}, "secret_1") == 401
    (listed,) = [each for each in house.call("GET", "/v1/tokens").json()["items"] if each["id"] == token["id"]]
    assert listed["requests"] == 0


def test_use_that_could_not_be_written_is_written_with_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    usage, store = Usage(house.store), house.store
    token_id = house.minted[Scope.READ].token.id
    later = NOON + timedelta(seconds=1)

    def away(_: object) -> None:
        usage.count(token_id, later)
        raise StoreUnavailable("gone after a request came in")

    usage.count(token_id, NOON)
    usage.count(token_id, NOON)
    with monkeypatch.context() as patch:
        patch.setattr(store, "count_token_use", away)
        usage.flush()
    usage.flush()
    usage.flush()
    token = store.saved_tokens[token_id]
    assert (token.requests, token.last_used_at) == (3, later)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "scopes"}),
        ({"name": "", "scopes": []}, {"name", "scopes"}),
        ({"name": "x", "scopes": ["root"]}, {"scopes[0]"}),
        ({"name": "x", "scopes": ["read"], "secret": "mine"}, {"secret"}),
        ([], {""}),
    ],
)
def test_a_bad_token_is_422_by_name_and_none_is_made(house: House, body: object, fields: set[str]) -> None:
    before = len(house.store.saved_tokens)
    answer = house.call("POST", "/v1/tokens", json=body)
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == fields
    assert len(house.store.saved_tokens) == before


@pytest.mark.parametrize("which", ["0", "3", "one"])
def test_there_are_two_secrets(house: House, which: str) -> None:
    token = created(house)
    assert house.call("POST", f"/v1/tokens/{token['id']}/secrets/{which}/rotate").status_code == 404
    assert [post_event(house, token, secret) for secret in ("secret_1", "secret_2")] == [202, 202]


@pytest.mark.parametrize("scope", [Scope.INGEST, Scope.READ, Scope.WRITE])
def test_tokens_are_for_admin_alone(house: House, scope: Scope) -> None:
    token = created(house)
    refused = problem(403, "Forbidden", "The token has not the scope admin.")
    assert house.call("GET", "/v1/tokens", scope).json() == refused
    assert house.call("POST", "/v1/tokens", scope, json={"name": "x", "scopes": ["admin"]}).json() == refused
    assert house.call("DELETE", f"/v1/tokens/{token['id']}", scope).json() == refused
    assert house.call("POST", f"/v1/tokens/{token['id']}/secrets/1/rotate", scope).json() == refused
    assert post_event(house, token, "secret_1") == 202


def test_what_admins_do_to_tokens_is_in_the_audit_log(house: House) -> None:
    token = created(house)
    house.call("POST", f"/v1/tokens/{token['id']}/secrets/1/rotate")
    house.call("DELETE", f"/v1/tokens/{token['id']}")
    admin = house.minted[Scope.ADMIN].token.id
    assert house.store.audit_log == [
        (admin, "token.created", token["id"]),
        (admin, "token.secret_rotated", f"{token['id']} 1"),
        (admin, "token.revoked", token["id"]),
    ]
