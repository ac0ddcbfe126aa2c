"""One store of each kind, empty and migrated, for the contract suites. Each is migrated once."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.adapters.sql.database import make_engine
from dispatcher.adapters.sql.schema import DEFAULT_SOURCE, upgrade
from dispatcher.adapters.sql.store import AdminRows, open_store
from dispatcher.adapters.sql.tables import metadata
from dispatcher.adapters.vault import Vault
from dispatcher.domain.profile import ProfileSpec, parse_profile
from tests.contract.names import names
from tests.contract.senders import make_sender, make_target, release, sender

__all__ = ["make_sender", "make_target", "names", "release", "sender"]

MASTER_KEY = b"a master key of thirty-two bytes"
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)


@dataclass(frozen=True)
class Opened:
    """A store under test: the hot half, the administrators' half (in memory they are one), and where it is."""

    hot: Any
    admin: Any
    waiting: Any
    url: str = ""
    engine: Engine | None = None


def parse(document: object) -> ProfileSpec:
    """A profile, with the product's patterns."""
    return parse_profile(document, ENGINES)


def psycopg_url(url: str) -> str:
    """As SQLAlchemy names what psycopg calls `postgresql://`."""
    return url.replace("postgresql://", "postgresql+psycopg://")


def migrate(url: str) -> None:
    """Brings a database up to date, leaving no connection."""
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that nobody uses."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_url: str) -> str:
    """The URL of a migrated database in the tests' cluster."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE contract")
    url = psycopg_url(postgresql_url.replace("/postgres?", "/contract?"))
    migrate(url)
    return url


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of this test's own."""
    shutil.copy(sqlite_template, tmp_path / "onhook.db")
    return f"sqlite:///{tmp_path / 'onhook.db'}"


@pytest.fixture
def emptied_postgresql(migrated_postgresql: str) -> str:
    """A migrated PostgreSQL database without what the test before left in it: a new one would cost 0.2 s."""
    with psycopg.connect(migrated_postgresql.replace("+psycopg", "")) as connection:
        for table in metadata.sorted_tables:
            if table.name not in {"workspaces", "catalogue", "sources"}:
                connection.execute(f"DELETE FROM {table.name}")
        connection.execute("DELETE FROM sources WHERE id <> %s", [DEFAULT_SOURCE])
        connection.execute("UPDATE catalogue SET version = 0")
        connection.execute("UPDATE workspaces SET egress_proxy = NULL")
    return migrated_postgresql


def opened(kind: str, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """A store of the kind; its connections are closed when the test is done."""
    if kind == "memory":
        memory = MemoryStore()
        yield Opened(memory, memory, memory.waiting)
        return
    url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "emptied_postgresql")
    store = open_store(url, Vault([MASTER_KEY]), parse)
    yield Opened(store.hot, store.admin, store.waiting, url, store.engine)
    store.hot.close()
    store.engine.dispose()


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def store(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Each of the three stores in turn."""
    yield from opened(request.param, request)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def database(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Each of the two databases in turn."""
    yield from opened(request.param, request)


@pytest.fixture
def admin(database: Opened) -> AdminRows:
    """The administrators' half of each database in turn."""
    return database.admin
