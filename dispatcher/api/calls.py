"""`GET /v1/events` and `/v1/calls/{call_id}`: what was said, what every profile made of it, and what came of that."""

from copy import deepcopy

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, id_cursor, identifier, page, without
from dispatcher.api.caller import DEFAULT_LIMIT, Cursor, Limit, Reader
from dispatcher.api.problems import not_found
from dispatcher.verdicts import Judged, ProfileVerdict, judge_records, without_values

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
    records = caller.store.call(caller.workspace_id, call_id)
    waits = caller.store.open_call(caller.workspace_id, call_id)
    if not records and waits is None:
        raise not_found("call")
    judged = judge_records(caller.store, records)
    shown: Document = {
        "call_id": call_id,
        "call": _assembled(judged),
        "events": [event_document(each) for each in judged],
    }
    return Json(shown if waits is None else {**shown, "open": {"parts": waits.parts, "due_at": waits.due_at}})


def event_document(judged: Judged) -> Document:
    """An event with its verdicts and deliveries, without what it says of the call."""
    return {
        **judged.record.event,
        "evaluated": judged.evaluated,
        "private": judged.private,
        "verdicts": [_verdict(each, private=judged.private) for each in judged.verdicts],
        "deliveries": [_delivery(each) for each in judged.record.deliveries],
    }


def call_shown(judged: Judged) -> Document:
    """What the event says of the call; of one that fired a private profile, the id alone."""
    call: Document = judged.record.context["call"]
    return {"id": call["id"]} if judged.private else call


def _verdict(given: ProfileVerdict, *, private: bool) -> Document:
    tree = given.verdict.as_dict() if given.verdict is not None else None
    return {
        "profile": given.profile,
        "revision": given.revision,
        "fired": given.fired,
        "reason": given.reason,
        "verdict": without_values(tree) if private else tree,
    }


def _delivery(given: Document) -> Document:
    """A delivery with its attempts in full in place of their number, which becomes `attempts_spent`."""
    return {
        **without(given, "attempts", "attempts_log"),
        "attempts_spent": given["attempts"],
        "attempts": given["attempts_log"],
    }


def _assembled(judged: list[Judged]) -> Document:
    """Everything known of the call: what was said later overrides what was said before."""
    merged: Document = {}
    for each in sorted(judged, key=lambda one: one.record.event["occurred_at"]):
        _merge(merged, call_shown(each))
    return merged


def _merge(into: Document, later: Document) -> None:
    for key, value in later.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = deepcopy(value)
