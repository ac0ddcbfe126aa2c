"""Avaya IP Office's SMDR: a line of comma-separated fields for each segment of a call, joined by the call's id.

Every segment has the start of the whole call, and the last one says by its continuation field that nothing follows.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, part
from dispatcher.sources.normal.times import YEAR_FIRST, duration, local
from dispatcher.sources.posts.records import SCRIPTED_KINDS, kept
from dispatcher.sources.posts.said import count, identity, present, said
from dispatcher.sources.smdr.lines import parse_lines, text_of

_FIELDS = (
    "call_start", "connected_time", "ring_time", "caller", "direction", "called_number", "dialled_number", "account",
    "is_internal", "call_id", "continuation", "party1_device", "party1_name", "party2_device", "party2_name",
    "hold_time", "park_time", "auth_valid", "auth_code", "user_charged", "call_charge", "currency",
    "amount_at_last_change", "call_units", "units_at_last_change", "cost_per_unit", "mark_up", "targeting_cause",
    "targeter_id", "targeted_number",
)  # fmt: skip
"""17 fields up to release 4.1, then ever more; what lies behind these (addresses of the parties) is not kept."""
_FEWEST, _MOST = 15, 64
_KEPT = ("called_number", "party1_device", "party1_name", "party2_device", "party2_name", "call_charge", "currency")
_KEPT_LATER = ("targeting_cause", "targeter_id", "targeted_number")
_ROUNDING, _AT_ONCE = timedelta(seconds=5), timedelta(hours=1)
"""Less is the rounding of three fields; more is a line that waited in the switch's buffer or in a file."""
_INTERNAL = frozenset({"1", "I", "i"})


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """The segments of a body of lines."""
    return parse_lines(line, posted, settings)


def line(line: bytes, settings: SourceSettings, received_at: datetime) -> Sequence[CallPart]:
    """The segment of one line; nothing for a blank line and for the header of a file. Raises `NotUnderstood`."""
    text = text_of(line)
    row = [each.strip() for each in next(csv.reader([text.replace("\r", " ").replace("\n", " ")]), [])]
    if not any(row) or row[0].lower().replace(" ", "") == "callstart":
        return []
    if not _FEWEST <= len(row) <= _MOST:
        raise NotUnderstood(f"The line has {len(row)} fields, and a record of IP Office {_FEWEST} to {_MOST}.")
    record = dict(zip(_FIELDS, row, strict=False))
    started = local(record["call_start"], settings.time_zone, YEAR_FIRST)
    if started is None:
        raise NotUnderstood("The line does not begin with a date and a time.")
    number = said(record["call_id"])
    if number is None or record["continuation"] not in ("0", "1"):
        raise NotUnderstood("The line has no call id, or no continuation of 0 or 1.")
    # Ids begin anew whenever the switch does; with the start, which all segments share, they are unique.
    key = f"{number}@{time_text(started)}"
    return [_segment(record, key, sha256(text.strip().encode()).hexdigest()[:16], started, settings, received_at)]


def _segment(
    record: Mapping[str, str], key: str, digest: str, started: datetime, settings: SourceSettings, received_at: datetime
) -> CallPart:
    is_last = record["continuation"] == "0"
    seconds = {
        name: duration(record.get(name)) or 0 for name in ("connected_time", "ring_time", "hold_time", "park_time")
    }
    total, talk = sum(seconds.values()), seconds["connected_time"]
    direction = _direction(record)
    answered, ended = _after(started, seconds["ring_time"]), _after(started, total)
    if is_last and talk and direction == "inbound" and not seconds["ring_time"]:
        late = _late(ended, received_at)
        answered, ended, total = answered + late, ended + late, total + int(late.total_seconds())
    call = {
        "id": key,
        "report_id": record["call_id"],
        "direction": direction,
        **_parties(record, direction),
        "account_codes": [record["account"]] if said(record["account"]) else None,
        "started_at": time_text(started),
        "answered_at": time_text(answered) if talk else None,
        "ended_at": time_text(ended) if is_last else None,
        "duration_seconds": total,
        "talk_seconds": talk,
        "hold_seconds": seconds["hold_time"],
        "ring_seconds": seconds["ring_time"] if talk else None,
        "outcome": _outcome(record, talk),
        "custom": {
            **kept({name: record.get(name) for name in (*_KEPT, *_KEPT_LATER)}),
            **_parked(seconds["park_time"]),
        },
    }
    raw = {
        "id": f"{key}:{digest}",
        "type": "call.finished" if is_last else "x.avaya.segment",
        "occurred_at": time_text(ended),
        "call": present(call),
    }
    return part(raw, received_at, settings, (key,), ends_call=is_last)


def _late(ended: datetime, received_at: datetime) -> timedelta:
    """How much later than its own times a segment ended that did not ring: it goes on where another one ended, which
    no field tells, but a line that comes at once is written at the call's end."""
    late = timedelta(seconds=int((received_at - ended).total_seconds()))
    return late if _ROUNDING < late <= _AT_ONCE else timedelta()


def _after(moment: datetime, seconds: int) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment


def _direction(record: Mapping[str, str]) -> str | None:
    """The switch's side: `I` came in; `O` went out, or stayed inside where the line says that it is internal."""
    if record["is_internal"] in _INTERNAL:
        return "internal"
    return {"I": "inbound", "O": "outbound"}.get(record["direction"].upper())


def _parties(record: Mapping[str, str], direction: str | None) -> dict[str, object]:
    caller, called, dialled = (said(record[name]) for name in ("caller", "called_number", "dialled_number"))
    people = [_person(record, end) for end in ("party1", "party2")]
    # An internal call's first party made it; the second one had it last.
    order = reversed(people) if direction == "internal" else people
    return {
        "external_number": {"inbound": caller, "outbound": called}.get(direction or ""),
        "dnis": dialled or called,
        "agent": next((each for each in order if each), None),
    }


def _person(record: Mapping[str, str], end: str) -> dict[str, object]:
    """The extension and user behind a device `E<number>`; a line (`T`) and voicemail (`V`) are nobody."""
    device = record.get(f"{end}_device", "")
    if not device.startswith("E") or len(device) < 2:
        return {}
    return present({"extension": device[1:].partition(".")[0], "name": identity(record.get(f"{end}_name"))})


def _outcome(record: Mapping[str, str], talk: int) -> str:
    """Only the seconds tell: a call that nobody answered has none. `VM Channel` is voicemail's own party."""
    if not talk:
        return "missed"
    on_voicemail = any(record.get(f"{end}_name", "").upper().startswith("VM ") for end in ("party1", "party2"))
    return "voicemail" if on_voicemail else "answered"


def _parked(seconds: int) -> dict[str, int]:
    return {"park_seconds": seconds} if count(seconds) else {}


FORMAT = Format(
    name="smdr_avaya",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    success_status=204,
    quiet_seconds=30,
)
