"""How commands show data: aligned columns for people, JSON for programs."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


def print_json(value: object) -> None:
    """The value as indented JSON on standard output."""
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z, default=_plain).decode() + "\n")


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """The rows: whole as JSON, or as these columns; `empty` says in words that there are none."""
    if as_json:
        print_json(list(rows))
    elif rows:
        print("\n".join(aligned(rows, columns)))
    else:
        print(empty)


def print_changes(done: Sequence[Row], noun: str, *, as_json: bool) -> None:
    """What `apply` came to: `change` of each thing, which is named under its noun."""
    if as_json:
        print_json(done)
        return
    for each in done:
        print(f"{each[noun]}: {each['change']}")


def print_fields(fields: Row) -> None:
    """One thing, a field a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        print(f"{name:<{width}}  {text_of(value)}")


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """A heading and a line for each row, every column as wide as its widest value."""
    table = [[column.upper().replace("_", " ") for column in columns]]
    table += [[text_of(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in table) for index in range(len(columns))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]


def text_of(value: object) -> str:
    """A value in a line for people; an absent one is a dash, control characters are shown as a question mark."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
        case dict():
            import orjson

            return text_of(orjson.dumps(value, option=orjson.OPT_UTC_Z, default=_plain).decode())
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(text_of, value)) or "-"
        case _:
            return "".join(each if each.isprintable() else "?" for each in str(value))


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    return str(value)
