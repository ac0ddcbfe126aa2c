"""What became different in a WSDL, and what of it breaks a profile."""

from typing import Any

import pytest
from hypothesis import given

from dispatcher.domain.soap.changes import Change, Changes, changes
from dispatcher.domain.soap.description import (
    Binding,
    Description,
    ObjectType,
    Operation,
    Parameter,
    Port,
    Service,
    SoapVersion,
)
from tests.unit.soap_descriptions import an_object, simple, the, types
from tests.unit.test_soap_filling import LIST, OPTIONAL

PLACE = "Crm/Soap/Add"


def described(
    *operations: Operation, table: tuple[ObjectType, ...] = (), version: SoapVersion = SoapVersion.V1_1, **port: Any
) -> Description:
    ports = (Port("Soap", "B", port.get("address", "http://crm.example/soap")),)
    return Description((Service("Crm", ports),), (Binding("B", version, operations),), table)


def add(*parameters: Parameter, **more: Any) -> Operation:
    return Operation("Add", input=parameters, **more)


def found(before: Description, after: Description) -> list[tuple[str, str, str, bool]]:
    return [(each.place, each.path, each.sentence, each.breaking) for each in changes(before, after).listed]


def test_nothing_changed() -> None:
    table = (the(simple("a"), an_object("again", 0, **OPTIONAL)),)
    same = [described(add(an_object("p", 0)), table=table) for _ in range(2)]
    assert changes(*same) == Changes((), 0, breaking=False)


def test_a_moved_type_table_is_no_change() -> None:
    before = described(add(an_object("p", 0)), table=(the(simple("a")), the(simple("b"))))
    after = described(add(an_object("p", 1)), table=(the(simple("b")), the(simple("a"))))
    assert found(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (
            described(add()),
            described(),
            (PLACE, "", "The operation was removed.", True),
        ),
        (described(), described(add()), (PLACE, "", "The operation was added.", False)),
        (
            described(),
            described(address="http://new.example/"),
            ("Crm/Soap", "", "The address changed from http://crm.example/soap to http://new.example/.", False),
        ),
        (
            described(),
            described(address=None),
            ("Crm/Soap", "", "The address changed from http://crm.example/soap to none.", True),
        ),
        (
            described(),
            described(version=SoapVersion.V1_2),
            ("Crm/Soap", "", "SOAP 1.1 became SOAP 1.2.", True),
        ),
        (
            described(add(soap_action="a")),
            described(add(soap_action="b")),
            (PLACE, "", "The SOAPAction changed from a to b.", False),
        ),
        (
            described(add()),
            described(add(style="rpc", use="encoded")),
            (PLACE, "", "document/literal became rpc/encoded.", False),
        ),
        (described(add()), described(add(one_way=True)), (PLACE, "", "It has no reply any more.", True)),
        (
            described(add(headers=(simple("session"),))),
            described(add()),
            (PLACE, "headers.session", "session was removed.", True),
        ),
        (
            described(add()),
            described(add(headers=(simple("session"),))),
            (PLACE, "headers.session", "session was added (xsd:string, optional).", False),
        ),
    ],
)
def test_a_change_of_ports_and_operations(before: Description, after: Description, change: Any) -> None:
    assert found(before, after) == [change]


def test_a_removed_port_breaks_and_an_added_one_does_not() -> None:
    one = described()
    other = Description((Service("Crm", (Port("Soap12", "B", None),)),), one.bindings, ())
    assert found(one, other) == [
        ("Crm/Soap", "", "The port was removed.", True),
        ("Crm/Soap12", "", "The port was added.", False),
    ]


@pytest.mark.parametrize(
    ("before", "after", "sentence", "breaking"),
    [
        (simple("p"), simple("p", "int"), "p changed its type from xsd:string to xsd:int.", True),
        (simple("p"), an_object("p", 0), "p changed its type from xsd:string to T0.", True),
        (simple("p"), simple("p", **OPTIONAL), "p became optional.", False),
        (simple("p", **OPTIONAL), simple("p"), "p became required.", True),
        (simple("p", **OPTIONAL), simple("p", choice=(0, 0)), "p became one of several alternatives.", True),
        (simple("p", max_occurs=None), simple("p"), "p is not repeated any more.", True),
        (simple("p"), simple("p", max_occurs=None), "p may be repeated.", False),
        (simple("p", max_occurs=None), simple("p", max_occurs=3), "p may be given at most 3 times.", True),
        (simple("p", max_occurs=2), simple("p", max_occurs=3), "p may be given at most 3 times.", False),
        (simple("p", max_occurs=2), simple("p", max_occurs=None), "p may be given any number of times.", False),
        (
            simple("p", max_occurs=9),
            simple("p", min_occurs=2, max_occurs=9),
            "p must be given at least 2 times.",
            True,
        ),
        (simple("p", nillable=True), simple("p"), "p may not be nil any more.", True),
        (simple("p", "string", "A", "B"), simple("p", "string", "A"), "p may not be B any more.", True),
        (simple("p", "string", "A"), simple("p", "string", "B", "A"), "p may be B, too.", False),
        (simple("p"), simple("p", "string", "A"), "p must be one of A.", True),
        (simple("p", "string", "A"), simple("p"), "p may be any value of its type.", False),
        (
            simple("p", facets={"maxLength": "9"}),
            simple("p", facets={"maxLength": "5"}),
            "p: maxLength changed from 9 to 5.",
            True,
        ),
        (
            simple("p", facets={"maxLength": "9"}),
            simple("p", facets={"maxLength": "50"}),
            "p: maxLength changed from 9 to 50.",
            False,
        ),
        (
            simple("p", "decimal", facets={"minInclusive": "1.5"}),
            simple("p", "decimal", facets={"minInclusive": "0"}),
            "p: minInclusive changed from 1.5 to 0.",
            False,
        ),
        (
            simple("p", "date", facets={"minInclusive": "2026-01-01"}),
            simple("p", "date"),
            "p: minInclusive changed from 2026-01-01 to none.",
            False,
        ),
        (
            simple("p", "date", facets={"maxInclusive": "2026-01-01"}),
            simple("p", "date", facets={"maxInclusive": "2027-01-01"}),
            "p: maxInclusive changed from 2026-01-01 to 2027-01-01.",
            True,
        ),
    ],
)
def test_a_change_of_a_parameter(before: Parameter, after: Parameter, sentence: str, breaking: bool) -> None:
    table = (the(simple("a")),)
    assert found(described(add(before), table=table), described(add(after), table=table)) == [
        (PLACE, "parameters.p", sentence, breaking)
    ]


def test_parameters_added_and_removed_deep_inside() -> None:
    before = (the(an_object("lines", 1, **LIST)), the(simple("code"), simple("old")))
    after = (the(an_object("lines", 1, **LIST)), the(simple("code"), simple("new"), simple("note", **OPTIONAL)))
    orders = [described(add(an_object("order", 0)), table=table) for table in (before, after)]
    assert found(*orders) == [
        (PLACE, "parameters.order.lines.old", "old was removed.", True),
        (PLACE, "parameters.order.lines.new", "new was added (xsd:string, required).", True),
        (PLACE, "parameters.order.lines.note", "note was added (xsd:string, optional).", False),
    ]


def test_a_choice_that_must_be_made_now() -> None:
    parts = (simple("mail", choice=(0, 0)), simple("phone", choice=(0, 1)))
    after = described(add(*parts, required_choices=(0,)))
    assert found(described(add(*parts)), after) == [(PLACE, "parameters", "One of mail, phone became required.", True)]
    assert found(after, described(add(*parts))) == []


def test_types_that_may_not_stand_in_a_type_s_place_any_more_and_changes_in_those_that_may() -> None:
    before = (the(name="A", derived=(1, 2)), the(name="B"), the(simple("c"), name="C"))
    after = (the(name="A", derived=(1,)), the(simple("c", "int"), name="C"))
    both = [described(add(an_object("p", 0)), table=table) for table in (before, after)]
    assert found(*both) == [
        (PLACE, "parameters.p", "The type B may not stand here any more.", True),
        (PLACE, "parameters.p.c", "c changed its type from xsd:string to xsd:int.", True),
    ]


def test_what_many_operations_share_is_told_once() -> None:
    def many(base: str) -> Description:
        operations = [Operation(f"O{number}", input=(an_object("p", 0),)) for number in range(50)]
        operations.append(Operation("Last", soap_action=base))
        table = (the(simple("a", base), an_object("again", 0, **LIST)),)
        one = described(*operations, table=table)
        ports = tuple(Port(f"P{number}", "B", None) for number in range(3))
        return Description((Service("Crm", ports),), one.bindings, table)

    assert found(many("string"), many("int")) == [
        ("Crm/P0/O0", "parameters.p.a", "a changed its type from xsd:string to xsd:int.", True),
        ("Crm/P0/Last", "", "The SOAPAction changed from string to int.", False),
    ]


def test_three_hundred_changes_are_listed_breaking_ones_first_and_the_rest_counted() -> None:
    before = described(Operation("Gone"))
    after = described(*(Operation(f"O{number}") for number in range(400)), address="http://new.example/")
    result = changes(before, after)
    assert (len(result.listed), result.more, result.breaking) == (300, 102, True)
    assert result.listed[0] == Change("Crm/Soap/Gone", "", "The operation was removed.", breaking=True)
    assert result.as_document()["changes"][2] == {
        "place": "Crm/Soap/O0",
        "path": "",
        "sentence": "The operation was added.",
        "breaking": False,
    }
    assert (result.as_document()["more"], result.as_document()["breaking"]) == (102, True)


def test_a_thousand_types_that_all_reach_each_other_are_compared_once_each() -> None:
    def table(base: str) -> tuple[ObjectType, ...]:
        return tuple(
            the(
                simple("a", base), *(an_object(f"p{step}", (index * 7 + step) % 1000, **OPTIONAL) for step in range(30))
            )
            for index in range(1000)
        )

    both = [described(add(an_object("p", 0)), table=table(base)) for base in ("string", "int")]
    assert changes(*both).more == 700


@given(types(), types())
def test_any_two_descriptions_can_be_compared(one: tuple[ObjectType, ...], other: tuple[ObjectType, ...]) -> None:
    first, second = (described(add(*table[0].parameters), table=table) for table in (one, other))
    assert changes(first, first).listed == ()
    removed = {each.name for each in one[0].parameters} - {each.name for each in other[0].parameters}
    told = {each.path for each in changes(first, second).listed}
    assert {f"parameters.{name}" for name in removed} <= told
