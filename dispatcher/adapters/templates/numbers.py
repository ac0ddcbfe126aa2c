"""The filters of telephone numbers (E.164), by the numbering plans of countries."""

from typing import Any

from jinja2.utils import pass_context

from dispatcher.adapters.templates.filters import is_absent
from dispatcher.adapters.templates.text import text_of
from dispatcher.sources.normal import numbering
from dispatcher.sources.normal.numbering import COUNTRIES


def source_fact(context: Any, name: str) -> str | None:
    """What is known of the event's source."""
    source = context.get("source")
    return source.get(name) if type(source) is dict else None


@pass_context
def e164(context: Any, value: Any, country: str | None = None) -> str | None:
    """The number as `+` and digits, or None where the text is none of the country's plan."""
    return None if is_absent(value) else numbering.e164(text_of(value), _country(context, country))


@pass_context
def national(context: Any, value: Any, country: str | None = None) -> str | None:
    """The number as it is written inside of the country, or None for any that is not of there.

    Without a country, the number's own: `+` says which. A number of elsewhere has no form that could be dialled here.
    """
    if is_absent(value):
        return None
    here = _country(context, country)
    number = numbering.e164(text_of(value), here)
    return None if number is None else numbering.national(number, here)


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
