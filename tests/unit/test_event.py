"""The canonical event: what is taken, what is refused, and in which words."""

import copy
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from dispatcher.domain.call_fields import FIELDS, Field, Kind
from dispatcher.domain.event import CallEvent, EventRefused, Fault, parse_event, parse_events
from dispatcher.domain.field_values import Unfit, read_boolean, read_number, reader_of

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
ID = "text of 1 to 255 characters without control characters"
TYPE = (
    "one of call.finished, call.recorded, call.missed, call.updated, call.disposed, call.transcribed, voicemail.left, "
    "recording.started, recording.stopped, or x. and letters a-z, digits and ._-"
)
CALL = {
    "id": "7f9c2b44",
    "report_id": "10432",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": {
        "raw": "+14155550100",
        "e164": "+14155550100",
        "national": "(415) 555-0100",
        "digits": "14155550100",
        "anonymous": False,
        "extension": "154",
    },
    "dnis": "+18005551212",
    "dialled": {
        "raw": "1-800-555-1212",
        "e164": "+18005551212",
        "national": "(800) 555-1212",
        "digits": "18005551212",
        "anonymous": False,
        "extension": "12",
    },
    "agent": {"id": "17", "name": "John Doe", "extension": "154", "email": "jd@example.com"},
    "group": "Sales",
    "campaign": None,
    "location": "San Francisco, CA",
    "account_codes": ["1001", "1002"],
    "tags": ["vip"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "hold_seconds": 0,
    "ring_seconds": 9,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "NORMAL_CLEARING",
    "q850": 16,
    "sip_code": 200,
    "recording": {"state": "available", "url": "https://pbx.example/rec/7f9c.wav", "duration_seconds": 191},
    "disposition": None,
    "lead_id": None,
    "attestation": "A",
    "custom": {"survey_score": 4},
}
EVENT = {"id": "a1b2-hangup", "type": "call.finished", "occurred_at": "2026-11-20T10:03:20Z", "call": CALL}


def event(**call):
    return {"type": "call.finished", "call": {"id": "c1", **call}}


def call_of(**call):
    return parse_event(event(**call), NOW).call


def faults_of(raw, index=None):
    with pytest.raises(EventRefused) as refused:
        parse_event(raw, NOW, index)
    return refused.value.faults


def test_a_full_event_is_taken_as_it_is_without_its_null_fields():
    expected = {key: value for key, value in CALL.items() if value is not None}
    assert parse_event(EVENT, NOW) == CallEvent("a1b2-hangup", "call.finished", ENDED, expected)


def test_reading_an_event_leaves_the_given_one_untouched():
    given = copy.deepcopy({**EVENT, "call": {**CALL, "shift": "late"}})
    before = copy.deepcopy(given)
    parse_event(given, NOW)
    assert given == before


def test_the_least_event_occurred_when_it_was_received():
    assert parse_event(event(), NOW) == CallEvent(None, "call.finished", NOW, {"id": "c1"})


def test_null_means_absent_for_every_optional_field():
    call = dict.fromkeys(path.removeprefix("call.") for path in FIELDS if path.count(".") == 1 and path != "call.id")
    raw = {"id": None, "occurred_at": None, "type": "call.finished", "call": {**call, "id": "c1"}}
    assert parse_event(raw, NOW) == CallEvent(None, "call.finished", NOW, {"id": "c1"})


def test_objects_with_nothing_in_them_are_absent():
    assert call_of(agent={"name": None}, recording={}, custom={}) == {"id": "c1"}


def test_what_is_missing_is_named():
    assert faults_of({}) == [Fault(None, "type", TYPE, "nothing"), Fault(None, "call", "an object", "nothing")]
    assert faults_of({"type": "call.finished", "call": {}}) == [Fault(None, "call.id", ID, "nothing")]
    assert faults_of({"type": "call.finished", "call": {"id": None}}) == [Fault(None, "call.id", ID, "null")]
    assert faults_of({"type": None, "call": None}) == [
        Fault(None, "type", TYPE, "null"),
        Fault(None, "call", "an object", "null"),
    ]


@pytest.mark.parametrize("raw", [None, 1, "call.finished", [], True])
def test_an_event_that_is_no_object_is_refused(raw):
    assert [(fault.field, fault.expected) for fault in faults_of(raw)] == [("", "an event as an object")]


def test_unknown_top_level_fields_are_refused_by_name():
    assert faults_of({**EVENT, "kind": "hangup", "tenant": {}}) == [
        Fault(None, "kind", "no such field", 'string "hangup"'),
        Fault(None, "tenant", "no such field", "object"),
    ]


def test_all_faults_of_an_event_are_listed_with_the_events_index():
    raw = {
        "id": "",
        "type": "hangup",
        "occurred_at": "yesterday",
        "call": {"id": "c1", "duration_seconds": "soon", "agent": {"name": 5}, "tags": ["vip", 7]},
    }
    assert faults_of(raw, 3) == [
        Fault(3, "id", ID, 'string ""'),
        Fault(3, "type", TYPE, 'string "hangup"'),
        Fault(3, "occurred_at", "a time of RFC 3339 with Z or an offset", 'string "yesterday"'),
        Fault(3, "call.duration_seconds", "an integer, 0 or more", 'string "soon"'),
        Fault(3, "call.tags[1]", "text", "number 7"),
        Fault(3, "call.agent.name", "text", "number 5"),
    ]


@pytest.mark.parametrize("given", ["x.leg.finished", "x.a", "x.survey_2-b", "voicemail.left"])
def test_types_of_the_source_s_own_begin_with_x(given):
    assert parse_event({**event(), "type": given}, NOW).type == given


@pytest.mark.parametrize("given", ["x.", "x.Leg", "x.a b", "call.ended", "", "x." + "a" * 254, 5, "x.a\n"])
def test_any_other_type_is_refused(given):
    assert [fault.field for fault in faults_of({**event(), "type": given})] == ["type"]


@pytest.mark.parametrize("given", ["a", "é" * 255, "a b/c:d"])
def test_ids_are_text_of_up_to_255_characters(given):
    read = parse_event({"id": given, "type": "call.finished", "call": {"id": given}}, NOW)
    assert (read.source_event_id, read.call["id"]) == (given, given)


@pytest.mark.parametrize("given", ["", "a" * 256, 17, True, ["a"], "a\x00b", "a\nb", "a\x7f"])
def test_ids_that_could_not_be_kept_as_keys_are_refused(given):
    raw = {"id": given, "type": "call.finished", "call": {"id": given}}
    assert [(fault.field, fault.expected) for fault in faults_of(raw)] == [("id", ID), ("call.id", ID)]


@pytest.mark.parametrize(("given", "expected"), [(0, 0), (200, 200), (200.0, 200), (2**53 - 1, 2**53 - 1)])
def test_integers_and_integral_floats_are_integers(given, expected):
    read = call_of(duration_seconds=given)["duration_seconds"]
    assert (read, type(read)) == (expected, int)


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (-1, "number -1"),
        (1.5, "number 1.5"),
        (True, "boolean true"),
        ("200", 'string "200"'),
        (math.nan, "number nan"),
        (math.inf, "number inf"),
        (2**53, "number 9007199254740992"),
        (2**70, "number beyond 64 bits"),
        ([], "array of 0"),
        ({}, "object"),
    ],
)
def test_nothing_else_is_an_integer(given, got):
    assert faults_of(event(talk_seconds=given)) == [Fault(None, "call.talk_seconds", "an integer, 0 or more", got)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-20T10:03:20Z", "2026-11-20T10:03:20Z"),
        ("2026-11-20T11:03:20+01:00", "2026-11-20T10:03:20Z"),
        ("2026-11-20T00:03:20-10:00", "2026-11-20T10:03:20Z"),
        ("2026-11-20T10:03:20.5Z", "2026-11-20T10:03:20.500000Z"),
        ("2026-11-20T10:03:20.000Z", "2026-11-20T10:03:20Z"),
        ("2026-11-20T10:03:20.123456789Z", "2026-11-20T10:03:20.123456Z"),
        ("2026-11-20 10:03:20z", "2026-11-20T10:03:20Z"),
        ("2026-11-20t10:03:20-00:00", "2026-11-20T10:03:20Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("0999-01-01T00:00:00+00:00", "0999-01-01T00:00:00Z"),
    ],
)
def test_times_become_utc_with_z(given, expected):
    assert call_of(ended_at=given)["ended_at"] == expected
    moment = parse_event({**event(), "occurred_at": given}, NOW).occurred_at
    assert moment == datetime.fromisoformat(expected)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-20",
        "2026-11-20T10:03:20",
        "2026-11-20T10:03Z",
        "20261120T100320Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T10:03:20+0100",
        "2026-11-20T10:03:20+24:00",
        "2026-02-30T10:03:20Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-11-20T10:03:20Z",
        "2026-11-20T10:03:20Z\n",
        "",
        1763633000,
    ],
)
def test_other_times_are_refused(given):
    raw = {**event(ended_at=given), "occurred_at": given}
    assert [fault.field for fault in faults_of(raw)] == ["occurred_at", "call.ended_at"]


def test_a_choice_takes_its_own_words_only():
    assert faults_of(event(direction="Inbound", recording={"state": ["none"]})) == [
        Fault(None, "call.direction", "one of inbound, outbound, internal, intersite", 'string "Inbound"'),
        Fault(None, "call.recording.state", "one of none, expected, pending, available, failed", "array of 1"),
    ]


def test_a_long_value_is_not_repeated_in_its_fault():
    assert faults_of(event(direction="a" * 41))[0].got == "string of 41 characters"
    assert faults_of(event(direction="a" * 40))[0].got == f'string "{"a" * 40}"'


def test_what_a_call_has_beyond_the_known_fields_goes_to_custom():
    call = call_of(shift="late", agent={"id": "17", "team": "B"}, wrap=None, custom={"survey_score": 4})
    assert call == {
        "id": "c1",
        "agent": {"id": "17"},
        "custom": {"shift": "late", "agent": {"team": "B"}, "wrap": None, "survey_score": 4},
    }


def test_what_is_given_as_custom_stands_above_an_unknown_field_of_the_same_name():
    assert call_of(shift="late", custom={"shift": "early"})["custom"] == {"shift": "early"}


def test_custom_must_be_an_object():
    assert faults_of(event(custom=[1])) == [Fault(None, "call.custom", "an object", "array of 1")]


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_custom_nests_sixteen_levels_and_no_more():
    assert call_of(custom=nested(16))["custom"] == nested(16)
    deeper = Fault(None, "call.custom.a", "at most 16 levels of nesting", "object")
    assert faults_of(event(custom=nested(17))) == [deeper]
    assert faults_of(event(custom={"b": nested(5000)}))[0].field == "call.custom.b"


@pytest.mark.parametrize("given", [math.nan, -math.inf, 2**64, -(2**63) - 1])
def test_custom_numbers_must_be_finite_and_fit_64_bits(given):
    fault = faults_of(event(custom={"a": [given]}))[0]
    assert (fault.field, fault.expected) == ("call.custom.a", "a finite number of at most 64 bits")


def test_half_a_surrogate_pair_becomes_the_replacement_character():
    raw = {
        "id": "e\ud800",
        "type": "call.finished",
        "call": {"id": "c\udfff", "caller_name": "Jane \ud83d", "tags": ["\ud800"], "no\ud800": {"\ud800": "\ud800"}},
    }
    read = parse_event(raw, NOW)
    assert (read.source_event_id, read.call) == (
        "e\ufffd",
        {
            "id": "c\ufffd",
            "caller_name": "Jane \ufffd",
            "tags": ["\ufffd"],
            "custom": {"no\ufffd": {"\ufffd": "\ufffd"}},
        },
    )


def test_half_a_surrogate_pair_in_a_fault_can_be_encoded():
    faults = faults_of({**event(direction="\ud800"), "\ud800": "\ud800"})
    assert [(fault.field, fault.got) for fault in faults] == [
        ("\ufffd", 'string "\ufffd"'),
        ("call.direction", 'string "\ufffd"'),
    ]


def test_one_event_is_a_list_of_one():
    assert parse_events(EVENT, NOW) == [parse_event(EVENT, NOW)]


def test_a_batch_keeps_its_order():
    raw = {"events": [{**event(), "id": str(n)} for n in range(1000)]}
    assert [each.source_event_id for each in parse_events(raw, NOW)] == [str(n) for n in range(1000)]


@pytest.mark.parametrize(
    ("events", "got"), [([], "array of 0"), ([{}] * 1001, "array of 1001"), ({}, "object"), (None, "null")]
)
def test_a_batch_holds_1_to_1000_events(events, got):
    with pytest.raises(EventRefused) as refused:
        parse_events({"events": events}, NOW)
    assert refused.value.faults == [Fault(None, "events", "a list of 1 to 1000 events", got)]


def test_a_batch_with_bad_events_is_refused_with_the_faults_of_all():
    raw = {"events": [event(), event(q850="x"), event(), 5, event(tags=1)], "source": "a"}
    with pytest.raises(EventRefused) as refused:
        parse_events(raw, NOW)
    assert refused.value.faults == [
        Fault(None, "source", "no such field", 'string "a"'),
        Fault(1, "call.q850", "an integer, 0 or more", 'string "x"'),
        Fault(3, "", "an event as an object", "number 5"),
        Fault(4, "call.tags", "a list of text", "number 1"),
    ]


def test_no_more_than_a_hundred_faults_are_listed():
    with pytest.raises(EventRefused) as refused:
        parse_events({"events": [{"kind": 1}] * 1000}, NOW)
    assert len(refused.value.faults) == 100
    assert len(faults_of({**event(), **dict.fromkeys(map(str, range(500)))})) == 100


def test_the_text_of_a_refusal_holds_no_value():
    with pytest.raises(EventRefused, match=r"^the event is refused for 1 fault\(s\)$"):
        parse_event(event(direction="+14155550100"), NOW)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.path)
def test_every_field_s_example_is_one_that_its_field_takes(field):
    assert FIELDS[field.path] is field
    assert reader_of(field)(field.example) == field.example
    assert (field.kind is Kind.CHOICE) == bool(field.choices)


def test_the_table_names_exactly_the_fields_of_the_documented_event():
    named = {"id", "type", "occurred_at"} | {f"call.{name}" for name in CALL}
    named |= {f"call.{name}.{part}" for name in ("agent", "recording", "external", "dialled") for part in CALL[name]}
    assert set(FIELDS) == named


def test_the_manual_s_table_of_fields_is_the_table():
    rows = [
        f"| `{field.path}` | {field.kind}{': ' if field.choices else ''}{', '.join(field.choices)} | {field.meaning} |"
        f" `{json.dumps(field.example)}` |"
        for field in FIELDS.values()
    ]
    manual = Path(__file__).parents[2] / "docs" / "sources" / "generic.md"
    assert [line for line in manual.read_text().splitlines() if line.startswith("| `")] == rows


def test_numbers_and_booleans_have_readers_for_fields_to_come():
    assert reader_of(Field("call.score", Kind.NUMBER, "", 1))(-1.5) == -1.5
    assert read_boolean(False) is False
    for read, wrong in ((read_number, True), (read_number, "1"), (read_boolean, 1), (read_boolean, "true")):
        with pytest.raises(Unfit):
            read(wrong)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
NAMES = st.sampled_from([path.removeprefix("call.") for path in FIELDS]) | st.text(max_size=4)
CALLS = st.dictionaries(NAMES, VALUES, max_size=6).map(lambda call: {"id": "c1", **call})


EVENTS = st.fixed_dictionaries(
    {"type": st.just("call.finished"), "call": CALLS}, optional={"id": st.text(max_size=4) | st.none()}
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(EVENTS)
def test_whatever_is_taken_can_be_encoded_and_is_taken_again_unchanged(raw):
    try:
        read = parse_event(raw, NOW)
    except EventRefused:
        reject()
    json.dumps(read.call, ensure_ascii=False, allow_nan=False).encode()
    assert parse_event({"id": read.source_event_id, "type": read.type, "call": read.call}, NOW) == read


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "type", "call", "occurred_at", "events"]), VALUES) | VALUES)
def test_whatever_is_refused_is_refused_with_faults_that_can_be_encoded(raw):
    with pytest.raises(EventRefused) as refused:
        parse_events(raw, NOW)
    assert refused.value.faults
    assert str(refused.value.faults).encode()
