"""`onhook event`: what call systems said, and an event from a file, as if its call system had posted it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatcher.cli.documents import read_bytes
from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson, Limit
from dispatcher.cli.printing import print_json, print_rows
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from dispatcher.domain.event import CallEvent, EventRefused
    from dispatcher.ports import Accepted, Source
    from dispatcher.take import Read

app = typer.Typer(no_args_is_help=True, help="Show events, and hand them in.")

DEFAULT_SOURCE = "default"
TYPES = {".json": "application/json", ".xml": "text/xml", ".form": "application/x-www-form-urlencoded"}


COLUMNS = ("received_at", "source", "type", "call_id", "source_event_id", "deliveries_made")


@app.command("list", epilog="Example: onhook event list --limit 20")
@with_store
def list_events(opened: Opened, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List events, newest first: `onhook call show CALL-ID` says what came of them."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    found = opened.store.admin.events(DEFAULT_WORKSPACE, None, limit)
    print_rows(found.items, COLUMNS, as_json=as_json, empty="There are no events yet: `onhook quarantine list`?")


@app.command(epilog="Example: onhook event send event.json   or   onhook event send cdr.form --source pbx-berlin")
@with_store
def send(
    opened: Opened,
    file: Annotated[
        Path, typer.Argument(help="An event or a batch, or the bytes of the source's own format; - is stdin.")
    ],
    source: Annotated[str, typer.Option(help="The source that it comes from.")] = DEFAULT_SOURCE,
    content_type: Annotated[
        str | None, typer.Option(help="Of the bytes; guessed from the file's name.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store the events of a file, and have them delivered: through the same door as a post, but for the token."""
    from dispatcher.domain.event import EventRefused

    body = read_bytes(file)
    store = opened.store
    found = store.admin.source(source)
    if found is None:
        raise CommandFailed(f"There is no source {source}: `onhook source list` shows those that are.")
    try:
        events = parsed(found, body, content_type or TYPES.get(file.suffix, "application/octet-stream"))
    except EventRefused as refused:
        raise faults_of(refused, str(file)) from refused
    accepted = _store_all(opened, found, events)
    if as_json:
        shown = [
            {"id": each.id, "source_event_id": each.source_event_id, "duplicate": each.duplicate} for each in accepted
        ]
        print_json({"events": shown})
        return
    for each in accepted:
        print(f"{each.id}{'  duplicate, stored before' if each.duplicate else ''}")
    if not accepted:
        print("Understood, and nothing in it to keep.")


def parsed(source: "Source", body: bytes, content_type: str) -> "Read":
    """What a source posts, read by its format. Raises EventRefused, and CommandFailed for what is not understood."""
    from dispatcher.clock import utc_now
    from dispatcher.sources import FORMATS, NotUnderstood, Posted
    from dispatcher.sources.reading import read

    headers = {"content-type": content_type, "content-length": str(len(body))}
    posted = Posted(
        "POST", f"http://localhost/v1/sources/{source.name}/events", [], headers, body, utc_now(), "127.0.0.1"
    )
    try:
        return read(FORMATS[source.format], source, posted)
    except NotUnderstood as error:
        raise CommandFailed(
            f"The source {source.name} (format {source.format}) does not understand this: {error.reason}"
        ) from error


def canonical_events(body: bytes, place: str) -> "list[CallEvent]":
    """The events of canonical JSON. Raises CommandFailed with every fault on a line."""
    from dispatcher.clock import utc_now
    from dispatcher.domain.event import EventRefused, parse_events
    from dispatcher.sources import NotUnderstood
    from dispatcher.sources.generic import decode_json

    try:
        return parse_events(decode_json(body), utc_now())
    except NotUnderstood as error:
        raise CommandFailed(f"{place}: {error.reason}") from error
    except EventRefused as refused:
        raise faults_of(refused, place) from refused


def faults_of(refused: "EventRefused", place: str) -> CommandFailed:
    """A refusal with each fault on a line, and which event of a batch it is in."""
    faults = [
        {
            "field": fault.field if fault.index is None else f"event {fault.index + 1}, {fault.field or 'as a whole'}",
            "expected": fault.expected,
            "got": fault.got,
        }
        for fault in refused.faults
    ]
    return listed(f"{place} is refused, nothing of it is stored:", faults)


def _store_all(opened: Opened, source: "Source", parsed: "Read") -> "list[Accepted]":
    from dispatcher.cli.taking import taking
    from dispatcher.clock import utc_now

    with taking(opened, lambda taker: taker) as taker:
        return taker.take(source, parsed, utc_now())
