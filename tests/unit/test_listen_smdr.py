"""SMDR over real sockets: what was read is on disk before more is read."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dispatcher.adapters.listeners import smdr
from dispatcher.adapters.listeners.drain import Drain
from dispatcher.adapters.listeners.record import unpacked
from dispatcher.adapters.listeners.smdr import Address, LineListener
from dispatcher.adapters.listeners.spool import Spool
from tests.unit.doubles import HandClock
from tests.unit.listener_doubles import Door, avaya, intake_of, source_of, spool_in

Visit = Callable[[Address, LineListener], Awaitable[None]]
SECONDS = 20.0


def kept(spool: Spool) -> list[bytes]:
    return [unpacked(entry).body for entry, _ in spool.first(1000)]


async def until(there: Callable[[], Any]) -> None:
    async def look() -> None:
        while not there():  # noqa: ASYNC110 - what is waited for is no coroutine's
            await asyncio.sleep(0.005)

    await asyncio.wait_for(look(), SECONDS)


def listening(
    spool: Spool,
    visit: Visit,
    *,
    source: Any = None,
    rest_seconds: float = SECONDS,
    left_open: Sequence[asyncio.StreamWriter] = (),
) -> LineListener:
    """Runs a visit to a listener on a port that the system chose."""
    listener = LineListener(intake_of(Door(), source), spool, HandClock(), rest_seconds=rest_seconds)

    async def run() -> None:
        bound: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(listener.listen(Address("127.0.0.1", 0), bound.set_result))
        try:
            await visit(await asyncio.wait_for(bound, SECONDS), listener)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            for writer in left_open:
                writer.close()

    asyncio.run(run())
    return listener


async def write(at: Address, *pieces: bytes) -> None:
    _, writer = await asyncio.open_connection(at.host, at.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def said(reader: asyncio.StreamReader) -> bytes:
    """What came until the connection ended, in whatever way."""
    try:
        return await asyncio.wait_for(reader.read(), SECONDS)
    except ConnectionResetError:
        return b""


def test_lines_of_several_connections_are_kept(tmp_path: Path):
    async def visit(at: Address, listener: LineListener) -> None:
        await asyncio.gather(write(at, avaya(1) + b"\r\n"), write(at, avaya(2) + b"\n"))
        await until(lambda: listener.heard.lines == 2)

    with spool_in(tmp_path) as spool:
        heard = listening(spool, visit).heard
        assert sorted(kept(spool)) == [avaya(1), avaya(2)]
    assert (heard.connections, heard.open, heard.refused) == (2, 0, 0)


def test_a_line_without_an_end_is_kept_when_the_connection_ends(tmp_path: Path):
    async def visit(at: Address, listener: LineListener) -> None:
        await write(at, avaya(1))
        await until(lambda: listener.heard.lines == 1)

    with spool_in(tmp_path) as spool:
        listening(spool, visit)
        assert kept(spool) == [avaya(1)]


def test_a_line_without_an_end_is_kept_when_nothing_more_comes(tmp_path: Path):
    async def visit(at: Address, listener: LineListener) -> None:
        _, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(avaya(1))
        await until(lambda: listener.heard.lines == 1)
        writer.write(avaya(2) + b"\r\n")
        await until(lambda: listener.heard.lines == 2)
        writer.close()

    with spool_in(tmp_path) as spool:
        listening(spool, visit, rest_seconds=0.02)
        assert kept(spool) == [avaya(1), avaya(2)]


def test_banners_and_keep_alives_are_not_kept(tmp_path: Path):
    async def visit(at: Address, listener: LineListener) -> None:
        await write(at, b"=== SMDR ===\r\n\r\n", avaya(1) + b"\r\n", b"KEEPALIVE\r\n\0\0\r\n")
        await until(lambda: listener.heard.lines == 1 and listener.heard.open == 0)

    with spool_in(tmp_path) as spool:
        heard = listening(spool, visit).heard
        assert (kept(spool), heard.ignored) == ([avaya(1)], 2)


def test_a_peer_that_the_source_does_not_list_is_let_go_and_nothing_is_kept(tmp_path: Path):
    auth = {"kind": "ip_allow", "networks": ["203.0.113.0/24"]}

    async def visit(at: Address, listener: LineListener) -> None:
        reader, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(avaya(1) + b"\r\n")
        assert await said(reader) == b""
        writer.close()

    with spool_in(tmp_path) as spool:
        heard = listening(spool, visit, source=source_of(auth=auth)).heard
        assert (heard.refused, heard.connections, kept(spool)) == (1, 0, [])


def test_more_connections_than_a_system_has_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smdr, "MAX_CONNECTIONS", 1)

    async def visit(at: Address, listener: LineListener) -> None:
        _, first = await asyncio.open_connection(at.host, at.port)
        await until(lambda: listener.heard.open == 1)
        reader, second = await asyncio.open_connection(at.host, at.port)
        assert await said(reader) == b""
        first.close()
        second.close()

    with spool_in(tmp_path) as spool:
        assert listening(spool, visit).heard.refused == 1


def test_what_was_read_before_a_stop_is_kept(tmp_path: Path):
    writers: list[asyncio.StreamWriter] = []

    async def visit(at: Address, listener: LineListener) -> None:
        _, writer = await asyncio.open_connection(at.host, at.port)
        writer.write(avaya(1) + b"\r\n" + avaya(2))
        await until(lambda: listener.heard.lines == 1)
        writers.append(writer)

    with spool_in(tmp_path) as spool:
        listening(spool, visit, left_open=writers)
        assert kept(spool) == [avaya(1), avaya(2)]


def test_while_the_spool_is_full_nothing_more_is_read_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(smdr, "FULL_PAUSE_SECONDS", 0.005)
    door = Door()

    async def visit(at: Address, listener: LineListener) -> None:
        _, writer = await asyncio.open_connection(at.host, at.port)
        for number in range(1, 21):
            writer.write(avaya(number) + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()
        drain = Drain(spool, intake_of(door))

        def is_done() -> bool:
            drain.once()
            return listener.heard.lines == 20 and spool.waiting_bytes == 0

        await until(is_done)

    with spool_in(tmp_path, max_bytes=700) as spool:
        listening(spool, visit)
    assert door.report_ids == [str(number) for number in range(1, 21)]


def test_a_full_disk_is_waited_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smdr, "FULL_PAUSE_SECONDS", 0.005)
    failures = [OSError(28, "No space left on device"), OSError(28, "No space left on device")]

    async def visit(at: Address, listener: LineListener) -> None:
        await write(at, avaya(1) + b"\r\n")
        await until(lambda: listener.heard.lines == 1)

    with spool_in(tmp_path) as spool:
        append = spool.append

        def fail(entries: Any) -> None:
            if failures:
                raise failures.pop()
            append(entries)

        monkeypatch.setattr(spool, "append", fail)
        listening(spool, visit)
        assert (kept(spool), failures) == ([avaya(1)], [])


def test_we_connect_again_whenever_the_system_ends_the_connection(tmp_path: Path):
    pauses: list[float] = []

    async def run(spool: Spool) -> LineListener:
        listener = LineListener(intake_of(Door()), spool, HandClock())
        numbers = iter(range(1, 100))

        async def system(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(avaya(next(numbers)) + b"\r\n")
            await writer.drain()
            writer.close()

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            await asyncio.sleep(0)

        server = await asyncio.start_server(system, "127.0.0.1", 0)
        at = Address(*server.sockets[0].getsockname()[:2])
        running = asyncio.create_task(listener.connect(at, pause))
        await until(lambda: listener.heard.lines >= 3)
        server.close()
        seen = len(pauses)
        await until(lambda: len(pauses) > seen + 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return listener

    with spool_in(tmp_path) as spool:
        listener = asyncio.run(run(spool))
        assert kept(spool)[:3] == [avaya(1), avaya(2), avaya(3)]
    assert listener.heard.connections == listener.heard.lines
    assert max(pauses[:3]) <= 0.5
    assert max(pauses) > 0.5


class SlowSpool:
    """Holds the first lines up until it is let go, so that what comes meanwhile waits in this process."""

    def __init__(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.goes_on = Event(), Event()
        append = spool.append

        def slowly(given: Sequence[bytes]) -> None:
            self.began.set()
            assert self.goes_on.wait(SECONDS)
            append(given)

        monkeypatch.setattr(spool, "append", slowly)

    async def fill(self, connection: socket.socket) -> None:
        """Sends a line, and 300 more once that one is held up; they are in this process when it returns."""
        connection.sendall(avaya(0) + b"\r\n")
        await until(self.began.is_set)
        connection.sendall(b"".join(avaya(number) + b"\r\n" for number in range(1, 300)))
        for _ in range(20):
            await asyncio.sleep(0)


ALL = [avaya(number) for number in range(300)]


def test_what_came_before_a_connection_was_reset_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def visit(at: Address, listener: LineListener) -> None:
        connection = socket.create_connection((at.host, at.port))
        await slow.fill(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        for _ in range(20):
            await asyncio.sleep(0)
        slow.goes_on.set()
        await until(lambda: listener.heard.connections == 1 and listener.heard.open == 0)

    with spool_in(tmp_path) as spool:
        slow = SlowSpool(spool, monkeypatch)
        listening(spool, visit)
        assert kept(spool) == ALL
    assert "listener.connection_lost" in caplog.messages


def test_what_came_before_a_stop_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def visit(at: Address, _: LineListener) -> None:
        connection = socket.create_connection((at.host, at.port))
        opened.append(connection)
        await slow.fill(connection)
        asyncio.get_running_loop().call_later(0.1, slow.goes_on.set)

    opened: list[socket.socket] = []
    with spool_in(tmp_path) as spool:
        slow = SlowSpool(spool, monkeypatch)
        listening(spool, visit)
        opened[0].close()
        assert kept(spool) == ALL
