"""`onhook demo`: see the main job run, with nothing to set up."""

import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import DataDir
from dispatcher.cli.storage import disposing

if TYPE_CHECKING:
    from dispatcher.adapters.supervisor import Child, Supervisor
    from dispatcher.demo.screen import Screen
    from dispatcher.demo.show import Ending, Plan, Show
    from dispatcher.settings import Settings

LOOPBACK = "127.0.0.0/8"
LOG_FILE = "demo.log"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: onhook demo   or   onhook demo --calls 50")(demo)


def demo(
    calls: Annotated[
        int | None, typer.Option(help="Post this many, wait until all are settled, and end.", min=1, show_default=False)
    ] = None,
    port: Annotated[int, typer.Option(help="The API's port; 0 takes a free one.", min=0, max=65535)] = 0,
    data_dir: DataDir = None,
) -> None:
    """Show the main job: calls come in, a local CRM is told, what fails is tried again or given up.

    Runs the same processes as `onhook up`, with a CRM of its own, the example profiles and a stream of realistic calls,
    in a temporary data directory unless one is named. Without --calls it goes on until Ctrl-C.
    """
    folder = data_dir or Path(tempfile.mkdtemp(prefix="onhook-demo-"))
    well = False
    try:
        ending = _run(_settings(folder, port), calls)
        _print(ending, folder / LOG_FILE)
        well = True
    finally:
        # What went wrong is in the log, which lies there.
        if data_dir is None and (well or not (folder / LOG_FILE).exists()):
            shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, port: int) -> "Settings":
    """Its own database and broker. Raises CommandFailed where the environment names others: they may be in use."""
    from dispatcher.cli.children import free_port
    from dispatcher.settings import load_settings

    address = {"host": "127.0.0.1", "port": port or free_port("127.0.0.1")}
    settings = load_settings(data_dir=folder, egress_allow=LOOPBACK, **address)
    if settings.database_url is not None or settings.broker_url is not None:
        raise CommandFailed(
            "The demonstration makes up calls, and so only ever uses a database and a broker of its own: "
            "unset ONHOOK_DATABASE_URL and ONHOOK_BROKER_URL (or database_url and broker_url in onhook.toml) for it."
        )
    return settings


def _run(settings: "Settings", calls: int | None) -> "Ending":
    from dispatcher.adapters.supervisor import Supervisor
    from dispatcher.cli.children import check_port, children_of, free_port
    from dispatcher.cli.first_run import locked, prepare
    from dispatcher.cli.up import address_of
    from dispatcher.demo.show import Show

    with locked(settings.data_dir), _nobody() as nobody, _own_terminal(settings.data_dir / LOG_FILE) as terminal:
        check_port(settings.host, settings.port)
        prepare(settings)
        crm_port = free_port("127.0.0.1")
        crm = f"http://127.0.0.1:{crm_port}"
        children = [_crm_child(crm_port, settings), *children_of(settings, workers=1)]
        screen = _screen(terminal)
        screen.note(f"The API is at {address_of(settings)}, a CRM at {crm}; the log is {settings.data_dir / LOG_FILE}")
        stop = threading.Event()
        show = Show(_plan(settings, crm, nobody, calls, stop), screen, stop)
        try:
            _perform(show, Supervisor(children, screen.note), stop)
        finally:
            screen.close()
    return show.ending


def _perform(show: "Show", supervisor: "Supervisor", stop: threading.Event) -> None:
    """The show beside the supervisor, which needs the main thread; whichever ends first ends the other."""

    def end(_: object) -> None:
        if not stop.is_set():
            supervisor.stop()

    with ThreadPoolExecutor(1, thread_name_prefix="show") as stage:
        playing = stage.submit(show.run)
        playing.add_done_callback(end)
        try:
            supervisor.run()
        finally:
            stop.set()
        playing.result()


def _plan(settings: "Settings", crm: str, nobody: str, calls: int | None, stop: threading.Event) -> "Plan":
    from dispatcher.cli.up import address_of, answers
    from dispatcher.config_files import config_dir
    from dispatcher.demo.api_client import ApiClient
    from dispatcher.demo.integrations import demo_profiles
    from dispatcher.demo.show import Plan

    token, secret = _token(settings)
    return Plan(
        client=ApiClient(settings.host, settings.port, token, secret, stop),
        profiles=demo_profiles(config_dir() / "profiles", crm, nobody),
        crm=crm,
        calls=calls,
        # The CRM too: saving a profile of SOAP fetches its WSDL there.
        ready=lambda: answers(address_of(settings)) and _is_there(crm),
        prefix=f"demo-{secrets.token_hex(3)}",
    )


def _is_there(crm: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"{crm}/received", timeout=2) as response:  # noqa: S310 - our own CRM
            return bool(response.status == 200)
    except OSError:
        return False


def _token(settings: "Settings") -> tuple[str, str]:
    """A token of the demonstration's own, so that it also runs on a data directory that has been used before."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.clock import utc_now
    from dispatcher.tokens import Tokens
    from dispatcher.wiring import build_store

    store = build_store(settings)
    with disposing(store.engine):
        tokens = Tokens(store.admin, utc_now, os.urandom)
        minted = tokens.create(DEFAULT_WORKSPACE, "onhook demo", ["ingest", "read", "write"])
    return minted.token.id, minted.secret_1


def _crm_child(port: int, settings: "Settings") -> "Child":
    from dispatcher.adapters.supervisor import Child

    argv = [sys.executable, "-P", "-m", "dispatcher.demo.crm", str(port)]
    return Child("crm", argv, settings.environment(), stop_seconds=2.0)


def _screen(terminal: TextIO) -> "Screen":
    from rich.console import Console

    from dispatcher.demo.screen import LiveScreen, PlainScreen

    return LiveScreen(Console(file=terminal)) if terminal.isatty() else PlainScreen(Console(file=terminal))


def _print(ending: "Ending", log: Path) -> None:
    for line in ending.summary:
        print(line)
    if ending.missing:
        raise CommandFailed("\n".join(["The demonstration did not end as it should:", *ending.missing, f"See {log}"]))


@contextlib.contextmanager
def _nobody() -> Iterator[str]:
    """An address on loopback that refuses every connection: its port is taken, and nobody listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def _own_terminal(log: Path) -> Iterator[TextIO]:
    """Standard output for the screen alone: what the processes write, now and from here on, goes to the log."""
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    try:
        with open(os.dup(kept[0]), "w", encoding="utf-8", errors="replace") as terminal:  # noqa: PTH123 - a descriptor
            yield terminal
    finally:
        sys.stdout.flush()
        for number, original in enumerate(kept, 1):
            os.dup2(original, number)
            os.close(original)
