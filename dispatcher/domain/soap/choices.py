"""Choices of XML Schema among an object's parameters: which alternative has a value, and what that makes required."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dispatcher.domain.soap.description import ObjectType, Parameter

_LISTED_ALTERNATIVES = 20
_LISTED_NAMES = 5
Alternatives = list[list[Parameter]]


class NotOneAlternative(ValueError):
    """None of a choice's alternatives has a value though one must, or two have. `name` is the parameter too many."""

    def __init__(self, expected: str, name: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.name = name


def choices_of(parameters: Sequence[Parameter]) -> dict[int, Alternatives]:
    """The choices among parameters by their numbers; for each its alternatives, in order."""
    found: dict[int, dict[int, list[Parameter]]] = {}
    for parameter in parameters:
        if parameter.choice is not None:
            number, alternative = parameter.choice
            found.setdefault(number, {}).setdefault(alternative, []).append(parameter)
    return {number: [groups[key] for key in sorted(groups)] for number, groups in found.items()}


def alternatives_expected(alternatives: Iterable[Sequence[Parameter]]) -> str:
    """What to say where none of a choice's alternatives is given."""
    names = [" with ".join(each.name for each in group[:_LISTED_NAMES]) for group in alternatives]
    return f"one of {' or '.join(names[:_LISTED_ALTERNATIVES])}: it is required"


def beside_expected(name: str) -> str:
    """What to say of a parameter that is given although another alternative is."""
    return f"nothing beside {name}: only one of the two may be sent"


def settle(kind: ObjectType, given: Mapping[str, Any], present: set[str]) -> set[str]:
    """The names that the choices make required though the call has nothing for them. Takes out of `present` what is
    only empty text beside a value. Raises `NotOneAlternative`."""
    required: set[str] = set()
    for number, alternatives in choices_of(kind.parameters).items():
        chosen = _chosen(alternatives, given, present)
        if len(chosen) > 1:
            first, second = (next(each.name for each in group if each.name in present) for group in chosen[:2])
            raise NotOneAlternative(beside_expected(first), second)
        if not chosen and number in kind.required_choices:
            chosen = [group for group in alternatives if any(given[each.name] is not None for each in group)]
            if len(chosen) != 1:
                raise NotOneAlternative(alternatives_expected(alternatives))
            required |= {each.name for each in chosen[0] if given[each.name] is not None}
        required |= {each.name for group in chosen for each in group if each.min_occurs > 0}
    return required


def _chosen(alternatives: Alternatives, given: Mapping[str, Any], present: set[str]) -> Alternatives:
    """The alternatives with a value; where several have one, those that are not only empty text: what a call has no
    text for is often empty, and must not stand against a value."""
    chosen = [group for group in alternatives if any(each.name in present for each in group)]
    if len(chosen) < 2:
        return chosen
    strong = [group for group in chosen if any(given[each.name] not in (None, "", [], [""]) for each in group)]
    kept = strong or chosen[:1]
    present -= {each.name for group in chosen if group not in kept for each in group}
    return kept
