"""Hints, in memory and by Celery on a real Redis: ids only, and `BrokerUnavailable` while it is away."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from dispatcher.adapters.celery_queue import FIRST_LANE, RETRY_LANE, BackgroundHints, CeleryHints, make_app
from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.ports import BrokerUnavailable, Depth

EVENTS = [UUID(int=number) for number in (1, 2, 3)]
PROFILE = UUID(int=9)
REDIS = pytest.param("redis", marks=pytest.mark.redis)


@dataclass
class Broker:
    """Hints under test, and the broker behind them."""

    hints: Any
    server: Any = None

    def go_away(self) -> None:
        if self.server is None:
            self.hints.away = True
        else:
            self.server.stop()

    def come_back(self) -> None:
        if self.server is None:
            self.hints.away = False
        else:
            self.server.start()

    def wipe(self) -> None:
        if self.server is None:
            self.hints.wipe()
        else:
            self.server.flush()


@pytest.fixture(params=["memory", REDIS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each kind of hints in turn."""
    if request.param == "memory":
        yield Broker(MemoryHints())
        return
    server = request.getfixturevalue("redis_server")
    app = make_app(server.url)
    yield Broker(CeleryHints(app), server)
    app.close()


@pytest.fixture
def queue(redis_server) -> Iterator[CeleryHints]:
    """Hints by Celery on a Redis of this test's own."""
    app = make_app(redis_server.url)
    yield CeleryHints(app)
    app.close()


def test_hints_wait_by_their_kind(broker: Broker):
    assert broker.hints.depth() == Depth(0, 0)
    broker.hints.evaluate(EVENTS)
    broker.hints.evaluate(EVENTS[:1])
    broker.hints.deliver(PROFILE, EVENTS)
    assert broker.hints.depth() == Depth(evaluate=2, deliver=1)


def test_a_broker_that_is_away_takes_no_hint_and_says_so(broker: Broker):
    broker.hints.evaluate(EVENTS)
    broker.go_away()
    for call in (
        lambda: broker.hints.evaluate(EVENTS),
        lambda: broker.hints.deliver(PROFILE, EVENTS),
        broker.hints.depth,
    ):
        with pytest.raises(BrokerUnavailable):
            call()


def test_a_broker_that_came_back_takes_hints_again(broker: Broker):
    broker.hints.evaluate(EVENTS)
    broker.go_away()
    with pytest.raises(BrokerUnavailable):
        broker.hints.evaluate(EVENTS)
    broker.come_back()
    broker.wipe()
    broker.hints.evaluate(EVENTS)
    broker.hints.deliver(PROFILE, EVENTS)
    assert broker.hints.depth() == Depth(1, 1)


def test_a_wiped_broker_has_no_hints_and_takes_new_ones(broker: Broker):
    broker.hints.evaluate(EVENTS)
    broker.wipe()
    assert broker.hints.depth() == Depth(0, 0)
    broker.hints.evaluate(EVENTS)
    assert broker.hints.depth() == Depth(1, 0)


@pytest.mark.redis
def test_an_evaluate_message_is_ids_in_the_first_lane(queue: CeleryHints, redis_server):
    queue.evaluate(EVENTS)
    with redis_server.client() as client:
        (raw,) = client.lrange(FIRST_LANE, 0, -1)
    message = json.loads(raw)
    assert message["headers"]["task"] == "onhook.evaluate"
    assert message["headers"]["argsrepr"] == "(3 events)"
    args, kwargs, _ = body_of(message)
    assert (args, kwargs) == ([[event.hex for event in EVENTS]], {})


@pytest.mark.redis
def test_a_deliver_message_is_ids_in_the_retry_lane(queue: CeleryHints, redis_server):
    queue.deliver(PROFILE, EVENTS[:1])
    with redis_server.client() as client:
        (raw,) = client.lrange(RETRY_LANE, 0, -1)
    message = json.loads(raw)
    assert message["headers"]["task"] == "onhook.deliver"
    assert message["headers"]["argsrepr"] == f"(profile {PROFILE}, 1 delivery)"
    args, kwargs, _ = body_of(message)
    assert (args, kwargs) == ([PROFILE.hex, [EVENTS[0].hex]], {})


@pytest.mark.redis
def test_no_message_is_scheduled_or_kept_beside_the_queues(queue: CeleryHints, redis_server):
    queue.evaluate(EVENTS)
    with redis_server.client() as client:
        (raw,) = client.lrange(FIRST_LANE, 0, -1)
        keys = {key.decode() for key in client.scan_iter()}
    headers = json.loads(raw)["headers"]
    assert (headers["eta"], headers["expires"]) == (None, None)
    # The bindings are kombu's own book-keeping.
    assert {key for key in keys if not key.startswith("_kombu.")} == {FIRST_LANE}


@pytest.mark.redis
def test_background_hints_reach_the_broker_by_the_time_they_are_stopped(queue: CeleryHints):
    background = BackgroundHints(queue)
    background.evaluate(EVENTS)
    background.deliver(PROFILE, EVENTS)
    background.stop(5)
    assert queue.depth() == Depth(1, 1)


def body_of(message: dict[str, Any]) -> Any:
    return json.loads(b64decode(message["body"]))
