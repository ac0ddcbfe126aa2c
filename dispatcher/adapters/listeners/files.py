"""The records in a file that a call system left: one, or one on each line, or one in each row."""

import csv
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from io import TextIOWrapper
from itertools import chain
from pathlib import PurePath
from typing import BinaryIO

import orjson

MAX_LINE_BYTES = 1024 * 1024
"""Of a line that is a record. What is longer is a record that is not understood."""
_TYPES = {".json": "application/json", ".xml": "text/xml", ".form": "application/x-www-form-urlencoded"}
_HEADER_CELL = re.compile(r"[A-Za-z_][A-Za-z0-9_ ./-]{0,63}")
_LINE_FORMATS = re.compile(r"smdr_.*|threecx")
"""Formats that read a line as their system wrote it."""


class Layout(StrEnum):
    """How records lie in a file."""

    AUTO = "auto"
    WHOLE = "whole"
    LINES = "lines"
    CSV = "csv"


class TooLarge(Exception):
    """A file that is one record is longer than a record may be."""


def layout_of(name: str, spoken: str) -> Layout:
    """What a file's name says, for a source of this format."""
    if _LINE_FORMATS.fullmatch(spoken):
        return Layout.LINES
    match PurePath(name).suffix.lower():
        case ".csv":
            return Layout.CSV
        case ".jsonl" | ".ndjson":
            return Layout.LINES
        case _:
            return Layout.WHOLE


def content_type_of(name: str, layout: Layout) -> str:
    """Of a record; a format trusts the bytes more."""
    if layout is Layout.WHOLE:
        return _TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
    return "application/json" if layout is Layout.CSV or ".json" in name.lower() else "text/plain"


def records_of(file: BinaryIO, layout: Layout, columns: Sequence[str] | None, max_bytes: int) -> Iterator[bytes]:
    """The records, one after the other; the file need not fit into memory.

    A CSV row becomes a JSON object, by the source's `columns` or the names in the first row; a CSV without names gives
    its lines. Raises `TooLarge`, OSError, and `csv.Error` for what is no CSV.
    """
    match layout:
        case Layout.LINES:
            return _lines(file)
        case Layout.CSV:
            return _rows(file, columns)
        case _:
            return _whole(file, max_bytes)


def _whole(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    body = file.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise TooLarge
    if body.strip():
        yield body


def _lines(file: BinaryIO) -> Iterator[bytes]:
    is_rest = False
    while line := file.readline(MAX_LINE_BYTES):
        # The rest of a line that is too long belongs to the piece that was given of it, which nobody understands.
        if not is_rest and line.strip():
            yield line.strip(b"\r\n")
        is_rest = not line.endswith(b"\n")


def _rows(file: BinaryIO, columns: Sequence[str] | None) -> Iterator[bytes]:
    # Bytes that are no UTF-8 are the system's own code page; most of a record is figures in any case.
    with TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="") as text:
        yield from _objects(csv.reader(text), columns)


def _objects(rows: Iterator[list[str]], columns: Sequence[str] | None) -> Iterator[bytes]:
    first = next(rows, None)
    if first is None:
        return
    names = _names_in(first)
    rows = rows if names is not None else chain([first], rows)
    chosen = columns if columns is not None else names
    for row in rows:
        if any(row):
            yield _line_of(row) if chosen is None else orjson.dumps(dict(zip(chosen, row, strict=False)))


def _names_in(row: Sequence[str]) -> list[str] | None:
    """The names of columns, if the first row has them: words, each once."""
    cells = [cell.strip() for cell in row]
    if len(cells) < 2 or len(set(cells)) < len(cells) or not all(_HEADER_CELL.fullmatch(cell) for cell in cells):
        return None
    return cells


def _line_of(row: Sequence[str]) -> bytes:
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in row)
    return ",".join(quoted).encode()
