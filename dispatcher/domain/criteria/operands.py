"""The right-hand side of a clause: what a field can be compared with, and the tests that come of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dispatcher.domain.call_fields import EVENT_TYPES, OWN_TYPES, Field, Kind
from dispatcher.domain.engines import Engines
from dispatcher.domain.field_values import Unfit, read_moment, read_number, read_text, reader_of
from dispatcher.domain.shape import nearest

Test = Callable[[Any], bool]
"""Whether a field's value passes. Never raises; None, which is what an absent field gives, mostly fails."""

MAX_CHOICES = 10_000
_NUMBERS = frozenset({int, float})
_SCALARS = frozenset({int, float, str, bool})


@dataclass(frozen=True, slots=True)
class LocalTest:
    """A test that also wants a fact of the event's source, such as its country; `fact` is the path of that field."""

    fact: str
    test: Callable[[Any, Any], bool]


class OperandRefused(ValueError):
    """A value that an operator cannot take for its field. `expected` says which it can, `got` is what came instead,
    `at` its place inside the clause's value."""

    def __init__(self, expected: str, got: object, at: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got
        self.at = at


@dataclass(frozen=True, slots=True)
class Operand:
    """The right-hand side of a clause, and the field on its left (None below `call.custom`: of any type)."""

    value: Any
    field: Field | None
    engines: Engines

    @property
    def is_time(self) -> bool:
        """Whether the field holds a time, so that both sides are moments."""
        return self.field is not None and self.field.kind is Kind.TIME

    def items(self) -> list[Any]:
        """The value, which must be a list of 1 to `MAX_CHOICES` items."""
        if type(self.value) is not list or not 1 <= len(self.value) <= MAX_CHOICES:
            raise OperandRefused(f"a list of 1 to {MAX_CHOICES} values", self.value)
        return self.value

    def item_or_items(self) -> list[Any]:
        """The value, where one alone need not stand in a list."""
        return self.items() if type(self.value) is list else [self.value]

    def check(self, wanted: Any, at: str = "") -> None:
        """Raises `OperandRefused` for what the field can never hold, and for null."""
        if wanted is None:
            raise OperandRefused("a value (absence is asked for by exists: false)", None, at)
        if self.field is None:
            return
        try:
            _reader(self.field)(wanted)
        except Unfit as unfit:
            raise OperandRefused(_hint(self.field, unfit.expected, wanted), wanted, at + unfit.at) from None

    def text(self) -> str:
        """The value, which must be text and not empty."""
        return text_of(self.value)


def text_of(value: Any, at: str = "") -> str:
    """Text that is not empty; raises `OperandRefused`."""
    if type(value) is not str or not value:
        raise OperandRefused("text, not empty" if type(value) is str else "text", value, at)
    return value


def word_of(value: Any, words: Sequence[str], at: str = "") -> str:
    """One of the words; raises `OperandRefused` with all of them."""
    if type(value) is str and value in words:
        return value
    hint = nearest(value, words) if type(value) is str else ""
    raise OperandRefused(f"one of {', '.join(words)}{hint}", value, at)


def moment_of(value: Any, at: str = "") -> Any:
    """The moment of RFC 3339 text; raises `OperandRefused`."""
    try:
        return read_moment(value)
    except Unfit as unfit:
        raise OperandRefused(unfit.expected, value, at) from None


def is_number(value: Any) -> bool:
    """Whether it is a JSON number; a boolean is none."""
    return type(value) in _NUMBERS


def is_scalar(value: Any) -> bool:
    """Whether it is text, a number or a boolean."""
    return type(value) in _SCALARS


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


def _reader(field: Field) -> Callable[[object], object]:
    """What reads a value that the field is compared with: more than it can hold where the comparison has a meaning."""
    if field.path == "type":
        return _read_event_type
    match field.kind:
        case Kind.INTEGER:
            return read_number
        case Kind.ID:
            return read_text
        case _:
            return reader_of(field)


def _read_event_type(value: object) -> object:
    if type(value) is str and (value in EVENT_TYPES or value.startswith(OWN_TYPES)):
        return value
    raise Unfit(f"one of {', '.join(EVENT_TYPES)}, or an own type ({OWN_TYPES}...)", value)


def _hint(field: Field, expected: str, got: Any) -> str:
    if type(got) is str:
        return expected + nearest(got, field.choices or (EVENT_TYPES if field.path == "type" else ()))
    quoted = is_number(got) and reader_of(field) is read_text
    return f'text, in quotes: "{got}"' if quoted else expected
