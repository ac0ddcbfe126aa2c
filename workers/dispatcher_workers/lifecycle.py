"""The life of a worker process: what it builds at the start, and how it ends.

On SIGTERM Celery stops taking hints and lets running tasks end; then what is in flight is finished
or handed back here, within the grace of the settings.
"""

import os
import signal
from threading import Lock, Timer
from typing import Any

from celery.signals import setup_logging, worker_ready, worker_shutdown, worker_shutting_down

from dispatcher.adapters.logs import set_up_logging
from dispatcher.adapters.process import settle_in
from dispatcher.settings import logger_levels
from dispatcher.wiring import WorkerRuntime, build_worker
from dispatcher_workers.app import settings

LATE_SECONDS = 1.8
"""Beyond the grace: the results of the last exchanges are written then, and connections closed."""

_lock = Lock()
_runtime: WorkerRuntime | None = None


def runtime() -> WorkerRuntime:
    """The one runtime of this process, built when it is first asked for."""
    global _runtime  # noqa: PLW0603 - Celery calls tasks and signals with nothing of ours in hand
    with _lock:
        if _runtime is None:
            _runtime = build_worker(settings)
        return _runtime


@setup_logging.connect
def _logging(**_: Any) -> None:
    set_up_logging(settings.log_level, settings.log_format, logger_levels())


@worker_ready.connect
def _ready(**_: Any) -> None:
    runtime()
    settle_in()


@worker_shutting_down.connect
def _one_stop(**_: Any) -> None:
    # Ctrl-C reaches every process of a terminal, and then the supervisor sends SIGTERM as well: to Celery the second
    # signal means that nobody wants to wait, and what is in flight would be thrown away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # A task that waits for a database that hangs cannot be ended otherwise; its claims end by their leases.
    end = Timer(settings.stop_grace_seconds + LATE_SECONDS, os._exit, (1,))
    end.daemon = True
    end.start()


@worker_shutdown.connect
def _shutdown(**_: Any) -> None:
    if _runtime is not None:
        _runtime.stop(settings.stop_grace_seconds)
