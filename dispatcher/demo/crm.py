"""A CRM for the demonstration, on loopback: it behaves by path, and remembers what it was sent.

`/flaky/...` answers 503 to the first two tries of each delivery, `/slow/...` takes 0.3 s, everything else is well.
`GET /received` tells, by the first segment of the path, how many requests came and how many different deliveries.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field

from dispatcher.adapters.supervisor import watch_parent
from dispatcher.settings import parent_pipe

FLAKY_REFUSALS = 2
SLOW_SECONDS = 0.3
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


class Crm:
    """The server's behaviour, for one connection after the other or many at once."""

    def __init__(self) -> None:
        self.memory = Memory()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with its requests, as long as the client keeps it."""
        try:
            while request := await _read_request(reader):
                status, body = await self._answer(*request)
                writer.write(_response(status, body))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            # A client that leaves half-way, or talks no HTTP: nothing to answer.
            return
        finally:
            writer.close()

    async def _answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[str, object]:
        place = path.partition("?")[0].strip("/").partition("/")[0]
        if method == "GET" and place == "received":
            return "200 OK", self.memory.told()
        attempt = self.memory.note(place, headers.get("webhook-id", ""))
        if place == "flaky" and attempt <= FLAKY_REFUSALS:
            return "503 Service Unavailable", {"ok": False, "error": "the help desk is having its coffee"}
        if place == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return "200 OK", {"ok": True, "number": self.memory.requests[place]}


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    """Method, path and headers, the body read away; None where the client has closed."""
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
    await reader.readexactly(length)
    return method, path, headers


def _response(status: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


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
