"""A target's answer as rules and outputs look at it: parsed when first asked for, and once."""

import json
from enum import Enum
from typing import Any

from dispatcher.domain.engines import Xml
from dispatcher.domain.exchange import Answer

MAX_DOCUMENT_BYTES = 262_144
"""A longer body is not read as JSON or XML at all: half a document says nothing, and parsing a whole one of this size
takes some 5 ms, during which no other answer is recorded."""
SEARCHED_BYTES = 16_384
"""Regular expressions see the beginning of a body, up to here; what stands beyond it is not found."""


class Unread(Enum):
    """In place of a parsed body: not asked for yet; or no document of that kind."""

    NOT_YET = 1
    UNREADABLE = 2


class AnswerView:
    """One answer, looked at by one thread."""

    __slots__ = ("_json", "_xml", "answer")

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._json: Any = Unread.NOT_YET
        self._xml: Any = Unread.NOT_YET

    def json(self) -> Any:
        """The body as JSON in UTF-8, -16 or -32, or `UNREADABLE`. Of members of one name the last counts; NaN and
        infinities, which JSON does not have but some servers write, are read as numbers."""
        if self._json is Unread.NOT_YET:
            self._json = _parsed(self.answer.body)
        return self._json

    def xml(self, engine: Xml) -> Any:
        """The body as the engine's tree, or `UNREADABLE`."""
        if self._xml is Unread.NOT_YET:
            body = self.answer.body
            tree = engine.parse(body) if len(body) <= MAX_DOCUMENT_BYTES else None
            self._xml = Unread.UNREADABLE if tree is None else tree
        return self._xml

    def searched(self) -> bytes:
        """The part of the body that patterns are searched in."""
        return self.answer.body[:SEARCHED_BYTES]


def _parsed(body: bytes) -> Any:
    if len(body) > MAX_DOCUMENT_BYTES:
        return Unread.UNREADABLE
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # ValueError is bad syntax, bad encoding, or an integer of more than 4,300 digits.
        return Unread.UNREADABLE
