"""A line of the 3CX CDR service's active socket: one for each hop of a call, in the fields that it is set to."""

import csv
import re
from collections.abc import Mapping
from datetime import datetime

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import NotUnderstood, SourceSettings, part
from dispatcher.sources.normal.times import YEAR_FIRST, duration, local
from dispatcher.sources.posts.records import kept
from dispatcher.sources.posts.said import identity, present, said

FIELDS = (
    "historyid", "callid", "duration", "time-start", "time-answered", "time-end", "reason-terminated", "from-no",
    "to-no", "from-dn", "to-dn", "dial-no", "reason-changed", "final-number", "final-dn", "bill-code", "bill-rate",
    "bill-cost", "bill-name", "chain", "from-type", "to-type", "final-type", "from-dispname", "to-dispname",
    "final-dispname", "missed-queue-calls",
)  # fmt: skip
"""All fields, in the order in which the management console adds them; `config.cdr_fields` names another choice."""
MAX_LINE_BYTES = 16_384
_INSIDE = frozenset(
    {"extension", "voicemail", "queue", "ringgroup", "ivr", "digitalreceptionist", "conference", "parking"}
)
_LINES = frozenset({"line", "externalline", "externalparty", "provider", "bridge"})
_UNDERSTOOD = frozenset(
    ("duration", "time-start", "time-answered", "time-end", "reason-terminated", "from-no", "to-no", "dial-no")
)
_ENDED_BY = {"terminatedbysrc": "caller", "terminatedbydst": "callee"}
_GOES_ON = ("replaced", "redirect", "continued", "forward")
"""How a reason begins after which another hop follows: the call is not over."""
_EXTENSION = re.compile(r"(?:Ext\.)?([0-9*#]{2,10})")


def threecx_cdr_line(line: bytes, settings: SourceSettings, received_at: datetime) -> list[CallPart]:
    """The hop as a part of the call of its `callid`; nothing for a blank line. Raises `NotUnderstood`."""
    if len(line) > MAX_LINE_BYTES:
        raise NotUnderstood("The line is longer than any of 3CX.")
    text = line.decode("utf-8", "replace").strip("\r\n\0 ")
    if not text:
        return []
    row = next(csv.reader([text.replace("\r", " ").replace("\n", " ")]), [])
    names = _names(settings)
    if len(row) < 5 or len(row) > len(names) + 1:
        raise NotUnderstood("The line has another number of fields than config.cdr_fields names.")
    record = {name: value.strip() for name, value in zip(names, row, strict=False)}
    return [_hop(record, settings, received_at)]


def _names(settings: SourceSettings) -> list[str]:
    given = settings.config.get("cdr_fields")
    names = given if isinstance(given, list) and given else FIELDS
    return [str(each).replace("_", "-").lower() for each in names]


def _hop(record: Mapping[str, str], settings: SourceSettings, received_at: datetime) -> CallPart:
    history = (said(record.get("historyid")) or "").removeprefix("Call").strip()
    call_id = said(record.get("callid")) or (f"history:{history}" if history else None)
    if call_id is None:
        raise NotUnderstood("The line has neither a callid nor a historyid.")
    moments = _moments(record, settings)
    goes_on = (said(record.get("reason-terminated")) or "").lower().startswith(_GOES_ON)
    times = {name: time_text(each) for name, each in moments.items() if not (goes_on and name == "ended_at")}
    answered = "answered_at" in moments
    raw = {
        "id": f"3cx:{call_id}:{history}:{record.get('time-start', '')}:{record.get('to-no', '')}"[:255],
        "type": "x.3cx.hop" if goes_on else "call.finished",
        "occurred_at": time_text(moments.get("ended_at", received_at)),
        "call": present(
            {
                "id": call_id,
                "report_id": history or None,
                **_parties(record),
                **times,
                # The line's duration counts from the answer.
                "talk_seconds": duration(record.get("duration")) if answered else None,
                "duration_seconds": _between(moments) if "ended_at" in times else None,
                "outcome": _outcome(record, answered),
                "ended_by": _ENDED_BY.get((said(record.get("reason-terminated")) or "").lower()),
                "hangup_cause": said(record.get("reason-terminated")),
                "custom": kept(record, _UNDERSTOOD),
            }
        ),
    }
    keys = (call_id, f"history:{history}") if history else (call_id,)
    return part(raw, received_at, settings, tuple(dict.fromkeys(keys)))


def _moments(record: Mapping[str, str], settings: SourceSettings) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for ours, theirs in (("started_at", "time-start"), ("answered_at", "time-answered"), ("ended_at", "time-end")):
        when = local(record.get(theirs), settings.time_zone, YEAR_FIRST, after=max(found.values(), default=None))
        if when is not None:
            found[ours] = when
    return found


def _between(moments: Mapping[str, datetime]) -> int | None:
    started, ended = moments.get("started_at"), moments.get("ended_at")
    return max(0, int((ended - started).total_seconds())) if started and ended else None


def _kind(record: Mapping[str, str], end: str) -> str | None:
    text = (said(record.get(f"{end}-type")) or "").replace(" ", "").lower()
    return "line" if text in _LINES else "inside" if text in _INSIDE else None


def _parties(record: Mapping[str, str]) -> dict[str, object]:
    """By the types of both ends: a call from a line is inbound, one to a line outbound, one of neither internal."""
    ends = (_kind(record, "from"), _kind(record, "to"))
    direction = {("line", "inside"): "inbound", ("inside", "line"): "outbound", ("inside", "inside"): "internal"}.get(
        (ends[0] or "", ends[1] or "")
    )
    caller, dialled = said(record.get("from-no")), said(record.get("dial-no")) or said(record.get("to-no"))
    own = "from" if direction == "outbound" else "final" if _is_person(record, "final") else "to"
    queue = said(record.get("to-type")) in ("Queue", "RingGroup")
    name = identity(record.get("from-dispname"))
    return {
        "direction": direction,
        "caller_name": name if direction == "inbound" and name != caller else None,
        "external_number": {"inbound": caller, "outbound": dialled}.get(direction or ""),
        "dnis": dialled,
        "agent": _agent(record, own) if _is_person(record, own) else None,
        "group": said(record.get("to-dispname")) if queue else None,
    }


def _is_person(record: Mapping[str, str], end: str) -> bool:
    return (said(record.get(f"{end}-type")) or "").lower() == "extension"


def _agent(record: Mapping[str, str], end: str) -> dict[str, object]:
    for value in (record.get(f"{end}-dn"), record.get(f"{end}-no"), record.get(f"{end}-number")):
        found = _EXTENSION.fullmatch(said(value) or "")
        if found:
            return present({"extension": found[1], "name": identity(record.get(f"{end}-dispname"))})
    return {}


def _outcome(record: Mapping[str, str], answered: bool) -> str:
    if "voicemail" in ((record.get("final-type") or "").lower(), (record.get("to-type") or "").lower()):
        return "voicemail"
    if answered:
        return "answered"
    gave_up = (said(record.get("reason-terminated")) or "").lower() == "terminatedbysrc"
    return "cancelled" if gave_up and _kind(record, "from") == "inside" else "missed"
