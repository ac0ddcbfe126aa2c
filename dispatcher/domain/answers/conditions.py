"""Conditions on the body of a target's answer: where to look, and what must stand there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatcher.domain.answers.finders import Finder, read_finder
from dispatcher.domain.answers.json_path import MAX_PATH_CHARACTERS
from dispatcher.domain.answers.view import SEARCHED_BYTES, AnswerView
from dispatcher.domain.criteria.operands import same
from dispatcher.domain.engines import Engines, PatternRefused
from dispatcher.domain.shape import Reading

MAX_CONDITIONS = 10
_MAX_CHOICES = 1_000
_KINDS = ("json", "xpath", "field", "regex")
_TESTS = ("equals", "in", "matches", "exists")
_MEMBERS = ("json", "xpath", "namespaces", "field", "regex", *_TESTS)
_SCALARS = (str, int, float, bool)
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_TRUE, _FALSE = ("true", "1"), ("false", "0")

_Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: a document with one of json, xpath, field and regex, and one of equals, in, matches and exists.

    It holds when a value that was found passes the test: `equals` and `in` compare as JSON values do (1 equals 1.0,
    true is no 1), `matches` searches a pattern in a text, number or boolean, `exists: true` wants a value that is not
    null. What an XPath or a pattern finds is text: there, a number equals its spellings, and true and false also 1 and
    0 and any case (XML Schema, 3.3.2). A field of a SOAP reply has the type that its WSDL gives it; a text of it
    compares as what an XPath finds. A pattern gives its first group, else the whole match; alone, it must be found.

    In a body that is no document of the kind asked for (too long, broken, a login page, XML with a DTD, empty) no
    condition on JSON or XML holds, `exists: false` neither.
    """

    document: Mapping[str, Any]
    holds: Callable[[AnswerView], bool] = field(compare=False, repr=False)

    def as_document(self) -> dict[str, Any]:
        """As a profile shows it."""
        return dict(self.document)


def read_conditions(reading: Reading, raw: object, at: str, engines: Engines) -> tuple[Condition, ...]:
    """A condition or a list of them; faults are noted."""
    if raw is None:
        return ()
    if type(raw) is not list:
        return _only(_read_condition(reading, raw, at, engines))
    items = reading.items(raw, at, MAX_CONDITIONS)
    read = (_read_condition(reading, each, f"{at}[{index}]", engines) for index, each in enumerate(items))
    return tuple(condition for condition in read if condition is not None)


def conditions_document(conditions: tuple[Condition, ...]) -> Any:
    """As a profile shows them: nothing, one condition, or a list."""
    documents: list[Any] = [condition.as_document() for condition in conditions]
    return documents if len(documents) > 1 else documents[0] if documents else None


def _only(condition: Condition | None) -> tuple[Condition, ...]:
    return () if condition is None else (condition,)


def _read_condition(reading: Reading, raw: object, at: str, engines: Engines) -> Condition | None:
    if type(raw) is not dict:
        reading.note(at, "a condition, or a list of them", raw)
        return None
    given = reading.members(raw, at, _MEMBERS)
    find = read_finder(reading, given, at, _KINDS, engines)
    passes = _read_test(reading, given, at, engines)
    if find is None or passes is None:
        return None
    document = {key: given[key] for key in _MEMBERS if key in given}
    return Condition(document, _holds(find, passes))


def _holds(find: Finder, passes: Callable[[list[Any]], bool]) -> Callable[[AnswerView], bool]:
    def holds(view: AnswerView) -> bool:
        found = find(view)
        return found is not None and passes(found)

    return holds


def _read_test(
    reading: Reading, given: Mapping[str, Any], at: str, engines: Engines
) -> Callable[[list[Any]], bool] | None:
    """The test of all that was found."""
    named = [word for word in _TESTS if word in given]
    if not named and "regex" in given:
        return bool
    if len(named) != 1:
        reading.note_got(
            f"{at}.{named[1] if named else 'equals'}",
            f"exactly one of {', '.join(_TESTS)}",
            " and ".join(named) or "nothing",
        )
        return None
    (word,) = named
    if word == "exists":
        wanted = reading.flag(given["exists"], f"{at}.exists")
        return lambda found: any(value is not None for value in found) is wanted
    passes = _read_value_test(reading, word, given, at, engines)
    return None if passes is None else lambda found: any(map(passes, found))


def _read_value_test(reading: Reading, word: str, given: Mapping[str, Any], at: str, engines: Engines) -> _Test | None:
    equal = _equal_json if "json" in given else _equal_field if "field" in given else _equal_text
    wanted, place = given[word], f"{at}.{word}"
    if word == "matches":
        return _read_matches(reading, wanted, place, engines)
    if word == "equals":
        return _read_equal(reading, wanted, place, equal)
    choices = reading.items(wanted, place, _MAX_CHOICES)
    if not choices:
        reading.note(place, "at least one value", wanted)
    tests = [_read_equal(reading, each, f"{place}[{index}]", equal) for index, each in enumerate(choices)]
    return lambda value: any(test is not None and test(value) for test in tests)


def _read_matches(reading: Reading, wanted: object, at: str, engines: Engines) -> _Test | None:
    if type(wanted) is not str or not 0 < len(wanted) <= MAX_PATH_CHARACTERS:
        reading.note(at, f"a pattern of 1 to {MAX_PATH_CHARACTERS} characters", wanted)
        return None
    try:
        extract = engines.extract(wanted)
    except PatternRefused as refused:
        reading.note(at, f"a pattern of RE2 syntax ({refused})", wanted)
        return None
    return lambda value: (text := _text(value)) is not None and extract(text[:SEARCHED_BYTES]) is not None


def _read_equal(reading: Reading, wanted: Any, at: str, equal: Callable[[Any], _Test]) -> _Test | None:
    if equal is _equal_text and type(wanted) not in _SCALARS:
        reading.note(at, "text, a number, true or false: what is found here is text", wanted)
        return None
    return equal(wanted)


def _equal_json(wanted: Any) -> _Test:
    return lambda value: same(value, wanted)


def _equal_field(wanted: Any) -> _Test:
    if type(wanted) not in _SCALARS:
        return _equal_json(wanted)
    as_text = _equal_text(wanted)
    return lambda value: as_text(value) if type(value) is str else same(value, wanted)


def _equal_text(wanted: Any) -> _Test:
    if type(wanted) is bool:
        words = _TRUE if wanted else _FALSE
        return lambda text: text.strip().lower() in words
    if type(wanted) is str:
        return lambda text: bool(text == wanted)
    return lambda text: _number(text.strip()) == wanted


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def _text(value: Any) -> bytes | None:
    """A scalar as JSON writes it; a text without its quotation marks."""
    if type(value) is str:
        return value.encode(errors="replace")
    if type(value) is bool:
        return b"true" if value else b"false"
    if type(value) in (int, float):
        return str(value).encode()
    return None
