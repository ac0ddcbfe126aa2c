"""A record of RingCentral's call log, as somebody's own code posts it: the whole call, once it is over."""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Posted, SourceSettings, part
from dispatcher.sources.normal.causes import outcome_of_word
from dispatcher.sources.normal.times import duration, iso
from dispatcher.sources.posts.call_times import moved, timed
from dispatcher.sources.posts.fields import Fields, kept, keys_of
from dispatcher.sources.posts.nested import object_in
from dispatcher.sources.posts.said import present, said
from dispatcher.sources.ringcentral.parties import parties_of

_OUTCOMES = {
    "Accepted": "answered",
    "Call connected": "answered",
    "Connected": "answered",
    "Missed": "missed",
    "No Answer": "missed",
    "Hang Up": "cancelled",
    "Hang up": "cancelled",
    "Voicemail": "voicemail",
    "Busy": "busy",
    "Blocked": "rejected",
    "Declined": "rejected",
    "Rejected": "rejected",
    "Abandoned": "abandoned",
    "Call Failed": "failed",
    "Call Failure": "failed",
    "Wrong Number": "failed",
    "No Calling Credit": "failed",
    "Restricted Number": "failed",
}
_UNDERSTOOD = frozenset({"startTime", "duration", "direction", "result", "to", "from", "recording", "lastModifiedTime"})


def is_log_record(fields: Fields) -> bool:
    """Whether it has what every record of a call has, and a subscription or an extension has not."""
    return said(fields.get("sessionId")) is not None and "startTime" in fields and "id" in fields


def is_voice(fields: Fields) -> bool:
    """Fax transmissions are in the same log."""
    return fields.get("type") in ("Voice", None)


def log_part(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    """The call as a part that ends it, since nothing is in the log before it is over."""
    started, seconds = iso(fields.get("startTime"), settings.time_zone), duration(fields.get("duration"))
    ended, outcome = moved(started, seconds), _outcome(fields)
    call = {
        "id": said(fields.get("telephonySessionId")) or said(fields.get("sessionId")),
        **parties_of(fields, said(fields.get("direction"))),
        **timed(started, None, ended),
        "duration_seconds": seconds,
        "outcome": outcome,
        "hangup_cause": said(fields.get("reason")) or said(fields.get("result")),
        "recording": _recording(object_in(fields, "recording")),
        "custom": kept(fields, _UNDERSTOOD),
    }
    changed = said(fields.get("lastModifiedTime"))
    raw = {
        "id": f"{said(fields.get('id'))}:log" + (f":{changed}" if changed else ""),
        "type": "call.finished",
        "occurred_at": time_text(ended or posted.received_at),
        "call": present(call),
    }
    keys = keys_of(fields.get("telephonySessionId"), fields.get("sessionId"))
    return part(raw, posted.received_at, settings, keys, ends_call=True)


def _outcome(fields: Fields) -> str | None:
    """A caller from outside who gave up was missed."""
    result = said(fields.get("result")) or ""
    found = _OUTCOMES.get(result) or outcome_of_word(result)
    return "missed" if found == "cancelled" and fields.get("direction") == "Inbound" else found


def _recording(recording: Mapping[str, Any]) -> dict[str, object] | None:
    """`contentUri` asks for an access token of RingCentral's."""
    url = said(recording.get("contentUri"))
    if url is None:
        return {"state": "expected"} if recording else None
    return present({"state": "available", "url": url, "duration_seconds": duration(recording.get("duration"))})
