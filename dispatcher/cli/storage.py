"""The store as commands use it: opened, and known to be of this version."""

from typing import TYPE_CHECKING

from dispatcher.cli.failures import CommandFailed

if TYPE_CHECKING:
    from dispatcher.adapters.sql.store import Store
    from dispatcher.settings import Settings


def open_current_store(settings: "Settings") -> "Store":
    """The store of the settings. Raises CommandFailed where its tables are of another version, and StoreUnavailable."""
    from dispatcher.adapters.sql import schema
    from dispatcher.wiring import build_store

    store = build_store(settings)
    found = schema.current(store.engine)
    if found is None:
        raise CommandFailed("The database is empty. Run `onhook db upgrade` first (`onhook up` does so by itself).")
    if found != schema.head():
        raise CommandFailed(
            f"The database has the tables of revision {found}, this version of Onhook needs {schema.head()}: "
            "run `onhook db upgrade`."
        )
    return store
