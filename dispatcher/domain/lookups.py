"""A profile's lookup tables: what the filter `map` translates by."""

import re
from collections.abc import Mapping
from typing import Any

from dispatcher.domain.shape import Reading

Lookups = Mapping[str, Mapping[str, Any]]
"""Tables by name; each from the text of a value to a JSON scalar."""

MAX_TABLES = 20
MAX_ENTRIES = 5_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SCALARS = (str, int, float, bool, type(None))


def read_lookups(reading: Reading, raw: object, at: str) -> dict[str, dict[str, Any]]:
    """A profile's `lookups`: `{"table": {"from": to, ...}, ...}`; faults are noted."""
    if raw is None:
        return {}
    if type(raw) is not dict or len(raw) > MAX_TABLES:
        reading.note(at, f"an object of at most {MAX_TABLES} tables", raw)
        return {}
    return {name: _read_table(reading, name, table, f"{at}.{name}") for name, table in raw.items()}


def _read_table(reading: Reading, name: str, raw: object, at: str) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        reading.note_got(at, "a table's name: a letter, then letters, digits and _", name)
    if type(raw) is not dict or len(raw) > MAX_ENTRIES:
        reading.note(at, f"an object of at most {MAX_ENTRIES} entries", raw)
        return {}
    for key, value in raw.items():
        if type(value) not in _SCALARS:
            reading.note(f"{at}.{key}", "text, a number, a boolean or null", value)
    return raw
