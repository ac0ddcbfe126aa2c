"""Vonage Voice's event webhook: JSON, or by GET the same in the query; `status` names what happened to a leg.

A conversation is the call, its legs have a uuid each. A recording's event knows the conversation alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import LEG_ANSWERED, CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import duration, iso
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.own_numbers import with_country_codes
from dispatcher.sources.posts.said import code, identity, present, said

_OUTCOMES = {
    "completed": "answered",
    "busy": "busy",
    "cancelled": "cancelled",
    "failed": "failed",
    "rejected": "rejected",
    "timeout": "missed",
    "unanswered": "missed",
}
_ENDED_BY = {"platform": "system"}
_DIRECTIONS = frozenset({"inbound", "outbound"})
_UNDERSTOOD = frozenset(
    {
        "conversation_uuid",
        "start_time",
        "end_time",
        "timestamp",
        "duration",
        "status",
        "sip_code",
        "recording_url",
        "dtmf",
        "speech",
        "reason",
        "original_request",
    }
)
"""`dtmf` and `speech` are what a caller typed and said. The last two are what a fallback address gets besides."""


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A leg's end or its being answered as a part, a recording or transcript as a fact; none for the rest."""
    fields, settings = fields_of(posted), with_country_codes(settings)
    if _call_id(fields) is None:
        raise NotUnderstood("The request has neither conversation_uuid nor uuid, so it is no event of Vonage's.")
    if said(fields.get("transcription_url")):
        return [_fact(fields, posted, settings, "call.transcribed", "transcribed", {})]
    if said(fields.get("recording_url")):
        return [_recorded(fields, posted, settings)]
    status = said(fields.get("status"))
    if status == "answered" and _leg(fields) is not None:
        return [_answered(fields, posted, settings)]
    if status is None or status not in _OUTCOMES:
        # The list of statuses in mid-call is long and grows: started, ringing, human, machine, input, transfer ...
        return []
    return [_finished(fields, posted, settings, status)]


def _finished(fields: Fields, posted: Posted, settings: SourceSettings, status: str) -> CallPart:
    started, ended = _time(fields, "start_time"), _time(fields, "end_time")
    when = ended or _time(fields, "timestamp")
    seconds = duration(fields.get("duration"))
    call = {
        **_parties(fields),
        "started_at": time_text(started) if started else None,
        "ended_at": time_text(when) if when else None,
        "duration_seconds": seconds,
        "talk_seconds": seconds if status == "completed" else None,
        "outcome": _OUTCOMES[status],
        "ended_by": _ENDED_BY.get(said(fields.get("disconnected_by")) or ""),
        "hangup_cause": said(fields.get("detail")) or status,
        "sip_code": code(fields.get("sip_code")),
    }
    raw = _raw(fields, posted, "call.finished", f"{_leg(fields) or _call_id(fields)}:{status}", call, when)
    return part(raw, posted.received_at, settings, _keys(fields), leg=_leg(fields))


def _answered(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    """A leg that is under way from now on: its call is not complete before the leg's end, which says the rest."""
    when = _time(fields, "timestamp")
    call = {"answered_at": time_text(when) if when else None}
    raw = _raw(fields, posted, LEG_ANSWERED, f"{_leg(fields)}:answered", call, when)
    raw["call"].pop("custom", None)
    return part(raw, posted.received_at, settings, _keys(fields), leg=_leg(fields))


def _leg(fields: Fields) -> str | None:
    return said(fields.get("uuid"))


def _recorded(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    started, ended = _time(fields, "start_time"), _time(fields, "end_time")
    seconds = int((ended - started).total_seconds()) if started and ended and ended >= started else None
    recording = {"state": "available", "url": said(fields.get("recording_url")), "duration_seconds": seconds}
    return _fact(fields, posted, settings, "call.recorded", "recorded", {"recording": present(recording)})


def _fact(
    fields: Fields, posted: Posted, settings: SourceSettings, kind: str, word: str, call: Mapping[str, object]
) -> CallPart:
    recording = said(fields.get("recording_uuid")) or _call_id(fields)
    raw = _raw(fields, posted, kind, f"{recording}:{word}", call, _time(fields, "timestamp"))
    return part(raw, posted.received_at, settings, _keys(fields), is_fact=True)


def _parties(fields: Fields) -> dict[str, object]:
    """`from_user` and `to_user` are people of the business, in Vonage's own clients."""
    direction = said(fields.get("direction"))
    direction = direction if direction in _DIRECTIONS else None
    caller, dialled = said(fields.get("from")), said(fields.get("to"))
    agent = identity(fields.get("from_user")) or identity(fields.get("to_user"))
    return {
        "direction": direction,
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": {"id": agent} if agent else None,
    }


def _call_id(fields: Fields) -> str | None:
    return said(fields.get("conversation_uuid")) or said(fields.get("uuid"))


def _keys(fields: Fields) -> tuple[str, ...]:
    return keys_of(fields.get("conversation_uuid"), fields.get("uuid"))


def _time(fields: Fields, name: str) -> datetime | None:
    return iso(fields.get(name), "UTC")


def _raw(
    fields: Fields, posted: Posted, kind: str, event_id: str, call: Mapping[str, object], when: datetime | None
) -> dict[str, Any]:
    return {
        "id": event_id,
        "type": kind,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": _call_id(fields), **call, "custom": kept(fields, _UNDERSTOOD)}),
    }


FORMAT = Format(
    name="vonage",
    parse=parse,
    auth_kinds=frozenset({"jwt", "query_token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=10.0,
)
