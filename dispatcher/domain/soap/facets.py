"""The facets of XML Schema (Part 2: Datatypes, 4.3) that narrow a type: lengths, bounds, digits, listed values."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from dispatcher.domain.soap.built_in import BuiltIn, DoesNotFit, Family
from dispatcher.domain.soap.moments import exists, instant

LISTED_VALUES = 10
"""Of an enumeration, in a sentence; the tree of an operation's parameters shows more."""
_SHOWN_CHARACTERS = 60
_COUNT = re.compile(r"[0-9]{1,9}")
_MAX_NUMBER_CHARACTERS = 1_000
_SAID = {
    "minInclusive": "{} or more",
    "maxInclusive": "{} or less",
    "minExclusive": "more than {}",
    "maxExclusive": "less than {}",
}


def one_of(values: tuple[str, ...]) -> str:
    """What to say of an enumeration: its first values, and how many more there are."""
    listed = ", ".join(shortened(value) for value in values[:LISTED_VALUES])
    more = len(values) - LISTED_VALUES
    return f"one of {listed}" + (f" and {more} more" if more > 0 else "")


def shortened(text: str) -> str:
    """A text of the WSDL's in a sentence of ours."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def count_facet(facets: Mapping[str, str], name: str) -> int | None:
    """A facet that is a count; None where there is none, or none that can be read."""
    text = facets.get(name, "").strip()
    return int(text) if _COUNT.fullmatch(text) else None


def refuse_length(facets: Mapping[str, str], count: int, what: str) -> None:
    """Raises `DoesNotFit` where a length, in `what`, is outside of the facets."""
    exact, least, most = (count_facet(facets, name) for name in ("length", "minLength", "maxLength"))
    if exact is not None and count != exact:
        raise DoesNotFit(f"exactly {exact} {what}")
    if least is not None and count < least:
        raise DoesNotFit(f"at least {least} {what}")
    if most is not None and count > most:
        hint = " (the filter first(n) cuts a text)" if what == "characters" else ""
        raise DoesNotFit(f"at most {most} {what}{hint}")


def refuse_bounds(built_in: BuiltIn, facets: Mapping[str, str], text: str) -> None:
    """Raises `DoesNotFit` where a number or moment is outside of the bounds. Durations have no total order and are not
    judged; a bound that is no value of the type is none."""
    for name, said in _SAID.items():
        bound = facets.get(name, "").strip()
        if bound and not _is_within(built_in, name, text, bound):
            raise DoesNotFit(f"{built_in.expected}; {said.format(shortened(bound))}")


def refuse_digits(facets: Mapping[str, str], text: str) -> None:
    """Raises `DoesNotFit` where a number has too many digits. Zeros before and behind do not count."""
    whole, _, fraction = text.lstrip("+-").partition(".")
    fraction = fraction.rstrip("0")
    total, most = count_facet(facets, "totalDigits"), count_facet(facets, "fractionDigits")
    if most is not None and len(fraction) > most:
        raise DoesNotFit(f"a number with at most {most} digits after the point (the filter round makes one)")
    digits = (whole + fraction).lstrip("0")
    if total is not None and len(digits) > total:
        raise DoesNotFit(f"a number of at most {total} digits")


def same_as(built_in: BuiltIn, listed: tuple[str, ...], text: str) -> str | None:
    """The listed value that a value is, as the enumeration writes it; numbers are compared as numbers."""
    if text in listed:
        return text
    if built_in.family in (Family.DECIMAL, Family.FLOAT):
        number = comparable(built_in, text)
        return next((each for each in listed if number is not None and comparable(built_in, each) == number), None)
    return None


def comparable(built_in: BuiltIn, text: str) -> Any:
    """A number as a number; None for what is none in its type's form."""
    if len(text) > _MAX_NUMBER_CHARACTERS or built_in.form is None or not built_in.form.fullmatch(text):
        return None
    if built_in.family is Family.FLOAT:
        return float(text)
    return Decimal(text) if built_in.family is Family.DECIMAL else None


def _is_within(built_in: BuiltIn, name: str, text: str, bound: str) -> bool:
    if built_in.family is Family.MOMENT:
        pair = _instants(built_in, text, bound)
    elif built_in.family in (Family.DECIMAL, Family.FLOAT):
        pair = comparable(built_in, text), comparable(built_in, bound)
    else:
        return True
    value, limit = pair
    if value is None or limit is None:
        return True
    match name:
        case "minInclusive":
            return bool(value >= limit)
        case "maxInclusive":
            return bool(value <= limit)
        case "minExclusive":
            return bool(value > limit)
        case _:
            return bool(value < limit)


def _instants(built_in: BuiltIn, text: str, bound: str) -> tuple[Fraction | None, Fraction | None]:
    """Both in UTC if both have a zone, else both as on the wall: without a zone there is no better answer (3.2.7.4)."""
    form = built_in.form
    value, limit = (form.fullmatch(text), form.fullmatch(bound)) if form is not None else (None, None)
    if value is None or limit is None or not exists(limit.groupdict()):
        return None, None
    zoned = value["zone"] is not None and limit["zone"] is not None
    return instant(value.groupdict(), zoned=zoned), instant(limit.groupdict(), zoned=zoned)
