"""jambonz's call status webhook: JSON, or by GET the same in the query. Its final status has no time but a duration.

A leg that a call made has a `parent_call_sid`, and may end long before the call: its record is a fact of its parent's.
"""

from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.addresses import address_of
from dispatcher.sources.normal.causes import outcome_of_sip
from dispatcher.sources.normal.times import duration
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.said import code, identity, present, said

_OUTCOMES = {"completed": "answered", "busy": "busy", "no-answer": "missed", "failed": "failed"}
_UNDER_WAY = frozenset({"queued", "trying", "ringing", "early-media", "in-progress"})
_DIRECTIONS = frozenset({"inbound", "outbound"})
_ENDED_BY = {"jambonz": "system", "caller": "caller"}
_UNDERSTOOD = frozenset({"call_sid", "call_status", "sip_status", "duration", "call_termination_by"})
_NEVER_KEPT = frozenset({"digits", "speech", "dtmf"})
"""What a caller typed or said in mid-call."""
_MAX_EXTENSION_DIGITS = 6


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The end of a call as a part, of a leg as a fact; none for a call that is under way and for other webhooks."""
    fields = fields_of(posted)
    if said(fields.get("call_sid")) is None:
        raise NotUnderstood("The request has no call_sid, so it is no webhook of jambonz.")
    status = said(fields.get("call_status"))
    if status is None or status in _UNDER_WAY:
        return []
    if status not in _OUTCOMES:
        raise NotUnderstood("The call_status is none that jambonz documents.")
    return [_leg(fields, posted, settings, status) if _parent(fields) else _finished(fields, posted, settings, status)]


def _finished(fields: Fields, posted: Posted, settings: SourceSettings, status: str) -> CallPart:
    seconds, sip = duration(fields.get("duration")), code(fields.get("sip_status"))
    call = {
        **_parties(fields),
        "duration_seconds": seconds,
        "talk_seconds": seconds if status == "completed" else None,
        "outcome": _outcome(status, sip),
        "ended_by": _ENDED_BY.get(said(fields.get("call_termination_by")) or ""),
        "hangup_cause": said(fields.get("sip_reason")) if status != "completed" else status,
        "sip_code": sip,
        "custom": kept(fields, _UNDERSTOOD | _NEVER_KEPT),
    }
    return part(_raw(fields, posted, "call.finished", status, call), posted.received_at, settings, _keys(fields))


def _outcome(status: str, sip: int | None) -> str:
    """What failed is told apart by the SIP status: jambonz says `failed` of what was cancelled or refused too."""
    found = outcome_of_sip(sip) if status == "failed" and sip is not None else None
    return found if found and found != "answered" else _OUTCOMES[status]


def _leg(fields: Fields, posted: Posted, settings: SourceSettings, status: str) -> CallPart:
    """The agent is who answered under an extension or a name; a number says nothing of who sits behind it."""
    user = address_of(said(fields.get("to")) or "").user if status == "completed" else ""
    numbers = user.lstrip("+").isdigit() and len(user) > _MAX_EXTENSION_DIGITS
    agent = {"extension": user} if user and not numbers else None
    custom = {f"leg:{said(fields.get('call_sid'))}": kept(fields, _NEVER_KEPT)}
    raw = _raw(fields, posted, "call.updated", status, {"agent": agent, "custom": custom})
    raw["call"]["id"] = _parent(fields)
    return part(raw, posted.received_at, settings, _keys(fields), is_fact=True)


def _parties(fields: Fields) -> dict[str, object]:
    """A call's own leg: `outbound` there is a call that the API made."""
    direction = said(fields.get("direction"))
    direction = direction if direction in _DIRECTIONS else None
    caller, dialled = said(fields.get("from")), said(fields.get("to"))
    return {
        "direction": direction,
        "caller_name": identity(fields.get("caller_name")),
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
    }


def _parent(fields: Fields) -> str | None:
    parent = said(fields.get("parent_call_sid"))
    return None if parent == said(fields.get("call_sid")) else parent


def _keys(fields: Fields) -> tuple[str, ...]:
    return keys_of(fields.get("call_sid"), fields.get("parent_call_sid"))


def _raw(fields: Fields, posted: Posted, kind: str, status: str, call: dict[str, object]) -> dict[str, Any]:
    call_sid = said(fields.get("call_sid"))
    return {
        "id": f"{call_sid}:{status}",
        "type": kind,
        "occurred_at": time_text(posted.received_at),
        "call": present({"id": call_sid, **call}),
    }


FORMAT = Format(
    name="jambonz",
    parse=parse,
    auth_kinds=frozenset({"basic", "hmac", "query_token", "token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=3.0,
)
