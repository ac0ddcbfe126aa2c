"""The parameters of an operation as a tree: what a person reads, and what a pick-list is filled from."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from dispatcher.domain.soap.description import ObjectType, Parameter, Place, SimpleType
from dispatcher.domain.soap.standing_in import standing_in

MAX_LISTED = 200
"""Enumerated values of a parameter, and types that may stand in its place."""
Node = dict[str, Any]


def tree(
    parameters: Sequence[Parameter], types: Sequence[ObjectType], *, depth: int = 6, budget: int = 2_000
) -> list[Node]:
    """The parameters with those in them, as JSON. `more` stands where there are further ones: below `depth` levels,
    beyond `budget` parameters in all (outer ones come first), or in a type that is open above already."""
    top = [_node(parameter, types) for parameter in parameters]
    left = budget - len(top)
    # Level by level, so that a deep first parameter does not use up what is there for all of them.
    pending = deque((node, parameter, 1, frozenset[int]()) for node, parameter in zip(top, parameters, strict=True))
    while pending:
        node, parameter, level, above = pending.popleft()
        if parameter.object is None:
            continue
        inner = types[parameter.object].parameters
        if level >= depth or parameter.object in above or len(inner) > left:
            node["more"] = True
            continue
        node["children"] = [_node(each, types) for each in inner]
        left -= len(inner)
        opened = above | {parameter.object}
        pending.extend((child, each, level + 1, opened) for child, each in zip(node["children"], inner, strict=True))
    return top


def _node(parameter: Parameter, types: Sequence[ObjectType]) -> Node:
    node: Node = {
        "name": parameter.name,
        "type": parameter.type,
        "shape": parameter.shape.value,
        "required": parameter.required,
        "repeated": parameter.repeated,
        "nillable": parameter.nillable,
    }
    if parameter.repeated:
        node |= {"min_occurs": parameter.min_occurs, "max_occurs": parameter.max_occurs}
    if parameter.place is not Place.ELEMENT:
        node["place"] = parameter.place.value
    if parameter.choice is not None:
        node["choice"] = {"number": parameter.choice[0], "alternative": parameter.choice[1]}
    if parameter.documentation:
        node["documentation"] = parameter.documentation
    if parameter.simple is not None:
        node |= _simple(parameter.simple)
    if parameter.object is not None:
        node |= _standing_in(parameter.object, types)
    return node


def _simple(simple: SimpleType) -> Node:
    node: Node = {}
    values = enumeration_of(simple)
    if values:
        node["enumeration"] = list(values[:MAX_LISTED])
    if len(values) > MAX_LISTED:
        node["enumeration_more"] = len(values) - MAX_LISTED
    facets = {name: text for name, text in simple.facets.items() if name != "whiteSpace"}
    return node | ({"facets": facets} if facets else {})


def enumeration_of(simple: SimpleType) -> tuple[str, ...]:
    """The values of which one must be given; of a list type, those of its items; of a union in which every member lists
    values, those of all."""
    if simple.enumeration:
        return simple.enumeration
    if simple.item is not None:
        return enumeration_of(simple.item)
    members = [enumeration_of(member) for member in simple.members]
    return tuple(dict.fromkeys(value for values in members for value in values)) if all(members) else ()


def _standing_in(index: int, types: Sequence[ObjectType]) -> Node:
    if not types[index].derived:
        return {}
    names = list(standing_in(index, types))
    return {"types": names[:MAX_LISTED]} | ({"types_more": len(names) - MAX_LISTED} if len(names) > MAX_LISTED else {})
