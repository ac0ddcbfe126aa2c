"""What Twilio and those who speak its tongue post about a call: its end, its legs, recordings and transcriptions.

A call that one leg makes by `<Dial>` is a child with a CallSid of its own. It may end long before its parent (nobody
answers, voicemail follows), so that its end says nothing of the call's: a child's record is a fact of its parent's
call, and the parent's own record is the one that finishes it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import NotUnderstood, Parsed, canonical, part
from dispatcher.sources.posts.fields import Fields, kept
from dispatcher.sources.posts.said import code, count, present, said
from dispatcher.sources.twiml import Callback, Moments, agent_behind, parties_of

_OUTCOMES = {
    "completed": "answered",
    "busy": "busy",
    "no-answer": "missed",
    "failed": "failed",
    "canceled": "cancelled",
}
_UNDER_WAY = frozenset({"queued", "initiated", "ringing", "in-progress", "answered"})
_RECORDINGS = {
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
        "TranscriptionText",
    )
)
_NEVER_KEPT = frozenset({"Digits", "FinishedOnKey", "SpeechResult", "CallToken", "StirPassportToken", "bodySHA256"})
"""What a caller typed or said in mid-call, and tokens."""
_MAX_TRANSCRIPT_CHARACTERS = 100_000


def read_callback(callback: Callback) -> list[Parsed]:
    """The parts and events of one post; none for a call that is still under way and for a request in mid-call."""
    vendor = callback.tongue.vendor
    if callback.text("CallSid") is None:
        raise NotUnderstood(f"The request has no CallSid, so it is no voice webhook of {vendor}.")
    if callback.text("TranscriptionEvent") is not None:
        return []
    if callback.text("TranscriptionText") is not None or callback.text("TranscriptionStatus") is not None:
        return _transcription(callback)
    if callback.text("RecordingStatus") is not None:
        return _recording(callback)
    status = callback.text("CallStatus")
    if status is None or status in _UNDER_WAY:
        return []
    if status not in _OUTCOMES:
        raise NotUnderstood(f"The CallStatus is none that {vendor} documents.")
    return [_child(callback, status) if callback.text("ParentCallSid") else _finished(callback, status)]


def _finished(callback: Callback, status: str) -> CallPart:
    """The call's own leg. A call from the API that nobody took ran no instructions, so that it has no children."""
    fields, moments = callback.fields, callback.tongue.moments(callback.fields)
    call = {
        **parties_of(callback),
        **_times(moments, count(fields.get("CallDuration")), answered=status == "completed"),
        "outcome": _outcome(callback, status),
        "hangup_cause": status,
        "sip_code": code(fields.get("SipResponseCode")),
        **callback.tongue.ending(fields),
        "recording": _recorded(fields, "available") if callback.text("RecordingUrl") else None,
    }
    raw = _raw(callback, "call.finished", f"{callback.call_id}:{status}", call, moments.ended)
    alone = status != "completed" and callback.text("Direction") == "outbound-api"
    return part(raw, callback.posted.received_at, callback.settings, callback.keys, ends_call=alone)


def _child(callback: Callback, status: str) -> CallPart:
    """A leg that the call made: under a name of its own in `custom`, and whoever answered it as the agent."""
    custom = {f"leg:{callback.call_id}": kept(callback.fields, _NEVER_KEPT)}
    call = {"agent": agent_behind(callback.text("To")) if status == "completed" else None, "custom": custom}
    when = callback.tongue.moments(callback.fields).ended
    raw = _raw(callback, "call.updated", f"{callback.call_id}:{status}", call, when)
    raw["call"]["id"] = callback.text("ParentCallSid")
    return part(raw, callback.posted.received_at, callback.settings, callback.keys, is_fact=True)


def _outcome(callback: Callback, status: str) -> str:
    """An answering machine that Twilio heard (AnsweredBy, on calls that ask for its detection) is voicemail."""
    by_machine = (callback.text("AnsweredBy") or "").startswith("machine")
    return "voicemail" if by_machine and status == "completed" else _OUTCOMES[status]


def _times(moments: Moments, seconds: int | None, *, answered: bool) -> dict[str, object]:
    """CallDuration runs from the moment the call was taken; a start that is not said is reckoned back from the end."""
    started = moments.started or (_before(moments.ended, seconds) if answered else None)
    return {
        "started_at": time_text(started) if started else None,
        "answered_at": time_text(moments.answered) if moments.answered else None,
        "ended_at": time_text(moments.ended) if moments.ended else None,
        "duration_seconds": _between(moments.started, moments.ended, seconds),
        "talk_seconds": seconds if answered else None,
        "ring_seconds": _between(moments.started, moments.answered, None),
    }


def _before(moment: datetime | None, seconds: int | None) -> datetime | None:
    try:
        return moment - timedelta(seconds=seconds) if moment and seconds else None
    except OverflowError:
        return None


def _between(start: datetime | None, end: datetime | None, otherwise: int | None) -> int | None:
    return int((end - start).total_seconds()) if start and end and end >= start else otherwise


def _recording(callback: Callback) -> list[Parsed]:
    """A recording's state. What `<Record>` took down is a message that somebody left, and an event of its own too."""
    status = str(callback.text("RecordingStatus"))
    recording = callback.text("RecordingSid") or f"{callback.call_id}:recording"
    when = callback.tongue.moments(callback.fields).ended
    if status == "in-progress":
        call = {**parties_of(callback), "recording": {"state": "pending"}}
        raw = _raw(callback, "recording.started", f"{recording}:{status}", call, when)
        started: CallEvent = canonical(raw, callback.posted.received_at, callback.settings)
        return [started]
    if status not in _RECORDINGS:
        return []
    kind, state = _RECORDINGS[status]
    call = {**parties_of(callback), "recording": _recorded(callback.fields, state)}
    events = [(kind, f"{recording}:{status}")]
    if state == "available" and callback.text("RecordingSource") == "RecordVerb":
        events.append(("voicemail.left", f"{recording}:voicemail"))
    return [_fact(callback, _raw(callback, kind, event_id, call, when)) for kind, event_id in events]


def _recorded(fields: Fields, state: str) -> dict[str, object]:
    available = state == "available"
    url = said(fields.get("RecordingUrl")) if available else None
    seconds = count(fields.get("RecordingDuration")) if available else None
    return present({"state": state, "url": url, "duration_seconds": seconds})


def _transcription(callback: Callback) -> list[Parsed]:
    """The text of a recording. The callback repeats the call's status, which is no news of its end."""
    text = callback.text("TranscriptionText")
    if text is None or callback.text("TranscriptionStatus") not in ("completed", None):
        return []
    transcript = callback.text("TranscriptionSid") or f"{callback.call_id}:transcription"
    raw = _raw(callback, "call.transcribed", f"{transcript}:completed", parties_of(callback), None)
    raw["call"]["custom"] = raw["call"].get("custom", {}) | {"TranscriptionText": text[:_MAX_TRANSCRIPT_CHARACTERS]}
    return [_fact(callback, raw)]


def _fact(callback: Callback, raw: dict[str, Any]) -> CallPart:
    return part(raw, callback.posted.received_at, callback.settings, callback.keys, is_fact=True)


def _raw(
    callback: Callback, kind: str, event_id: str, call: Mapping[str, object], when: datetime | None
) -> dict[str, Any]:
    """Ids are made of the vendor's own ids and the status alone, so that its retry is a duplicate."""
    without = _UNDERSTOOD | _NEVER_KEPT | callback.tongue.understood
    custom = call.get("custom") or kept(callback.fields, without)
    return {
        "id": event_id,
        "type": kind,
        "occurred_at": time_text(when or callback.posted.received_at),
        "call": present({"id": callback.call_id, **call, "custom": custom}),
    }
