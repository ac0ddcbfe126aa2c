"""Operators that compare telephone numbers however they are written.

A number is brought into the form of E.164 by the country of the event's source. One that cannot be (an extension, a
national number of a source without a country) stands for its digits, and text with other characters than digits and
the usual `+-./()` and spaces (`*98`, `sip:154@pbx`) for itself.
"""

import re
from functools import lru_cache
from typing import Any

from dispatcher.domain.criteria.operands import LocalTest, Operand, OperandRefused, text_of
from dispatcher.domain.engines import Numbers

COUNTRY = "source.country"
MAX_NUMBERS = 1_000
"""Of one clause: reading so many that are written nationally takes 40 ms, once for each country."""
_MAX_COUNTRIES = 16
"""Whose readings of its numbers a clause keeps."""
_PUNCTUATION = str.maketrans("", "", "+-./() \u00a0")
_DIGIT = re.compile("[0-9]")


def number_eq(operand: Operand) -> LocalTest:
    """`number_eq`: the same number, or one of several. Without a common form of E.164, the same digits."""
    wanted, numbers = _numbers(operand), operand.engines.numbers

    @lru_cache(_MAX_COUNTRIES)
    def accepted(country: str | None) -> frozenset[str]:
        digits = {_normal(each, country, numbers).removeprefix("+") for each in wanted}
        return frozenset(digits | {f"+{each}" for each in digits})

    def test(value: Any, country: Any) -> bool:
        return type(value) is str and _normal(value, country, numbers) in accepted(country)

    return LocalTest(COUNTRY, test)


def number_prefix(operand: Operand) -> LocalTest:
    """`number_prefix`: a number that begins so, or with one of several prefixes.

    A prefix with `+` or `00` holds only of numbers that have a form of E.164. Another one is read as it is dialled in
    the source's country (`0800`), and of what has no such form (extensions) it compares the digits.
    """
    wanted, numbers = _numbers(operand), operand.engines.numbers
    plain = tuple(_digits(each) for each in wanted if not each.lstrip().startswith(("+", "00")))

    @lru_cache(_MAX_COUNTRIES)
    def prefixes(country: str | None) -> tuple[str, ...]:
        return tuple(prefix for each in wanted if (prefix := numbers.beginning(each, country)) is not None)

    def test(value: Any, country: Any) -> bool:
        if type(value) is not str:
            return False
        number = numbers.e164(value, country)
        return _digits(value).startswith(plain) if number is None else number.startswith(prefixes(country))

    return LocalTest(COUNTRY, test)


def _numbers(operand: Operand) -> list[str]:
    alone = type(operand.value) is not list
    found = operand.item_or_items()
    if len(found) > MAX_NUMBERS:
        raise OperandRefused(f"at most {MAX_NUMBERS} numbers", found)
    return [_number_of(each, "" if alone else f"[{index}]") for index, each in enumerate(found)]


def _number_of(raw: Any, at: str) -> str:
    if type(raw) is not str:
        raise OperandRefused('a telephone number or its beginning as text, in quotes: "+1800"', raw, at)
    if not _DIGIT.search(text_of(raw, at)):
        raise OperandRefused('a telephone number or its beginning, such as "+1800"', raw, at)
    return raw


def _normal(text: str, country: str | None, numbers: Numbers) -> str:
    number = numbers.e164(text, country)
    return _digits(text) if number is None else number


def _digits(text: str) -> str:
    digits = text.translate(_PUNCTUATION)
    return digits if digits.isdigit() else text
