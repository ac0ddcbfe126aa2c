"""Operators that compare: equality, membership, order, presence.

Numbers compare with numbers, text with text (by code point), times as moments; a value of another type makes a
test false, and `ne` and `not_in` true. A boolean is no number.
"""

import operator
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from dispatcher.domain.criteria.operands import Operand, OperandRefused, Test, is_number, moment_of, same


def moment_in(value: Any) -> datetime | None:
    """The moment of canonical time text, or None."""
    if type(value) is not str:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def equal(operand: Operand) -> Test:
    """`eq`"""
    operand.check(operand.value)
    return _equal_to(operand.value, is_time=operand.is_time)


def _equal_to(wanted: Any, *, is_time: bool) -> Test:
    if is_time:
        return partial(_is_moment, moment_of(wanted))
    if type(wanted) is str:
        return partial(operator.eq, wanted)
    if is_number(wanted):
        return partial(_is_number, wanted)
    return partial(same, wanted)


def _is_moment(wanted: datetime, value: Any) -> bool:
    return moment_in(value) == wanted


def _is_number(wanted: float, value: Any) -> bool:
    return is_number(value) and bool(value == wanted)


def unequal(operand: Operand) -> Test:
    """`ne`"""
    test = equal(operand)
    return partial(operator.ne, operand.value) if type(operand.value) is str and not operand.is_time else _not(test)


def _not(test: Test) -> Test:
    return lambda value: not test(value)


def among(operand: Operand) -> Test:
    """`in`"""
    choices = operand.items()
    for index, choice in enumerate(choices):
        operand.check(choice, f"[{index}]")
    if not operand.is_time and all(type(choice) is str for choice in choices):
        return partial(_is_one_of, frozenset(choices))
    tests = [_equal_to(choice, is_time=operand.is_time) for choice in choices]
    return lambda value: any(test(value) for test in tests)


def _is_one_of(words: frozenset[str], value: Any) -> bool:
    return type(value) is str and value in words


def not_among(operand: Operand) -> Test:
    """`not_in`"""
    return _not(among(operand))


def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Operand], Test]:
    """`lt`, `le`, `gt`, `ge`"""

    def build(operand: Operand) -> Test:
        operand.check(operand.value)
        return _ordered(compare, operand.value, is_time=operand.is_time)

    return build


def _ordered(compare: Callable[[Any, Any], bool], wanted: Any, *, is_time: bool, at: str = "") -> Test:
    if is_time:
        return partial(_lies_in_time, compare, moment_of(wanted, at))
    if type(wanted) is str:
        return partial(_sorts, compare, wanted)
    if is_number(wanted):
        return partial(_counts, compare, wanted)
    raise OperandRefused("a number or text", wanted, at)


def _lies_in_time(compare: Callable[[Any, Any], bool], limit: datetime, value: Any) -> bool:
    moment = moment_in(value)
    return moment is not None and compare(moment, limit)


def _sorts(compare: Callable[[Any, Any], bool], limit: str, value: Any) -> bool:
    return type(value) is str and compare(value, limit)


def _counts(compare: Callable[[Any, Any], bool], limit: float, value: Any) -> bool:
    return is_number(value) and compare(value, limit)


def between(operand: Operand) -> Test:
    """`between`: from the lower bound to the upper, both included."""
    bounds = operand.value
    if type(bounds) is not list or len(bounds) != 2:
        raise OperandRefused("a list of two: the lower and the upper bound", bounds)
    for index, bound in enumerate(bounds):
        operand.check(bound, f"[{index}]")
    at_least = _ordered(operator.ge, bounds[0], is_time=operand.is_time, at="[0]")
    at_most = _ordered(operator.le, bounds[1], is_time=operand.is_time, at="[1]")
    if not at_most(bounds[0]):
        raise OperandRefused("two bounds of one type, the lower first", bounds)
    return lambda value: at_least(value) and at_most(value)


def exists(operand: Operand) -> Test:
    """`exists`"""
    if operand.value is True:
        return lambda value: value is not None
    if operand.value is False:
        return lambda value: value is None
    raise OperandRefused("true or false", operand.value)
