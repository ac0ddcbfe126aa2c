"""Sends requests with requests and a pool of threads: the second `Sender`, for platforms without libcurl.

It costs about fifteen times the CPU of the libcurl sender and has no more in flight than it has threads;
the contract suite holds both to the same behaviour.
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER
from urllib3.util.request import ACCEPT_ENCODING

from dispatcher.adapters import requests_errors
from dispatcher.adapters.ca_bundle import trusted_ca_file
from dispatcher.adapters.client_tls import TlsUnusable
from dispatcher.adapters.deadlines import Deadlines
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.guarded_connection import Wire, current
from dispatcher.adapters.guarded_pools import GuardedPools
from dispatcher.adapters.wire_form import check_header_lines, wire_url
from dispatcher.domain.egress_proxy import parse_proxy
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request, Timings
from dispatcher.ports import Done

log = logging.getLogger(__name__)

Batch = Sequence[tuple[Request, Done]]

MAX_HEADER_BYTES = 65_536
"""Of one answer; a web server's own limit is 8 to 16 KiB."""

_READ_BYTES = 65_536
_SHUT_DOWN = ErrorWord.SHUTDOWN, "stopped before the exchange had ended"


class _Job:
    """One request on its way; ended once, by whoever is first: its thread, its deadline or the shutdown."""

    def __init__(self, request: Request, done: Done, wire: Wire) -> None:
        self.request = request
        self.wire = wire
        self.started = self.first_byte = 0.0
        self._done: Done | None = done
        self._lock = threading.Lock()

    @property
    def ended(self) -> bool:
        return self._done is None

    def end(self, exchange: Exchange) -> bool:
        """Tells the caller. False where somebody else had done so before."""
        with self._lock:
            done, self._done = self._done, None
        if done is None:
            return False
        try:
            done(exchange)
        except Exception as error:  # noqa: BLE001 - a caller's fault must not end a thread that carries others' too
            # The error's text and its traceback may hold what must not be logged.
            log.error("done_callback_failed", extra={"fields": {"error_type": type(error).__name__}})  # noqa: TRY400
        return True

    def failed(self, failure: tuple[ErrorWord, str]) -> Exchange:
        return Exchange(None, *failure, self.timings(), self.wire.reused)

    def timings(self) -> Timings:
        if not self.started:
            return Timings()
        first_byte_ms = (self.first_byte - self.started) * 1000 if self.first_byte else None
        return Timings(first_byte_ms=first_byte_ms, total_ms=(time.monotonic() - self.started) * 1000)


class RequestsSender:
    """The `Sender` port on requests. Every method may be called from any thread.

    A request that waits for a thread is in flight, but its deadline begins when a thread takes it.
    """

    def __init__(
        self, egress: Egress, *, threads: int = 64, max_response_bytes: int = 1_048_576, ca_file: str | None = None
    ) -> None:
        """`ca_file` is a PEM bundle to trust instead of the system's. Bytes count after decompression."""
        self._egress = egress
        self._max_response_bytes = max_response_bytes
        self._adapters = GuardedPools(threads, ca_file or trusted_ca_file())
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._open: set[_Job] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._deadlines = Deadlines("requests-sender-deadlines")
        self._threads = [
            threading.Thread(target=self._serve, name="requests-sender", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, batch: Batch) -> None:
        """Starts every exchange and returns at once. `done` is called exactly once per request, from a thread of the
        sender (from the caller's, with `shutdown`, once the sender is stopping), and must not block.
        """
        jobs = [_Job(request, done, Wire(self._egress, request.connect_timeout_seconds)) for request, done in batch]
        with self._changed:
            accepted = not self._stopping
            if accepted:
                self._open.update(jobs)
        for job in jobs:
            if accepted:
                self._waiting.put(job)
            else:
                job.end(job.failed(_SHUT_DOWN))

    @property
    def in_flight(self) -> int:
        """Exchanges accepted whose `done` has not been called yet."""
        return len(self._open)

    def stop(self, grace_seconds: float) -> None:
        """Waits up to the grace for what is in flight, ends the rest as `shutdown` and closes every connection.

        Idempotent. From its begin on `send` ends everything at once. A thread that waits for a name look-up cannot
        be ended; it is left behind and does nothing more.
        """
        with self._changed:
            first, self._stopping = not self._stopping, True
            self._changed.wait_for(lambda: not self._open, grace_seconds)
            rest = list(self._open)
        for job in rest:
            self._end(job, job.failed(_SHUT_DOWN))
            job.wire.cut()
        if first:
            self._deadlines.stop()
            for _ in self._threads:
                self._waiting.put(None)
            self._adapters.close()

    def _serve(self) -> None:
        while (job := self._waiting.get()) is not None:
            if not job.ended:
                self._carry(job)

    def _carry(self, job: _Job) -> None:
        job.started = time.monotonic()
        self._deadlines.after(job.request.deadline_seconds, lambda: self._overdue(job))
        current.wire = job.wire
        try:
            exchange = self._exchange(job)
        finally:
            job.wire.release()
        self._end(job, exchange)

    def _overdue(self, job: _Job) -> None:
        if not job.ended:
            self._end(job, job.failed(job.wire.timeout))
            job.wire.cut()

    def _end(self, job: _Job, exchange: Exchange) -> None:
        if job.end(exchange):
            with self._changed:
                self._open.discard(job)
                self._changed.notify_all()

    def _exchange(self, job: _Job) -> Exchange:
        failure = self._try(job)
        if isinstance(failure, Exchange):
            return failure
        if self._died_in_pool(job, failure):
            job.wire.fresh_only = True
            failure = self._try(job)
        return failure if isinstance(failure, Exchange) else job.failed(failure)

    def _died_in_pool(self, job: _Job, failure: tuple[ErrorWord, str]) -> bool:
        """A target that restarts leaves dead connections in the pool. No byte of an answer was seen, and the
        delivery id on the wire makes a repeat safe.
        """
        return failure[0] is ErrorWord.RESET and job.wire.reused and not job.first_byte and not job.ended

    def _try(self, job: _Job) -> Exchange | tuple[ErrorWord, str]:
        request = job.request
        try:
            if request.proxy is not None:
                job.wire.proxy = parse_proxy(request.proxy)
            response = self._adapters.of(request).send(
                _prepared(request), stream=True, timeout=(request.connect_timeout_seconds, request.deadline_seconds)
            )
            job.first_byte = time.monotonic()
            return self._answer(job, response)
        except TlsUnusable as unusable:
            return ErrorWord.TLS, str(unusable)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            failure = job.wire.failure or requests_errors.error_of(error)
            return job.wire.timeout if failure[0] is ErrorWord.TIMEOUT else failure

    def _answer(self, job: _Job, response: requests.Response) -> Exchange:
        raw = response.raw
        allowed_bytes = job.request.max_response_bytes
        if allowed_bytes is None:
            allowed_bytes = self._max_response_bytes
        headers = [(name.lower(), value) for name, value in raw.headers.items()]
        body = bytearray()
        too_large = sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES
        chunks = raw.stream(_READ_BYTES, decode_content=True)
        while not too_large and (chunk := next(chunks, None)) is not None:
            body += chunk
            too_large = len(body) > allowed_bytes
        if too_large:
            response.close()
            return job.failed(requests_errors.TOO_LARGE)
        answer = Answer(response.status_code, headers, bytes(body))
        return Exchange(answer, timings=job.timings(), connection_reused=job.wire.reused)


def _prepared(request: Request) -> requests.PreparedRequest:
    """The request as requests' adapter takes it, past everything that would change it. Raises ValueError."""
    check_header_lines(text for header in request.headers for text in header)
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = wire_url(request.url)
    prepared.body = request.body
    prepared.headers = headers = HTTPHeaderDict()  # type: ignore[assignment]
    for name, value in request.headers:
        headers.add(name, value.encode().decode("latin-1"))  # http.client encodes latin-1: UTF-8 on the wire.
    headers.setdefault("User-Agent", SKIP_HEADER)
    headers.setdefault("Accept-Encoding", ACCEPT_ENCODING)
    if request.body is not None:
        headers["Content-Length"] = str(len(request.body))
    user, password = get_auth_from_url(prepared.url)
    if user and "Authorization" not in headers:
        HTTPBasicAuth(user, password)(prepared)
    return prepared
