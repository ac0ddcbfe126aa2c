"""`onhook doctor`: every dependency, whether it is well, and what to do where it is not."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from dispatcher.cli.failures import sentence
from dispatcher.cli.options import AsJson, with_settings
from dispatcher.cli.printing import print_json
from dispatcher.cli.storage import disposing

if TYPE_CHECKING:
    from dispatcher.settings import Settings

HEARD_SECONDS = 1.0
CLOCK_SECONDS = 2.0
"""Leases and retries are moments written by one machine and compared by another."""


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do where it is not well."""

    check: str
    well: bool
    found: str


class NotWell(Exception):
    """A check that fails. The text says what to do."""


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: onhook doctor --json")(with_settings(doctor))


def doctor(settings: "Settings", as_json: AsJson = False) -> None:
    """Check settings, data directory, key, database, broker, sender and workers, and say what to do."""
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.check:<15}  {finding.found}", flush=True)
    if as_json:
        print_json([{"check": each.check, "ok": each.well, "found": each.found} for each in findings])
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


def examine(settings: "Settings") -> Iterator[Finding]:
    """Every finding, as it is made."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("settings", _settings),
        ("data directory", _data_dir),
        ("master key", _master_key),
        ("database", _database),
        ("tables", _tables),
        ("sealed values", _sealed_values),
        *([("embedded broker", _embedded_broker)] if settings.embedded_broker else []),
        ("broker", _broker),
        ("sender", _sender),
        ("workers", _workers),
        ("clock", _clock),
    ]
    for name, check in checks:
        try:
            yield Finding(name, well=True, found=check(settings))
        except NotWell as error:
            yield Finding(name, well=False, found=str(error))
        except Exception as error:
            # A doctor goes on to the next organ; what nobody expected is raised, since it is a bug.
            words = sentence(error)
            if words is None:
                raise
            yield Finding(name, well=False, found=words)


def _settings(settings: "Settings") -> str:
    from dispatcher.settings import unknown_variables

    strange = unknown_variables(settings.environment())
    if strange:
        raise NotWell(" ".join(strange))
    return f"{len(settings.model_fields_set)} given, the rest defaults"


def _data_dir(settings: "Settings") -> str:
    path = settings.data_dir
    if not path.is_dir():
        raise NotWell(f"{path} is no folder: `onhook up` makes it, or name another with --data-dir.")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise NotWell(f"{path} cannot be written by this user: change its owner.")
    return str(path)


def _master_key(settings: "Settings") -> str:
    keys = settings.load_master_keys()
    return f"{len(keys)} {'key' if len(keys) == 1 else 'keys'}"


def _database(settings: "Settings") -> str:
    from sqlalchemy import text

    from dispatcher.adapters.sql.database import make_engine, translated

    if settings.database_url is None and not (settings.data_dir / "onhook.db").exists():
        raise NotWell(
            f"{settings.data_dir / 'onhook.db'} is not there yet: `onhook up` or `onhook db upgrade` makes it."
        )
    with disposing(make_engine(settings.sqlalchemy_url)) as engine, translated(), engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return f"{engine.dialect.name} answers"


def _tables(settings: "Settings") -> str:
    from dispatcher.adapters.sql import schema
    from dispatcher.adapters.sql.database import make_engine

    if settings.database_url is None and not (settings.data_dir / "onhook.db").exists():
        raise NotWell("There is no database yet.")
    with disposing(make_engine(settings.sqlalchemy_url)) as engine:
        found, needed = schema.current(engine), schema.head()
    if found != needed:
        raise NotWell(f"revision {found or 'none'}, this version needs {needed}: run `onhook db upgrade`.")
    return f"revision {found}"


def _sealed_values(settings: "Settings") -> str:
    from dispatcher.adapters.sql.database import Database, make_engine
    from dispatcher.adapters.sql.rekey import KeyRows
    from dispatcher.adapters.vault import Vault

    if settings.database_url is None and not (settings.data_dir / "onhook.db").exists():
        raise NotWell("There is no database yet.")
    vault = Vault(settings.load_master_keys())
    with disposing(make_engine(settings.sqlalchemy_url)) as engine:
        used = KeyRows(Database(engine), vault).sampled_keys()
    missing = sorted(used - set(vault.key_names()))
    if missing:
        raise NotWell(
            f"Some are sealed with the key {', '.join(missing)}, which is not here: put it back into ONHOOK_MASTER_KEY "
            "or master.key, behind the others. `onhook keys list` counts them."
        )
    return f"{len(used)} of {len(vault.key_names())} keys in use"


def _embedded_broker(_: "Settings") -> str:
    from dispatcher.adapters.embedded_broker import find_server

    return str(find_server())


def _broker(settings: "Settings") -> str:
    from redis import Redis, RedisError

    client = Redis.from_url(settings.redis_url, socket_connect_timeout=HEARD_SECONDS, socket_timeout=HEARD_SECONDS)
    try:
        client.ping()
    except (RedisError, OSError) as error:
        todo = "start `onhook up`" if settings.embedded_broker else "is it running, and is ONHOOK_BROKER_URL right?"
        raise NotWell(f"It does not answer ({type(error).__name__}): {todo}") from error
    finally:
        client.close()
    return "answers"


def _sender(settings: "Settings") -> str:
    try:
        if settings.sender == "curl":
            import pycurl

            return str(pycurl.version)
        return f"requests {version('requests')}"
    except (ImportError, PackageNotFoundError) as error:
        raise NotWell(f"{error}: install it, or set ONHOOK_SENDER to the other one.") from error


def _workers(settings: "Settings") -> str:
    from kombu.exceptions import OperationalError
    from redis import RedisError

    from dispatcher.adapters.celery_queue import make_app

    try:
        heard = make_app(settings.celery_broker_url).control.ping(timeout=HEARD_SECONDS)
    except (OperationalError, RedisError, OSError) as error:
        raise NotWell("No worker can be heard without the broker.") from error
    if not heard:
        raise NotWell("No worker answers: start `onhook worker`, or `onhook up`.")
    return f"{len(heard)} answer{'s' if len(heard) == 1 else ''}"


def _clock(settings: "Settings") -> str:
    if settings.is_sqlite:
        return "this machine's alone"
    from sqlalchemy import text

    from dispatcher.adapters.sql.database import make_engine, translated

    with disposing(make_engine(settings.sqlalchemy_url)) as engine, translated(), engine.connect() as connection:
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    apart = abs((theirs - datetime.now(UTC)).total_seconds())
    if apart > CLOCK_SECONDS:
        raise NotWell(f"{apart:.1f} s apart from the database's: synchronise both machines (NTP).")
    return "agrees with the database's"
