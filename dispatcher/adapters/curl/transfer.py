"""One reusable libcurl easy handle: a request goes in, an `Exchange` comes out.

Making an easy handle costs as much as a whole exchange, so handles are kept and only what differs from
request to request is set again. Connections do not belong to it but to the multi handle.
"""

import socket
from collections.abc import Callable
from typing import Any

import pycurl

from dispatcher.adapters.curl.errors import DEAD_CONNECTION, error_of
from dispatcher.adapters.curl.options import STATIC_OPTIONS, milliseconds, set_method, set_tls
from dispatcher.adapters.curl.readings import final_headers, read_timings
from dispatcher.adapters.curl.tunnel import Tunnel
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.proxy_tunnel import NOT_RESOLVED
from dispatcher.adapters.wire_form import host_of, libcurl_headers, wire_url
from dispatcher.domain.egress_proxy import parse_proxy
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request

MAX_HEADER_BYTES = 65_536
"""Of one answer, interim answers and trailers included; a web server's own limit is 8 to 16 KiB."""

_MAX_KEPT_BODY_BYTES = 16_384  # libcurl keeps a copy of the body until the handle's next request.

_NO_SOCKET: int = pycurl.SOCKET_BAD
_GO_ON: int = pycurl.PREREQFUNC_OK


class _LentSocket(socket.socket):
    """pycurl duplicates the descriptor for libcurl and drops this object, which otherwise warns of a leak."""

    def __del__(self) -> None:
        self.close()


class Transfer:
    """Carries one exchange at a time. Only the sender's thread touches it."""

    __slots__ = (
        "_allowed_bytes",
        "_body_bytes",
        "_chunks",
        "_denied",
        "_egress",
        "_header_bytes",
        "_lines",
        "_max_response_bytes",
        "_on_resolved",
        "_opened",
        "_repeating",
        "_scouting",
        "_single_use",
        "_spent_us",
        "_too_large",
        "_tunnel",
        "curl",
        "done",
        "host",
        "request",
    )

    def __init__(self, egress: Egress, max_response_bytes: int, ca_file: str) -> None:
        self._egress = egress
        self._max_response_bytes = self._allowed_bytes = max_response_bytes
        self._lines: list[bytes] = []
        self._chunks: list[bytes] = []
        self.curl = pycurl.Curl()
        for option, value in STATIC_OPTIONS:
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.CAINFO, ca_file)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._on_header)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._on_body)
        self._repeating = False
        self._on_resolved: Callable[[], None] | None = None
        self._scouting = False
        self._single_use = False
        self._tunnel: Tunnel | None = None

    def load(self, request: Request, done: Callable[[Exchange], None]) -> None:
        """Sets the handle up for a request. Raises ValueError for one that cannot be put on the wire, TlsUnusable for
        certificates that cannot be used.
        """
        self.request = request
        self.done = done
        self._spent_us = 0
        allowed_bytes = request.max_response_bytes
        self._allowed_bytes = self._max_response_bytes if allowed_bytes is None else allowed_bytes
        self._forget_answer()
        curl = self.curl
        url = wire_url(request.url)
        self.host = host_of(url)
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.HTTPHEADER, libcurl_headers(request.headers))
        set_method(curl, request.method, request.body)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout_seconds))
        curl.setopt(pycurl.TIMEOUT_MS, milliseconds(request.deadline_seconds))
        if request.tls is not None:
            self._single_use = True
            set_tls(curl, request.tls)
        if request.proxy is not None:
            self._single_use = True
            self._tunnel = Tunnel(curl, parse_proxy(request.proxy))

    def tell_when_resolved(self, on_resolved: Callable[[], None]) -> None:
        """Calls back once, from inside libcurl, when the exchange needs the target's name no more."""
        self._on_resolved = on_resolved
        self._scouting = True
        self.curl.setopt(pycurl.PREREQFUNCTION, self._on_connected)  # A pooled connection opens no socket.

    @property
    def unresolved(self) -> bool:
        """Whether somebody is still to be told."""
        return self._on_resolved is not None

    def shorten(self, seconds: float) -> bool:
        """Takes from the deadline what was spent waiting. False where nothing is left."""
        self._spent_us += int(seconds * 1e6)
        remaining_seconds = self.request.deadline_seconds - self._spent_us / 1e6
        if remaining_seconds > 0:
            self.curl.setopt(pycurl.TIMEOUT_MS, milliseconds(remaining_seconds))
        return remaining_seconds > 0

    def unresolved_in_time(self) -> tuple[ErrorWord, str]:
        """What it is called when the wait for the name took all the time there was."""
        if self._tunnel is not None and self._tunnel.asked_for is not None:
            return NOT_RESOLVED
        return ErrorWord.DNS, "the target's name was not resolved within the time-out"

    def next_stage(self, code: int) -> bool:
        """Readies the next stage of an exchange through a proxy, `host` being the name to resolve for it. False where
        there is none, as of every exchange without a proxy.
        """
        tunnel = self._tunnel
        if tunnel is None or not tunnel.next_stage(code):
            return False
        self._forget_answer()
        self._spent_us += self.curl.getinfo(pycurl.TOTAL_TIME_T)
        spent_seconds = self._spent_us / 1e6
        self.curl.setopt(pycurl.TIMEOUT_MS, milliseconds(self.request.deadline_seconds - spent_seconds))
        self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, milliseconds(self.request.connect_timeout_seconds - spent_seconds))
        self.host = tunnel.gate_name
        return True

    def repeat(self, code: int) -> bool:
        """Readies a second try on a fresh connection where a pooled one turned out to be dead.

        False where that was not the case, or where the deadline leaves no time. A target that restarts leaves such
        connections; no byte of an answer was seen, and the delivery id on the wire makes the repeat safe.
        """
        if self._repeating or self._lines or code not in DEAD_CONNECTION:
            return False
        if self.curl.getinfo(pycurl.NUM_CONNECTS):
            return False
        spent_us = self._spent_us + self.curl.getinfo(pycurl.TOTAL_TIME_T)
        remaining_seconds = self.request.deadline_seconds - spent_us / 1e6
        if remaining_seconds <= 0:
            return False
        self._forget_answer()
        self._spent_us = spent_us
        self._set_repeating(repeating=True)
        self.curl.setopt(pycurl.TIMEOUT_MS, milliseconds(remaining_seconds))
        return True

    def exchange(self, code: int) -> Exchange:
        """What the exchange came to, for the code libcurl ended it with (0: there is an answer)."""
        info = self.curl.getinfo
        reused = info(pycurl.NUM_CONNECTS) == 0 and (code == 0 or info(pycurl.REQUEST_SIZE) > 0)
        timings = read_timings(info, self._spent_us, reused=reused, any_byte=bool(self._lines))
        if code == 0:
            answer = Answer(info(pycurl.RESPONSE_CODE), final_headers(self._lines), b"".join(self._chunks))
            return Exchange(answer, None, "", timings, reused)
        error, detail = self._error(code)
        return Exchange(None, error, detail, timings, reused)

    def rest(self) -> bool:
        """Lets go of request and answer. False where the handle is not to be kept, for its size or a secret."""
        body = self.request.body
        self._forget_answer()
        if self._repeating:
            self._set_repeating(repeating=False)
        if self._scouting:
            self._scouting, self._on_resolved = False, None
            self.curl.unsetopt(pycurl.PREREQFUNCTION)
        del self.request, self.done
        if self._single_use:
            # So that no certificate, tunnel or password can reach another request, whatever libcurl keeps.
            self.curl.close()
            return False
        return body is None or len(body) <= _MAX_KEPT_BODY_BYTES

    def _set_repeating(self, *, repeating: bool) -> None:
        self._repeating = repeating
        self.curl.setopt(pycurl.FRESH_CONNECT, int(repeating))

    def _forget_answer(self) -> None:
        self._lines.clear()
        self._chunks.clear()
        self._header_bytes = self._body_bytes = 0
        self._denied = self._opened = self._too_large = False

    def _on_connected(self, *_: object) -> int:
        self._resolved()
        return _GO_ON

    def _resolved(self) -> None:
        if self._on_resolved is not None:
            on_resolved, self._on_resolved = self._on_resolved, None
            on_resolved()

    def _open_socket(self, _purpose: int, address: Any) -> socket.socket | int:
        self._resolved()
        if self._tunnel is not None and self._tunnel.asked_for is not None:
            pass  # The proxy's own address: an administrator's word, and what is behind it has been judged.
        elif not self._egress.permits(address.addr[0]):
            self._denied = True
            return _NO_SOCKET
        elif self._tunnel is not None:
            self._tunnel.note(address.addr[0])
            return _NO_SOCKET
        self._opened = True
        try:
            return _LentSocket(address.family, address.socktype, address.protocol)
        except OSError:  # Out of file descriptors: libcurl then says that it could not connect.
            return _NO_SOCKET

    def _on_header(self, line: bytes) -> int | None:
        self._header_bytes += len(line)
        if self._header_bytes > MAX_HEADER_BYTES:
            self._too_large = True
            return 0
        self._lines.append(line)
        return None

    def _on_body(self, chunk: bytes) -> int | None:
        self._body_bytes += len(chunk)
        if self._body_bytes > self._allowed_bytes:
            self._too_large = True
            return 0
        self._chunks.append(chunk)
        return None

    def _error(self, code: int) -> tuple[ErrorWord, str]:
        if self._too_large:
            return ErrorWord.TOO_LARGE, "the answer is larger than allowed"
        if self._denied and not self._opened:
            return ErrorWord.EGRESS_DENIED, "the target's network is closed (ONHOOK_EGRESS_ALLOW opens one)"
        if self._tunnel is not None and (failure := self._tunnel.failure(code, opened=self._opened)) is not None:
            return failure
        return error_of(code, self.curl)
