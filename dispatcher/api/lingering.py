"""Answers that come before the whole body has: the client must be able to read them."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from dispatcher.api.wire import header_of

LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a body that nobody wants is read and dropped, so that its sender comes to read the answer."""


class Lingering:
    """One request and its answer.

    A server that closes while the client still sends makes the client's system throw away the answer it has
    (RFC 9112, 9.6). So an early answer is sent whole, the rest of the body is dropped, and only then does it end.
    """

    __slots__ = ("_body_ended", "_receive", "_scope", "_send", "started")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._body_ended = False
        self.started = False

    async def receive(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._body_ended = True
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        self.started = True
        if not self._body_ended and _ends(message) and _has_body(self._scope):
            await self._send({**message, "more_body": True})
            await self._drop_the_rest()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _drop_the_rest(self) -> None:
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._body_ended and dropped < LINGER_BYTES:
                    dropped += len((await self.receive()).get("body", b""))


def _ends(message: MutableMapping[str, Any]) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)


def _has_body(scope: Scope) -> bool:
    """Whether a body is on its way. One that waits for our 100 (Continue) is not sent after another answer."""
    if header_of(scope, b"expect") is not None:
        return False
    declared = header_of(scope, b"content-length")
    return declared not in {None, b"0"} or header_of(scope, b"transfer-encoding") is not None
