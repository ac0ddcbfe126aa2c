"""Zammad's generic CTI events (`newCall`, `answer`, `hangup`), which many PBXs can post, as JSON or a form.

They hold no times at all: those of receipt stand for them, and `custom.times_of_receipt` says so.
"""

from typing import Any

from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.causes import outcome_of_word
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.nested import texts_in
from dispatcher.sources.posts.said import present, said

_EVENTS = {"newCall": ("started_at", "x.call.started"), "answer": ("answered_at", "x.call.answered")}
_HANGUP = "hangup"
_DIRECTIONS = {"in": "inbound", "out": "outbound"}
_OUTCOMES = {"normalClearing": "answered", "cancel": "cancelled", "forwarded": None}
"""`normalClearing` is of a call that was answered. One that was forwarded goes on elsewhere."""
_LONGEST_EXTENSION = 8
_UNDERSTOOD = frozenset({"event", "callId", "direction", "queue", "cause"})


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A part for each event: the call's start, its answer, and its end, which is the last of it."""
    fields = fields_of(posted)
    event, call_id = said(fields.get("event")), said(fields.get("callId"))
    if event is None or call_id is None:
        raise NotUnderstood("The request has no event or no callId, so it is no CTI event.")
    if event not in _EVENTS and event != _HANGUP:
        return []
    call = {"id": call_id, **_parties(fields), "custom": {**kept(fields, _UNDERSTOOD), "times_of_receipt": True}}
    now, kind = time_text(posted.received_at), "call.finished"
    if event == _HANGUP:
        call |= {"ended_at": now, "outcome": _outcome(fields), "hangup_cause": said(fields.get("cause"))}
    else:
        name, kind = _EVENTS[event]
        call[name] = now
    raw: dict[str, Any] = {"id": f"{call_id}:{event}", "type": kind, "occurred_at": now, "call": present(call)}
    keys = keys_of(call_id, fields.get("originalCallId"))
    over = event == _HANGUP and said(fields.get("cause")) != "forwarded"
    return [part(raw, posted.received_at, settings, keys or (call_id,), ends_call=over)]


def _parties(fields: Fields) -> dict[str, object]:
    direction = _DIRECTIONS.get(said(fields.get("direction")) or "")
    caller, dialled = said(fields.get("from")), said(fields.get("to"))
    return {
        "direction": direction,
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": _agent(fields),
        "group": said(fields.get("queue")),
    }


def _agent(fields: Fields) -> dict[str, object]:
    """`answeringNumber` is whatever the PBX knows a person by: an e-mail address, an extension, a name of login."""
    named = fields.get("user[]", fields.get("user"))
    name = next(iter(texts_in(named if isinstance(named, list) else [named])), None)
    who = said(fields.get("answeringNumber"))
    if who is None:
        return present({"name": name})
    if "@" in who:
        return present({"email": who, "name": name})
    extension = who.isascii() and who.isdigit() and len(who) <= _LONGEST_EXTENSION
    return present({"extension" if extension else "id": who, "name": name})


def _outcome(fields: Fields) -> str | None:
    """A caller from outside who gave up was missed."""
    cause = said(fields.get("cause")) or ""
    found = _OUTCOMES[cause] if cause in _OUTCOMES else outcome_of_word(cause)
    return "missed" if found == "cancelled" and said(fields.get("direction")) == "in" else found


FORMAT = Format(
    name="zammad_cti",
    parse=parse,
    auth_kinds=frozenset({"basic", "query_token", "token"}),
    quiet_seconds=10.0,
)
