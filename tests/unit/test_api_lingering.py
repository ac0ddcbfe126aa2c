import asyncio
from typing import Any

import pytest

from dispatcher.api import lingering
from dispatcher.api.lingering import Lingering

LENGTH = (b"content-length", b"3000")
ANSWER = [
    {"type": "http.response.start", "status": 413, "headers": []},
    {"type": "http.response.body", "body": b"no"},
]
PART = {"type": "http.request", "body": b"x" * 1000, "more_body": True}
LAST = {**PART, "more_body": False}


class Wire:
    """What goes over a connection, in order: parts read, and parts of the answer sent."""

    def __init__(self, *parts: dict[str, Any]) -> None:
        self.log: list[str] = []
        self._parts = iter(parts)

    async def receive(self) -> dict[str, Any]:
        try:
            part = next(self._parts)
        except StopIteration:
            await asyncio.Event().wait()  # as a server does once the body is whole: until the client goes
            raise
        self.log.append("read")
        return part

    async def send(self, message: Any) -> None:
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        self.log.append("end" if ends else "sent")


def answer(wire: Wire, headers: list[tuple[bytes, bytes]], read: int = 0) -> list[str]:
    """What happens when a request is answered after so many parts of it are read."""

    async def story() -> None:
        request = Lingering({"headers": headers}, wire.receive, wire.send)
        for _ in range(read):
            await request.receive()
        for message in ANSWER:
            await request.send(message)

    asyncio.run(asyncio.wait_for(story(), 5))
    return wire.log


def test_an_early_answer_is_sent_whole_then_the_body_is_dropped_then_it_ends() -> None:
    assert answer(Wire(PART, PART, LAST), [LENGTH]) == ["sent", "sent", "read", "read", "read", "end"]


def test_an_answer_after_the_whole_body_ends_at_once() -> None:
    assert answer(Wire(PART, LAST), [LENGTH], read=2) == ["read", "read", "sent", "end"]


def test_a_client_that_goes_away_is_not_waited_for() -> None:
    assert answer(Wire(PART, {"type": "http.disconnect"}), [LENGTH]) == ["sent", "sent", "read", "read", "end"]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")], [LENGTH, (b"expect", b"100-continue")]])
def test_where_no_body_comes_none_is_waited_for(headers: list[tuple[bytes, bytes]]) -> None:
    assert answer(Wire(), headers) == ["sent", "end"]


def test_a_chunked_body_is_dropped_too() -> None:
    assert answer(Wire(LAST), [(b"transfer-encoding", b"chunked")]) == ["sent", "sent", "read", "end"]


def test_only_so_much_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_BYTES", 2000)
    assert answer(Wire(*[PART] * 9), [LENGTH]) == ["sent", "sent", "read", "read", "end"]


def test_a_body_that_never_comes_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 0.01)
    assert answer(Wire(PART), [LENGTH]) == ["sent", "sent", "read", "end"]
