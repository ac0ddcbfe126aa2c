"""Documents in files: YAML (several in one file, divided by `---`) or JSON (one, or a list)."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.cli.failures import CommandFailed

STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Document:
    """A document and where it was found, for whoever has to mend it."""

    place: str
    value: Any


def read_bytes(path: Path) -> bytes:
    """A file's bytes; `-` is standard input. Raises CommandFailed where it cannot be read."""
    if path == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}.") from error


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """Every document of the files, in order. Raises CommandFailed for what cannot be read or parsed."""
    found = [document for path in paths for document in _documents_of(path)]
    if not found:
        raise CommandFailed("There is no document in these files.")
    return found


def _documents_of(path: Path) -> list[Document]:
    import yaml

    try:
        # JSON is YAML but for a few corners (a tab between tokens), which a file that calls itself JSON may have.
        values = [_json(path)] if path.suffix == ".json" else list(yaml.safe_load_all(read_bytes(path)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise CommandFailed(f"{path} is no YAML{where}.") from error
    flat = [each for value in values for each in (value if isinstance(value, list) else [value]) if each is not None]
    if len(flat) == 1:
        return [Document(str(path), flat[0])]
    return [Document(f"{path}, document {number}", value) for number, value in enumerate(flat, 1)]


def _json(path: Path) -> Any:
    import orjson

    try:
        return orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError as error:
        raise CommandFailed(f"{path} is no JSON (line {error.lineno}, column {error.colno}).") from error
