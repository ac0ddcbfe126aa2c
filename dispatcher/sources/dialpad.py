"""Dialpad's call events: JSON, or the same as the claims of a JSON Web Token that is the whole body.

Each leg of a call posts a state whenever it changes. Legs know each other by `entry_point_call_id`, `master_call_id`
and `operator_call_id`, no one of which is on all of them. A leg of a group that nobody answered may end long before
the call does: it is a fact of its call.
"""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.authentication.json_web_token import claims_in
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.times import epoch_milliseconds, milliseconds
from dispatcher.sources.posts.call_times import timed
from dispatcher.sources.posts.fields import Fields, kept, keys_of
from dispatcher.sources.posts.nested import is_true, object_in, objects_in, texts_in
from dispatcher.sources.posts.said import identity, present, said

_ENDED = frozenset({"hangup", "missed"})
_FACTS = {
    "voicemail": "voicemail.left",
    "voicemail_uploaded": "voicemail.left",
    "recording": "call.recorded",
    "call_transcription": "call.transcribed",
    "transcription": "call.transcribed",
    "dispositions": "call.disposed",
    "recap_summary": "call.updated",
    "csat": "call.updated",
}
_CALL_IDS = ("call_id", "entry_point_call_id", "master_call_id", "operator_call_id")
_UNDERSTOOD = frozenset(
    {
        "call_id",
        "direction",
        "external_number",
        "date_started",
        "date_connected",
        "date_ended",
        "talk_time",
        "hold_time",
        "total_duration",
        "labels",
        "event_timestamp",
        "iat",
        "exp",
        "routing_breadcrumbs",
    }
)
"""The last one holds the keys that a caller pressed on his way."""


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A leg's end or its being answered as a part, what is known later as a fact; none for every other state."""
    fields = _claims(posted.body)
    state = said(fields.get("state"))
    if said(fields.get("call_id")) is None or state is None:
        raise NotUnderstood("The body has no call_id or no state, so it is no call event of Dialpad's.")
    if state in _ENDED:
        return [_leg(fields, state, posted, settings)]
    if state == "connected":
        return [_under_way(fields, posted, settings)]
    return [_fact(fields, state, posted, settings)] if state in _FACTS else []


def _claims(body: bytes) -> Fields:
    """The object that was posted. Whether a token is signed as it should be is the authentication's to say."""
    decoded = claims_in(body) or decode_json(body)
    if not isinstance(decoded, dict):
        raise NotUnderstood("The body is no JSON object.")
    return decoded


def _leg(fields: Fields, state: str, posted: Posted, settings: SourceSettings) -> CallPart:
    outcome = _outcome(fields, state)
    lost = outcome != "answered" and _is_second(fields)
    call = {**_parties(fields), **_times(fields), "outcome": outcome, "hangup_cause": state}
    call["recording"] = _recording(fields)
    raw = _raw(fields, f"{state}", "x.leg.finished" if lost else "call.finished", call, posted)
    return part(raw, posted.received_at, settings, _keys(fields), is_fact=lost, leg=_leg_id(fields))


def _under_way(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    """A conversation that has begun: its call is not complete before it ends, however quiet it is."""
    times = {name: value for name, value in _times(fields).items() if name in ("started_at", "answered_at")}
    raw = _raw(fields, "connected", "x.leg.connected", {**_parties(fields), **times}, posted)
    return part(raw, posted.received_at, settings, _keys(fields), leg=_leg_id(fields))


def _leg_id(fields: Fields) -> str | None:
    return said(fields.get("call_id"))


def _fact(fields: Fields, state: str, posted: Posted, settings: SourceSettings) -> CallPart:
    recording, kind = _recording(fields), _FACTS[state]
    if kind == "call.recorded" and (recording is None or recording["state"] != "available"):
        kind = "call.updated"
    stamp = said(fields.get("event_timestamp"))
    raw = _raw(fields, f"{state}:{stamp}" if stamp else state, kind, {"recording": recording}, posted)
    return part(raw, posted.received_at, settings, _keys(fields), is_fact=True)


def _is_second(fields: Fields) -> bool:
    """Whether it is a leg that the call was brought to, and not the one that the caller came in by."""
    first = [said(fields.get(name)) for name in ("entry_point_call_id", "master_call_id")]
    return any(each is not None and each != said(fields.get("call_id")) for each in first)


def _is_answered(fields: Fields) -> bool:
    """By a person: a queue or a menu that picks up has `date_connected` too, but no operator."""
    person = object_in(fields, "target").get("type") == "user" or said(fields.get("operator_call_id")) is not None
    return person and epoch_milliseconds(fields.get("date_connected")) is not None


def _outcome(fields: Fields, state: str) -> str:
    if state == "hangup" and _is_answered(fields):
        return "answered"
    if said(fields.get("voicemail_link")) or said(fields.get("voicemail_recording_id")):
        return "voicemail"
    waited = epoch_milliseconds(fields.get("date_queued")) or epoch_milliseconds(fields.get("date_connected"))
    return "abandoned" if waited and fields.get("direction") == "inbound" and state == "hangup" else "missed"


def _times(fields: Fields) -> dict[str, object]:
    answered = epoch_milliseconds(fields.get("date_connected")) if _is_answered(fields) else None
    found = timed(
        epoch_milliseconds(fields.get("date_started")), answered, epoch_milliseconds(fields.get("date_ended"))
    )
    stated = {
        "duration_seconds": milliseconds(fields.get("total_duration")),
        "talk_seconds": milliseconds(fields.get("talk_time")) if answered else None,
        "hold_seconds": milliseconds(fields.get("hold_time")),
    }
    return {**found, **present(stated)}


def _parties(fields: Fields) -> dict[str, object]:
    """`target` is the business's side: a person, or the group that was called. `contact` is the other side."""
    target, contact, entry = (object_in(fields, name) for name in ("target", "contact", "entry_point_target"))
    direction = said(fields.get("direction"))
    direction = direction if direction in ("inbound", "outbound") else None
    outside, inside = said(fields.get("external_number")), identity(fields.get("internal_number"))
    internal = is_true(fields.get("is_internal"))
    person = {name: said(target.get(name)) for name in ("id", "name", "email")}
    groups = [said(each.get("name")) for each in (target, entry) if said(each.get("type")) not in (None, "user")]
    return {
        "direction": "internal" if internal else direction,
        "caller_name": _name(contact) if direction == "inbound" else None,
        "external_number": None if internal else outside,
        "dnis": {"inbound": inside, "outbound": outside}.get(direction or ""),
        "agent": present(person) if target.get("type") == "user" else None,
        "group": next((name for name in groups if name), None),
        "tags": texts_in(fields.get("labels")) or None,
    }


def _name(contact: Mapping[str, Any]) -> str | None:
    """A contact without a name is named by its number."""
    name = identity(contact.get("name"))
    return name if name and any(map(str.isalpha, name)) else None


def _recording(fields: Fields) -> dict[str, object] | None:
    for each in objects_in(fields.get("recording_details")):
        if url := said(each.get("url")):
            return present({"state": "available", "url": url, "duration_seconds": milliseconds(each.get("duration"))})
    url = said(fields.get("recording_url")) or said(fields.get("voicemail_link"))
    if url is not None:
        return {"state": "available", "url": url}
    return {"state": "expected"} if is_true(fields.get("was_recorded")) else None


def _keys(fields: Fields) -> tuple[str, ...]:
    return keys_of(*(fields.get(name) for name in _CALL_IDS))


def _call_id(fields: Fields) -> str | None:
    names = ("entry_point_call_id", "master_call_id", "call_id")
    return next((found for name in names if (found := said(fields.get(name)))), None)


def _raw(fields: Fields, what: str, kind: str, call: Mapping[str, object], posted: Posted) -> dict[str, Any]:
    when = epoch_milliseconds(fields.get("event_timestamp")) or epoch_milliseconds(fields.get("date_ended"))
    return {
        "id": f"{said(fields.get('call_id'))}:{what}",
        "type": kind,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": _call_id(fields), "custom": kept(fields, _UNDERSTOOD), **call}),
    }


FORMAT = Format(
    name="dialpad",
    parse=parse,
    auth_kinds=frozenset({"jwt", "query_token"}),
    quiet_seconds=10.0,
)
