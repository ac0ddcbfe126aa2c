"""What every request looks up, kept for a second: tokens and sources."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from dispatcher.ports import StoreUnavailable

Value = TypeVar("Value")

MAX_AGE_SECONDS = 1.0
"""How long a change made through another process may go unseen here."""
REFRESH_AGE_SECONDS = 0.5
"""From this age on a value is read again beside its use, so that a steady poster never waits for the database."""
LOAD_SECONDS = 3.0
"""A database that hangs for so long is one that is away."""
MAX_ENTRIES = 10_000
"""Names of nothing are kept too, and strangers may send any number of them."""


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value | None
    read_at: float


class Fresh(Generic[Value]):
    """Values by name, none older than a second; None is the value of a name that nothing has.

    `find` is for the event loop, `forget` for any thread. What `load` raises is passed on, and a read that takes more
    than `load_seconds` is StoreUnavailable to whoever waits for it.
    """

    def __init__(
        self,
        load: Callable[[str], Value | None],
        now: Callable[[], float] = monotonic,
        *,
        load_seconds: float = LOAD_SECONDS,
    ) -> None:
        self._load, self._now, self._load_seconds = load, now, load_seconds
        self._entries: dict[str, _Entry[Value]] = {}
        self._loading: dict[str, asyncio.Future[Value | None]] = {}
        self._forgotten = 0
        self._lock = Lock()

    async def find(self, name: str) -> Value | None:
        """The value; read from the store, by one reader at a time, where it is not held."""
        entry = self._entries.get(name)
        if entry is None or (age := self._now() - entry.read_at) >= MAX_AGE_SECONDS:
            # Shielded: others may wait for the same read.
            reading = asyncio.shield(self._begin(name))
            try:
                return await asyncio.wait_for(reading, self._load_seconds)
            except TimeoutError:
                raise StoreUnavailable("no answer in time") from None
        if age >= REFRESH_AGE_SECONDS:
            self._begin(name)
        return entry.value

    def forget(self, name: str) -> None:
        """After a change: the next `find` reads anew, and what is being read at this moment is not kept."""
        with self._lock:
            self._forgotten += 1
            self._entries.pop(name, None)
            self._loading.pop(name, None)

    def _begin(self, name: str) -> "asyncio.Future[Value | None]":
        reading = self._loading.get(name)
        if reading is None:
            reading = self._loading[name] = asyncio.ensure_future(asyncio.to_thread(self._read, name))
            reading.add_done_callback(lambda done: self._end(name, done))
        return reading

    def _end(self, name: str, done: "asyncio.Future[Value | None]") -> None:
        if self._loading.get(name) is done:
            del self._loading[name]
        if not done.cancelled():
            done.exception()  # marks it as seen: a refresh that failed has no one waiting, and is tried again

    def _read(self, name: str) -> Value | None:
        before, read_at = self._forgotten, self._now()
        value = self._load(name)
        with self._lock:
            if self._forgotten == before:
                if len(self._entries) >= MAX_ENTRIES:
                    self._entries.clear()
                self._entries[name] = _Entry(value, read_at)
        return value
