"""Asterisk's call detail record: one for each pair of parties that talked or rang, so that a call has several."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.asterisk.fields import caller_of, direction_of, extension_of, folded, moment
from dispatcher.sources.format import NotUnderstood, Posted, SourceSettings, part
from dispatcher.sources.posts.records import kept
from dispatcher.sources.posts.said import count, identity, present, said

_ALIASES = {
    "source": "src",
    "destination": "dst",
    "destinationcontext": "dcontext",
    "callerid": "clid",
    "destinationchannel": "dstchannel",
    "lastapplication": "lastapp",
    "starttime": "start",
    "calldate": "start",
    "answertime": "answer",
    "endtime": "end",
    "billableseconds": "billsec",
}
"""Names of the manager's event Cdr and of usual databases, as `folded` writes them."""
_OUTCOMES = {"ANSWERED": "answered", "NO ANSWER": "missed", "BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed"}
_UNDERSTOOD = frozenset(
    (
        "src",
        "dst",
        "clid",
        "start",
        "answer",
        "end",
        "duration",
        "billsec",
        "disposition",
        "accountcode",
        "cnam",
        "event",
    )
)
_IDENTITY = ("uniqueid", "dst", "dstchannel", "start", "answer", "end", "duration", "billsec", "disposition")


def is_cdr(record: Mapping[str, Any]) -> bool:
    """Whether a record, its names folded, is a CDR."""
    return "disposition" in record and "uniqueid" in record


def part_of_cdr(given: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> CallPart:
    """The record as a leg of the call that its `linkedid` names. Raises `NotUnderstood`."""
    record = {_ALIASES.get(name, name): value for name, value in folded(given).items()}
    unique = said(record.get("uniqueid"))
    if unique is None:
        raise NotUnderstood("The CDR has no uniqueid: cdr_csv writes it with loguniqueid=yes.")
    linked = said(record.get("linkedid")) or unique
    times = _times(record, settings)
    ended = times.get("ended_at", posted.received_at)
    raw = {
        "id": f"cdr:{_record_id(record, unique)}",
        "type": "call.finished",
        "occurred_at": time_text(ended),
        "call": present(
            {
                "id": linked,
                **_parties(record, settings),
                **{name: time_text(each) for name, each in times.items()},
                **_ending(record),
                "group": _queue(record),
                "account_codes": [said(record.get("accountcode"))] if said(record.get("accountcode")) else None,
                "recording": _recording(record, settings),
                "custom": kept(given, [name for name in given if _understood(name)]),
            }
        ),
    }
    return part(raw, posted.received_at, settings, tuple(dict.fromkeys((linked, unique))))


def _times(record: Mapping[str, Any], settings: SourceSettings) -> dict[str, datetime]:
    """In their order; a call that nobody answered has an answer only where its channel was answered for music."""
    found: dict[str, datetime] = {}
    for ours, theirs in (("started_at", "start"), ("answered_at", "answer"), ("ended_at", "end")):
        when = moment(record.get(theirs), settings, max(found.values(), default=None))
        if when is not None and (theirs != "answer" or _disposition(record) == "ANSWERED"):
            found[ours] = when
    return found


def _understood(name: str) -> bool:
    [folded_name] = folded({name: None})
    return _ALIASES.get(folded_name, folded_name) in _UNDERSTOOD


def _record_id(record: Mapping[str, Any], unique: str) -> str:
    """The triple that identifies a record where its `sequence` is given, else a hash of what does not change."""
    sequence = said(record.get("sequence"))
    if sequence is not None:
        return f"{unique}:{sequence}"
    text = "\n".join(str(record.get(name) or "").strip() for name in _IDENTITY)
    return f"{unique}:{sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _parties(record: Mapping[str, Any], settings: SourceSettings) -> dict[str, object]:
    name, number = caller_of(record.get("clid"))
    caller = said(record.get("cnum")) or said(record.get("src")) or number
    did, dialled = said(record.get("did")), said(record.get("dst"))
    direction = direction_of(said(record.get("dcontext")), dialled, did, settings)
    reached = extension_of(record.get("dstchannel"), settings)
    agent = {"outbound": caller, "internal": reached or dialled}.get(direction or "", reached)
    return {
        "direction": direction,
        "caller_name": identity(record.get("cnam")) or name,
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": did or dialled,
        "agent": {"extension": agent} if agent else None,
    }


def _disposition(record: Mapping[str, Any]) -> str:
    return (said(record.get("disposition")) or "").upper().replace("_", " ")


def _ending(record: Mapping[str, Any]) -> dict[str, object]:
    disposition = _disposition(record)
    outcome = _OUTCOMES.get(disposition)
    if outcome == "answered" and (said(record.get("lastapp")) or "").lower() == "voicemail":
        outcome = "voicemail"
    duration, talk = count(record.get("duration")), count(record.get("billsec"))
    rang = duration - talk if disposition == "ANSWERED" and duration is not None and talk is not None else None
    return {
        "duration_seconds": duration,
        "talk_seconds": talk,
        "ring_seconds": rang if rang is None or rang >= 0 else None,
        "outcome": outcome,
        "hangup_cause": disposition or None,
    }


def _queue(record: Mapping[str, Any]) -> str | None:
    if (said(record.get("lastapp")) or "").lower() != "queue":
        return None
    return said((said(record.get("lastdata")) or "").partition(",")[0])


def _recording(record: Mapping[str, Any], settings: SourceSettings) -> dict[str, object] | None:
    """By the column that `config.recording_column` names, FreePBX's `recordingfile` if not set: a file's name."""
    column = settings.config.get("recording_column", "recordingfile")
    [folded_name] = folded({column: None}) if isinstance(column, str) else ("",)
    name, base = said(record.get(folded_name)), settings.config.get("recording_base_url")
    if name is None or _disposition(record) != "ANSWERED":
        return None
    parts = [each for each in name.split("/") if each]
    if not isinstance(base, str) or not base or ".." in parts:
        return {"state": "expected"}
    return {"state": "available", "url": "/".join([base.rstrip("/"), *(quote(each, safe="") for each in parts)])}
