"""How much text the templates of one request may go through. A short text costs less than counting it would."""

from threading import local
from typing import Any

MAX_CHARACTERS = 8_388_608
"""In all long texts together, each time that one is filtered, sliced, compared or put in its place: some 50 ms, or a
second with the dearest filters, `mask` and `digits`."""
LONG_CHARACTERS = 4_096
_SCALAR_CHARACTERS = 8


class TooMuchText(ValueError):
    """A request that goes through more than `MAX_CHARACTERS`."""


class _Counted(local):
    characters = 0


_counted = _Counted()


def begin_request() -> None:
    """Sets the count back; to be called before a request is rendered."""
    _counted.characters = 0


def count(characters: int) -> None:
    """Counts a text, or the items of a list. Raises `TooMuchText`."""
    _counted.characters += characters
    if _counted.characters > MAX_CHARACTERS:
        raise TooMuchText


def counted(value: Any) -> Any:
    """The value, counted if it is long."""
    if type(value) in (str, list, tuple) and len(value) > LONG_CHARACTERS:
        count(len(value))
    return value


def counted_list(value: Any) -> Any:
    """What a literal list holds, counted before anything is made of it: it may name one long value many times."""
    _count_all(value)
    return value


def _count_all(value: Any) -> None:
    kind = type(value)
    if kind is str:
        count(len(value))
    elif kind is dict:
        for key, each in value.items():
            count(len(key))
            _count_all(each)
    elif kind is list or kind is tuple:
        for each in value:
            _count_all(each)
    else:
        count(_SCALAR_CHARACTERS)
