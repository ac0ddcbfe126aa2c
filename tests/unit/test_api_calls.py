from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.tokens import Scope
from tests.unit.api_house import House, problem

LONG = {"all": [{"field": "call.duration_seconds", "op": "ge", "value": 600}]}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def call_page(house: House, call_id: str = "7f9c") -> Any:
    answer = house.call("GET", f"/v1/calls/{call_id}", Scope.READ)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_call_that_nobody_spoke_of_is_404(house: House) -> None:
    answer = house.call("GET", "/v1/calls/nowhere", Scope.READ)
    assert answer.json() == problem(404, "Not Found", "There is no such call.")


def test_a_call_says_why_each_profile_fired_or_did_not(house: House) -> None:
    house.add_profile("fires")
    house.add_profile("long-only", trigger={"events": ["call.finished"], "criteria": LONG})
    house.add_profile("off", enabled=False)
    house.add_profile("recordings", trigger={"events": ["call.recorded"]})
    house.evaluate(house.post_event())
    (event,) = call_page(house)["events"]
    assert event["evaluated"] is True
    assert event["verdicts"] == [
        {"profile": "fires", "revision": 1, "fired": True, "reason": None, "verdict": None},
        {
            "profile": "long-only",
            "revision": 1,
            "fired": False,
            "reason": "criteria",
            "verdict": {
                "all": [
                    {
                        "clause": {"field": "call.duration_seconds", "op": "ge", "value": 600},
                        "saw": 200,
                        "held": False,
                    }
                ],
                "held": False,
            },
        },
        {"profile": "off", "revision": 1, "fired": False, "reason": "disabled", "verdict": None},
        {
            "profile": "recordings",
            "revision": 1,
            "fired": False,
            "reason": "not for call.finished",
            "verdict": None,
        },
    ]


def test_verdicts_are_those_of_the_profiles_as_they_stood_then(house: House) -> None:
    house.add_profile(trigger={"events": ["call.finished"], "criteria": LONG})
    house.evaluate(house.post_event())
    house.call("PATCH", "/v1/profiles/crm", json={"trigger": {"criteria": None}})
    house.evaluate(house.post_event("later"))
    verdicts = [each["verdicts"][0] for each in call_page(house)["events"]]
    assert [(each["revision"], each["fired"]) for each in verdicts] == [(1, False), (2, True)]


def test_an_event_that_waits_for_evaluation_says_so(house: House) -> None:
    house.add_profile()
    house.post_event()
    (event,) = call_page(house)["events"]
    assert (event["evaluated"], event["verdicts"], event["deliveries"]) == (False, [], [])


def test_each_delivery_comes_with_its_attempts(house: House) -> None:
    house.add_profile()
    (one,) = house.evaluate(house.post_event())
    (event,) = call_page(house)["events"]
    (delivery,) = event["deliveries"]
    assert (delivery["id"], delivery["state"]) == (str(one), "pending")
    assert (delivery["attempts"], delivery["attempts_spent"]) == ([], 0)


def test_a_call_is_put_together_from_its_events_and_what_happened_later_wins(house: House) -> None:
    house.post_event("end", duration_seconds=200, recording={"state": "expected"}, custom={"a": {"b": 1}})
    recorded = {
        "id": "rec",
        "type": "call.recorded",
        "occurred_at": "2026-11-20T10:05:00Z",
        "call": {"id": "7f9c", "recording": {"state": "available", "url": "https://pbx.example/1"}},
    }
    early = {
        "id": "begin",
        "type": "x.began",
        "occurred_at": "2026-11-20T10:00:00Z",
        "call": {"id": "7f9c", "duration_seconds": 0, "custom": {"a": {"c": 2}}},
    }
    for event in (recorded, early):
        assert house.call("POST", "/v1/events", json=event).status_code == 202
    assert call_page(house)["call"] == {
        "id": "7f9c",
        "direction": "inbound",
        "dnis": "+18005551212",
        "duration_seconds": 200,
        "recording": {"state": "available", "url": "https://pbx.example/1"},
        "custom": {"a": {"b": 1, "c": 2}},
    }


def test_a_call_id_may_hold_a_slash(house: House) -> None:
    house.post_event(id="a/b c")
    assert call_page(house, "a/b%20c")["call_id"] == "a/b c"


def test_an_event_is_shown_with_what_it_said(house: House) -> None:
    event_id = house.post_event()
    shown = house.call("GET", f"/v1/events/{event_id}", Scope.READ).json()
    assert (shown["id"], shown["source"], shown["source_event_id"]) == (str(event_id), "default", "a1b2-hangup")
    assert shown["call"] == {
        "id": "7f9c",
        "direction": "inbound",
        "dnis": "+18005551212",
        "duration_seconds": 200,
    }
    assert [each["id"] for each in house.call("GET", "/v1/events", Scope.READ).json()["items"]] == [str(event_id)]


@pytest.mark.parametrize("evaluated", [True, False])
def test_an_event_that_a_private_profile_takes_shows_nothing_of_the_call(house: House, evaluated: bool) -> None:
    criteria = {"all": [{"field": "call.dnis", "op": "exists"}]}
    house.add_profile("secret", private=True, trigger={"events": ["call.finished"], "criteria": criteria})
    event_id = house.post_event()
    if evaluated:
        house.evaluate(event_id)
    shown = [house.call("GET", path, Scope.READ) for path in ("/v1/calls/7f9c", f"/v1/events/{event_id}")]
    assert [each.json()["call"] for each in shown] == [{"id": "7f9c"}, {"id": "7f9c"}]
    assert all("+1800" not in each.text for each in shown)
    (event,) = shown[0].json()["events"]
    assert event["private"] is True
    assert [each["verdict"] for each in event["verdicts"]] == (
        [
            {
                "all": [{"clause": {"field": "call.dnis", "op": "exists", "value": True}, "held": True}],
                "held": True,
            }
        ]
        if evaluated
        else []
    )


@pytest.mark.parametrize("path", ["/v1/events/no-id", "/v1/events/00000000-0000-4000-8000-000000000000"])
def test_an_event_that_does_not_exist_is_404(house: House, path: str) -> None:
    assert house.call("GET", path).json() == problem(404, "Not Found", "There is no such event.")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/calls/7f9c"])
def test_reading_wants_the_scope_read(house: House, path: str) -> None:
    answer = house.call("GET", path, Scope.INGEST)
    assert answer.json() == problem(403, "Forbidden", "The token has not the scope read.")
