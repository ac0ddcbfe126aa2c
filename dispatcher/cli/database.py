"""`onhook db`: the tables."""

from typing import TYPE_CHECKING

import typer

from dispatcher.cli.options import AsJson, with_settings
from dispatcher.cli.printing import print_json
from dispatcher.cli.storage import disposing

if TYPE_CHECKING:
    from dispatcher.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make and upgrade the database's tables.")


@app.command(epilog="Example: onhook db upgrade --database-url postgresql://onhook@db.example/onhook")
@with_settings
def upgrade(settings: "Settings", as_json: AsJson = False) -> None:
    """Bring the database to this version's tables. Safe to run again, and from several machines at once."""
    from dispatcher.adapters.sql import schema
    from dispatcher.adapters.sql.database import make_engine

    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with disposing(make_engine(settings.sqlalchemy_url)) as engine:
        before, after = schema.upgrade(engine)
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        print(f"The database is at revision {after} already.")
    else:
        print(f"The database is at revision {after} now ({f'it was at {before}' if before else 'it was empty'}).")


@app.command(epilog="Example: onhook db current --json")
@with_settings
def current(settings: "Settings", as_json: AsJson = False) -> None:
    """Say which revision the database has, and which one this version needs."""
    from dispatcher.adapters.sql import schema
    from dispatcher.adapters.sql.database import make_engine

    with disposing(make_engine(settings.sqlalchemy_url)) as engine:
        found, needed = schema.current(engine), schema.head()
    if as_json:
        print_json({"current": found, "needed": needed})
    else:
        print(f"{found or 'none (the database is empty)'}; this version needs {needed}")
