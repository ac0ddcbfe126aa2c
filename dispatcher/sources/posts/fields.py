"""The fields of a post by their names, whichever way the poster wrote them: a form, JSON, or the address's query."""

from collections.abc import Collection, Mapping
from heapq import nsmallest
from typing import Any
from urllib.parse import parse_qsl

from dispatcher.domain.field_values import Unfit, read_id
from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.generic import decode_json
from dispatcher.sources.posts.said import said

Fields = Mapping[str, Any]

_MAX_FORM_FIELDS = 1000
"""Millions of them fit into a body, and would take seconds to read."""
_MAX_KEPT = 64
_MAX_KEPT_CHARACTERS = 2000
_MAX_KEPT_DEPTH = 6


def form_of(posted: Posted) -> Fields:
    """The fields of a form, or of the query where there is no body. Of a repeated name the first counts.

    Raises `NotUnderstood` for more fields than any call system sends.
    """
    body = posted.body.strip()
    if not body:
        return dict(reversed(posted.query))
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS)
    except ValueError:
        raise NotUnderstood(f"The form has more than {_MAX_FORM_FIELDS} fields.") from None
    return dict(reversed(pairs))


def fields_of(posted: Posted) -> Fields:
    """The fields of JSON, of a form, or of the query where there is no body.

    The bytes decide, not the Content-Type: what begins with a brace is JSON. Raises `NotUnderstood` for JSON that is
    none.
    """
    if not posted.body.lstrip().startswith(b"{"):
        return form_of(posted)
    decoded = decode_json(posted.body)
    if not isinstance(decoded, dict):
        raise NotUnderstood("The body is no JSON object.")
    return decoded


def kept(fields: Fields, without: Collection[str]) -> dict[str, Any]:
    """What else was posted, for `call.custom`: the first 64 fields by name that are not `without` and say something."""
    names = [name for name, value in fields.items() if name not in without and _says(value)]
    return {name: bounded(fields[name]) for name in nsmallest(_MAX_KEPT, names)}


def _says(value: object) -> bool:
    """Whether a value is none of the spellings of nothing; a zero is a fact here."""
    if isinstance(value, str):
        return value.strip() == "0" or said(value) is not None
    return value is not None and value not in ([], {})


def bounded(value: object, depth: int = _MAX_KEPT_DEPTH) -> object:
    """A value of JSON with its texts cut at 2,000 characters, its lists and objects at 64 members and 6 levels."""
    if isinstance(value, str):
        return value[:_MAX_KEPT_CHARACTERS]
    if isinstance(value, dict | list) and depth == 0:
        return None
    if isinstance(value, dict):
        return {name: bounded(value[name], depth - 1) for name in nsmallest(_MAX_KEPT, value)}
    if isinstance(value, list):
        return [bounded(item, depth - 1) for item in value[:_MAX_KEPT]]
    return value


def keys_of(*ids: object) -> tuple[str, ...]:
    """The ids that are there, each once, as keys of a part. What could be no id of an event joins nothing."""
    return tuple(dict.fromkeys(key for each in ids if (key := _key(each)) is not None))


def _key(value: object) -> str | None:
    text = said(value)
    try:
        return None if text is None else read_id(text)
    except Unfit:
        return None
