"""The operators of a clause: an operand in, a test of one value out. A test never raises; absent (None) is false.

Numbers compare with numbers, text with text (by code point), times as moments; a value of another type makes a
test false, and `ne` and `not_in` true. A boolean is no number. `starts_with` and `ends_with` are of text, never of
a list; `contains` is of text in text or of an element in a list.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from dispatcher.domain.field_values import Unfit, read_moment

Test = Callable[[Any], bool]
CompilePattern = Callable[[str], Callable[[str], bool]]
"""Gives a search for a pattern in linear time; raises `PatternRefused` with the engine's reason."""

MAX_CHOICES = 10_000
_NUMBERS = frozenset({int, float})
_SCALARS = frozenset({int, float, str, bool})


class PatternRefused(ValueError):
    """A pattern that cannot be compiled; the text is the engine's reason."""


class OperandRefused(ValueError):
    """A value that an operator cannot take; `expected` says which it can, `at` the place inside the value."""

    def __init__(self, expected: str, at: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.at = at


@dataclass(frozen=True, slots=True)
class Operand:
    """The right-hand side of a clause. `is_time`: its field holds a time, so both sides are moments."""

    value: Any
    is_time: bool
    compile_pattern: CompilePattern


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0, and no boolean equals a number."""
    if type(one) in _NUMBERS and type(other) in _NUMBERS:
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _moment(value: Any) -> datetime | None:
    """The moment of canonical time text, or None."""
    if type(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _wanted_moment(value: Any, at: str = "") -> datetime:
    try:
        return read_moment(value)
    except Unfit as unfit:
        raise OperandRefused(unfit.expected, at) from None


def _eq(operand: Operand) -> Test:
    return _equal_to(operand.value, operand.is_time)


def _equal_to(wanted: Any, is_time: bool, at: str = "") -> Test:
    if wanted is None:
        raise OperandRefused("a value (absence is asked for by exists: false)", at)
    if is_time:
        moment = _wanted_moment(wanted, at)
        return lambda value: _moment(value) == moment
    if type(wanted) is str:
        return lambda value: bool(value == wanted)
    if type(wanted) is bool:
        return lambda value: value is wanted
    if type(wanted) in _NUMBERS:
        return lambda value: type(value) in _NUMBERS and value == wanted
    return lambda value: same(value, wanted)


def _ne(operand: Operand) -> Test:
    equal = _eq(operand)
    return lambda value: not equal(value)


def _in(operand: Operand) -> Test:
    choices = operand.value
    if type(choices) is not list or not 1 <= len(choices) <= MAX_CHOICES:
        raise OperandRefused(f"a list of 1 to {MAX_CHOICES} values")
    tests = [_equal_to(choice, operand.is_time, f"[{index}]") for index, choice in enumerate(choices)]
    if not operand.is_time and all(type(choice) is str for choice in choices):
        words = frozenset(choices)
        return lambda value: type(value) is str and value in words
    return lambda value: any(test(value) for test in tests)


def _not_in(operand: Operand) -> Test:
    among = _in(operand)
    return lambda value: not among(value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Operand], Test]:
    def build(operand: Operand) -> Test:
        wanted = operand.value
        if operand.is_time:
            limit = _wanted_moment(wanted)
            return lambda value: (moment := _moment(value)) is not None and compare(moment, limit)
        if type(wanted) is str:
            return lambda value: type(value) is str and compare(value, wanted)
        if type(wanted) in _NUMBERS:
            return lambda value: type(value) in _NUMBERS and compare(value, wanted)
        raise OperandRefused("a number or text")

    return build


def _between(operand: Operand) -> Test:
    bounds = operand.value
    if type(bounds) is not list or len(bounds) != 2:
        raise OperandRefused("a list of two: the lower and the upper bound")
    at_least, at_most = (
        build(Operand(bound, operand.is_time, operand.compile_pattern))
        for build, bound in zip((_ordered(operator.ge), _ordered(operator.le)), bounds, strict=True)
    )
    if not at_most(bounds[0]):
        raise OperandRefused("two bounds of one type, the lower first")
    return lambda value: at_least(value) and at_most(value)


def _contains(operand: Operand) -> Test:
    wanted = operand.value
    if type(wanted) not in _SCALARS:
        raise OperandRefused("text, a number or a boolean")
    if type(wanted) is str:
        return lambda value: type(value) in (str, list) and wanted in value
    return lambda value: type(value) is list and any(same(element, wanted) for element in value)


def _text(operand: Operand) -> str:
    if type(operand.value) is not str or not operand.value:
        raise OperandRefused("text, not empty")
    return operand.value


def _starts_with(operand: Operand) -> Test:
    prefix = _text(operand)
    return lambda value: type(value) is str and value.startswith(prefix)


def _ends_with(operand: Operand) -> Test:
    suffix = _text(operand)
    return lambda value: type(value) is str and value.endswith(suffix)


def _matches(operand: Operand) -> Test:
    try:
        found = operand.compile_pattern(_text(operand))
    except PatternRefused as refused:
        raise OperandRefused(f"a pattern of RE2 syntax ({refused})") from None
    return lambda value: type(value) is str and found(value)


def _exists(operand: Operand) -> Test:
    if operand.value is True:
        return lambda value: value is not None
    if operand.value is False:
        return lambda value: value is None
    raise OperandRefused("true or false")


OPERATORS: Mapping[str, Callable[[Operand], Test]] = MappingProxyType(
    {
        "eq": _eq,
        "ne": _ne,
        "in": _in,
        "not_in": _not_in,
        "lt": _ordered(operator.lt),
        "le": _ordered(operator.le),
        "gt": _ordered(operator.gt),
        "ge": _ordered(operator.ge),
        "between": _between,
        "contains": _contains,
        "starts_with": _starts_with,
        "ends_with": _ends_with,
        "matches": _matches,
        "exists": _exists,
    }
)
"""Every operator by its word. A builder raises `OperandRefused`."""

LATER = frozenset({"number_eq", "number_prefix", "time_between", "weekday_in", "any_of", "all_of", "none_of"})
"""Operators whose words are spoken for."""
