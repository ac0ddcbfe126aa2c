"""An egress proxy on loopback that tunnels, and that does not."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field

OPEN = b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n"


def refuses(status: int) -> bytes:
    """What a proxy answers that makes no tunnel."""
    return b"HTTP/1.1 %d Because\r\nX-Proxy: yes\r\nContent-Length: 3\r\n\r\nbad" % status


@dataclass
class Proxy:
    """Takes CONNECT; `answers` in turn, the last one for ever. One of 200 is followed by the tunnel."""

    answers: list[bytes] = field(default_factory=lambda: [OPEN])
    silence: threading.Event | None = None
    """Nothing is answered until it is set."""
    asked: list[str] = field(default_factory=list)
    """The authorities that a tunnel was asked for, in order."""
    heads: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def with_login(self, username: str, password: str) -> str:
        """Its URL for a user."""
        return f"http://{username}:{password}@127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Closes the listener and every connection."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (byte := client.recv(1)):
                    return
                head += byte
            authority = head.split(b" ")[1].decode()
            self.heads.append(head)
            self.asked.append(authority)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if self.silence is not None:
                self.silence.wait(30)
            client.sendall(answer)
            if b"HTTP/1.1 200 " in answer:
                self._tunnel(client, authority)

    def _tunnel(self, client: socket.socket, authority: str) -> None:
        host, _, port = authority.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 5) as target:
            self._open.append(target)
            threading.Thread(target=_pump, args=[target, client], daemon=True).start()
            _pump(client, target)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
