"""Asterisk's channel event logging: `LINKEDID_END` alone says that a whole call is over.

Everything before it is news of a call under way, and gives the end its times and parties. The channel that made the
call is its first leg; that it was answered is no answer by itself, for a queue or a menu may have done it, while every
other channel that answers is somebody who took the call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.asterisk.fields import DIAL_OUTCOMES, began, direction_of, extension_of, folded, moment
from dispatcher.sources.format import NotUnderstood, Posted, SourceSettings, part
from dispatcher.sources.posts.said import code, identity, present, said

_ALIASES = {
    "eventname": "eventtype",
    "calleridname": "cidname",
    "calleridnum": "cidnum",
    "calleridani": "cidani",
    "calleridrdnis": "cidrdnis",
    "calleriddnid": "ciddnid",
    "channel": "channame",
    "application": "appname",
    "bridgepeer": "peer",
    "eventextra": "extra",
}


@dataclass(frozen=True, slots=True)
class _Event:
    """One event, its names folded, and when it was. `is_first`: it is of the channel that made the call."""

    record: Mapping[str, Any]
    when: datetime | None
    settings: SourceSettings
    is_first: bool


def is_cel(record: Mapping[str, Any]) -> bool:
    """Whether a record, its names folded, is a CEL event."""
    return ("eventtype" in record or "eventname" in record) and "uniqueid" in record and "linkedid" in record


def parts_of_cel(given: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """The event as a part of the call that its `linkedid` names; none for what says nothing of the call as a whole."""
    record = {_ALIASES.get(name, name): value for name, value in folded(given).items()}
    kind = (said(record.get("eventtype")) or "").upper()
    linked, unique = said(record.get("linkedid")), said(record.get("uniqueid"))
    if linked is None or unique is None:
        raise NotUnderstood("The CEL event lacks its linkedid or its uniqueid.")
    read = _READERS.get(kind)
    when = moment(record.get("eventtime"), settings)
    if read is None or (kind in _OF_THE_FIRST_CHANNEL and unique != linked):
        return []
    said_of_call = read(_Event(record, when, settings, unique == linked))
    if not present(said_of_call):
        return []
    ends = kind == "LINKEDID_END"
    raw = {
        "id": f"cel:{linked}:{kind}:{unique}:{said(record.get('eventtime')) or ''}",
        "type": "call.finished" if ends else f"x.cel.{kind.lower()}",
        "occurred_at": time_text(when or posted.received_at),
        "call": {"id": linked, **present(said_of_call)},
    }
    return [part(raw, posted.received_at, settings, (linked,), ends_call=ends)]


def _parties(event: _Event) -> dict[str, object]:
    caller = said(event.record.get("cidnum")) or said(event.record.get("cidani"))
    dialled = _dialled(event.record)
    direction = _direction(event)
    name = identity(event.record.get("cidname"))
    own = extension_of(event.record.get("channame"), event.settings) if direction in ("outbound", "internal") else None
    return {
        "direction": direction,
        "caller_name": None if name == caller else name,
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": {"extension": own} if own else None,
    }


def _direction(event: _Event) -> str | None:
    dialled = _dialled(event.record)
    return direction_of(said(event.record.get("context")), dialled, None, event.settings)


def _started(event: _Event) -> dict[str, object]:
    account = said(event.record.get("accountcode"))
    return {
        **_parties(event),
        "account_codes": [account] if account else None,
        "started_at": time_text(event.when) if event.when else None,
    }


def _dialled(record: Mapping[str, Any]) -> str | None:
    """What was dialled, or the extension of the dialplan, unless it is one of its own words (`s`, `h`, `i`, `t`)."""
    words = (said(record.get("ciddnid")), said(record.get("exten")))
    return next((word for word in words if word and any(each.isdigit() for each in word)), None)


def _answered(event: _Event) -> dict[str, object]:
    """Of the first channel it counts from the call's beginning, so that this is the call's first leg."""
    channel = said(event.record.get("channame")) or ""
    if channel.startswith("Local/") and channel.endswith(";2"):
        return {}  # this half of a local channel only runs the dialplan
    extension = extension_of(channel, event.settings)
    answered = {"answered_at": time_text(event.when) if event.when else None, "outcome": "answered"}
    if not event.is_first:
        return {**answered, "agent": {"extension": extension} if extension else None}
    started = began(said(event.record.get("linkedid")))
    return {**_parties(event), **answered, **_group(event), "started_at": time_text(started) if started else None}


def _group(event: _Event) -> dict[str, object]:
    """The queue that the channel is in."""
    if (said(event.record.get("appname")) or "").lower() != "queue":
        return {}
    return {"group": said((said(event.record.get("appdata")) or "").partition(",")[0])}


def _hung_up(event: _Event) -> dict[str, object]:
    """`extra` is JSON since Asterisk 13, and was `cause,source,dialstatus`."""
    extra = event.record.get("extra")
    text = said(extra) or ""
    if text.startswith("{"):
        try:
            extra = orjson.loads(text)
        except orjson.JSONDecodeError:
            extra = None
    if not isinstance(extra, dict):
        extra = dict(zip(("hangupcause", "hangupsource", "dialstatus"), text.split(",", 3), strict=False))
    status = (said(extra.get("dialstatus")) or "").upper()
    gave_up = status == "CANCEL" and _direction(event) == "inbound"
    return {
        **_group(event),
        "q850": code(extra.get("hangupcause")),
        "outcome": "missed" if gave_up else DIAL_OUTCOMES.get(status),
        "hangup_cause": status or None,
    }


def _ended(event: _Event) -> dict[str, object]:
    started = began(said(event.record.get("linkedid")))
    seconds = int((event.when - started).total_seconds()) if event.when and started else None
    return {
        "direction": _direction(event),
        "started_at": time_text(started) if started else None,
        "ended_at": time_text(event.when) if event.when else None,
        "duration_seconds": seconds if seconds is not None and seconds >= 0 else None,
        "custom": present(
            {"channame": said(event.record.get("channame")), "userfield": said(event.record.get("userfield"))}
        ),
    }


_Read = Callable[[_Event], dict[str, object]]
_OF_THE_FIRST_CHANNEL = frozenset({"CHAN_START", "HANGUP"})
_READERS: Mapping[str, _Read] = {
    "CHAN_START": _started,
    "ANSWER": _answered,
    "HANGUP": _hung_up,
    "LINKEDID_END": _ended,
}
