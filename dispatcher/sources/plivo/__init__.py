"""Plivo's voice callbacks: hang-up, recording, transcription and the legs of a `<Dial>`, as a form or in the query.

The records of Plivo's REST API, which name the same things in lower case, are read as well: they are what one has
when callbacks were missed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.addresses import address_of
from dispatcher.sources.normal.times import iso, milliseconds
from dispatcher.sources.plivo.outcome import UNDER_WAY, attestation, ended_by, outcome
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.own_numbers import with_country_codes
from dispatcher.sources.posts.said import count, identity, present, said

_OF_REST = {
    "call_uuid": "CallUUID",
    "parent_call_uuid": "ParentCallUUID",
    "from_number": "From",
    "to_number": "To",
    "call_direction": "Direction",
    "call_duration": "Duration",
    "bill_duration": "BillDuration",
    "call_status": "CallStatus",
    "initiation_time": "StartTime",
    "answer_time": "AnswerTime",
    "end_time": "EndTime",
    "hangup_cause_name": "HangupCauseName",
    "hangup_cause_code": "HangupCauseCode",
    "hangup_source": "HangupSource",
    "stir_verification": "STIRVerification",
    "attestation_indicator": "STIRAttestation",
    "recording_id": "RecordingID",
    "recording_url": "RecordUrl",
    "recording_duration_ms": "RecordingDurationMs",
}
"""The callbacks' names for what the REST API calls otherwise."""
_UNDERSTOOD = frozenset(
    (
        "CallUUID",
        "Duration",
        "StartTime",
        "AnswerTime",
        "EndTime",
        "CallerName",
        "HangupCause",
        "RecordUrl",
        "RecordingDuration",
        "RecordingDurationMs",
        "transcription",
    )
)
_NEVER_KEPT = frozenset({"Digits", "DialDigitsMatch", "ConferenceDigitsMatch", "Speech"})
"""What a caller typed or said in mid-call."""
_MAX_TRANSCRIPT_CHARACTERS = 100_000


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The call's end as a part; its recordings, transcripts and legs as facts of it; none in mid-call."""
    settings = with_country_codes(settings)
    fields = {_OF_REST.get(name, name): value for name, value in fields_of(posted).items()}
    if said(fields.get("CallUUID")) is None:
        raise NotUnderstood("The request has no CallUUID, so it is no voice callback of Plivo.")
    if said(fields.get("DialBLegUUID")) and said(fields.get("DialAction")):
        return _dialled(fields, posted, settings)
    if said(fields.get("transcription")):
        return [_transcribed(fields, posted, settings)]
    if said(fields.get("RecordUrl")):
        return _recorded(fields, posted, settings)
    return _ended(fields, posted, settings)


def _ended(fields: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    status = said(fields.get("CallStatus"))
    over = said(fields.get("EndTime")) is not None or said(fields.get("Event")) == "Hangup"
    if status in UNDER_WAY or (status is None and not over):
        return []
    word = outcome(fields)
    if _parent(fields):
        return [_leg(fields, posted, settings, str(said(fields.get("CallUUID"))), answered=word == "answered")]
    started, answered, ended = (_time(fields, name, settings) for name in ("StartTime", "AnswerTime", "EndTime"))
    seconds = count(fields.get("Duration"))
    call = {
        **_parties(fields),
        "started_at": time_text(started) if started else None,
        "answered_at": time_text(answered) if answered else None,
        "ended_at": time_text(ended) if ended else None,
        "duration_seconds": _between(started, ended, seconds),
        "talk_seconds": _between(answered, ended, seconds) if word == "answered" else None,
        "ring_seconds": _between(started, answered, None),
        "outcome": word,
        "ended_by": ended_by(fields),
        "hangup_cause": said(fields.get("HangupCause")) or said(fields.get("HangupCauseName")) or status,
        "attestation": attestation(fields),
    }
    raw = _raw(fields, posted, "call.finished", f"{said(fields.get('CallUUID'))}:hangup", call, ended)
    return [part(raw, posted.received_at, settings, _keys(fields))]


def _dialled(fields: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The callback of a `<Dial>`: its own leg is the call, the one that it made the B leg."""
    if said(fields.get("DialAction")) != "hangup":
        return []
    answered = said(fields.get("DialBLegStatus")) in ("hangup", "completed") and bool(
        count(fields.get("DialBLegDuration"))
    )
    return [_leg(fields, posted, settings, str(said(fields.get("DialBLegUUID"))), answered=answered)]


def _leg(fields: Fields, posted: Posted, settings: SourceSettings, leg: str, *, answered: bool) -> CallPart:
    address = address_of(said(fields.get("DialBLegTo")) or said(fields.get("To")) or "")
    user = address.user if address.is_uri and answered else None
    call = {"agent": {"id": user} if user else None, "custom": {f"leg:{leg}": kept(fields, _NEVER_KEPT)}}
    raw = _raw(fields, posted, "call.updated", f"{leg}:hangup", call, _time(fields, "EndTime", settings))
    return part(raw, posted.received_at, settings, (*_keys(fields), *keys_of(leg)), is_fact=True)


def _recorded(fields: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A recording; none while its length is -1, which says that Plivo still records."""
    length = str(fields.get("RecordingDurationMs") or fields.get("RecordingDuration") or "")
    if length.strip().startswith("-"):
        return []
    seconds = milliseconds(fields.get("RecordingDurationMs"))
    seconds = seconds if seconds is not None else count(fields.get("RecordingDuration"))
    recording = {"state": "available", "url": said(fields.get("RecordUrl")), "duration_seconds": seconds}
    return [_fact(fields, posted, settings, "call.recorded", {"recording": present(recording)})]


def _transcribed(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    text = str(said(fields.get("transcription")))[:_MAX_TRANSCRIPT_CHARACTERS]
    custom = {**kept(fields, _UNDERSTOOD | _NEVER_KEPT), "transcription": text}
    return _fact(fields, posted, settings, "call.transcribed", {"custom": custom})


def _fact(fields: Fields, posted: Posted, settings: SourceSettings, kind: str, call: Mapping[str, object]) -> CallPart:
    recording = said(fields.get("RecordingID")) or said(fields.get("CallUUID"))
    raw = _raw(fields, posted, kind, f"{recording}:{kind.removeprefix('call.')}", call, None)
    return part(raw, posted.received_at, settings, _keys(fields), is_fact=True)


def _parties(fields: Fields) -> dict[str, object]:
    direction = said(fields.get("Direction"))
    direction = direction if direction in ("inbound", "outbound") else None
    caller, dialled = said(fields.get("From")), said(fields.get("To"))
    return {
        "direction": direction,
        "caller_name": identity(fields.get("CallerName")),
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
    }


def _parent(fields: Fields) -> str | None:
    """The call that made this leg; of an outbound call ALegUUID is its own id."""
    own = said(fields.get("CallUUID"))
    parents = (said(fields.get(name)) for name in ("ParentCallUUID", "ALegUUID", "DialALegUUID"))
    return next((parent for parent in parents if parent and parent != own), None)


def _keys(fields: Fields) -> tuple[str, ...]:
    return keys_of(fields.get("CallUUID"), _parent(fields))


def _time(fields: Fields, name: str, settings: SourceSettings) -> datetime | None:
    """`2017-05-22 17:49:40+05:30`; without an offset in the source's zone."""
    return iso(fields.get(name), settings.time_zone)


def _between(start: datetime | None, end: datetime | None, otherwise: int | None) -> int | None:
    return int((end - start).total_seconds()) if start and end and end >= start else otherwise


def _raw(
    fields: Fields, posted: Posted, kind: str, event_id: str, call: Mapping[str, object], when: datetime | None
) -> dict[str, Any]:
    custom = call.get("custom") or kept(fields, _UNDERSTOOD | _NEVER_KEPT)
    return {
        "id": event_id,
        "type": kind,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": _parent(fields) or said(fields.get("CallUUID")), **call, "custom": custom}),
    }


FORMAT = Format(
    name="plivo",
    parse=parse,
    auth_kinds=frozenset({"plivo", "basic", "query_token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=3.0,
)
