"""2600Hz Kazoo's webhooks: a form or JSON for each event of a channel; `channel_destroy` is a leg's end,
and `channel_answer` says that it is under way.

A leg is `inbound` or `outbound` as the switch sees it. The one that came into the switch is the caller's; a telephone
that was rung in vain may end long before the call, and is a fact of it.
"""

from collections.abc import Mapping
from typing import Any

from dispatcher.domain.call_part import LEG_ANSWERED, CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.generic import decode_json
from dispatcher.sources.normal.addresses import address_of
from dispatcher.sources.normal.causes import outcome_of_sip, outcome_of_word
from dispatcher.sources.normal.times import duration, gregorian_seconds
from dispatcher.sources.posts.call_times import moved, timed
from dispatcher.sources.posts.fields import Fields, fields_of, kept, keys_of
from dispatcher.sources.posts.nested import object_in, records_of
from dispatcher.sources.posts.said import code, identity, present, said

_JOINING = ("call_interaction_id", "bridge_id")
"""Channel variables that all legs of a call share."""
_LONGEST_EXTENSION = 6
_UNDERSTOOD = frozenset(
    {
        "call_id",
        "timestamp",
        "duration_seconds",
        "billing_seconds",
        "ringing_seconds",
        "hangup_cause",
        "hangup_code",
        "hook_event",
        "caller_id_name",
    }
)


def parse(posted: Posted, settings: SourceSettings) -> list[Parsed]:
    """The end of a leg or its being answered as a part, the end of one that was rung in vain as a fact; none for every
    other event."""
    if posted.body.lstrip().startswith(b"["):
        given = records_of(decode_json(posted.body))
    else:
        given = [fields_of(posted)]
    if not given or any(said(each.get("hook_event")) is None for each in given):
        raise NotUnderstood("The request has no hook_event, so it is no webhook of Kazoo's.")
    read = [(_READERS.get(said(each["hook_event"]) or ""), each) for each in given]
    return [reader(each, posted, settings) for reader, each in read if reader is not None]


def _answered(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    """A leg that is under way from now on: its call is not complete before the leg's end, which says the rest."""
    leg, when = _leg_id(fields), gregorian_seconds(fields.get("timestamp"))
    raw = {
        "id": f"{leg}:answer",
        "type": LEG_ANSWERED,
        "occurred_at": time_text(when or posted.received_at),
        "call": present({"id": _call_id(fields), "answered_at": time_text(when) if when else None}),
    }
    return part(raw, posted.received_at, settings, _keys(fields), leg=leg)


def _ended(fields: Fields, posted: Posted, settings: SourceSettings) -> CallPart:
    leg, came_in, talked = _leg_id(fields), _came_in(fields), duration(fields.get("billing_seconds")) or 0
    in_vain = not came_in and said(fields.get("other_leg_call_id")) is not None and talked == 0
    keys = _keys(fields)
    ended = gregorian_seconds(fields.get("timestamp"))
    raw = {
        "id": f"{leg}:destroy",
        "type": "x.leg.finished" if in_vain else "call.finished",
        "occurred_at": time_text(ended or posted.received_at),
        "call": present({"id": _call_id(fields), **_call(fields, came_in=came_in)}),
    }
    return part(raw, posted.received_at, settings, keys, ends_call=len(keys) == 1, is_fact=in_vain, leg=leg)


def _leg_id(fields: Fields) -> str:
    found = said(fields.get("call_id"))
    if found is None:
        raise NotUnderstood("The event has no call_id.")
    return found


def _came_in(fields: Fields) -> bool:
    return said(fields.get("call_direction")) != "outbound"


def _call_id(fields: Fields) -> str:
    other = said(fields.get("other_leg_call_id"))
    return _leg_id(fields) if _came_in(fields) or other is None else other


def _keys(fields: Fields) -> tuple[str, ...]:
    joining = (_variables(fields).get(name) for name in _JOINING)
    return keys_of(fields.get("call_id"), fields.get("other_leg_call_id"), *joining)


def _call(fields: Fields, *, came_in: bool) -> dict[str, object]:
    ended, seconds = gregorian_seconds(fields.get("timestamp")), duration(fields.get("duration_seconds"))
    talked = duration(fields.get("billing_seconds")) or 0
    started = moved(ended, -seconds) if seconds is not None else None
    parties = _parties(fields) if came_in else _called(fields)
    sip = code((said(fields.get("hangup_code")) or "").removeprefix("sip:"))
    return {
        **parties,
        **timed(started, moved(ended, -talked) if talked else None, ended),
        "duration_seconds": seconds,
        "talk_seconds": talked or None,
        "ring_seconds": duration(fields.get("ringing_seconds")) if talked else None,
        "outcome": "answered" if talked else _unanswered(fields, sip, parties.get("direction")),
        "hangup_cause": said(fields.get("hangup_cause")),
        "sip_code": sip,
        "custom": kept(fields, _UNDERSTOOD),
    }


def _unanswered(fields: Fields, sip: int | None, direction: object) -> str:
    """A caller from outside who gave up was missed."""
    found = outcome_of_word(fields.get("hangup_cause")) or outcome_of_sip(sip)
    if found in (None, "answered") or (found == "cancelled" and direction == "inbound"):
        return "missed"
    return str(found)


def _parties(fields: Fields) -> dict[str, object]:
    """Of the caller's leg. One that a device or a person of the account was authorised for is the business's own."""
    caller = said(fields.get("caller_id_number")) or said(fields.get("from"))
    dialled = _user(fields, "request") or _user(fields, "to")
    ours = said(fields.get("authorizing_type")) not in (None, "resource") or said(fields.get("owner_id")) is not None
    if not ours:
        name = identity(fields.get("caller_id_name"))
        name = None if name == caller else name
        return {"direction": "inbound", "caller_name": name, "external_number": caller, "dnis": dialled}
    inside = dialled is not None and _is_extension(dialled)
    return {
        "direction": "internal" if inside else "outbound",
        "external_number": None if inside else dialled,
        "dnis": dialled,
        "agent": _agent(fields, said(fields.get("caller_id_name")), _user(fields, "from")),
    }


def _called(fields: Fields) -> dict[str, object]:
    """Of a leg that the switch made: it says who was reached, and nothing of which way the call went."""
    user = _user(fields, "to") or said(fields.get("callee_id_number"))
    if said(fields.get("owner_id")) is None and not (user and _is_extension(user)):
        return {}
    return {"agent": _agent(fields, said(fields.get("callee_id_name")), user)}


def _agent(fields: Fields, name: str | None, user: str | None) -> dict[str, object]:
    extension = user if user and _is_extension(user) else None
    name = None if name and name.lstrip("+").isdigit() else name
    return present({"id": said(fields.get("owner_id")), "name": name, "extension": extension})


def _user(fields: Fields, name: str) -> str | None:
    text = said(fields.get(name))
    return said(address_of(text).user.partition("@")[0]) if text else None


def _is_extension(user: str) -> bool:
    return user.isascii() and user.isdigit() and len(user) <= _LONGEST_EXTENSION


def _variables(fields: Fields) -> Mapping[str, Any]:
    """As an object, or as a form writes it: `custom_channel_vars[bridge_id]`."""
    written = {name: fields.get(f"custom_channel_vars[{name}]") for name in _JOINING}
    return {**written, **object_in(fields, "custom_channel_vars")}


_READERS = {"channel_answer": _answered, "channel_destroy": _ended}

FORMAT = Format(
    name="kazoo",
    parse=parse,
    auth_kinds=frozenset({"basic", "query_token", "token"}),
    methods=frozenset({"GET", "POST", "PUT"}),
    quiet_seconds=5.0,
)
