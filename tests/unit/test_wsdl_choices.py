"""Choices, and sequences and groups that are optional or repeated, as parameters."""

from typing import Any

import pytest

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import ObjectType, Operation, Place
from tests.support.wsdls import call, envelope, nested, plain


def described(bundle: Bundle) -> tuple[Operation, tuple[ObjectType, ...]]:
    found = describe(parse_bundle(bundle))
    return found.bindings[0].operations[0], found.types


CHOICE = """<xs:choice>
<xs:sequence><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:sequence>
<xs:sequence><xs:element name="a" type="xs:int"/><xs:element name="c" type="xs:int"/></xs:sequence>
<xs:choice><xs:element name="d" type="xs:int"/><xs:element name="e" type="xs:int"/></xs:choice></xs:choice>"""


def test_a_choice_numbers_its_alternatives_and_what_they_share_belongs_to_none():
    operation, _ = described(call(CHOICE))
    assert operation.input == (
        plain("a", "int", min_occurs=0),
        plain("b", "int", choice=(0, 0)),
        plain("c", "int", choice=(0, 1)),
        plain("d", "int", min_occurs=0, choice=(0, 2)),
        plain("e", "int", min_occurs=0, choice=(0, 3)),
    )
    assert operation.required_choices == (0,)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"a": 1, "b": 2}, "<q_Call><q_a>1</q_a><q_b>2</q_b></q_Call>"),
        ({"a": 1, "c": 0}, "<q_Call><q_a>1</q_a><q_c>0</q_c></q_Call>"),
        ({"d": 0}, "<q_Call><q_d>0</q_d></q_Call>"),
        ({"d": None, "e": 0}, "<q_Call><q_e>0</q_e></q_Call>"),
        ({}, "<q_Call></q_Call>"),
    ],
)
def test_of_a_choice_that_alternative_is_built_of_which_most_was_given_zero_included(arguments: Any, body: str):
    assert envelope(call(CHOICE), "Call", **arguments) == body


def test_of_a_choice_no_second_alternative_is_taken():
    with pytest.raises(TypeError, match="unexpected keyword argument 'e'"):
        envelope(call(CHOICE), "Call", d=1, e=2)


@pytest.mark.parametrize(
    "choice",
    [
        '<xs:choice minOccurs="0"><xs:element name="a" type="xs:int"/></xs:choice>',
        '<xs:choice><xs:element name="a" type="xs:int" minOccurs="0"/></xs:choice>',
        '<xs:sequence minOccurs="0"><xs:choice><xs:element name="a" type="xs:int"/></xs:choice></xs:sequence>',
    ],
)
def test_a_choice_that_may_be_empty_need_not_be_made(choice: str):
    operation, _ = described(call(choice))
    assert operation.input == (plain("a", "int", min_occurs=0, choice=(0, 0)),)
    assert operation.required_choices == ()


def test_a_repeated_choice_is_a_list_of_objects():
    content = """<xs:choice maxOccurs="unbounded"><xs:element name="a" type="xs:int"/>
<xs:sequence><xs:element name="b" type="xs:int"/><xs:element name="c" type="xs:int"/></xs:sequence></xs:choice>"""
    operation, types = described(call(content))
    assert operation.input == (nested("_value_1", "choice", 0, place=Place.GROUP, max_occurs=None),)
    members = (
        plain("a", "int", min_occurs=0, choice=(0, 0)),
        plain("b", "int", choice=(0, 1)),
        plain("c", "int", choice=(0, 1)),
    )
    assert types == (ObjectType("choice", members, required_choices=(0,)),)
    assert envelope(call(content), "Call", _value_1=[{"a": 1}, {"b": 2, "c": 3}, {"a": 4}]) == (
        "<q_Call><q_a>1</q_a><q_b>2</q_b><q_c>3</q_c><q_a>4</q_a></q_Call>"
    )


def test_an_optional_sequence_or_group_makes_its_members_optional_and_zeep_agrees():
    content = """<xs:sequence><xs:sequence minOccurs="0"><xs:element name="a" type="xs:int"/></xs:sequence>
<xs:group ref="tns:G" minOccurs="0"/><xs:group ref="tns:H" maxOccurs="2"/></xs:sequence>"""
    more = "".join(
        f'<xs:group name="{name}"><xs:all><xs:element name="{name.lower()}" type="xs:int"/></xs:all></xs:group>'
        for name in "GH"
    )
    operation, types = described(call(content, more))
    assert operation.input == (
        plain("a", "int", min_occurs=0),
        plain("g", "int", min_occurs=0),
        nested("_value_1", "all", 0, place=Place.GROUP, max_occurs=2),
    )
    assert types == (ObjectType("all", (plain("h", "int"),)),)
    assert envelope(call(content, more), "Call", _value_1=[{"h": 1}, {"h": 2}]) == (
        "<q_Call><q_h>1</q_h><q_h>2</q_h></q_Call>"
    )
