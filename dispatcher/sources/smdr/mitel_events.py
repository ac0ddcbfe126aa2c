"""A line of MiVoice Office's IP SMDR (Communication Service): an event of a trunk call, fields apart by a space."""

import re
from collections.abc import Sequence
from datetime import datetime

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import NotUnderstood, SourceSettings, part
from dispatcher.sources.normal.times import iso
from dispatcher.sources.posts.said import present, said

_CALL_ID = re.compile(r"[0-9A-Za-z]{8,40}")
_FEWEST_PIECES = 5
_DIRECTIONS = {"IN": "inbound", "OUT": "outbound", "INT": "internal"}
_UNDER_WAY = frozenset({"RINGING", "HOLD", "CONNECTED", "CALLCONNECTED", "DIVERTED", "TRANSFERRED"})
_ENDS = frozenset({"CLEARED", "CALLCLEARED", "ENDED", "COMPLETED", "DISCONNECTED", "ABANDONED", "IDLE"})


def is_event(text: str) -> bool:
    """Whether a line is an event and no record in columns."""
    return text[4:5] == "-" and text.rstrip().endswith("|")


def event_of_line(text: str, settings: SourceSettings, received_at: datetime) -> Sequence[CallPart]:
    """The answer or the end of a call as a part of it; nothing for other news of a call under way."""
    pieces = [each.strip() for each in text.split("|")]
    words = pieces[2].split() if len(pieces) >= _FEWEST_PIECES else []
    when = iso(pieces[0], settings.time_zone)
    if not words or when is None or _CALL_ID.fullmatch(words[0]) is None:
        raise NotUnderstood("The line is no event of IP SMDR: date, |direction|, call id, parties, |event|.")
    direction, event, call_id = pieces[1], pieces[-2], words[0]
    if event in _UNDER_WAY:
        return []
    if event != "ANSWERED" and event not in _ENDS:
        raise NotUnderstood("The line's event is none that is known.")
    padding = settings.config.get("padding", "0")
    # In the order of the published example: trunk, extension, extension before, outside number, each padded in front.
    padded = [each.lstrip(padding) if isinstance(padding, str) else each for each in words[1:5]]
    trunk, extension, before, outside = [*padded, *[""] * 4][:4]
    told = _DIRECTIONS.get(direction)
    over = event in _ENDS
    call = {
        "id": call_id,
        "direction": told,
        "external_number": said(outside) if told != "internal" else None,
        "dnis": said(outside) if told == "outbound" else None,
        "agent": {"extension": extension} if said(extension) else None,
        "answered_at": None if over else time_text(when),
        "ended_at": time_text(when) if over else None,
        "outcome": "abandoned" if event == "ABANDONED" else None if over else "answered",
        "hangup_cause": event if over else None,
        "custom": present({"trunk": said(trunk), "source_extension": said(before)}),
    }
    raw = {
        "id": f"{call_id}:{event}",
        "type": "call.finished" if over else "x.mitel.answered",
        "occurred_at": time_text(when),
        "call": present(call),
    }
    return [part(raw, received_at, settings, (call_id,), ends_call=over)]
