"""Exotel: the Passthru applet (a GET with a query, or JSON) and the StatusCallback (a form).

Times are those of India without an offset, 1970-01-01 05:30:00 (zero there) means that there is none, and numbers are
national with a leading zero. Both kinds of post may come for one call, so that each is a part of it; the
StatusCallback says that the call is over.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import local
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.said import count, identity, present, said

_ZONE = "Asia/Kolkata"
_LAYOUTS = ("%Y-%m-%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S")
_OUTCOMES = {
    "completed": "answered",
    "busy": "busy",
    "no-answer": "missed",
    "failed": "failed",
    "canceled": "cancelled",
    "cancelled": "cancelled",
}
_BY_TYPE = {"voicemail": "voicemail", "completed": "answered", "incomplete": "missed", "client-hangup": "cancelled"}
"""By CallType, what the caller's way through the flow came to. `call-attempt` says only that a call came."""
_UNDER_WAY = frozenset({"queued", "ringing", "in-progress", "initiated", "free"})
_DIRECTIONS = {
    "incoming": "inbound",
    "inbound": "inbound",
    "outbound": "outbound",
    "outbound-dial": "outbound",
    "outbound-api": "outbound",
}
_UNDERSTOOD = frozenset(("CallSid", "StartTime", "EndTime", "RecordingUrl", "AgentEmail", "ConversationDuration"))
_NEVER_KEPT = frozenset({"digits", "Digits"})
_LEG = re.compile(r"Legs\[([0-9]{1,2})\]\[([A-Za-z]{1,40})\]")


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """One part for a post that tells of an end; none for one in mid-call."""
    fields = _with_legs(fields_of(posted))
    if said(fields.get("CallSid")) is None:
        raise NotUnderstood("The request has no CallSid, so it is neither a Passthru nor a StatusCallback of Exotel.")
    status = said(fields.get("Status"))
    if status is None:
        return _passthru(fields, posted, settings)
    if status.lower() in _UNDER_WAY or said(fields.get("EventType")) == "answered":
        return []
    if status.lower() not in _OUTCOMES:
        raise NotUnderstood("The Status is none that Exotel documents.")
    return [_part(fields, posted, settings, status.lower(), ends_call=True)]


def _passthru(fields: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """Where an applet connected somebody, DialCallStatus says what came of it; else CallType does."""
    status, kind = (said(fields.get(name)) for name in ("DialCallStatus", "CallType"))
    if status is not None and status.lower() not in _OUTCOMES and status.lower() not in _UNDER_WAY:
        raise NotUnderstood("The DialCallStatus is none that Exotel documents.")
    over = _time(fields, "EndTime", settings) is not None
    if kind in _BY_TYPE or (status is not None and status.lower() in _OUTCOMES) or over:
        return [_part(fields, posted, settings, f"passthru:{(status or kind or 'over').lower()}", ends_call=False)]
    return []


def _part(fields: Fields, posted: Posted, settings: SourceSettings, word: str, *, ends_call: bool) -> CallPart:
    started, ended = _time(fields, "StartTime", settings), _time(fields, "EndTime", settings)
    direction = _DIRECTIONS.get((said(fields.get("Direction")) or "").lower())
    outcome = _outcome(fields, direction)
    call_sid = said(fields.get("CallSid"))
    call = {
        "id": call_sid,
        "direction": direction,
        **_parties(fields, direction),
        "started_at": time_text(started) if started else None,
        "ended_at": time_text(ended) if ended else None,
        "duration_seconds": int((ended - started).total_seconds()) if started and ended and ended >= started else None,
        "talk_seconds": _talked(fields) if outcome == "answered" else None,
        "outcome": outcome,
        "hangup_cause": _cause(fields),
        "recording": _recording(fields, posted, settings),
        "custom": kept(fields, _UNDERSTOOD | _NEVER_KEPT),
    }
    stamps = (_time(fields, name, settings) for name in ("EndTime", "DateUpdated", "CurrentTime"))
    when = next((stamp for stamp in stamps if stamp), posted.received_at)
    raw: dict[str, Any] = {
        "id": f"{call_sid}:{word}",
        "type": "call.finished",
        "occurred_at": time_text(when),
        "call": present(call),
    }
    return part(raw, posted.received_at, settings, keys_of(call_sid), ends_call=ends_call)


def _outcome(fields: Fields, direction: str | None) -> str | None:
    """A caller of the business who gave up while it rang has been missed; the business's own call it cancelled."""
    kind = _BY_TYPE.get(said(fields.get("CallType")) or "")
    status = said(fields.get("Status")) or said(fields.get("DialCallStatus")) or ""
    found = "voicemail" if kind == "voicemail" else _OUTCOMES.get(status.lower()) or kind
    return "missed" if found == "cancelled" and direction == "inbound" else found


def _parties(fields: Fields, direction: str | None) -> dict[str, object]:
    """The Passthru's CallFrom and CallTo; the StatusCallback has From and To."""
    caller = said(fields.get("CallFrom")) or said(fields.get("From"))
    dialled = said(fields.get("CallTo")) or said(fields.get("To"))
    agent = {
        "extension": identity(fields.get("DialWhomNumber")) if direction == "inbound" else None,
        "email": said(fields.get("AgentEmail")),
    }
    return {
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": present(agent),
    }


def _talked(fields: Fields) -> int | None:
    """Seconds of conversation: as they are said, or those of the leg that talked longest."""
    said_so = count(fields.get("ConversationDuration"))
    of_legs = [seconds for leg in _legs(fields) if (seconds := count(leg.get("OnCallDuration"))) is not None]
    return said_so if said_so is not None else max(of_legs, default=None)


def _cause(fields: Fields) -> str | None:
    """The last leg's cause in words; Exotel has been seen to put the word into CauseCode and the number into Cause."""
    words = [said(leg.get(name)) for leg in reversed(_legs(fields)) for name in ("CauseCode", "Cause")]
    found = next((word for word in words if word and not word.isdigit()), None)
    return found or said(fields.get("DialCallStatus")) or said(fields.get("Status")) or said(fields.get("CallType"))


def _recording(fields: Fields, posted: Posted, settings: SourceSettings) -> dict[str, object] | None:
    """The link is there before the file: RecordingAvailableBy says when it can be had."""
    url = said(fields.get("RecordingUrl"))
    if url is None:
        return None
    by = _time(fields, "RecordingAvailableBy", settings)
    return {"state": "pending" if by and by > posted.received_at else "available", "url": url}


def _legs(fields: Fields) -> list[Mapping[str, Any]]:
    legs = fields.get("Legs")
    return [leg for leg in legs if isinstance(leg, dict)] if isinstance(legs, list) else []


def _with_legs(fields: Fields) -> Fields:
    """The fields with `Legs` as a list: a form writes it as `Legs[0][OnCallDuration]` and so on."""
    legs: dict[int, dict[str, Any]] = {}
    others: dict[str, Any] = {}
    for name, value in fields.items():
        match = _LEG.fullmatch(name)
        if match is None:
            others[name] = value
        else:
            legs.setdefault(int(match[1]), {})[match[2]] = value
    return {**others, "Legs": [legs[index] for index in sorted(legs)]} if legs else others


def _time(fields: Fields, name: str, settings: SourceSettings) -> datetime | None:
    """In the source's zone if it has one of its own, else in India's."""
    zone = _ZONE if settings.time_zone == "UTC" else settings.time_zone
    return local(said(fields.get(name)), zone, _LAYOUTS)


FORMAT = Format(
    name="exotel",
    parse=parse,
    auth_kinds=frozenset({"basic", "query_token", "token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=10.0,
)
