"""`onhook source try`, `onhook source formats`: for people who set a call system up."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatcher.cli.documents import read_bytes, read_documents
from dispatcher.cli.events import TYPES
from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.options import AsJson, with_settings
from dispatcher.cli.printing import print_json, text_of

if TYPE_CHECKING:
    from dispatcher.settings import Settings
    from dispatcher.sources import Format, Posted, SourceSettings

WIDTH = 80
_INDENT = "  "


def add_to(app: typer.Typer) -> None:
    """Adds the two commands to the group of sources."""
    app.command("try", epilog="Example: onhook source try twilio callback.form --country US")(try_format)
    app.command("formats", epilog="Example: onhook source formats")(formats)


@with_settings
def try_format(
    settings: "Settings",
    spoken: Annotated[str, typer.Argument(metavar="FORMAT", help="One of `onhook source formats`.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The body as it is posted; - is standard input.")],
    source: Annotated[str | None, typer.Option(help="Take the settings of this source.", show_default=False)] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML or JSON: the source's `config`.", show_default=False)
    ] = None,
    header: Annotated[list[str] | None, typer.Option(help="A header, `name: value`.", show_default=False)] = None,
    query: Annotated[str, typer.Option(help="The address's query, a=b&c=d.", show_default=False)] = "",
    time_zone: Annotated[str | None, typer.Option(help="For times without one.", show_default=False)] = None,
    country: Annotated[str | None, typer.Option(help="For national numbers.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show what would become of a file that a call system posts. Nothing is stored; no database, but for --source."""
    from dispatcher.sources import FORMATS
    from dispatcher.sources.preview import preview

    document: dict[str, Any] = {} if source is None else _stored(settings, source, spoken)
    given = {"format": spoken, "time_zone": time_zone, "country": country}
    document |= {name: value for name, value in given.items() if value is not None}
    if config is not None:
        document["config"] = _config(config)
    checked = _checked(document)
    shown = preview(FORMATS[spoken], _posted(read_bytes(file), file, header or [], query), checked)
    if as_json:
        print_json(shown)
    else:
        print("\n".join(_for_people(shown)))
    if not shown["understood"]:
        raise typer.Exit(1)


def _stored(settings: "Settings", name: str, spoken: str) -> dict[str, Any]:
    from dispatcher.cli.storage import current_store

    with current_store(settings) as store:
        found = store.admin.source(name)
        if found is None:
            raise CommandFailed(f"There is no source {name}: `onhook source list` shows those that are.")
        if found.format != spoken:
            raise CommandFailed(f"The source {name} has the format {found.format}, and not {text_of(spoken)}.")
        return {"time_zone": found.time_zone, "country": found.country, "config": dict(found.config)}


def _config(path: Path) -> Any:
    documents = read_documents([path])
    if len(documents) != 1:
        raise CommandFailed(f"{path} holds more than one document.")
    return documents[0].value


def _checked(document: Mapping[str, Any]) -> "SourceSettings":
    from uuid import uuid4

    from dispatcher.sources import SourceSettings
    from dispatcher.sources.document import SourceRefused, parse_source

    try:
        source = parse_source({"name": "trial", **document}, uuid4(), uuid4())
    except SourceRefused as refused:
        raise listed("The source would be refused:", refused.faults) from refused
    return SourceSettings(source.time_zone, source.country, source.config)


def _posted(body: bytes, file: Path, headers: Sequence[str], query: str) -> "Posted":
    from urllib.parse import parse_qsl

    from dispatcher.clock import utc_now
    from dispatcher.sources import Posted

    given = {"content-type": TYPES.get(file.suffix, "application/octet-stream")}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise CommandFailed(f"--header wants `name: value`, not {text_of(header)}.")
        given[name.strip().lower()] = value.strip()
    url = "https://localhost/v1/sources/trial/events" + (f"?{query}" if query else "")
    return Posted("POST", url, parse_qsl(query, keep_blank_values=True), given, body, utc_now(), "127.0.0.1")


def _for_people(shown: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    if not shown["understood"]:
        lines += _wrapped(f"Not understood: {shown['reason']}")
        for fault in shown["errors"]:
            lines += _wrapped(f"{fault['field'] or 'the event'}: expected {fault['expected']}, got {fault['got']}", 2)
    elif shown["reason"]:
        lines += _wrapped(shown["reason"])
    for number, each in enumerate(shown["events"], 1):
        lines += ["", *_event(each, f"{number} of {len(shown['events'])}")] if number > 1 else _event(each, "")
    if shown["nothing_found"]:
        lines += ["", *_wrapped(f"Looked up, and nothing found: {', '.join(shown['nothing_found'])}.")]
    return lines


def _event(shown: Mapping[str, Any], which: str) -> list[str]:
    event, part = shown["event"], shown["part"]
    head = f"{event['type']} at {event['occurred_at']}" + (f" ({which})" if which else "")
    lines = [head, *_fields({"id": event["id"], "call": event["call"]})]
    if part is not None:
        said = "a fact about its call" if part["is_fact"] else "a part of its call"
        ends = ", the last one" if part["ends_call"] else ""
        lines += _wrapped(f"It is {said}{ends}, known by {', '.join(map(text_of, part['keys']))}.", 2)
    return lines


def _fields(members: Mapping[str, Any], path: str = "") -> list[str]:
    """A line for each value by its dotted path, longer ones wrapped below."""
    lines = []
    for name, value in members.items():
        if isinstance(value, dict):
            lines += _fields(value, f"{path}{name}.")
        else:
            lines += _wrapped(f"{path}{name}: {text_of(value)}", 2)
    return lines


def _wrapped(text: str, indent: int = 0) -> list[str]:
    before = " " * indent
    return textwrap.wrap(
        text, WIDTH, initial_indent=before, subsequent_indent=before + _INDENT, break_on_hyphens=False
    ) or [before]


def formats(as_json: AsJson = False) -> None:
    """List the formats that a source can have, with what each needs to be set up."""
    from dispatcher.sources import FORMATS

    rows = [_format_row(FORMATS[name]) for name in sorted(FORMATS)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        print(row["format"])
        quiet = row["quiet_seconds"]
        shown = {
            "auth": ", ".join(row["auth"]),
            "config": ", ".join(row["config"]) or None,
            "calls in parts": None if quiet is None else _quiet(quiet),
            "page": row["page"],
        }
        for name, value in shown.items():
            if value is not None:
                print("\n".join(_wrapped(f"{name}: {value}", 2)))


def _quiet(seconds: float) -> str:
    return f"complete {seconds:g} s after the last part" if seconds else "complete at once"


def _format_row(spoken: "Format") -> dict[str, Any]:
    from dispatcher.sources.authentication.kinds import FOR_EVERY_FORMAT
    from dispatcher.sources.document import config_members

    return {
        "format": spoken.name,
        "auth": sorted(spoken.auth_kinds | FOR_EVERY_FORMAT),
        "config": list(config_members(spoken)),
        "quiet_seconds": spoken.quiet_seconds,
        "methods": sorted(spoken.methods),
        "page": f"docs/sources/{spoken.name}.md",
    }
