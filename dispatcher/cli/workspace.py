"""`onhook workspace`: what is set for all requests at once."""

import sys
from typing import Annotated

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_fields, print_json
from dispatcher.cli.storage import Opened, with_store

app = typer.Typer(no_args_is_help=True, help="Show and change what is set for all requests at once.")

STANDARD_INPUT = "-"
Proxy = Annotated[
    str | None,
    typer.Option(
        "--egress-proxy",
        metavar="URL",
        help="Send every request through this proxy: http://[user:password@]host:port; - reads it from standard input.",
        show_default=False,
    ),
]
NoProxy = Annotated[bool, typer.Option("--no-egress-proxy", help="Send requests directly again.")]


@app.command(epilog="Example: onhook workspace show --json")
@with_store
def show(opened: Opened, as_json: AsJson = False) -> None:
    """Show the workspace, the password of its proxy masked."""
    _print(opened, as_json=as_json)


@app.command("set", epilog="Example: onhook workspace set --egress-proxy http://proxy.example:3128")
@with_store
def set_workspace(
    opened: Opened, egress_proxy: Proxy = None, no_egress_proxy: NoProxy = False, as_json: AsJson = False
) -> None:
    """Change the workspace. Workers take note with the next event they evaluate or deliver."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.domain.egress_proxy import ProxyRefused, read_proxy

    if (egress_proxy is not None) == no_egress_proxy:
        raise CommandFailed("Say either --egress-proxy URL or --no-egress-proxy.")
    given = sys.stdin.readline().strip() if egress_proxy == STANDARD_INPUT else egress_proxy
    before = opened.store.admin.workspace(DEFAULT_WORKSPACE).egress_proxy
    try:
        wanted = read_proxy(given, before)
    except ProxyRefused as refused:
        raise CommandFailed(f"expected http://[user:password@]host:port, got {refused}.") from refused
    if wanted != before:
        opened.store.admin.set_egress_proxy(DEFAULT_WORKSPACE, wanted)
    _print(opened, as_json=as_json)


def _print(opened: Opened, *, as_json: bool) -> None:
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.domain.egress_proxy import masked

    workspace = opened.store.admin.workspace(DEFAULT_WORKSPACE)
    shown = {"name": workspace.name, "egress_proxy": masked(workspace.egress_proxy)}
    print_json(shown) if as_json else print_fields(shown)
