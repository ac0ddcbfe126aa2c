"""`onhook api`, `onhook worker` and `onhook sweeper`: one process each, anywhere, as many as you like."""

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dispatcher.cli.options import with_settings

if TYPE_CHECKING:
    from dispatcher.settings import Settings

SELF = (sys.executable, "-P", "-m", "dispatcher.cli")
"""How one of our processes is started by another; -P keeps the working directory's files from being imported."""
BACKLOG_CONNECTIONS = 2048
API_GRACE_SECONDS = 5
ERASE_SECONDS = 2.0
"""Between two looks for private events that may be erased."""
PAUSE_AFTER_A_FAILURE = 4
"""Times the usual interval: a database or broker that is away is not asked every half second."""

Host = Annotated[str | None, typer.Option(help="The address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option(help="The port to listen on.", min=0, max=65535, show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Adds the three commands."""
    app.command(epilog="Example: onhook api --host 0.0.0.0 --port 8080")(with_settings(api))
    app.command(epilog="Example: onhook worker --threads 8")(with_settings(worker))
    app.command(epilog="Example: onhook sweeper --database-url postgresql://onhook@db.example/onhook")(
        with_settings(sweeper)
    )


def api(settings: "Settings", host: Host = None, port: Port = None) -> None:
    """Run the API: takes events in, answers 202 once they are stored."""
    from functools import partial

    import uvicorn

    from dispatcher.asgi import create
    from dispatcher.cli.children import check_port

    _begin(settings)
    address = (host or settings.host, settings.port if port is None else port)
    check_port(*address)
    config = uvicorn.Config(
        partial(create, settings),
        factory=True,
        host=address[0],
        port=address[1],
        access_log=False,
        log_config=None,
        backlog=BACKLOG_CONNECTIONS,
        timeout_graceful_shutdown=API_GRACE_SECONDS,
        # What a proxy says is read where a source's post is let in, from those in ONHOOK_TRUSTED_PROXIES alone.
        proxy_headers=False,
        server_header=False,
        ws="none",
    )
    _leave_on_sigterm()
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise typer.Exit(1)


def worker(
    settings: "Settings",
    threads: Annotated[int | None, typer.Option(help="Tasks at once; sending holds no thread.", min=1, max=256)] = None,
) -> None:
    """Run a worker: puts events to every profile, and sends what fires."""
    from dispatcher.settings import load_settings

    if threads is not None or settings.model_dump() != load_settings().model_dump():
        # The Celery app reads its settings from the environment, as every Celery command finds it: so does this one.
        environment = settings.environment() | ({"ONHOOK_WORKER_THREADS": str(threads)} if threads else {})
        os.execve(sys.executable, [*SELF, "worker"], environment)  # noqa: S606 - ourselves, no shell
    import warnings

    from celery.exceptions import SecurityWarning

    from dispatcher_workers.app import app
    from dispatcher_workers.lifecycle import runtime

    _begin(settings)
    # Before Celery, which swallows what its signal handlers raise: a worker without a master key would run on, and
    # take hints from those that can work.
    runtime()
    # Celery warns of running as root because of pickled messages; ours are JSON, and nothing else is accepted.
    warnings.simplefilter("ignore", SecurityWarning)
    options = {
        "--pool": "threads",
        "--concurrency": str(settings.worker_threads),
        "--hostname": f"onhook-{os.getpid()}@%h",
        "--loglevel": settings.log_level,
    }
    words = [word for option in options.items() for word in option]
    app.worker_main(["--quiet", "worker", *words, "--without-gossip", "--without-mingle", "--task-events"])


def sweeper(settings: "Settings") -> None:
    """Run a sweeper: finds what is due, lost or expired, and hints it to the workers again; erases private events."""
    from dispatcher.wiring import build_eraser, build_sweeper

    _begin(settings)
    # A sweep that is cut short has changed nothing, or only put off what the next one finds: no need to wait for it.
    _leave_on_sigterm()
    found, eraser = build_sweeper(settings), build_eraser(settings)
    erase_at = time.monotonic()
    while True:
        swept = found.sweep()
        if time.monotonic() >= erase_at:
            eraser.erase()
            erase_at = time.monotonic() + ERASE_SECONDS
        time.sleep(settings.sweep_interval_seconds * (PAUSE_AFTER_A_FAILURE if swept.failed else 1))


def _begin(settings: "Settings") -> None:
    """Sets up this process's log, and has it end with its supervisor, if it has one."""
    from dispatcher.adapters.logs import set_up_logging
    from dispatcher.adapters.supervisor import watch_parent
    from dispatcher.settings import logger_levels, parent_pipe

    set_up_logging(settings.log_level, settings.log_format, logger_levels())
    watch_parent(parent_pipe())


def _leave_on_sigterm() -> None:
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)


def _leave(*_: object) -> NoReturn:
    sys.exit(0)
