import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.event import CallEvent
from dispatcher.domain.shape import Reading
from dispatcher.sources import NotUnderstood, Posted, SourceSettings
from dispatcher.sources.cloudevents import FORMAT, found_nothing, parse, read_config

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL = {"id": "7f9c", "direction": "inbound", "external_number": "+14155550100", "duration_seconds": 200}
EVENT = {
    "specversion": "1.0",
    "id": "a1b2",
    "source": "/pbx/berlin",
    "type": "com.example.call.finished",
    "time": "2026-11-20T11:03:20+01:00",
    "subject": "subject-1",
    "datacontenttype": "2026-11-20T10:03:20Z",
    "region": "eu",
    "attempt": 2,
    "data": CALL,
}
NUMBER = {
    "raw": "+14155550100",
    "e164": "+14155550100",
    "national": "(415) 555-0100",
    "digits": "14155550100",
    "anonymous": False,
}
EXPECTED = CallEvent(
    "/pbx/berlin a1b2",
    "call.finished",
    datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC),
    {
        **CALL,
        "external": NUMBER,
        "custom": {
            "region": "eu",
            "attempt": 2,
            "cloudevent_source": "/pbx/berlin",
            "cloudevent_type": "com.example.call.finished",
            "cloudevent_subject": "subject-1",
        },
    },
)


def posted(body: object, headers: dict[str, str] | None = None, method: str = "POST") -> Posted:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Posted(method, "https://onhook.example/e", [], headers or {}, data, NOON, "192.0.2.1")


def settings(**config: Any) -> SourceSettings:
    return SourceSettings("UTC", None, config)


def events(body: object, headers: dict[str, str] | None = None, **config: Any) -> list[CallEvent]:
    return parse(posted(body, headers), settings(**config))


@pytest.mark.parametrize("media", ["application/cloudevents+json", "text/plain", "application/json; charset=utf-8"])
def test_a_structured_event_is_known_by_its_bytes(media: str) -> None:
    assert events(EVENT, {"content-type": media}) == [EXPECTED]


def test_a_batch_is_a_list_of_them() -> None:
    second = {**EVENT, "id": "a1b3"}
    found = events([EVENT, second], {"content-type": "application/cloudevents-batch+json"})
    assert [each.source_event_id for each in found] == ["/pbx/berlin a1b2", "/pbx/berlin a1b3"]
    assert found[0] == EXPECTED
    assert events([]) == []


def test_a_binary_event_has_its_attributes_in_headers() -> None:
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name not in ("data", "datacontenttype")}
    headers["ce-region"] = "S%C3%BCd%20eu"
    [found] = events(CALL, {**headers, "content-type": "application/json"})
    assert found.source_event_id == "/pbx/berlin a1b2"
    assert (found.call["custom"]["region"], found.call["custom"]["attempt"]) == ("S\u00fcd eu", "2")
    assert {name: found.call[name] for name in CALL} == CALL


@pytest.mark.parametrize(
    "data",
    [
        {"data": json.dumps(CALL)},
        {"data": None, "data_base64": base64.b64encode(json.dumps(CALL).encode()).decode()},
        {"data": {"call": CALL}},
    ],
)
def test_the_call_may_be_wrapped_in_many_ways(data: dict[str, Any]) -> None:
    assert events({**EVENT, **data}) == [EXPECTED]


def test_data_in_our_own_form_says_its_moment_and_what_it_keeps() -> None:
    own = {
        "type": "call.missed",
        "occurred_at": "2026-11-20T10:00:00Z",
        "call": {"id": "8", "custom": {"region": "own"}},
    }
    [found] = events({**EVENT, "type": "org.example.unknown", "data": own})
    assert (found.type, found.occurred_at.minute, found.call["id"]) == ("call.missed", 0, "8")
    assert found.call["custom"]["region"] == "own"


def test_the_subject_stands_for_a_call_s_id_that_is_missing() -> None:
    [found] = events({**EVENT, "data": {"direction": "inbound"}})
    assert found.call["id"] == "subject-1"


def test_the_key_of_a_long_pair_is_its_digest_and_always_the_same() -> None:
    long = {**EVENT, "source": "/pbx/" + "x" * 300}
    first, second = events(long)[0].source_event_id, events(long)[0].source_event_id
    assert first == second
    assert first is not None
    assert len(first) == 64
    assert events({**long, "id": "other"})[0].source_event_id != first


def test_types_of_one_s_own_stand_for_ours_and_null_leaves_one_out() -> None:
    types = {"vendor.hangup": "call.finished", "vendor.ringing": None, "vendor.note": "x.note"}
    assert [each.type for each in events({**EVENT, "type": "vendor.hangup"}, types=types)] == ["call.finished"]
    assert [each.type for each in events({**EVENT, "type": "vendor.note"}, types=types)] == ["x.note"]
    assert events({**EVENT, "type": "vendor.ringing"}, types=types) == []
    with pytest.raises(NotUnderstood, match=r"none that config\.types holds"):
        events({**EVENT, "type": "vendor.other"}, types=types)


MAPPED = {
    "data_format": "mapped",
    "when": [{"path": "$.state", "is": "done"}],
    "event": {
        "call": {
            "id": {"path": "$.uuid"},
            "started_at": {"path": "$.begin", "time": "epoch_s"},
            "caller_name": {"path": "$.name"},
        }
    },
}


def test_another_s_data_is_mapped_and_keeps_the_event_s_own_key_type_and_time() -> None:
    data = {"state": "done", "uuid": "7f9c", "begin": 1795168800}
    [found] = events({**EVENT, "data": data}, **MAPPED)
    assert found == CallEvent(
        "/pbx/berlin a1b2",
        "call.finished",
        datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC),
        {"id": "7f9c", "started_at": "2026-11-20T10:00:00Z", "custom": EXPECTED.call["custom"]},
    )
    assert events({**EVENT, "data": {**data, "state": "ringing"}}, **MAPPED) == []
    assert found_nothing(posted({**EVENT, "data": data}), settings(**MAPPED)) == ["call.caller_name"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"hello", "not JSON"),
        (b"5", "no CloudEvent"),
        ({"type": "call.finished", "call": CALL}, "no CloudEvent"),
        ({**EVENT, "source": ""}, "no source"),
        ({**EVENT, "id": 5}, "no id"),
        ({**EVENT, "data": "hello"}, "no JSON object"),
        ({**EVENT, "data": None}, "no JSON object"),
        ({**EVENT, "data_base64": "*", "data": None}, "data_base64"),
        ({**EVENT, "type": "vendor.hangup"}, "none of ours"),
        ({**EVENT, "data": {**CALL, "duration_seconds": -5}}, "no usable call.duration_seconds"),
        ([EVENT] * 1001, "more than 1000"),
    ],
)
def test_what_is_none_is_refused_without_a_value(body: object, sentence: str) -> None:
    with pytest.raises(NotUnderstood, match=sentence) as refused:
        events(body)
    assert "7f9c" not in refused.value.reason


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({}, []),
        ({"types": {"a": "call.finished", "b": None}}, []),
        (MAPPED, []),
        ({"data_format": "maped"}, ["config.data_format"]),
        ({"types": {"a": "finished"}}, ["config.types.a"]),
        ({"types": ["a"]}, ["config.types"]),
        ({"event": {}}, ["config.event"]),
        ({"data_format": "mapped"}, ["config.event"]),
        ({"data_format": "mapped", "event": {"call": {}}}, ["config.event.call.id"]),
    ],
)
def test_a_configuration_is_judged_when_it_is_saved(config: dict[str, Any], fields: list[str]) -> None:
    reading = Reading()
    read_config(reading, config, "config")
    assert [fault["field"] for fault in reading.faults] == fields


@given(st.binary(), st.dictionaries(st.sampled_from(["ce-id", "ce-type", "ce-source", "ce-time"]), st.text()))
def test_no_bytes_raise_anything_but_the_refusal(body: bytes, headers: dict[str, str]) -> None:
    for config in ({}, MAPPED):
        with suppress(NotUnderstood):
            parse(posted(body, headers), settings(**config))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*EVENT, "data_base64"), JSON)))
def test_no_shape_of_event_raises_anything_but_the_refusal(event: dict[str, Any]) -> None:
    body = json.dumps({**EVENT, **event}).encode()
    for config in ({}, MAPPED):
        with suppress(NotUnderstood):
            parse(posted(body), settings(**config))


def test_the_answer_is_202_and_the_handshake_is_an_options() -> None:
    assert (FORMAT.success_status, FORMAT.success_body, FORMAT.handshake_methods) == (202, b"", {"OPTIONS"})
