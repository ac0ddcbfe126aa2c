"""FreeSWITCH, as mod_json_cdr, mod_xml_cdr or a script at its event socket post it: a record for each leg that ended.

The A leg's record is the call (`call.finished`) at once, and a B leg's is kept as `x.leg.finished` under the same call
id; where `config.legs` is true (the switch has log-b-leg), legs are parts that make one call after a quiet period.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dispatcher.domain.field_values import time_text
from dispatcher.domain.shape import Reading, joined
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, canonical, part
from dispatcher.sources.freeswitch.legs import call_id, is_alone, keys_of, leg_of
from dispatcher.sources.freeswitch.outcome import ended_by, outcome
from dispatcher.sources.freeswitch.record import Record, read_record
from dispatcher.sources.normal.times import YEAR_FIRST, epoch_microseconds, epoch_seconds, is_zone, local
from dispatcher.sources.posts.said import code, count, identity, present, said

_DIRECTIONS = {"inbound": "inbound", "outbound": "outbound", "local": "internal", "internal": "internal"}
_KEPT = (
    "sip_call_id",
    "call_uuid",
    "bridge_uuid",
    "last_bridge_to",
    "originate_disposition",
    "bridge_hangup_cause",
    "sip_hangup_disposition",
    "last_app",
    "domain_name",
    "missed_call",
    "cc_side",
    "cc_cause",
    "cc_cancel_reason",
    "cc_queue_joined_epoch",
    "cc_queue_answered_epoch",
)
_MAX_NAMED = 64
"""Variables that an administrator may name besides `_KEPT`."""
_MAX_KEPT_CHARACTERS = 2000


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """One leg's record, its id `<uuid>:hangup`, so that the switch's repeat is a duplicate; nothing for an event
    that ends no leg."""
    record = read_record(posted)
    if record is None:
        return []
    leg = leg_of(record)
    raw = _raw(record, leg, posted, settings)
    if settings.config.get("legs") is not True:
        raw["type"] = "call.finished" if leg == "a" else "x.leg.finished"
        return [canonical(raw, posted.received_at, settings)]
    keys = keys_of(record)
    return [part(raw, posted.received_at, settings, keys, ends_call=is_alone(record, keys))]


def _raw(record: Record, leg: str, posted: Posted, settings: SourceSettings) -> dict[str, Any]:
    times = _times(record, settings)
    direction = _direction(record, leg, settings)
    answered = "answered_at" in times
    call = {
        "id": call_id(record, leg),
        "direction": direction,
        **_parties(record, direction),
        "agent": _agent(record, leg, direction),
        "group": record.var("cc_queue"),
        "account_codes": [record.var("accountcode")] if record.var("accountcode") else None,
        **{name: time_text(moment) for name, moment in times.items()},
        **_durations(record, times),
        "outcome": outcome(record, answered, direction),
        "ended_by": ended_by(record, leg),
        "hangup_cause": record.var("hangup_cause"),
        "q850": code(record.var("hangup_cause_q850")),
        "sip_code": _sip_code(record),
        "recording": _recording(record, answered, settings),
        "custom": _custom(record, leg, settings),
    }
    return {
        "id": f"{record.uuid}:hangup",
        "type": "call.finished",
        "occurred_at": time_text(times.get("ended_at", posted.received_at)),
        "call": present(call),
    }


def _times(record: Record, settings: SourceSettings) -> dict[str, datetime]:
    """In their order, so that an end in the hour that the clock change repeats does not lie before the start."""
    found: dict[str, datetime] = {}
    for ours, theirs in (("started_at", "start"), ("answered_at", "answer"), ("ended_at", "end")):
        moment = _time(record, theirs, settings, max(found.values(), default=None))
        if moment is not None:
            found[ours] = moment
    return found


def _time(record: Record, name: str, settings: SourceSettings, after: datetime | None) -> datetime | None:
    """From `*_uepoch` (microseconds), else `*_epoch`, else `*_stamp` (local time, no offset). 0 is "never"."""
    moment = epoch_microseconds(record.var(f"{name}_uepoch")) or epoch_seconds(record.var(f"{name}_epoch"))
    stamp = record.var(f"{name}_stamp")
    if moment is not None or stamp is None:
        return moment
    if not is_zone(settings.time_zone):
        raise NotUnderstood("The source's time zone is none of the IANA database.")
    return local(stamp, settings.time_zone, YEAR_FIRST, after=after)


def _direction(record: Record, leg: str, settings: SourceSettings) -> str | None:
    """The dialplan's word (`call_direction`, as FusionPBX sets it), else what the channel shows.

    A channel's own direction is the switch's view: `inbound` came into the switch, be it a customer's call over a
    trunk or an employee's from a telephone. So an incoming A leg is the business's `inbound` only in a public
    context; from a known user it is `internal` when a user was dialled and `outbound` otherwise. An A leg
    that the switch made itself (a dialler, click to call) is `outbound`.
    """
    stated = _DIRECTIONS.get((record.var("call_direction") or "").lower())
    if stated or leg == "b":
        return stated
    if (record.channel_direction or record.var("direction")) == "outbound":
        return "outbound"
    context = _first_said(record, "context")
    public = settings.config.get("inbound_contexts")
    if context in (public if isinstance(public, list) else ["public"]):
        return "inbound"
    if context == "default" or record.var("user_name", "sip_auth_username") is not None:
        return "internal" if record.var("dialed_user", "dialed_extension") else "outbound"
    return None


def _parties(record: Record, direction: str | None) -> dict[str, object]:
    """Who called and what was dialled, by the oldest profile: transfers inside the dialplan make newer ones."""
    shown, ani = _first_said(record, "caller_id_number"), _first_said(record, "ani")
    caller = identity(shown) or identity(ani) or shown
    dialled = _first_said(record, "destination_number") or record.var("sip_to_user")
    name = identity(_first_said(record, "caller_id_name"))
    external = {"inbound": caller, "outbound": dialled}.get(direction or "")
    return {"caller_name": None if name == caller else name, "external_number": external, "dnis": dialled}


def _first_said(record: Record, field: str) -> str | None:
    """A field of the oldest profile that has one."""
    return next((text for profile in reversed(record.profiles) if (text := said(profile.get(field)))), None)


def _agent(record: Record, leg: str, direction: str | None) -> dict[str, object]:
    """The queue's agent, and the extension: of the user who dialled out, else of the user who was dialled."""
    agent = record.var("cc_agent")
    if direction == "outbound" and leg == "a":
        extension = record.var("user_name", "sip_auth_username", "sip_from_user")
    else:
        extension = record.var("dialed_user", "dialed_extension")
    local_part = agent.partition("@")[0] if agent else ""
    return present({"id": agent, "extension": extension or (local_part if local_part.isdigit() else None)})


def _durations(record: Record, times: dict[str, datetime]) -> dict[str, object]:
    ring = count(record.variables.get("answersec"))
    return {
        "duration_seconds": _either(count(record.variables.get("duration")), times, "started_at", "ended_at"),
        "talk_seconds": _either(count(record.variables.get("billsec")), times, "answered_at", "ended_at"),
        "hold_seconds": count(record.variables.get("hold_accum_seconds")),
        "ring_seconds": _either(ring, times, "started_at", "answered_at") if "answered_at" in times else None,
    }


def _either(stated: int | None, times: dict[str, datetime], first: str, last: str) -> int | None:
    if stated is not None or first not in times or last not in times:
        return stated
    return max(0, int((times[last] - times[first]).total_seconds()))


def _sip_code(record: Record) -> int | None:
    names = ("sip_term_status", "proto_specific_hangup_cause", "last_bridge_proto_specific_hangup_cause")
    return next((found for name in names if (found := code((record.var(name) or "").removeprefix("sip:")))), None)


def _recording(record: Record, answered: bool, settings: SourceSettings) -> dict[str, object]:
    """By `record_path` and `record_name`, as FusionPBX's dialplan sets them, also for a call that nobody answered."""
    name = record.var("record_name")
    if name is None or not answered:
        return {"state": "none"}
    url = _recording_url(record.var("record_path"), name, settings)
    state = "expected" if url is None else "available"
    return present({"state": state, "url": url, "duration_seconds": count(record.variables.get("record_seconds"))})


def _recording_url(directory: str | None, name: str, settings: SourceSettings) -> str | None:
    """`recording_base_url`, then what lies behind `recording_root` in the path, then the name; None without a base."""
    base, root = settings.config.get("recording_base_url"), settings.config.get("recording_root")
    if not isinstance(base, str) or not base:
        return None
    below = ""
    if directory and isinstance(root, str) and f"{directory}/".startswith(f"{root.rstrip('/')}/"):
        below = directory[len(root.rstrip("/")) :]
    parts = [part for part in f"{below}/{name}".split("/") if part]
    return None if ".." in parts else "/".join([base.rstrip("/"), *(quote(part, safe="") for part in parts)])


def _custom(record: Record, leg: str, settings: SourceSettings) -> dict[str, Any]:
    """What has no canonical field: a fixed choice of variables, and those that `config.variables` names. Never SDP."""
    named = settings.config.get("variables")
    names = [*_KEPT, *(named[:_MAX_NAMED] if isinstance(named, list) else [])]
    kept = {name: text[:_MAX_KEPT_CHARACTERS] for name in names if isinstance(name, str) and (text := record.var(name))}
    profile = {
        "caller_id_number": _first_said(record, "caller_id_number"),
        "rdnis": _first_said(record, "rdnis"),
        "context": _first_said(record, "context"),
    }
    return {"uuid": record.uuid, "leg": leg, **present({"switch": record.switch, **profile}), **kept}


def _read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    if config.get("legs") is not None:
        reading.flag(config["legs"], joined(at, "legs"))


FORMAT = Format(
    name="freeswitch",
    parse=parse,
    auth_kinds=frozenset({"basic", "token"}),
    quiet_seconds=10,
    config_members=("legs", "recording_base_url", "recording_root", "inbound_contexts", "variables"),
    read_config=_read_config,
)
