"""An operation's parameters as a tree for people, and as an example that can be pasted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.soap.description import ObjectType, Parameter, Place, Shape, SimpleType
from dispatcher.domain.soap.examples import example
from dispatcher.domain.soap.tree import tree
from tests.unit.soap_descriptions import an_object, simple, the, types
from tests.unit.test_soap_filling import LIST, OPTIONAL

PLAIN: dict[str, Any] = {
    "name": "p",
    "type": "xsd:string",
    "shape": "simple",
    "required": True,
    "repeated": False,
    "nillable": False,
}


def shown(parameter: Parameter, table: tuple[ObjectType, ...] = (), **bounds: int) -> dict[str, Any]:
    (node,) = tree([parameter], table, **bounds)
    return node


def test_a_parameter_is_shown_with_what_matters_of_it() -> None:
    assert shown(simple("p")) == PLAIN
    parameter = simple(
        "p",
        "string",
        "A",
        "B",
        facets={"maxLength": "1", "whiteSpace": "collapse"},
        min_occurs=0,
        max_occurs=None,
        nillable=True,
        place=Place.ATTRIBUTE,
        choice=(0, 1),
        documentation="Which one.",
    )
    assert shown(parameter) == PLAIN | {
        "required": False,
        "repeated": True,
        "nillable": True,
        "min_occurs": 0,
        "max_occurs": None,
        "place": "attribute",
        "choice": {"number": 0, "alternative": 1},
        "documentation": "Which one.",
        "enumeration": ["A", "B"],
        "facets": {"maxLength": "1"},
    }


def test_a_long_enumeration_is_cut_and_counted() -> None:
    node = shown(simple("p", "string", *map(str, range(250))))
    assert (len(node["enumeration"]), node["enumeration_more"]) == (200, 50)


def test_a_union_of_enumerations_lists_the_values_of_all() -> None:
    members = (SimpleType("A", "string", ("a", "b")), SimpleType("B", "string", ("b", "c")))
    union = SimpleType("U", "anySimpleType", members=members)
    assert shown(Parameter("p", "U", Shape.SIMPLE, simple=union))["enumeration"] == ["a", "b", "c"]
    open_one = SimpleType("U", "anySimpleType", members=(*members, SimpleType("string", "string")))
    assert "enumeration" not in shown(Parameter("p", "U", Shape.SIMPLE, simple=open_one))


def test_parameters_lie_in_those_of_their_type() -> None:
    node = shown(an_object("p", 0), (the(simple("a"), an_object("b", 1)), the(simple("c"))))
    assert [child["name"] for child in node["children"]] == ["a", "b"]
    assert node["children"][1]["children"] == [PLAIN | {"name": "c"}]
    assert shown(an_object("p", 0), (the(),))["children"] == []


def test_the_types_that_may_stand_in_its_place_are_named() -> None:
    table = (the(name="A", derived=(1,)), the(name="B", derived=(2,)), the(name="C"))
    assert shown(an_object("p", 0), table)["types"] == ["A", "B", "C"]
    assert "types" not in shown(an_object("p", 2), table)


def test_a_type_that_is_open_above_is_not_shown_again() -> None:
    node = shown(an_object("p", 0), (the(simple("a"), an_object("again", 0, **LIST)),))
    again = node["children"][1]
    assert (again["more"], "children" in again, "more" in node) == (True, False, False)


def test_depth_and_number_are_bounded_and_outer_ones_come_first() -> None:
    table = (the(an_object("b", 1)), the(an_object("c", 2)), the(simple("d")))
    assert shown(an_object("a", 0), table, depth=2)["children"][0]["more"] is True
    wide = (the(*(an_object(f"w{number}", 1) for number in range(9))), the(*(simple(f"s{n}") for n in range(10))))
    first, second = tree([an_object("p", 0), an_object("q", 0)], wide, budget=32)
    assert [len(node["children"]) for node in (first, second)] == [9, 9]
    assert [child.get("more", False) for child in first["children"]] == [False, *[True] * 8]
    assert all(child["more"] for child in second["children"])


def test_an_example_has_everything_in_the_right_shape() -> None:
    line = the(
        simple("code", "string", "A", "B"), simple("price", "decimal"), simple("id", "int", place=Place.ATTRIBUTE)
    )
    order = the(
        simple("day", "date"),
        an_object("lines", 0, **LIST),
        simple("mail", choice=(0, 0)),
        simple("phone", choice=(0, 1)),
        Parameter("any", "xsd:anyType", Shape.ANY_TYPE, min_occurs=0),
        Parameter("_value_1", "xsd:any", Shape.XML, min_occurs=0),
    )
    assert example([an_object("order", 1), simple("on", "boolean", min_occurs=3, max_occurs=None)], (line, order)) == {
        "order": {
            "day": "2026-11-20",
            "lines": [{"code": "A", "price": 12.5, "id": 1}],
            "mail": "text",
            "any": "text",
            "_value_1": "<example/>",
        },
        "on": [True, True, True],
    }


def test_an_example_ends_where_a_type_contains_itself() -> None:
    node = the(simple("name"), an_object("next", 0, **OPTIONAL))
    assert example([an_object("p", 0)], (node,)) == {"p": {"name": "text"}}
    a, b = the(simple("x"), an_object("b", 1, **OPTIONAL)), the(simple("y", **OPTIONAL), an_object("a", 0))
    assert example([an_object("p", 0)], (a, b)) == {"p": {"x": "text", "b": {"y": "text", "a": {"x": "text"}}}}
    endless = the(an_object("self", 0, nillable=True), an_object("other", 0))
    assert example([an_object("p", 0)], (endless,))["p"]["self"] == {"self": {"$nil": True}, "other": {}}


def test_optional_parameters_are_shown_to_six_levels() -> None:
    table = tuple(the(simple("a"), an_object("b", index + 1, **OPTIONAL)) for index in range(9))
    node, levels = example([an_object("b", 0)], (*table, the())), 0
    while "b" in node:
        node, levels = node["b"], levels + 1
    assert (levels, node) == (6, {"a": "text"})


def test_of_a_choice_the_first_alternative_that_ends_is_shown() -> None:
    rule = the(an_object("all", 0, choice=(0, 0)), simple("field", choice=(0, 1)), required_choices=(0,))
    assert example([an_object("rule", 0)], (rule,)) == {"rule": {"field": "text"}}


def test_an_example_of_types_that_multiply_is_bounded() -> None:
    table = tuple(the(*(an_object(f"p{n}", index + 1) for n in range(8))) for index in range(9))
    document = example([an_object("p", 0)], (*table, the(simple("a"))))
    assert len(str(document)) < 1_000_000


@given(types(), st.integers(1, 4), st.integers(1, 40))
def test_a_tree_holds_no_more_than_its_budget(table: tuple[ObjectType, ...], depth: int, budget: int) -> None:
    pending = [(node, 1) for node in tree(table[0].parameters, table, depth=depth, budget=budget)]
    for node, level in pending:
        assert level <= depth
        assert not ("more" in node and "children" in node)
        pending += [(child, level + 1) for child in node.get("children", ())]
    assert len(pending) <= max(budget, len(table[0].parameters))
