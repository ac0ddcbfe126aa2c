"""What a template may say after `|` of texts, lists and numbers: Jinja's names and meanings where it has them, on our
forms of text, at a bounded cost."""

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined
from jinja2.filters import do_float, do_int, do_truncate
from jinja2.utils import pass_environment

from dispatcher.adapters.templates.text import json_of, text_of

MAX_OUTPUT_BYTES = 1_048_576
_MAX_DIGITS = 15
_DEFAULT_KEEP = 4


class OutputTooLarge(ValueError):
    """A template grew beyond `MAX_OUTPUT_BYTES`."""


def bounded(characters: int) -> None:
    """Raises `OutputTooLarge` for a text of more characters than an output may have bytes."""
    if characters > MAX_OUTPUT_BYTES:
        raise OutputTooLarge


def is_absent(value: Any) -> bool:
    """Whether there is no value at all; an empty text is one."""
    return value is None or isinstance(value, Undefined)


def whole_number(value: Any, least: int = 0) -> int:
    """The argument of a filter that counts. Raises TypeError or ValueError for anything but one from `least` on."""
    if type(value) is not int:
        raise TypeError("a whole number")
    if value < least:
        raise ValueError("too small a number")
    return value


def _default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    return fallback if is_absent(value) or (boolean and not value) else value


def _replace(value: Any, old: str, new: str) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    if not old:
        raise ValueError("nothing to replace")
    bounded(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _join(value: Any, separator: str = ",") -> str:
    if isinstance(value, Undefined):
        return ""
    if type(value) not in (list, tuple):
        return text_of(value)
    texts = [text_of(item) for item in value]
    bounded(sum(map(len, texts)) + len(texts) * len(separator))
    return separator.join(texts)


def concatenated(value: Any) -> str:
    """What `~` comes to."""
    return _join(value, "")


def _first(value: Any, n: int | None = None) -> Any:
    if n is not None:
        return _sliceable(value)[: whole_number(n, 1)]
    return value[0] if type(value) in (list, tuple, str) and value else None


def _last(value: Any, n: int | None = None) -> Any:
    if n is not None:
        return _sliceable(value)[-whole_number(n, 1) :]
    return value[-1] if type(value) in (list, tuple, str) and value else None


def _sliceable(value: Any) -> Any:
    return value if type(value) in (list, tuple) else text_of(value)


def _digits(value: Any) -> str | None:
    text = text_of(value)
    if not text.isascii():
        text = "".join([str(unicodedata.decimal(each, each)) for each in text])
    return "".join([each for each in text if "0" <= each <= "9"]) or None


def _mask(value: Any, keep: int = _DEFAULT_KEEP) -> str | None:
    if is_absent(value):
        return None
    text = text_of(value)
    places = [index for index, each in enumerate(text) if each.isalnum()]
    hidden = places[: -whole_number(keep)] if 0 < keep < len(places) else places
    masked = list(text)
    for index in hidden:
        masked[index] = "*"
    return "".join(masked)


def _json(value: Any) -> str:
    text = json_of(value).decode()
    bounded(len(text))
    return text


def _int(value: Any, default: int = 0) -> int:
    try:
        return do_int(value, default)
    except OverflowError:
        return default


def _float(value: Any, default: float = 0.0) -> float:
    return do_float(value, default)


def _round(value: Any, digits: int = 0) -> float:
    if type(value) not in (int, float) or type(digits) is not int or abs(digits) > _MAX_DIGITS:
        raise TypeError("round takes a number")
    return float(round(value, digits))


@pass_environment
def _truncate(
    environment: Any,
    value: Any,
    length: int = 255,
    killwords: bool = False,
    end: str = "...",
    leeway: int | None = None,
) -> str:
    return do_truncate(environment, text_of(value), length, killwords, end, leeway)


TEXT_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "default": _default,
        "upper": lambda value: text_of(value).upper(),
        "lower": lambda value: text_of(value).lower(),
        "capitalize": lambda value: text_of(value).capitalize(),
        "trim": lambda value: text_of(value).strip(),
        "replace": _replace,
        "join": _join,
        "first": _first,
        "last": _last,
        "digits": _digits,
        "mask": _mask,
        "json": _json,
        "length": len,
        "int": _int,
        "float": _float,
        "round": _round,
        "truncate": _truncate,
    }
)
"""By name."""
