"""A tunnel through an egress proxy on a plain socket (RFC 9110, 9.3.6), and the words for why there is none.

Whatever goes wrong before the tunnel stands is the proxy's, a silence too: what is behind it does not show.
"""

import re
import socket
import time
from base64 import b64encode

from dispatcher.domain.egress_proxy import EgressProxy
from dispatcher.domain.exchange import ErrorWord

Failure = tuple[ErrorWord, str]

NOT_RESOLVED = ErrorWord.PROXY, "the proxy's name could not be resolved"
NOT_CONNECTED = ErrorWord.PROXY, "no connection to the proxy"
NO_TUNNEL_IN_TIME = ErrorWord.PROXY, "no tunnel through the proxy within the time-out"
_BROKE = ErrorWord.PROXY, "the proxy refused the connection"
_UNREACHED = ErrorWord.PROXY, "the proxy could not reach the target"
_BY_STATUS = {
    403: (ErrorWord.PROXY, "the proxy does not allow this target"),
    407: (ErrorWord.PROXY, "the proxy asks for another user and password"),
}

_MAX_ANSWER_BYTES = 65_536
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_END = b"\r\n\r\n"


def answered(status: int) -> Failure:
    """The failure that the status of an answer to CONNECT is. A proxy's own trouble and that of what is behind it have
    the same statuses; neither is spent on the target.
    """
    return _UNREACHED if status in range(500, 600) else _BY_STATUS.get(status, _BROKE)


def is_about_the_address(failure: Failure) -> bool:
    """Whether another address of the target might fare better."""
    return failure == _UNREACHED


def establish(
    connected: socket.socket, proxy: EgressProxy, target: tuple[str, int | None], give_up_at: float
) -> Failure | None:
    """Asks a proxy that is connected to for a tunnel to an address and port; None when it stands.

    `give_up_at` is a moment of the monotonic clock.
    """
    try:
        connected.settimeout(max(0.001, give_up_at - time.monotonic()))
        connected.sendall(_connect(proxy, *target))
        head = _head(connected, give_up_at)
    except TimeoutError:
        return NO_TUNNEL_IN_TIME
    except OSError:
        return _BROKE
    found = _STATUS.match(head)
    if found is None or not head.endswith(_END):
        return _BROKE
    status = int(found[1])
    return None if status in range(200, 300) else answered(status)


def _connect(proxy: EgressProxy, address: str, port: int | None) -> bytes:
    authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "Proxy-Connection: Keep-Alive"]
    if proxy.username is not None:
        login = b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    return "\r\n".join([*lines, "", ""]).encode()


def _head(connected: socket.socket, give_up_at: float) -> bytes:
    """The head of the answer and not a byte more: what follows belongs to the target."""
    head = b""
    while len(head) < _MAX_ANSWER_BYTES and not head.endswith(_END):
        connected.settimeout(max(0.001, give_up_at - time.monotonic()))
        waiting = connected.recv(4_096, socket.MSG_PEEK)
        if not waiting:
            break
        end = (head + waiting).find(_END)
        head += connected.recv(len(waiting) if end < 0 else end + len(_END) - len(head))
    return head
