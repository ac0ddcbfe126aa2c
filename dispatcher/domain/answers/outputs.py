"""Outputs: what a profile keeps of a target's answer, by name, for the profiles that follow it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dispatcher.domain.answers.finders import Finder, read_finder
from dispatcher.domain.answers.view import AnswerView, ReadReply
from dispatcher.domain.engines import Engines
from dispatcher.domain.exchange import Answer
from dispatcher.domain.field_values import MAX_DEPTH, Unfit, read_free, well_formed
from dispatcher.domain.shape import Reading

MAX_OUTPUTS = 20
MAX_VALUE_BYTES = 4_096
MAX_TOTAL_BYTES = 16_384
"""Of one value, and of all of a delivery together, as JSON. What does not fit is left out: half an id is none."""
_KINDS = ("json", "xpath", "field", "header", "regex")
_MEMBERS = ("name", "json", "xpath", "namespaces", "field", "header", "regex", "required")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_EXACT_BITS = 63


@dataclass(frozen=True, slots=True)
class Output:
    """One output: its name, its document, and where it is found. `required`: an answer without it is no success."""

    name: str
    document: Mapping[str, Any]
    required: bool
    find: Finder = field(compare=False, repr=False)

    def as_document(self) -> dict[str, Any]:
        """As a profile's `outputs` shows it."""
        return dict(self.document)

    def value(self, view: AnswerView) -> Any:
        """The first value found; None where there is none, where it is null, or where it cannot be kept.

        A JSON value keeps its type, but for integers of more than 63 bits: they are kept as their digits, since few
        JSON implementations read them exactly. What the other kinds find is text.
        """
        found = self.find(view)
        return _kept(found[0]) if found else None


def read_outputs(reading: Reading, raw: object, at: str, engines: Engines) -> tuple[Output, ...]:
    """A profile's `outputs`: a list of `{"name", "json" | "xpath" | "field" | "header" | "regex", "required"?}`, names
    unique; faults are noted."""
    if raw is None:
        return ()
    outputs: list[Output] = []
    for index, each in enumerate(reading.items(raw, at, MAX_OUTPUTS)):
        output = _read_output(reading, each, f"{at}[{index}]", engines)
        if output is not None:
            if any(output.name == earlier.name for earlier in outputs):
                reading.note(f"{at}[{index}].name", "a name that no other output has", output.name)
            outputs.append(output)
    return tuple(outputs)


def capture(outputs: Sequence[Output], answer: Answer, read_reply: ReadReply | None = None) -> dict[str, Any]:
    """The outputs by name, as JSON values; one that the answer does not hold has no key. Never raises."""
    return captured_from(outputs, AnswerView(answer, read_reply))


def captured_from(outputs: Sequence[Output], view: AnswerView) -> dict[str, Any]:
    """As `capture`. Required ones come first to the room that all have together, so that the others cannot crowd out
    what an answer was judged by."""
    captured: dict[str, Any] = {}
    room = MAX_TOTAL_BYTES
    for output in sorted(outputs, key=lambda each: not each.required):
        value = output.value(view)
        if value is not None and (size := _size(value)) <= room:
            captured[output.name] = value
            room -= size
    return captured


def _read_output(reading: Reading, raw: object, at: str, engines: Engines) -> Output | None:
    given = reading.members(raw, at, _MEMBERS)
    if type(raw) is not dict:
        return None
    name = given.get("name")
    if type(name) is not str or not _NAME.fullmatch(name):
        reading.note(f"{at}.name", "1 to 64 of a-z, 0-9 and _, the first no digit", name)
        name = ""
    required = reading.flag(given.get("required", False), f"{at}.required")
    find = read_finder(reading, given, at, _KINDS, engines)
    if find is None or not name:
        return None
    document = {key: given[key] for key in _MEMBERS if key in given} | {"required": required}
    return Output(name, document, required, find)


def _kept(value: Any) -> Any:
    try:
        fit = _fit(value, MAX_DEPTH)
    except Unfit:
        return None
    return fit if fit is not None and _size(fit) <= MAX_VALUE_BYTES else None


def _fit(value: Any, depth: int) -> Any:
    """The value as every JSON implementation can carry it; raises `Unfit`."""
    kind = type(value)
    if kind is int and value.bit_length() > _EXACT_BITS:
        return str(value)
    if kind is not list and kind is not dict:
        return read_free(value)
    if depth == 0:
        raise Unfit(f"at most {MAX_DEPTH} levels of nesting", value)
    if kind is list:
        return [_fit(each, depth - 1) for each in value]
    return {well_formed(key): _fit(each, depth - 1) for key, each in value.items()}


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
