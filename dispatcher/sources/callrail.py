"""CallRail's post-call and call-modified webhooks: the call's record in JSON, or its legacy subset in the query alone.

Every post is the whole call as it is known then, so that a changed one stands for those before. Which webhook it is
is not in the body: the address may say so (`?event=pre_call`).
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import duration, iso
from dispatcher.sources.posts.call_times import moved, seconds_between, timed
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.nested import is_true, texts_in
from dispatcher.sources.posts.said import identity, present, said

_BEFORE_THE_END = frozenset({"pre_call", "pre-call", "call_routing_complete", "routing_complete"})
_LEGACY = {
    "datetime": "start_time",
    "callernum": "customer_phone_number",
    "callername": "customer_name",
    "trackingnum": "tracking_phone_number",
    "destinationnum": "business_phone_number",
}
_DIRECTIONS = frozenset({"inbound", "outbound"})
_NEVER_KEPT = frozenset({"event", "keypad_entries"})
"""What the address says of the webhook, and keys that were pressed."""
_UNDERSTOOD = frozenset(
    {
        "resource_id",
        "direction",
        "customer_name",
        "customer_phone_number",
        "tracking_phone_number",
        "start_time",
        "duration",
        "answered",
        "voicemail",
        "recording",
        "recording_duration",
        "agent_email",
        "agent_name",
        "tags",
        "campaign",
        "lead_status",
        *_LEGACY,
    }
)


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The call, as a part that ends it; none for a webhook from before its end."""
    if any(name == "event" and value.lower() in _BEFORE_THE_END for name, value in posted.query):
        return []
    fields = _fields(posted)
    if _is_before_the_call(fields):
        return []
    call_id = _call_id(fields)
    if call_id is None:
        raise NotUnderstood("The request has no resource_id, id or legacy call fields, so it is no call of CallRail's.")
    raw = _raw(fields, call_id, posted, settings)
    keys = keys_of(call_id, fields.get("id"))
    return [part(raw, posted.received_at, settings, keys or (call_id,), ends_call=True)]


def _fields(posted: Posted) -> Fields:
    """The body's fields; of a request without a body the query's, under the names that the body has for them."""
    fields = fields_of(posted)
    if "trackingnum" not in fields:
        return fields
    renamed = {ours: fields[theirs] for theirs, ours in _LEGACY.items() if theirs in fields}
    return {**{name: value for name, value in fields.items() if name not in _LEGACY}, **renamed}


def _is_before_the_call(fields: Fields) -> bool:
    """A pre-call webhook has no field for the number that the call is routed to; every later one has, if only null."""
    return "resource_id" in fields and "business_phone_number" not in fields


def _call_id(fields: Fields) -> str | None:
    """CallRail's id of the call; the legacy fields have none, but a caller makes one call at a time."""
    found = said(fields.get("resource_id")) or said(fields.get("id"))
    if found is not None:
        return found
    named = [said(fields.get(name)) for name in ("start_time", "customer_phone_number", "tracking_phone_number")]
    if named[0] is None or named[2] is None:
        return None
    return "legacy-" + sha256("\n".join(each or "" for each in named).encode("utf-8", "replace")).hexdigest()[:32]


def _raw(fields: Fields, call_id: str, posted: Posted, settings: SourceSettings) -> dict[str, Any]:
    started, seconds = _start(fields, settings), duration(fields.get("duration"))
    ended = moved(started, seconds)
    times = timed(started, None, ended if seconds_between(started, ended) is not None else None)
    call = {
        "id": call_id,
        **_parties(fields),
        **times,
        "duration_seconds": seconds,
        "outcome": _outcome(fields),
        "recording": _recording(fields),
        "disposition": said(fields.get("lead_status")),
        "custom": kept(fields, _UNDERSTOOD | _NEVER_KEPT),
    }
    # The same call is posted again when it was changed, without a time of the change: its content tells them apart.
    content = posted.body if posted.body.strip() else repr(sorted(posted.query)).encode("utf-8", "replace")
    return {
        "id": f"{call_id[:200]}:{sha256(content).hexdigest()[:16]}",
        "type": "call.finished",
        "occurred_at": time_text(posted.received_at),
        "call": present(call),
    }


def _start(fields: Fields, settings: SourceSettings) -> datetime | None:
    """Its own offset, else the company's zone where it is an IANA name, else the source's."""
    text = fields.get("start_time")
    zone = said(fields.get("company_time_zone"))
    return (iso(text, zone) if zone else None) or iso(text, settings.time_zone)


def _parties(fields: Fields) -> dict[str, object]:
    """`tracking_phone_number` is the number that was called, `business_phone_number` where CallRail passes it on to."""
    stated = said(fields.get("direction"))
    direction = stated if stated in _DIRECTIONS else ("inbound" if stated is None else None)
    customer, tracking = said(fields.get("customer_phone_number")), said(fields.get("tracking_phone_number"))
    agent = {"email": said(fields.get("agent_email")), "name": said(fields.get("agent_name"))}
    place = [said(fields.get(f"customer_{name}")) for name in ("city", "state")]
    return {
        "direction": direction,
        "caller_name": identity(fields.get("customer_name")),
        "external_number": customer,
        "dnis": customer if direction == "outbound" else tracking,
        "agent": present(agent),
        "location": ", ".join(each for each in place if each) or None,
        "campaign": said(fields.get("campaign")),
        "tags": texts_in(fields.get("tags")) or None,
    }


def _outcome(fields: Fields) -> str | None:
    if is_true(fields.get("voicemail")) or fields.get("call_type") == "voicemail":
        return "voicemail"
    if fields.get("call_type") == "abandoned":
        return "abandoned"
    if "answered" not in fields or fields["answered"] is None:
        return None
    return "answered" if is_true(fields["answered"]) else "missed"


def _recording(fields: Mapping[str, Any]) -> dict[str, object] | None:
    """CallRail holds the post-call webhook back for up to 20 minutes for it; where it is missing then, it may still
    come with a call-modified one."""
    url = said(fields.get("recording")) or said(fields.get("recording_player"))
    if url is None:
        return None
    seconds = duration(fields.get("recording_duration"))
    return present({"state": "available", "url": url, "duration_seconds": seconds})


FORMAT = Format(
    name="callrail",
    parse=parse,
    auth_kinds=frozenset({"hmac", "query_token"}),
    methods=frozenset({"POST", "GET"}),
    quiet_seconds=0.0,
)
