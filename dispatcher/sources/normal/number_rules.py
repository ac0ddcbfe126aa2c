"""How a PBX writes and dials numbers: what a source's `config.numbers` says, beside its country."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatcher.domain.shape import Reading

MEMBERS = ("outside_line", "international_prefix", "assume_international", "extension_lengths")
_MAX_PREFIX_DIGITS = 8
_EXTENSION_LENGTHS = range(1, 9)


@dataclass(frozen=True, slots=True)
class NumberRules:
    """`outside_line`: the digits dialled for a line, taken off what was dialled. `international_prefix`: dialled for
    another country, besides the country's own and `00`. `assume_international`: numbers without `+` that could begin
    with a country's code do. `extension_lengths`: how many digits extensions have; None: 2 to 5."""

    outside_line: str = ""
    international_prefix: str = ""
    assume_international: bool = False
    extension_lengths: frozenset[int] | None = None


def number_rules(config: Mapping[str, Any]) -> NumberRules:
    """The rules of a source's `config`. What is not fit there counts as not said: `read_number_rules` tells of it."""
    given = config.get("numbers")
    if type(given) is not dict:
        return _NONE
    lengths = given.get("extension_lengths")
    return NumberRules(
        _prefix(given.get("outside_line")),
        _prefix(given.get("international_prefix")),
        given.get("assume_international") is True,
        frozenset(lengths) if type(lengths) is list and _are_lengths(lengths) else None,
    )


def read_number_rules(reading: Reading, given: object, path: str) -> None:
    """Notes what is wrong with a source's `config.numbers`; absent or null is fine."""
    if given is None:
        return
    rules = reading.members(reading.plain(given), path, MEMBERS)
    for name in ("outside_line", "international_prefix"):
        if rules.get(name) is not None and not _is_prefix(rules[name]):
            reading.note(f"{path}.{name}", f"1 to {_MAX_PREFIX_DIGITS} digits, as text", rules[name])
    if type(rules.get("assume_international", False)) is not bool:
        reading.note(f"{path}.assume_international", "true or false", rules["assume_international"])
    if rules.get("extension_lengths") is not None and not _are_lengths(rules["extension_lengths"]):
        reading.note(f"{path}.extension_lengths", "a list of lengths from 1 to 8", rules["extension_lengths"])


def _prefix(value: object) -> str:
    return value if isinstance(value, str) and _is_prefix(value) else ""


def _is_prefix(value: object) -> bool:
    return type(value) is str and value.isascii() and value.isdigit() and len(value) <= _MAX_PREFIX_DIGITS


def _are_lengths(value: object) -> bool:
    return type(value) is list and all(type(each) is int and each in _EXTENSION_LENGTHS for each in value)


_NONE = NumberRules()
