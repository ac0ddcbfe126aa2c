"""The target of every measurement: an HTTP/1.1 server in a process of its own that notes what reaches it, and when.

For each request it keeps the unix time, `webhook-id`, `x-event`, path and the status it answered. It is steered
over HTTP at `/_sink/...`: `GET counts`, `POST reset`, `POST behaviour` (a JSON object by path, `*` for all others),
`POST dump {"file": ...}`; `GET crm.wsdl` describes what it takes by SOAP. Keep-alive and pipelined requests are
understood; chunked request bodies are refused with 411, since nothing measured here sends them.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import uvloop

from bench import soap_target
from bench.accounting import Arrival

CONTROL = b"/_sink/"


@dataclass(frozen=True)
class Behaviour:
    """How a path answers. `hang` never does; until `back_at` (unix time) it is sent as Retry-After, then all is 200.

    `soap`: in an envelope of SOAP 1.1 instead of JSON.
    """

    status: int = 200
    delay_seconds: float = 0.0
    hang: bool = False
    back_at: float | None = None
    soap: bool = False


def answer_bytes(
    status: int, body: bytes = b'{"ok":true}', extra: bytes = b"", content_type: bytes = b"application/json"
) -> bytes:
    """A complete keep-alive answer."""
    return b"HTTP/1.1 %d X\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n%b" % (
        status,
        content_type,
        extra,
        len(body),
        body,
    )


class Book:
    """What arrived so far, and how to answer."""

    def __init__(self, default: Behaviour, origin: str = "") -> None:
        self.default = default
        self.origin = origin
        self.behaviours: dict[bytes, Behaviour] = {}
        self.answers: dict[Behaviour, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """Forgets what arrived, not how to answer."""
        self.rows: list[tuple[float, bytes, bytes, bytes, int]] = []
        self.delivered: set[tuple[bytes, bytes]] = set()
        self.in_flight = self.peak_in_flight = 0
        self.cpu_before = time.process_time()

    def set(self, by_path: dict[str, dict[str, Any]]) -> None:
        """Replaces every behaviour; `*` stands for the paths not named."""
        made = {path: Behaviour(**fields) for path, fields in by_path.items()}
        self.default = made.pop("*", Behaviour())
        self.behaviours = {path.encode(): b for path, b in made.items()}

    def answer(self, behaviour: Behaviour) -> bytes:
        """The bytes of an answer, made once per behaviour."""
        ready = self.answers.get(behaviour)
        if ready is None:
            extra = (
                b""
                if behaviour.back_at is None
                else b"retry-after: %b\r\n" % formatdate(behaviour.back_at, usegmt=True).encode()
            )
            said = (soap_target.REPLY, extra, soap_target.CONTENT_TYPE) if behaviour.soap else (b'{"ok":true}', extra)
            ready = self.answers[behaviour] = answer_bytes(behaviour.status, *said)
        return ready

    def counts(self) -> dict[str, float]:
        """Requests, different (event, path) pairs answered 2xx, requests being held, CPU since the last reset."""
        return {
            "requests": len(self.rows),
            "delivered": len(self.delivered),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "cpu_seconds": time.process_time() - self.cpu_before,
        }

    def dump(self, path: Path) -> None:
        """One line per request: time, webhook-id, event id, path, status; tab-separated."""
        with path.open("wb") as out:
            out.writelines(b"%.6f\t%b\t%b\t%b\t%d\n" % row for row in self.rows)


def header(head: bytes, lower: bytes, name: bytes) -> bytes:
    """A header's value from `head`, given its lower-cased copy and `name` as `\\r\\nname:`; empty without it."""
    at = lower.find(name)
    if at < 0:
        return b""
    at += len(name)
    stop = head.find(b"\r\n", at)
    return head[at : stop if stop >= 0 else len(head)].strip()


class Conversation(asyncio.Protocol):
    """One connection."""

    __slots__ = ("book", "held", "rest", "transport")

    def __init__(self, book: Book) -> None:
        self.book = book
        self.rest = b""
        self.held = 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # asyncio types it as BaseTransport, a stream's is a Transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self.book.in_flight -= self.held
        self.held = 0

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if self.rest:
            data = self.rest + data
        start = 0
        while (end := data.find(b"\r\n\r\n", start)) >= 0:
            head = data[start:end]
            lower = head.lower()
            length = int(header(head, lower, b"\r\ncontent-length:") or 0)
            if not length and b"\r\ntransfer-encoding:" in lower:
                self.transport.write(answer_bytes(411))
                self.transport.close()
                return
            stop = end + 4 + length
            if len(data) < stop:
                break
            path = head[head.find(b" ") + 1 : head.find(b" HTTP/")]
            if path.startswith(CONTROL):
                self.transport.write(control(self.book, path, data[end + 4 : stop]))
            else:
                self.note(now, path, header(head, lower, b"\r\nwebhook-id:"), header(head, lower, b"\r\nx-event:"))
            start = stop
        self.rest = data[start:]

    def note(self, now: float, path: bytes, webhook_id: bytes, event_id: bytes) -> None:
        """Records one request and answers it, or holds it."""
        book = self.book
        behaviour = book.behaviours.get(path, book.default) if book.behaviours else book.default
        if behaviour.back_at is not None and now >= behaviour.back_at:
            behaviour = Behaviour()
        book.rows.append((now, webhook_id, event_id, path, 0 if behaviour.hang else behaviour.status))
        if behaviour.delay_seconds or behaviour.hang:
            self.held += 1
            book.in_flight += 1
            book.peak_in_flight = max(book.peak_in_flight, book.in_flight)
            if not behaviour.hang:
                asyncio.get_running_loop().call_later(behaviour.delay_seconds, self.release, behaviour, event_id, path)
            return
        if behaviour.status < 300:
            book.delivered.add((event_id, path))
        self.transport.write(book.answer(behaviour))

    def release(self, behaviour: Behaviour, event_id: bytes, path: bytes) -> None:
        """Answers a held request, unless its connection went meanwhile."""
        if not self.held:
            return
        self.held -= 1
        self.book.in_flight -= 1
        if behaviour.status < 300:
            self.book.delivered.add((event_id, path))
        self.transport.write(self.book.answer(behaviour))


def control(book: Book, path: bytes, body: bytes) -> bytes:
    """Carries out one control request."""
    match path.removeprefix(CONTROL):
        case b"counts":
            pass
        case b"reset":
            book.reset()
        case b"behaviour":
            book.set(json.loads(body))
        case b"crm.wsdl":
            return answer_bytes(200, soap_target.wsdl(book.origin), content_type=soap_target.CONTENT_TYPE)
        case b"dump":
            book.dump(Path(json.loads(body)["file"]))
        case _:
            return answer_bytes(404)
    return answer_bytes(200, json.dumps(book.counts()).encode())


def read_arrivals(path: Path) -> list[Arrival]:
    """What a dump holds."""
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return [Arrival(float(at), webhook, event, target, int(status)) for at, webhook, event, target, status in rows]


async def serve(listener: socket.socket, book: Book) -> None:
    """Serves until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    server = await loop.create_server(lambda: Conversation(book), sock=listener, backlog=4096)
    await stop.wait()
    server.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the port it listens on, then serves; with --prove, measures itself and ends."""
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: the operating system chooses")
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--delay-seconds", type=float, default=0.0)
    parser.add_argument(
        "--prove", action="store_true", help="measure how much this sink takes, with the load generator"
    )
    a = parser.parse_args(argv)
    if a.prove:
        # The proof starts this very module as a process of its own, and so imports it.
        from bench.proof import prove  # noqa: PLC0415

        print(json.dumps(prove()))
        return 0
    listener = socket.create_server(("127.0.0.1", a.port), backlog=4096)
    port = listener.getsockname()[1]
    print(port, flush=True)
    # Nothing here makes cycles, and a collection that walks 100,000 rows would be measured as the product's latency.
    gc.disable()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(listener, Book(Behaviour(a.status, a.delay_seconds), f"http://127.0.0.1:{port}")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
