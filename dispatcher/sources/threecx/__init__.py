"""3CX: the report that its CRM template posts after a call, a web-hook add-on's events, and its CDR service's lines."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from dispatcher.domain.field_values import time_text
from dispatcher.domain.shape import Reading, joined
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, canonical
from dispatcher.sources.normal.times import DAY_FIRST, MONTH_FIRST, duration, iso, local
from dispatcher.sources.posts.records import MAX_RECORDS, kept, records_of
from dispatcher.sources.posts.said import identity, present, said
from dispatcher.sources.threecx.cdr import threecx_cdr_line

_CALL_TYPES = {
    "inbound": ("inbound", "answered"),
    "outbound": ("outbound", "answered"),
    "missed": ("inbound", "missed"),
    "notanswered": ("outbound", "missed"),
}
_UNDER_WAY = frozenset(
    {"ringing", "answered", "answer", "dialing", "dialling", "connected", "talking", "hold", "transferred"}
)
_ENDS = {
    "hangup": None,
    "ended": None,
    "end": None,
    "completed": "answered",
    "terminated": None,
    "disconnected": None,
    "missed": "missed",
    "notanswered": "missed",
}
"""Events of web-hook add-ons; what of them is an outcome."""
_DATE_ORDERS = {"dmy": DAY_FIRST, "mdy": MONTH_FIRST}
_REPORT = frozenset(
    ("calltype", "number", "agent", "agentfirstname", "agentlastname", "agentemail", "duration", "durationtimespan")
)
_UNFILLED = re.compile(r"\[[A-Za-z:]{1,40}\]")
"""A variable of the template that this version of 3CX does not know, and posts as it is."""
_LITERAL_Z = re.compile(r"(?<=[0-9])[Zz]$")


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """A report or an event as a final event, and each CDR line as a part; none for a call under way."""
    body = posted.body.strip()
    if body.startswith(b"Call "):
        lines = body.splitlines()
        if len(lines) > MAX_RECORDS:
            raise NotUnderstood(f"The body has more than {MAX_RECORDS} lines.")
        return [each for line in lines for each in threecx_cdr_line(line, settings, posted.received_at)]
    return [each for record in records_of(posted) for each in _event(record, posted, settings)]


def _event(record: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> list[Parsed]:
    filled = {name: value for name, value in record.items() if not _UNFILLED.fullmatch(str(value))}
    folded = {str(name).lower().replace("_", ""): value for name, value in reversed(list(filled.items()))}
    if said(folded.get("calltype")) is not None:
        return [_report(filled, folded, posted, settings)]
    event = (said(folded.get("event")) or "").lower()
    if event in _UNDER_WAY:
        return []
    if event in _ENDS:
        return [_add_on(event, record, posted, settings)]
    raise NotUnderstood("The record has neither a CallType of 3CX nor an event that is known.")


def _report(record: Mapping[str, Any], given: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> Parsed:
    """The template's ReportCall. 3CX offers it no id of the call: it is made of number, agent and start."""
    word = str(said(given.get("calltype"))).replace(" ", "").lower()
    if word not in _CALL_TYPES:
        raise NotUnderstood("The CallType is none of Inbound, Outbound, Missed and Notanswered.")
    direction, outcome = _CALL_TYPES[word]
    started, ended = _time(given, "callstarttime", settings), _time(given, "callendtime", settings)
    started = started or _date_time(given.get("datetime"), settings)
    number, agent = said(given.get("number")), said(given.get("agent"))
    if started is None:
        raise NotUnderstood(
            "The report says no readable start, so that its repeat could not be told from another call."
        )
    # `hh:mm:ss` comes from 3CX itself; a timespan is whatever unit the template makes of it, seconds in most.
    words = (given.get("duration"), given.get("durationtimespan"))
    seconds = next((found for each in sorted(words, key=_has_no_colon) if (found := duration(each)) is not None), None)
    identifier = "3cx:" + sha256(f"{number}\n{agent}\n{time_text(started)}".encode()).hexdigest()[:32]
    name = identity(given.get("name"))
    names = (said(given.get("agentfirstname")), said(given.get("agentlastname")))
    people = {
        "extension": agent,
        "name": " ".join(filter(None, names)) or None,
        "email": said(given.get("agentemail")),
    }
    call = {
        "id": identifier,
        "direction": direction,
        "external_number": number,
        "caller_name": name if direction == "inbound" and name != number else None,
        "dnis": number if direction == "outbound" else said(given.get("did")),
        "agent": present(people),
        "started_at": time_text(started),
        "ended_at": time_text(ended) if ended else None,
        "talk_seconds": seconds if outcome == "answered" else None,
        "outcome": outcome,
        "hangup_cause": said(given.get("calltype")),
        "custom": kept(record, [name for name in record if str(name).lower().replace("_", "") in _REPORT]),
    }
    raw = {
        "id": f"{identifier}:report",
        "type": "call.finished",
        "occurred_at": time_text(ended or posted.received_at),
        "call": present(call),
    }
    return canonical(raw, posted.received_at, settings)


def _has_no_colon(value: object) -> bool:
    return not (isinstance(value, str) and ":" in value)


def _time(given: Mapping[str, Any], name: str, settings: SourceSettings) -> datetime | None:
    """The UTC variable, else the local one, behind which a `Z` is a letter of the template's layout and no zone."""
    utc = _stamp(given.get(f"{name}utc"), "UTC", settings)
    if utc is not None:
        return utc
    text = _LITERAL_Z.sub("", said(given.get(f"{name}local")) or "")
    return _stamp(text, settings.time_zone, settings)


def _stamp(value: object, zone: str, settings: SourceSettings) -> datetime | None:
    return iso(value, zone) or _in_words(value, zone, settings)


def _date_time(value: object, settings: SourceSettings) -> datetime | None:
    """[DateTime], in the layout of the server's culture."""
    return _stamp(value, settings.time_zone, settings)


def _in_words(value: object, zone: str, settings: SourceSettings) -> datetime | None:
    """A date with the day or the month first: by `config.date_order`, else only where it can be read in one way.

    Hours up to 12 are read with their AM or PM alone.
    """
    order = settings.config.get("date_order")
    if order in _DATE_ORDERS:
        return local(value, zone, _DATE_ORDERS[order])
    found = {moment for layouts in _DATE_ORDERS.values() if (moment := local(value, zone, layouts)) is not None}
    return found.pop() if len(found) == 1 else None


def _add_on(event: str, record: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> Parsed:
    """The end of a call as a web-hook bundle tells it, with an id of its own and no times."""
    identifier = said(record.get("id")) or said(record.get("chid")) or said(record.get("call_id1"))
    if identifier is None:
        raise NotUnderstood("The event has no id of its call.")
    user, did = said(record.get("user")), said(record.get("inbound_did"))
    caller = said(record.get("callerid"))
    seconds = duration(record.get("duration"))
    name = identity(record.get("phonebook"))
    call = {
        "id": identifier,
        "direction": "inbound" if did else None,
        "caller_name": name if name != caller else None,
        "external_number": caller if did else None,
        "dnis": did,
        "agent": {"extension": user} if user and said(record.get("usertype")) != "queue" else None,
        "group": user if said(record.get("usertype")) == "queue" else None,
        "talk_seconds": seconds,
        "outcome": _ENDS[event] or ("answered" if seconds else None),
        "hangup_cause": event,
        "custom": kept(record, ("event", "inbound_did", "phonebook")),
    }
    raw = {"id": f"3cx:{identifier}:{event}", "type": "call.finished", "call": present(call)}
    return canonical(raw, posted.received_at, settings)


def _read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    for index, each in enumerate(reading.items(config.get("cdr_fields") or [], joined(at, "cdr_fields"), 64)):
        reading.text(each, f"{joined(at, 'cdr_fields')}[{index}]", 64)
    if config.get("date_order") is not None:
        reading.word(config["date_order"], joined(at, "date_order"), tuple(_DATE_ORDERS))


FORMAT = Format(
    name="threecx",
    parse=parse,
    auth_kinds=frozenset({"basic", "bearer", "header_token", "query_token", "token"}),
    methods=frozenset({"POST", "GET"}),
    success_status=200,
    success_body=b"{}",
    quiet_seconds=5,
    config_members=("cdr_fields", "date_order"),
    read_config=_read_config,
)
