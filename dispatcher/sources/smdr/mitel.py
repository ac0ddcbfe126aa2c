"""Mitel's SMDR: MiVoice Business's records in fixed columns, and the event lines of MiVoice Office's IP SMDR."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from dispatcher.domain.field_values import time_text
from dispatcher.domain.shape import Reading, joined
from dispatcher.sources.format import Format, NotUnderstood, Parsed, Posted, SourceSettings, canonical
from dispatcher.sources.normal.times import MONTH_AND_DAY, duration, without_year
from dispatcher.sources.posts.records import SCRIPTED_KINDS
from dispatcher.sources.posts.said import present, said
from dispatcher.sources.smdr.lines import parse_lines, text_of
from dispatcher.sources.smdr.mitel_events import event_of_line, is_event

_Columns = Mapping[str, tuple[int, int]]
"""First and last column of each field, counted from 1."""
STANDARD: _Columns = {
    "long_call": (1, 1),
    "date": (2, 6),
    "start": (8, 13),
    "duration": (15, 22),
    "calling": (24, 27),
    "time_to_answer": (29, 32),
    "digits": (34, 59),
    "completion": (61, 61),
    "called": (64, 67),
    "transfer": (69, 69),
    "third_party": (70, 73),
    "account": (75, 86),
    "system": (88, 90),
}
EXTENDED: _Columns = {
    "long_call": (1, 1),
    "date": (2, 6),
    "start": (8, 13),
    "duration": (15, 24),
    "calling": (26, 32),
    "time_to_answer": (34, 37),
    "digits": (39, 64),
    "completion": (66, 66),
    "called": (69, 75),
    "transfer": (77, 77),
    "third_party": (78, 84),
    "account": (86, 97),
    "system": (99, 101),
}
"""With the option "extended digit length": numbers of 7 digits, and hours of 4."""
_START = 8
_STANDARD_LENGTH, _EXTENDED_LENGTH = 90, 101
_COMPLETIONS = {"A": "answered", "B": "busy", "E": "failed", "D": "rejected", "T": "rejected"}
"""The letter of the completion status, for outgoing calls; `T` of an incoming one is an answer by anybody (TAFAS)."""


def parse(posted: Posted, settings: SourceSettings) -> Sequence[Parsed]:
    """The records of a body of lines."""
    return parse_lines(line, posted, settings)


def line(line: bytes, settings: SourceSettings, received_at: datetime) -> Sequence[Parsed]:
    """The record of one line: a whole call in columns, a part of one where it is an event. Raises `NotUnderstood`."""
    text = text_of(line).rstrip()
    if not text.strip():
        return []
    if is_event(text):
        return event_of_line(text, settings, received_at)
    record = _fields(text, settings)
    started = _started(record, settings, received_at)
    seconds = duration(record["duration"])
    if started is None or seconds is None:
        raise NotUnderstood("The line has no date, start and duration in the columns of MiVoice Business.")
    return [_call(record, text, started, seconds, settings, received_at)]


def _fields(text: str, settings: SourceSettings) -> dict[str, str]:
    """The fields by the columns of `config.columns`, else by those of the option that the line's length shows."""
    # A start of `hh:mm:ss` moves what follows by three; a duration of `hhhh:mm:ss` has its colons two columns later.
    moved = 3 if text[12:13] == ":" else 0
    extended = text[18 + moved : 19 + moved] == ":" and text[21 + moved : 22 + moved] == ":"
    columns = {
        name: (first if first <= _START else first + moved, last if last < _START else last + moved)
        for name, (first, last) in (EXTENDED if extended else STANDARD).items()
    }
    length = (_EXTENDED_LENGTH if extended else _STANDARD_LENGTH) + moved
    given = settings.config.get("columns")
    for name, place in given.items() if isinstance(given, dict) else ():
        if isinstance(place, list) and len(place) == 2 and all(type(each) is int for each in place):
            columns[str(name)] = (place[0], place[1])
    fields = {name: text[first - 1 : last].strip() for name, (first, last) in columns.items()}
    # With ANI/DNIS the line goes on: the caller's number, then the number that was dialled.
    beyond = text[length:].split()
    fields.setdefault("ani", beyond[0] if beyond else "")
    fields.setdefault("dnis", beyond[1] if len(beyond) > 1 else "")
    return fields


def _started(record: Mapping[str, str], settings: SourceSettings, received_at: datetime) -> datetime | None:
    """The date has no year: the nearest to the receipt is meant. `p` marks the afternoon of a clock of 12 hours."""
    clock = record["start"].lower()
    hour, _, rest = clock.rstrip("p ").partition(":")
    if not (hour.isascii() and hour.isdigit()) or len(hour) > 2:
        return None
    twelve = clock.endswith("p") or settings.config.get("clock") == 12
    hours = int(hour) % 12 + 12 * clock.endswith("p") if twelve else int(hour)
    return without_year(f"{record['date']} {hours:02}:{rest}", settings.time_zone, received_at, MONTH_AND_DAY)


def _call(
    record: Mapping[str, str],
    text: str,
    started: datetime,
    seconds: int,
    settings: SourceSettings,
    received_at: datetime,
) -> Parsed:
    direction = _direction(record)
    waited = record["time_to_answer"].lstrip("*0 ") if "***" not in record["time_to_answer"] else None
    ring = duration(waited or "0") if waited is not None else None
    try:
        ended = started + timedelta(seconds=seconds)
    except OverflowError:
        ended = started
    # Nothing in the line identifies its call; the same line of the same year is the same record.
    digest = sha256(f"{started.year}\n{text}".encode()).hexdigest()[:24]
    outcome = _outcome(record, direction, seconds)
    call = {
        "id": f"mitel:{digest}",
        "direction": direction,
        **_parties(record, direction),
        "account_codes": [record["account"]] if said(record["account"]) else None,
        "started_at": time_text(started),
        "ended_at": time_text(ended),
        "duration_seconds": seconds,
        "ring_seconds": ring if direction == "inbound" and outcome == "answered" else None,
        "outcome": outcome,
        "hangup_cause": said(record["completion"]),
        "custom": present(
            {name: said(record.get(name)) for name in ("calling", "called", "transfer", "third_party", "system")}
        ),
    }
    raw = {"id": f"mitel:{digest}", "type": "call.finished", "occurred_at": time_text(ended), "call": present(call)}
    return canonical(raw, received_at, settings)


def _is_trunk(party: str) -> bool:
    return party[:1] in ("T", "X") and party[1:].isdigit()


def _direction(record: Mapping[str, str]) -> str:
    """From a trunk: inbound; to one: outbound; between stations: internal."""
    if _is_trunk(record["calling"]):
        return "inbound"
    return "outbound" if _is_trunk(record["called"]) else "internal"


def _parties(record: Mapping[str, str], direction: str) -> dict[str, object]:
    digits, own = said(record["digits"]), record["calling"] if direction == "outbound" else record["called"]
    # A transfer's third party had the call last.
    last = record["third_party"] if record["transfer"] in ("T", "X") and record["third_party"].isdigit() else own
    return {
        "external_number": {"inbound": said(record["ani"]), "outbound": digits}.get(direction),
        "dnis": said(record["dnis"]) or digits or said(record["called"]),
        "agent": {"extension": last} if last.isdigit() else None,
    }


def _outcome(record: Mapping[str, str], direction: str, seconds: int) -> str | None:
    letter = record["completion"]
    if direction == "inbound":
        if "***" in record["time_to_answer"]:
            return "busy" if letter == "B" else "missed"
        return {"B": "busy", "E": "failed"}.get(letter, "answered")
    if letter in _COMPLETIONS:
        return _COMPLETIONS[letter]
    # Without answer supervision the switch only knows that the trunk was held for so long.
    return "answered" if seconds else "missed"


def _read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    given = config.get("columns")
    if given is not None:
        path = joined(at, "columns")
        for name, place in reading.members(given, path, (*STANDARD, "ani", "dnis")).items():
            if not (
                isinstance(place, list) and len(place) == 2 and all(type(e) is int and 1 <= e <= 512 for e in place)
            ):
                reading.note(joined(path, name), "the first and the last column, counted from 1", place)
    if config.get("clock") not in (None, 12, 24):
        reading.note(joined(at, "clock"), "12 or 24", config["clock"])
    if config.get("padding") is not None:
        reading.text(config["padding"], joined(at, "padding"), 1)


FORMAT = Format(
    name="smdr_mitel",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    success_status=204,
    quiet_seconds=30,
    config_members=("columns", "clock", "padding"),
    read_config=_read_config,
)
