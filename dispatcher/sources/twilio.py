"""Twilio's voice webhooks: StatusCallback and RecordingStatusCallback, as a form or (by GET) in the query."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings, canonical
from dispatcher.sources.normal.causes import attestation
from dispatcher.sources.normal.times import rfc2822
from dispatcher.sources.said import code, count, identity, present, said

_OUTCOMES = {
    "completed": "answered",
    "busy": "busy",
    "no-answer": "missed",
    "failed": "failed",
    "canceled": "cancelled",
}
_UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress", "answered"})
_DIRECTIONS = {
    "inbound": "inbound",
    "outbound": "outbound",
    "outbound-api": "outbound",
    "outbound-dial": "outbound",
    "trunking-originating": "outbound",
    "trunking-terminating": "inbound",
}
_RECORDINGS = {
    "in-progress": ("recording.started", "pending"),
    "completed": ("call.recorded", "available"),
    "absent": ("call.updated", "failed"),
    "failed": ("call.updated", "failed"),
}
"""The event and the recording's state. No audio is no `call.recorded`: whoever asks for that wants a link to send."""
_UNDERSTOOD = frozenset(
    (
        "CallSid",
        "CallStatus",
        "CallDuration",
        "Timestamp",
        "CallerName",
        "SipResponseCode",
        "RecordingUrl",
        "RecordingStatus",
        "RecordingDuration",
    )
)
_NEVER_KEPT = frozenset({"Digits", "FinishedOnKey", "SpeechResult", "CallToken", "StirPassportToken", "bodySHA256"})
"""What a caller typed or said in mid-call, and tokens."""
_MAX_KEPT = 64
_MAX_KEPT_CHARACTERS = 2000


def parse(posted: Posted, settings: SourceSettings) -> list[CallEvent]:
    """One event, or none for a call that is still under way and for a mid-call request without a status."""
    fields = _fields(posted)
    if said(fields.get("CallSid")) is None:
        raise NotUnderstood("The request has no CallSid, so it is no voice webhook of Twilio.")
    if said(fields.get("RecordingStatus")) is not None:
        return [canonical(raw, posted.received_at, settings) for raw in _recording_event(fields, posted)]
    return [canonical(raw, posted.received_at, settings) for raw in _status_event(fields, posted)]


def _fields(posted: Posted) -> dict[str, str]:
    """The form's fields, or the query's where there is no body. Of a repeated name the first counts."""
    if posted.body.strip():
        pairs = parse_qsl(posted.body.decode("utf-8", "replace"), keep_blank_values=True)
    else:
        pairs = posted.query
    return dict(reversed(pairs))


def _status_event(fields: dict[str, str], posted: Posted) -> list[dict[str, Any]]:
    status = said(fields.get("CallStatus"))
    if status is None or status in _UNDER_WAY:
        return []
    if status not in _OUTCOMES:
        raise NotUnderstood("The CallStatus is none that Twilio documents.")
    ended = rfc2822(fields.get("Timestamp"))
    seconds = count(fields.get("CallDuration"))
    call = {
        **_parties(fields),
        **_ending(ended, seconds, answered=status == "completed"),
        "outcome": _OUTCOMES[status],
        "hangup_cause": status,
        "sip_code": code(fields.get("SipResponseCode")),
        "recording": _recording(fields, "available") if said(fields.get("RecordingUrl")) else None,
    }
    return [_event(fields, posted, "call.finished", f"{fields['CallSid'].strip()}:{status}", call, ended)]


def _ending(ended: datetime | None, seconds: int | None, *, answered: bool) -> dict[str, object]:
    """CallDuration runs from the moment Twilio took the call; the start is reckoned back from the end."""
    return {
        "started_at": _before(ended, seconds) if ended and seconds and answered else None,
        "ended_at": time_text(ended) if ended else None,
        "duration_seconds": seconds,
        "talk_seconds": seconds if answered else None,
    }


def _before(moment: datetime, seconds: int) -> str | None:
    try:
        return time_text(moment - timedelta(seconds=seconds))
    except OverflowError:
        return None


def _recording_event(fields: dict[str, str], posted: Posted) -> list[dict[str, Any]]:
    status = fields["RecordingStatus"].strip()
    if status not in _RECORDINGS:
        return []
    kind, state = _RECORDINGS[status]
    recording = said(fields.get("RecordingSid")) or f"{fields['CallSid'].strip()}:recording"
    call = {**_parties(fields), "recording": _recording(fields, state)}
    return [_event(fields, posted, kind, f"{recording}:{status}", call, rfc2822(fields.get("Timestamp")))]


def _recording(fields: dict[str, str], state: str) -> dict[str, object]:
    available = state == "available"
    url = said(fields.get("RecordingUrl")) if available else None
    seconds = count(fields.get("RecordingDuration")) if available else None
    return present({"state": state, "url": url, "duration_seconds": seconds})


def _parties(fields: dict[str, str]) -> dict[str, object]:
    """The outside number by the direction; a `client:` address is one of the business's own people."""
    direction = _DIRECTIONS.get(said(fields.get("Direction")) or "")
    ends = {"From": said(fields.get("From")), "To": said(fields.get("To"))}
    agent = next((end.removeprefix("client:") for end in ends.values() if end and end.startswith("client:")), None)
    outside = ends[{"inbound": "From", "outbound": "To"}[direction]] if direction else None
    return {
        "direction": direction,
        "caller_name": identity(fields.get("CallerName")),
        "external_number": None if outside and outside.startswith("client:") else outside,
        "dnis": ends["To"],
        "agent": {"id": agent} if agent else None,
        "attestation": attestation(fields.get("StirVerstat")),
    }


def _event(
    fields: dict[str, str], posted: Posted, kind: str, event_id: str, call: dict[str, object], when: datetime | None
) -> dict[str, Any]:
    """Ids are made of Twilio's own ids and the status alone, so that its retry is a duplicate."""
    return {
        "id": event_id,
        "type": kind,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": fields["CallSid"].strip(), **call, "custom": _custom(fields)}),
    }


def _custom(fields: dict[str, str]) -> dict[str, str]:
    """Every other field under Twilio's own name: ParentCallSid, AccountSid, FromCity, ForwardedFrom, ..."""
    names = [name for name in fields if name not in _UNDERSTOOD and name not in _NEVER_KEPT and fields[name]]
    return {name: fields[name][:_MAX_KEPT_CHARACTERS] for name in sorted(names)[:_MAX_KEPT]}


FORMAT = Format(
    name="twilio",
    parse=parse,
    auth_kinds=frozenset({"twilio", "basic", "token"}),
    methods=frozenset({"POST", "GET"}),
    success_status=204,
)
