"""Card numbers, security codes and keypad digits are taken out of a call before it is stored (PCI DSS 3.3).

Scrubbed are what people and machines write freely: the disposition, tags, and whatever a source keeps under `custom`
(notes, transcripts, its own strings at any depth). Ids, telephone numbers and times are not: no other canonical field
is touched, nor a custom field whose name says that it holds one of these.
"""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from dispatcher.domain.card_numbers import MASK, MIN_DIGITS, is_card_number, masked, without_cards
from dispatcher.domain.spoken_cards import has_digit_word, without_spoken_cards

_FREE = ("custom", "disposition", "tags")
_LEAST_CARD = 10 ** (MIN_DIGITS - 1)


class _Says(Enum):
    """What a custom field's name says of its value."""

    NOTHING = auto()
    NO_CARD = auto()
    """An id, a telephone number or a time."""
    KEYPAD = auto()
    """What somebody typed: a PIN for all we know, so that none of it is kept."""


def scrub_call(call: dict[str, Any]) -> dict[str, Any]:
    """The call without card numbers, security codes and keypad digits; the same object where it holds none."""
    changes: dict[str, Any] = {}
    for name in _FREE:
        if name in call and (clean := _scrubbed(call[name], _Says.NOTHING)) is not call[name]:
            changes[name] = clean
    return {**call, **changes} if changes else call


def is_keypad(name: str) -> bool:
    """Whether a field of this name holds what somebody typed."""
    return _said_by(name) is _Says.KEYPAD


def _scrubbed(value: Any, says: _Says) -> Any:
    """The value, or the same object where there is nothing to scrub. No deeper than events may nest."""
    kind = type(value)
    if kind is str:
        return _text(value, says)
    if kind is dict:
        return _members(value, says)
    if kind is list:
        items = [_scrubbed(item, says) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if kind is int or kind is float:
        return _number(value, says)
    return value


def _members(given: dict[str, Any], says: _Says) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, value in given.items():
        said = says if says is _Says.KEYPAD else _said_by(name)
        if (clean := _scrubbed(value, said)) is not value:
            changes[name] = clean
    return {**given, **changes} if changes else given


def _text(text: str, says: _Says) -> str:
    if says is _Says.KEYPAD:
        return MASK if any(map(str.isdigit, text)) or has_digit_word(text) else text
    if says is _Says.NO_CARD and not (any(map(str.isalpha, text)) and any(map(str.isspace, text))):
        return text  # prose is looked at, whatever its field's name says
    return without_spoken_cards(without_cards(text))


def _number(number: float, says: _Says) -> float | str:
    if says is _Says.KEYPAD:
        return MASK
    if says is _Says.NOTHING and number >= _LEAST_CARD and number == int(number) and is_card_number(f"{number:.0f}"):
        return masked(f"{number:.0f}")
    return number


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CARD = frozenset({"card", "cc", "pan", "credit", "debit", "creditcard", "cardnumber"})
_KEYPAD = frozenset({"dtmf", "cvv", "cvc", "csc", "cvn", "keypress", "keypresses"})
_KEYPAD_AT_THE_END = frozenset({"digits", "digit", "input", "inputs", "pin"})
_ABOUT_KEYPAD = frozenset(
    {"at", "count", "duration", "enabled", "length", "method", "mode", "ms", "payload", "time", "timeout", "type"}
)
"""`dtmf_type`, `input_count`: settings and sizes."""
_NO_CARD = frozenset(
    {"id", "ids", "uuid", "guid", "sid", "uid", "uniqueid", "callid", "linkedid", "reference", "ref"}
    | {"phone", "telephone", "tel", "mobile", "cell", "fax", "msisdn", "number", "num", "extension", "destination"}
    | {"ani", "dnis", "did", "ddi", "cli", "clid", "callerid", "caller", "callee", "from", "to", "src", "dst", "cnum"}
    | {"dialed", "dialled", "called", "calling", "rdnis", "sequence", "seq", "session", "channel"}
    | {"time", "at", "epoch", "uepoch", "mepoch", "stamp", "timestamp", "date", "usec", "msec"}
)


@lru_cache(maxsize=4096)
def _said_by(name: str) -> _Says:
    """What a custom field's name says: `dtmf`, `Digits`, `ivr_input`; `caller_id_number`, `start_uepoch`, `LeadId`."""
    words = [word.lower() for word in _WORD.findall(name)]
    known = frozenset(words)
    if words and words[-1] in _KEYPAD_AT_THE_END:
        return _Says.KEYPAD
    if not known.isdisjoint(_KEYPAD):
        return _Says.KEYPAD if known.isdisjoint(_ABOUT_KEYPAD) else _Says.NOTHING
    return _Says.NO_CARD if known.isdisjoint(_CARD) and not known.isdisjoint(_NO_CARD) else _Says.NOTHING
