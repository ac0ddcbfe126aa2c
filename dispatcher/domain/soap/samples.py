"""A plausible value of a simple type, for an example that a person fills in."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

from dispatcher.domain.soap.built_in import DoesNotFit, Family
from dispatcher.domain.soap.description import SimpleType
from dispatcher.domain.soap.facets import comparable, count_facet
from dispatcher.domain.soap.lexical import built_in_of, is_list, item_type, lexical, takes_empty

_MAX_CHARACTERS = 1_000
"""Of a sample; a type that wants a longer text gets no fitting one."""
_MAX_ITEMS = 100
_NUMBERS = (1, 0, -1, 10, 100)
_BOUNDS = (
    ("minInclusive", (0,)),
    ("maxInclusive", (0,)),
    ("minExclusive", (1, Decimal("0.1"), Decimal("0.01"))),
    ("maxExclusive", (-1, Decimal("-0.1"), Decimal("-0.01"))),
)
_OF_BASE = {
    "decimal": 12.5,
    "float": 12.5,
    "double": 12.5,
    "boolean": True,
    "dateTime": "2026-11-20T10:03:20Z",
    "date": "2026-11-20",
    "time": "10:03:20",
    "gYear": "2026",
    "gYearMonth": "2026-11",
    "gMonth": "--11",
    "gMonthDay": "--11-20",
    "gDay": "---20",
    "duration": "PT3M20S",
    "language": "en",
    "anyURI": "https://example.com/",
}


def sample(simple: SimpleType) -> Any:
    """A JSON value that fits the type: its first listed one, else something within its bounds and lengths.

    Where the facets are contradictory or too particular, what fits the built-in type.
    """
    candidates = chain(_candidates(simple), simple.enumeration)
    first = next(_candidates(simple))
    fitting = (value for value in candidates if value != "" and _fits(value, simple))
    return next(fitting, "" if takes_empty(simple) else first)


def _fits(value: Any, simple: SimpleType) -> bool:
    try:
        lexical(value, simple)
    except DoesNotFit:
        return False
    return True


def _candidates(simple: SimpleType) -> Iterator[Any]:
    """At least one."""
    yield from simple.enumeration
    if simple.members:
        yield from map(sample, simple.members)
    elif is_list(simple):
        yield " ".join([str(lexical_sample(item_type(simple)))] * _length(simple))
    else:
        yield from _of_atom(simple)


def lexical_sample(simple: SimpleType) -> str:
    """A sample in its lexical form, or plainly as text where none fits."""
    value = sample(simple)
    try:
        return lexical(value, simple)
    except DoesNotFit:
        return str(value)


def _length(simple: SimpleType) -> int:
    least = count_facet(simple.facets, "length") or count_facet(simple.facets, "minLength") or 1
    return min(least, _MAX_ITEMS)


def _of_atom(simple: SimpleType) -> Iterator[Any]:
    family = built_in_of(simple).family
    if family in (Family.TEXT, Family.BASE64, Family.HEX):
        yield from _texts(simple)
        return
    if simple.base in _OF_BASE:
        yield _OF_BASE[simple.base]
    if family in (Family.DECIMAL, Family.FLOAT):
        yield from _NUMBERS
        yield from _near_bounds(simple)
    yield from (text.strip() for name, _ in _BOUNDS if (text := simple.facets.get(name)) is not None)


def _texts(simple: SimpleType) -> Iterator[str]:
    usual = _OF_BASE.get(simple.base, "text")
    yield str(usual)
    wanted = (count_facet(simple.facets, name) for name in ("length", "minLength", "maxLength"))
    yield from ((str(usual) + "x" * count)[:count] for count in wanted if count and count <= _MAX_CHARACTERS)
    yield from ("x" * count for count in (1, 2, 3))


def _near_bounds(simple: SimpleType) -> Iterator[str]:
    """The bounds themselves and what lies just within them, as text: numbers of JSON are not exact beyond 2**53."""
    for name, steps in _BOUNDS:
        bound = comparable(built_in_of(simple), simple.facets.get(name, "").strip())
        if bound is not None:
            number = Decimal(repr(bound)) if type(bound) is float else bound
            yield from (f"{number + step:f}" for step in steps if number.is_finite())
