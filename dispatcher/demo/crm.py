"""A CRM for the demonstration, on loopback: it behaves by path, and remembers what it was sent.

`/flaky/...` answers 503 to the first two tries of each delivery, `/slow/...` takes 0.3 s, `/soap/crm` speaks SOAP (its
WSDL is at `/soap/crm?wsdl`), everything else is well. `GET /received` tells, by the first segment of the path, how many
requests came and how many different deliveries.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from dispatcher.adapters.supervisor import watch_parent
from dispatcher.demo import soap_messages
from dispatcher.settings import parent_pipe

FLAKY_REFUSALS = 2
SLOW_SECONDS = 0.3
BUSY_EVERY = 4
"""Of so many deliveries by SOAP, the first try of one meets a fault that is the server's."""
WSDL_FILE = Path(__file__).with_name("crm.wsdl")
MAX_REMEMBERED = 200_000
"""Deliveries; a demonstration that runs for days starts to forget all of them then."""
MAX_BODY_BYTES = 1 << 20


@dataclass
class Memory:
    """What came in, by the first segment of its path."""

    requests: Counter[str] = field(default_factory=Counter)
    tries: dict[str, Counter[str]] = field(default_factory=dict)

    def note(self, place: str, delivery: str) -> int:
        """Remembers a request; which try of this delivery it is, from 1."""
        tries = self.tries.setdefault(place, Counter())
        if len(tries) >= MAX_REMEMBERED:
            tries.clear()
        self.requests[place] += 1
        tries[delivery] += 1
        return tries[delivery]

    def told(self) -> dict[str, dict[str, int]]:
        """As `GET /received` answers."""
        return {
            place: {"requests": self.requests[place], "deliveries": len(tries)} for place, tries in self.tries.items()
        }


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def place(self) -> str:
        """The first segment of the path."""
        return self.path.partition("?")[0].strip("/").partition("/")[0]


@dataclass(frozen=True)
class Response:
    """What is said to it."""

    content: bytes
    content_type: str = "application/json"
    status: int = 200

    def on_the_wire(self) -> bytes:
        """Status line, headers, content."""
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nContent-Type: {self.content_type}\r\n"
        return f"{head}Content-Length: {len(self.content)}\r\n\r\n".encode() + self.content


class Crm:
    """The server's behaviour, for one connection after the other or many at once."""

    def __init__(self) -> None:
        self.memory = Memory()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with its requests, as long as the client keeps it."""
        port = writer.get_extra_info("sockname")[1]
        try:
            while request := await _read_request(reader):
                writer.write((await self._answer(request, port)).on_the_wire())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            # A client that leaves half-way, or talks no HTTP: nothing to answer.
            return
        finally:
            writer.close()

    async def _answer(self, request: Request, port: int) -> Response:
        place = request.place
        if request.method == "GET" and place == "received":
            return _json(self.memory.told())
        if request.method == "GET" and place == "soap":
            return _wsdl(request.path, port)
        attempt = self.memory.note(place, request.headers.get("webhook-id", ""))
        if place == "soap":
            return self._soap(request, attempt)
        if place == "flaky" and attempt <= FLAKY_REFUSALS:
            return _json({"ok": False, "error": "the help desk is having its coffee"}, 503)
        if place == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return _json({"ok": True, "number": self.memory.requests[place]})

    def _soap(self, request: Request, attempt: int) -> Response:
        number = self.memory.requests["soap"]
        try:
            version, operation = soap_messages.read_call(request.headers, request.body)
        except soap_messages.Refused as refused:
            return _fault(refused.version, str(refused), blames_sender=True)
        if attempt == 1 and len(self.memory.tries["soap"]) % BUSY_EVERY == 0:
            return _fault(version, "the CRM is closing its books, come back in a moment", blames_sender=False)
        lead = {"LeadId": f"L-{number}"} if operation == "LogCall" else {}
        return _xml(soap_messages.answer(version, operation, **lead, Number=number), version)


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body).encode(), status=status)


def _xml(content: bytes, version: str, status: int = 200) -> Response:
    return Response(content, f"{soap_messages.CONTENT_TYPES[version]}; charset=utf-8", status)


def _fault(version: str, reason: str, *, blames_sender: bool) -> Response:
    status, content = soap_messages.fault(version, reason, blames_sender=blames_sender)
    return _xml(content, version, status)


def _wsdl(path: str, port: int) -> Response:
    place, _, query = path.partition("?")
    if query.lower() != "wsdl":
        return _json({"ok": False, "error": "SOAP is posted; the WSDL is at ?wsdl"}, 405)
    document = WSDL_FILE.read_text("utf-8").replace("ADDRESS", f"http://127.0.0.1:{port}{place}")
    return _xml(document.encode(), "1.1")


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None where the client has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY_BYTES or "transfer-encoding" in headers:
        raise ValueError("a body that the demonstration never sends")
    return Request(method, path, headers, await reader.readexactly(length))


async def run(port: int) -> None:
    """Serves on loopback until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await asyncio.start_server(Crm().serve, "127.0.0.1", port, backlog=512)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    watch_parent(parent_pipe())
    asyncio.run(run(int(sys.argv[1])))
