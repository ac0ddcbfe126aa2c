"""What is kept of an answer for the profiles that follow: from where, in which type, and how much."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.answers.outputs import Output, capture, read_outputs
from dispatcher.domain.exchange import Answer, ErrorWord
from dispatcher.domain.outcome import Delivered, Rejected, RetryLater, outcome_of
from dispatcher.domain.shape import Reading
from tests.unit.doubles import NOON, House, answered, spec


def outputs(*raw: dict[str, Any]) -> tuple[Output, ...]:
    reading = Reading()
    read = read_outputs(reading, list(raw), "outputs", ENGINES)
    assert reading.faults == []
    return read


def captured(body: bytes, *raw: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    return capture(outputs(*raw), Answer(201, list(headers), body))


def value(found: bytes) -> Any:
    return captured(b'{"v": %b}' % found, {"name": "v", "json": "$.v"}).get("v", "absent")


# --- where from


def test_outputs_come_from_json_xml_headers_and_patterns():
    raw = (
        {"name": "lead_id", "json": "$.lead.id"},
        {"name": "place", "header": "Location"},
        {"name": "number", "regex": '"id": *([0-9]+)'},
        {"name": "whole", "regex": '"id": *[0-9]+'},
        {"name": "first", "json": "$.tags[*]"},
        {"name": "missing", "json": "$.lead.name"},
        {"name": "no_xml", "xpath": "//id"},
        {"name": "no_header", "header": "X-Lead"},
        {"name": "no_match", "regex": "name=(.*)"},
    )
    headers = (("content-type", "application/json"), ("location", "/leads/17"))
    assert captured(b'{"lead": {"id": 17}, "tags": ["vip", "new"]}', *raw, headers=headers) == {
        "lead_id": 17,
        "place": "/leads/17",
        "number": "17",
        "whole": '"id": 17',
        "first": "vip",
    }


def test_an_xpath_gives_the_first_text_in_its_namespace():
    raw = {"name": "lead_id", "xpath": "//c:lead/c:id", "namespaces": {"c": "urn:crm"}}
    body = b'<r xmlns="urn:crm"><lead><id> 17 </id></lead><lead><id>18</id></lead></r>'
    assert captured(body, raw) == {"lead_id": "17"}


def test_a_group_that_takes_no_part_in_a_match_gives_nothing():
    assert captured(b"beta", {"name": "a", "regex": "(alpha)|beta"}) == {}


# --- in which type, and how much


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (b"17", 17),
        (b"-9223372036854775807", -(2**63 - 1)),
        (b"9223372036854775808", "9223372036854775808"),
        (b"123456789012345678901234567890", "123456789012345678901234567890"),
        (b"[1, 123456789012345678901234567890]", [1, "123456789012345678901234567890"]),
        (b"1.5", 1.5),
        (b"true", True),
        (b'""', ""),
        (b'"J\\u00f6rg \\u0000"', "Jörg \x00"),
        (b'"\\ud83d"', "\ufffd"),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"null", "absent"),
        (b"NaN", "absent"),
        (b"[-Infinity]", "absent"),
        (b"1e999", "absent"),
        (b"[" * 16 + b"]" * 16, [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
        (b"[" * 17 + b"]" * 17, "absent"),
        (b"[" * 900 + b"]" * 900, "absent"),
        (b'"' + b"x" * 4_094 + b'"', "x" * 4_094),
        (b'"' + b"x" * 4_095 + b'"', "absent"),
        (b'"' + "é".encode() * 2_047 + b'"', "é" * 2_047),
        (b'"' + "é".encode() * 2_048 + b'"', "absent"),
    ],
)
def test_a_value_keeps_its_type_if_every_json_implementation_can_carry_it(found: bytes, kept: Any):
    assert value(found) == kept
    orjson.dumps(value(found))


def test_all_outputs_together_have_room_for_16_kib_required_ones_first():
    body = orjson.dumps(dict.fromkeys("abcdef", "x" * 4000))
    raw = [{"name": name, "json": f"$.{name}", "required": name == "f"} for name in "abcdef"]
    assert sorted(captured(body, *raw)) == ["a", "b", "c", "f"]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"<!DOCTYPE r><r/>", b"{}", b"null"])
def test_an_answer_that_holds_nothing_of_it_gives_no_outputs(body: bytes):
    raw = [{"name": "a", "json": "$.a"}, {"name": "b", "xpath": "//b"}, {"name": "c", "regex": "c"}]
    assert captured(body, *raw) == {}


EVERYTHING = [
    {"name": "all", "json": "$"},
    {"name": "member", "json": "$.*"},
    {"name": "element", "json": "$[-1]"},
    {"name": "xml", "xpath": "//*[@a='b' or contains(., 'c')]"},
    {"name": "attribute", "xpath": "//@*"},
    {"name": "text", "regex": "(.).(.*)"},
    {"name": "header", "header": "Location"},
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=4),
)
XML_TEXTS = st.lists(st.sampled_from(["<a>", "</a>", "<b a='b'>", "</b>", "c", "&lt;", "<!--", "-->", "]]>", "\xe9"]))


@given(
    st.binary()
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | XML_TEXTS.map(lambda of: "".join(of).encode())
)
@settings(max_examples=300, deadline=None)
def test_whatever_an_answer_is_capture_does_not_raise_and_gives_what_can_be_stored(body: bytes):
    found = captured(body, *EVERYTHING, headers=(("location", "\udcff\x00"),))
    assert orjson.loads(orjson.dumps(found)) == found


# --- required ones


REQUIRED = [{"name": "lead_id", "json": "$.lead.id", "required": True}, {"name": "note", "json": "$.note"}]
MISSING = "answered 200, but the required output lead_id is not there"


@pytest.mark.parametrize(
    "body", [b"{}", b'{"lead": {"id": null}}', b"<html>", b'{"lead": {"id": "%b"}}' % (b"x" * 5_000)]
)
def test_an_answer_without_a_required_output_is_a_mismatch(body: bytes):
    retrying = spec(outputs=REQUIRED).success
    rejecting = spec(outputs=REQUIRED, success={"on_mismatch": "reject"}).success
    exchange = answered(200, body=body)
    assert outcome_of(exchange, retrying, NOON) == RetryLater(ErrorWord.BODY_RULE, MISSING)
    assert outcome_of(exchange, rejecting, NOON) == Rejected(ErrorWord.BODY_RULE, MISSING)


def test_an_answer_with_its_required_outputs_is_delivered_whatever_else_is_missing():
    rule = spec(outputs=REQUIRED).success
    assert outcome_of(answered(200, body=b'{"lead": {"id": 0}}'), rule, NOON) == Delivered()
    assert outcome_of(answered(200, body=b"{}"), spec(outputs=REQUIRED[1:]).success, NOON) == Delivered()


def test_outputs_are_kept_on_the_delivery_of_a_delivered_answer_only():
    answers = iter([answered(200, body=b'{"note": "busy"}'), answered(200, body=b'{"lead": {"id": 17}}')])
    house = House(lambda request: next(answers))
    profile = house.profile(outputs=REQUIRED)
    (identifier,) = house.backlog(profile, 1)
    for state, kept in (("retrying", None), ("delivered", {"lead_id": 17})):
        house.deliverer.deliver(profile.id, [identifier])
        house.clock.pass_seconds(5)
        row = house.row(identifier)
        assert (row["state"], row["outputs"]) == (state, kept)
    house.close()


# --- how they are read


def test_outputs_are_shown_as_they_were_given_and_read_the_same_again():
    raw = [
        {"name": "lead_id", "xpath": "//c:id", "namespaces": {"c": "urn:crm"}, "required": True},
        {"name": "_place", "header": "Location"},
    ]
    shown = spec(outputs=raw).document["outputs"]
    assert shown == [raw[0], {**raw[1], "required": False}]
    assert spec(outputs=shown) == spec(outputs=raw)
    assert spec().document["outputs"] == []


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ({"name": "a", "json": "$.a"}, ["outputs"]),
        (["a"], ["outputs[0]"]),
        ([{"json": "$.a"}], ["outputs[0].name"]),
        ([{"name": "A", "json": "$.a"}], ["outputs[0].name"]),
        ([{"name": "a-b", "json": "$.a"}], ["outputs[0].name"]),
        ([{"name": "a" * 65, "json": "$.a"}], ["outputs[0].name"]),
        ([{"name": "a"}], ["outputs[0]"]),
        ([{"name": "a", "json": "$.a", "header": "a"}], ["outputs[0]"]),
        ([{"name": "a", "json": "a"}], ["outputs[0].json"]),
        ([{"name": "a", "xpath": "//a//b"}], ["outputs[0].xpath"]),
        ([{"name": "a", "regex": "("}], ["outputs[0].regex"]),
        ([{"name": "a", "header": "a b"}], ["outputs[0].header"]),
        ([{"name": "a", "json": "$.a", "required": 1}], ["outputs[0].required"]),
        ([{"name": "a", "json": "$.a", "default": 1}], ["outputs[0].default"]),
        ([{"name": "a", "json": "$.a"}, {"name": "a", "json": "$.b"}], ["outputs[1].name"]),
        ([{"name": f"a{number}", "json": "$.a"} for number in range(21)], ["outputs"]),
    ],
)
def test_every_fault_of_outputs_is_told(raw: Any, fields: list[str]):
    reading = Reading()
    read_outputs(reading, raw, "outputs", ENGINES)
    assert [fault["field"] for fault in reading.faults] == fields
