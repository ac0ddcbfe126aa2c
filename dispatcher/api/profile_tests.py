"""`POST /v1/profiles/{name}/test`: the request that a profile makes of an event, shown or sent as a test."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dispatcher.api.answers import Document, Json
from dispatcher.api.caller import Caller, OptionalBody, inside_of
from dispatcher.api.event_posts import DEFAULT_SOURCE
from dispatcher.api.problems import Problem, not_found, refused
from dispatcher.api.profiles import checked_spec
from dispatcher.domain.delivery import FINAL_STATES, State
from dispatcher.domain.event import EventRefused, parse_event
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.shape import Reading
from dispatcher.ports import SavedProfile
from dispatcher.rehearsal import Choice, Subject
from dispatcher.rehearse import CannotBuild, NothingToTry
from dispatcher.tokens import Scope, permits

router = APIRouter(prefix="/v1/profiles", tags=["profiles"])

MARGIN_SECONDS = 4.0
"""Beyond the profile's time-out: for the hint, the claim and the record."""
MAX_WAIT_SECONDS = 60.0
"""Proxies in between cut longer answers off."""
FIRST_LOOK_SECONDS = 0.02
LAST_LOOK_SECONDS = 0.5
"""How far apart the looks at the delivery are, at first and after a while."""
_MEMBERS = ("event_id", "call_id", "event", "source", "followed", "profile", "send")
_REFUSED = "The test is refused; nothing was sent."


async def _tester(request: Request) -> Caller:
    """A token that may read or write; which of them is needed, the body decides."""
    inside, authorization = inside_of(request), request.headers.get("authorization")
    try:
        token = await inside.gate.admit(authorization, Scope.READ)
    except Problem as problem:
        if problem.status != 403:
            raise
        token = await inside.gate.admit(authorization, Scope.WRITE)
    return Caller(inside, token)


Tester = Annotated[Caller, Depends(_tester)]


@dataclass(frozen=True)
class _Asked:
    """The body, read."""

    choice: Choice
    event: Any
    source: str
    followed: dict[str, Any] | None
    draft: Any
    send: bool


@router.post("/{name}/test")
async def test_profile(caller: Tester, name: str, body: OptionalBody) -> Response:
    """Shows the request that the profile sends for a stored event (`event_id`, or the newest that fires of `call_id`),
    for an `event` as `POST /v1/events` takes it (of the source `source`), or for the newest that it takes. `profile` is
    a draft to try instead of the saved one; `followed` stands in for what another profile has captured. Scope `read`.

    With `send` it is sent, once, marked as a test and counted nowhere: 200 with the delivery and its attempt, 202 where
    it has not ended in time. Scope `write`.
    """
    asked = _read(body)
    wanted = Scope.WRITE if asked.send else Scope.READ
    if not permits(caller.token, wanted):
        raise Problem(403, f"The token has not the scope {wanted}.")
    try:
        if asked.send:
            return await _send(caller, name, asked)
        return Json(await run_in_threadpool(_show, caller, name, asked))
    except NothingToTry as error:
        raise Problem(404, str(error)) from None
    except CannotBuild as error:
        raise refused("The request cannot be built for this event.", error.faults) from None


def _show(caller: Caller, name: str, asked: _Asked) -> Document:
    saved = _saved(caller, name)
    draft = None if asked.draft is None else checked_spec(caller, {"name": name, **asked.draft})
    subject = _subject(caller, saved, asked, draft)
    # Only who may send may have a signature: it would let him speak in our name to the target.
    signed = permits(caller.token, Scope.WRITE)
    rehearsal = caller.inside.rehearser.rehearse(saved, subject, draft, signed=signed)
    return rehearsal.as_document(caller.inside.services.show_request)


def _start(caller: Caller, name: str, asked: _Asked) -> tuple[UUID, SavedProfile, Subject]:
    saved = _saved(caller, name)
    subject = _subject(caller, saved, asked)
    # Rehearsed first: what cannot be built is told at once, and makes no delivery.
    caller.inside.rehearser.rehearse(saved, subject)
    caller.note("profile.tested", name)
    return caller.inside.rehearser.send(saved, subject), saved, subject


async def _send(caller: Caller, name: str, asked: _Asked) -> Response:
    identifier, saved, subject = await run_in_threadpool(_start, caller, name, asked)
    patience = min(saved.profile.spec.timeout_seconds + MARGIN_SECONDS, MAX_WAIT_SECONDS)
    delivery = await _ended(caller, identifier, patience)
    attempts = await run_in_threadpool(caller.store.attempts, caller.workspace_id, identifier)
    shown = {"delivery": delivery, "attempts": attempts, "event": subject.as_document()}
    if delivery["state"] in FINAL_STATES:
        return Json(shown)
    detail = await run_in_threadpool(_what_holds_it_up, caller, delivery)
    answer = Json({**shown, "detail": detail}, 202)
    answer.headers["location"] = f"/v1/deliveries/{identifier}"
    return answer


async def _ended(caller: Caller, identifier: UUID, patience_seconds: float) -> Document:
    """The delivery once it is final, or as it is when the patience ends. Holds no thread while it waits."""
    until, pause = monotonic() + patience_seconds, FIRST_LOOK_SECONDS
    while True:
        delivery = await run_in_threadpool(caller.store.delivery, caller.workspace_id, identifier)
        if delivery is None:
            raise not_found("delivery")
        if delivery["state"] in FINAL_STATES or monotonic() >= until:
            return delivery
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LAST_LOOK_SECONDS)


def _what_holds_it_up(caller: Caller, delivery: Document) -> str:
    where = f"see /v1/deliveries/{delivery['id']}, or discard it there."
    if not caller.inside.services.ready().broker:
        return f"The broker does not answer; the test is sent when it does: {where}"
    if delivery["state"] == State.SENDING:
        return f"The target has not answered yet: {where}"
    return f"No worker has taken the test yet; it is sent when one does: {where}"


def _saved(caller: Caller, name: str) -> SavedProfile:
    saved = caller.store.profile(caller.workspace_id, name)
    if saved is None:
        raise not_found("profile")
    return saved


def _subject(caller: Caller, saved: SavedProfile, asked: _Asked, draft: ProfileSpec | None = None) -> Subject:
    rehearser = caller.inside.rehearser
    if asked.event is None:
        return rehearser.stored(saved.profile, asked.choice, draft, asked.followed)
    source = caller.store.source(asked.source)
    if source is None or source.workspace_id != caller.workspace_id:
        raise not_found("source")
    try:
        event = parse_event(asked.event, caller.now())
    except EventRefused as error:
        faults = [
            {"field": f"event.{each.field}".rstrip("."), "expected": each.expected, "got": each.got}
            for each in error.faults
        ]
        raise refused(_REFUSED, faults) from None
    return rehearser.given(source, event, asked.followed)


def _read(body: object) -> _Asked:
    reading = Reading()
    given = {key: value for key, value in reading.members(body, "", _MEMBERS).items() if value is not None}
    chosen = [key for key in ("event_id", "call_id", "event") if key in given]
    if len(chosen) > 1:
        reading.note_got("", "at most one of event_id, call_id and event", ", ".join(chosen))
    if "source" in given and "event" not in given:
        reading.note_got("source", "a source only beside an event", "no event")
    send = reading.flag(given.get("send", False), "send")
    if send and "profile" in given:
        reading.note_got("profile", "no draft where the test is sent: save it first", "a draft")
    if send and "followed" in given and "event" not in given:
        reading.note_got("followed", "only beside an event, where the test is sent", "no event")
    for key in ("profile", "followed"):
        if type(given.get(key, {})) is not dict:
            reading.note(key, "an object", given[key])
    for key in ("call_id", "source"):
        reading.text(given.get(key, ""), key, 255)
    event_id = _identifier(reading, given.get("event_id"))
    if reading.faults:
        raise refused(_REFUSED, reading.faults)
    choice = Choice(event_id, given.get("call_id"))
    return _Asked(
        choice,
        given.get("event"),
        given.get("source", DEFAULT_SOURCE),
        given.get("followed"),
        given.get("profile"),
        send,
    )


def _identifier(reading: Reading, raw: object) -> UUID | None:
    if raw is None:
        return None
    try:
        return UUID(raw)  # type: ignore[arg-type]
    except (ValueError, TypeError, AttributeError):
        reading.note("event_id", "the id of an event", raw)
        return None
