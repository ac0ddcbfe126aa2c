"""Aircall's webhooks: JSON of `event`, `timestamp` and `data`, where `data` is the whole call as it is known then.

A call keeps its id through transfers. `call.ended` is its record; what comes later (recording, tags, notes) are facts.
Aircall delivers at least once and in any order, so that each event is known by the call, its name and its timestamp.
"""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.causes import outcome_of_word
from dispatcher.sources.normal.times import epoch_seconds
from dispatcher.sources.posts.call_times import timed
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.nested import object_in, texts_in
from dispatcher.sources.posts.said import present, said

_ENDS = {"call.ended": True, "call.hungup": False}
"""`call.hungup` comes first where both are subscribed to, and knows neither recording nor tags yet."""
_FACTS = {
    "call.voicemail_left": "voicemail.left",
    "call.comm_assets_generated": "call.recorded",
    "call.tagged": "call.updated",
    "call.untagged": "call.updated",
    "call.commented": "call.updated",
    "call.assigned": "call.updated",
    "call.archived": "call.updated",
}
_INSIGHTS = {
    "transcription.created": "call.transcribed",
    "summary.created": "call.updated",
    "topics.created": "call.updated",
    "sentiment.created": "call.updated",
}
"""Of Aircall's AI, about a call that they name."""
_DIRECTIONS = frozenset({"inbound", "outbound"})
_ABANDONED = frozenset({"abandoned_in_ivr", "abandoned_in_classic", "short_abandoned"})
_UNDERSTOOD = frozenset(
    {
        "id",
        "direction",
        "started_at",
        "answered_at",
        "ended_at",
        "duration",
        "raw_digits",
        "user",
        "tags",
        "hangup_cause",
        "recording",
        "voicemail",
        "recording_short_url",
        "voicemail_short_url",
        "ivr_options",
        "ivr_options_selected",
    }
)
"""The last two are the keys that a caller pressed."""


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The end of a call as a part, what is known later as a fact; none for what happens before, and for events about
    people, numbers and messages."""
    fields = fields_of(posted)
    event, data = said(fields.get("event")), fields.get("data")
    if event is None or not isinstance(data, dict):
        raise NotUnderstood("The body has no event or no data, so it is no webhook of Aircall's.")
    if event in _INSIGHTS:
        return _insight(fields, data, event, posted, settings)
    if event not in _ENDS and event not in _FACTS:
        return []
    if said(data.get("id")) is None:
        raise NotUnderstood("The data has no id, so nobody knows which call it is about.")
    if event in _ENDS:
        return [_finished(fields, data, event, posted, settings)]
    return [_fact(fields, data, event, posted, settings)]


def _finished(fields: Fields, data: Fields, event: str, posted: Posted, settings: SourceSettings) -> CallPart:
    started, answered, ended = (epoch_seconds(data.get(f"{name}_at")) for name in ("started", "answered", "ended"))
    ended = ended or epoch_seconds(fields.get("timestamp"))
    call = {
        **_parties(data),
        **timed(started, answered, ended),
        "outcome": _outcome(data),
        "hangup_cause": said(data.get("missed_call_reason")) or said(data.get("hangup_cause")),
        "recording": _recording(data) or _expected(data),
    }
    raw = _raw(fields, data, event, "call.finished", call, posted)
    return part(raw, posted.received_at, settings, _keys(data), ends_call=_ENDS[event])


def _fact(fields: Fields, data: Fields, event: str, posted: Posted, settings: SourceSettings) -> CallPart:
    recording = _recording(data)
    kind = _FACTS[event] if event != "call.comm_assets_generated" or recording else "call.updated"
    raw = _raw(fields, data, event, kind, {**_parties(data), "recording": recording}, posted)
    return part(raw, posted.received_at, settings, _keys(data), is_fact=True)


def _insight(fields: Fields, data: Fields, event: str, posted: Posted, settings: SourceSettings) -> list[Parsed]:
    call_id = said(data.get("call_id"))
    if call_id is None:
        raise NotUnderstood("The data has no call_id, so nobody knows which call it is about.")
    custom = {event.partition(".")[0]: kept(data, ("call_id", "call_uuid"))}
    raw = _raw(fields, {"id": call_id}, event, _INSIGHTS[event], {"custom": custom}, posted)
    keys = keys_of(call_id, data.get("call_uuid"))
    return [part(raw, posted.received_at, settings, keys, is_fact=True)]


def _parties(data: Fields) -> dict[str, object]:
    """`raw_digits` is the other side's number (or `anonymous`), `number` the business's line, `user` the agent."""
    direction = said(data.get("direction"))
    outside, line = said(data.get("raw_digits")), said(object_in(data, "number").get("digits"))
    user = object_in(data, "user")
    agent = {"id": said(user.get("id")), "name": said(user.get("name")), "email": said(user.get("email"))}
    return {
        "direction": direction if direction in _DIRECTIONS else None,
        "caller_name": _name(object_in(data, "contact")) if direction == "inbound" else None,
        "external_number": outside,
        "dnis": {"inbound": line, "outbound": outside}.get(direction or ""),
        "agent": present(agent),
        "group": next(iter(texts_in(data.get("teams"))), None),
        "tags": texts_in(data.get("tags")) or None,
    }


def _name(contact: Mapping[str, Any]) -> str | None:
    names = [said(contact.get("first_name")), said(contact.get("last_name"))]
    return " ".join(name for name in names if name) or said(contact.get("company_name"))


def _outcome(data: Fields) -> str:
    if epoch_seconds(data.get("answered_at")):
        return "answered"
    if said(data.get("voicemail")):
        return "voicemail"
    if said(data.get("missed_call_reason")) in _ABANDONED:
        return "abandoned"
    found = outcome_of_word(data.get("hangup_cause")) if data.get("direction") == "outbound" else None
    return found if found and found != "answered" else "missed"


def _recording(data: Fields) -> dict[str, object] | None:
    """The recording's address, else the voicemail's. Aircall lets both run out after an hour, the short ones after
    three."""
    names = ("recording", "recording_short_url", "voicemail", "voicemail_short_url")
    url = next((found for name in names if (found := said(data.get(name)))), None)
    return None if url is None else {"state": "available", "url": url}


def _expected(data: Fields) -> dict[str, object] | None:
    recorded = object_in(data, "number").get("live_recording_activated") is True
    return {"state": "expected"} if recorded and epoch_seconds(data.get("answered_at")) else None


def _keys(data: Fields) -> tuple[str, ...]:
    return keys_of(data.get("id"), data.get("call_uuid"), data.get("sid"))


def _raw(
    fields: Fields, data: Fields, event: str, kind: str, call: Mapping[str, object], posted: Posted
) -> dict[str, Any]:
    call_id, when = said(data.get("id")), epoch_seconds(fields.get("timestamp"))
    stamp = f":{said(fields.get('timestamp'))}" if event not in _ENDS and when else ""
    return {
        "id": f"{call_id}:{event.removeprefix('call.')}{stamp}",
        "type": kind,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": call_id, "custom": kept(data, _UNDERSTOOD), **call}),
    }


FORMAT = Format(
    name="aircall",
    parse=parse,
    auth_kinds=frozenset({"body_token", "query_token"}),
    quiet_seconds=60.0,
)
