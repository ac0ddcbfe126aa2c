"""One name look-up at a time for each host.

libcurl looks names up in at most 20 threads for all exchanges of a process (CURLMOPT_RESOLVE_THREADS_MAX, which
pycurl cannot set), and a look-up cannot be cut short. Thirty requests to one host whose name server is silent were
seen to hold up every other new host. So the first exchange looks the name up and the others wait for it; what they
then need is in libcurl's cache.
"""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

CACHE_SECONDS = 60
"""How long libcurl keeps a name's addresses (its own default, set so that nobody has to know)."""

_KNOWN_SECONDS = 45.0  # Below the above: who is let through must still find the cache filled.
_MAX_KNOWN_NAMES = 10_000  # A template can make up host names without end.

Waiting = TypeVar("Waiting")


class NameGate(Generic[Waiting]):
    """Who may go, and who waits for a name. For one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known_until: dict[str, float] = {}
        self._waiting: dict[str, list[Waiting]] = {}

    def is_known(self, name: str) -> bool:
        """Whether the name was resolved a short while ago."""
        return self._known_until.get(name, 0.0) > self._clock()

    def first(self, name: str) -> bool:
        """True for the one that is to look the name up and to say `resolved` or `unresolved` when it has."""
        if name in self._waiting:
            return False
        self._waiting[name] = []
        return True

    def wait(self, name: str, waiting: Waiting) -> None:
        """Keeps what waits for a name that another one looks up."""
        self._waiting[name].append(waiting)

    def resolved(self, name: str) -> list[Waiting]:
        """Opens the gate for a while. Returns what waited."""
        if len(self._known_until) >= _MAX_KNOWN_NAMES:
            self._known_until.clear()
        self._known_until[name] = self._clock() + _KNOWN_SECONDS
        return self._waiting.pop(name, [])

    def unresolved(self, name: str) -> list[Waiting]:
        """Gives back what waited for a name that was not resolved; the next one will be the first again."""
        return self._waiting.pop(name, [])

    def everything(self) -> list[Waiting]:
        """Gives back whatever waits, for whichever name."""
        waiting = [one for several in self._waiting.values() for one in several]
        self._waiting.clear()
        return waiting
