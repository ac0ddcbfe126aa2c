"""Call records as lines over TCP: a system connects to us, or we to it. There is no acknowledgement in these protocols.

Every line is in the spool, on disk, before the next bytes are read. While the spool is full nothing is read, TCP's
window closes, and the system keeps its records in its own buffer, as far as it has one.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.intake import Intake
from dispatcher.adapters.listeners.lines import Line, LineBuffer, is_record
from dispatcher.adapters.listeners.peers import may_connect, networks_of
from dispatcher.adapters.listeners.record import Record, packed
from dispatcher.adapters.listeners.spool import Spool, SpoolFull
from dispatcher.adapters.listeners.streams import Reader, open_connection, start_server
from dispatcher.adapters.logs import log_event
from dispatcher.ports import Clock

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
"""At once. A system has one or two; more is a mistake or an attack."""
REST_SECONDS = 5.0
"""A line without an end that nothing was added to for so long is taken as it is: some systems end no line."""
FULL_PAUSE_SECONDS = 0.5
STOP_SECONDS = 2.0
AT_HAND_SECONDS = 0.05
"""For so long a listener that is told to stop waits for more of what a peer has already sent."""
CONNECT_SECONDS = 10.0
_READ_BYTES = 65_536
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""Seconds, and tries: a system that vanished without a word is noticed after two minutes, not two hours."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int


@dataclass(slots=True)
class Heard:
    """Since the start."""

    connections: int = 0
    open: int = 0
    refused: int = 0
    lines: int = 0
    ignored: int = 0


class LineListener:
    """Takes lines of one source into its spool. For one event loop."""

    def __init__(self, intake: Intake, spool: Spool, clock: Clock, *, rest_seconds: float = REST_SECONDS) -> None:
        self._intake, self._spool, self._clock, self._rest_seconds = intake, spool, clock, rest_seconds
        self._numbers = count()
        self._born = clock().isoformat()
        self.heard = Heard()

    async def listen(self, at: Address, listening: Callable[[Address], None] = lambda _: None) -> None:
        """Takes connections until it is cancelled; `listening` is told the address. Raises OSError."""
        connections: set[asyncio.Task[None]] = set()

        def admit(reader: Reader, writer: asyncio.StreamWriter) -> None:
            # A task of our own: until Python 3.12 the stream's own one reports a cancellation as an error.
            task = asyncio.ensure_future(self._admit(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await start_server(admit, at.host, at.port)
        try:
            bound = server.sockets[0].getsockname()
            listening(Address(bound[0], bound[1]))
            await asyncio.Event().wait()
        finally:
            server.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def connect(self, to: Address, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Connects, and again whenever the connection ends, until it is cancelled."""
        failures = 0
        while True:
            try:
                # Not `wait_for`, which until Python 3.12 may lose a cancellation: a stop would not be heard.
                async with asyncio.timeout(CONNECT_SECONDS):
                    reader, writer = await open_connection(to.host, to.port)
            except (OSError, TimeoutError) as error:
                failures += 1
                self._tell("listener.connect_failed", logging.WARNING, error=type(error).__name__, failures=failures)
            else:
                before = self.heard.lines
                await self._serve(reader, writer, to.host)
                # A peer that takes the connection and drops it at once must not be called without end.
                failures = 1 if self.heard.lines > before else failures + 1
            await pause(pause_seconds(failures, random.random()))  # noqa: S311 - jitter, no secret

    async def _admit(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        remote = str((writer.get_extra_info("peername") or ("",))[0])
        allowed = may_connect(remote, networks_of(self._intake.source.auth))
        if not allowed or self.heard.open >= MAX_CONNECTIONS:
            self.heard.refused += 1
            why = "too many connections" if allowed else "address not in the source's ip_allow"
            self._tell("listener.refused", logging.WARNING, remote=remote, why=why)
            writer.close()
            return
        await self._serve(reader, writer, remote)

    async def _serve(self, reader: Reader, writer: asyncio.StreamWriter, remote: str) -> None:
        """One connection, to its end. What it said until then is kept, also where this is cancelled."""
        self.heard.connections += 1
        self.heard.open += 1
        self._tell("listener.connected", remote=remote)
        _keep_alive(writer.get_extra_info("socket"))
        buffer = LineBuffer()
        try:
            while (data := await self._next(reader, buffer)) is not None:
                await self._keep(buffer.feed(data) if data else buffer.flush(), remote)
        finally:
            # A stop must not wait for ever for room in a spool that is full.
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._keep_rest(reader, buffer, remote)
            writer.close()
            self.heard.open -= 1
            if reader.lost is not None:
                error = type(reader.lost).__name__
                self._tell("listener.connection_lost", logging.WARNING, remote=remote, error=error)
            self._tell("listener.disconnected", remote=remote)

    async def _keep_rest(self, reader: Reader, buffer: LineBuffer, remote: str) -> None:
        """What lies in our own buffers when a listener is stopped: the peer believes that we have it."""
        while data := await _at_hand(reader):
            await self._keep(buffer.feed(data), remote)
        await self._keep(buffer.flush(), remote)

    async def _next(self, reader: Reader, buffer: LineBuffer) -> bytes | None:
        """What came; nothing where a line has waited too long for its end; None at the end of the stream."""
        try:
            async with asyncio.timeout(self._rest_seconds if buffer.has_rest else None):
                data = await reader.read(_READ_BYTES)
        except TimeoutError:
            return b""
        return data or None

    async def _keep(self, lines: Sequence[Line], remote: str) -> None:
        """Puts lines into the spool; waits while it is full."""
        records = [line for line in lines if is_record(line)]
        self.heard.ignored += len(lines) - len(records)
        if not records:
            return
        now = self._clock()
        entries = [packed(self._record(line, now, remote)) for line in records]
        is_full = False
        while True:
            try:
                await self._append(entries)
            except (SpoolFull, OSError) as error:
                if not is_full:
                    self._tell("listener.spool_full", logging.ERROR, error=type(error).__name__)
                is_full = True
                await self._wait_for_room(len(records))
            else:
                self.heard.lines += len(records)
                return

    async def _append(self, entries: Sequence[bytes]) -> None:
        """Raises `SpoolFull` and OSError. Where this is cancelled the entries are kept all the same."""
        writing = asyncio.ensure_future(asyncio.to_thread(self._spool.append, entries))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # What is kept at the stop must not overtake it.
            await asyncio.wait([writing])
            if writing.exception() is not None:
                self._tell("listener.lines_lost", logging.ERROR, lines=len(entries))
            raise

    async def _wait_for_room(self, lines: int) -> None:
        try:
            await asyncio.sleep(FULL_PAUSE_SECONDS)
        except asyncio.CancelledError:
            self._tell("listener.lines_lost", logging.ERROR, lines=lines)
            raise

    def _record(self, line: Line, now: datetime, remote: str) -> Record:
        digest = sha256(line.text).hexdigest()[:16]
        identity = f"line:{self._born}:{next(self._numbers)}:{digest}"
        return Record(line.text, now, identity, "text/plain", remote)

    def _tell(self, name: str, level: int = logging.INFO, **fields: object) -> None:
        log_event(logger, name, level, source=self._intake.source.name, **fields)


async def _at_hand(reader: Reader) -> bytes:
    try:
        async with asyncio.timeout(AT_HAND_SECONDS):
            return await reader.read(_READ_BYTES)
    except TimeoutError:
        return b""


def _keep_alive(connection: socket.socket | None) -> None:
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
