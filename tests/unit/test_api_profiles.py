from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.api.merge_patch import merge_patch
from dispatcher.domain.profile import parse_profile
from dispatcher.tokens import Scope
from tests.unit.api_house import NOON, PROFILE, WORKSPACE, House, problem
from tests.unit.doubles import spec

DOCUMENT = parse_profile(PROFILE, ENGINES).document
SHOWN = {
    **DOCUMENT,
    "revision": 1,
    "disabled_reason": None,
    "created_at": "2026-11-20T12:00:00Z",
    "updated_at": "2026-11-20T12:00:00Z",
}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def stored(house: House, name: str = "crm") -> dict[str, Any] | None:
    saved = house.store.profile(WORKSPACE, name)
    return saved.profile.spec.document if saved else None


def test_a_new_profile_is_201_and_shown_with_its_defaults(house: House) -> None:
    answer = house.call("POST", "/v1/profiles", Scope.WRITE, json=PROFILE)
    assert (answer.status_code, answer.json()) == (201, SHOWN)
    assert house.call("GET", "/v1/profiles/crm", Scope.READ).json() == SHOWN


def test_a_taken_name_is_409_and_leaves_the_first(house: House) -> None:
    house.add_profile()
    answer = house.call("POST", "/v1/profiles", json={**PROFILE, "description": "another"})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert stored(house) == DOCUMENT


def test_a_bad_profile_is_422_with_every_fault_and_is_not_saved(house: House) -> None:
    bad = {**PROFILE, "timeout_seconds": 0, "colour": "red"}
    answer = house.call("POST", "/v1/profiles", json=bad)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The profile is refused; nothing was changed."
    assert {each["field"] for each in answer.json()["errors"]} == {"timeout_seconds", "colour"}
    assert stored(house) is None


def test_a_template_that_names_no_field_is_422_when_it_is_saved(house: House) -> None:
    request = {**PROFILE["request"], "url": "https://crm.example/{{ call.nonsense }}"}
    answer = house.call("POST", "/v1/profiles", json={**PROFILE, "request": request})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "request.url"
    assert stored(house) is None


def test_put_replaces_the_whole_profile_in_a_new_revision(house: House) -> None:
    house.add_profile(description="first", timeout_seconds=3)
    house.clock.pass_seconds(60)
    answer = house.call("PUT", "/v1/profiles/crm", Scope.WRITE, json={**PROFILE, "description": "second"})
    assert answer.status_code == 200
    assert answer.json() == {
        **SHOWN,
        "description": "second",
        "revision": 2,
        "updated_at": "2026-11-20T12:01:00Z",
    }


def test_an_answer_can_be_edited_and_put_back(house: House) -> None:
    house.add_profile()
    shown = house.call("GET", "/v1/profiles/crm").json()
    answer = house.call("PUT", "/v1/profiles/crm", json={**shown, "timeout_seconds": 3})
    assert answer.json() == {**SHOWN, "timeout_seconds": 3, "revision": 2}


def test_the_same_document_makes_no_revision(house: House) -> None:
    house.add_profile()
    assert house.call("PUT", "/v1/profiles/crm", json=PROFILE).json() == SHOWN


def test_put_neither_makes_nor_renames_a_profile(house: House) -> None:
    assert house.call("PUT", "/v1/profiles/crm", json=PROFILE).status_code == 404
    house.add_profile()
    answer = house.call("PUT", "/v1/profiles/crm", json={**PROFILE, "name": "other"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "name"
    assert (stored(house), stored(house, "other")) == (DOCUMENT, None)


def test_patch_merges_and_null_resets_to_the_default(house: House) -> None:
    house.add_profile(timeout_seconds=3, limits={"per_second": 20, "concurrency": 10})
    patch = {"description": "mended", "timeout_seconds": None, "limits": {"per_second": 5}}
    answer = house.call("PATCH", "/v1/profiles/crm", Scope.WRITE, json=patch)
    assert answer.status_code == 200
    assert answer.json() == {
        **SHOWN,
        "description": "mended",
        "limits": {"per_second": 5, "concurrency": 10},
        "revision": 2,
    }


@pytest.mark.parametrize("patch", [[], "text", 5, None])
def test_a_patch_that_is_no_object_is_422(house: House, patch: object) -> None:
    house.add_profile()
    assert house.call("PATCH", "/v1/profiles/crm", json=patch).status_code in {400, 422}
    assert stored(house) == DOCUMENT


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # The examples of RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_is_that_of_the_standard(target: object, patch: object, merged: object) -> None:
    assert merge_patch(target, patch) == merged


def test_disable_and_enable_are_revisions(house: House) -> None:
    house.add_profile()
    off = house.call("POST", "/v1/profiles/crm/disable", Scope.WRITE).json()
    assert (off["enabled"], off["revision"]) == (False, 2)
    on = house.call("POST", "/v1/profiles/crm/enable", Scope.WRITE).json()
    assert (on["enabled"], on["revision"], on["disabled_reason"]) == (True, 3, None)


def test_a_profile_that_today_would_be_refused_can_still_be_disabled(house: House) -> None:
    request = {"method": "POST", "url": "https://crm.example/{{ call.of_older_rules }}"}
    house.store.create_profile(WORKSPACE, spec("crm", request=request), NOON)
    assert house.call("PATCH", "/v1/profiles/crm", Scope.WRITE, json={"description": "x"}).status_code == 422
    off = house.call("POST", "/v1/profiles/crm/disable", Scope.WRITE)
    assert (off.status_code, off.json()["enabled"], off.json()["revision"]) == (200, False, 2)


def test_a_profile_that_was_switched_off_for_a_410_says_why(house: House) -> None:
    house.add_profile()
    saved = house.store.profile(WORKSPACE, "crm")
    assert saved is not None
    house.store.disable_profile(saved.profile.id, saved.profile.revision, "its target answered 410", NOON)
    shown = house.call("GET", "/v1/profiles/crm").json()
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "its target answered 410")


def test_a_clone_equals_its_original_but_for_its_name_and_revision(house: House) -> None:
    house.add_profile(description="of the CRM")
    house.call("PATCH", "/v1/profiles/crm", json={"timeout_seconds": 3})
    answer = house.call("POST", "/v1/profiles/crm/clone", Scope.WRITE, json={"name": "crm-2"})
    expected = {**SHOWN, "name": "crm-2", "description": "of the CRM", "timeout_seconds": 3}
    assert (answer.status_code, answer.json()) == (201, expected)
    again = house.call("POST", "/v1/profiles/crm/clone", json={"name": "crm-2"})
    assert again.status_code == 409
    nameless = house.call("POST", "/v1/profiles/crm/clone", json={})
    assert nameless.json()["errors"] == [{"field": "name", "expected": "the name of the copy", "got": "nothing"}]


def test_what_else_is_given_is_merged_into_the_clone_and_the_original_stays(house: House) -> None:
    house.add_profile()
    given = {"name": "staging", "enabled": False, "request": {"url": "https://staging.example/"}, "revision": 9}
    clone = house.call("POST", "/v1/profiles/crm/clone", json=given).json()
    shown = (clone["request"]["url"], clone["request"]["method"], clone["enabled"], clone["revision"])
    assert shown == ("https://staging.example/", "POST", False, 1)
    assert house.call("GET", "/v1/profiles/crm").json()["request"]["url"] == "https://crm.example/calls"
    unknown = house.call("POST", "/v1/profiles/crm/clone", json={"name": "b", "colour": "red"})
    assert [each["field"] for each in unknown.json()["errors"]] == ["colour"]
    assert house.call("POST", "/v1/profiles/nowhere/clone", json={"name": "b"}).status_code == 404


def test_revisions_are_listed_newest_first(house: House) -> None:
    house.add_profile()
    house.call("PATCH", "/v1/profiles/crm", json={"timeout_seconds": 3})
    items = house.call("GET", "/v1/profiles/crm/revisions", Scope.READ).json()["items"]
    assert [(each["revision"], each["document"]["timeout_seconds"]) for each in items] == [(2, 3), (1, 10)]


def test_profiles_are_paged_by_name(house: House) -> None:
    for name in ("c", "a", "b"):
        house.add_profile(name)
    first = house.call("GET", "/v1/profiles?limit=2", Scope.READ).json()
    second = house.call("GET", f"/v1/profiles?limit=2&cursor={first['next']}", Scope.READ).json()
    assert [each["name"] for each in first["items"]] == ["a", "b"]
    assert ([each["name"] for each in second["items"]], second["next"]) == (["c"], None)


def test_a_deleted_profile_is_gone_and_its_open_deliveries_are_discarded(house: House) -> None:
    house.add_profile()
    (one,) = house.evaluate(house.post_event())
    assert house.call("DELETE", "/v1/profiles/crm", Scope.WRITE).status_code == 204
    assert house.call("GET", "/v1/profiles/crm").json() == problem(404, "Not Found", "There is no such profile.")
    shown = house.store.delivery(WORKSPACE, one)
    assert shown is not None
    assert shown["state"] == "discarded"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/profiles/nowhere"),
        ("DELETE", "/v1/profiles/nowhere"),
        ("POST", "/v1/profiles/nowhere/enable"),
        ("POST", "/v1/profiles/nowhere/disable"),
        ("GET", "/v1/profiles/nowhere/revisions"),
        ("GET", "/v1/profiles/nowhere/signing-secret"),
        ("POST", "/v1/profiles/nowhere/signing-secret/rotate"),
    ],
)
def test_a_profile_that_does_not_exist_is_404_and_leaves_no_trace(house: House, method: str, path: str) -> None:
    answer = house.call(method, path)
    assert answer.json() == problem(404, "Not Found", "There is no such profile.")
    assert house.store.audit_log == []


def test_the_signing_secret_is_shown_to_admin_alone_and_each_look_is_noted(house: House) -> None:
    house.add_profile()
    for scope in (Scope.READ, Scope.WRITE, Scope.INGEST):
        assert house.call("GET", "/v1/profiles/crm/signing-secret", scope).status_code == 403
    assert house.store.audit_log == []
    answer = house.call("GET", "/v1/profiles/crm/signing-secret", Scope.ADMIN)
    assert answer.json() == {"current": "whsec_" + "A" * 43 + "=", "previous": None}
    assert answer.headers["cache-control"] == "no-store"
    token_id = house.minted[Scope.ADMIN].token.id
    assert house.store.audit_log == [(token_id, "signing_secret.read", "crm")]


def test_a_rotated_signing_secret_overlaps_with_the_previous_one(house: House) -> None:
    house.add_profile()
    before = house.call("GET", "/v1/profiles/crm/signing-secret").json()["current"]
    path = "/v1/profiles/crm/signing-secret/rotate"
    rotated = house.call("POST", path, json={"overlap_seconds": 60}).json()
    assert rotated["previous"] == before
    assert rotated["current"] not in {before, None}
    house.clock.pass_seconds(60)
    after = house.call("GET", "/v1/profiles/crm/signing-secret").json()
    assert after == {"current": rotated["current"], "previous": None}
    assert house.call("POST", path, json={"overlap_seconds": -1}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/profiles", "read"),
        ("GET", "/v1/profiles/crm", "read"),
        ("POST", "/v1/profiles", "write"),
        ("PUT", "/v1/profiles/crm", "write"),
        ("PATCH", "/v1/profiles/crm", "write"),
        ("DELETE", "/v1/profiles/crm", "write"),
        ("POST", "/v1/profiles/crm/enable", "write"),
        ("POST", "/v1/profiles/crm/disable", "write"),
        ("POST", "/v1/profiles/crm/clone", "write"),
    ],
)
def test_each_operation_on_profiles_wants_its_scope(house: House, method: str, path: str, scope: str) -> None:
    house.add_profile()
    for other in set(Scope) - {Scope.ADMIN, Scope(scope)}:
        answer = house.call(method, path, other, json=PROFILE) if method != "GET" else house.call(method, path, other)
        assert answer.json() == problem(403, "Forbidden", f"The token has not the scope {scope}.")
    assert house.call(method, path, None).status_code == 401
    assert stored(house) == DOCUMENT


def test_a_follower_is_saved_beside_the_profile_it_follows_and_keeps_it_from_being_deleted(house: House) -> None:
    follower = {**PROFILE, "name": "attach", "follow": {"profile": "crm"}}
    refused = house.call("POST", "/v1/profiles", json=follower)
    assert (refused.status_code, [fault["field"] for fault in refused.json()["errors"]]) == (422, ["follow.profile"])
    house.add_profile()
    assert house.call("POST", "/v1/profiles", json=follower).status_code == 201
    kept = house.call("DELETE", "/v1/profiles/crm")
    assert (kept.status_code, kept.json()["detail"]) == (409, "crm is followed by attach: change or delete these first")
    cycle = house.call("PATCH", "/v1/profiles/crm", json={"follow": {"profile": "attach"}})
    assert (cycle.status_code, cycle.json()["errors"][0]["field"]) == (422, "follow.profile")
    assert stored(house) == DOCUMENT
    assert house.call("DELETE", "/v1/profiles/attach").status_code == 204
    assert house.call("DELETE", "/v1/profiles/crm").status_code == 204
