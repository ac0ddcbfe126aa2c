"""A call as a vCon, the IETF's container of conversations (draft-ietf-vcon-vcon-container, unsigned form).

Made of the event alone: the same event gives the same container, and all events of a call the same `uuid`.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

from dispatcher.domain.context import Context

VERSION = "0.0.2"
MEDIA_TYPE = "application/vcon+json"
REDACTION = "names, numbers, recordings and texts removed"
_MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {"wav": "audio/x-wav", "mp3": "audio/x-mp3", "mp4": "audio/x-mp4", "m4a": "audio/x-mp4", "ogg": "audio/ogg"}
)
_DISPOSITIONS: Mapping[str, str] = MappingProxyType(
    {
        "missed": "no-answer",
        "abandoned": "hung-up",
        "busy": "busy",
        "rejected": "failed",
        "cancelled": "hung-up",
        "failed": "failed",
        "voicemail": "voicemail-no-message",
    }
)
"""The draft's words for a dialog without conversation, by our outcomes."""
_FACTS = (
    *("id", "direction", "outcome", "q850", "sip_code", "attestation"),
    *("duration_seconds", "talk_seconds", "hold_seconds", "ring_seconds"),
)
_WORDS = (
    *("report_id", "dnis", "group", "campaign", "location", "account_codes", "tags", "ended_by", "hangup_cause"),
    *("disposition", "lead_id", "custom"),
)
"""What a person or a call system may have put anything into, or what tells who somebody is."""


def vcon_of(context: Context, *, redacted: bool) -> dict[str, Any]:
    """The container of an event's call. A redacted one holds neither names, numbers, texts nor the recording's
    address; it names the full one by its `uuid`."""
    call = context["call"]
    uuid = _uuid(context, "")
    moment = context["occurred_at"]
    start = call.get("started_at", moment)
    container: dict[str, Any] = {
        "vcon": VERSION,
        "uuid": _uuid(context, "redacted") if redacted else uuid,
        "created_at": moment,
        "parties": _parties(call, redacted=redacted),
        "dialog": [_dialog(call, start, redacted=redacted)],
        "analysis": [] if redacted else _analysis(context),
        "attachments": [_facts(call, start, redacted=redacted)],
    }
    if redacted:
        container["redacted"] = {"uuid": uuid, "type": REDACTION}
    return container


def _uuid(context: Context, variant: str) -> str:
    """Of version 8 (RFC 9562, 5.8): the beginning of SHA-256 over what identifies the call."""
    source = (context.get("source") or {}).get("name", "")
    digest = hashlib.sha256(f"onhook vcon\0{variant}\0{source}\0{context['call']['id']}".encode()).digest()
    bits = int.from_bytes(digest[:16], "big")
    bits &= ~(0xF << 76) & ~(0x3 << 62)
    return str(UUID(int=bits | 0x8 << 76 | 0x2 << 62))


def _parties(call: Mapping[str, Any], *, redacted: bool) -> list[dict[str, Any]]:
    """The party outside first, then the business's person; who called is the dialog's `originator`."""
    if redacted:
        return [{"role": "customer"}, {"role": "agent"}]
    agent = call.get("agent", {})
    outside = {"tel": call.get("external_number"), "name": call.get("caller_name"), "role": "customer"}
    inside = {
        "tel": agent.get("extension") or call.get("dnis"),
        "name": agent.get("name"),
        "mailto": agent.get("email"),
        "role": "agent",
    }
    return [_present(outside), _present(inside)]


def _dialog(call: Mapping[str, Any], start: str, *, redacted: bool) -> dict[str, Any]:
    recording = call.get("recording", {})
    url = recording.get("url")
    disposition = None if url else _DISPOSITIONS.get(call.get("outcome", ""))
    dialog: dict[str, Any] = {
        "type": "incomplete" if disposition else "recording",
        "start": start,
        "duration": recording.get("duration_seconds", call.get("talk_seconds", call.get("duration_seconds"))),
        "parties": [0, 1],
        "originator": 1 if call.get("direction") == "outbound" else 0,
        "disposition": disposition,
    }
    if url and not redacted:
        filename = _filename(url)
        dialog |= {
            "url": url,
            "mediatype": _MEDIA_TYPES.get(filename.rpartition(".")[2].lower()),
            "filename": filename or None,
        }
    return _present(dialog)


def _filename(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rpartition("/")[2])
    except ValueError:
        return ""


def _analysis(context: Context) -> list[dict[str, Any]]:
    custom = context["call"].get("custom", {})
    vendor = (context.get("source") or {}).get("name", "unknown")
    return [
        {"type": kind, "dialog": 0, "vendor": vendor, "encoding": "none", "body": custom[kind]}
        for kind in ("transcript", "summary")
        if type(custom.get(kind)) is str
    ]


def _facts(call: Mapping[str, Any], start: str, *, redacted: bool) -> dict[str, Any]:
    names = _FACTS if redacted else (*_FACTS, *_WORDS)
    body = json.dumps({name: call[name] for name in names if name in call}, ensure_ascii=False, separators=(",", ":"))
    return {"type": "onhook-call", "start": start, "party": 1, "encoding": "json", "body": body}


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
