"""What a template may say after `|`: Jinja's names and meanings, on our forms of text, at a bounded cost."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined
from jinja2.filters import do_float, do_int, do_truncate
from jinja2.utils import pass_environment

from dispatcher.adapters.template_text import text_of

MAX_OUTPUT_BYTES = 1_048_576
_MAX_DIGITS = 15


class OutputTooLarge(ValueError):
    """A template grew beyond `MAX_OUTPUT_BYTES`."""


def bounded(characters: int) -> None:
    """Raises `OutputTooLarge` for a text of more characters than an output may have bytes."""
    if characters > MAX_OUTPUT_BYTES:
        raise OutputTooLarge


def _default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    absent = value is None or isinstance(value, Undefined)
    return fallback if absent or (boolean and not value) else value


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


def _end(index: int) -> Callable[[Any], Any]:
    def pick(value: Any) -> Any:
        return value[index] if type(value) in (list, tuple, str) and value else None

    return pick


def _int(value: Any, default: int = 0) -> int:
    try:
        return do_int(value, default)
    except OverflowError:
        return default


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


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "default": _default,
        "upper": lambda value: text_of(value).upper(),
        "lower": lambda value: text_of(value).lower(),
        "trim": lambda value: text_of(value).strip(),
        "replace": _replace,
        "join": _join,
        "first": _end(0),
        "last": _end(-1),
        "length": len,
        "int": _int,
        "float": lambda value, default=0.0: do_float(value, default),
        "round": _round,
        "truncate": _truncate,
    }
)
"""By name."""
