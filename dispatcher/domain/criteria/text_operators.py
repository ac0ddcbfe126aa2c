"""Operators that look into text and into lists, and the classes of outcomes."""

from collections.abc import Mapping
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

from dispatcher.domain.call_fields import Kind
from dispatcher.domain.criteria.operands import Operand, OperandRefused, Test, is_scalar, same, text_of, word_of
from dispatcher.domain.engines import PatternRefused

OUTCOME_CLASSES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "connected": frozenset({"answered"}),
        "unanswered": frozenset({"missed", "abandoned", "busy", "rejected", "cancelled", "voicemail"}),
        "lost": frozenset({"missed", "abandoned"}),
        "refused": frozenset({"busy", "rejected"}),
        "failed": frozenset({"failed"}),
    }
)
"""Outcomes by what they come to. `connected`, `unanswered` and `failed` are all there are, each outcome in one of them;
`lost` (a caller whom nobody spoke to and who left no message) and `refused` are parts of `unanswered`."""


def contains(operand: Operand) -> Test:
    """`contains`: text within text, or an element of a list."""
    wanted = operand.value
    if not is_scalar(wanted):
        raise OperandRefused("text, a number or a boolean" if operand.field is None else "text", wanted)
    if operand.field is not None:
        wanted = text_of(wanted)
    if type(wanted) is str:
        return partial(_holds_text, wanted)
    return lambda value: type(value) is list and any(same(element, wanted) for element in value)


def _holds_text(wanted: str, value: Any) -> bool:
    return type(value) in (str, list) and wanted in value


def starts_with(operand: Operand) -> Test:
    """`starts_with`: of text, never of a list."""
    return partial(_begins, operand.text())


def _begins(prefix: str, value: Any) -> bool:
    return type(value) is str and value.startswith(prefix)


def ends_with(operand: Operand) -> Test:
    """`ends_with`: of text, never of a list."""
    return partial(_ends, operand.text())


def _ends(suffix: str, value: Any) -> bool:
    return type(value) is str and value.endswith(suffix)


def matches(operand: Operand) -> Test:
    """`matches`: the pattern is found anywhere in the text, in time linear in its length."""
    try:
        found = operand.engines.pattern(operand.text())
    except PatternRefused as refused:
        raise OperandRefused(f"a pattern of RE2 syntax ({refused})", operand.value) from None
    return lambda value: type(value) is str and found(value)


def any_of(operand: Operand) -> Test:
    """`any_of`: a list that has at least one of the elements."""
    wanted = _elements(operand)
    return lambda value: type(value) is list and any(_has(value, each) for each in wanted)


def all_of(operand: Operand) -> Test:
    """`all_of`: a list that has every one of the elements."""
    wanted = _elements(operand)
    return lambda value: type(value) is list and all(_has(value, each) for each in wanted)


def none_of(operand: Operand) -> Test:
    """`none_of`: the contrary of `any_of`, so it holds of an absent list too."""
    test = any_of(operand)
    return lambda value: not test(value)


def outcome_class(operand: Operand) -> Test:
    """`outcome_class`: an outcome of the class, or of one of several; the classes are `OUTCOME_CLASSES`."""
    known = tuple(OUTCOME_CLASSES)
    alone = type(operand.value) is not list
    classes = [
        word_of(each, known, "" if alone else f"[{index}]") for index, each in enumerate(operand.item_or_items())
    ]
    outcomes = frozenset(chain.from_iterable(OUTCOME_CLASSES[each] for each in classes))
    return lambda value: type(value) is str and value in outcomes


def _elements(operand: Operand) -> list[Any]:
    elements = operand.items()
    texts = operand.field is not None and operand.field.kind is Kind.TEXT_LIST
    for index, each in enumerate(elements):
        if texts:
            text_of(each, f"[{index}]")
        elif not is_scalar(each):
            raise OperandRefused("text, a number or a boolean", each, f"[{index}]")
    return elements


def _has(found: list[Any], wanted: Any) -> bool:
    # The usual case first: `in` alone would take 1 for true.
    return wanted in found if type(wanted) is str else any(same(each, wanted) for each in found)
