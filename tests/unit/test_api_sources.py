from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.tokens import Scope
from tests.unit.api_house import House, problem

FREESWITCH: dict[str, Any] = {
    "name": "fs",
    "format": "freeswitch",
    "auth": {"kind": "basic", "username": "pbx", "password": "hunter2"},
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "config": {"recording_base_url": "https://rec.example/"},
}
MASKED = {**FREESWITCH, "auth": {"kind": "basic", "username": "pbx", "password": "********"}}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def test_a_new_source_is_201_and_its_secret_is_never_shown(house: House) -> None:
    answer = house.call("POST", "/v1/sources", json=FREESWITCH)
    assert (answer.status_code, answer.json()) == (201, MASKED)
    assert house.call("GET", "/v1/sources/fs", Scope.READ).json() == MASKED
    assert "hunter2" not in house.call("GET", "/v1/sources", Scope.READ).text
    assert house.store.saved_sources["fs"].auth == FREESWITCH["auth"]


def test_a_source_takes_defaults_and_is_closed_without_auth(house: House) -> None:
    answer = house.call("POST", "/v1/sources", json={"name": "tw", "format": "twilio"})
    assert answer.json() == {
        "name": "tw",
        "format": "twilio",
        "auth": None,
        "time_zone": "UTC",
        "country": None,
        "config": {},
    }


def test_a_new_source_takes_posts_at_once_even_if_it_was_asked_for_before(house: House) -> None:
    path, given = "/v1/sources/fs/events", {"content": b"hello", "auth": ("pbx", "hunter2")}
    assert house.call("POST", path, None, **given).status_code == 404
    house.call("POST", "/v1/sources", json=FREESWITCH)
    assert house.call("POST", path, None, **given).status_code == 200
    changed = {**FREESWITCH, "auth": {**FREESWITCH["auth"], "password": "another"}}
    house.call("PUT", "/v1/sources/fs", json=changed)
    assert house.call("POST", path, None, **given).status_code == 401
    assert house.call("DELETE", "/v1/sources/fs").status_code == 204
    assert house.call("POST", path, None, **given).status_code == 404


def test_a_taken_name_is_409(house: House) -> None:
    house.call("POST", "/v1/sources", json=FREESWITCH)
    answer = house.call("POST", "/v1/sources", json={"name": "fs", "format": "twilio"})
    assert answer.json() == problem(409, "Conflict", "There is a source 'fs' already.")
    assert house.store.saved_sources["fs"].format == "freeswitch"


def test_a_masked_secret_that_is_put_back_stays_what_it_is(house: House) -> None:
    house.call("POST", "/v1/sources", json=FREESWITCH)
    identifier = house.store.saved_sources["fs"].id
    answer = house.call("PUT", "/v1/sources/fs", json={**MASKED, "country": "AT"})
    assert (answer.status_code, answer.json()) == (200, {**MASKED, "country": "AT"})
    saved = house.store.saved_sources["fs"]
    assert (saved.id, saved.auth, saved.country) == (identifier, FREESWITCH["auth"], "AT")


@pytest.mark.parametrize("secret", ["auth_token", "password"])
def test_a_mask_without_a_secret_behind_it_is_422(house: House, secret: str) -> None:
    kind = {"auth_token": "twilio", "password": "basic"}[secret]
    auth = {"kind": kind, secret: "********", **({"username": "x"} if kind == "basic" else {})}
    answer = house.call("POST", "/v1/sources", json={"name": "tw", "format": "twilio", "auth": auth})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "auth")
    assert "tw" not in house.store.saved_sources


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"name": "No Spaces"}, "name"),
        ({"name": None}, "name"),
        ({"format": "fax"}, "format"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": 5}, "time_zone"),
        ({"country": "Germany"}, "country"),
        ({"config": []}, "config"),
        ({"config": "x"}, "config"),
        ({"config": {"numbers": {"outside_line": 9}}}, "config.numbers.outside_line"),
        ({"config": {"numbers": {"assume": True}}}, "config.numbers.assume"),
        ({"auth": {"kind": "magic"}}, "auth.kind"),
        ({"auth": {"kind": "basic", "username": "x"}}, "auth.password"),
        ({"auth": {"kind": "basic", "username": "x", "password": "y", "salt": "z"}}, "auth.salt"),
        ({"auth": {"kind": "twilio", "auth_token": "x"}}, "auth.kind"),
        ({"auth": "open"}, "auth"),
        ({"colour": "red"}, "colour"),
        ({"config": {"recording_base": "https://rec.example/"}}, "config.recording_base"),
        ({"config": {"scrub": "no"}}, "config.scrub"),
        ({"format": "generic", "auth": None, "config": {"quiet_seconds": 5}}, "config.quiet_seconds"),
        ({"config": {"numbers": {"outside_line": 0}}}, "config.numbers.outside_line"),
        ({"format": "mapped", "auth": None, "config": {}}, "config.event"),
        (
            {"auth": {"kind": "all", "of": [{"kind": "basic", "username": "x"}, {"kind": "token"}]}},
            "auth.of[0].password",
        ),
        ({"auth": {"kind": "all", "of": [{"kind": "plivo", "auth_token": "x"}, {"kind": "token"}]}}, "auth.of[0].kind"),
    ],
)
def test_a_bad_source_is_422_by_name_and_is_not_saved(house: House, over: dict[str, Any], field: str) -> None:
    answer = house.call("POST", "/v1/sources", json={**FREESWITCH, **over})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert list(house.store.saved_sources) == ["default"]


def test_a_member_that_is_misspelt_is_refused_with_the_nearest(house: House) -> None:
    answer = house.call("POST", "/v1/sources", json={**FREESWITCH, "config": {"inbound_context": []}})
    [error] = answer.json()["errors"]
    assert error["expected"] == "no such member (did you mean inbound_contexts?)"


def test_a_mask_inside_of_several_checks_stays_what_it_is(house: House) -> None:
    addresses = {"kind": "ip_allow", "networks": ["192.0.2.0/24"]}
    auth = {"kind": "all", "of": [FREESWITCH["auth"], addresses]}
    house.call("POST", "/v1/sources", json={**FREESWITCH, "auth": auth})
    shown = house.call("GET", "/v1/sources/fs").json()
    assert shown["auth"] == {"kind": "all", "of": [MASKED["auth"], addresses]}
    assert house.call("PUT", "/v1/sources/fs", json={**shown, "country": "AT"}).status_code == 200
    assert house.store.saved_sources["fs"].auth == auth


def test_a_refusal_does_not_quote_a_secret(house: House) -> None:
    auth = {"kind": "basic", "username": "a:b", "password": ["hunter2"]}
    answer = house.call("POST", "/v1/sources", json={**FREESWITCH, "auth": auth})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_put_neither_makes_nor_renames_a_source(house: House) -> None:
    assert house.call("PUT", "/v1/sources/fs", json=FREESWITCH).status_code == 404
    house.call("POST", "/v1/sources", json=FREESWITCH)
    answer = house.call("PUT", "/v1/sources/fs", json={**FREESWITCH, "name": "other"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")
    assert "other" not in house.store.saved_sources


def test_the_source_of_events_that_name_none_cannot_be_removed(house: House) -> None:
    assert house.call("DELETE", "/v1/sources/default").status_code == 409
    assert "default" in house.store.saved_sources


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/sources"), ("PUT", "/v1/sources/fs"), ("DELETE", "/v1/sources/fs")]
)
@pytest.mark.parametrize("scope", [Scope.INGEST, Scope.READ, Scope.WRITE])
def test_changing_sources_is_for_admin_alone(house: House, method: str, path: str, scope: Scope) -> None:
    answer = house.call(method, path, scope)
    assert answer.json() == problem(403, "Forbidden", "The token has not the scope admin.")
