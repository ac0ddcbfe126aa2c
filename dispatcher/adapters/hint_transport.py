"""kombu's Redis transport, with two costs taken out that each hint would pay.

kombu makes a new `redis.Redis` for every command it sends, which takes longer than the command; and it
acknowledges in two round trips even what was consumed without acknowledgement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.worker import state
from kombu.transport import redis

TAKEN_IN = 256
"""Hints that a worker holds at a time; the others stay in the broker, for its neighbours. More than half a second's
work, because a consumer that has stopped looking is slow to look again."""


class HintQoS(redis.QoS):
    """Acknowledges only what is waiting to be acknowledged."""

    def can_consume(self) -> bool:
        """Without acknowledgements kombu would not count, and take in whatever there is."""
        return len(state.reserved_requests) < TAKEN_IN

    def can_consume_max_estimate(self) -> int:
        return max(TAKEN_IN - len(state.reserved_requests), 0)

    def ack(self, delivery_tag: str) -> None:
        if delivery_tag in self._delivered:
            super().ack(delivery_tag)


class HintChannel(redis.Channel):
    """Keeps one client for each pool of connections; a client is safe to share among threads, its pool hands out
    a connection for each command."""

    QoS = HintQoS
    _kept: tuple[Any, Any] | None = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        if client:
            yield client
            return
        pool = self.pool  # made anew after a lost connection
        if self._kept is None or self._kept[0] is not pool:
            self._kept = (pool, self._create_client())
        yield self._kept[1]


class Transport(redis.Transport):
    """What `broker_transport` names."""

    Channel = HintChannel
