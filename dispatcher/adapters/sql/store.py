"""Both halves of a database's store, made from one URL."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url

from dispatcher.adapters.sql.access import AccessRows
from dispatcher.adapters.sql.assemblies import AssemblyRows, OpenCallPages
from dispatcher.adapters.sql.credentials import CredentialRows
from dispatcher.adapters.sql.database import Database, make_engine
from dispatcher.adapters.sql.erasure import ErasureRows
from dispatcher.adapters.sql.pages import Pages
from dispatcher.adapters.sql.polled_agents import PolledAgentRows
from dispatcher.adapters.sql.profiles import ProfileRows
from dispatcher.adapters.sql.quarantine import QuarantineRows
from dispatcher.adapters.sql.rehearsals import RehearsalRows
from dispatcher.adapters.sql.rekey import KeyRows
from dispatcher.adapters.sql.sqlite import HotSqlite
from dispatcher.adapters.sql.waiting import WaitingRows
from dispatcher.adapters.sql.workspaces import WorkspaceRows
from dispatcher.adapters.sql.wsdls import WsdlRows
from dispatcher.adapters.vault import Vault
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.signature import SECRET_BYTES, new_secret
from dispatcher.ports import DeliveryStore, EvaluationStore, EventStore, ScheduleStore


class HotStore(EventStore, EvaluationStore, DeliveryStore, ScheduleStore, Protocol):
    """What ingest, workers and sweeper need."""

    def close(self) -> None:
        """Closes the connections of the calling thread; the next call opens new ones."""
        ...


class AdminRows(
    ProfileRows,
    AccessRows,
    CredentialRows,
    WorkspaceRows,
    WsdlRows,
    RehearsalRows,
    QuarantineRows,
    OpenCallPages,
    Pages,
):
    """What doors and administrators need, in SQLAlchemy Core, for either database."""

    def __init__(self, database: Database, vault: Vault, parse: Callable[[object], ProfileSpec]) -> None:
        super().__init__(database, vault, parse, lambda: new_secret(os.urandom(SECRET_BYTES)))


@dataclass(frozen=True)
class Store:
    """A database: statements written for the driver, everything else, and the engine below."""

    hot: HotStore
    waiting: WaitingRows
    assemblies: AssemblyRows
    erasure: ErasureRows
    keys: KeyRows
    admin: AdminRows
    agents: PolledAgentRows
    engine: Engine


def open_store(url: str, vault: Vault, parse: Callable[[object], ProfileSpec]) -> Store:
    """The store behind a SQLAlchemy URL. Connects when it is first used."""
    engine = make_engine(url)
    database = Database(engine)
    return Store(
        _hot(make_url(url), vault),
        WaitingRows(database, vault),
        AssemblyRows(database, vault),
        ErasureRows(database),
        KeyRows(database, vault),
        AdminRows(database, vault, parse),
        PolledAgentRows(database, vault),
        engine,
    )


def _hot(url: URL, vault: Vault) -> HotStore:
    if url.get_backend_name() == "sqlite":
        return HotSqlite(Path(url.database or ""), vault)
    # Imported here because psycopg comes with the extra `postgres` only.
    from dispatcher.adapters.sql.postgresql import HotPostgresql

    return HotPostgresql(url.set(drivername="postgresql").render_as_string(hide_password=False), vault)
