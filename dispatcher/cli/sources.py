"""`onhook source`: where call events come from."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import print_changes, print_fields, print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.adapters.sql.store import Store
    from dispatcher.ports import Source

app = typer.Typer(no_args_is_help=True, help="Show and apply sources.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")]
COLUMNS = ("name", "format", "auth", "time_zone", "country")


@app.command("list", epilog="Example: onhook source list --json")
@with_store
def list_sources(opened: Opened, as_json: AsJson = False) -> None:
    """List the sources."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.sources.document import shown_source

    rows = [shown_source(source) for source in opened.store.admin.sources(DEFAULT_WORKSPACE)]
    if not as_json:
        rows = [row | {"auth": row["auth"]["kind"] if row["auth"] else "closed"} for row in rows]
    print_rows(rows, COLUMNS, as_json=as_json, empty="There are no sources.")


@app.command(epilog="Example: onhook source show pbx-berlin")
@with_store
def show(opened: Opened, name: Name, as_json: AsJson = False) -> None:
    """Show a source, its secrets masked."""
    from dispatcher.sources.document import shown_source

    shown = shown_source(_find(opened.store, name))
    print_json(shown) if as_json else print_fields(shown)


@app.command(epilog="Example: onhook source apply pbx-berlin.yaml")
@with_store
def apply(
    opened: Opened,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")],
    as_json: AsJson = False,
) -> None:
    """Create or update the sources of files, by their names. All of them are checked before any is saved."""
    from dispatcher.cli.documents import read_documents
    from dispatcher.clock import utc_now

    documents = read_documents(files)
    store = opened.store
    done, closed = [], []
    for source, before in [_checked(store, each.value, each.place) for each in documents]:
        change = "created" if before is None else "unchanged" if before == source else "updated"
        if change != "unchanged":
            store.admin.save_source(source, utc_now())
        done.append({"source": source.name, "change": change})
        closed += [] if source.auth else [source.name]
    print_changes(done, "source", as_json=as_json)
    for name in closed:
        print(f"{name} is closed: it takes no post until its `auth` is set.", file=sys.stderr)


@app.command(epilog="Example: onhook source delete pbx-berlin")
@with_store
def delete(opened: Opened, name: Name) -> None:
    """Delete a source. Its events stay; what it posts from now on is answered 404."""
    from dispatcher.adapters.sql.schema import DEFAULT_SOURCE, DEFAULT_WORKSPACE

    store = opened.store
    if _find(store, name).id == DEFAULT_SOURCE:
        raise CommandFailed("The source of events that name none cannot be removed.")
    store.admin.delete_source(DEFAULT_WORKSPACE, name)
    print(f"{name}: deleted")


@app.command("threecx-template", epilog="Example: onhook source threecx-template office --output onhook.xml")
@with_store
def threecx_template(
    opened: Opened,
    name: Name,
    url: Annotated[
        str | None, typer.Option("--url", help="Our address as 3CX sees it; else ONHOOK_PUBLIC_URL.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="A file instead of standard output.")] = None,
) -> None:
    """Write the CRM template that makes 3CX report its calls to a source. It holds no secret: 3CX asks for it."""
    from dispatcher.sources.threecx.template import CannotReport, template

    source = _find(opened.store, name)
    if source.format != "threecx":
        raise CommandFailed(f"The source {name} has the format {source.format}, and not threecx.")
    origin = url or opened.settings.public_url
    if origin is None:
        raise CommandFailed("Say by --url (or ONHOOK_PUBLIC_URL) at which address 3CX finds us.")
    try:
        written = template(name, f"{origin.rstrip('/')}/v1/sources/{name}/events", source.auth)
    except CannotReport as error:
        raise CommandFailed(str(error)) from error
    if output is None:
        print(written, end="")
    else:
        output.write_text(written, encoding="utf-8")
        print(f"{output}: written. Upload it in 3CX under Integrations, CRM.")


def _checked(store: "Store", document: object, place: str) -> "tuple[Source, Source | None]":
    """The source of a document, and the one of that name that is stored."""
    from uuid import uuid4

    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.sources.document import SourceRefused, parse_source

    name = document.get("name") if isinstance(document, dict) else None
    before = store.admin.source(name) if isinstance(name, str) else None
    identifier, stored = (before.id, before.auth) if before else (uuid4(), None)
    try:
        return parse_source(document, identifier, DEFAULT_WORKSPACE, stored), before
    except SourceRefused as refused:
        raise listed(f"{place} is refused:", refused.faults) from refused


def _find(store: "Store", name: str) -> "Source":
    source = store.admin.source(name)
    if source is None:
        raise CommandFailed(f"There is no source {name}: `onhook source list` shows those that are.")
    return source
