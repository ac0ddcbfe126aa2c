"""Conditions on the body of an answer: JSON path, XPath and pattern, each with its tests."""

from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.answers.conditions import Condition, read_conditions
from dispatcher.domain.answers.view import AnswerView
from dispatcher.domain.exchange import Answer
from dispatcher.domain.shape import Reading

LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in<br></body></html>"
SOAPY = b"""<?xml version="1.0"?><s:Envelope xmlns:s="urn:soap" xmlns="urn:crm"><s:Body>
  <Saved> True </Saved><Code>00</Code><Lead id="17"/></s:Body></s:Envelope>"""


def conditions(raw: Any) -> tuple[Condition, ...]:
    reading = Reading()
    read = read_conditions(reading, raw, "at", ENGINES)
    assert reading.faults == []
    return read


def holds(raw: dict[str, Any], body: bytes) -> bool:
    (condition,) = conditions(raw)
    return condition.holds(AnswerView(Answer(200, [], body)))


def faults(raw: Any) -> list[tuple[str, str]]:
    reading = Reading()
    assert read_conditions(reading, raw, "at", ENGINES) == ()
    return [(fault["field"], fault["expected"]) for fault in reading.faults]


@pytest.mark.parametrize(
    ("test", "true", "false"),
    [
        ({"equals": 1}, [b"1", b"1.0"], [b"true", b'"1"', b"2", b"null", b"[1]", b"{}"]),
        ({"equals": True}, [b"true"], [b"1", b'"true"', b"false"]),
        ({"equals": None}, [b"null"], [b"0", b'""', b"false"]),
        ({"equals": {"a": [1]}}, [b'{"a": [1.0]}'], [b'{"a": [true]}', b'{"a": [1], "b": 0}']),
        ({"in": [0, "0", None]}, [b"0", b'"0"', b"null"], [b"false", b'""', b"[]"]),
        ({"matches": "^2"}, [b'"200"', b"200", b"2.5"], [b"100", b'"x2"', b"[200]", b"null", b'{"2": 2}']),
        ({"matches": "^true$"}, [b"true", b'"true"'], [b"false"]),
        ({"exists": True}, [b"0", b'""', b"false", b"{}"], [b"null"]),
        ({"exists": False}, [b"null"], [b"0", b'""', b"false", b"[]"]),
    ],
)
def test_a_json_value_passes_its_test(test: dict[str, Any], true: list[bytes], false: list[bytes]):
    passed = {value: holds({"json": "$.v", **test}, b'{"v": %b}' % value) for value in true + false}
    assert passed == dict.fromkeys(true, True) | dict.fromkeys(false, False)


def test_what_is_absent_passes_only_the_test_for_absence():
    tests = ({"equals": None}, {"in": [None]}, {"matches": "^"}, {"exists": True}, {"exists": False})
    assert [holds({"json": "$.v", **test}, b"{}") for test in tests] == [False, False, False, False, True]


def test_one_of_several_values_suffices():
    assert holds({"json": "$.results[*].ok", "equals": True}, b'{"results": [{"ok": false}, {}, {"ok": true}]}') is True
    assert holds({"json": "$.results[*].ok", "equals": True}, b'{"results": [{"ok": false}, {}]}') is False
    assert holds({"xpath": "//ok", "equals": True}, b"<r><ok>false</ok><ok>1</ok></r>") is True


@pytest.mark.parametrize("body", [b"", LOGIN_PAGE, b"\xff", b"[" * 100_000, b'"' + b"x" * 262_143 + b'"', b"{'v': 1}"])
def test_in_a_body_that_is_no_json_no_condition_on_json_holds(body: bytes):
    assert holds({"json": "$.v", "exists": False}, body) is False
    assert holds({"json": "$.v", "exists": True}, body) is False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        LOGIN_PAGE,
        b"<r>",
        b'{"v": 1}',
        b"<r>\xff</r>",
        b"<r>" + b"x" * 262_138 + b"</r>",
        b"<a>" * 65 + b"</a>" * 65,
        b"<!DOCTYPE r><r/>",
        b"<!-- x --><?y z?>\n<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>",
        '<?xml version="1.0"?><!DOCTYPE r><r/>'.encode("utf-16"),
    ],
)
def test_in_a_body_that_is_no_xml_no_condition_on_xml_holds(body: bytes):
    assert holds({"xpath": "//v", "exists": False}, body) is False
    assert holds({"xpath": "//v", "exists": True}, body) is False


@pytest.mark.parametrize(
    ("test", "true", "false"),
    [
        ({"equals": True}, ["true", "True", "1", " TRUE\n"], ["false", "0", "yes", ""]),
        ({"equals": False}, ["false", "False", "0"], ["true", "1", ""]),
        ({"equals": 0}, ["0", "00", "0.0", "+0", "0e5"], ["", "zero", "1", "nan", "0_0"]),
        ({"equals": 9007199254740993}, ["9007199254740993"], ["9007199254740992"]),
        ({"equals": "0"}, ["0", " 0 "], ["00", "0.0"]),
        ({"in": ["OK", 200]}, ["OK", "200", "200.0"], ["ok", "2000"]),
        ({"matches": "^2[0-9]{2}$"}, ["200", " 204 "], ["1200", ""]),
    ],
)
def test_what_an_xpath_finds_is_text_and_compares_as_such(test: dict[str, Any], true: list[str], false: list[str]):
    passed = {text: holds({"xpath": "/r/v", **test}, f"<r><v>{text}</v></r>".encode()) for text in true + false}
    assert passed == dict.fromkeys(true, True) | dict.fromkeys(false, False)


def test_namespaces_are_named_by_prefix_or_passed_over_by_local_name():
    by_prefix = {"xpath": "/s:Envelope/s:Body/c:Saved", "namespaces": {"s": "urn:soap", "c": "urn:crm"}}
    assert holds({**by_prefix, "equals": True}, SOAPY) is True
    assert holds({"xpath": "//*[local-name()='Code']", "equals": 0}, SOAPY) is True
    assert holds({"xpath": "//Code", "exists": True}, SOAPY) is False
    assert holds({"xpath": "//*[local-name()='Lead']/@id", "equals": "17"}, SOAPY) is True


def test_a_pattern_alone_must_be_found_and_with_a_test_gives_its_first_group():
    assert holds({"regex": "status: (ok|done)"}, b"status: done") is True
    assert holds({"regex": "status: (ok|done)"}, b"status: bad") is False
    assert holds({"regex": "error", "exists": False}, b"fine") is True
    assert holds({"regex": "error", "exists": False}, b"error") is False
    assert holds({"regex": "code=([0-9]+)", "in": ["0", 7]}, b"code=007;") is True
    assert holds({"regex": "code=[0-9]+", "equals": "code=7"}, b"code=7;") is True
    assert holds({"regex": "(?i)login", "equals": True}, LOGIN_PAGE) is False


def test_a_pattern_sees_the_first_16_kib_of_whatever_it_is():
    assert holds({"regex": "ok$"}, b"x" * 16_382 + b"ok") is True
    assert holds({"regex": "ok"}, b"x" * 16_383 + b"ok") is False
    assert holds({"regex": "ok"}, b"\xff\x00ok") is True


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ("$.ok", "at"),
        (5, "at"),
        ({}, "at"),
        ({"equals": 1}, "at"),
        ({"json": "$", "regex": "x", "exists": True}, "at"),
        ({"json": "$.a"}, "at.equals"),
        ({"json": "$.a", "equals": 1, "exists": True}, "at.exists"),
        ({"json": "$..a", "equals": 1}, "at.json"),
        ({"json": "", "equals": 1}, "at.json"),
        ({"json": "$" + ".a" * 250, "equals": 1}, "at.json"),
        ({"json": "$.a", "in": []}, "at.in"),
        ({"json": "$.a", "in": 1}, "at.in"),
        ({"json": "$.a", "exists": "yes"}, "at.exists"),
        ({"json": "$.a", "matches": "("}, "at.matches"),
        ({"json": "$.a", "matches": 1}, "at.matches"),
        ({"json": "$.a", "namespaces": {"a": "b"}, "exists": True}, "at.namespaces"),
        ({"xpath": "//a", "equals": None}, "at.equals"),
        ({"xpath": "//a", "in": ["x", ["y"]]}, "at.in[1]"),
        ({"xpath": "//n:a", "exists": True}, "at.xpath"),
        ({"xpath": "//n:a", "namespaces": {"n": 1}, "exists": True}, "at.namespaces.n"),
        ({"xpath": "//n:a", "namespaces": {"n x": "urn:x"}, "exists": True}, "at.namespaces"),
        ({"xpath": "//n:a", "namespaces": ["n"], "exists": True}, "at.namespaces"),
        ({"regex": "(?=x)"}, "at.regex"),
        ({"regex": "(x{100}){100}"}, "at.regex"),
        ({"regex": "x{1000}" * 2}, "at.regex"),
        ({"json": "$.a", "equal": 1}, "at.equal"),
        ([{"json": "$.a", "equals": 1}] * 11, "at"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused_with_its_place(raw: Any, field: str):
    reading = Reading()
    read_conditions(reading, raw, "at", ENGINES)
    assert field in [fault["field"] for fault in reading.faults]


def test_a_fault_in_a_list_names_its_place_and_the_reason():
    ((field, expected),) = faults([{"regex": "a{1001}"}])
    assert field == "at[0].regex"
    assert expected.startswith("a pattern of RE2 syntax (")


def test_any_bytes_at_all_are_judged_without_an_error():
    raw = [
        {"json": "$[*].a[0]", "matches": "x"},
        {"xpath": "//a[@b='c'][1]/text()", "equals": 1},
        {"regex": "(a)|b", "equals": 1.5},
    ]
    bodies = [bytes([first, second]) * 40 for first in range(0, 256, 5) for second in (0, 60, 91, 123, 255)]
    bodies += [b'[{"a": ["\\ud800x"]}]', b"[1e999]", b"[-0]", b'{"": {"a": [1]}}', b"<a b='c'>x<a/></a>", b"b"]
    views = [AnswerView(Answer(200, [], body)) for body in bodies]
    results = {condition.holds(view) for condition in conditions(raw) for view in views}
    assert results == {True, False}
