"""What a mapped value becomes in a canonical field: the field's own kind, or nothing."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from dispatcher.domain.call_fields import FIELDS, Field, Kind
from dispatcher.domain.field_values import Unfit, reader_of, time_text
from dispatcher.sources.normal.causes import attestation, outcome_of_word
from dispatcher.sources.normal.times import duration
from dispatcher.sources.posts.said import code, count, said

MAX_TEXT_CHARACTERS = 10_000
"""Of one value: a note or a transcript, not a file."""
_MADE = ("call.external.", "call.dialled.")
"""Filled from `external_number` and `dnis`."""


def _mappable() -> dict[str, dict[str, Field]]:
    """The fields that a mapping may fill, by the object that they stand in: empty for the call itself."""
    found: dict[str, dict[str, Field]] = {}
    for path, field in FIELDS.items():
        if field.kind is Kind.OBJECT or not path.startswith("call.") or path.startswith(_MADE):
            continue
        inside, _, name = path.removeprefix("call.").rpartition(".")
        found.setdefault(inside, {})[name] = field
    return found


CALL_FIELDS: Mapping[str, Mapping[str, Field]] = MappingProxyType(_mappable())


def text_of(value: Any) -> str | None:
    """A scalar as text: numbers without a needless fraction, `true` and `false`; None for anything else."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value[:MAX_TEXT_CHARACTERS]
        case int() if value.bit_length() <= 64:
            return str(value)
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case float():
            return repr(value)
        case datetime():
            return time_text(value)
        case _:
            return None


def fitted(field: Field, value: Any) -> Any:
    """The value as the field holds it, None where it cannot be. Never raises."""
    if value is None:
        return None
    match field.kind:
        case Kind.TIME:
            return time_text(value) if isinstance(value, datetime) else _read(field, value)
        case Kind.INTEGER:
            return _integer(field, value)
        case Kind.TEXT_LIST:
            listed = value if type(value) is list else [value]
            return [text for each in listed if (text := said(text_of(each)))] or None
        case Kind.CHOICE:
            return _choice(field, value)
        case Kind.BOOLEAN | Kind.NUMBER:
            return _read(field, value)
        case _:
            return said(text_of(value))


def fault_of_constant(value: object, field: Field | None) -> str | None:
    """What is expected instead of a constant that the field cannot hold; None where it can."""
    if type(value) not in (str, int, float, bool):
        return 'a constant, or an object such as {"path": ...}'
    if type(value) is str and value.startswith("$"):
        return 'a constant; what is looked up is written {"path": ...}'
    if field is None:
        return None
    try:
        reader_of(field)(value if field.kind is not Kind.TEXT_LIST else [value])
    except Unfit as unfit:
        return unfit.expected
    return None


def _integer(field: Field, value: Any) -> int | None:
    if field.path.endswith("_seconds"):
        return duration(value)
    if field.path in ("call.q850", "call.sip_code"):
        return code(value)
    return count(value)


def _choice(field: Field, value: Any) -> str | None:
    text = (text_of(value) or "").strip()
    same = next((word for word in field.choices if word.lower() == text.lower()), None)
    match field.path:
        case "call.outcome":
            return same or outcome_of_word(text)
        case "call.attestation":
            return same or attestation(text)
        case _:
            return same


def _read(field: Field, value: Any) -> Any:
    try:
        return reader_of(field)(value)
    except Unfit:
        return None
