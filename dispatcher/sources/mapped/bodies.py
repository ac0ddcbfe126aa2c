"""Bodies of any make, and how a place in one is written: a JSON path, the name of a form's field, or an XPath."""

import hashlib
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from urllib.parse import parse_qsl

import orjson
from lxml import etree

from dispatcher.domain.answers.json_path import EXPECTED, MAX_PATH_CHARACTERS, Every, first_values_at, json_path
from dispatcher.domain.engines import PathRefused
from dispatcher.domain.event import MAX_EVENTS
from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.generic import decode_json
from dispatcher.xml_reading.paths import MAX_XML_BYTES, XML, compile_nodes, parsed

MAX_BYTES = 1024 * 1024
"""Of a body: every place that is mapped may mean one way through all of it."""
MAX_FIELDS = 1000
MAX_FOUND = MAX_EVENTS + 1
"""Values that a JSON path leads to at each of its steps, the first ones."""
BODIES = ("json", "form", "xml", "query")

Find = Callable[[Any], list[Any]]
"""What stands at a place of one record, in the body's order."""


@dataclass(frozen=True)
class Notation:
    """How the places of one kind of body are written. `place` and `items` raise `PathRefused` with what is wrong."""

    place: Callable[[str], Find]
    items: Callable[[str], Find] | None
    """The records of a batch; None for bodies that are one record."""
    decode: Callable[[Posted], Any]
    """The body as one record. Raises `NotUnderstood`."""
    is_batch: Callable[[str], Callable[[Any], bool]] = lambda _path: lambda _document: True
    """Whether a body has the list that a path of `items` looks into. XML has no lists: without records it is empty."""


def notation_of(body: str, namespaces: Mapping[str, str], *, in_items: bool) -> Notation:
    """The notation of a kind of body; `in_items` where the places are looked for in each record of a batch."""
    match body:
        case "json":
            return Notation(_json_place, _json_place, lambda posted: small_json(posted.body), _json_batch)
        case "xml":
            return Notation(
                lambda path: _xml_place(path, namespaces, in_items=in_items),
                lambda path: compile_nodes(path, namespaces, MAX_EVENTS + 1),
                _decode_xml,
            )
        case "form":
            return Notation(_field, None, lambda posted: _fields(posted.body.decode("utf-8", "replace")))
        case _:
            return Notation(_field, None, _decode_query)


def small_json(body: bytes) -> object:
    """The JSON of a body. Raises `NotUnderstood` for what is none, or too long to be looked through."""
    if len(body) > MAX_BYTES:
        raise NotUnderstood(f"The body is longer than {MAX_BYTES} bytes, which is more than is looked through.")
    return decode_json(body.removeprefix(BOM_UTF8))


def fingerprint(record: Any) -> str:
    """A digest by which the same record is known when it is posted again. Raises `NotUnderstood`."""
    try:
        if etree.iselement(record):
            data = etree.tostring(record, encoding="utf-8", with_tail=False)
        else:
            data = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, etree.LxmlError, UnicodeError):
        raise NotUnderstood("The record gives no id, and nests too deep or holds half characters.") from None
    return hashlib.sha256(data).hexdigest()[:32]


def _json_place(path: str) -> Find:
    if len(path) > MAX_PATH_CHARACTERS:
        raise PathRefused(EXPECTED)
    try:
        steps = json_path(path)
    except ValueError as error:
        raise PathRefused(f"{EXPECTED}: {error}") from None
    return lambda record: first_values_at(record, steps, MAX_FOUND)


def _json_batch(path: str) -> Callable[[Any], bool]:
    """By what stands before the first `[*]`; null is how some write a list of nothing."""
    before = tuple(takewhile(lambda step: step is not Every.EVERY, json_path(path)))
    return lambda document: any(
        each is None or type(each) in (list, dict) for each in first_values_at(document, before, MAX_FOUND)
    )


def _xml_place(path: str, namespaces: Mapping[str, str], *, in_items: bool) -> Find:
    if in_items and path.lstrip().startswith("/"):
        # From the root it would be looked for once for every record: a cost that grows with the square.
        raise PathRefused("a path from the record, since items is set: it does not begin with /")
    return XML.path(path, namespaces)


def _field(name: str) -> Find:
    if not name:
        raise PathRefused("the name of a field")
    return lambda record: record.get(name, [])


def _decode_query(posted: Posted) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in posted.query[:MAX_FIELDS]:
        found.setdefault(name, []).append(value)
    return found


def _fields(text: str) -> dict[str, list[str]]:
    if len(text) > MAX_BYTES:
        raise NotUnderstood(f"The form is longer than {MAX_BYTES} bytes, which is more than is looked through.")
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text.strip(), keep_blank_values=True)[:MAX_FIELDS]:
        found.setdefault(name, []).append(value)
    if not found:
        raise NotUnderstood("The body is no form, or an empty one.")
    return found


def _decode_xml(posted: Posted) -> Any:
    root = parsed(posted.body)
    if root is None:
        raise NotUnderstood(f"The body is no XML, has a DTD, nests too deep, or is longer than {MAX_XML_BYTES} bytes.")
    return root
