"""Amazon Connect's contact records: one for each contact of a call, written when that contact is complete.

A call that is transferred is several contacts, which name each other. One that names no other is the whole call. A
record is written anew when something of it changes, with a later `LastUpdateTimestamp`.
"""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.field_values import time_text
from dispatcher.sources.amazon_connect.envelopes import Record, records_in, succeed
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import duration, iso
from dispatcher.sources.posts.call_times import timed
from dispatcher.sources.posts.fields import kept, keys_of
from dispatcher.sources.posts.nested import object_in, objects_in
from dispatcher.sources.posts.said import present, said

_DIRECTIONS = {
    "INBOUND": "inbound",
    "WEBRTC_API": "inbound",
    "OUTBOUND": "outbound",
    "CALLBACK": "outbound",
    "API": "outbound",
    "EXTERNAL_OUTBOUND": "outbound",
}
"""A contact that a transfer made says nothing of which way its call went."""
_LINKS = ("InitialContactId", "PreviousContactId", "NextContactId")
_OVER = frozenset({"CUSTOMER_DISCONNECT", "THIRD_PARTY_DISCONNECT", "TELECOM_PROBLEM", "EXPIRED"})
"""Reasons after which nobody is left to talk to, whatever contact was to come next."""
_MACHINES = {
    "VOICEMAIL_BEEP": "voicemail",
    "VOICEMAIL_NO_BEEP": "voicemail",
    "SIT_TONE_BUSY": "busy",
    "SIT_TONE_INVALID_NUMBER": "failed",
    "SIT_TONE_DETECTED": "failed",
    "AMD_UNANSWERED": "missed",
}
_AVAILABLE, _GONE = "AVAILABLE", "DELETED"
_UNDERSTOOD = frozenset(
    {
        "InitiationTimestamp",
        "DisconnectTimestamp",
        "CustomerEndpoint",
        "DisconnectReason",
        "Recording",
        "MediaStreams",
    }
)


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """A part for each contact that is a call; none for chats, tasks and e-mails, for a supervisor who listens in, and
    for contact events."""
    records = records_in(posted.body)
    return [_contact(each, posted, settings) for each in records if _is_call(each)]


def _is_call(record: Record) -> bool:
    return (
        "ContactId" in record
        and record.get("Channel") in ("VOICE", None)
        and record.get("InitiationMethod") != "MONITOR"
    )


def _contact(record: Record, posted: Posted, settings: SourceSettings) -> Parsed:
    """A contact behind which another one follows is told as a leg that has not ended, so that its call waits."""
    contact_id = said(record.get("ContactId"))
    if contact_id is None:
        raise NotUnderstood("A record's ContactId is empty.")
    followed = said(record.get("NextContactId")) is not None and said(record.get("DisconnectReason")) not in _OVER
    call, ended = _call(record, contact_id), _time(record, "DisconnectTimestamp")
    if followed:
        call = {name: value for name, value in call.items() if name not in ("ended_at", "hangup_cause", "ended_by")}
        call["custom"] = {**call["custom"], "DisconnectTimestamp": record.get("DisconnectTimestamp")}
    raw = {
        "id": f"{contact_id}:{said(record.get('LastUpdateTimestamp')) or 'record'}",
        "type": "x.contact.transferred" if followed else "call.finished",
        "occurred_at": time_text(ended or posted.received_at),
        "call": present(call),
    }
    others = keys_of(*(record.get(name) for name in _LINKS))
    alone = not set(others) - {contact_id}
    return part(raw, posted.received_at, settings, keys_of(contact_id, *others), ends_call=alone)


def _call(record: Record, contact_id: str) -> dict[str, Any]:
    agent, direction = object_in(record, "Agent"), _DIRECTIONS.get(said(record.get("InitiationMethod")) or "")
    times = (_time(record, "InitiationTimestamp"), _time(agent, "ConnectedToAgentTimestamp"))
    customer, system = (_number(object_in(record, name)) for name in ("CustomerEndpoint", "SystemEndpoint"))
    reason = said(record.get("DisconnectReason"))
    return {
        "id": said(record.get("InitialContactId")) or contact_id,
        "direction": direction,
        "external_number": customer,
        "dnis": {"inbound": system, "outbound": customer}.get(direction or ""),
        "agent": present({"id": said(agent.get("Username"))}),
        "group": said(object_in(record, "Queue").get("Name")),
        "campaign": said(object_in(record, "Campaign").get("CampaignId")),
        **timed(*times, _time(record, "DisconnectTimestamp")),
        "hold_seconds": duration(agent.get("CustomerHoldDuration")),
        "outcome": _outcome(record, direction, answered=times[1] is not None),
        "ended_by": _ended_by(reason, direction),
        "hangup_cause": reason,
        "recording": _recording(record),
        "custom": kept(record, _UNDERSTOOD),
    }


def _time(record: Record, name: str) -> Any:
    return iso(record.get(name), "UTC")


def _number(endpoint: Mapping[str, Any]) -> str | None:
    return said(endpoint.get("Address")) if endpoint.get("Type") in ("TELEPHONE_NUMBER", None) else None


def _outcome(record: Record, direction: str | None, *, answered: bool) -> str | None:
    """Nothing is said of a caller who talked to the flow alone: whether that served him is the flow's to know."""
    if answered:
        return "answered"
    if direction == "outbound":
        reason = said(record.get("DisconnectReason")) or ""
        detected = _MACHINES.get(said(record.get("AnsweringMachineDetectionStatus")) or "")
        return detected or ("failed" if reason.startswith(("OUTBOUND_", "TELECOM_")) else "missed")
    queued = _time(object_in(record, "Queue"), "EnqueueTimestamp") is not None
    moved_on = said(record.get("NextContactId")) is not None
    return "abandoned" if queued and not moved_on else None


def _ended_by(reason: str | None, direction: str | None) -> str | None:
    if reason in ("CONTACT_FLOW_DISCONNECT", "TELECOM_PROBLEM", "API", "EXPIRED"):
        return "system"
    sides = {"CUSTOMER_DISCONNECT": "caller", "AGENT_DISCONNECT": "callee"}
    if direction == "outbound":
        sides = {"CUSTOMER_DISCONNECT": "callee", "AGENT_DISCONNECT": "caller"}
    return sides.get(reason or "") if direction is not None else None


def _recording(record: Record) -> dict[str, object] | None:
    """The first one that can be had. Its `url` is the path in S3 as it stands, which no browser opens."""
    given = [*objects_in(record.get("Recordings")), object_in(record, "Recording")]
    for each in given:
        if each.get("Status") == _AVAILABLE and (location := said(each.get("Location"))):
            return {"state": "available", "url": location}
    if any(each.get("Status") == _GONE for each in given):
        return {"state": "failed"}
    return {"state": "expected"} if any(said(each.get("Location")) for each in given) else None


FORMAT = Format(
    name="amazon_connect",
    parse=parse,
    auth_kinds=frozenset({"header_token", "basic", "bearer", "query_token", "token"}),
    quiet_seconds=60.0,
    succeed=succeed,
)
