"""Both senders under test, and how the tests of the contract use them; the fixtures are the directory's."""

import contextlib
import ipaddress
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dispatcher.adapters.curl.sender import CurlSender
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from tests.contract.targets import Target

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
CANARY = "canary-4155550100"

Sender = CurlSender | RequestsSender
MakeSender = Callable[..., Sender]
MakeTarget = Callable[..., Target]


@pytest.fixture(params=[CurlSender, RequestsSender], ids=["curl", "requests"])
def make_sender(request: pytest.FixtureRequest) -> Iterator[MakeSender]:
    made: list[Sender] = []

    def make(allow: list[Any] = LOOPBACK, **options: Any) -> Sender:
        made.append(request.param(Egress(allow), **options))
        return made[-1]

    yield make
    for sender in made:
        sender.stop(0)


@pytest.fixture
def sender(make_sender: MakeSender) -> Sender:
    return make_sender()


@pytest.fixture
def make_target() -> Iterator[MakeTarget]:
    with contextlib.ExitStack() as stack:

        def make(*args: Any, **options: Any) -> Target:
            target = Target(*args, **options)
            stack.callback(target.stop)
            return target

        yield make


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set at the end of the test at the latest, so that no target's thread outlives it."""
    event = threading.Event()
    yield event
    event.set()


def get(url: str, deadline: float = 10, connect: float = 5) -> Request:
    return Request("GET", f"{url}/{CANARY}", [("X-Canary", CANARY)], None, connect, deadline)


class Pending:
    """The exchanges of one batch, which counts how often each `done` was called."""

    def __init__(self, sender: Sender, requests: list[Request]) -> None:
        self.calls: list[list[Exchange]] = [[] for _ in requests]
        self._left = threading.Semaphore(0)
        sender.send([(request, self._done(calls)) for request, calls in zip(requests, self.calls, strict=True)])

    def _done(self, calls: list[Exchange]) -> Callable[[Exchange], None]:
        def done(exchange: Exchange) -> None:
            calls.append(exchange)
            self._left.release()

        return done

    def wait(self, seconds: float = 20) -> list[Exchange]:
        for _ in self.calls:
            assert self._left.acquire(timeout=seconds), "an exchange did not end"
        assert [len(calls) for calls in self.calls] == [1] * len(self.calls)
        return [calls[0] for calls in self.calls]


def carry(sender: Sender, request: Request) -> Exchange:
    [exchange] = Pending(sender, [request]).wait()
    return exchange


def failure(sender: Sender, request: Request) -> ErrorWord | None:
    """The error word; a detail that holds anything of the request fails here, in whichever test it is."""
    exchange = carry(sender, request)
    assert exchange.answer is None
    assert exchange.detail
    for personal in (CANARY, "canary", "127.0.0.1", "localhost", "://", "nowhere"):
        assert personal not in exchange.detail
    return exchange.error
