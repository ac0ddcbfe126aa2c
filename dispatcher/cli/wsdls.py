"""`onhook wsdl`: what a WSDL offers, which ones are kept, and what a new version of one changes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.wsdl_inspection import Asked, Inspection
    from dispatcher.wsdls import Wsdls

app = typer.Typer(no_args_is_help=True, help="Inspect, refresh and list WSDLs.")

COLUMNS = ("location", "fetched_at", "size_bytes", "credential", "content_hash", "profiles")
_URL = re.compile(r"https?://", re.IGNORECASE)


@app.command("list", epilog="Example: onhook wsdl list --json")
@with_store
def list_wsdls(opened: Opened, as_json: AsJson = False) -> None:
    """List the WSDLs that are kept, newest first, and the profiles that were checked against each."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    with opened_wsdls(opened) as wsdls:
        rows = wsdls.listed(DEFAULT_WORKSPACE)
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no WSDLs yet: onhook wsdl inspect --help")


@app.command(epilog="Example: onhook wsdl inspect https://crm.example/calls?wsdl --operation LogCall")
@with_store
def inspect(
    opened: Opened,
    what: Annotated[str, typer.Argument(metavar="URL|FILE", help="Imports of a file lie in or below its folder.")],
    operation: Annotated[
        str | None, typer.Option("--operation", help="Show this one, with its parameters.", show_default=False)
    ] = None,
    credential: Annotated[
        str | None, typer.Option("--credential", help="The credential to fetch with.", show_default=False)
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch it again, and move the profiles that still fit.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep nothing and move nothing.")] = False,
    replaces: Annotated[
        str | None,
        typer.Option(
            "--replaces", help="The URL or content hash whose place a FILE takes; refreshes.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the services, ports and operations of a WSDL, and keep it in the database, where profiles find it. A URL
    that is kept is answered from there, unless it is refreshed; then what changed is shown, and which profiles it
    breaks: those keep the old content. Needs the database, also for a dry run."""
    from dispatcher.cli.wsdl_text import inspection_lines
    from dispatcher.wsdl_inspection import Asked

    asked = _asked(what, Asked(None, None, credential, refresh, dry_run, replaces, operation))
    inspection = _inspected(opened, asked)
    if as_json:
        print_json({**inspection.as_document(operation), "dry_run": dry_run})
        return
    print("\n".join(inspection_lines(inspection, operation, dry_run=dry_run)))


@contextmanager
def opened_wsdls(opened: Opened) -> "Iterator[Wsdls]":
    """The verb, on the store of a command; the sender, where one was needed, is stopped at the end."""
    from dispatcher.wiring import OnDemand, build_sender, build_wsdls

    sender = OnDemand(lambda: build_sender(opened.settings, opened.store.admin))
    try:
        yield build_wsdls(opened.store.admin, sender.get)
    finally:
        sender.stop()


def _asked(what: str, asked: "Asked") -> "Asked":
    """With the WSDL that the argument names."""
    from dispatcher.cli.wsdl_files import upload
    from dispatcher.wsdls import fault_of_wsdl_url

    if _URL.match(what):
        if asked.replaces is not None:
            raise typer.BadParameter("--replaces goes with a FILE")
        if (fault := fault_of_wsdl_url(what, "the URL")) is not None:
            raise listed("Nothing was fetched:", [fault])
        return replace(asked, url=what)
    if asked.refresh and asked.replaces is None:
        raise typer.BadParameter("--refresh of a FILE wants --replaces, to say whose place it takes")
    return replace(asked, upload=upload(Path(what)), refresh=asked.replaces is not None)


def _inspected(opened: Opened, asked: "Asked") -> "Inspection":
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.domain.soap.bundle import WsdlRefused
    from dispatcher.wsdl_inspection import InspectionRefused

    with opened_wsdls(opened) as wsdls:
        try:
            return wsdls.inspect(DEFAULT_WORKSPACE, asked)
        except InspectionRefused as refused:
            raise listed("The inspection is refused; nothing was kept:", refused.faults) from refused
        except WsdlRefused as refused:
            raise CommandFailed(str(refused)) from refused
