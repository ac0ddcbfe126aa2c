"""`onhook listen`: take in what call systems say by other ways than a post."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import with_settings
from dispatcher.cli.storage import disposing

if TYPE_CHECKING:
    from dispatcher.adapters.listeners.ari import Login
    from dispatcher.adapters.listeners.smdr import Address
    from dispatcher.adapters.sql.store import Store
    from dispatcher.listener_wiring import Listening
    from dispatcher.ports import Source
    from dispatcher.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Take in call records from sockets, websockets, streams, or by asking.")

SourceName = Annotated[str, typer.Option("--source", help="The source that it comes from; it says the format.")]
SpoolMib = Annotated[
    int, typer.Option(help="The most that waits on disk while the database is away, in MiB.", min=1, max=65_536)
]
USUAL_MIB = 256
MIB = 1024 * 1024
WE_CONNECT = {"smdr_mitel": 1752, "smdr_esi": 59_003}
"""Formats whose systems listen, and their usual ports."""
_ALIVE_SECONDS = 60.0


@app.command(epilog="Example: onhook listen smdr --source ipo-berlin --bind 0.0.0.0:9000")
@with_settings
def smdr(
    settings: "Settings",
    source: SourceName,
    bind: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The system connects to us.")] = None,
    connect: Annotated[str | None, typer.Option(metavar="HOST[:PORT]", help="We connect to the system.")] = None,
    spool_mib: SpoolMib = USUAL_MIB,
) -> None:
    """Take call records as lines over TCP: Avaya IP Office and 3CX connect to us, we connect to Mitel."""
    from dispatcher.adapters.listeners.smdr import LineListener
    from dispatcher.clock import utc_now

    with _listening(settings, source) as listener:
        at = _address(bind, connect, listener.source.format)

        def work(spool: object) -> tuple[object, object]:
            lines = LineListener(listener.intake, spool, utc_now)  # type: ignore[arg-type]
            return (lines.connect(at) if connect else lines.listen(at, _tell_address)), lines.heard

        _run_spooled(settings, listener, spool_mib, work)


@app.command(epilog="Example: onhook listen ari --source pbx --url ws://10.0.0.5:8088 --credential asterisk")
@with_settings
def ari(
    settings: "Settings",
    source: SourceName,
    url: Annotated[str, typer.Option(help="ws:// or wss://, host and port of Asterisk's HTTP server.")],
    app_name: Annotated[str, typer.Option("--app", help="The application's name, as which we register.")] = "onhook",
    credential: Annotated[
        str | None, typer.Option(help="A credential of kind basic: a user of ari.conf.", show_default=False)
    ] = None,
    login_env: Annotated[
        str | None, typer.Option(help="The variable that holds user:password instead.", show_default=False)
    ] = None,
    spool_mib: SpoolMib = USUAL_MIB,
) -> None:
    """Take Asterisk's events over ARI's websocket."""
    from dispatcher.adapters.listeners.ari import AriListener, events_url
    from dispatcher.clock import utc_now

    try:
        address = events_url(url, app_name)
    except ValueError as error:
        raise CommandFailed(f"--url: {error}.") from error
    with _listening(settings, source) as listener:
        login = _login(listener, credential, login_env)

        def work(spool: object) -> tuple[object, object]:
            events = AriListener(listener.intake, spool, utc_now, address, login)  # type: ignore[arg-type]
            return events.run(), events.heard

        _run_spooled(settings, listener, spool_mib, work)


@app.command("redis-stream", epilog="Example: onhook listen redis-stream calls --source pbx --url-env PBX_REDIS_URL")
@with_settings
def redis_stream(
    settings: "Settings",
    key: Annotated[str, typer.Argument(help="The stream that the call system adds to.")],
    source: SourceName,
    group: Annotated[str, typer.Option(help="The consumer group.")] = "onhook",
    consumer: Annotated[
        str | None, typer.Option(help="This consumer's name; the host's, if not given.", show_default=False)
    ] = None,
    url: Annotated[str | None, typer.Option(help="redis://host:6379/0", show_default=False)] = None,
    url_env: Annotated[
        str | None, typer.Option(help="The variable that holds the URL, where it has a password.", show_default=False)
    ] = None,
) -> None:
    """Take the entries of a Redis stream, acknowledged once they are stored."""
    import socket
    from time import monotonic

    from dispatcher.adapters.listeners.intake import SourceGone
    from dispatcher.adapters.listeners.redis_stream import StreamGroup, StreamListener, client_of
    from dispatcher.clock import utc_now

    address = url or _secret(url_env, "--url or --url-env")
    try:
        client = client_of(address)
    except ValueError as error:
        raise CommandFailed("The URL of the stream's server must begin with redis://, rediss:// or unix://.") from error
    with _listening(settings, source) as listener, closing(client):
        at = StreamGroup(key, group, consumer or socket.gethostname())
        stream = StreamListener(client, at, listener.intake, utc_now)
        try:
            with _beating(listener.source.name, lambda: asdict(stream.heard)):
                _on_signals(stream.stop)
                stream.run(monotonic)
        except SourceGone as error:
            raise CommandFailed(str(error)) from error


@app.command(epilog="Example: onhook listen maxcontact --source dialler")
@with_settings
def maxcontact(settings: "Settings", source: SourceName) -> None:
    """Ask MaxContact again and again for its agents' calls, and tell which have ended."""
    from dispatcher.listener_wiring import polling

    with _listening(settings, source) as listener:
        if listener.source.format != "maxcontact":
            raise CommandFailed(f"The source {source} has the format {listener.source.format}, not maxcontact.")
        try:
            with polling(listener) as poller, _beating(listener.source.name, lambda: asdict(poller.heard)):
                _on_signals(poller.stop)
                poller.run()
        except LookupError as error:
            raise CommandFailed(
                f"There is no credential {listener.source.config['credential']}: `onhook credential list` shows them."
            ) from error


@contextmanager
def _listening(settings: "Settings", name: str) -> "Iterator[Listening]":
    """Sets this process up. Without the database it goes on with the source as this machine saw it last."""
    from dispatcher.adapters.logs import set_up_logging
    from dispatcher.adapters.supervisor import watch_parent
    from dispatcher.listener_wiring import find_source, listening
    from dispatcher.settings import logger_levels, parent_pipe
    from dispatcher.wiring import build_store

    set_up_logging(settings.log_level, settings.log_format, logger_levels())
    watch_parent(parent_pipe())
    store = build_store(settings)
    with closing(store.hot), disposing(store.engine):
        _check_tables(store)
        found: Source | None = find_source(settings, store, name)
        if found is None:
            raise CommandFailed(f"There is no source {name}: `onhook source list` shows those that are.")
        with listening(settings, found, store) as listener:
            yield listener


def _check_tables(store: "Store") -> None:
    from dispatcher.adapters.sql import schema
    from dispatcher.adapters.sql.database import translated
    from dispatcher.ports import StoreUnavailable

    try:
        with translated():
            current = schema.current(store.engine)
    except StoreUnavailable:
        return  # it is away: what comes in lies in the spool until it is there
    if current != schema.head():
        raise CommandFailed("The database has not the tables of this version of Onhook: run `onhook db upgrade`.")


def _run_spooled(
    settings: "Settings", listener: "Listening", spool_mib: int, work: Callable[[object], tuple[object, object]]
) -> None:
    import asyncio

    from dispatcher.adapters.listeners.drain import Drain
    from dispatcher.adapters.listeners.running import spool_figures, until_ended
    from dispatcher.adapters.listeners.spool import SpoolInUse
    from dispatcher.listener_wiring import build_spool, find_source

    name = listener.source.name
    try:
        spool = build_spool(settings, listener.source, spool_mib * MIB)
    except SpoolInUse as error:
        raise CommandFailed(str(error)) from error
    with spool:
        _remember(lambda: find_source(settings, listener.store, name))
        drain = Drain(spool, listener.intake)
        running, heard = work(spool)

        def figures() -> dict[str, object]:
            return {**spool_figures(name, spool, drain), **asdict(heard)}  # type: ignore[call-overload]

        if not asyncio.run(until_ended(running, drain, figures)):  # type: ignore[arg-type]
            raise CommandFailed(f"The source {name} was deleted; what it sent meanwhile lies in the spool.")


def _remember(look: Callable[[], object]) -> None:
    """Has the source copied into the spool's folder, now that there is one."""
    from dispatcher.ports import StoreUnavailable

    try:
        look()
    except StoreUnavailable:
        return


def _address(bind: str | None, connect: str | None, spoken: str) -> "Address":
    usual = "--connect HOST[:PORT]" if spoken in WE_CONNECT else "--bind HOST:PORT"
    if (bind is None) == (connect is None):
        raise CommandFailed(f"Name one of --bind and --connect; for the format {spoken} it is usually {usual}.")
    text = bind or connect or ""
    host, colon, port = text.rpartition(":")
    if connect is not None and spoken in WE_CONNECT and (not colon or text.endswith("]")):
        host, port = text, str(WE_CONNECT[spoken])
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise CommandFailed(f"{text} is no HOST:PORT.")
    from dispatcher.adapters.listeners.smdr import Address

    return Address(host.strip("[]"), int(port))


def _tell_address(at: "Address") -> None:
    import logging

    from dispatcher.adapters.logs import log_event

    log_event(logging.getLogger(__name__), "listener.listening", host=at.host, port=at.port)


def _login(listener: "Listening", credential: str | None, variable: str | None) -> "Login":
    from dispatcher.adapters.listeners.ari import Login
    from dispatcher.domain.credentials.kinds import User

    if credential is None:
        user, colon, password = _secret(variable, "--credential or --login-env").partition(":")
        if not colon:
            raise CommandFailed(f"The variable {variable} must hold user:password.")
        return Login(user, password)
    saved = listener.store.admin.credential(listener.source.workspace_id, credential)
    if saved is None:
        raise CommandFailed(f"There is no credential {credential}: `onhook credential list` shows those that are.")
    spec = saved.credential.spec
    if not isinstance(spec.means, User) or not spec.slots:
        raise CommandFailed(f"The credential {credential} is of kind {spec.kind}; ARI wants one of kind basic.")
    return Login(spec.means.name, spec.secret(spec.slots[0]))


def _secret(variable: str | None, options: str) -> str:
    from dispatcher.settings import secret_variable

    if variable is None:
        raise CommandFailed(f"Name one of {options}.")
    value = secret_variable(variable)
    if value is None:
        raise CommandFailed(f"The variable {variable} is not set.")
    return value


def _on_signals(stop: Callable[[], None]) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop())


@contextmanager
def _beating(source: str, figures: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
    """Has a thread say now and then that the listener lives."""
    import logging
    from threading import Event, Thread

    from dispatcher.adapters.logs import log_event

    logger, ended = logging.getLogger(__name__), Event()

    def beat() -> None:
        while not ended.wait(_ALIVE_SECONDS):
            log_event(logger, "listener.alive", source=source, **figures())

    Thread(target=beat, name="alive", daemon=True).start()
    log_event(logger, "listener.started", source=source)
    try:
        yield
    finally:
        ended.set()
        log_event(logger, "listener.ended", source=source, **figures())
