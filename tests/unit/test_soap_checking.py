"""A profile's parameters, judged against an operation when the profile is saved."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.shape import Reading
from dispatcher.domain.soap.checking import check
from dispatcher.domain.soap.description import ObjectType, Parameter, Shape
from dispatcher.domain.soap.examples import example
from tests.unit.soap_descriptions import an_object, simple, the, types
from tests.unit.test_soap_filling import EXTENSION, JSON, LIST, MAIL, OPTIONAL, PHONE, refusal_of

AT = "request.parameters"
TEMPLATE = "{{ call.x }}"


def is_template(text: str) -> bool:
    return "{{" in text


def faults(raw: object, *parameters: Parameter, table: Any = (), choices: Any = ()) -> list[tuple[str, str, str]]:
    """What was noted: the path below the parameters, what was expected, what was got."""
    reading = Reading()
    check(reading, raw, parameters, choices, table, AT, is_template)
    return [(each["field"].removeprefix(AT).lstrip("."), each["expected"], each["got"]) for each in reading.faults]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (simple("p", "date"), "2026-11-20"),
        (simple("p", "date"), TEMPLATE),
        (simple("p", "date"), f"{TEMPLATE}-01"),
        (simple("p", "int", **OPTIONAL), None),
        (simple("p", "int", **OPTIONAL), ""),
        (simple("p"), ""),
        (simple("p", nillable=True), {"$nil": True}),
        (simple("p", "int", **LIST), [1, TEMPLATE, None]),
        (simple("p", "int", **LIST), 1),
        (simple("p", "int", **LIST), TEMPLATE),
        (simple("p", "int", **LIST), {"$for": "call.account_codes", "$as": "code", "$each": "{{ code }}"}),
        (simple("p", "int", **LIST), {"$for": "call.custom.lines", "$each": 5}),
        (simple("p", "NMTOKENS"), ["a", TEMPLATE]),
        (an_object("p", 0), {"a": 1, "n": {"b": TEMPLATE}}),
        (an_object("p", 0, **LIST), [{"a": 1}, {"a": 2}]),
        (an_object("p", 0, **LIST), TEMPLATE),
        (an_object("p", 0, **LIST), {"$for": "call.tags", "$each": {"a": "{{ item }}"}}),
        (an_object("p", 0), {"$type": "Inner", "b": 5}),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), False),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), ""),
        (Parameter("p", "xsd:any", Shape.XML), "<a/>"),
    ],
)
def test_what_fits_is_accepted(parameter: Parameter, value: Any) -> None:
    inner = the(simple("b", "int"), name="Inner")
    outer = the(simple("a", "int"), an_object("n", 1, **OPTIONAL), name="Outer", derived=(1,))
    assert faults({"p": value}, parameter, table=(outer, inner)) == []


@pytest.mark.parametrize(
    ("parameter", "value", "at", "expected", "got"),
    [
        (simple("p", "int"), "x", "p", "a whole number from -2147483648 to 2147483647, in digits", 'string "x"'),
        (simple("p", "int"), None, "p", "xsd:int, required", "nothing"),
        (simple("p", "int"), "", "p", "xsd:int, required", "nothing"),
        (simple("p"), ["a"], "p", "one value and no list: xsd:string", "array of 1"),
        (simple("p"), {"a": 1}, "p", "text", "object"),
        (simple("p", "boolean", **LIST), [True, "x"], "p[1]", "true or false", 'string "x"'),
        (simple("p", max_occurs=2), ["a", "b", "c"], "p", "at most 2 items", "array of 3"),
        (simple("p", min_occurs=2, max_occurs=None), ["a"], "p", "at least 2 items", "array of 1"),
        (simple("p", max_occurs=None), [], "p", "xsd:string, required", "nothing"),
        (
            simple("p", "NMTOKENS"),
            ["a b", TEMPLATE],
            "p[0]",
            "letters, digits, '.', '-', '_' and ':', no spaces",
            'string "a b"',
        ),
        (simple("p"), {"$nil": True}, "p", "a value: this parameter cannot be nil", "object"),
        (simple("p", nillable=True), {"$nil": 1}, "p", '{"$nil": true} alone', "object"),
        (
            simple("p"),
            {"$for": "call.tags", "$each": 1},
            "p",
            "one value: only a repeated parameter takes $for",
            "object",
        ),
        (
            simple("p", **LIST),
            {"$for": "call.tagz", "$each": 1},
            "p.$for",
            "call.account_codes, call.tags, or a list below call.custom (did you mean call.tags?)",
            'string "call.tagz"',
        ),
        (
            simple("p", **LIST),
            {"$for": "x", "$each": 1},
            "p.$for",
            "call.account_codes, call.tags, or a list below call.custom",
            'string "x"',
        ),
        (
            simple("p", **LIST),
            {"$for": "{{ call.tags }}", "$each": 1},
            "p.$for",
            "call.account_codes, call.tags, or a list below call.custom (did you mean call.tags?)",
            'string "{{ call.tags }}"',
        ),
        (simple("p", **LIST), {"$for": "call.tags"}, "p.$each", "the value for each item", "nothing"),
        (
            simple("p", **LIST),
            {"$for": "call.tags", "$each": 1, "$as": "call"},
            "p.$as",
            "a name of its own for the item: letters, digits and '_'",
            'string "call"',
        ),
        (
            simple("p", **LIST),
            {"$for": "call.tags", "$each": 1, "$as": "a-b"},
            "p.$as",
            "a name of its own for the item: letters, digits and '_'",
            'string "a-b"',
        ),
        (simple("p", **LIST), {"$for": "call.tags", "$each": 1, "$in": 1}, "p.$in", "no such member", "number 1"),
        (
            simple("p", "int", **LIST),
            {"$for": "call.tags", "$each": "x"},
            "p.$each",
            "a whole number from -2147483648 to 2147483647, in digits",
            'string "x"',
        ),
        (
            simple("p", **LIST),
            {"$for": "call.tags", "$each": {"$for": "call.tags", "$each": 1}},
            "p.$each",
            "loops beside each other",
            "a loop inside a loop",
        ),
        (an_object("p", 0), TEMPLATE, "p", "an object of the parameters in it", 'string "{{ call.x }}"'),
        (an_object("p", 0), {}, "p.a", "xsd:int, required", "nothing"),
        (an_object("p", 0), {"a": 1, "aa": 2}, "p.aa", "no such member (did you mean a?); there are a, n", "number 2"),
        (
            an_object("p", 0),
            {"a": 1, "n": {"b": "x"}},
            "p.n.b",
            "a whole number from -2147483648 to 2147483647, in digits",
            'string "x"',
        ),
        (
            an_object("p", 0),
            {"$type": "Inne", "b": 5},
            "p.$type",
            "one of Outer, Inner (did you mean Inner?)",
            'string "Inne"',
        ),
        (an_object("p", 0), {"$type": "Inner", "b": 5, "a": 1}, "p.a", "no such member; there are b", "number 1"),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), [1], "p", "text, a number or a boolean", "array of 1"),
        (Parameter("p", "xsd:any", Shape.XML), 1, "p", "XML in text: one or several elements", "number 1"),
        (Parameter("p", "xsd:any", Shape.XML), "", "p", "xsd:any, required", "nothing"),
    ],
)
def test_what_does_not_fit_is_noted_at_its_path(
    parameter: Parameter, value: Any, at: str, expected: str, got: str
) -> None:
    inner = the(simple("b", "int"), name="Inner")
    outer = the(simple("a", "int"), an_object("n", 1, **OPTIONAL), name="Outer", derived=(1,))
    assert faults({"p": value}, parameter, table=(outer, inner)) == [(at, expected, got)]


def test_every_fault_is_noted() -> None:
    raw = {"b": "x", "c": 1}
    assert faults(raw, simple("a"), simple("b", "boolean")) == [
        ("b", "true or false", 'string "x"'),
        ("c", "no such member; there are a, b", "number 1"),
        ("a", "xsd:string, required", "nothing"),
    ]
    assert faults([], simple("a")) == [("", "an object of the parameters in it", "array of 0")]
    assert faults(None, simple("a")) == [("a", "xsd:string, required", "nothing")]
    assert faults({"a": 1}) == [("a", "no such member; there is none at all", "number 1")]


def test_at_most_twenty_names_are_listed() -> None:
    ((_, expected, _),) = faults({"x": 1}, *(simple(f"p{number}", **OPTIONAL) for number in range(25)))
    assert expected == f"no such member; there are {', '.join(f'p{number}' for number in range(20))} and 5 more"


def test_two_alternatives_may_be_templates_but_not_both_literal() -> None:
    assert faults({"mail": TEMPLATE, "phone": TEMPLATE}, MAIL, PHONE) == []
    assert faults({"mail": TEMPLATE, "phone": "1"}, MAIL, PHONE) == []
    assert faults({"mail": "a", "phone": ""}, MAIL, PHONE) == []
    assert faults({"mail": "a", "phone": "1"}, MAIL, PHONE) == [
        ("phone", "nothing beside mail: only one of the two may be sent", 'string "1"')
    ]
    many = simple("many", choice=(0, 0), max_occurs=None)
    assert faults({"many": {"$for": "call.tags", "$each": "x"}, "phone": "1"}, many, PHONE) == []
    one, two = (an_object(f"p{number}", 0, choice=(0, number)) for number in (0, 1))
    loose = the(simple("a", **OPTIONAL))
    assert faults({"p0": {"a": TEMPLATE}, "p1": {"a": "x"}}, one, two, table=(loose,)) == []
    assert faults({"p0": {"a": "x"}, "p1": {"a": "x"}}, one, two, table=(loose,)) == [
        ("p1", "nothing beside p0: only one of the two may be sent", "object")
    ]


def test_a_required_choice_needs_an_alternative_and_an_alternative_all_of_its_parts() -> None:
    assert faults({}, MAIL, PHONE, EXTENSION) == []
    assert faults({}, MAIL, PHONE, EXTENSION, choices=(0,)) == [
        ("", "one of mail or phone with ext: it is required", "nothing")
    ]
    assert faults({"phone": TEMPLATE}, MAIL, PHONE, EXTENSION, choices=(0,)) == [
        ("ext", "xsd:int, required", "nothing")
    ]


@given(types(), st.dictionaries(st.sampled_from(["p0", "p1", "p2"]), JSON))
def test_any_document_without_fault_and_templates_is_filled_or_lacks_a_value(
    table: tuple[ObjectType, ...], raw: dict[str, Any]
) -> None:
    reading = Reading()
    check(reading, raw, table[0].parameters, table[0].required_choices, table, AT, lambda _: False)
    refusal = refusal_of(raw, table)
    lacks = ("a value: it is required", "at least ", "one of ")
    assert refusal is None or reading.faults or refusal.expected.startswith(lacks)


@given(types())
def test_nothing_is_wrong_with_an_example(table: tuple[ObjectType, ...]) -> None:
    given_values = example(table[0].parameters, table, table[0].required_choices)
    assert faults(given_values, *table[0].parameters, table=table, choices=table[0].required_choices) == []
