"""The command line: `onhook`.

What a command needs beyond typer is imported inside it, so that `onhook --help` answers at once.
"""

import sys
from typing import Annotated

import typer

from dispatcher import __version__
from dispatcher.cli import (
    backtest,
    calls,
    credentials,
    database,
    deliveries,
    demo,
    doctor,
    events,
    keys,
    listen,
    processes,
    profiles,
    quarantine,
    replay_dir,
    source_trials,
    sources,
    tokens,
    up,
    workspace,
    wsdl_check,
    wsdls,
)
from dispatcher.cli.failures import sentence

app = typer.Typer(
    name="onhook",
    help="Call events in, web service requests out: once, in each system's own format, provably.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (up, demo, processes, doctor, replay_dir):
    module.add_to(app)
backtest.add_to(profiles.app)
wsdl_check.add_to(wsdls.app)
source_trials.add_to(sources.app)
for name, group in (
    ("db", database.app),
    ("token", tokens.app),
    ("profile", profiles.app),
    ("source", sources.app),
    ("workspace", workspace.app),
    ("credential", credentials.app),
    ("wsdl", wsdls.app),
    ("event", events.app),
    ("call", calls.app),
    ("listen", listen.app),
    ("quarantine", quarantine.app),
    ("delivery", deliveries.app),
    ("keys", keys.app),
):
    app.add_typer(group, name=name)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"onhook {__version__}")
        raise typer.Exit


@app.callback(epilog="Start with `onhook demo`, or `onhook up` and then `onhook profile apply FILE`.")
def _root(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Call events in, web service requests out: once, in each system's own format, provably."""


def main() -> None:
    """The entry point. Expected failures are a sentence on standard error and exit code 1, usage errors exit with 2."""
    try:
        app()
    except Exception as error:
        words = sentence(error)
        if words is None:
            raise
        print(f"onhook: {words}", file=sys.stderr)
        sys.exit(1)
