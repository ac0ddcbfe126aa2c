"""What is known of a call on one page: what its events say together, every profile's verdict, deliveries, attempts."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Protocol
from uuid import UUID

from dispatcher.ports import CallRecord, OpenCall
from dispatcher.verdicts import Catalogues, Judged, ProfileVerdict, judge_records, without_values

Document = dict[str, Any]


class Calls(Catalogues, Protocol):
    """Where calls can be looked up."""

    def call(self, workspace_id: UUID, call_id: str) -> list[CallRecord]:
        """Every event of the call, oldest first, with its deliveries."""
        ...

    def open_call(self, workspace_id: UUID, call_id: str) -> OpenCall | None:
        """What waits of a call, by its id or one of the keys of its parts."""
        ...


def page_of_call(calls: Calls, workspace_id: UUID, call_id: str) -> Document | None:
    """The page; `open` where parts of the call wait: how many, and until when at the latest unless more come. None of
    a call that nobody knows."""
    records = calls.call(workspace_id, call_id)
    waits = calls.open_call(workspace_id, call_id)
    if not records and waits is None:
        return None
    judged = judge_records(calls, records)
    shown: Document = {
        "call_id": call_id,
        "call": _assembled(judged),
        "events": [event_document(each) for each in judged],
    }
    return shown if waits is None else {**shown, "open": {"parts": waits.parts, "due_at": waits.due_at}}


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
        **{name: value for name, value in given.items() if name not in ("attempts", "attempts_log")},
        "attempts_spent": given["attempts"],
        "attempts": given["attempts_log"],
    }


def _assembled(judged: Sequence[Judged]) -> Document:
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
