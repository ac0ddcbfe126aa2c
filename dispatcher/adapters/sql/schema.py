"""Brings a database to the schema of this version, and says how far one is."""

from pathlib import Path
from uuid import UUID

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from dispatcher.adapters.sql.database import translated

MIGRATIONS = Path(__file__).parent / "migrations"
UPGRADE_LOCK = 0x6F6E686F6F6B  # "onhook": PostgreSQL's advisory locks are numbers
DEFAULT_WORKSPACE = UUID("00000000-0000-4000-8000-00000000de0a")
DEFAULT_SOURCE = UUID("00000000-0000-4000-8000-00000000de0b")


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Runs what is missing, one process at a time; the revision before and the one after.

    Raises StoreUnavailable where the database cannot be reached.
    """
    with translated(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        before = _revision(connection)
        command.upgrade(_config(connection), "head")
        return before, head()


def head() -> str:
    """The revision that this version of the product needs."""
    revision = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert revision is not None
    return revision


def current(engine: Engine) -> str | None:
    """The revision that a database has, None for an empty one. Raises StoreUnavailable."""
    with translated(), engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
