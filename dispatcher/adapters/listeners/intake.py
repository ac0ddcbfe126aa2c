"""Every listener's way in: records are read by the source's format, then stored, or kept in quarantine."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from dispatcher.adapters.listeners.record import Record
from dispatcher.domain.call_part import CallPart
from dispatcher.ports import Clock, Source
from dispatcher.sources.format import Parsed, Posted
from dispatcher.sources.reading import read_or_reason

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""How old the copy of the source may be: a changed time zone or mapping is used within this time."""

Take = Callable[[Source, Sequence[Parsed], datetime], object]
"""Stores what a source said; all of it is durable when it returns. Raises StoreUnavailable; may then be repeated."""
Quarantine = Callable[[Source, Record, str], None]
"""Keeps what was not understood, durably, with the reason. Raises StoreUnavailable."""
FindSource = Callable[[str], Source | None]


class SourceGone(Exception):
    """The source was deleted. The text is a sentence."""


@dataclass(slots=True)
class Tally:
    """What became of records: understood, held in quarantine, and those that hold nothing to keep."""

    understood: int = 0
    quarantined: int = 0
    nothing: int = 0

    def add(self, other: "Tally") -> None:
        """Counts another one's too."""
        self.understood += other.understood
        self.quarantined += other.quarantined
        self.nothing += other.nothing


class Intake:
    """The way in for one source. For one thread at a time."""

    def __init__(self, source: Source, find: FindSource, take: Take, quarantine: Quarantine, clock: Clock) -> None:
        self.source = source
        self._find, self._take, self._quarantine, self._clock = find, take, quarantine, clock
        self._look_at = monotonic() + LOOK_SECONDS

    def read(self, record: Record) -> Sequence[Parsed] | str:
        """What a record says, or why it is not understood."""
        source = self.source
        url = f"http://localhost/v1/sources/{source.name}/events"
        headers = {"content-type": record.content_type, "content-length": str(len(record.body))}
        posted = Posted("POST", url, [], headers, record.body, record.received_at, record.remote)
        try:
            said = read_or_reason(source, posted)
        except Exception as error:
            # A format promises to raise nothing else. One that does must not hold up all records behind this one.
            logger.exception("listener.format_failed")
            return f"The format {source.format} failed: {type(error).__name__}."
        if isinstance(said, str):
            return said
        return [_named(each, f"{record.identity}:{place}") for place, each in enumerate(said)]

    def store(self, records: Sequence[Record]) -> Tally:
        """Stores what the records say, or keeps them in quarantine; all is durable when it returns.

        Raises StoreUnavailable, and may then be repeated with the same records, and `SourceGone`.
        """
        self.refresh()
        tally = Tally()
        understood: list[Parsed] = []
        refused: list[tuple[Record, str]] = []
        for record in records:
            said = self.read(record)
            if isinstance(said, str):
                refused.append((record, said))
                tally.quarantined += 1
            elif said:
                understood += said
                tally.understood += 1
            else:
                tally.nothing += 1
        if understood:
            self._take(self.source, understood, self._clock())
        # Last, because what is stored above is known for a duplicate if this fails and all is repeated.
        for record, reason in refused:
            self._quarantine(self.source, record, reason)
        return tally

    def refresh(self) -> None:
        """Looks at the source again, where the copy of it is old. Raises StoreUnavailable and `SourceGone`."""
        if monotonic() < self._look_at:
            return
        found = self._find(self.source.name)
        if found is None:
            raise SourceGone(f"The source {self.source.name} was deleted.")
        self.source, self._look_at = found, monotonic() + LOOK_SECONDS


def _named(parsed: Parsed, identity: str) -> Parsed:
    """With an id by which a repeat is known, where the source gave none."""
    event = parsed.event if isinstance(parsed, CallPart) else parsed
    if event.source_event_id is not None:
        return parsed
    named = replace(event, source_event_id=identity[:255])
    return replace(parsed, event=named) if isinstance(parsed, CallPart) else named
