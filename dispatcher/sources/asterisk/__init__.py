"""Asterisk: CDRs, CEL events and ARI events, as JSON, forms or CSV rows, joined to calls by `linkedid`."""

from collections.abc import Mapping, Sequence
from typing import Any

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.shape import Reading, joined
from dispatcher.sources.asterisk.ari import is_ari, parts_of_ari
from dispatcher.sources.asterisk.cdr import is_cdr, part_of_cdr
from dispatcher.sources.asterisk.cel import is_cel, parts_of_cel
from dispatcher.sources.asterisk.fields import folded
from dispatcher.sources.asterisk.rows import csv_rows
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings
from dispatcher.sources.posts.records import MAX_RECORDS, SCRIPTED_KINDS, records_of

_LISTS = ("inbound_contexts", "internal_contexts", "columns")
_TEXTS = ("recording_column", "recording_base_url", "ari_url")


def parse(posted: Posted, settings: SourceSettings) -> Sequence[CallPart]:
    """The parts of calls in a post, none for news of calls under way. Raises `NotUnderstood`."""
    return [each for record in _records(posted, settings) for each in parts_of_record(record, posted, settings)]


def parts_of_record(record: Mapping[str, Any], posted: Posted, settings: SourceSettings) -> Sequence[CallPart]:
    """The parts that one record gives; also for a row of `csv_rows`. Raises `NotUnderstood`."""
    if is_ari(record):
        return parts_of_ari(record, posted, settings)
    names = folded(record)
    if is_cel(names):
        return parts_of_cel(record, posted, settings)
    if is_cdr(names):
        return [part_of_cdr(record, posted, settings)]
    if "event" in names and "privilege" in names:
        return []  # another event of the manager
    raise NotUnderstood("The record is no CDR (uniqueid, disposition), no CEL event and no event of ARI.")


def _records(posted: Posted, settings: SourceSettings) -> list[dict[str, Any]]:
    body = posted.body.removeprefix(b"\xef\xbb\xbf").strip()
    first = body.partition(b"\n")[0]
    if not body or first[:1] in (b"{", b"[") or (b"=" in first and first.count(b",") + first.count(b"|") < 3):
        return records_of(posted)
    columns = settings.config.get("columns")
    named = [str(each) for each in columns] if isinstance(columns, list) else None
    rows: list[dict[str, Any]] = []
    for row in csv_rows(body.decode("utf-8", "replace"), named):
        if len(rows) == MAX_RECORDS:
            raise NotUnderstood(f"The body has more than {MAX_RECORDS} rows: hand a file in by `onhook replay-dir`.")
        rows.append(row)
    return rows


def _read_config(reading: Reading, config: Mapping[str, Any], at: str) -> None:
    for name in _LISTS:
        for index, each in enumerate(reading.items(config.get(name) or [], joined(at, name), 100)):
            reading.text(each, f"{joined(at, name)}[{index}]", 100)
    for name in _TEXTS:
        if config.get(name) is not None:
            reading.text(config[name], joined(at, name), 500)


FORMAT = Format(
    name="asterisk",
    parse=parse,
    auth_kinds=SCRIPTED_KINDS,
    methods=frozenset({"POST", "GET"}),
    success_status=204,
    quiet_seconds=10,
    config_members=(*_LISTS, *_TEXTS),
    read_config=_read_config,
)
