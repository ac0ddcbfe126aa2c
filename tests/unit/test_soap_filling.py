"""From values that were rendered for a call to what an operation takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.soap.description import ObjectType, Parameter, Place, Shape
from dispatcher.domain.soap.examples import example
from dispatcher.domain.soap.filling import NIL, NO_VALUE, Typed, ValueRefused, fill
from tests.unit.soap_descriptions import an_object, simple, the, types

AT = "request.parameters"
OPTIONAL = {"min_occurs": 0}
LIST: dict[str, Any] = {"min_occurs": 0, "max_occurs": None}


def filled(
    values: dict[str, Any], *parameters: Parameter, table: tuple[ObjectType, ...] = (), choices: Any = ()
) -> Any:
    return fill(values, parameters, choices, table, AT)


def refusal_of(values: dict[str, Any], table: tuple[ObjectType, ...]) -> ValueRefused | None:
    """The refusal of values for the first type of the table, if they are refused."""
    try:
        fill(values, table[0].parameters, table[0].required_choices, table, AT)
    except ValueRefused as refusal:
        return refusal
    return None


def refused(values: dict[str, Any], *parameters: Parameter, table: Any = (), choices: Any = ()) -> tuple[str, str]:
    with pytest.raises(ValueRefused) as caught:
        fill(values, parameters, choices, table, AT)
    assert str(caught.value) == f"{caught.value.path}: expected {caught.value.expected}"
    return caught.value.path, caught.value.expected


def test_values_are_sent_in_the_form_of_their_types() -> None:
    line = the(simple("code"), simple("price", "decimal"), simple("id", "int", place=Place.ATTRIBUTE))
    values = {
        "day": " 2026-11-20 ",
        "on": True,
        "any": 5,
        "xml": "<a/>",
        "lines": [{"code": 1, "price": 5.0, "id": "7"}],
    }
    parameters = [
        simple("day", "date"),
        simple("on", "boolean"),
        Parameter("any", "xsd:anyType", Shape.ANY_TYPE),
        Parameter("xml", "xsd:any", Shape.XML),
        an_object("lines", 0, **LIST),
    ]
    assert filled(values, *parameters, table=(line,)) == {
        "day": "2026-11-20",
        "on": "true",
        "any": 5,
        "xml": "<a/>",
        "lines": [{"code": "1", "price": "5", "id": "7"}],
    }


def test_a_value_that_does_not_fit_is_told_by_its_path_and_not_shown() -> None:
    line = the(simple("price", "decimal"))
    order = the(an_object("lines", 0, **LIST))
    values = {"order": {"lines": [{"price": 1}, {"price": 2}, {"price": "4111111111111111 EUR"}]}}
    at, expected = refused(values, an_object("order", 1), table=(line, order))
    assert (at, expected) == (
        "request.parameters.order.lines[2].price",
        "a number such as 12.50, without exponent or unit",
    )


@pytest.mark.parametrize(
    ("parameter", "value", "sent"),
    [
        (simple("p", **OPTIONAL), None, {}),
        (simple("p", **OPTIONAL), "", {"p": ""}),
        (simple("p", "int", **OPTIONAL), "", {}),
        (simple("p", "date", **LIST), [None, "", "2026-11-20"], {"p": ["2026-11-20"]}),
        (simple("p", "int", **LIST), [None, ""], {}),
        (simple("p", "int", **LIST), [], {}),
        (simple("p", "int", **LIST), 5, {"p": ["5"]}),
        (simple("p"), None, {"p": ""}),
        (simple("p", max_occurs=None), None, {"p": [""]}),
        (simple("p", "int", nillable=True), "", {"p": NIL}),
        (simple("p", "int", nillable=True, max_occurs=None), None, {"p": [NIL]}),
        (simple("p", "int", nillable=True, min_occurs=2, max_occurs=None), [None, None], {"p": [NIL, NIL]}),
        (simple("p", "int", nillable=True, **OPTIONAL), None, {}),
        (simple("p", "int", nillable=True, **OPTIONAL), {"$nil": True}, {"p": NIL}),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), None, {"p": ""}),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), "a\x00", {"p": "a\ufffd"}),
        (Parameter("p", "xsd:any", Shape.XML, **OPTIONAL), "", {}),
        (Parameter("p", "xsd:NMTOKENS", Shape.SIMPLE, simple=simple("p", "NMTOKENS").simple), ["a", 1], {"p": "a 1"}),
    ],
)
def test_what_a_call_does_not_have_is_left_out_or_said_to_be_nothing(
    parameter: Parameter, value: Any, sent: dict[str, Any]
) -> None:
    assert filled({"p": value}, parameter) == sent
    if value is None:
        assert filled({}, parameter) == sent


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (simple("p", "int"), None, NO_VALUE),
        (simple("p", "int"), "", NO_VALUE),
        (simple("p", facets={"minLength": "1"}), "", NO_VALUE),
        (simple("p", "int", max_occurs=None), [None], NO_VALUE),
        (Parameter("p", "xsd:any", Shape.XML), "", NO_VALUE),
        (simple("p"), ["a"], "one value and no list: xsd:string"),
        (simple("p", min_occurs=2, max_occurs=None), ["a", None], "at least 2 items"),
        (simple("p", min_occurs=2, max_occurs=None), "a", "at least 2 items"),
        (simple("p", max_occurs=2), ["a", "b", "c"], "at most 2 items"),
        (simple("p"), {"$nil": True}, "a value: this parameter cannot be nil"),
        (simple("p", nillable=True), {"$nil": False}, '{"$nil": true} alone'),
        (Parameter("p", "xsd:anyType", Shape.ANY_TYPE), {}, "text, a number or a boolean"),
        (Parameter("p", "xsd:any", Shape.XML), 5, "XML in text: one or several elements"),
        (an_object("p", 0), "x", "an object of the parameters in it"),
        (an_object("p", 0, **LIST), 5, "an object of the parameters in it"),
    ],
)
def test_what_cannot_be_sent_is_refused(parameter: Parameter, value: Any, expected: str) -> None:
    assert refused({"p": value}, parameter, table=(the(simple("a")),)) == ("request.parameters.p", expected)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    assert refused({"phon": "1"}, simple("phone", **OPTIONAL)) == (
        "request.parameters.phon",
        "nothing: there is no such parameter (did you mean phone?)",
    )


AGENT = the(simple("id", "int"), simple("email", "anyURI", **OPTIONAL))
NOBODY: dict[str, Any] = {"id": None, "email": None}


def test_an_optional_object_of_which_the_call_has_nothing_is_left_out_whole() -> None:
    outer = the(an_object("agent", 0))
    assert filled({"agent": NOBODY}, an_object("agent", 0, **OPTIONAL), table=(AGENT,)) == {}
    assert filled({"outer": {"agent": NOBODY}}, an_object("outer", 1, **OPTIONAL), table=(AGENT, outer)) == {}
    assert filled({"agents": [NOBODY, {"id": 1}]}, an_object("agents", 0, **LIST), table=(AGENT,)) == {
        "agents": [{"id": "1"}]
    }


def test_an_optional_object_of_which_the_call_has_something_must_be_complete() -> None:
    at, expected = refused({"agent": {"email": "x"}}, an_object("agent", 0, **OPTIONAL), table=(AGENT,))
    assert (at, expected) == ("request.parameters.agent.id", NO_VALUE)


def test_a_required_object_is_sent_though_empty_if_nothing_in_it_is_required() -> None:
    loose = the(simple("a", **OPTIONAL))
    for values in ({}, {"p": None}, {"p": {}}, {"p": {"a": None}}):
        assert filled(values, an_object("p", 0), table=(loose,)) == {"p": {}}
    assert filled({}, an_object("p", 0, max_occurs=None), table=(loose,)) == {"p": [{}]}
    assert refused({}, an_object("p", 0), table=(AGENT,)) == ("request.parameters.p", NO_VALUE)
    assert refused({"p": NOBODY}, an_object("p", 0), table=(AGENT,)) == ("request.parameters.p.id", NO_VALUE)
    assert filled({"p": NOBODY}, an_object("p", 0, nillable=True), table=(AGENT,)) == {"p": NIL}


def test_an_object_whose_type_is_empty_is_sent_where_it_is_given() -> None:
    assert filled({"flag": {}}, an_object("flag", 0, **OPTIONAL), table=(the(),)) == {"flag": {}}
    assert filled({}, an_object("flag", 0, **OPTIONAL), table=(the(),)) == {}


def test_a_derived_type_may_stand_in_a_type_s_place() -> None:
    table = (the(simple("a"), name="Base", derived=(1,)), the(simple("b"), name="More", derived=(2,)), the(name="Most"))
    assert filled({"p": {"$type": "More", "b": 1}}, an_object("p", 0), table=table) == {"p": Typed(1, {"b": "1"})}
    assert filled({"p": {"$type": "Most"}}, an_object("p", 0), table=table) == {"p": Typed(2, {})}
    assert filled({"p": {"$type": "Base", "a": 1}}, an_object("p", 0), table=table) == {"p": {"a": "1"}}
    assert refused({"p": {"$type": "Mor", "b": 1}}, an_object("p", 0), table=table) == (
        "request.parameters.p.$type",
        "one of Base, More, Most (did you mean More?)",
    )
    assert refused({"p": {"$type": "More", "a": 1, "b": 1}}, an_object("p", 0), table=table) == (
        "request.parameters.p.a",
        "nothing: there is no such parameter",
    )


MAIL, PHONE, EXTENSION = (
    simple("mail", choice=(0, 0)),
    simple("phone", choice=(0, 1)),
    simple("ext", "int", choice=(0, 1)),
)


def test_one_alternative_of_a_choice_is_sent() -> None:
    assert filled({"mail": "a", "phone": None}, MAIL, PHONE) == {"mail": "a"}
    assert filled({"mail": "", "phone": "1"}, MAIL, PHONE) == {"phone": "1"}
    assert filled({"mail": "", "phone": ""}, MAIL, PHONE) == {"mail": ""}
    assert filled({"mail": None}, MAIL, PHONE) == {}
    assert refused({"mail": "a", "phone": "1"}, MAIL, PHONE) == (
        "request.parameters.phone",
        "nothing beside mail: only one of the two may be sent",
    )
    assert refused({"phone": "1"}, MAIL, PHONE, EXTENSION) == ("request.parameters.ext", NO_VALUE)


def test_a_required_choice_needs_an_alternative() -> None:
    expected = "one of mail or phone with ext: it is required"
    assert refused({}, MAIL, PHONE, EXTENSION, choices=(0,)) == ("request.parameters", expected)
    assert refused({"mail": None, "ext": ""}, MAIL, PHONE, EXTENSION, choices=(0,)) == (
        "request.parameters.ext",
        NO_VALUE,
    )
    assert refused({"ext": "", "number": ""}, EXTENSION, simple("number", "int", choice=(0, 0)), choices=(0,)) == (
        "request.parameters",
        "one of number or ext: it is required",
    )
    number = simple("number", "int", choice=(0, 0), min_occurs=0)
    assert refused({"number": ""}, number, choices=(0,)) == ("request.parameters.number", NO_VALUE)


def test_a_type_that_contains_itself_is_filled_as_deep_as_its_values() -> None:
    node = the(simple("name"), an_object("next", 0, **OPTIONAL))
    values: dict[str, Any] = {"name": "0"}
    for depth in range(1, 60):
        values = {"name": str(depth), "next": values}
    assert filled({"p": values}, an_object("p", 0), table=(node,)) == {"p": values}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["p0", "p1", "p2", "$type", "$nil"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(types(), st.dictionaries(st.sampled_from(["p0", "p1", "p2"]), JSON))
def test_any_values_are_filled_or_refused(table: tuple[ObjectType, ...], values: dict[str, Any]) -> None:
    refusal = refusal_of(values, table)
    assert refusal is None or refusal.path.startswith(AT)


@given(types())
def test_every_example_can_be_filled(table: tuple[ObjectType, ...]) -> None:
    given_values = example(table[0].parameters, table, table[0].required_choices)
    sent = fill(given_values, table[0].parameters, table[0].required_choices, table, AT)
    assert set(sent) <= set(given_values)
    assert {each.name for each in table[0].parameters if each.required} <= set(sent)
