from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from dispatcher.domain.delivery import State
from dispatcher.tokens import Scope
from tests.unit.api_house import NOON, WORKSPACE, House, problem


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        house.add_profile()
        yield house


def made(house: House, count: int, **call: object) -> list[UUID]:
    """Deliveries of events a second apart, oldest first."""
    ids: list[UUID] = []
    for _ in range(count):
        house.clock.pass_seconds(1)
        ids += house.evaluate(house.post_event(f"e{house.clock().timestamp()}", **call))
    return ids


def listed(house: House, query: str) -> list[str]:
    answer = house.call("GET", f"/v1/deliveries?{query}", Scope.READ)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def state_of(house: House, delivery_id: UUID) -> str:
    shown = house.store.delivery(WORKSPACE, delivery_id)
    assert shown is not None
    return str(shown["state"])


def test_a_delivery_shows_what_became_of_it(house: House) -> None:
    event_id = house.post_event()
    (one,) = house.evaluate(event_id)
    answer = house.call("GET", f"/v1/deliveries/{one}", Scope.READ)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(one),
        "event_id": str(event_id),
        "source_event_id": "a1b2-hangup",
        "event_type": "call.finished",
        "call_id": "7f9c",
        "partial": False,
        "outputs": None,
        "profile": "crm",
        "revision": 1,
        "state": "pending",
        "reason": None,
        "attempts": 0,
        "due_at": "2026-11-20T12:00:00Z",
        "created_at": "2026-11-20T12:00:00Z",
        "finished_at": None,
        "erased_at": None,
        "test": False,
    }
    attempts = house.call("GET", f"/v1/deliveries/{one}/attempts", Scope.READ)
    assert attempts.json() == {"items": [], "next": None}


def test_deliveries_are_listed_newest_first_in_pages(house: House) -> None:
    ids = [str(each) for each in made(house, 5)]
    seen: list[str] = []
    path = "/v1/deliveries?limit=2"
    page = house.call("GET", path, Scope.READ).json()
    pages = 1
    while page["next"] is not None:
        seen += [each["id"] for each in page["items"]]
        page = house.call("GET", f"{path}&cursor={page['next']}", Scope.READ).json()
        pages += 1
    assert [*seen, *(each["id"] for each in page["items"])] == ids[::-1]
    assert pages == 3


def test_each_filter_restricts_and_they_hold_together(house: House) -> None:
    house.add_profile("other")
    first = made(house, 1, id="c1")
    second = made(house, 1, id="c2")
    house.settle(second[:1])
    by_profile = {str(each): (house.store.delivery(WORKSPACE, each) or {})["profile"] for each in first + second}
    everything = {str(each) for each in first + second}
    assert set(listed(house, "")) == everything
    assert set(listed(house, "state=dead")) == {str(second[0])}
    assert set(listed(house, "profile=other")) == {each for each in everything if by_profile[each] == "other"}
    assert set(listed(house, "call_id=c1")) == {str(each) for each in first}
    event_id = (house.store.delivery(WORKSPACE, first[0]) or {})["event_id"]
    assert set(listed(house, f"event_id={event_id}")) == {str(each) for each in first}
    moment = (NOON + timedelta(seconds=2)).isoformat().replace("+00:00", "Z")
    assert set(listed(house, f"since={moment}")) == {str(each) for each in second}
    assert set(listed(house, f"until={moment}")) == {str(each) for each in first}
    assert listed(house, "call_id=c1&state=dead") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=lost", "state"),
        ("event_id=7", "event_id"),
        ("since=yesterday", "since"),
        ("until=2026-11-20", "until"),
        ("profile=", "profile"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%C3%BC", "cursor"),
    ],
)
def test_a_bad_filter_limit_or_cursor_is_422_that_names_it(house: House, query: str, field: str) -> None:
    answer = house.call("GET", f"/v1/deliveries?{query}", Scope.READ)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_a_final_delivery_is_replayed_and_hinted(house: House) -> None:
    (one,) = made(house, 1)
    house.settle([one])
    answer = house.call("POST", f"/v1/deliveries/{one}/replay", Scope.WRITE)
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (202, "pending", "replayed")
    assert [ids for _, ids in house.hints.deliveries] == [[one]]


def test_replaying_an_open_delivery_is_409(house: House) -> None:
    (one,) = made(house, 1)
    answer = house.call("POST", f"/v1/deliveries/{one}/replay", Scope.WRITE)
    detail = "Only a final delivery can be replayed, and only while its profile exists."
    assert answer.json() == problem(409, "Conflict", detail)
    assert house.hints.deliveries == []


def test_an_open_delivery_is_discarded_with_the_reason_given_or_who_did_it(house: House) -> None:
    first, second = made(house, 2)
    given = house.call("POST", f"/v1/deliveries/{first}/discard", Scope.WRITE, json={"reason": "a test call"})
    assert (given.status_code, given.json()["state"], given.json()["reason"]) == (200, "discarded", "a test call")
    bare = house.call("POST", f"/v1/deliveries/{second}/discard", Scope.WRITE)
    assert (bare.json()["state"], bare.json()["reason"]) == ("discarded", "discarded by token write")


def test_discarding_a_final_delivery_is_409_and_changes_nothing(house: House) -> None:
    (one,) = made(house, 1)
    house.settle([one], State.DELIVERED)
    answer = house.call("POST", f"/v1/deliveries/{one}/discard", Scope.WRITE)
    assert (answer.status_code, state_of(house, one)) == (409, "delivered")


def test_replaying_a_delivery_of_a_deleted_profile_is_409_and_a_filter_leaves_it_out(house: House) -> None:
    (one,) = made(house, 1)
    house.settle([one])
    house.call("DELETE", "/v1/profiles/crm", Scope.WRITE)
    answer = house.call("POST", f"/v1/deliveries/{one}/replay", Scope.WRITE)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    done = house.call("POST", "/v1/deliveries/replay", Scope.WRITE, json={"filter": {"profile": "crm"}})
    assert done.json() == {"count": 0}
    assert house.call("GET", f"/v1/deliveries/{one}", Scope.READ).json()["state"] == "dead"
    assert house.hints.deliveries == []


@pytest.mark.parametrize("delivery_id", ["00000000-0000-4000-8000-000000000000", "no-id", "replay"])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("GET", "/attempts"), ("POST", "/replay")])
def test_a_delivery_that_does_not_exist_is_404(house: House, delivery_id: str, method: str, rest: str) -> None:
    answer = house.call(method, f"/v1/deliveries/{delivery_id}{rest}")
    assert answer.json() == problem(404, "Not Found", "There is no such delivery.")


def test_a_delivery_of_another_workspace_does_not_exist(house: House) -> None:
    (one,) = made(house, 1)
    stranger = house.mint("admin", workspace_id=UUID(int=9))
    answer = house.call("GET", f"/v1/deliveries/{one}", None, auth=(stranger.token.id, stranger.secret_1))
    assert answer.status_code == 404


def test_a_replay_by_filter_counts_first_and_then_does(house: House) -> None:
    dead, delivered = made(house, 2)
    house.settle([dead])
    house.settle([delivered], State.DELIVERED)
    wanted = {"filter": {"state": "dead", "profile": "crm"}}
    dry = house.call("POST", "/v1/deliveries/replay", Scope.WRITE, json={**wanted, "dry_run": True})
    assert (dry.status_code, dry.json(), state_of(house, dead)) == (200, {"count": 1}, "dead")
    done = house.call("POST", "/v1/deliveries/replay", Scope.WRITE, json=wanted)
    assert (done.json(), state_of(house, dead), state_of(house, delivered)) == ({"count": 1}, "pending", "delivered")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "filter"),
        ({"filter": None}, "filter"),
        ({"filter": {}}, "filter"),
        ({"filter": {"profiles": "crm"}}, "filter.profiles"),
        ({"filter": {"profile": ""}}, "filter.profile"),
        ({"filter": {"profile": None}}, "filter.profile"),
        ({"filter": {"state": "lost"}}, "filter.state"),
        ({"filter": {"state": "pending"}}, "filter.state"),
        ({"filter": {"event_id": 5}}, "filter.event_id"),
        ({"filter": {"since": "now"}}, "filter.since"),
        ({"filter": {"state": "dead"}, "dry_run": "yes"}, "dry_run"),
        ({"filter": {"state": "dead"}, "dryrun": True}, "dryrun"),
        ([], ""),
    ],
)
def test_a_filter_that_is_empty_or_unknown_is_422_by_name_and_nothing_is_replayed(
    house: House, body: object, field: str
) -> None:
    (one,) = made(house, 1)
    house.settle([one])
    answer = house.call("POST", "/v1/deliveries/replay", Scope.WRITE, json=body)
    assert answer.status_code == 422
    assert field in [each["field"] for each in answer.json()["errors"]]
    assert state_of(house, one) == "dead"


@pytest.mark.parametrize("path", ["/v1/deliveries/replay", "/v1/deliveries/{}/replay", "/v1/deliveries/{}/discard"])
def test_changing_deliveries_wants_the_scope_write(house: House, path: str) -> None:
    (one,) = made(house, 1)
    answer = house.call("POST", path.format(one), Scope.READ, json={"filter": {"state": "pending"}})
    assert answer.json() == problem(403, "Forbidden", "The token has not the scope write.")
    assert state_of(house, one) == "pending"
