"""Options that many commands share, and the settings that they make."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer

if TYPE_CHECKING:
    from dispatcher.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where everything lies that must survive a restart.", show_default=False),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="A database instead of SQLite in the data directory.", show_default=False),
]
BrokerUrl = Annotated[
    str | None, typer.Option("--broker-url", help="A Redis server instead of the embedded one.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Limit = Annotated[int, typer.Option("--limit", help="At most this many.", min=1, max=100_000)]

Given = ParamSpec("Given")


def with_settings(command: Callable[Concatenate["Settings", Given], None]) -> Callable[..., None]:
    """A command that gets the settings first, and on the command line the three options that say where things are."""

    @wraps(command)
    def run(
        *args: Any,
        data_dir: Path | None = None,
        database_url: str | None = None,
        broker_url: str | None = None,
        **options: Any,
    ) -> None:
        from dispatcher.settings import load_settings

        settings = load_settings(data_dir=data_dir, database_url=database_url, broker_url=broker_url)
        command(settings, *args, **options)

    # typer reads what a command takes from its signature and its annotations: the command's own, then the three.
    own = list(inspect.signature(command).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in (("data_dir", DataDir), ("database_url", DatabaseUrl), ("broker_url", BrokerUrl))
    ]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + shared
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    del run.__wrapped__
    return run
