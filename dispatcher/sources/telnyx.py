"""Telnyx Call Control's webhooks: an envelope, and in it what happened to one leg of a session.

Legs are peers: nothing says which one made the others, so that each one's end is a leg of the session's call. The call
is complete when each leg that was answered has ended, and no leg has ended for a while.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.domain.call_part import LEG_ANSWERED, CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.times import iso
from dispatcher.sources.posts.fields import Fields, kept, keys_of
from dispatcher.sources.posts.own_numbers import MEMBER, direction_by_numbers, read_own_numbers
from dispatcher.sources.posts.said import code, identity, present, said

_OUTCOMES = {
    "normal_clearing": "answered",
    "time_limit": "answered",
    "user_busy": "busy",
    "call_rejected": "rejected",
    "no_answer": "missed",
    "timeout": "missed",
    "originator_cancel": "cancelled",
    "not_found": "failed",
}
"""By hangup_cause, as Telnyx lists them; `unspecified` says nothing."""
_ENDS = frozenset({"caller", "callee"})
_DIRECTIONS = {"incoming": "inbound", "outgoing": "outbound", "inbound": "inbound", "outbound": "outbound"}
_MAX_TRANSCRIPT_CHARACTERS = 100_000
_UNDERSTOOD = frozenset(
    {
        "start_time",
        "end_time",
        "hangup_cause",
        "hangup_source",
        "sip_hangup_cause",
        "state",
        "recording_urls",
        "public_recording_urls",
        "transcription_text",
        "digits",
        "digit",
        "result",
    }
)


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The end of a leg or its being answered as a part, a recording or transcript as a fact; none for the rest."""
    data = _envelope(posted)
    kind, payload = said(data.get("event_type")), data.get("payload")
    if kind is None or not isinstance(payload, dict):
        raise NotUnderstood("The body has no data.event_type and data.payload, so it is no webhook of Call Control.")
    read = _READERS.get(kind)
    if read is None:
        return []
    if said(payload.get("call_session_id") or payload.get("call_leg_id")) is None:
        raise NotUnderstood("The payload has neither call_session_id nor call_leg_id.")
    return read(data, payload, posted, settings)


def _envelope(posted: Posted) -> Fields:
    decoded = decode_json(posted.body)
    data = decoded.get("data") if isinstance(decoded, dict) else None
    if not isinstance(data, dict):
        raise NotUnderstood("The body has no object data, so it is no webhook of Call Control.")
    return data


def _hangup(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    cause = said(payload.get("hangup_cause"))
    ended = iso(payload.get("end_time"), "UTC") or iso(data.get("occurred_at"), "UTC")
    started = iso(payload.get("start_time"), "UTC")
    source = said(payload.get("hangup_source"))
    call = {
        **_parties(payload, settings),
        "started_at": _text(started),
        "ended_at": _text(ended),
        "duration_seconds": _seconds(started, ended),
        "outcome": _OUTCOMES.get((cause or "").lower()),
        "ended_by": source if source in _ENDS else None,
        "hangup_cause": cause,
        "sip_code": code(payload.get("sip_hangup_cause")),
    }
    leg = said(payload.get("call_leg_id"))
    return [_part(_raw(data, payload, "call.finished", call, posted), payload, posted, settings, leg=leg)]


def _answered(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A leg that is under way from now on: its call is not complete before the leg's end, which says the rest.

    Without the leg's id that end could not be told from another one's.
    """
    leg, when = said(payload.get("call_leg_id")), iso(data.get("occurred_at"), "UTC")
    if leg is None:
        return []
    raw = _raw(data, payload, LEG_ANSWERED, {"answered_at": _text(when)}, posted)
    raw["call"].pop("custom", None)
    return [_part(raw, payload, posted, settings, leg=leg)]


def _initiated(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """What no later record says again: which way the leg went. It is kept for the call's end, as a fact of it.

    The ends of all legs say the rest, so that nothing is kept under `custom`.
    """
    parties = _parties(payload, settings)
    if parties["direction"] is None:
        return []
    raw = _raw(data, payload, "call.updated", parties, posted)
    raw["call"].pop("custom", None)
    return [_part(raw, payload, posted, settings, is_fact=True)]


def _saved(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A recording. `public_recording_urls` need no key and come only where the account asks for them."""
    started, ended = (iso(payload.get(name), "UTC") for name in ("recording_started_at", "recording_ended_at"))
    url = _link(payload.get("public_recording_urls")) or _link(payload.get("recording_urls"))
    recording = {"state": "available" if url else "failed", "url": url, "duration_seconds": _seconds(started, ended)}
    kind = "call.recorded" if url else "call.updated"
    raw = _raw(data, payload, kind, {"recording": present(recording)}, posted)
    return [_part(raw, payload, posted, settings, is_fact=True)]


def _not_saved(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    raw = _raw(data, payload, "call.updated", {"recording": {"state": "failed"}}, posted)
    return [_part(raw, payload, posted, settings, is_fact=True)]


def _transcribed(data: Fields, payload: Fields, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    text = said(payload.get("transcription_text"))
    if text is None:
        return []
    raw = _raw(data, payload, "call.transcribed", {}, posted)
    raw["call"].setdefault("custom", {})["transcription_text"] = text[:_MAX_TRANSCRIPT_CHARACTERS]
    return [_part(raw, payload, posted, settings, is_fact=True)]


def _link(urls: object) -> str | None:
    if not isinstance(urls, dict):
        return None
    return said(urls.get("mp3")) or said(urls.get("wav"))


def _parties(payload: Fields, settings: SourceSettings) -> dict[str, object]:
    """Only `call.initiated` says the direction; of other records the business's own numbers tell it."""
    caller, dialled = said(payload.get("from")), said(payload.get("to"))
    direction = _DIRECTIONS.get(said(payload.get("direction")) or "") or direction_by_numbers(settings, caller, dialled)
    return {
        "direction": direction,
        "caller_name": identity(payload.get("caller_id_name")),
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
    }


def _raw(data: Fields, payload: Fields, kind: str, call: Mapping[str, object], posted: Posted) -> dict[str, Any]:
    """Telnyx gives each webhook an id, which its second try and its failover address keep."""
    call_id = said(payload.get("call_session_id")) or said(payload.get("call_leg_id"))
    leg = said(payload.get("call_leg_id")) or call_id
    when = iso(data.get("occurred_at"), "UTC") or posted.received_at
    return {
        "id": said(data.get("id")) or f"{leg}:{said(data.get('event_type'))}",
        "type": kind,
        "occurred_at": time_text(when),
        "call": present({"id": call_id, **call, "custom": kept(payload, _UNDERSTOOD)}),
    }


def _part(
    raw: dict[str, Any],
    payload: Fields,
    posted: Posted,
    settings: SourceSettings,
    *,
    is_fact: bool = False,
    leg: str | None = None,
) -> CallPart:
    keys = keys_of(payload.get("call_session_id"), payload.get("call_leg_id"))
    return part(raw, posted.received_at, settings, keys, is_fact=is_fact, leg=leg)


def _text(moment: datetime | None) -> str | None:
    return time_text(moment) if moment else None


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return int((end - start).total_seconds()) if start and end and end >= start else None


_READERS = {
    "call.answered": _answered,
    "call.hangup": _hangup,
    "call.initiated": _initiated,
    "call.recording.saved": _saved,
    "call.recording.error": _not_saved,
    "call.recording.transcription.saved": _transcribed,
}

FORMAT = Format(
    name="telnyx",
    parse=parse,
    auth_kinds=frozenset({"telnyx", "query_token"}),
    quiet_seconds=10.0,
    config_members=(MEMBER,),
    read_config=read_own_numbers,
)
