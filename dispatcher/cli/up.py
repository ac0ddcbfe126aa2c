"""`onhook up`: everything on one machine, watched over."""

import sys
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher import __version__
from dispatcher.cli.options import BrokerUrl, DatabaseUrl, DataDir
from dispatcher.cli.processes import Host, Port

if TYPE_CHECKING:
    from dispatcher.settings import Settings
    from dispatcher.tokens import Minted

READY_SECONDS = 60.0
POLL_SECONDS = 0.1
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared with, not listened on


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: onhook up --data-dir /var/lib/onhook --port 8080 --workers 2")(up)


def up(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    workers: Annotated[int, typer.Option(help="Worker processes: two keep two cores busy.", min=1, max=64)] = 2,
    database_url: DatabaseUrl = None,
    broker_url: BrokerUrl = None,
) -> None:
    """Run everything on this machine: API, workers, sweeper, and a broker and a database unless others are named.

    A new data directory gets a master key, the tables and an admin token, which is shown once. A process that dies is
    started again. Ctrl-C or SIGTERM stops everything.
    """
    from dispatcher.adapters.supervisor import Supervisor
    from dispatcher.cli.children import check_port, children_of, free_port
    from dispatcher.cli.first_run import locked, prepare
    from dispatcher.settings import load_settings

    given = {"data_dir": data_dir, "host": host, "port": port, "database_url": database_url, "broker_url": broker_url}
    settings = load_settings(**given)
    if settings.port == 0:
        settings = load_settings(**{**given, "port": free_port(settings.host)})
    with locked(settings.data_dir):
        check_port(settings.host, settings.port)
        minted = prepare(settings)
        children = children_of(settings, workers)
        _say_what_starts(settings, [child.name for child in children])
        if minted is not None:
            _show_token(settings, minted)
        threading.Thread(target=_say_when_ready, args=(address_of(settings),), daemon=True).start()
        code = Supervisor(children, say).run()
    say("stopped")
    raise typer.Exit(code)


def address_of(settings: "Settings") -> str:
    """Where the API is reached from this machine."""
    host = ANYWHERE.get(settings.host, f"[{settings.host}]" if ":" in settings.host else settings.host)
    return f"http://{host}:{settings.port}"


def say(line: str) -> None:
    """A line for the operator, at once."""
    sys.stdout.write(f"onhook: {line}\n")
    sys.stdout.flush()


def answers(url: str) -> bool:
    """Whether the API there is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:  # noqa: S310 - our own http address
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def _say_when_ready(url: str) -> None:
    began = time.monotonic()
    while not answers(url):
        if time.monotonic() - began > READY_SECONDS:
            say(f"the API is not ready after {READY_SECONDS:.0f} s: see what it says above, or run `onhook doctor`")
            return
        time.sleep(POLL_SECONDS)
    say(f"ready at {url} (Ctrl-C stops everything)")


def _say_what_starts(settings: "Settings", names: list[str]) -> None:
    database = (
        f"SQLite, {settings.data_dir / 'onhook.db'}" if settings.database_url is None else "as ONHOOK_DATABASE_URL says"
    )
    broker = "embedded, on a unix socket" if settings.embedded_broker else "as ONHOOK_BROKER_URL says"
    lines = {
        "API": address_of(settings),
        "data": str(settings.data_dir),
        "database": database,
        "broker": broker,
        "processes": ", ".join(names),
    }
    print(f"Onhook {__version__}")
    for name, value in lines.items():
        print(f"  {name:<10} {value}")
    sys.stdout.flush()


def _show_token(settings: "Settings", minted: "Minted") -> None:
    from dispatcher.cli.first_run import TOKEN_FILE

    print(f"The admin token of this new data directory, shown this once (kept in {settings.data_dir / TOKEN_FILE}):")
    print(f"  token      {minted.token.id}\n  secret_1   {minted.secret_1}\n  secret_2   {minted.secret_2}")
    sys.stdout.flush()
