"""Every operator of a clause, and the kinds of fields that it fits."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dispatcher.domain.call_fields import OUTCOMES, Field, Kind
from dispatcher.domain.context import CUSTOM
from dispatcher.domain.criteria import comparisons as compare
from dispatcher.domain.criteria import text_operators as text
from dispatcher.domain.criteria.number_operators import number_eq, number_prefix
from dispatcher.domain.criteria.operands import LocalTest, Operand, Test
from dispatcher.domain.criteria.time_operators import time_between, weekday_in
from dispatcher.domain.variables import CRITERIA_FIELDS

_TEXTS = frozenset({Kind.TEXT, Kind.ID, Kind.PHONE})
_WORDS = _TEXTS | {Kind.CHOICE}
_ORDERED = _TEXTS | {Kind.NUMBER, Kind.INTEGER, Kind.TIME}
_LISTS = frozenset({Kind.TEXT_LIST})
_PHONES = frozenset({Kind.PHONE})
_TIMES = frozenset({Kind.TIME})


@dataclass(frozen=True, slots=True)
class Operator:
    """How a test is built, which raises `OperandRefused`, and of which kinds of fields it can hold."""

    build: Callable[[Operand], Test | LocalTest]
    kinds: frozenset[Kind] = frozenset(Kind)
    dear: bool = False
    """Whether a test takes longer than remembering what it said."""


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "eq": Operator(compare.equal),
        "ne": Operator(compare.unequal),
        "in": Operator(compare.among),
        "not_in": Operator(compare.not_among),
        "lt": Operator(compare.ordered(operator.lt), _ORDERED),
        "le": Operator(compare.ordered(operator.le), _ORDERED),
        "gt": Operator(compare.ordered(operator.gt), _ORDERED),
        "ge": Operator(compare.ordered(operator.ge), _ORDERED),
        "between": Operator(compare.between, _ORDERED),
        "contains": Operator(text.contains, _WORDS | _LISTS),
        "starts_with": Operator(text.starts_with, _WORDS),
        "ends_with": Operator(text.ends_with, _WORDS),
        "matches": Operator(text.matches, _WORDS, dear=True),
        "exists": Operator(compare.exists),
        "number_eq": Operator(number_eq, _PHONES, dear=True),
        "number_prefix": Operator(number_prefix, _PHONES, dear=True),
        "time_between": Operator(time_between, _TIMES, dear=True),
        "weekday_in": Operator(weekday_in, _TIMES, dear=True),
        "any_of": Operator(text.any_of, _LISTS, dear=True),
        "all_of": Operator(text.all_of, _LISTS, dear=True),
        "none_of": Operator(text.none_of, _LISTS, dear=True),
        "outcome_class": Operator(text.outcome_class, frozenset({Kind.CHOICE})),
    }
)
"""Every operator by its word. An absent field makes each false but `ne`, `not_in`, `none_of` and `exists: false`."""

_OF_OUTCOMES = "outcome_class"


def operators_for(path: str) -> tuple[str, ...]:
    """The words of the operators that fit a field; below `call.custom`, where any type may stand, nearly all.

    None for a path that criteria cannot name.
    """
    field = CRITERIA_FIELDS.get(path)
    if field is None:
        return tuple(word for word in OPERATORS if word != _OF_OUTCOMES) if path.startswith(f"{CUSTOM}.") else ()
    return tuple(word for word, each in OPERATORS.items() if _fits(word, each, field))


def _fits(word: str, offered: Operator, field: Field) -> bool:
    return field.kind in offered.kinds and (word != _OF_OUTCOMES or field.choices == OUTCOMES)
