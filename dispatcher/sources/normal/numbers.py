"""One telephone number as a call system wrote it, in every form that somebody may compare it by."""

import re
from typing import Any

from dispatcher.sources.normal.addresses import Address, address_of
from dispatcher.sources.normal.number_rules import NumberRules, number_rules
from dispatcher.sources.normal.numbering import (
    COUNTRIES,
    MAX_CHARACTERS,
    e164,
    international,
    is_short_number,
    national,
    trunk_prefix,
)
from dispatcher.sources.posts.said import NOBODY, said
from dispatcher.sources.source_settings import SourceSettings

_ANONYMOUS_NUMBERS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE, as Twilio spells them on a keypad."""
_ANONYMOUS_HOST = "@anonymous.invalid"
"""RFC 3323."""
_EXTENSION_LENGTHS = frozenset({2, 3, 4})
_PUBLIC_ANYWHERE = frozenset({"112", "911"})
_WRITTEN_EXTENSION = re.compile(
    r"[\s,;.]{0,3}(?:ext(?:ension|n)?|x|durchwahl|poste)[.:=\s]{0,3}([0-9]{1,8})\s*$", re.IGNORECASE
)
_WRITTEN_TRUNK = re.compile(r"\(\s*0\s*\)")
_NOT_DIGITS = re.compile(r"[^0-9]")
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2013]")


def number_forms(raw: object, settings: SourceSettings, *, dialled: bool = False) -> dict[str, Any]:
    """`raw`, `e164`, `national`, `digits`, `anonymous` and `extension` of a number; None for what it does not have.

    `e164` is only what the text says, with the source's country and `config.numbers`: no `+` is ever guessed.
    `national` is for numbers of the source's country. `digits` are those that were written, and those of E.164 where
    these differ by a `+` or letters alone. `dialled`: somebody of the business dialled it, maybe with an outside line.
    """
    text = said(raw)
    forms: dict[str, Any] = dict.fromkeys(("raw", "e164", "national", "digits", "extension"))
    forms["anonymous"] = False
    if text is None:
        return forms
    forms["raw"] = text
    address = address_of(text)
    if _is_anonymous(text, address.user):
        return forms | {"anonymous": True}
    if len(address.user) > MAX_CHARACTERS:
        return forms
    country = settings.country if settings.country in COUNTRIES else None
    return forms | _read(address, country, number_rules(settings.config), dialled)


def plain_number(raw: object) -> object:
    """What came, without the SIP or tel URI around it where a number is inside; None for a caller who hides."""
    text = said(raw)
    if text is None:
        return raw
    address = address_of(text)
    if _is_anonymous(text, address.user):
        return None
    return address.user if address.is_uri and any(map(str.isdigit, address.user)) else raw


def is_extension(raw: object, settings: SourceSettings) -> bool:
    """Whether it is one of the business's own extensions, and nothing else."""
    forms = number_forms(raw, settings)
    return forms["extension"] is not None and forms["extension"] == forms["digits"] and forms["e164"] is None


def _is_anonymous(text: str, user: str) -> bool:
    word = user.strip(' "<>').lower()
    return word in NOBODY or word.lstrip("+") in _ANONYMOUS_NUMBERS or _ANONYMOUS_HOST in text.lower()


def _read(address: Address, country: str | None, rules: NumberRules, dialled: bool) -> dict[str, Any]:
    number, extension = address.user, address.extension
    written = _WRITTEN_EXTENSION.search(number)
    if written:
        number, extension = number[: written.start()], extension or written[1]
    digits = _NOT_DIGITS.sub("", _WRITTEN_TRUNK.sub("", number))
    if _is_extension(number, country, rules):
        return {"digits": digits, "extension": digits}
    full = _e164(_as_dialled(number, rules, dialled), country, rules)
    if full is not None and (number.lstrip().startswith("+") or any(map(str.isalpha, number))):
        digits = full[1:]
    inside = None if full is None else national(full, country)
    return {"e164": full, "national": inside, "digits": digits or None, "extension": extension}


def _is_extension(number: str, country: str | None, rules: NumberRules) -> bool:
    """By the lengths that the source says; else 2 to 4 digits that the country has not given a meaning of its own."""
    if not (number.isascii() and number.isdigit()):
        return False
    if rules.extension_lengths is not None:
        return len(number) in rules.extension_lengths
    if len(number) not in _EXTENSION_LENGTHS or number in _PUBLIC_ANYWHERE:
        return False
    # A country's short codes of four digits (2001 in the USA) are extensions in every second office.
    return len(number) > 3 or country is None or not is_short_number(number, country)


def _as_dialled(number: str, rules: NumberRules, dialled: bool) -> str:
    """Without the digits for an outside line, and with `+` for the PBX's own international prefix."""
    plain = _PUNCTUATION.sub("", number)
    if plain.startswith("+") or not plain.isdigit():
        return number
    if dialled and rules.outside_line and len(plain) > len(rules.outside_line) + max(_EXTENSION_LENGTHS):
        plain = number = plain.removeprefix(rules.outside_line)
    if rules.international_prefix and plain.startswith(rules.international_prefix):
        return f"+{plain.removeprefix(rules.international_prefix)}"
    return number


def _e164(number: str, country: str | None, rules: NumberRules) -> str | None:
    plain = _PUNCTUATION.sub("", number)
    if plain.isascii() and plain.isdigit() and not plain.startswith("0"):
        if rules.assume_international and (full := international(plain)):
            return full
        if country is not None and trunk_prefix(country) == "0" and international(plain):
            # Without the zero that the country writes before its numbers, it may as well be another country's.
            full = e164(plain, country)
            return full if full == f"+{plain}" else None
    return e164(number, country)
