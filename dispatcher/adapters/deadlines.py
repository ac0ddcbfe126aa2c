"""One thread that ends what takes too long, for senders whose own threads are busy waiting."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Deadlines:
    """Calls a function once its moment has come. The function must be quick and harmless when no longer needed."""

    def __init__(self, name: str) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def after(self, seconds: float, function: Callable[[], None]) -> None:
        """Calls the function after so many seconds, from the thread of this object; never after `stop`."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), function))
            self._changed.notify()

    def stop(self) -> None:
        """Forgets everything and ends the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            function()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                if self._due and self._due[0][0] <= time.monotonic():
                    return heapq.heappop(self._due)[2]
                self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
        return None
