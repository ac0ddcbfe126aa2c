"""A target that keeps what it gets and answers as told, on one event loop: a thousand requests may hang in it."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    """`body_bytes` of zeros follow the body; `None` seconds is an answer that never comes."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"
    after_seconds: float | None = 0.0
    zeros: int = 0
    promised_bytes: int = 0
    """More than are sent: the connection closes half-way."""
    hangs_up: bool = False
    """Without a word, as a restart does to a request that came too late."""


@dataclass(eq=False)
class Got:
    """One request; times are `time.monotonic()`, `answered_at` is None until the whole answer was written."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes
    is_first: bool
    """On its connection."""
    answered_at: float | None = None

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Target:
    """`answer` says what a request gets; it may be set at any time."""

    answer: Callable[[Got], Answer] = lambda _: Answer()
    requests: list[Got] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listens, on the port of the first time."""
        starting = asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=2048, ssl=self.tls)
        self._server = self._wait(starting)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stops listening and cuts every connection, idle ones too, as a restart does."""
        self._wait(self._close())

    def ids(self, path: str | None = None) -> list[str]:
        """The `webhook-id` of every request so far, repeats included."""
        return [got.id for got in list(self.requests) if path in (None, got.path)]

    def waiting(self) -> list[Got]:
        """What has not been answered."""
        return [got for got in list(self.requests) if got.answered_at is None]

    def _wait(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(10)

    async def _close(self) -> None:
        self._server.close()
        conversations = dict(self._conversations)
        for task, writer in conversations.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*conversations)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = writer
        # Cancelled is how `close` ends it: no exception, or asyncio would log each.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            is_first = True
            while await self._exchange(reader, writer, is_first=is_first):
                is_first = False
        del self._conversations[task]
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_first: bool) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(_header(line) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        got = Got(time.monotonic(), head[0].split(" ")[1], headers, body, is_first)
        self.requests.append(got)
        answer = self.answer(got)
        if answer.hangs_up:
            writer.transport.abort()
            return False
        if answer.after_seconds is None:
            await reader.read(1)  # until the other side has enough of it
            return False
        await asyncio.sleep(answer.after_seconds)
        length = len(answer.body) + answer.zeros + answer.promised_bytes
        lines = [f"HTTP/1.1 {answer.status} X", f"content-length: {length}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + answer.body)
        for _ in range(answer.zeros // CHUNK_BYTES):
            writer.write(bytes(CHUNK_BYTES))
            await writer.drain()
        await writer.drain()
        got.answered_at = time.monotonic()
        return not answer.promised_bytes


def self_signed(folder: Path, common_name: str = "127.0.0.1") -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody has signed but its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "target.pem"
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def repeated(ids: Iterable[str]) -> set[str]:
    """Those that are there more than once."""
    seen: set[str] = set()
    return {each for each in ids if each in seen or seen.add(each)}  # type: ignore[func-returns-value]
