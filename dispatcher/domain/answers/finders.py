"""Where in an answer a rule or an output looks: JSON path, XPath, field of a SOAP reply, regular expression or header;
read from a profile."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from dispatcher.domain.answers.json_path import EXPECTED, MAX_PATH_CHARACTERS, json_path, values_at
from dispatcher.domain.answers.view import AnswerView, Unread
from dispatcher.domain.engines import Engines, PathRefused, PatternRefused
from dispatcher.domain.shape import Reading

Finder = Callable[[AnswerView], list[Any] | None]
"""What was found (JSON values; texts for the other kinds), or None where the answer is no document of the kind."""

_MAX_PREFIXES = 20
_MAX_NAMESPACE_CHARACTERS = 500
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")


def read_finder(
    reading: Reading, given: Mapping[str, Any], at: str, kinds: Collection[str], engines: Engines
) -> Finder | None:
    """The finder of a document that has exactly one of `kinds` (json, xpath, field, regex, header); else faults are
    noted."""
    named = [kind for kind in kinds if kind in given]
    if len(named) != 1:
        words = f"exactly one of {', '.join(kinds)}"
        reading.note_got(at, words, " and ".join(named) or "none of them")
        return None
    (kind,) = named
    if kind != "xpath" and "namespaces" in given:
        reading.note(f"{at}.namespaces", "nothing: namespaces belong to an xpath", given["namespaces"])
    value = given[kind]
    if type(value) is not str or not 0 < len(value) <= MAX_PATH_CHARACTERS:
        reading.note(f"{at}.{kind}", f"text of 1 to {MAX_PATH_CHARACTERS} characters", value)
        return None
    try:
        return _compiled(reading, kind, value, given, at, engines)
    except (PathRefused, PatternRefused, ValueError) as refused:
        reading.note(f"{at}.{kind}", f"{_EXPECTED[kind]} ({refused})", value)
        return None


_EXPECTED = {
    "json": EXPECTED,
    "xpath": "a path of the XPath subset",
    "regex": "a pattern of RE2 syntax",
    "header": "the name of a header",
    "field": "the path of a field of the SOAP reply, such as Result.Lead.Id",
}


def _compiled(
    reading: Reading, kind: str, value: str, given: Mapping[str, Any], at: str, engines: Engines
) -> Finder | None:
    match kind:
        case "json":
            return _by_json(value)
        case "xpath":
            namespaces = _read_namespaces(reading, given.get("namespaces"), f"{at}.namespaces")
            return None if namespaces is None else _by_xpath(value, namespaces, engines)
        case "regex":
            return _by_regex(value, engines)
        case "field":
            return _by_field(value)
        case _:
            return _by_header(value)


def _by_json(path: str) -> Finder:
    steps = json_path(path)

    def find(view: AnswerView) -> list[Any] | None:
        document = view.json()
        return None if document is Unread.UNREADABLE else values_at(document, steps)

    return find


def _by_field(path: str) -> Finder:
    steps = json_path(f"$.{path}")

    def find(view: AnswerView) -> list[Any] | None:
        found = view.fields()
        if found is Unread.UNREADABLE:
            return None
        # What wraps the result (`LogCallResult`) need not be named: it says nothing, and few know its name.
        while not (values := values_at(found, steps)) and type(found) is dict and len(found) == 1:
            (found,) = found.values()
        return values

    return find


def _by_xpath(path: str, namespaces: Mapping[str, str], engines: Engines) -> Finder:
    search, engine = engines.xml.path(path, namespaces), engines.xml

    def find(view: AnswerView) -> list[Any] | None:
        tree = view.xml(engine)
        return None if tree is Unread.UNREADABLE else search(tree)

    return find


def _by_regex(pattern: str, engines: Engines) -> Finder:
    extract = engines.extract(pattern)

    def find(view: AnswerView) -> list[Any]:
        text = extract(view.searched())
        return [] if text is None else [text]

    return find


def _by_header(name: str) -> Finder:
    if not _HEADER.fullmatch(name):
        raise ValueError("letters, digits and hyphens")
    lowered = name.lower()

    def find(view: AnswerView) -> list[Any]:
        text = view.answer.header(lowered)
        return [] if text is None else [text]

    return find


def _read_namespaces(reading: Reading, raw: object, at: str) -> Mapping[str, str] | None:
    if raw is None:
        return {}
    if type(raw) is not dict or len(raw) > _MAX_PREFIXES:
        reading.note(at, f"an object of at most {_MAX_PREFIXES} prefixes", raw)
        return None
    for prefix, uri in raw.items():
        if not _PREFIX.fullmatch(prefix) or prefix in ("xml", "xmlns"):
            reading.note(at, "prefixes of letters, digits and . _ -", prefix)
            return None
        if type(uri) is not str or not 0 < len(uri) <= _MAX_NAMESPACE_CHARACTERS:
            reading.note(f"{at}.{prefix}", "the URI of a namespace", uri)
            return None
    return raw
