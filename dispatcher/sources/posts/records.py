"""The records in a post that a script made: JSON objects, a form, or a query; and what is kept of them."""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.generic import decode_json
from dispatcher.sources.posts.fields import form_of

SCRIPTED_KINDS = frozenset({"basic", "bearer", "header_token", "hmac", "query_token", "token"})
"""Kinds of `auth` that a script can satisfy, since it writes the request itself."""
MAX_RECORDS = 1000
"""Records in one post, so that one post cannot fill a transaction."""
_MAX_MEMBERS = 1000
_MAX_KEPT = 64
_MAX_NAME = 64
_MAX_TEXT = 2000
_NEVER_KEPT = re.compile(r"digits|dtmf|token|passw|secret|auth_?code", re.IGNORECASE)
"""Keypad digits and secrets, whatever the system calls them."""


def records_of(posted: Posted) -> list[dict[str, Any]]:
    """The records of a body, or of the query where there is none. Raises `NotUnderstood`.

    JSON may be an object, a list of objects, or an object on each line; anything else is read as a form.
    """
    body = posted.body.removeprefix(b"\xef\xbb\xbf").strip()
    if body[:1] not in (b"{", b"["):
        return [dict(form_of(posted))]
    decoded: object
    try:
        decoded = decode_json(body)
    except NotUnderstood:
        lines = [line for line in body.splitlines() if line.strip()]
        if not 1 < len(lines) <= MAX_RECORDS:
            raise
        decoded = [decode_json(line) for line in lines]
    given = decoded if isinstance(decoded, list) else [decoded]
    records = [each for each in given if isinstance(each, dict)]
    if len(records) != len(given) or not 1 <= len(records) <= MAX_RECORDS:
        raise NotUnderstood(f"The body is no object and no list of 1 to {MAX_RECORDS} objects.")
    if any(len(each) > _MAX_MEMBERS for each in records):
        raise NotUnderstood(f"A record has more than {_MAX_MEMBERS} members.")
    return records


def kept(record: Mapping[str, Any], understood: Collection[str] = ()) -> dict[str, Any]:
    """What `call.custom` keeps of a record: texts, numbers and flags that are not understood, under their own names.

    Members of an object inside it are named `outer.inner`. Keypad digits and secrets are never kept.
    """
    flat: dict[str, Any] = {}
    for name, value in record.items():
        inner = value.items() if isinstance(value, dict) else ()
        flat |= {f"{name}.{key}": each for key, each in inner} or {name: value}
    fit = {name: _bounded(value) for name, value in flat.items() if _is_kept(name, value) and name not in understood}
    return dict(list(fit.items())[:_MAX_KEPT])


def _is_kept(name: str, value: object) -> bool:
    if not 0 < len(name) <= _MAX_NAME or _NEVER_KEPT.search(name):
        return False
    match value:
        case str():
            return value.strip() != ""
        case bool():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case _:
            return False


def _bounded(value: Any) -> Any:
    return value[:_MAX_TEXT] if isinstance(value, str) else value
