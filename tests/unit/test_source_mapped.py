import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.call_fields import FIELDS, Kind
from dispatcher.domain.event import CallEvent
from dispatcher.domain.shape import Reading
from dispatcher.sources import NotUnderstood, Posted, SourceSettings
from dispatcher.sources.mapped import found_nothing, parse, read_config
from dispatcher.sources.mapped.fields import CALL_FIELDS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONFIG: dict[str, Any] = {
    "items": "$.calls[*]",
    "when": [{"path": "$.state", "is": ["ended", "missed"]}, {"path": "$.test", "exists": False}],
    "event": {
        "type": {"path": "$.state", "map": {"ended": "call.finished", "missed": "call.missed"}},
        "id": {"join": [{"path": "$.uuid"}, {"path": "$.state"}], "separator": ":"},
        "call": {
            "id": {"path": "$.uuid"},
            "direction": {"path": "$.dir", "map": {"in": "inbound"}, "otherwise": "outbound"},
            "started_at": {"path": "$.begin", "time": "epoch_ms"},
            "ended_at": {"join": [{"path": "$.day"}, {"path": "$.hour"}], "time": "%d.%m.%Y %H:%M:%S"},
            "duration_seconds": {"path": "$.len", "duration": "hh:mm:ss"},
            "talk_seconds": {"path": "$.talk", "duration": "ms"},
            "external_number": {"first_of": [{"path": "$.peer"}, {"path": "$.from"}]},
            "outcome": {"path": "$.result"},
            "q850": {"path": "$.cause"},
            "agent": {"name": {"path": "$.who['full name']"}, "email": {"path": "$.who.mail"}},
            "tags": {"path": "$.tags[*]"},
            "account_codes": {"path": "$.codes", "split": ","},
            "recording": {"state": "expected"},
            "custom": {"site": "Berlin", "raw": {"path": "$.extra"}},
        },
    },
}
RECORD: dict[str, Any] = {
    "uuid": "7f9c",
    "state": "ended",
    "dir": "IN",
    "begin": 1795168800000,
    "day": "20.11.2026",
    "hour": "11:03:20",
    "len": "00:03:20",
    "talk": "191000.00",
    "peer": "anonymous",
    "from": "+1 415 555 0100",
    "result": "NO ANSWER",
    "cause": "19",
    "who": {"full name": "John Doe"},
    "tags": ["vip", None, "", 7],
    "codes": "1001, 1002",
    "extra": {"a": [1, 2]},
}


def posted(body: object, query: Any = ()) -> Posted:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Posted("POST", "https://onhook.example/e", list(query), {}, data, NOON, "192.0.2.1")


def events(config: dict[str, Any], body: object, query: Any = (), zone: str = "Europe/Berlin") -> list[CallEvent]:
    reading = Reading()
    read_config(reading, config, "config")
    assert reading.faults == []
    return parse(posted(body, query), SourceSettings(zone, "US", config))


def one(event: dict[str, Any], record: object, **more: Any) -> CallEvent:
    call = {"id": {"path": "$.uuid"}, **event.pop("call", {})}
    [found] = events({"event": {**event, "call": call}, **more}, record)
    return found


def test_a_record_becomes_an_event_by_its_mapping() -> None:
    [found] = events(CONFIG, {"calls": [RECORD]})
    assert found == CallEvent(
        "7f9c:ended",
        "call.finished",
        datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC),
        {
            "id": "7f9c",
            "direction": "inbound",
            "started_at": "2026-11-20T10:00:00Z",
            "ended_at": "2026-11-20T10:03:20Z",
            "duration_seconds": 200,
            "talk_seconds": 191,
            "outcome": "missed",
            "q850": 19,
            "agent": {"name": "John Doe"},
            "tags": ["vip", "7"],
            "account_codes": ["1001", "1002"],
            "recording": {"state": "expected"},
            "external": {"raw": "anonymous", "anonymous": True},
            "custom": {"site": "Berlin", "raw": {"a": [1, 2]}},
        },
    )


def test_records_that_are_no_calls_are_left_out() -> None:
    others = [{**RECORD, "state": "ringing"}, {**RECORD, "test": True}, {}, 5, None]
    found = events(CONFIG, {"calls": [RECORD, *others, {**RECORD, "uuid": "8", "state": "MISSED"}]})
    assert [(each.source_event_id, each.type) for each in found] == [
        ("7f9c:ended", "call.finished"),
        ("8:MISSED", "call.missed"),
    ]
    assert events(CONFIG, {"calls": []}) == []


def test_what_is_looked_up_in_vain_is_named() -> None:
    settings = SourceSettings("UTC", None, CONFIG)
    body = {"calls": [{"uuid": "1", "state": "ended"}, {"uuid": "2", "state": "ended", "result": "busy"}]}
    assert found_nothing(posted(body), settings) == [
        "call.started_at",
        "call.ended_at",
        "call.duration_seconds",
        "call.talk_seconds",
        "call.external_number",
        "call.q850",
        "call.agent.name",
        "call.agent.email",
        "call.tags",
        "call.account_codes",
        "call.custom.raw",
    ]


def test_a_type_that_the_map_does_not_hold_leaves_the_record_out() -> None:
    event = {"type": {"path": "$.t", "map": {"a": "call.finished"}}, "call": {"id": {"path": "$.uuid"}}}
    assert events({"event": event}, {"t": "b", "uuid": "1"}) == []


def test_without_an_id_the_same_record_is_a_duplicate_of_itself() -> None:
    first = one({}, {"uuid": "1", "a": 1})
    assert (first.type, first.occurred_at) == ("call.finished", NOON)
    assert first.source_event_id == one({}, {"a": 1, "uuid": "1"}).source_event_id
    assert first.source_event_id != one({}, {"uuid": "1", "a": 2}).source_event_id


def test_the_moment_is_that_of_the_end_else_of_the_beginning() -> None:
    call = {"started_at": {"path": "$.s"}, "ended_at": {"path": "$.e"}}
    record = {"uuid": "1", "s": "2026-11-20T10:00:00Z", "e": "2026-11-20T10:03:20Z"}
    assert one({"call": dict(call)}, record).occurred_at.minute == 3
    assert one({"call": dict(call)}, {**record, "e": 0}).occurred_at.minute == 0
    own = {"occurred_at": {"path": "$.s"}, "call": dict(call)}
    assert one(own, record).occurred_at.minute == 0


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"time": "iso"}, "2026-11-20 11:00:00"),
        ({}, "2026-11-20T10:00:00Z"),
        ({"time": "rfc2822"}, "Fri, 20 Nov 2026 10:00:00 +0000"),
        ({"time": "epoch_s"}, "1795168800"),
        ({"time": "epoch_us"}, 1795168800000000),
        ({"time": "gregorian_s"}, 63962388000),
        ({"time": "%Y/%m/%d %H:%M:%S"}, "2026/11/20 11:00:00"),
        ({"time": "%Y/%m/%d %H:%M:%S", "zone": "America/New_York"}, "2026/11/20 05:00:00"),
        ({"time": "%m/%d/%Y %I:%M %p", "zone": "UTC"}, "11/20/2026 10:00 AM"),
    ],
)
def test_a_moment_is_read_as_it_is_written(spec: dict[str, Any], value: Any) -> None:
    found = one({"call": {"started_at": {"path": "$.at", **spec}}}, {"uuid": "1", "at": value})
    assert found.call["started_at"] == "2026-11-20T10:00:00Z"


FORM_CONFIG = {
    "body": "form",
    "event": {"call": {"id": {"path": "CallSid"}, "agent": {"extension": {"path": "ext[]"}}, "caller_name": "x"}},
}


def test_a_form_s_places_are_the_names_of_its_fields() -> None:
    [found] = events(FORM_CONFIG, b"CallSid=CA1&ext[]=&ext[]=154&CallSid=CA2")
    assert (found.call["id"], found.call["agent"], found.call["caller_name"]) == ("CA1", {"extension": "154"}, "x")


def test_a_query_is_taken_for_a_form() -> None:
    [found] = events({**FORM_CONFIG, "body": "query"}, b"", [("CallSid", "CA1")])
    assert found.call == {"id": "CA1", "caller_name": "x"}


XML_CONFIG = {
    "body": "xml",
    "namespaces": {"c": "urn:cdr"},
    "items": "/c:cdrs/c:cdr",
    "when": [{"path": "c:type", "is_not": "test"}],
    "event": {
        "call": {
            "id": {"path": "@id"},
            "caller_name": {"path": "c:from/c:name"},
            "tags": {"path": "c:tag"},
            "custom": {"all": {"path": ".//c:deep"}},
        }
    },
}
XML = (
    b'<cdrs xmlns="urn:cdr"><cdr id="1"><from><name>Jane Roe</name></from><tag>a</tag><tag>b</tag></cdr>'
    b'<cdr id="2"><type>test</type></cdr><cdr id="3"><x><deep>d</deep></x></cdr></cdrs>'
)


def test_xml_is_mapped_by_paths_from_each_record() -> None:
    first, second = events(XML_CONFIG, XML)
    assert first.call == {"id": "1", "caller_name": "Jane Roe", "tags": ["a", "b"]}
    assert second.call == {"id": "3", "custom": {"all": "d"}}
    assert first.source_event_id != second.source_event_id


@pytest.mark.parametrize(
    ("config", "body", "sentence"),
    [
        (CONFIG, b"hello", "not JSON"),
        (CONFIG, {"calls": [{"state": "ended"}]}, "gives no call.id"),
        (CONFIG, {"calls": [{**RECORD, "uuid": "x" * 300}]}, "no usable (id|call.id)"),
        (CONFIG, {"calls": [RECORD] * 1001}, "more than 1000"),
        (CONFIG, b'"' + b"x" * 1_048_577 + b'"', "longer than"),
        (FORM_CONFIG, b"", "no form"),
        (FORM_CONFIG, b"a=1", "gives no call.id"),
        (XML_CONFIG, b"<a", "no XML"),
        (XML_CONFIG, b"<!DOCTYPE a><a/>", "no XML"),
    ],
)
def test_what_cannot_be_read_is_refused_without_a_value(config: dict[str, Any], body: object, sentence: str) -> None:
    with pytest.raises(NotUnderstood, match=sentence) as refused:
        events(config, body)
    assert "415555" not in refused.value.reason


def faults(config: dict[str, Any]) -> list[str]:
    reading = Reading()
    read_config(reading, config, "config")
    return [fault["field"] for fault in reading.faults]


CALL = {"id": {"path": "$.uuid"}}


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({}, ["config.event"]),
        ({"body": "yaml", "event": {"call": CALL}}, ["config.body"]),
        ({"event": {"call": {}}}, ["config.event.call.id"]),
        ({"event": {"cal": CALL}}, ["config.event.cal", "config.event.call"]),
        ({"event": {"call": {"id": "$.uuid"}}}, ["config.event.call.id"]),
        ({"event": {"call": {"id": {"path": "uuid"}}}}, ["config.event.call.id.path"]),
        ({"event": {"call": {"id": {"pth": "$.uuid"}}}}, ["config.event.call.id.pth", "config.event.call.id"]),
        ({"event": {"call": {**CALL, "colour": "red"}}}, ["config.event.call.colour"]),
        ({"event": {"call": {**CALL, "external": {}}}}, ["config.event.call.external"]),
        ({"event": {"call": {**CALL, "agent": {"nam": "x"}}}}, ["config.event.call.agent.nam"]),
        ({"event": {"call": {**CALL, "direction": "in"}}}, ["config.event.call.direction"]),
        (
            {"event": {"call": {**CALL, "direction": {"path": "$.d", "map": {"i": "in"}}}}},
            ["config.event.call.direction.map.i"],
        ),
        ({"event": {"call": {**CALL, "started_at": "2026"}}}, ["config.event.call.started_at"]),
        (
            {"event": {"call": {**CALL, "started_at": {"path": "$.s", "time": "epoch"}}}},
            ["config.event.call.started_at.time"],
        ),
        (
            {"event": {"call": {**CALL, "started_at": {"path": "$.s", "time": "%H:%M"}}}},
            ["config.event.call.started_at.time"],
        ),
        (
            {"event": {"call": {**CALL, "started_at": {"path": "$.s", "time": "%Y-%m-%d %I:%M"}}}},
            ["config.event.call.started_at.time"],
        ),
        (
            {"event": {"call": {**CALL, "started_at": {"path": "$.s", "time": "%Y-%m-%d %Y"}}}},
            ["config.event.call.started_at.time"],
        ),
        (
            {"event": {"call": {**CALL, "started_at": {"path": "$.s", "zone": "Mars"}}}},
            ["config.event.call.started_at.zone"],
        ),
        ({"event": {"call": {**CALL, "group": {"path": "$.s", "time": "iso"}}}}, ["config.event.call.group.time"]),
        (
            {"event": {"call": {**CALL, "started_at": {"first_of": [{"path": "$.s"}], "time": "iso"}}}},
            ["config.event.call.started_at.time"],
        ),
        (
            {"event": {"call": {**CALL, "group": {"path": "$.s", "join": []}}}},
            ["config.event.call.group"],
        ),
        ({"event": {"call": {**CALL, "group": {"first_of": []}}}}, ["config.event.call.group.first_of"]),
        ({"event": {"type": "call.ended", "call": CALL}}, ["config.event.type"]),
        (
            {"event": {"type": {"path": "$.t", "map": {"a": "ended"}}, "call": CALL}},
            ["config.event.type.map.a"],
        ),
        ({"event": {"call": CALL}, "when": [{"path": "$.a"}]}, ["config.when[0]"]),
        ({"event": {"call": CALL}, "when": [{"path": "a", "is": "b"}]}, ["config.when[0].path"]),
        ({"event": {"call": CALL}, "when": [{"path": "$.a", "is": []}]}, ["config.when[0].is"]),
        ({"event": {"call": CALL}, "when": {"path": "$.a", "is": "b"}}, ["config.when"]),
        ({"body": "form", "items": "$", "event": {"call": {"id": {"path": "a"}}}}, ["config.items"]),
        ({"body": "xml", "event": {"call": {"id": {"path": "//a//b"}}}}, ["config.event.call.id.path"]),
        (
            {"body": "xml", "items": "/a/b", "event": {"call": {"id": {"path": "/a/b/c"}}}},
            ["config.event.call.id.path"],
        ),
        ({"body": "xml", "event": {"call": {"id": {"path": "x:a"}}}}, ["config.event.call.id.path"]),
        ({"namespaces": {"a": 5}, "event": {"call": CALL}}, ["config.namespaces"]),
    ],
)
def test_every_fault_of_a_mapping_is_named_when_it_is_saved(config: dict[str, Any], fields: list[str]) -> None:
    assert faults(config) == fields


def test_every_field_can_be_mapped_but_those_that_are_made_of_others() -> None:
    mapped = {
        f"call.{inside}.{name}" if inside else f"call.{name}" for inside in CALL_FIELDS for name in CALL_FIELDS[inside]
    }
    made = {path for path in FIELDS if path.startswith(("call.external.", "call.dialled."))}
    objects = {path for path, field in FIELDS.items() if field.kind is Kind.OBJECT}
    assert mapped == FIELDS.keys() - made - objects - {"id", "type", "occurred_at"}


def test_a_configuration_that_was_saved_before_a_rule_is_refused_not_raised() -> None:
    with pytest.raises(NotUnderstood, match="no mapping"):
        parse(posted({}), SourceSettings("UTC", None, {"event": {}}))


ALL = [CONFIG, FORM_CONFIG, {**FORM_CONFIG, "body": "query"}, XML_CONFIG]


@pytest.mark.parametrize(
    ("items", "empty", "other"),
    [
        ("$.calls[*]", [{"calls": []}, {"calls": {}}, {"calls": None}], [{"results": []}, {"calls": "7f9c"}, [], 42]),
        ("$.sites[*].calls[*]", [{"sites": []}, {"sites": [{"calls": []}, {}]}], [{"calls": [RECORD]}]),
        ("$[*]", [[], {}], [42, "7f9c"]),
        ("$.call", [{"call": None}], [{}, {"calls": [RECORD]}]),
        ("$['a[*]'][*]", [{"a[*]": []}], [{"a": []}]),
    ],
)
def test_an_empty_batch_says_nothing_and_a_body_without_the_place_of_its_records_is_not_understood(
    items: str, empty: list[Any], other: list[Any]
) -> None:
    config = {**CONFIG, "items": items, "when": [{"path": "$.state", "is": ["ended"]}]}
    for body in empty:
        assert events(config, body) == []
    for body in other:
        with pytest.raises(NotUnderstood, match=r"^Nothing stands in the body where config.items looks for records.$"):
            events(config, body)


def test_a_batch_without_records_is_said_to_be_that() -> None:
    config = {"body": "xml", "items": "/cdrs/cdr", "event": {"call": {"id": {"path": "@id"}}}}
    assert found_nothing(posted(b"<records><cdr id='1'/></records>"), SourceSettings("UTC", None, config)) == ["items"]


@given(st.sampled_from(ALL), st.binary())
def test_no_bytes_raise_anything_but_the_refusal(config: dict[str, Any], body: bytes) -> None:
    with suppress(NotUnderstood):
        parse(posted(body), SourceSettings("Europe/Berlin", "DE", config))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(RECORD, JSON)))
def test_no_shape_of_record_raises_anything_but_the_refusal(record: dict[str, Any]) -> None:
    with suppress(NotUnderstood):
        parse(
            posted({"calls": [{"uuid": "1", "state": "ended", **record}]}),
            SourceSettings("Europe/Berlin", "DE", CONFIG),
        )


def test_no_step_of_a_path_leads_beyond_its_first_values() -> None:
    found = one({"call": {"tags": {"path": "$.a[*].b[*]"}}}, {"uuid": "1", "a": [{"b": ["x"] * 5000}] * 3})
    assert found.call["tags"] == ["x"] * 1001


def test_a_record_too_deep_for_a_fingerprint_is_refused() -> None:
    body = b'{"uuid": "1", "a": ' + b"[" * 500 + b"]" * 500 + b"}"
    with pytest.raises(NotUnderstood, match="gives no id"):
        events({"event": {"call": CALL}}, body)
