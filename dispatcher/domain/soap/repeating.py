"""`{"$for": "call.account_codes", "$as": "code", "$each": ...}`: a parameter, once for each item of a call's list."""

import re
from keyword import iskeyword
from typing import Any

from dispatcher.domain.call_fields import Kind
from dispatcher.domain.context import CUSTOM
from dispatcher.domain.shape import Reading, joined, nearest
from dispatcher.domain.variables import FOLLOWED, VARIABLES

FOR_KEY = "$for"
AS_KEY = "$as"
EACH_KEY = "$each"
DEFAULT_NAME = "item"
"""What the item is called where `$as` does not say."""
LISTS = tuple(path for path, field in VARIABLES.items() if field.kind is Kind.TEXT_LIST)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PATH = re.compile(r"[^\s.{}\[\]]{1,200}(?:\.[^\s.{}\[\]]{1,200}){1,20}")
_TAKEN = frozenset({path.partition(".")[0] for path in VARIABLES} | {"event", "loop", "true", "false", "none"})


def check_loop(reading: Reading, value: dict[str, Any], at: str) -> None:
    """Notes what is wrong with a loop itself; `$each` is judged by the caller, as one value of the parameter."""
    reading.members(value, at, (FOR_KEY, AS_KEY, EACH_KEY))
    path, name = value[FOR_KEY], value.get(AS_KEY, DEFAULT_NAME)
    if type(path) is not str or not _is_list(path):
        hint = nearest(path, LISTS) if type(path) is str else ""
        reading.note(joined(at, FOR_KEY), f"{', '.join(LISTS)}, or a list below {CUSTOM}{hint}", path)
    if type(name) is not str or not _IDENTIFIER.fullmatch(name) or name.lower() in _TAKEN or iskeyword(name):
        reading.note(joined(at, AS_KEY), "a name of its own for the item: letters, digits and '_'", name)
    if value.get(EACH_KEY) is None:
        reading.note_got(joined(at, EACH_KEY), "the value for each item", "nothing")
    elif holds_loop(value[EACH_KEY]):
        reading.note_got(joined(at, EACH_KEY), "loops beside each other", "a loop inside a loop")


def holds_loop(value: object) -> bool:
    """Whether there is a loop anywhere in a value."""
    if type(value) is dict:
        return FOR_KEY in value or any(map(holds_loop, value.values()))
    return type(value) is list and any(map(holds_loop, value))


def _is_list(path: str) -> bool:
    """Whether a path may hold a list. Of `followed`, only templates know the outputs."""
    below = path.startswith((f"{CUSTOM}.", f"{FOLLOWED}."))
    return path in LISTS or (below and _PATH.fullmatch(path) is not None)
