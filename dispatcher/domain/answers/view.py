"""A target's answer as rules and outputs look at it: parsed when first asked for, and once."""

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from dispatcher.domain.engines import Xml
from dispatcher.domain.exchange import Answer
from dispatcher.domain.soap.reply import Reply

MAX_DOCUMENT_BYTES = 262_144
"""A longer body is not read as JSON or XML at all: half a document says nothing, and parsing a whole one of this size
takes some 5 ms, during which no other answer is recorded."""
SEARCHED_BYTES = 16_384
"""Regular expressions see the beginning of a body, up to here; what stands beyond it is not found."""


class Unread(Enum):
    """In place of a parsed body: not asked for yet; or no document of that kind."""

    NOT_YET = 1
    UNREADABLE = 2


ReadReply = Callable[[Answer], Reply]
"""Reads the answer to a SOAP request. Never raises."""


class AnswerView:
    """One answer, looked at by one thread. `read_reply` is there for the answer to a SOAP request."""

    __slots__ = ("_fields", "_json", "_read_reply", "_reply", "_xml", "answer")

    def __init__(self, answer: Answer, read_reply: ReadReply | None = None) -> None:
        self.answer, self._read_reply = answer, read_reply
        self._json: Any = Unread.NOT_YET
        self._xml: Any = Unread.NOT_YET
        self._fields: Any = Unread.NOT_YET
        self._reply: Reply | None = None

    def reply(self) -> Reply | None:
        """The answer as SOAP; None where none was asked for."""
        if self._reply is None and self._read_reply is not None:
            self._reply = self._read_reply(self.answer)
        return self._reply

    def fields(self) -> Any:
        """What the SOAP reply holds, by the names of its fields, as JSON values; `UNREADABLE` for a fault and for what
        is no reply at all."""
        if self._fields is Unread.NOT_YET:
            reply = self.reply()
            usable = reply is not None and reply.fault is None and reply.unreadable is None
            fields = reply.fields() if reply is not None and usable else None
            self._fields = Unread.UNREADABLE if fields is None else fields
        return self._fields

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
