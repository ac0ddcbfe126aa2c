"""The store as commands use it: opened, known to be of this version, and closed when the command has ended."""

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import with_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from dispatcher.adapters.sql.store import Store
    from dispatcher.settings import Settings

Given = ParamSpec("Given")


@dataclass(frozen=True)
class Opened:
    """What most commands work with."""

    settings: "Settings"
    store: "Store"


def with_store(command: Callable[Concatenate[Opened, Given], None]) -> Callable[..., None]:
    """A command that gets the settings and their store, and the options that `with_settings` gives."""

    @wraps(command)
    def run(settings: "Settings", *args: Any, **options: Any) -> None:
        with current_store(settings) as store:
            command(Opened(settings, store), *args, **options)

    run.__signature__ = inspect.signature(command)  # type: ignore[attr-defined]
    return with_settings(run)


@contextmanager
def current_store(settings: "Settings") -> "Iterator[Store]":
    """The store of the settings. Raises CommandFailed where its tables are of another version, and StoreUnavailable."""
    from dispatcher.adapters.sql import schema
    from dispatcher.wiring import build_store

    _say_warnings()
    store = build_store(settings)
    with closing(store.hot), disposing(store.engine):
        found = schema.current(store.engine)
        if found is None:
            raise CommandFailed("The database is empty. Run `onhook db upgrade` first (`onhook up` does so by itself).")
        if found != schema.head():
            raise CommandFailed(
                f"The database has the tables of revision {found}, this version of Onhook needs {schema.head()}: "
                "run `onhook db upgrade`."
            )
        yield store


def _say_warnings() -> None:
    """What the store finds amiss is told with its fields; a bare name of an event helps nobody."""
    from dispatcher.adapters.logs import set_up_logging

    if not logging.root.handlers:
        set_up_logging("WARNING", "console")


@contextmanager
def disposing(engine: "Engine") -> "Iterator[Engine]":
    """An engine whose connections are closed at the end."""
    try:
        yield engine
    finally:
        engine.dispose()
