"""Hints by Celery on Redis: messages hold ids only, and losing one costs time, nothing else."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Full, Queue
from threading import Thread
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import kombu
from celery import Celery
from celery.utils.nodenames import anon_nodename
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES
from redis.exceptions import RedisError

from dispatcher.adapters.celery_events import BundledEvents, FlushEvents
from dispatcher.ports import BrokerUnavailable, Depth, Hints

logger = logging.getLogger(__name__)

TRANSPORT = "dispatcher.adapters.hint_transport:Transport"
"""Registered under kombu's own names, because a URL with a unix socket can name no other (`redis+socket://`)."""
EVALUATE = "onhook.evaluate"
DELIVER = "onhook.deliver"
FIRST_LANE = "onhook.first"
"""First attempts: evaluation sends them in the same task."""
RETRY_LANE = "onhook.retry"
"""Retries, backlog and replays."""

CROWDED_HINTS = 500
"""Evaluation hints waiting in the broker beyond which publishers hold back: the sweeper hints what waits
then, 200 events in a message, and neither broker nor workers fill up with what the database keeps anyway."""
CROWD_CHECK_SECONDS = 0.25
CONNECT_SECONDS = 2
ANSWER_SECONDS = 5
"""A broker that hangs is a broker that is away."""
WAITING_HINTS = 10_000
"""Hints that wait in a process for its publisher. What does not fit is found by the sweeper."""


def make_app(broker_url: str, threads: int = 4) -> Celery:
    """The Celery app, configured the same for publishers, workers and Flower."""
    TRANSPORT_ALIASES.update(redis=TRANSPORT, rediss=TRANSPORT)
    app = Celery("onhook", events=BundledEvents)
    app.steps["consumer"].add(FlushEvents)
    app.conf.update(
        broker_url=broker_url,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        # Hints need no acknowledgement: what a dying worker had taken in, the sweeper hints again within
        # seconds, where Redis would wait for the visibility timeout. It saves kombu's three round trips a
        # message, and the pause of a consumer whose prefetch window is full.
        task_queues=[kombu.Queue(FIRST_LANE, no_ack=True), kombu.Queue(RETRY_LANE, no_ack=True)],
        task_default_queue=FIRST_LANE,
        task_ignore_result=True,
        task_acks_late=False,
        # Concerns late acknowledgement alone; unset, Celery warns of it at length whenever the broker is lost.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        task_serializer="json",
        accept_content=["json"],
        worker_pool="threads",
        worker_concurrency=threads,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


class CeleryHints:
    """Publishes hints. Safe to use from several threads."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._origin = anon_nodename()

    def evaluate(self, event_ids: Sequence[UUID]) -> None:
        ids = [identifier.hex for identifier in event_ids]
        self._publish(EVALUATE, [ids], FIRST_LANE, f"({_count(ids, 'event')})")

    def deliver(self, profile_id: UUID, delivery_ids: Sequence[UUID]) -> None:
        ids = [identifier.hex for identifier in delivery_ids]
        shown = f"(profile {profile_id}, {_count(ids, 'delivery', 'deliveries')})"
        self._publish(DELIVER, [profile_id.hex, ids], RETRY_LANE, shown)

    def depth(self) -> Depth:
        with _translated(), self._app.pool.acquire(block=True) as connection:
            client = connection.default_channel.client
            return Depth(client.llen(FIRST_LANE), client.llen(RETRY_LANE))

    def _publish(self, task: str, args: list[Any], lane: str, shown: str) -> None:
        # `send_task` would look up routes, merge options and call signals: twice the work for the same message.
        message = self._app.amqp.as_task_v2(
            str(uuid4()), task, args, argsrepr=shown, kwargsrepr="{}", origin=self._origin, ignore_result=True
        )
        with _translated(), self._app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                message.body,
                exchange="",
                routing_key=lane,
                headers=message.headers,
                serializer="json",
                retry=False,
                **message.properties,
            )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, RedisError, OSError) as error:
        raise BrokerUnavailable(type(error).__name__) from error


class BackgroundHints:
    """Publishes in a thread of its own, so that nothing that accepts events ever waits for the broker."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._is_crowded = False
        self._look_again_at = 0.0
        self._queue: Queue[Callable[[], None] | None] = Queue(WAITING_HINTS)
        self._thread = Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def evaluate(self, event_ids: Sequence[UUID]) -> None:
        self._put(lambda: self._hints.evaluate(event_ids))

    def deliver(self, profile_id: UUID, delivery_ids: Sequence[UUID]) -> None:
        self._put(lambda: self._hints.deliver(profile_id, delivery_ids))

    def depth(self) -> Depth:
        return self._hints.depth()

    def stop(self, grace_seconds: float) -> None:
        """Publishes what is queued, as far as the grace goes."""
        self._put(None)
        self._thread.join(grace_seconds)

    def _put(self, publish: Callable[[], None] | None) -> None:
        try:
            self._queue.put_nowait(publish)
        except Full:
            logger.debug("hints.dropped")

    def _run(self) -> None:
        away = False
        while (publish := self._queue.get()) is not None:
            try:
                if not self._crowded():
                    publish()
                away = False
            except BrokerUnavailable:
                if not away:
                    logger.warning("hints.broker_unavailable")
                away = True
            except Exception:
                # The loop that must survive: a hint is lost, and the sweeper finds what it spoke of.
                logger.exception("hints.failed")

    def _crowded(self) -> bool:
        if monotonic() >= self._look_again_at:
            self._look_again_at = monotonic() + CROWD_CHECK_SECONDS
            self._is_crowded = self._hints.depth().evaluate > CROWDED_HINTS
        return self._is_crowded


def _count(ids: Sequence[object], one: str, many: str | None = None) -> str:
    return f"{len(ids)} {one if len(ids) == 1 else many or one + 's'}"
