"""kombu's Redis transport, with two costs taken out that each hint would pay.

kombu makes a new `redis.Redis` for every command it sends, which takes longer than the command; and it
acknowledges in two round trips even what was consumed without acknowledgement.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis


class HintQoS(redis.QoS):
    """Acknowledges only what is waiting to be acknowledged."""

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
