"""Takes what lies in a spool to the database, in order, and starts again where the database was away."""

import logging
import random
from threading import Event, Thread

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.intake import Intake, SourceGone, Tally
from dispatcher.adapters.listeners.record import unpacked
from dispatcher.adapters.listeners.spool import Spool
from dispatcher.adapters.logs import log_event
from dispatcher.ports import StoreUnavailable

logger = logging.getLogger(__name__)

BATCH_RECORDS = 200
_LOOK_SECONDS = 1.0


class Drain:
    """A thread of its own. `gone` is set when the source was deleted, and nothing more can be stored."""

    def __init__(self, spool: Spool, intake: Intake) -> None:
        self._spool, self._intake = spool, intake
        self.tally = Tally()
        self.gone = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="drain", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self, grace_seconds: float) -> None:
        """Stores what is at hand, within the grace; what is left stays in the spool for the next start."""
        self._stopping.set()
        self._spool.wake()
        self._thread.join(grace_seconds)

    def once(self) -> bool:
        """Stores one batch; False where there was none. Raises StoreUnavailable and `SourceGone`."""
        batch = self._spool.first(BATCH_RECORDS)
        if not batch:
            # Who may connect is changed while nothing comes: often because nobody may.
            self._intake.refresh()
            return False
        self.tally.add(self._intake.store([unpacked(entry) for entry, _ in batch]))
        self._spool.taken(batch[-1][1])
        return True

    def _run(self) -> None:
        failures = 0
        while True:
            try:
                found = self.once()
            except SourceGone:
                log_event(logger, "listener.source_gone", logging.ERROR, source=self._intake.source.name)
                self.gone.set()
                return
            except StoreUnavailable:
                failures += 1
                if failures == 1:
                    self._tell("listener.store_unavailable", logging.WARNING)
                if self._stopping.wait(pause_seconds(failures, random.random())):  # noqa: S311 - jitter, no secret
                    return
                continue
            except Exception:
                # The loop that must survive: what is in the spool is kept, and tried again; nobody else would say so.
                failures += 1
                logger.exception("listener.drain_failed")
                if self._stopping.wait(pause_seconds(failures, random.random())):  # noqa: S311 - as above
                    return
                continue
            if failures:
                failures = 0
                self._tell("listener.store_back", logging.INFO)
            if not found and self._rest():
                return

    def _rest(self) -> bool:
        """Waits for more; True where there will be none."""
        if self._stopping.is_set():
            return True
        self._spool.wait(_LOOK_SECONDS)
        return self._stopping.is_set() and self._spool.waiting_bytes == 0

    def _tell(self, name: str, level: int) -> None:
        log_event(logger, name, level, source=self._intake.source.name, spooled_bytes=self._spool.waiting_bytes)
