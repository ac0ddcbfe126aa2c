"""A database that cannot answer is `StoreUnavailable` to whoever asks, and its text holds no value (DESIGN 3.1)."""

import select
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.schema import current, upgrade
from dispatcher.adapters.sql.store import Store, open_store
from dispatcher.adapters.vault import Vault
from dispatcher.domain.delivery import Claim
from dispatcher.ports import DeliveryFilter, Evaluation, HeldFilter, Profile, StoreUnavailable, Token
from tests.contract.conftest import MASTER_KEY, Opened, parse
from tests.contract.flow import CLAIM, LEASE, WAKE, delivered, made_of
from tests.contract.test_assembly_store import new
from tests.unit.doubles import NOON, WORKSPACE, Events, spec

PROFILE = Profile(UUID(int=1), WORKSPACE, 1, True, spec(), b"k" * 32)
TOKEN = Token("ok_1", WORKSPACE, "ci", frozenset(), (b"1", b"2"), NOON)


def some_result():
    return delivered(Claim(UUID(int=5), CLAIM, PROFILE.id, 1, 1, 0, NOON, {}))


EVENT = Events().new("a1b2")
CALLS: dict[str, Callable[[Store], object]] = {
    "add_events": lambda store: store.hot.add_events([EVENT], NOON, WAKE),
    "unevaluated": lambda store: store.hot.unevaluated([EVENT.id]),
    "add_deliveries": lambda store: store.hot.add_deliveries(
        [Evaluation(EVENT.id, 1)], made_of([EVENT], PROFILE, None), 0, NOON, {}, WAKE
    ),
    "catalogue_version": lambda store: store.hot.catalogue_version(),
    "claim": lambda store: store.hot.claim(PROFILE, [UUID(int=5)], CLAIM, NOON, LEASE),
    "record": lambda store: store.hot.record([some_result()], NOON),
    "wake_events": lambda store: store.hot.wake_events(NOON, WAKE, 10),
    "wake_deliveries": lambda store: store.hot.wake_deliveries(NOON, WAKE, 10),
    "load_catalogue": lambda store: store.admin.load_catalogue(),
    "disable_profile": lambda store: store.admin.disable_profile(PROFILE.id, PROFILE.revision, "gone", NOON),
    "create_profile": lambda store: store.admin.create_profile(WORKSPACE, spec(), NOON),
    "add_token": lambda store: store.admin.add_token(TOKEN),
    "deliveries": lambda store: store.admin.deliveries(WORKSPACE, DeliveryFilter(), None, 10),
    "add_parts": lambda store: store.assemblies.add_parts([new("1", "a1b2")], NOON),
    "due_calls": lambda store: store.assemblies.due_calls(NOON, WAKE, 10),
    "tell": lambda store: store.assemblies.tell([], NOON, WAKE),
    "forget_old": lambda store: store.assemblies.forget_old(NOON, 10),
    "open_call": lambda store: store.admin.open_call(WORKSPACE, "a1b2"),
    "held_posts": lambda store: store.admin.held_posts(WORKSPACE, HeldFilter(), None, 10),
    "books": lambda store: store.admin.books(WORKSPACE),
    "replay": lambda store: store.admin.replay(WORKSPACE, [UUID(int=5)], NOON, WAKE),
    "upgrade": lambda store: upgrade(store.engine),
    "current": lambda store: current(store.engine),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store whose file lies in a folder that does not exist, or whose socket nobody listens on."""
    sqlite, dead = f"sqlite:///{tmp_path}/nowhere/onhook.db", f"postgresql+psycopg://postgres@/x?host={tmp_path}"
    store = open_store(sqlite if request.param == "sqlite" else dead, Vault([MASTER_KEY]), parse)
    yield store
    store.engine.dispose()


@pytest.mark.parametrize("name", CALLS)
def test_a_database_that_cannot_be_reached_is_unavailable(unreachable: Store, name: str):
    with pytest.raises(StoreUnavailable) as caught:
        CALLS[name](unreachable)
    assert "/" not in str(caught.value)
    assert "a1b2" not in str(caught.value)


@pytest.mark.postgresql
def test_an_idle_connection_that_the_server_ended_is_replaced_and_nothing_fails_for_it(emptied_postgresql: str):
    store = open_store(emptied_postgresql, Vault([MASTER_KEY]), parse)
    try:
        events = Events()
        store.hot.add_events([events.new()], NOON, WAKE)
        with psycopg.connect(emptied_postgresql.replace("+psycopg", ""), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        event = events.new("after")
        # The server answers the command before the session that it ends has closed its socket.
        connection = store.hot._connections.durable
        assert select.select([connection.fileno()], [], [], 5)[0]
        assert store.hot.add_events([event], NOON, WAKE)[0].duplicate is False
    finally:
        store.hot.close()
        store.engine.dispose()


def test_a_locked_sqlite_is_unavailable_when_the_busy_time_is_over(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dispatcher.adapters.sql.sqlite.BUSY_TIMEOUT_SECONDS", 0.05)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = open_store(sqlite_url, Vault([MASTER_KEY]), parse)
    try:
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            store.hot.add_events([EVENT], NOON, WAKE)
        other.execute("ROLLBACK")
        assert store.hot.add_events([EVENT], NOON, WAKE)[0].duplicate is False
    finally:
        other.close()
        store.hot.close()
        store.engine.dispose()


def test_readers_of_sqlite_never_wait_for_a_writer(sqlite_url: str):
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    store = open_store(sqlite_url, Vault([MASTER_KEY]), parse)
    try:
        other.execute("BEGIN IMMEDIATE")
        # Were it to wait, it would be for the ten seconds of the busy time, and then fail.
        assert store.hot.catalogue_version() == 0
        assert store.hot.wake_deliveries(NOON, WAKE, 10) == {}
        assert store.admin.books(WORKSPACE)["accepted"] == 0
    finally:
        other.close()
        store.hot.close()
        store.engine.dispose()


def test_a_mistake_of_ours_is_no_outage(database: Opened):
    nonsense = text("SELECT * FROM nonsense")
    with pytest.raises(DBAPIError, match=r"no such table|does not exist"), Database(database.engine).reading() as view:
        view.execute(nonsense)
