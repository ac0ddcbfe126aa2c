"""`GET /v1/events` and `/v1/calls/{call_id}`: what was said, what every profile made of it, and what came of that."""

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Json, id_cursor, identifier, page
from dispatcher.api.caller import DEFAULT_LIMIT, Cursor, Limit, Reader
from dispatcher.api.problems import not_found
from dispatcher.call_page import call_shown, event_document, page_of_call
from dispatcher.verdicts import judge_records

router = APIRouter(prefix="/v1", tags=["events"])


@router.get("/events")
def list_events(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Events, newest first. Scope `read`."""
    return page(caller.store.events(caller.workspace_id, id_cursor(cursor), limit))


@router.get("/events/{event_id}")
def show_event(caller: Reader, event_id: str) -> Response:
    """One event: what it said, every profile's verdict, its deliveries. Scope `read`."""
    record = caller.store.event(caller.workspace_id, identifier(event_id, lambda: not_found("event")))
    if record is None:
        raise not_found("event")
    (judged,) = judge_records(caller.store, [record])
    return Json({**event_document(judged), "call": call_shown(judged)})


@router.get("/calls/{call_id:path}", tags=["calls"])
def show_call(caller: Reader, call_id: str) -> Response:
    """One page for a call: its events, each profile's verdict with every clause, deliveries, attempts. Scope `read`.

    `open` where parts of the call wait: how many, and until when at the latest unless more come.
    """
    shown = page_of_call(caller.store, caller.workspace_id, call_id)
    if shown is None:
        raise not_found("call")
    return Json(shown)
