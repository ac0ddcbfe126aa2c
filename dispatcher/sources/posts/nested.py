"""What lies inside of posted JSON, whatever is really there: other types than the expected one count as nothing."""

from collections.abc import Mapping
from typing import Any

from dispatcher.sources.format import NotUnderstood
from dispatcher.sources.posts.said import said

_MOST = 1000
"""Of a list's members; a post of 8 MiB could hold a million empty ones."""


def object_in(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object under a name; an empty one where there is none."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, at most 1,000; none where it is no list."""
    return [each for each in value[:_MOST] if isinstance(each, dict)] if isinstance(value, list) else []


def records_of(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list, each of which is a record that must not be lost: more than 1,000 are refused.

    Raises `NotUnderstood`.
    """
    if isinstance(value, list) and len(value) > _MOST:
        raise NotUnderstood(f"The post holds more than {_MOST} records.")
    return objects_in(value)


def texts_in(value: object, name: str = "name") -> list[str]:
    """The texts of a list, of its objects the text under a name; each once."""
    given = value[:_MOST] if isinstance(value, list) else []
    found = [said(each.get(name) if isinstance(each, dict) else each) for each in given]
    return list(dict.fromkeys(text for text in found if text is not None))


def is_true(value: object) -> bool:
    """`true`, also as a form writes it."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
