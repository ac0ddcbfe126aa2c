"""Events of Asterisk's REST interface (ARI), as its websocket gives them or an application posts them on."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.asterisk.fields import DIAL_OUTCOMES, direction_of, extension_of
from dispatcher.sources.format import NotUnderstood, Posted, SourceSettings, part
from dispatcher.sources.normal.causes import outcome_of_q850
from dispatcher.sources.normal.times import duration, iso
from dispatcher.sources.posts.records import kept
from dispatcher.sources.posts.said import code, identity, present, said

_UNDERSTOOD = frozenset(
    ("type", "timestamp", "cause", "cause_txt", "channel.caller", "channel.connected", "channel.dialplan", "tech_cause")
)


def is_ari(record: Mapping[str, Any]) -> bool:
    """Whether a record is an event of ARI."""
    return isinstance(record.get("type"), str) and (
        "application" in record or "channel" in record or "recording" in record
    )


def parts_of_ari(event: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """The event as a part of its channel's call; none for one that only tells of a call under way."""
    read = _READERS.get(event["type"])
    return read(event, posted, settings) if read else []


def _ended(event: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """ChannelDestroyed, or StasisEnd, which an application sees also where it is told of nothing else."""
    channel = _object(event, "channel")
    channel_id = _channel_id(channel)
    started, ended = (
        iso(channel.get("creationtime"), settings.time_zone),
        iso(event.get("timestamp"), settings.time_zone),
    )
    cause = code(event.get("cause"))
    answered = said(channel.get("state")) == "Up"
    seconds = int((ended - started).total_seconds()) if started and ended else None
    call = {
        "id": said(channel.get("linkedid")) or channel_id,
        **_parties(channel, settings),
        "started_at": time_text(started) if started else None,
        "ended_at": time_text(ended) if ended else None,
        "duration_seconds": seconds if seconds is not None and seconds >= 0 else None,
        "outcome": "answered" if answered else outcome_of_q850(cause) if cause else None,
        "hangup_cause": said(event.get("cause_txt")),
        "q850": cause,
        "sip_code": code(event.get("tech_cause")),
        "custom": kept(event, _UNDERSTOOD),
    }
    return [_part(event, channel_id, "call.finished", call, _keys(channel), posted, settings, channel_id)]


def _dialled(event: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """Dial, once it has a result: it links the channel that was called to the one that called."""
    status = (said(event.get("dialstatus")) or "").upper()
    caller, peer = event.get("caller"), event.get("peer")
    if status not in DIAL_OUTCOMES or not isinstance(caller, dict) or not isinstance(peer, dict):
        return []
    reached = extension_of(peer.get("name"), settings) if status == "ANSWER" else None
    when = iso(event.get("timestamp"), settings.time_zone)
    call = {
        "id": said(caller.get("linkedid")) or _channel_id(caller),
        "agent": {"extension": reached} if reached else None,
        "answered_at": time_text(when) if when and status == "ANSWER" else None,
        "outcome": DIAL_OUTCOMES[status],
    }
    keys = tuple(dict.fromkeys((*_keys(caller), *_keys(peer))))
    # The leg of a peer that did not answer is over. Of an answer the caller's is under way: an application that is told
    # of no other channel sees the end of this one.
    kind, leg = ("x.ari.dial", caller) if status == "ANSWER" else ("x.ari.dial.finished", peer)
    return [_part(event, f"{_channel_id(peer)}:{status}", kind, call, keys, posted, settings, _channel_id(leg))]


def _bridged(event: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """ChannelEnteredBridge: whoever talks in one mixing bridge is in one call, and its recordings are of that call."""
    channel, bridge = _object(event, "channel"), _object(event, "bridge")
    bridge_id = said(bridge.get("id"))
    if bridge_id is None or said(bridge.get("bridge_type")) != "mixing":
        return []
    call = {"id": said(channel.get("linkedid")) or _channel_id(channel)}
    leg = _channel_id(channel)
    keys = (*_keys(channel), bridge_id)
    return [_part(event, f"{leg}:{bridge_id}", "x.ari.bridged", call, keys, posted, settings, leg)]


def _recorded(event: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    """RecordingFinished names a recording and gives no address: with `config.ari_url` it is fetched from there."""
    recording = _object(event, "recording")
    name = said(recording.get("name"))
    target = (said(recording.get("target_uri")) or "").partition(":")[2]
    if name is None or not target:
        raise NotUnderstood("The recording has no name, or no channel or bridge that it is of.")
    base = settings.config.get("ari_url")
    has_url = isinstance(base, str) and base != ""
    url = f"{str(base).rstrip('/')}/ari/recordings/stored/{quote(name, safe='')}/file" if has_url else None
    state = "failed" if event["type"] == "RecordingFailed" else "available" if has_url else "expected"
    facts = {
        "state": state,
        "url": url if state == "available" else None,
        "duration_seconds": duration(recording.get("duration")),
    }
    call = {"id": target, "recording": present(facts), "custom": kept({"recording": recording}, ())}
    kind = "call.recorded" if state == "available" else "call.updated"
    return [_part(event, name, kind, call, (target,), posted, settings)]


def _part(
    event: Mapping[str, Any],
    name: str,
    kind: str,
    call: Mapping[str, object],
    keys: tuple[str, ...],
    posted: Posted,
    settings: SourceSettings,
    leg: str | None = None,
) -> CallPart:
    """A part of a leg; without one, a fact of the call."""
    when = iso(event.get("timestamp"), settings.time_zone) or posted.received_at
    raw = {
        "id": f"ari:{event['type']}:{name}",
        "type": kind,
        "occurred_at": time_text(when),
        "call": present(call),
    }
    return part(raw, posted.received_at, settings, keys, is_fact=leg is None, leg=leg)


def _parties(channel: Mapping[str, Any], settings: SourceSettings) -> dict[str, object]:
    caller, connected = _object(channel, "caller"), _object(channel, "connected")
    plan = _object(channel, "dialplan")
    number, dialled = said(caller.get("number")), said(plan.get("exten"))
    dialled = dialled if dialled and any(each.isdigit() for each in dialled) else None
    direction = direction_of(said(plan.get("context")), dialled, None, settings)
    name = identity(caller.get("name"))
    other = identity(connected.get("number"))
    agent = {"inbound": other, "outbound": number, "internal": other or dialled}.get(direction or "")
    return {
        "direction": direction,
        "caller_name": None if name == number else name,
        "external_number": {"inbound": number, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": {"extension": agent} if agent else None,
        "account_codes": [said(channel.get("accountcode"))] if said(channel.get("accountcode")) else None,
    }


def _keys(channel: Mapping[str, Any]) -> tuple[str, ...]:
    own = _channel_id(channel)
    return tuple(dict.fromkeys((said(channel.get("linkedid")) or own, own)))


def _channel_id(channel: Mapping[str, Any]) -> str:
    found = said(channel.get("id"))
    if found is None:
        raise NotUnderstood("The event has no channel with an id.")
    return found


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


_READERS: Mapping[str, Callable[[Mapping[str, Any], Posted, SourceSettings], list[CallPart]]] = {
    "ChannelDestroyed": _ended,
    "StasisEnd": _ended,
    "Dial": _dialled,
    "ChannelEnteredBridge": _bridged,
    "RecordingFinished": _recorded,
    "RecordingFailed": _recorded,
}
