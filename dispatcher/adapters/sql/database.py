"""Connections of SQLAlchemy, and the translation of its errors: done here once, at the edge."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dispatcher.ports import StoreUnavailable

POSTGRESQL_OPTIONS = "-c timezone=UTC"
"""Moments come back in the session's time zone: in another one, the last day of the calendar is out of its range."""
POSTGRESQL_CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, the last one milliseconds. A server that vanishes without a word (its machine died, its address moved to
another) is noticed after 25 s while nothing is asked and 15 s while something is; the system's own patience is two
hours and a quarter of one. Over a unix socket libpq ignores all but the first."""
SQLITE_BUSY_SECONDS = 10.0


def make_engine(url: str) -> Engine:
    """An engine for everything that is written or read seldom. SQLite writes begin as IMMEDIATE."""
    if make_url(url).get_backend_name() != "sqlite":
        connect = {**POSTGRESQL_CONNECT, "options": POSTGRESQL_OPTIONS}
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=connect)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What is erased or deleted is overwritten in its page, not only given free.
        connection.execute("PRAGMA secure_delete = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail at once where another wrote
        # in between, whatever the busy time-out.
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


class Database:
    """An engine with translated errors."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes. Raises StoreUnavailable."""
        with translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database. Raises StoreUnavailable."""
        options: dict[str, Any] = {"reading": True}
        if self.engine.dialect.name == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        with translated(), self.engine.connect().execution_options(**options) as connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's word for "not now" into ours. Its text may hold values, so only its type is kept."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        # SQLite says "operational" of a mistake in a statement too; only the rest may pass by itself.
        if getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise
        raise StoreUnavailable(type(error).__name__) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise StoreUnavailable(type(error).__name__) from error
