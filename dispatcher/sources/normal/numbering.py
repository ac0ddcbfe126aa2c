"""Telephone numbers by the numbering plans that phonenumbers carries (E.164, E.123): the one place that knows them."""

from functools import lru_cache

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberFormat

from dispatcher.domain.engines import Numbers

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""By their two letters (ISO 3166)."""
MAX_CHARACTERS = 64
"""No number is longer, whatever it is written with."""
_CANONICAL_LENGTHS = range(8, 17)
"""Of `+` and the digits: E.164 allows 15, and no plan has numbers of fewer than 7."""
_FEATURE_KEYS = frozenset("*#")
_CACHED = 8_192
"""Parsing takes 40 us and more, and every profile asks for the numbers of the same few calls. About 2 MB when full."""
_EXPLICIT = frozenset({CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD})


def e164(text: str, country: str | None) -> str | None:
    """The number in the form of E.164, or None where the text does not say enough.

    `+` and 7 to 15 digits are taken as they are, unless a trunk zero may stand behind the country's code. What is
    written with `+`, the country's international prefix or `00` must have a possible length; what is written
    nationally must be a number of the country's plan, so that an extension never becomes one. An extension behind
    the number is dropped; feature codes (`*98`) are no numbers.
    """
    # Asked before the cache, which would keep the longest texts there are.
    return _e164(text, country) if len(text) <= MAX_CHARACTERS else None


def international(digits: str) -> str | None:
    """`+` and the digits where a number of the country whose code they begin with may be so long, else None."""
    return _international(digits) if len(digits) in range(7, 16) and digits.isascii() and digits.isdigit() else None


@lru_cache(_CACHED)
def national(number: str, country: str | None) -> str | None:
    """A number of E.164 as it is written inside of the country; None for a number that is not of there.

    Without a country, the number's own.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    if country is not None and parsed.country_code != phonenumbers.country_code_for_region(country):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)


@lru_cache(_CACHED)
def is_short_number(digits: str, country: str) -> bool:
    """Whether the country's plan has these few digits for everybody: an emergency number, a directory, a short code."""
    return phonenumbers.is_valid_short_number_for_region(
        PhoneNumber(country_code=phonenumbers.country_code_for_region(country), national_number=int(digits)), country
    )


def trunk_prefix(country: str) -> str:
    """What is written before a national number of the country; empty where nothing is."""
    return phonenumbers.ndd_prefix_for_region(country, True) or ""


@lru_cache(_CACHED)
def beginning(text: str, country: str | None) -> str | None:
    """The first digits of numbers in the form of E.164: `0800` in Germany is `+49800`. None where it cannot be known.

    The country's trunk prefix is taken off where it is there.
    """
    digits = phonenumbers.normalize_digits_only(text)
    if text.lstrip().startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    code = phonenumbers.country_code_for_region(country) if country is not None else 0
    if country is None or code == 0:
        return None
    return f"+{code}{digits.removeprefix(trunk_prefix(country))}"


@lru_cache(_CACHED)
def _e164(text: str, country: str | None) -> str | None:
    canonical = text[:1] == "+" and len(text) in _CANONICAL_LENGTHS and text[1:].isdigit() and text.isascii()
    if canonical and "0" not in text[2:5]:
        return text
    if not _FEATURE_KEYS.isdisjoint(text):
        return None
    number = _number(text, country)
    if number is None and (digits := phonenumbers.normalize_digits_only(text)).startswith("00"):
        # `00` is what ITU-T E.123 recommends, and is written also where the country's own prefix is another.
        number = _number(f"+{digits[2:]}", None)
    return None if number is None else phonenumbers.format_number(number, PhoneNumberFormat.E164)


@lru_cache(_CACHED)
def _international(digits: str) -> str | None:
    number = _number(f"+{digits}", None)
    return None if number is None else phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _number(text: str, country: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    explicit = number.country_code_source in _EXPLICIT
    fits = phonenumbers.is_possible_number if explicit else phonenumbers.is_valid_number
    return number if fits(number) else None


NUMBERS = Numbers(e164, beginning)
