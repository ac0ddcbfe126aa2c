"""Targets that behave, and targets that do not: real servers on loopback, one thread per connection."""

import contextlib
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it came off the wire."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    nth_on_connection: int


@dataclass
class Connection:
    """The target's side of a connection."""

    sock: socket.socket
    number: int
    requests: int = 0
    sent: int = 0

    def send(self, data: bytes) -> None:
        """Sends; a client that is gone ends the behaviour."""
        self.sock.sendall(data)
        self.sent += len(data)


Behaviour = Callable[[Connection, Received], None]


@dataclass
class Target:
    """A server that treats every request as its behaviour says; the behaviour closes by raising `ConnectionError`."""

    behave: Behaviour
    port: int = 0
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    on_connect: Callable[[Connection], None] | None = None
    """Done with whoever connects, in place of reading a request; the connection is closed after it."""
    received: list[Received] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.port), family=family, backlog=512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def stop(self) -> None:
        """Closes the listener and every connection, as a process that ends does."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                connection = Connection(sock, len(self.connections))
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(lambda: connection.sock.close())  # noqa: PLW0108 - the socket is replaced by its TLS one
            if self.tls is not None:
                connection.sock = _with_tls(self.tls, connection.sock)
            if self.on_connect is not None:
                self.on_connect(connection)
                return
            stream = stack.enter_context(connection.sock.makefile("rb"))
            while (received := _read(stream, connection)) is not None:
                connection.requests += 1
                self.received.append(received)
                self.behave(connection, received)


def _with_tls(context: ssl.SSLContext, sock: socket.socket) -> ssl.SSLSocket:
    """A refusal is told to the end: closing with something unread would make the kernel take the word back."""
    wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    try:
        wrapped.do_handshake()
    except ssl.SSLError:
        with contextlib.closing(wrapped):
            socket.socket.shutdown(wrapped, socket.SHUT_WR)
            wrapped.settimeout(5)
            while socket.socket.recv(wrapped, 4096):
                pass
        raise
    return wrapped


def _read(stream: object, connection: Connection) -> Received | None:
    start = stream.readline().decode()  # type: ignore[attr-defined]
    if not start:
        return None
    method, path, _ = start.split(" ", 2)
    headers: list[tuple[str, str]] = []
    while (line := stream.readline().decode()) not in ("\r\n", ""):  # type: ignore[attr-defined]
        name, _, value = line.rstrip("\r\n").partition(": ")
        headers.append((name.rstrip(":"), value))
    length = int({name.lower(): value for name, value in headers}.get("content-length", 0))
    body = stream.read(length)  # type: ignore[attr-defined]
    return Received(method, path, headers, body, connection.number, connection.requests)


def answer(status: int = 200, body: bytes = b'{"ok":true}', headers: tuple[str, ...] = ()) -> bytes:
    """A whole answer, ready to send."""
    lines = [f"HTTP/1.1 {status} Because", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def says(data: bytes) -> Behaviour:
    """Sends these bytes for every request."""
    return lambda connection, _: connection.send(data)


def says_and_closes(data: bytes) -> Behaviour:
    """Sends these bytes and closes."""

    def behave(connection: Connection, _: Received) -> None:
        connection.send(data)
        raise ConnectionError

    return behave


def waits_for(release: threading.Event) -> Behaviour:
    """Answers once it is released."""

    def behave(connection: Connection, _: Received) -> None:
        release.wait(30)
        connection.send(answer())

    return behave


def drips(before: bytes, pause: threading.Event) -> Behaviour:
    """Sends the beginning of an answer, then a byte every tenth of a second for as long as it is let."""

    def behave(connection: Connection, _: Received) -> None:
        connection.send(before)
        while not pause.wait(0.1):
            connection.send(b"x")

    return behave


def floods(head: bytes, pieces: Callable[[], Iterator[bytes]]) -> Behaviour:
    """Sends a head and then everything of the pieces, if the client takes it."""

    def behave(connection: Connection, _: Received) -> None:
        connection.send(head)
        for piece in pieces():
            connection.send(piece)

    return behave


def once_per_connection(together: threading.Barrier | None = None) -> Behaviour:
    """Answers the first request of a connection and closes on the second, as a target that restarts does."""

    def behave(connection: Connection, received: Received) -> None:
        if received.nth_on_connection:
            raise ConnectionError
        if together is not None and received.path.endswith("/together"):
            together.wait(10)
        connection.send(answer())

    return behave


def gzip_of_zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros, a thousandth of that in bytes."""
    packer = zlib.compressobj(wbits=31)
    megabyte = bytes(1_048_576)
    return b"".join(packer.compress(megabyte) for _ in range(megabytes)) + packer.flush()


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel drops every further attempt (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
