"""`POST /v1/profiles/{name}/backtest`: what it tells, whom it tells what, and that nothing comes of it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from dispatcher.tokens import Scope
from tests.unit.api_house import PROFILE, House, problem

CLAUSE = {"field": "call.duration_seconds", "op": "ge", "value": 100}
LONG = {"events": ["call.finished"], "criteria": CLAUSE}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def backtest(house: House, body: Any = None, scope: Scope = Scope.READ, name: str = "crm") -> Any:
    answer = house.call("POST", f"/v1/profiles/{name}/backtest", scope, json={} if body is None else body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def posted(house: House, *durations: int) -> list[UUID]:
    """An event for each duration, a second apart."""
    ids = []
    for duration in durations:
        house.clock.pass_seconds(1)
        ids.append(house.post_event(f"e{duration}", duration_seconds=duration))
    return ids


def test_every_event_is_told_newest_first_with_what_the_profile_says_of_it(house: House) -> None:
    house.add_profile(trigger=LONG)
    long, short = posted(house, 200, 20)
    assert backtest(house) == {
        "events": 2,
        "fired": 1,
        "skipped": {"test": 0, "erased": 0, "private": 0},
        "items": [
            {
                "event_id": str(short),
                "call_id": "7f9c",
                "type": "call.finished",
                "occurred_at": "2026-11-20T10:03:20Z",
                "fired": False,
                "reason": "criteria",
                "verdict": {"clause": CLAUSE, "saw": 20, "held": False},
            },
            {
                "event_id": str(long),
                "call_id": "7f9c",
                "type": "call.finished",
                "occurred_at": "2026-11-20T10:03:20Z",
                "fired": True,
                "reason": None,
                "verdict": {"clause": CLAUSE, "saw": 200, "held": True},
            },
        ],
    }


def test_the_last_events_are_asked_and_no_older_ones(house: House) -> None:
    house.add_profile()
    _, second, third = posted(house, 1, 2, 3)
    assert [each["event_id"] for each in backtest(house, {"limit": 2})["items"]] == [str(third), str(second)]


def test_since_is_included_and_until_is_not(house: House) -> None:
    house.add_profile()
    _, second, _ = posted(house, 1, 2, 3)
    span = {"since": "2026-11-20T12:00:02Z", "until": "2026-11-20T13:00:03+01:00"}
    assert [each["event_id"] for each in backtest(house, span)["items"]] == [str(second)]


def test_an_event_of_another_type_is_not_for_the_profile(house: House) -> None:
    house.add_profile(trigger={"events": ["call.recorded"]})
    posted(house, 1)
    (item,) = backtest(house)["items"]
    assert (item["fired"], item["reason"], item["verdict"]) == (False, "not for call.finished", None)


def test_a_profile_without_criteria_fires_without_a_verdict_also_while_it_is_disabled(house: House) -> None:
    house.add_profile(enabled=False)
    posted(house, 1)
    (item,) = backtest(house)["items"]
    assert (item["fired"], item["reason"], item["verdict"]) == (True, None, None)


def test_a_draft_is_asked_instead_of_the_saved_profile_and_needs_none(house: House) -> None:
    posted(house, 20)
    draft = {**PROFILE, "trigger": LONG}
    assert backtest(house, {"profile": draft}, name="new")["fired"] == 0
    house.add_profile("new", trigger=LONG)
    assert backtest(house, {"profile": PROFILE}, name="new")["fired"] == 1


def test_nothing_is_sent_or_written_or_changed(house: House) -> None:
    house.add_profile(trigger=LONG)
    (event,) = posted(house, 200)
    made = house.evaluate(event)
    before = (house.call("GET", "/v1/stats").json(), house.call("GET", "/v1/profiles/crm").json())
    told = list(house.store.audit_log)
    backtest(house)
    backtest(house, {"profile": PROFILE})
    assert (house.call("GET", "/v1/stats").json(), house.call("GET", "/v1/profiles/crm").json()) == before
    assert list(house.store._deliveries) == made
    assert house.store.audit_log == told


def test_an_event_that_fired_a_private_profile_shows_no_values(house: House) -> None:
    house.add_profile("secret", private=True, trigger=LONG)
    house.add_profile(trigger=LONG)
    for event in posted(house, 200, 20):
        house.evaluate(event)
    short, long = backtest(house)["items"]
    assert short["verdict"] == {"clause": CLAUSE, "saw": 20, "held": False}
    assert long["verdict"] == {"clause": CLAUSE, "held": True}


def test_privacy_is_as_it_was_when_the_event_was_judged_and_as_it_is_until_then(house: House) -> None:
    house.add_profile("secret", private=True)
    house.add_profile(trigger=LONG)
    judged, waiting = posted(house, 200, 201)
    house.evaluate(judged)
    assert [list(each["verdict"]) for each in backtest(house)["items"]] == [["clause", "held"], ["clause", "held"]]
    house.call("DELETE", "/v1/profiles/secret")
    verdicts = {each["event_id"]: list(each["verdict"]) for each in backtest(house)["items"]}
    assert verdicts == {str(judged): ["clause", "held"], str(waiting): ["clause", "saw", "held"]}


def test_an_event_that_is_marked_private_shows_no_values_whatever_became_of_the_profile(house: House) -> None:
    house.add_profile(trigger=LONG)
    (event,) = posted(house, 200)
    house.evaluate(event)
    house.store._events[event].erase_at = house.clock()
    (item,) = backtest(house)["items"]
    assert item["verdict"] == {"clause": CLAUSE, "held": True}


def test_a_private_profile_shows_no_values_and_neither_does_a_private_draft(house: House) -> None:
    house.add_profile(trigger=LONG, private=True, enabled=False)
    posted(house, 20)
    (saved,) = backtest(house)["items"]
    (draft,) = backtest(house, {"profile": {**PROFILE, "trigger": LONG, "private": True}})["items"]
    assert saved["verdict"] == draft["verdict"] == {"clause": CLAUSE, "held": False}


def test_who_may_only_read_cannot_search_private_events_with_drafts(house: House) -> None:
    house.add_profile("secret", private=True)
    (event,) = posted(house, 200)
    house.evaluate(event)
    draft = {"profile": {**PROFILE, "trigger": LONG}}
    assert backtest(house, draft) == {
        "events": 0,
        "fired": 0,
        "skipped": {"test": 0, "erased": 0, "private": 1},
        "items": [],
    }
    assert backtest(house, draft, Scope.ADMIN)["items"][0]["verdict"] == {"clause": CLAUSE, "held": True}


def test_tests_and_erased_events_are_passed_over_and_counted(house: House) -> None:
    house.add_profile(trigger=LONG)
    test, erased, plain = posted(house, 200, 201, 202)
    house.store._events[test].test = True
    house.store._events[erased].event.body, house.store._events[erased].erased_at = b"", house.clock()
    told = backtest(house)
    assert (told["events"], told["skipped"]) == (1, {"test": 1, "erased": 1, "private": 0})
    assert [each["event_id"] for each in told["items"]] == [str(plain)]


def test_another_workspace_s_events_are_not_asked(house: House) -> None:
    house.add_profile()
    (event,) = posted(house, 200)
    house.store._events[event].event.workspace_id = UUID(int=7)
    assert backtest(house)["events"] == 0


def test_without_a_saved_profile_or_a_draft_there_is_nothing_to_ask(house: House) -> None:
    answer = house.call("POST", "/v1/profiles/nobody/backtest", Scope.READ)
    assert answer.json() == problem(404, "Not Found", "There is no such profile.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"since": "yesterday"}, "since"),
        ({"until": 5}, "until"),
        ({"since": "2026-11-20T12:00:00Z", "until": "2026-11-20T12:00:00Z"}, "until"),
        ({"profile": "crm"}, "profile"),
        ({"profile": {**PROFILE, "timeout": 5}}, "timeout"),
        ({"profile": {**PROFILE, "trigger": {"events": ["call.finished"], "criteria": {"any": []}}}}, "trigger"),
        ({"lmit": 5}, "lmit"),
        ([], ""),
    ],
)
def test_a_bad_request_is_refused_by_its_field(house: House, body: Any, field: str) -> None:
    house.add_profile()
    answer = house.call("POST", "/v1/profiles/crm/backtest", Scope.READ, json=body)
    assert answer.status_code == 422
    assert [each["field"].split(".")[0] for each in answer.json()["errors"]] == [field]


def test_it_wants_the_scope_read(house: House) -> None:
    assert house.call("POST", "/v1/profiles/crm/backtest", None).status_code == 401
    assert house.call("POST", "/v1/profiles/crm/backtest", Scope.INGEST).status_code == 403


def test_while_the_database_is_away_it_is_503(house: House) -> None:
    house.add_profile()
    house.store.away = True
    assert house.call("POST", "/v1/profiles/crm/backtest", Scope.READ).status_code == 503
