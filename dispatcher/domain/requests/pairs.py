"""Pairs of a literal name and the template of its value: queries, headers, forms."""

from typing import NamedTuple

from dispatcher.domain.shape import Reading

MAX_TEMPLATE_CHARACTERS = 65_536
MAX_PAIRS = 100
MAX_NAME_CHARACTERS = 200


class Pair(NamedTuple):
    """A literal name and the template of its value."""

    name: str
    value: str


def read_pairs(reading: Reading, raw: object, at: str) -> tuple[Pair, ...]:
    """A list of `{"name", "value"}`; faults are noted."""
    if type(raw) is not list:
        reading.note(at, f'a list of at most {MAX_PAIRS} {{"name": ..., "value": ...}}', raw)
        return ()
    return tuple(
        _read_pair(reading, each, f"{at}[{index}]") for index, each in enumerate(reading.items(raw, at, MAX_PAIRS))
    )


def read_name(reading: Reading, raw: object, at: str) -> str:
    """A literal name, not empty."""
    name = reading.text(raw, at, MAX_NAME_CHARACTERS)
    if not name or "{{" in name:
        reading.note(at, "a literal name, not empty", raw)
    return name


def read_template(reading: Reading, raw: object, at: str) -> str:
    """A text that may hold templates; their syntax is judged by the adapter that renders them."""
    return reading.text(raw, at, MAX_TEMPLATE_CHARACTERS)


def pairs_document(pairs: tuple[Pair, ...]) -> list[dict[str, str]]:
    """As a profile shows them."""
    return [pair._asdict() for pair in pairs]


def _read_pair(reading: Reading, raw: object, at: str) -> Pair:
    given = reading.members(raw, at, ("name", "value"))
    if type(raw) is not dict:
        return Pair("", "")
    name = read_name(reading, given.get("name"), f"{at}.name")
    return Pair(name, read_template(reading, given.get("value"), f"{at}.value"))
