"""What a profile would make of an event, shown; or sent, as a test that counts nowhere."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from dispatcher.cli.documents import read_bytes, read_documents
from dispatcher.cli.failures import CommandFailed, listed
from dispatcher.cli.printing import aligned, print_fields, print_json, text_of
from dispatcher.cli.storage import Opened

if TYPE_CHECKING:
    from dispatcher.domain.event import CallEvent
    from dispatcher.domain.profile import ProfileSpec
    from dispatcher.ports import SavedProfile
    from dispatcher.rehearsal import Rehearsal, Subject
    from dispatcher.rehearse import Rehearser

MARGIN_SECONDS = 10.0
"""Beyond the profile's time-out: where the broker is away, the sweeper hints the test."""
LOOK_SECONDS = 0.2
ATTEMPT_COLUMNS = ("number", "started_at", "duration_ms", "status", "error", "outcome", "detail")


@dataclass(frozen=True)
class Asked:
    """What `onhook profile test` was asked; of file, call and event at most one is set."""

    file: Path | None
    call: str | None
    event: str | None
    draft: Path | None
    followed: Path | None


def show(opened: Opened, saved: "SavedProfile", asked: Asked, *, as_json: bool, curl: bool) -> None:
    """Prints the rehearsal: as JSON, as a curl command, or as HTTP text with the verdict as comments."""
    from dispatcher.adapters.http_text import show_request

    rehearsal = rehearse(opened, saved, asked)[1]
    document = rehearsal.as_document(show_request)
    if as_json:
        print_json(document)
    elif curl and rehearsal.private:
        raise CommandFailed("The stored event is private: no command shows its values. Give an event of your own.")
    elif curl:
        print(document["request"]["curl"])
    else:
        print("\n".join([*_comments(document), *_request_lines(document)]))


def send(opened: Opened, saved: "SavedProfile", asked: Asked, *, as_json: bool) -> None:
    """Sends the test, waits for its end and prints it. Exits with 1 where it was not delivered."""
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE

    subject = rehearse(opened, saved, asked)[0]
    identifier = _rehearser(opened).send(saved, subject)
    delivery = _ended(opened, identifier, saved.profile.spec.timeout_seconds + MARGIN_SECONDS)
    attempts = opened.store.admin.attempts(DEFAULT_WORKSPACE, identifier)
    if as_json:
        print_json({"delivery": delivery, "attempts": attempts, "event": subject.as_document()})
    else:
        print_fields(delivery)
        if attempts:
            print("\n" + "\n".join(aligned(attempts, ATTEMPT_COLUMNS)))
        print(f"\nonhook delivery show {identifier} shows what was sent and answered.")
    if delivery["state"] != "delivered":
        raise typer.Exit(1)


def rehearse(opened: Opened, saved: "SavedProfile", asked: Asked) -> "tuple[Subject, Rehearsal]":
    """The event and what the profile, or the draft, makes of it. Raises CommandFailed, and Conflict."""
    from dispatcher.rehearse import CannotBuild, NothingToTry

    rehearser = _rehearser(opened)
    draft = _draft(opened, saved, asked.draft) if asked.draft else None
    try:
        subject = _subject(opened, rehearser, saved, asked, draft)
        return subject, rehearser.rehearse(saved, subject, draft)
    except NothingToTry as error:
        raise CommandFailed(str(error)) from error
    except CannotBuild as error:
        raise listed("The request cannot be built for this event:", error.faults) from error


def _rehearser(opened: Opened) -> "Rehearser":
    from dispatcher.clock import utc_now
    from dispatcher.rehearse import Rehearser
    from dispatcher.wiring import USER_AGENT, build_hints, build_templates

    settings = opened.settings
    return Rehearser(
        opened.store.admin,
        build_templates(opened.store),
        build_hints(settings),
        utc_now,
        os.urandom,
        user_agent=USER_AGENT,
        rehint_seconds=settings.rehint_seconds,
    )


def _subject(
    opened: Opened, rehearser: "Rehearser", saved: "SavedProfile", asked: Asked, draft: "ProfileSpec | None"
) -> "Subject":
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.api.event_posts import DEFAULT_SOURCE
    from dispatcher.rehearsal import Choice

    followed = _object(asked.followed) if asked.followed else None
    if asked.file is None:
        return rehearser.stored(saved.profile, Choice(_identifier(asked.event), asked.call), draft, followed)
    source = opened.store.admin.source(DEFAULT_SOURCE)
    if source is None or source.workspace_id != DEFAULT_WORKSPACE:
        raise CommandFailed(f"There is no source {DEFAULT_SOURCE}.")
    return rehearser.given(source, _one_event(asked.file), followed)


def _draft(opened: Opened, saved: "SavedProfile", file: Path) -> "ProfileSpec":
    from dispatcher.cli.profiles import checked

    (first, *rest) = read_documents([file])
    if rest or not isinstance(first.value, dict):
        raise CommandFailed(f"{file} is not one document: a draft is.")
    return checked(opened, {"name": saved.profile.spec.name, **first.value}, first.place)


def _object(file: Path) -> dict[str, Any]:
    (first, *_) = read_documents([file])
    if not isinstance(first.value, dict):
        raise CommandFailed(f"{file} holds no object with outputs by name.")
    return first.value


def _identifier(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        raise CommandFailed(f"There is no event {text}: an id is a UUID.") from None


def _one_event(file: Path) -> "CallEvent":
    from dispatcher.cli.events import canonical_events

    events = canonical_events(read_bytes(file), str(file))
    if len(events) != 1:
        raise CommandFailed(f"{file} holds {len(events)} events; a test takes one.")
    return events[0]


def _ended(opened: Opened, identifier: UUID, seconds: float) -> dict[str, Any]:
    from dispatcher.adapters.sql.schema import DEFAULT_WORKSPACE
    from dispatcher.domain.delivery import FINAL_STATES

    until = time.monotonic() + seconds
    while True:
        delivery = opened.store.admin.delivery(DEFAULT_WORKSPACE, identifier)
        if delivery is None:
            raise CommandFailed("The test is gone from the database.")
        if delivery["state"] in FINAL_STATES:
            return delivery
        if time.monotonic() >= until:
            raise CommandFailed(
                f"The test has not ended within {seconds:g} s. Does a worker run, and does the broker answer "
                f"(`onhook doctor`)? It is sent when they do: `onhook delivery show {identifier}`, "
                f"or `onhook delivery discard {identifier}`."
            )
        time.sleep(LOOK_SECONDS)


# --- text for people


def _comments(document: dict[str, Any]) -> list[str]:
    event, waits = document["event"], document["waits"]
    lines = [f"# {'fires' if document['fires'] else 'does not fire'}: {document['reason']}"]
    if document["verdict"] is not None:
        lines += _verdict_lines(document["verdict"], 1)
    if event["stored"]:
        lines.append(f"# event {event['id']} ({event['type']}, call {text_of(event['call_id'])})")
    if waits is not None:
        lines.append(f"# a delivery would {waits['decision']}: {waits['reason']}")
    return [*lines, *(f"# {note}" for note in document["notes"])]


def _request_lines(document: dict[str, Any]) -> list[str]:
    request = document["request"]
    if document["private"]:
        return [
            "# private: values are shown to nobody",
            f"{request['method']} {request['url']}/... ({request['url_bytes']} bytes)",
            *request["header_names"],
            f"body: {request['body_bytes']} bytes, HMAC-SHA256 {request['body_hash'] or '-'}",
        ]
    head, _, body = request["http"].partition("\r\n\r\n")
    scheme, _, rest = request["url"].partition("://")
    authority = rest.partition("/")[0].partition("?")[0]
    return [f"# to {scheme}://{authority}", *map(text_of, head.split("\r\n")), "", body]


def _verdict_lines(verdict: dict[str, Any], depth: int) -> list[str]:
    mark = f"#{'  ' * depth}{'+' if verdict['held'] else '-'} "
    if "clause" in verdict:
        clause = verdict["clause"]
        said = f"{clause['field']} {clause['op']} {json.dumps(clause['value'], ensure_ascii=False)}"
        if "saw" not in verdict:
            return [mark + said]
        return [f"{mark}{said} (saw {json.dumps(verdict['saw'], ensure_ascii=False, default=str)})"]
    word = next(word for word in ("all", "any", "not") if word in verdict)
    children = verdict[word] if isinstance(verdict[word], list) else [verdict[word]]
    return [mark + word, *(line for child in children for line in _verdict_lines(child, depth + 1))]
