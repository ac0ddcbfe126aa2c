"""ESI's SMDR (IVX, Communications Servers), as CSV or in columns: a line whenever a station lets go of a call."""

import csv
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from dispatcher.domain.event import CallEvent
from dispatcher.domain.field_values import time_text
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, canonical
from dispatcher.sources.normal.times import MONTH_AND_DAY, duration, local, without_year
from dispatcher.sources.posts.records import SCRIPTED_KINDS
from dispatcher.sources.posts.said import identity, present, said
from dispatcher.sources.smdr.lines import parse_lines, text_of

_CSV_FIELDS = 8
_COLUMNS = re.compile(
    r"([IOT]) ([0-9]{2}/[0-9]{2}) {1,2}([0-9]{2}:[0-9]{2}:[0-9]{2}) +([0-9]{2}:[0-9]{2}:[0-9]{2}) +([0-9]{1,4})(.*)"
)
_CLOCK = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})")
_TYPES = {"I": ("call.finished", "inbound"), "O": ("call.finished", "outbound"), "T": ("x.esi.transferred", None)}
"""A transferred call's next station has a record of its own, which no id joins to the first."""


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """The records of a body of lines."""
    return parse_lines(line, posted, settings)


def line(line: bytes, settings: SourceSettings, received_at: datetime) -> Sequence[CallEvent]:
    """The record of one line; nothing for a blank one. Raises `NotUnderstood`."""
    text = text_of(line).strip()
    if not text:
        return []
    kind, started, seconds, extension, number, name, trunk = (
        _of_csv(text, settings) if text.startswith('"') else _of_columns(text, settings, received_at)
    )
    event_type, direction = _TYPES[kind]
    ended = _after(started, seconds)
    digest = sha256(f"{time_text(started)}\n{text}".encode()).hexdigest()[:24]
    call = {
        "id": f"esi:{digest}",
        "direction": direction,
        "caller_name": name if direction != "outbound" else None,
        "external_number": said(number),
        "dnis": said(number) if direction == "outbound" else None,
        "agent": {"extension": extension} if extension else None,
        "started_at": time_text(started),
        "ended_at": time_text(ended),
        "duration_seconds": seconds,
        # Only calls between a station and a line that were talked on are recorded.
        "talk_seconds": seconds,
        "outcome": "answered" if seconds else None,
        "custom": present({"call_type": kind, "line": trunk}),
    }
    raw = {"id": f"esi:{digest}", "type": event_type, "occurred_at": time_text(ended), "call": present(call)}
    return [canonical(raw, received_at, settings)]


_Read = tuple[str, datetime, int, str | None, str | None, str | None, str | None]


def _of_csv(text: str, settings: SourceSettings) -> _Read:
    row = [each.strip() for each in next(csv.reader([text.replace("\r", " ").replace("\n", " ")]), [])]
    if len(row) != _CSV_FIELDS or row[0] not in _TYPES:
        raise NotUnderstood(f"The line is no record of {_CSV_FIELDS} fields that begins with I, O or T.")
    # An odd digit count is a padded hour; eight of the date are the month first.
    started = local(f"{row[1]} {row[2].zfill(6)}", settings.time_zone, ("%m%d%Y %H%M%S",))
    clock = _CLOCK.fullmatch(row[3].zfill(6))
    seconds = duration(":".join(clock.groups())) if clock else None
    if started is None or seconds is None:
        raise NotUnderstood("The line has no readable date, time and duration.")
    return row[0], started, seconds, said(row[4]), said(row[5]), identity(row[6]), said(row[7])


def _of_columns(text: str, settings: SourceSettings, received_at: datetime) -> _Read:
    found = _COLUMNS.fullmatch(text)
    if found is None:
        raise NotUnderstood("The line is neither CSV nor the columns of ESI's SMDR.")
    kind, day, hour, length, extension, rest = found.groups()
    started = without_year(f"{day} {hour}", settings.time_zone, received_at, MONTH_AND_DAY)
    if started is None:
        raise NotUnderstood("The line has no readable date, time and duration.")
    parts = rest.split()
    trunk = parts.pop() if len(parts) > 1 else None
    return kind, started, duration(length) or 0, extension, parts[0] if parts else None, None, trunk


def _after(moment: datetime, seconds: int) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment


FORMAT = Format(
    name="smdr_esi",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    success_status=204,
)
