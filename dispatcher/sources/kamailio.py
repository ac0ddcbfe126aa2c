"""Kamailio: a call's end as a script sends it through evapi, and the transactions that acc_json accounts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.domain.shape import Reading, joined
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings, part
from dispatcher.sources.normal.causes import outcome_of_sip
from dispatcher.sources.normal.layouts import layout_fault
from dispatcher.sources.normal.numbers import is_extension
from dispatcher.sources.normal.times import duration, epoch_seconds, iso, local
from dispatcher.sources.posts.records import SCRIPTED_KINDS, kept, records_of
from dispatcher.sources.posts.said import code, present, said

_CALLER = ("src_user", "caller", "from_user", "cgr_subject", "cgr_account")
_CALLED = ("dst_user", "callee", "to_user", "dst_ouser", "cgr_destination", "r_user")
_DIRECTIONS = {"inbound": "inbound", "outbound": "outbound", "internal": "internal", "in": "inbound", "out": "outbound"}
_UNDERSTOOD = frozenset(
    ("event", "method", "callid", "cgr_duration", "cgr_answertime", "sip_code", "sip_reason", "time")
)
_CHALLENGES = frozenset((401, 407))
"""The caller is asked who it is, and calls again."""
_UTC_MODE = 4


def parse(posted: Posted, settings: SourceSettings) -> Sequence[CallPart]:
    """The parts of calls in a post; none for what is no INVITE and no BYE. Raises `NotUnderstood`."""
    return [each for record in records_of(posted) for each in _parts(record, posted, settings)]


def _parts(record: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[CallPart]:
    call_id = said(record.get("callid"))
    if call_id is None:
        raise NotUnderstood("The record has no callid.")
    event, method = said(record.get("event")), (said(record.get("method")) or "").upper()
    if event is not None and event.endswith("CALL_END"):
        return [_call_end(call_id, record, posted, settings)]
    if method in ("INVITE", "BYE"):
        return _transaction(call_id, method, record, posted, settings)
    if event is not None or method:
        return []
    raise NotUnderstood("The record is no event (event) and no transaction (method) of Kamailio.")


def _call_end(call_id: str, record: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> CallPart:
    """`*_CALL_END` of evapi: the whole call, with the moment of the answer and the seconds since."""
    answered, seconds = epoch_seconds(record.get("cgr_answertime")), duration(record.get("cgr_duration"))
    ended = _later(answered, seconds)
    sip = code(record.get("cgr_disconnectcause"))
    call = {
        **_parties(record, settings),
        "answered_at": time_text(answered) if answered else None,
        "ended_at": time_text(ended) if ended else None,
        "talk_seconds": seconds if answered else None,
        "ring_seconds": duration(record.get("cgr_pdd")) if answered else None,
        "outcome": "answered" if answered else outcome_of_sip(sip) if sip else None,
        "sip_code": sip,
    }
    return _part(call_id, record, "end", call, ended or posted.received_at, posted, settings, ends_call=True)


def _transaction(
    call_id: str, method: str, record: Mapping[str, Any], posted: Posted, settings: SourceSettings
) -> list[CallPart]:
    """A transaction of acc_json: an accepted INVITE is the answer, another one a failed branch, a BYE the end."""
    sip = code(record.get("sip_code"))
    when = _time(record, settings)
    accepted = sip is not None and 200 <= sip < 300
    if sip is None or sip < 200 or sip in _CHALLENGES or (method == "BYE" and not accepted):
        return []
    told = time_text(when) if when else None
    if method == "BYE":
        call: dict[str, object] = {"ended_at": told}
        return [_part(call_id, record, "bye", call, when or posted.received_at, posted, settings, ends_call=True)]
    outcome = "answered" if accepted else outcome_of_sip(sip)
    call = {
        **_parties(record, settings),
        "answered_at": told if accepted else None,
        "ended_at": None if accepted else told,
        "outcome": outcome,
        "hangup_cause": None if accepted else said(record.get("sip_reason")),
        "sip_code": sip,
    }
    name = "answered" if accepted else f"failed:{sip}:{told or ''}"
    return [_part(call_id, record, name, call, when or posted.received_at, posted, settings)]


def _part(
    call_id: str,
    record: Mapping[str, Any],
    name: str,
    call: Mapping[str, object],
    when: datetime,
    posted: Posted,
    settings: SourceSettings,
    *,
    ends_call: bool = False,
) -> CallPart:
    tags = ":".join(sorted(filter(None, (said(record.get("from_tag")), said(record.get("to_tag"))))))
    raw = {
        "id": f"{call_id}:{tags}:{name}"[:255],
        "type": "x.kamailio.answered" if name == "answered" else "call.finished",
        "occurred_at": time_text(when),
        "call": present({"id": call_id, **call, "custom": kept(record, _UNDERSTOOD)}),
    }
    # The call is under way from its answer to its BYE, whatever became of other branches before and after.
    leg = "answered" if name == "answered" else None
    return part(raw, posted.received_at, settings, (call_id,), ends_call=ends_call, leg=leg)


def _parties(record: Mapping[str, Any], settings: SourceSettings) -> dict[str, object]:
    """Kamailio knows no business: the direction is what the script says by a variable `direction`."""
    caller = next((found for name in _CALLER if (found := said(record.get(name)))), None)
    called = next((found for name in _CALLED if (found := said(record.get(name)))), None)
    direction = _DIRECTIONS.get((said(record.get("direction")) or "").lower())
    own = {"inbound": called, "outbound": caller, "internal": called}.get(direction or "")
    return {
        "direction": direction,
        "external_number": {"inbound": caller, "outbound": called}.get(direction or ""),
        "dnis": called,
        "agent": {"extension": own} if is_extension(own, settings) else None,
    }


def _time(record: Mapping[str, Any], settings: SourceSettings) -> datetime | None:
    """By acc_time_mode: unix seconds, also with `time_exten`'s microseconds or a fraction (0-2), or text of
    acc_time_format in the switch's zone (3) or UTC (4), which looks the same and so must be configured."""
    value = said(record.get("time_attr")) or said(record.get("time")) or record.get("time_attr") or record.get("time")
    unix = epoch_seconds(value)
    if unix is not None:
        exten = duration(record.get("time_exten"))
        return unix if exten is None or exten >= 1_000_000 else unix + timedelta(microseconds=exten)
    zone = UTC if settings.config.get("acc_time_mode") == _UTC_MODE else settings.time_zone
    layout = settings.config.get("acc_time_format")
    if isinstance(layout, str) and layout_fault(layout) is None:
        return local(value, zone, (layout,))
    return iso(value, zone)


def _later(moment: datetime | None, seconds: int | None) -> datetime | None:
    try:
        return moment + timedelta(seconds=seconds) if moment is not None and seconds is not None else None
    except OverflowError:
        return None


def _read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    if config.get("acc_time_mode") is not None:
        reading.number(config["acc_time_mode"], joined(at, "acc_time_mode"), (0, _UTC_MODE))
    layout = config.get("acc_time_format")
    if layout is not None:
        fault = layout_fault(reading.text(layout, joined(at, "acc_time_format"), 64))
        if fault:
            reading.note(joined(at, "acc_time_format"), fault, layout)


FORMAT = Format(
    name="kamailio",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    success_status=204,
    quiet_seconds=10,
    config_members=("acc_time_mode", "acc_time_format"),
    read_config=_read_config,
)
