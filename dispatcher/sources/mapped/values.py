"""One mapped value: where it is looked for, and into what it is turned. Strict when read, total when it is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from dispatcher.domain.call_fields import Field, Kind
from dispatcher.domain.engines import PathRefused
from dispatcher.domain.shape import Reading
from dispatcher.sources.mapped.bodies import Find, Notation
from dispatcher.sources.mapped.fields import fault_of_constant, fitted, text_of
from dispatcher.sources.mapped.moments import READERS, Moment, read_moment_layout
from dispatcher.sources.normal.times import milliseconds
from dispatcher.sources.posts.said import said

MAX_PARTS = 8
"""Of `first_of` and `join`."""
MAX_DEPTH = 3
MAX_MAP = 200
_SOURCES = ("path", "first_of", "join")
_MEMBERS = (*_SOURCES, "separator", "map", "otherwise", "time", "zone", "duration", "split")
_DURATIONS = ("seconds", "ms", "hh:mm:ss")

Look = Callable[[Any, str], Any]
"""The value in a record, for a source in this time zone; None where there is none. Never raises."""


@dataclass(frozen=True)
class Wanted:
    """What a value is for. `field` None: a custom member, which takes any JSON as it came."""

    field: Field | None
    notation: Notation

    @property
    def is_list(self) -> bool:
        """Whether everything that is found counts, and not only the first."""
        return self.field is not None and self.field.kind is Kind.TEXT_LIST

    @property
    def is_time(self) -> bool:
        """Whether the field is a moment."""
        return self.field is not None and self.field.kind is Kind.TIME

    @property
    def is_duration(self) -> bool:
        """Whether the field is a number of seconds."""
        return self.field is not None and self.field.path.endswith("_seconds")


def nothing(_: Any, __: str) -> None:
    """What is looked up where the document is at fault."""


def read_value(reading: Reading, raw: object, at: str, wanted: Wanted) -> Look:
    """A constant, or an object that says where to look. Faults are noted; then the look-up finds nothing."""
    if type(raw) is dict:
        found = _read_look(reading, raw, at, wanted, MAX_DEPTH)
        field = wanted.field
        return found if field is None else lambda record, zone: fitted(field, found(record, zone))
    fault = fault_of_constant(raw, wanted.field)
    if fault is not None:
        reading.note(at, fault, raw)
        return nothing
    return lambda _, __: raw


def _read_look(reading: Reading, raw: object, at: str, wanted: Wanted, depth: int) -> Look:
    if type(raw) is not dict and depth < MAX_DEPTH:
        fault = fault_of_constant(raw, None)
        if fault is not None:
            reading.note(at, fault, raw)
        return lambda _, __: raw
    given = reading.members(raw, at, _MEMBERS)
    if sum(name in given for name in _SOURCES) != 1:
        reading.note_got(at, f"one of {', '.join(_SOURCES)}", "not that")
        return nothing
    if depth == 0:
        reading.note_got(at, f"at most {MAX_DEPTH} levels of first_of and join", "more")
        return nothing
    found = _read_source(reading, given, at, wanted, depth)
    if "map" in given:
        found = _read_map(reading, given, at, wanted, found)
    elif "otherwise" in given:
        reading.note_got(f"{at}.map", "a map, since there is otherwise", "nothing")
    return _read_turn(reading, given, at, wanted, found)


def _read_source(reading: Reading, given: Mapping[str, Any], at: str, wanted: Wanted, depth: int) -> Look:
    if "separator" in given and "join" not in given:
        reading.note_got(f"{at}.separator", "only beside join", "without it")
    if "path" in given:
        find = read_place(reading, given["path"], f"{at}.path", wanted.notation)
        if wanted.is_list:
            return lambda record, _: find(record) or None
        return lambda record, _: _first(find(record))
    name = "join" if "join" in given else "first_of"
    parts = reading.items(given[name], f"{at}.{name}", MAX_PARTS)
    if type(given[name]) is list and not parts:
        reading.note(f"{at}.{name}", "at least one value", parts)
    # What is joined is read as a whole; of what comes first, each part says how it is written.
    inner = wanted if name == "first_of" else Wanted(None, wanted.notation)
    looks = [_read_look(reading, each, f"{at}.{name}[{i}]", inner, depth - 1) for i, each in enumerate(parts)]
    if name == "first_of":
        return lambda record, zone: next((v for look in looks if (v := look(record, zone)) is not None), None)
    separator = reading.text(given.get("separator", " "), f"{at}.separator", 20)

    def joined(record: Any, zone: str) -> str | None:
        texts = [text for look in looks if (text := text_of(look(record, zone))) is not None]
        return separator.join(texts) or None

    return joined


def read_place(reading: Reading, raw: object, at: str, notation: Notation) -> Find:
    """Where something stands; a fault is noted, and then nothing is found."""
    try:
        if type(raw) is str:
            return notation.place(raw)
        reading.note(at, "a path, as text", raw)
    except PathRefused as refused:
        reading.note(at, str(refused), raw)
    return lambda _: []


def _read_map(reading: Reading, given: Mapping[str, Any], at: str, wanted: Wanted, found: Look) -> Look:
    raw, otherwise = given["map"], given.get("otherwise")
    if type(raw) is not dict or not 0 < len(raw) <= MAX_MAP:
        reading.note(f"{at}.map", f"an object of 1 to {MAX_MAP} texts and what each stands for", raw)
        return nothing
    words: dict[str, Any] = {}
    for key, value in raw.items():
        fault = None if value is None else fault_of_constant(value, wanted.field)
        if fault is not None:
            reading.note(f"{at}.map.{key}", fault, value)
        words[key.strip().lower()] = value
    if otherwise is not None and (fault := fault_of_constant(otherwise, wanted.field)) is not None:
        reading.note(f"{at}.otherwise", fault, otherwise)
    table = MappingProxyType(words)

    def word(value: Any) -> Any:
        text = text_of(value)
        return otherwise if text is None else table.get(text.strip().lower(), otherwise)

    def mapped(record: Any, zone: str) -> Any:
        value = found(record, zone)
        return [each for each in map(word, value) if each is not None] if type(value) is list else word(value)

    return mapped


def _read_turn(reading: Reading, given: Mapping[str, Any], at: str, wanted: Wanted, found: Look) -> Look:
    """What a text is read as: a moment, a length of time, a list."""
    for name, fits in (("time", wanted.is_time), ("duration", wanted.is_duration), ("split", wanted.is_list)):
        if name in given and not fits:
            field = wanted.field.path if wanted.field else "a custom member"
            reading.note_got(f"{at}.{name}", f"nothing: {field} is no value of that sort", "it")
    if "first_of" in given:
        for name in ("time", "zone", "duration", "split"):
            if name in given:
                reading.note_got(f"{at}.{name}", "it in the values of first_of", "it here")
        return found
    if wanted.is_time and "map" not in given:
        return _read_time(reading, given, at, found)
    if wanted.is_duration:
        word = reading.word(given.get("duration", "seconds"), f"{at}.duration", _DURATIONS)
        return found if word != "ms" else lambda record, zone: milliseconds(found(record, zone))
    if wanted.is_list and "split" in given:
        separator = reading.text(given["split"], f"{at}.split", 20)
        return lambda record, zone: _parts(found(record, zone), separator)
    return found


def _read_time(reading: Reading, given: Mapping[str, Any], at: str, found: Look) -> Look:
    layout = given.get("time", "iso")
    moment: Moment | None = READERS.get(layout) if type(layout) is str else None
    moment = moment or read_moment_layout(reading, layout, f"{at}.time")
    own_zone = _read_zone(reading, given.get("zone"), f"{at}.zone")
    return lambda record, zone: moment(found(record, zone), own_zone or zone)


def _read_zone(reading: Reading, raw: object, at: str) -> str | None:
    try:
        return None if raw is None else ZoneInfo(raw).key  # type: ignore[arg-type]
    except (ValueError, TypeError, OSError, LookupError):
        reading.note(at, "a name of the IANA time zone database, such as Europe/Berlin", raw)
        return None


def _first(found: list[Any]) -> Any:
    """The first that is there: not null, and no text that stands for nothing."""
    return next((each for each in found if each is not None and (type(each) is not str or said(each))), None)


def _parts(value: Any, separator: str) -> list[str] | None:
    texts = [text for each in (value if type(value) is list else [value]) if (text := text_of(each)) is not None]
    return [part.strip() for text in texts for part in (text.split(separator) if separator else [text])]
