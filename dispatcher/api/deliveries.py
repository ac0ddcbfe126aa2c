"""`/v1/deliveries`: what became of each event for each profile, and a person's replay."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, id_cursor, identifier, page, whole
from dispatcher.api.caller import DEFAULT_LIMIT, Body, Caller, Cursor, Limit, OptionalBody, Reader, Writer, object_of
from dispatcher.api.filters import list_filter, replay_request
from dispatcher.api.problems import Problem, not_found, refused
from dispatcher.domain.shape import Reading

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

_MAX_REASON_CHARACTERS = 500
_Member = Annotated[str | None, Query()]
_Tests = Annotated[bool, Query(description="The tests alone, which are left out otherwise.")]


@router.get("")
def list_deliveries(  # noqa: PLR0913, PLR0917 - a query parameter each, so that OpenAPI shows them
    caller: Reader,
    state: _Member = None,
    profile: _Member = None,
    call_id: _Member = None,
    event_id: _Member = None,
    since: _Member = None,
    until: _Member = None,
    test: _Tests = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Deliveries, newest first; `since` (inclusive) and `until` go by when they were made. Scope `read`."""
    chosen = list_filter(
        {
            "state": state,
            "profile": profile,
            "call_id": call_id,
            "event_id": event_id,
            "since": since,
            "until": until,
        },
        test=test,
    )
    return page(caller.store.deliveries(caller.workspace_id, chosen, id_cursor(cursor), limit))


@router.post("/replay")
def replay_deliveries(caller: Writer, body: Body) -> Response:
    """Reopens every final delivery that `filter` chooses, or only counts them (`dry_run`). Scope `write`."""
    chosen, dry_run = replay_request(body)
    replayer = caller.inside.replayer
    count = (replayer.count_matching if dry_run else replayer.replay_matching)(caller.workspace_id, chosen)
    return Json({"count": count})


@router.get("/{delivery_id}")
def show_delivery(caller: Reader, delivery_id: str) -> Response:
    """One delivery. Scope `read`."""
    return Json(_delivery(caller, delivery_id))


@router.get("/{delivery_id}/attempts")
def list_attempts(caller: Reader, delivery_id: str) -> Response:
    """Every exchange with the target, oldest first. Scope `read`."""
    delivery = _delivery(caller, delivery_id)
    return whole(caller.store.attempts(caller.workspace_id, delivery["id"]))


@router.post("/{delivery_id}/replay")
def replay_delivery(caller: Writer, delivery_id: str) -> Response:
    """Reopens a final delivery; 409 while it is open, or when its profile is deleted. Scope `write`."""
    delivery = _delivery(caller, delivery_id)
    caller.inside.replayer.replay(caller.workspace_id, delivery["id"])
    return Json(_delivery(caller, delivery_id), 202)


@router.post("/{delivery_id}/discard")
def discard_delivery(caller: Writer, delivery_id: str, body: OptionalBody) -> Response:
    """Cancels an open delivery, with a `reason` if one is given; 409 where it is final or being sent. Scope `write`."""
    reason = _reason(body) or f"discarded by token {caller.token.name}"
    delivery = _delivery(caller, delivery_id)
    caller.inside.replayer.discard(caller.workspace_id, delivery["id"], reason)
    return Json(_delivery(caller, delivery_id))


def _delivery(caller: Caller, text: str) -> Document:
    found = caller.store.delivery(caller.workspace_id, identifier(text, _missing))
    if found is None:
        raise _missing()
    return found


def _missing() -> Problem:
    return not_found("delivery")


def _reason(body: object) -> str | None:
    reading = Reading()
    given = reading.members(object_of(body), "", ("reason",)).get("reason")
    if given is not None:
        given = reading.text(given, "reason", _MAX_REASON_CHARACTERS)
    if reading.faults:
        raise refused("The request is refused.", reading.faults)
    return given
