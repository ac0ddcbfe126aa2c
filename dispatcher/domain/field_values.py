"""Readers: a JSON value in, its canonical form out, or `Unfit`. One for each kind of field.

They run for every field of every event, so each begins with the common case and does nothing else for it.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from dispatcher.domain.call_fields import Field, Kind

Reader = Callable[[object], object]

MAX_ID_CHARACTERS = 255
MAX_DEPTH = 16
"""Levels of objects and lists that a custom field may nest, itself included; deeper ones cost stack, not meaning."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON implementation reads alike (RFC 8259, section 6)."""
_SHOWN_CHARACTERS = 40

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_CANONICAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")


class Unfit(ValueError):
    """A value that its field cannot hold. `at` is the place inside the field (`[2]`), mostly empty."""

    def __init__(self, expected: str, value: object, at: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = described(value)
        self.at = at


def described(value: object) -> str:
    """The JSON type of a value, and the value itself where it is a short scalar."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean {str(value).lower()}"
        case int() if value.bit_length() > 64:
            return "number beyond 64 bits"
        case int() | float():
            return f"number {value}"
        case str() if len(value) > _SHOWN_CHARACTERS:
            return f"string of {len(value)} characters"
        case str():
            return f'string "{well_formed(value)}"'
        case list():
            return f"array of {len(value)}"
        case dict():
            return "object"
        case _:
            return "no JSON value"


def well_formed(text: str) -> str:
    """The text with every lone surrogate replaced by U+FFFD, so that it can always be encoded.

    A call system that cuts a caller's name in the middle of an emoji sends such text; its call is worth
    more than the half character.
    """
    return text if text.isascii() else _LONE_SURROGATES.sub("\ufffd", text)


def read_text(value: object) -> str:
    """Any text, well formed."""
    if type(value) is str:
        return value if value.isascii() else _LONE_SURROGATES.sub("\ufffd", value)
    raise Unfit("text", value)


def read_id(value: object) -> str:
    """Text of 1 to 255 characters. No control characters: PostgreSQL keeps no NUL in a key, and no log a line break."""
    if type(value) is str and 0 < len(value) <= MAX_ID_CHARACTERS:
        if value.isprintable():
            return value
        if not _CONTROL.search(value):
            return well_formed(value)
    raise Unfit("text of 1 to 255 characters without control characters", value)


def read_integer(value: object) -> int:
    """An integer from 0 to 2**53-1; a float only when it is integral. A boolean or text is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and 0 <= value <= MAX_INTEGER:
        return value
    raise Unfit("an integer, 0 or more", value)


def read_number(value: object) -> int | float:
    """A finite number of at most 64 bits."""
    if (type(value) is float and math.isfinite(value)) or (type(value) is int and -(2**63) <= value < 2**64):
        return value
    raise Unfit("a finite number of at most 64 bits", value)


def read_boolean(value: object) -> bool:
    """`true` or `false`; nothing that merely looks like one."""
    if type(value) is bool:
        return value
    raise Unfit("true or false", value)


def read_text_list(value: object) -> list[str]:
    """A list of text; `Unfit.at` says which item is none."""
    if type(value) is not list:
        raise Unfit("a list of text", value)
    for index, item in enumerate(value):
        if type(item) is not str:
            raise Unfit("text", item, f"[{index}]")
    return [item if item.isascii() else well_formed(item) for item in value]


def read_object(value: object) -> dict[str, object]:
    """An object, its members unread."""
    if type(value) is dict:
        return value
    raise Unfit("an object", value)


def read_time(value: object) -> str:
    """A time of RFC 3339, in UTC with `Z`; a fraction of a second stays, to the microsecond."""
    if type(value) is str and _CANONICAL_TIME.fullmatch(value):
        _moment_of(value)
        return value
    return time_text(read_moment(value))


def read_moment(value: object) -> datetime:
    """A time of RFC 3339, aware, in UTC. A leap second counts as the first second after it, as in POSIX time."""
    if type(value) is not str or not _RFC_3339.fullmatch(value):
        raise Unfit("a time of RFC 3339 with Z or an offset", value)
    if value[17:19] == "60":
        return _moment_of(f"{value[:17]}59{value[19:]}", timedelta(seconds=1))
    return _moment_of(value)


def _moment_of(text: str, beyond: timedelta = timedelta()) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment if moment.tzinfo is UTC and not beyond else moment.astimezone(UTC) + beyond
    except (ValueError, OverflowError):
        # The shape is right, but there is no such day, or it lies outside the years 1 to 9999 in UTC.
        raise Unfit("a time of RFC 3339 that exists", text) from None


def time_text(moment: datetime) -> str:
    """The canonical text of an aware moment in UTC: RFC 3339 with `Z`."""
    return moment.isoformat().removesuffix("+00:00") + "Z"


def read_free(value: object, depth: int = MAX_DEPTH) -> object:
    """Any JSON value, for custom fields: well formed text, finite numbers, at most `depth` levels."""
    kind = type(value)
    if kind is str:
        return well_formed(value)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return value
    if kind is int or kind is float:
        return read_number(value)
    if depth == 0 and (kind is dict or kind is list):
        raise Unfit(f"at most {MAX_DEPTH} levels of nesting", value)
    if kind is dict:
        return {well_formed(key): read_free(item, depth - 1) for key, item in value.items()}  # type: ignore[attr-defined]
    if kind is list:
        return [read_free(item, depth - 1) for item in value]  # type: ignore[attr-defined]
    raise Unfit("a JSON value", value)


def reader_of(field: Field) -> Reader:
    """The reader of a field's kind."""
    return _choice_reader(field.choices) if field.kind is Kind.CHOICE else _READERS[field.kind]


def _choice_reader(choices: tuple[str, ...]) -> Reader:
    known = frozenset(choices)
    expected = "one of " + ", ".join(choices)

    def read_choice(value: object) -> object:
        if type(value) is str and value in known:
            return value
        raise Unfit(expected, value)

    return read_choice


_READERS: Mapping[Kind, Reader] = MappingProxyType(
    {
        Kind.TEXT: read_text,
        Kind.ID: read_id,
        Kind.PHONE: read_text,
        Kind.NUMBER: read_number,
        Kind.INTEGER: read_integer,
        Kind.BOOLEAN: read_boolean,
        Kind.TIME: read_time,
        Kind.TEXT_LIST: read_text_list,
        Kind.OBJECT: read_object,
    }
)
