"""Which records are calls: conditions that must all hold."""

from collections.abc import Callable, Mapping
from typing import Any

from dispatcher.domain.shape import Reading
from dispatcher.sources.mapped.bodies import Notation
from dispatcher.sources.mapped.fields import text_of
from dispatcher.sources.mapped.values import read_place
from dispatcher.sources.posts.said import said

MAX_CONDITIONS = 16
MAX_WORDS = 100
_TESTS = ("is", "is_not", "exists")

Holds = Callable[[Any], bool]


def read_conditions(reading: Reading, raw: object, at: str, notation: Notation) -> Holds:
    """A list of `{"path": ..., "is" | "is_not": [words]}` and `{"path": ..., "exists": true | false}`; faults are
    noted. Words are compared without regard to case."""
    if raw is None:
        return lambda _: True
    conditions = [
        _read_condition(reading, each, f"{at}[{index}]", notation)
        for index, each in enumerate(reading.items(raw, at, MAX_CONDITIONS))
    ]
    return lambda record: all(holds(record) for holds in conditions)


def _read_condition(reading: Reading, raw: object, at: str, notation: Notation) -> Holds:
    given = reading.members(raw, at, ("path", *_TESTS))
    if type(raw) is not dict:
        return lambda _: False
    find = read_place(reading, given.get("path"), f"{at}.path", notation)
    if sum(name in given for name in _TESTS) != 1:
        reading.note_got(at, f"one of {', '.join(_TESTS)}", "not that")
        return lambda _: False
    if "exists" in given:
        wanted = reading.flag(given["exists"], f"{at}.exists")
        return lambda record: any(_is_there(each) for each in find(record)) is wanted
    return _read_words(reading, given, at, find)


def _read_words(reading: Reading, given: Mapping[str, Any], at: str, find: Callable[[Any], list[Any]]) -> Holds:
    name = "is" if "is" in given else "is_not"
    listed = given[name] if type(given[name]) is list else [given[name]]
    texts = [text_of(each) for each in listed[:MAX_WORDS]]
    if not texts or None in texts or len(listed) > MAX_WORDS:
        reading.note(f"{at}.{name}", f"a text, or a list of 1 to {MAX_WORDS}", given[name])
    words = frozenset(text.strip().lower() for text in texts if text is not None)
    wanted = name == "is"
    return lambda record: any((text_of(each) or "").strip().lower() in words for each in find(record)) is wanted


def _is_there(value: Any) -> bool:
    return value is not None and (type(value) is not str or said(value) is not None)
