"""The filters of telephone numbers (E.164), by the numbering plans that phonenumbers carries."""

from functools import lru_cache
from typing import Any

import phonenumbers
from jinja2.utils import pass_context
from phonenumbers import PhoneNumberFormat

from dispatcher.adapters.numbers import e164 as e164_of
from dispatcher.adapters.templates.filters import is_absent
from dispatcher.adapters.templates.text import text_of

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
_CACHED = 8_192
"""Formatting takes some 30 us, and a call's numbers come again with every profile and every retry."""


def source_fact(context: Any, name: str) -> str | None:
    """What is known of the event's source."""
    source = context.get("source")
    return source.get(name) if type(source) is dict else None


@pass_context
def e164(context: Any, value: Any, country: str | None = None) -> str | None:
    """The number as `+` and digits, or None where the text is none of the country's plan."""
    return None if is_absent(value) else e164_of(text_of(value), _country(context, country))


@pass_context
def national(context: Any, value: Any, country: str | None = None) -> str | None:
    """The number as it is written inside of the country, or None for any that is not of there.

    Without a country, the number's own: `+` says which. A number of elsewhere has no form that could be dialled here.
    """
    if is_absent(value):
        return None
    here = _country(context, country)
    number = e164_of(text_of(value), here)
    return None if number is None else _national(number, here)


@lru_cache(_CACHED)
def _national(number: str, country: str | None) -> str | None:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    if country is not None and parsed.country_code != phonenumbers.country_code_for_region(country):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)


def _country(context: Any, given: str | None) -> str | None:
    if given is None:
        return source_fact(context, "country")
    if type(given) is not str:
        raise TypeError("a country's code")
    return given.upper()


def country_fault(country: Any = None) -> str | None:
    """What is expected of a literal country, or None where it is fit."""
    if country is None or (type(country) is str and country.upper() in COUNTRIES):
        return None
    return "a country by its two letters (ISO 3166), such as 'US'"
