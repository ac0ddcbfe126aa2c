"""A reply's body as zeep may read it: a copy, without what zeep would take endless time or memory for.

A target that is hostile, or only broken, chooses what stands in a reply, and one thread reads the replies of all.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

MAX_WRITTEN_OUT = 20_000
"""Elements of a body with every reference (SOAP 1.1, 5.4.1) replaced by what it refers to, as zeep does it: some 0.3 s.
References that hold each other twice over come to any number in few bytes."""
_SCHEMA = "{http://www.w3.org/2001/XMLSchema}schema"


class NotBounded(ValueError):
    """A body that zeep would take too long to read."""


def bounded_copy(body: Any) -> Any:
    """A copy, in which no schema stands: zeep would read it, without any bound, and it is nobody's field.

    Raises `NotBounded` where references come to too much, or lead back to themselves.
    """
    copied = deepcopy(body)
    referred = {each.get("id"): each for each in copied if isinstance(each.tag, str) and each.get("id") is not None}
    if referred:
        _WrittenOut(referred).size_of(copied, ())
    for schema in list(copied.iter(_SCHEMA)):
        schema.getparent().remove(schema)
    return copied


class _WrittenOut:
    """How many elements there would be, each referred one counted once and then known."""

    def __init__(self, referred: Mapping[str, Any]) -> None:
        self._referred = referred
        self._sizes: dict[str, int] = {}

    def size_of(self, element: Any, within: tuple[str, ...]) -> int:
        size = 1
        for child in element:
            size += self._behind(child.get("href"), within) or self.size_of(child, within)
            if size > MAX_WRITTEN_OUT:
                raise NotBounded
        return size

    def _behind(self, reference: str | None, within: tuple[str, ...]) -> int:
        """The size of what is referred to; 0 where nothing is."""
        name = (reference or "").removeprefix("#")
        if not (reference or "").startswith("#") or name not in self._referred:
            return 0
        if name in within:
            raise NotBounded
        if name not in self._sizes:
            self._sizes[name] = self.size_of(self._referred[name], (*within, name))
        return self._sizes[name]
