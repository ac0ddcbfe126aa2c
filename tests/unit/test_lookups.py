"""Lookup tables in a profile's document."""

from typing import Any

import pytest

from dispatcher.domain.lookups import read_lookups
from dispatcher.domain.shape import Reading


def read(raw: object) -> tuple[dict[str, Any], list[str]]:
    reading = Reading()
    return read_lookups(reading, raw, "lookups"), [fault["field"] for fault in reading.faults]


def test_tables_are_taken_as_they_are_and_none_is_none() -> None:
    tables = {"queues": {"Sales": 12, "": None, "x": True, "y": 0.5}, "_empty": {}}
    assert read(tables) == (tables, [])
    assert read(None) == ({}, [])


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ([], "lookups"),
        ({f"t{n}": {} for n in range(21)}, "lookups"),
        ({"a b": {}}, "lookups.a b"),
        ({"1a": {}}, "lookups.1a"),
        ({"a": []}, "lookups.a"),
        ({"a": {str(n): n for n in range(5_001)}}, "lookups.a"),
        ({"a": {"b": {"c": 1}}}, "lookups.a.b"),
        ({"a": {"b": [1]}}, "lookups.a.b"),
    ],
)
def test_what_is_no_table_is_refused_with_its_path(raw: object, field: str) -> None:
    assert read(raw)[1] == [field]
