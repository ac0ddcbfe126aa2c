"""urllib3 connections that ask `Egress` before they connect and can be cut off from another thread.

urllib3 makes connections deep inside its pools; what an exchange needs to know of its own (why it could not
connect, whether the connection was a pooled one) reaches it through the `Wire` of the current thread.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from dispatcher.adapters import proxy_tunnel
from dispatcher.adapters.egress import Egress
from dispatcher.domain.egress_proxy import EgressProxy
from dispatcher.domain.exchange import ErrorWord

Failure = tuple[ErrorWord, str]
_Address = tuple[Any, ...]  # As `socket.getaddrinfo` gives it.

_NOT_RESOLVED = ErrorWord.DNS, "the target's name was not resolved within the time-out"
_NOT_ANSWERED = ErrorWord.TIMEOUT, "no complete answer within the time-out"
_DNS = ErrorWord.DNS, "the target's name could not be resolved"
_DENIED = ErrorWord.EGRESS_DENIED, "the target's network is closed (ONHOOK_EGRESS_ALLOW opens one)"
_NOT_CONNECTED = ErrorWord.CONNECT_TIMEOUT, "no connection within the time-out"
_REFUSED = ErrorWord.CONNECT_REFUSED, "the target refused the connection"


class Wire:
    """One exchange's hold on the connection that carries it."""

    def __init__(self, egress: Egress, connect_timeout_seconds: float) -> None:
        self.egress = egress
        self.connect_timeout_seconds = connect_timeout_seconds
        self.failure: Failure | None = None
        self.timeout: Failure = _NOT_RESOLVED
        """What a time-out means at this moment."""
        self.reused = False
        self.fresh_only = False
        self.proxy: EgressProxy | None = None
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def attach(self, connected: socket.socket) -> None:
        """Keeps a duplicate of the socket: it shuts down the same connection, and no wrapping in TLS, closing or
        reuse of the descriptor by others can lead it astray.
        """
        duplicate = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._drop()
            self._socket = duplicate
            if self._cut:
                self._shut()

    def cut(self) -> None:
        """Breaks the connection, from any thread, so that whoever reads or writes it returns at once."""
        with self._lock:
            self._cut = True
            self._shut()

    def release(self) -> None:
        """Lets go of the connection, which others may use from now on."""
        with self._lock:
            self._drop()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # Not connected any more, which is what was wanted.
                self._socket.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Current(threading.local):
    wire: Wire


current = _Current()


class GuardedConnection(HTTPConnection):
    _unused = True

    def _new_conn(self) -> socket.socket:
        wire = current.wire
        wire.reused = False
        try:
            addresses = socket.getaddrinfo(_plain_host(self._dns_host), self.port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            wire.failure = _DNS
            raise NameResolutionError(self.host, self, socket.gaierror()) from error
        wire.timeout = _NOT_CONNECTED
        # The address judged is the address connected to: the name is not looked up a second time.
        permitted = [address for address in addresses if wire.egress.permits(str(address[4][0]))]
        if not permitted:
            wire.failure = _DENIED
            raise NewConnectionError(self, _DENIED[1])
        self._unused = True
        give_up_at = time.monotonic() + wire.connect_timeout_seconds
        if wire.proxy is not None:
            return self._tunnelled(wire, wire.proxy, [str(address[4][0]) for address in permitted], give_up_at)
        return self._first_that_answers(wire, permitted, give_up_at)

    def _tunnelled(self, wire: Wire, proxy: EgressProxy, targets: Sequence[str], give_up_at: float) -> socket.socket:
        """A tunnel to one of these addresses: the proxy is told no name that it could look up by itself."""
        wire.timeout = proxy_tunnel.NO_TUNNEL_IN_TIME
        try:
            at = socket.getaddrinfo(proxy.host, proxy.port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            wire.failure = proxy_tunnel.NOT_RESOLVED
            raise NewConnectionError(self, wire.failure[1]) from error
        for target in sorted(targets, key=lambda address: ":" in address):  # A proxy may well have nothing but IPv4.
            connected = self._first_that_answers(wire, at, give_up_at)
            wire.failure = proxy_tunnel.establish(connected, proxy, (target, self.port), give_up_at)
            if wire.failure is None:
                wire.timeout = _NOT_CONNECTED
                return connected
            connected.close()
            if not proxy_tunnel.is_about_the_address(wire.failure):
                break
        raise NewConnectionError(self, wire.failure[1] if wire.failure else "")

    def _first_that_answers(self, wire: Wire, addresses: Sequence[_Address], give_up_at: float) -> socket.socket:
        error: OSError = OSError()
        for family, kind, protocol, _, address in addresses:
            connected = socket.socket(family, kind, protocol)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(max(0.001, give_up_at - time.monotonic()))
            try:
                connected.connect(address)
            except OSError as failed:
                connected.close()
                error = failed
            else:
                wire.attach(connected)
                return connected
        wire.failure = _NOT_CONNECTED if isinstance(error, TimeoutError) else _REFUSED
        if wire.proxy is not None:
            wire.failure = proxy_tunnel.NOT_CONNECTED
        failure = ConnectTimeoutError if isinstance(error, TimeoutError) else NewConnectionError
        raise failure(self, wire.failure[1]) from error

    def connect(self) -> None:
        super().connect()
        current.wire.timeout = _NOT_ANSWERED

    def request(self, *args: object, **kwargs: object) -> None:
        wire = current.wire
        if self.sock is not None and not self._unused:
            if wire.fresh_only:
                self.close()
            else:
                wire.reused = True
                wire.timeout = _NOT_ANSWERED
                wire.attach(self.sock)
        super().request(*args, **kwargs)  # type: ignore[arg-type]
        self._unused = False


def _plain_host(host: str) -> str:
    """As the resolver takes it: without brackets, without the escape before a zone (RFC 6874) and without the last dot,
    which libcurl drops too."""
    if ":" in host:
        return host.strip("[]").replace("%25", "%", 1)
    return host.removesuffix(".")


class GuardedTlsConnection(GuardedConnection, HTTPSConnection):
    pass
