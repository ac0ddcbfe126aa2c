"""What criteria and templates see of an event: a plain nested dict, and the ways into it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dispatcher.domain.shape import nearest
from dispatcher.domain.variables import CRITERIA_FIELDS

Context = Mapping[str, Any]
"""`{"id", "type", "occurred_at", "call", "source"}`, for templates `delivery` and `followed` too. Times are RFC 3339
text in UTC with `Z`; an absent field has no key."""

Getter = Callable[[Context], Any]
"""Gives a field's value, or None where it is absent. Never raises."""

CUSTOM = "call.custom"
"""Below it every name is allowed, since the names are the source's."""


def getter(names: Sequence[str]) -> Getter:
    """The getter of a key path. Null counts as absent, and so does a name below what is no object."""
    if len(names) == 1:
        (only,) = names
        return lambda context: context.get(only)
    if len(names) == 2 and names[0] == "call":
        field = names[1]
        # The shortest way for the most common case: `call` is there in every event and is an object.
        return lambda context: context["call"].get(field)
    path = tuple(names)

    def walk(context: Context) -> Any:
        value: Any = context
        for name in path:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return walk


def is_known(path: str) -> bool:
    """Whether a clause may name the path: a field of the event or its source, or anything below `call.custom`."""
    return path in CRITERIA_FIELDS or (path.startswith(CUSTOM + ".") and all(path.split(".")))


def expected_field(path: str) -> str:
    """What to say of a path that is not known, with the nearest ones."""
    return f"a field of an event{nearest(path, CRITERIA_FIELDS)}; fields of the source's own lie under {CUSTOM}"
