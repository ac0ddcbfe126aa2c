"""What an administrator sees of a post before a source takes any."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, House

MAPPED: dict[str, Any] = {
    "format": "mapped",
    "country": "US",
    "config": {
        "event": {
            "id": {"path": "$.key"},
            "call": {
                "id": {"path": "$.uuid"},
                "dnis": {"path": "$.to"},
                "disposition": {"path": "$.note"},
            },
        }
    },
}


@pytest.fixture
def house() -> Iterator[House]:
    with House() as house:
        yield house


def preview(house: House, **given: Any) -> Any:
    answer = house.call("POST", "/v1/sources/preview", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_draft_shows_its_events_and_what_it_looked_for_in_vain_and_nothing_is_stored(house: House) -> None:
    body = {"key": "k1", "uuid": "7f9c", "note": "card 4111 1111 1111 1111"}
    assert preview(house, source=MAPPED, body=body) == {
        "understood": True,
        "reason": None,
        "errors": [],
        "events": [
            {
                "event": {
                    "id": "k1",
                    "type": "call.finished",
                    "occurred_at": "2026-11-20T12:00:00Z",
                    "call": {"id": "7f9c", "disposition": "card ****1111"},
                },
                "part": None,
            }
        ],
        "nothing_found": ["call.dnis"],
    }
    assert (house.store._events, house.store.held, list(house.store.saved_sources)) == ({}, [], ["default"])


@pytest.mark.parametrize(
    "given",
    [
        {"body": json.dumps(FINISHED)},
        {"body": FINISHED},
        {"body_base64": base64.b64encode(json.dumps(FINISHED).encode()).decode()},
    ],
)
def test_a_body_may_be_text_json_or_base64(house: House, given: dict[str, Any]) -> None:
    shown = preview(house, source="default", **given)
    assert [each["event"]["id"] for each in shown["events"]] == ["a1b2-hangup"]


def test_a_refusal_is_an_answer(house: House) -> None:
    shown = preview(house, source=MAPPED, body="hello")
    assert (shown["understood"], shown["reason"]) == (False, "The body is not JSON (line 1, column 1).")
    empty = preview(house, source=MAPPED, body=" ")
    assert (empty["understood"], empty["reason"]) == (False, "The post is empty: it has neither a body nor a query.")
    refused = preview(house, source={"format": "generic"}, body={"type": "call.finished", "call": {}})
    assert (refused["understood"], [each["field"] for each in refused["errors"]]) == (False, ["call.id"])
    under_way = preview(house, source={"format": "twilio"}, body="CallSid=CA1&CallStatus=ringing")
    assert (under_way["understood"], under_way["reason"]) == (True, "Understood, and nothing in it to keep.")


def test_headers_and_query_are_those_of_the_post(house: House) -> None:
    headers = {"CE-Id": "1", "CE-Type": "call.finished", "CE-Source": "/pbx"}
    shown = preview(house, source={"format": "cloudevents"}, body={"id": "7f9c"}, headers=headers)
    assert shown["events"][0]["event"]["id"] == "/pbx 1"
    for query in ("CallSid=CA1&CallStatus=busy", {"CallSid": "CA1", "CallStatus": "busy"}):
        found = preview(house, source={"format": "twilio"}, query=query, method="GET")
        assert found["events"][0]["event"]["call"]["outcome"] == "busy"


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["source"]),
        ({"source": {"format": "fax"}}, ["source.format"]),
        ({"source": {"format": "mapped", "config": {"event": {}}}}, ["source.config.event.call"]),
        ({"source": "default", "body_base64": "*"}, ["body_base64"]),
        ({"source": "default", "headers": {"a": 5}}, ["headers"]),
        ({"source": "default", "methd": "GET"}, ["methd"]),
        ({"source": "default", "method": "TRACE"}, ["method"]),
    ],
)
def test_a_request_at_fault_is_422_by_name(house: House, given: Any, fields: list[str]) -> None:
    answer = house.call("POST", "/v1/sources/preview", json=given)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, fields)


def test_only_an_administrator_sees_it_and_only_of_sources_that_there_are(house: House) -> None:
    assert house.call("POST", "/v1/sources/preview", Scope.READ, json={"source": "default"}).status_code == 403
    assert house.call("POST", "/v1/sources/preview", json={"source": "nowhere"}).status_code == 404
