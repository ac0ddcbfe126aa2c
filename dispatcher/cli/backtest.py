"""`onhook profile backtest`: which of the last events a profile would have fired for, and why."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatcher.cli.failures import CommandFailed
from dispatcher.cli.options import AsJson
from dispatcher.cli.printing import aligned, print_json, text_of
from dispatcher.cli.storage import Opened, with_store

if TYPE_CHECKING:
    from datetime import datetime

    from dispatcher.backtest import Backtest
    from dispatcher.domain.profile import ProfileSpec

COLUMNS = ("occurred_at", "type", "call_id", "fired", "why")
_MAX_REASONS = 3
_MAX_SHOWN_CHARACTERS = 60


class Only(StrEnum):
    """Which events are listed."""

    FIRED = "fired"
    NOT_FIRED = "not-fired"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name.")]
Draft = Annotated[
    Path | None,
    typer.Option(
        "--file", help="A draft to try instead of the saved profile; - is standard input.", show_default=False
    ),
]
Moment = Annotated[str | None, typer.Option(help="A moment of RFC 3339: 2026-11-20T10:00:00Z.", show_default=False)]
Listed = Annotated[Only | None, typer.Option("--only", help="List these events alone.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Adds the command to the group of profiles."""
    app.command(epilog="Example: onhook profile backtest crm-call-log --file draft.yaml --only fired")(backtest)


@with_store
def backtest(
    opened: Opened,
    name: Name,
    file: Draft = None,
    limit: Annotated[int, typer.Option("--limit", help="Ask of the last so many events; at most 1,000.", min=1)] = 100,
    since: Moment = None,
    until: Moment = None,
    only: Listed = None,
    as_json: AsJson = False,
) -> None:
    """Show which of the last stored events a profile would have fired for, and why. Nothing is sent.

    Tests and erased events are passed over; of private events, values are not shown.
    """
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.backtest import MAX_EVENTS, Span
    from dispatcher.backtest import backtest as ask

    if limit > MAX_EVENTS:
        raise typer.BadParameter(f"at most {MAX_EVENTS}", param_hint="--limit")
    span = Span(limit, _moment("--since", since), _moment("--until", until))
    done = ask(opened.store.admin, DEFAULT_WORKSPACE, _spec(opened, name, file), span)
    shown = done.as_document()
    if only is not None:
        shown["items"] = [each for each in shown["items"] if each["fired"] is (only is Only.FIRED)]
    if as_json:
        print_json(shown)
        return
    if shown["items"]:
        print("\n".join(aligned([{**each, "why": why(each)} for each in shown["items"]], COLUMNS)) + "\n")
    print(_summary(name, done))


def why(item: dict[str, Any]) -> str:
    """In a line: the clauses that decided an item of a backtest, each with what it saw where that may be shown."""
    if item["verdict"] is None:
        return text_of(item["reason"] or f"it takes every {item['type']}")
    deciding = [_clause(each) for each in _deciding(item["verdict"], held=item["fired"])]
    more = len(deciding) - _MAX_REASONS
    return "; ".join(deciding[:_MAX_REASONS]) + (f"; and {more} more" if more > 0 else "")


def _deciding(tree: dict[str, Any], *, held: bool) -> list[dict[str, Any]]:
    """The clauses that made the tree come to `held`; each would have to change for it to come to something else."""
    if "clause" in tree:
        return [tree]
    if "not" in tree:
        return _deciding(tree["not"], held=not held)
    children = tree["all"] if "all" in tree else tree["any"]
    return [clause for child in children if child["held"] is held for clause in _deciding(child, held=held)]


def _clause(verdict: dict[str, Any]) -> str:
    clause = verdict["clause"]
    words = f"{'' if verdict['held'] else 'not '}{clause['field']} {clause['op']} {_json(clause['value'])}"
    return text_of(f"{words} (saw {_json(verdict['saw'])})" if "saw" in verdict else words)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else text[:_MAX_SHOWN_CHARACTERS] + "..."


def _summary(name: str, done: "Backtest") -> str:
    passed = ", ".join(f"{count} {kind}" for kind, count in done.skipped.items() if count)
    words = f"{name} would have fired for {done.fired} of the last {len(done.answers)} events"
    return f"{words} (passed over: {passed})." if passed else f"{words}."


def _spec(opened: Opened, name: str, file: Path | None) -> "ProfileSpec":
    from dispatcher.cli.documents import read_documents
    from dispatcher.cli.profiles import checked, find

    if file is None:
        return find(opened.store, name).profile.spec
    documents = read_documents([file])
    if len(documents) != 1:
        raise CommandFailed(f"{file} holds {len(documents)} documents; a backtest takes one.")
    value = documents[0].value
    return checked(opened, {"name": name, **value} if isinstance(value, dict) else value, documents[0].place)


def _moment(option: str, text: str | None) -> "datetime | None":
    from dispatcher.domain.field_values import Unfit, read_moment

    if text is None:
        return None
    try:
        return read_moment(text)
    except Unfit as unfit:
        raise typer.BadParameter(f"expected {unfit.expected}", param_hint=option) from unfit
