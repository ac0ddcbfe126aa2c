"""An untrusted document, read member by member: every fault on the way is noted, none is raised."""

import math
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from dispatcher.domain.field_values import described, well_formed

Fault = dict[str, str]
"""What is wrong with one member: `field` (its path), `expected`, `got` (the JSON type, short scalars in full)."""

MAX_LISTED_FAULTS = 100
MAX_DEPTH = 64
"""Levels of objects and lists in a document; deeper ones cost stack, not meaning."""
NOT_AVAILABLE = "nothing: not available in this version"
NO_SUCH_MEMBER = "no such member"
_MAX_COMPARED_CHARACTERS = 64
"""Finding the nearest name is quadratic in its length."""


def joined(at: str, key: str) -> str:
    """The path of a member."""
    key = well_formed(key)[:200]
    return f"{at}.{key}" if at else key


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ` (did you mean url?)`, or nothing where no known name is near."""
    near = get_close_matches(name, list(known), n=2) if len(name) <= _MAX_COMPARED_CHARACTERS else []
    return f" (did you mean {' or '.join(near)}?)" if near else ""


class Reading:
    """The faults found so far in one document; at most one for each path, since one mistake needs one sentence.

    Every reader gives the value where it is fit, else notes a fault and gives what it was told to fall back on.
    """

    __slots__ = ("faults",)

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def note(self, at: str, expected: str, value: object) -> None:
        """A fault whose `got` describes the value; null is nothing, as is what is missing."""
        self.note_got(at, expected, "nothing" if value is None else described(value))

    def note_got(self, at: str, expected: str, got: str) -> None:
        """A fault in words of the caller's."""
        if len(self.faults) < MAX_LISTED_FAULTS and all(fault["field"] != at for fault in self.faults):
            self.faults.append({"field": at, "expected": expected, "got": got})

    def plain(self, value: object, at: str = "", depth: int = MAX_DEPTH) -> Any:
        """A copy that every JSON implementation can carry; what cannot be (YAML has dates) is noted and null."""
        match value:
            case None | bool():
                return value
            case str() if well_formed(value) == value:
                return value
            case int() if -(2**63) <= value < 2**63:
                return value
            case float() if math.isfinite(value):
                return value
            case dict() | list() if depth == 0:
                self.note(at, f"at most {MAX_DEPTH} levels of nesting", value)
            case list():
                return [self.plain(item, f"{at}[{index}]", depth - 1) for index, item in enumerate(value)]
            case dict():
                return {key: self.plain(value[key], joined(at, key), depth - 1) for key in self._keys(value, at)}
            case _:
                self.note(at, "a JSON value of text, finite numbers, booleans, lists and objects", value)
        return None

    def _keys(self, value: dict[Any, Any], at: str) -> list[str]:
        fit = [key for key in value if type(key) is str and well_formed(key) == key]
        if len(fit) < len(value):
            self.note_got(at, "an object whose keys are text", "another kind of key")
        return fit

    def members(self, raw: object, at: str, known: Collection[str], later: Collection[str] = ()) -> dict[str, Any]:
        """The known members of an object. Unknown ones are faults that name the nearest known one; those of `later` are
        refused as not available, unless they are null."""
        if type(raw) is not dict:
            self.note(at, "an object", raw)
            return {}
        for key, value in raw.items():
            if key in later:
                if value is not None:
                    self.note(joined(at, key), NOT_AVAILABLE, value)
            elif key not in known:
                self.note(joined(at, key), f"{NO_SUCH_MEMBER}{nearest(key, known)}", value)
        return {key: value for key, value in raw.items() if key in known}

    def text(self, raw: object, at: str, most: int) -> str:
        """Text of at most `most` characters; falls back on none."""
        if type(raw) is str and len(raw) <= most:
            return raw
        self.note(at, f"text of at most {most} characters", raw)
        return ""

    def number(self, raw: object, at: str, bounds: tuple[float, float]) -> float:
        """A number within the bounds, as it is (an integer stays one); falls back on the upper bound."""
        least, most = bounds
        if type(raw) in (int, float) and least <= raw <= most:  # type: ignore[operator]
            return raw  # type: ignore[return-value]
        self.note(at, f"a number from {least:g} to {most:g}", raw)
        return most

    def flag(self, raw: object, at: str) -> bool:
        """`true` or `false`; falls back on false."""
        if type(raw) is bool:
            return raw
        self.note(at, "true or false", raw)
        return False

    def word(self, raw: object, at: str, words: Collection[str]) -> str:
        """One of the words; falls back on the first."""
        if type(raw) is str and raw in words:
            return raw
        hint = nearest(raw, words) if type(raw) is str else ""
        self.note(at, f"one of {', '.join(words)}{hint}", raw)
        return next(iter(words))

    def items(self, raw: object, at: str, most: int) -> list[Any]:
        """A list of at most `most` items; falls back on none."""
        if type(raw) is list and len(raw) <= most:
            return raw
        self.note(at, f"a list of at most {most} items", raw)
        return []
