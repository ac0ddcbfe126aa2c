"""A listener's life: it runs until a signal ends it, and says now and then that it lives."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from dispatcher.adapters.listeners.drain import Drain
from dispatcher.adapters.listeners.spool import Spool
from dispatcher.adapters.logs import log_event

logger = logging.getLogger(__name__)

ALIVE_SECONDS = 60.0
GRACE_SECONDS = 8.0
_LOOK_SECONDS = 0.5

Figures = Callable[[], Mapping[str, Any]]


async def until_ended(work: Coroutine[Any, Any, None], drain: Drain, figures: Figures) -> bool:
    """Runs the work and the drain until SIGTERM, SIGINT or the source's end; False where the source was deleted.

    What the work raises is raised.
    """
    running = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, running.cancel)
    beating = asyncio.ensure_future(_beat(figures))
    watching = asyncio.ensure_future(_watch(drain, running))
    drain.start()
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        beating.cancel()
        watching.cancel()
        await asyncio.to_thread(drain.stop, GRACE_SECONDS)
    log_event(logger, "listener.ended", **figures())
    return not drain.gone.is_set()


def spool_figures(source: str, spool: Spool, drain: Drain) -> dict[str, Any]:
    """What every listener with a spool says of itself."""
    tally = drain.tally
    return {
        "source": source,
        "spooled_bytes": spool.waiting_bytes,
        "understood": tally.understood,
        "quarantined": tally.quarantined,
        "nothing": tally.nothing,
    }


async def _beat(figures: Figures) -> None:
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        log_event(logger, "listener.alive", **figures())


async def _watch(drain: Drain, running: "asyncio.Future[None]") -> None:
    while not drain.gone.is_set():  # noqa: ASYNC110 - the event is a thread's
        await asyncio.sleep(_LOOK_SECONDS)
    running.cancel()
