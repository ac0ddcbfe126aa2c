"""Parameters that a person can paste into a profile and change: samples in the right shape."""

from collections.abc import Sequence
from typing import Any

from dispatcher.domain.soap.choices import choices_of
from dispatcher.domain.soap.description import ObjectType, Parameter, Shape
from dispatcher.domain.soap.filling import NIL_KEY
from dispatcher.domain.soap.samples import sample

MAX_DEPTH = 6
"""Levels to which optional parameters are shown; required ones go as deep as they must."""
MAX_VALUES = 1_000
"""Beyond as many, only what is required is added."""
_MAX_REQUIRED_VALUES = 10_000
"""Types that require each other many times over grow without bound; no target means such a message."""
_MAX_ITEMS = 100
_XML = "<example/>"


def example(
    parameters: Sequence[Parameter], types: Sequence[ObjectType], required_choices: Sequence[int] = ()
) -> dict[str, Any]:
    """Values for all parameters, as `request.parameters` takes them: required and optional ones (an optional one of a
    type that is open above is left out), a repeated one as often as it must be, of a choice the first alternative."""
    kind = ObjectType("", tuple(parameters), (), tuple(required_choices))
    return _Example(types).members(kind, frozenset(), frozenset(), 1)


class _Example:
    def __init__(self, types: Sequence[ObjectType]) -> None:
        self.types = types
        self.count = 0

    def members(self, kind: ObjectType, above: frozenset[int], minimal: frozenset[int], level: int) -> dict[str, Any]:
        """An object. `above` are the types that it lies in, `minimal` those of which a second one is open already, in
        which only what is required is given, so that recursion ends."""
        only_required = bool(minimal) or level > MAX_DEPTH or self.count > MAX_VALUES
        chosen = self._chosen(kind, above, only_required=only_required)
        values: dict[str, Any] = {}
        for parameter in kind.parameters:
            needed = parameter.required or parameter.name in chosen
            optional = not only_required and parameter.choice is None and parameter.object not in above
            if needed or optional:
                values[parameter.name] = self._value(parameter, above, minimal, level)
        return values

    def _chosen(self, kind: ObjectType, above: frozenset[int], *, only_required: bool) -> set[str]:
        """The names of the alternatives that are given: of each choice the first that leads to no type above."""
        names: set[str] = set()
        for number, alternatives in choices_of(kind.parameters).items():
            free = [group for group in alternatives if all(each.object not in above for each in group)]
            required = number in kind.required_choices
            if required or (free and not only_required):
                group = (free or alternatives)[0]
                needed = [each.name for each in group if each.min_occurs > 0 or not only_required]
                names |= set(needed or [group[0].name])
        return names

    def _value(self, parameter: Parameter, above: frozenset[int], minimal: frozenset[int], level: int) -> Any:
        one = self._item(parameter, above, minimal, level)
        self.count += max(parameter.min_occurs, 1)
        return [one] * min(max(parameter.min_occurs, 1), _MAX_ITEMS) if parameter.repeated else one

    def _item(self, parameter: Parameter, above: frozenset[int], minimal: frozenset[int], level: int) -> Any:
        if parameter.shape is Shape.ANY_TYPE:
            return "text"
        if parameter.shape is Shape.XML:
            return _XML
        if parameter.object is None:
            return sample(parameter.simple) if parameter.simple is not None else "text"
        index = parameter.object
        if index in minimal or self.count > _MAX_REQUIRED_VALUES:
            return {NIL_KEY: True} if parameter.nillable else {}
        inner = minimal | {index} if index in above else minimal
        return self.members(self.types[index], above | {index}, inner, level + 1)
