"""Paths into a JSON value: a part of JSONPath (RFC 9535) that visits no value twice."""

import re
from enum import Enum
from itertools import islice
from typing import Any

MAX_PATH_CHARACTERS = 500
EXPECTED = "a path of $, .name, ['name'], [0], [-1], [*]"

_STEP = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)|\[(?P<index>-?[0-9]{1,9})\]|\['(?P<single>[^']*)'\]|\["(?P<double>[^"]*)"\]"""
    r"""|(?P<every>\.\*|\[\*\])"""
)


class Every(Enum):
    """The step to all members of an object or elements of a list."""

    EVERY = "*"


Step = str | int | Every


def json_path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ValueError for what lies outside the subset."""
    if not text.startswith("$"):
        raise ValueError("a path begins with $")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"no step of a path at character {at}")
        at = match.end()
        kind = match.lastgroup or "name"
        steps.append(Every.EVERY if kind == "every" else int(match[kind]) if kind == "index" else match[kind])
    return tuple(steps)


def values_at(value: Any, steps: tuple[Step, ...]) -> list[Any]:
    """What a path leads to, in the order of the document; nothing where a step finds none."""
    found = [value]
    for step in steps:
        found = [member for each in found for member in _members(each, step)]
    return found


def first_values_at(value: Any, steps: tuple[Step, ...], most: int) -> list[Any]:
    """As `values_at`, but no step leads to more than `most` values, the first ones: what a path costs has a bound
    whatever it is put to."""
    found = [value]
    for step in steps:
        found = list(islice((member for each in found for member in _members(each, step)), most))
    return found


def _members(value: Any, step: Step) -> list[Any]:
    kind = type(value)
    if step is Every.EVERY:
        return list(value.values()) if kind is dict else value if kind is list else []
    if kind is dict and type(step) is str:
        return [value[step]] if step in value else []
    if kind is list and type(step) is int and -len(value) <= step < len(value):
        return [value[step]]
    return []
