"""Take in what a source said, from a command: by an ingestor of the command's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dispatcher.cli.storage import Opened

if TYPE_CHECKING:
    from datetime import datetime

    from dispatcher.adapters.sql.store import HotStore
    from dispatcher.ports import Accepted, NewEvent
    from dispatcher.take import Taker

Made = TypeVar("Made")


@dataclass(frozen=True)
class _ClosedAfterwards:
    """An event store that closes its connection after each commit, in the ingestor's thread: nobody else could."""

    hot: "HotStore"

    def add_events(
        self, events: "Sequence[NewEvent]", received_at: "datetime", wake_at: "datetime"
    ) -> "list[Accepted]":
        try:
            return self.hot.add_events(events, received_at, wake_at)
        finally:
            self.hot.close()


@contextmanager
def taking(opened: Opened, make: "Callable[[Taker], Made]") -> "Iterator[Made]":
    """What is made of a taker; at the end all that was taken is stored and hinted."""
    from dispatcher.clock import utc_now
    from dispatcher.ingest import Ingestor
    from dispatcher.sources.quiet import quiet_seconds_of
    from dispatcher.take import Taker
    from dispatcher.wiring import build_hints

    settings, store = opened.settings, opened.store
    ingestor = Ingestor(
        _ClosedAfterwards(store.hot),
        build_hints(settings),
        utc_now,
        parts=store.assemblies,
        rehint_seconds=settings.rehint_seconds,
    )
    try:
        yield make(Taker(ingestor, utc_now, quiet_seconds_of))
    finally:
        # Ends the thread, after it has hinted: a hint that is cut off would cost the sweeper's pause.
        ingestor.stop()
