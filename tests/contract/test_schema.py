"""Migrations: they lead to what the code expects, run once, and bear company."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert

from dispatcher.adapters.sql.database import make_engine
from dispatcher.adapters.sql.schema import current, head, upgrade
from dispatcher.adapters.sql.tables import catalogue, metadata, sources, tokens, workspaces
from tests.contract.conftest import POSTGRESQL, psycopg_url
from tests.unit.doubles import NOON, SOURCE, WORKSPACE


@pytest.fixture(params=["sqlite", POSTGRESQL])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return psycopg_url(request.getfixturevalue("postgresql_database"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A way into it."""
    made = make_engine(url)
    yield made
    made.dispose()


def test_a_migrated_database_is_what_the_tables_say(engine: Engine):
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_an_upgrade_says_where_from_and_where_to_and_the_second_does_nothing(engine: Engine):
    assert current(engine) is None
    assert upgrade(engine) == (None, head())
    with engine.begin() as connection:
        connection.execute(insert(tokens).values(**a_token()))
    assert upgrade(engine) == (head(), head())
    assert current(engine) == head()
    with engine.connect() as connection:
        assert len(connection.execute(tokens.select()).all()) == 1


def test_a_new_database_has_the_default_workspace_and_its_source(engine: Engine):
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(workspaces.select()).all() == [(WORKSPACE, "default", None, None)]
        assert connection.execute(catalogue.select()).all() == [(1, 0)]
        row = connection.execute(sources.select()).one()
    assert (row.id, row.workspace_id, row.name, row.format) == (SOURCE, WORKSPACE, "default", "generic")
    assert row.created_at.utcoffset() is not None


def test_several_upgrades_at_once_migrate_once(url: str):
    def run(_: int) -> tuple[str | None, str]:
        engine = make_engine(url)
        try:
            return upgrade(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(run, range(4)))
    assert sorted(told, key=str) == sorted([(None, head())] + [(head(), head())] * 3, key=str)


def a_token() -> dict:
    return {
        "id": "ok_1",
        "workspace_id": WORKSPACE,
        "name": "ci",
        "scopes": [],
        "digest_1": b"1",
        "digest_2": b"2",
        "created_at": NOON,
        "requests": 0,
    }
