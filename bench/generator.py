"""The generator's loop: posts over keep-alive connections from one thread, with nothing in it that could be left out.

At a fixed rate (open loop) every post has a moment when it is due, and its latency counts from then. A generator
that waits for a slow answer before it looks at the clock again would leave out exactly the posts that suffered.
A post costs about 15 microseconds of CPU at full speed, so that the machine is left to what is measured.
"""

import select
import socket
import time
from array import array
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.accounting import Post
from bench.events import EventBodies

SILENCE_SECONDS = 30.0
"""Nothing answered for so long ends the run: what is open then is counted as unanswered."""
IMMINENT_SECONDS = 0.02


@dataclass(frozen=True)
class Plan:
    """What to post. `rate` is posts per second, None for as fast as they are accepted."""

    url: str
    events: int
    prefix: str = "bench"
    batch: int = 1
    connections: int = 32
    rate: float | None = None
    campaigns: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    first: int = 0

    @property
    def posts(self) -> int:
        """How many HTTP posts that makes; the last may carry fewer events."""
        return -(-self.events // self.batch)


class Connection:
    """A keep-alive connection with at most one post under way."""

    __slots__ = ("fd", "post", "received", "sock", "unsent")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.fd = self.sock.fileno()
        self.post = -1
        self.received = b""
        self.unsent = b""


def complete_status(data: bytes) -> int:
    """The status of a complete HTTP/1.1 answer, 0 while bytes are missing; understands both kinds of body length."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        stop = head.find(b"\r\n", at + 17)
        length = int(head[at + 17 : stop if stop >= 0 else end])
        return int(data[9:12]) if len(data) >= end + 4 + length else 0
    if b"chunked" in head and not data.endswith(b"0\r\n\r\n"):
        return 0
    return int(data[9:12])


class Generator:
    """Carries out one plan. The arrays are indexed by post."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        parts = urlsplit(plan.url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        lines = [
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            *plan.headers,
        ]
        self.head = ("\r\n".join(lines) + "\r\nContent-Length: ").encode()
        self.bodies = EventBodies(plan.prefix, plan.campaigns)
        posts = plan.posts
        self.due, self.sent, self.done = (array("d", bytes(8 * posts)) for _ in range(3))
        self.status = array("h", bytes(2 * posts))
        self.answer_bytes = array("l", [0]) * posts
        self.next = self.answered = 0
        self.poll = select.epoll()
        self.open: dict[int, Connection] = {}
        self.idle: list[Connection] = []

    def connect(self) -> Connection:
        connection = Connection(self.address)
        self.open[connection.fd] = connection
        self.poll.register(connection.fd, select.EPOLLIN)
        return connection

    def request(self, post: int) -> bytes:
        first, batch = post * self.plan.batch, self.plan.batch
        if batch == 1:
            body = self.bodies.one(self.plan.first + first)
        else:
            body = self.bodies.several(self.plan.first + first, min(batch, self.plan.events - first))
        return b"%b%d\r\n\r\n%b" % (self.head, len(body), body)

    def next_idle(self) -> Connection:
        """The one that was used last, so that there are no more of them than are needed."""
        return self.idle.pop()

    def start(self, connection: Connection, now: float) -> None:
        """Sends the next post; what the socket does not take at once is sent when it has room."""
        post = self.next
        self.next = post + 1
        connection.post = post
        if self.plan.rate is None:
            self.due[post] = now
        data = self.request(post)
        self.sent[post] = time.time()
        self.push(connection, data)

    def push(self, connection: Connection, data: bytes) -> None:
        try:
            count = connection.sock.send(data)
        except BlockingIOError:
            count = 0
        except OSError:
            self.broken(connection)
            return
        if count < len(data):
            connection.unsent = data[count:]
            self.poll.modify(connection.fd, select.EPOLLIN | select.EPOLLOUT)
        elif connection.unsent:
            connection.unsent = b""
            self.poll.modify(connection.fd, select.EPOLLIN)

    def broken(self, connection: Connection) -> None:
        """The server closed: the post under way stays unanswered (status 0), and the connection is not used again."""
        del self.open[connection.fd]
        self.poll.unregister(connection.fd)
        connection.sock.close()
        if connection in self.idle:
            self.idle.remove(connection)
        elif connection.post >= 0:
            self.done[connection.post] = time.time()
            self.answered += 1

    def ready(self, fd: int, event: int) -> None:
        """Reads an answer; once it is complete the connection takes the next post that is due."""
        connection = self.open[fd]
        if event & select.EPOLLOUT and connection.unsent:
            self.push(connection, connection.unsent)
            return
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.broken(connection)
            return
        if connection.received:
            data = connection.received + data
        status = complete_status(data)
        if not status:
            connection.received = data
            return
        now = time.time()
        connection.received = b""
        self.done[connection.post] = now
        self.status[connection.post] = status
        self.answer_bytes[connection.post] = len(data)
        connection.post = -1
        self.answered += 1
        if self.next < self.plan.posts and (self.plan.rate is None or self.due[self.next] <= now):
            self.start(connection, now)
        else:
            self.idle.append(connection)

    def start_due(self) -> float:
        """Starts every post that is due and finds a connection; returns the seconds until the next is due."""
        posts, limit = self.plan.posts, self.plan.connections
        while self.next < posts:
            now = time.time()
            wait = self.due[self.next] - now
            if wait > 0:
                return wait
            if self.idle:
                self.start(self.next_idle(), now)
            elif len(self.open) < limit:
                self.start(self.connect(), now)
            else:
                break
        return 1.0

    def run(self) -> None:
        """Posts everything and waits for the answers, or gives up after SILENCE_SECONDS without any."""
        posts, rate = self.plan.posts, self.plan.rate
        begin = time.time() + 0.02
        if rate is not None:
            self.due = array("d", [begin + n / rate for n in range(posts)])
        seen, seen_at = 0, begin
        while self.answered < posts:
            wait = self.start_due()
            # A millisecond is epoll's finest time-out; select() on the epoll descriptor waits to the microsecond.
            if rate is not None and wait < IMMINENT_SECONDS:
                select.select([self.poll.fileno()], [], [], wait)
                wait = 0
            for fd, event in self.poll.poll(min(wait, 0.5)):
                self.ready(fd, event)
            if self.answered != seen:
                seen, seen_at = self.answered, time.time()
            elif time.time() - seen_at > SILENCE_SECONDS and self.next > self.answered:
                break

    def posts(self) -> list[Post]:
        """Every post that was started."""
        batch, first, total = self.plan.batch, self.plan.first, self.plan.events
        times = zip(self.due, self.sent, self.done, self.status, self.answer_bytes, strict=True)
        rows = (
            Post(first + n * batch, min(batch, total - n * batch), due, sent, done, status, size)
            for n, (due, sent, done, status, size) in enumerate(times)
        )
        return [post for n, post in enumerate(rows) if n < self.next]
