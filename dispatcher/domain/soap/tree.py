"""STAND-IN, to be replaced whole: parameters as a tree for people and forms, and a fillable example."""

from collections.abc import Sequence
from typing import Any

from dispatcher.domain.soap.description import ObjectType, Parameter


def tree(
    parameters: Sequence[Parameter], types: Sequence[ObjectType], *, depth: int = 6, budget: int = 2000
) -> list[dict[str, Any]]:
    """The parameters with everything below them, at most `depth` levels and `budget` nodes."""
    left = [budget]

    def nodes(given: Sequence[Parameter], levels: int) -> list[dict[str, Any]]:
        found = []
        for each in given:
            if left[0] <= 0:
                break
            left[0] -= 1
            node = {"name": each.name, "type": each.type, "required": each.required, "repeated": each.repeated}
            if each.simple is not None and each.simple.enumeration:
                node["enumeration"] = list(each.simple.enumeration)
            if each.object is not None and levels > 1:
                node["parameters"] = nodes(types[each.object].parameters, levels - 1)
            found.append(node)
        return found

    return nodes(parameters, depth)


def example(parameters: Sequence[Parameter], types: Sequence[ObjectType]) -> dict[str, Any]:
    """Values that can be filled in, by the names of the parameters."""

    def value(each: Parameter, levels: int) -> Any:
        if each.object is not None and levels > 0:
            return {inner.name: value(inner, levels - 1) for inner in types[each.object].parameters}
        return each.simple.enumeration[0] if each.simple is not None and each.simple.enumeration else each.name

    return {each.name: [value(each, 4)] if each.repeated else value(each, 4) for each in parameters}
