"""Sends requests with libcurl: one thread and one event loop carry every exchange of the process.

The way it is used, an exchange costs about 30 microseconds of CPU, and a thousand that wait cost nothing.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import partial

import pycurl

from dispatcher.adapters.ca_bundle import trusted_ca_file
from dispatcher.adapters.client_tls import TlsUnusable
from dispatcher.adapters.curl.loop import CurlLoop
from dispatcher.adapters.curl.transfer import Transfer
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.name_gate import NameGate
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.ports import Done

log = logging.getLogger(__name__)

Batch = Sequence[tuple[Request, Done]]

MAX_POOLED_CONNECTIONS = 2_048
"""More than are in flight at once (1,000 a process), or connections to busy targets would push each other out."""

MAX_IDLE_HANDLES = 1_024  # An easy handle takes about 10 KiB.
ABORT_SECONDS = 1.0  # What `stop` waits after the grace; a name look-up in a thread of libcurl's cannot be cut short.

SHUT_DOWN = "stopped before the exchange had ended"
_NAME_WAS_TO_BLAME = (ErrorWord.DNS, ErrorWord.PROXY)  # Of an exchange that ended before any socket was opened.


class CurlSender:
    """The `Sender` port on libcurl's multi interface. Every method may be called from any thread."""

    def __init__(self, egress: Egress, *, max_response_bytes: int = 1_048_576, ca_file: str | None = None) -> None:
        """`ca_file` is a PEM bundle to trust instead of the system's. Bytes count after decompression."""
        self._new_transfer = partial(Transfer, egress, max_response_bytes, ca_file or trusted_ca_file())
        self._loop = CurlLoop(self._on_end, MAX_POOLED_CONNECTIONS)
        self._idle: list[Transfer] = []
        self._active: dict[pycurl.Curl, Transfer] = {}
        self._gate: NameGate[tuple[Transfer, float]] = NameGate()
        self._lock = threading.Lock()
        self._accepted = self._finished = 0
        self._stopping = self._aborted = False
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._run, name="curl-sender", daemon=True)
        self._thread.start()

    def send(self, batch: Batch) -> None:
        """Starts every exchange and returns at once. `done` is called exactly once per request, from the sender's
        thread (from the caller's, with `shutdown`, once the sender is stopping), and must not block.
        """
        with self._lock:
            accepted = not self._stopping
            if accepted:
                self._accepted += len(batch)
                self._loop.call(partial(self._start_batch, batch))
        if not accepted:
            for _, done in batch:
                _tell(done, Exchange(error=ErrorWord.SHUTDOWN, detail=SHUT_DOWN))

    @property
    def in_flight(self) -> int:
        """Exchanges accepted whose `done` has not been called yet."""
        return self._accepted - self._finished

    def stop(self, grace_seconds: float) -> None:
        """Waits up to the grace for what is in flight, ends the rest as `shutdown` and closes every connection.

        Idempotent. From its begin on `send` ends everything at once.
        """
        with self._lock:
            first, self._stopping = not self._stopping, True
        if first:
            self._loop.call(self._look_whether_quiet)
            self._quiet.wait(grace_seconds)
            self._loop.call(self._abort)
        self._thread.join(ABORT_SECONDS if first else grace_seconds + ABORT_SECONDS)

    def _run(self) -> None:
        try:
            self._loop.run()
        except BaseException:
            # Without this thread nothing is sent and nothing ends: a supervisor starts the process again, and what
            # was in flight is sent again when its leases end.
            log.critical("curl_loop_failed", exc_info=True)
            os._exit(1)

    def _start_batch(self, batch: Batch) -> None:
        for request, done in batch:
            self._start(request, done)

    def _start(self, request: Request, done: Done) -> None:
        if self._aborted:
            self._finish(done, Exchange(error=ErrorWord.SHUTDOWN, detail=SHUT_DOWN))
            return
        transfer = self._idle.pop() if self._idle else self._new_transfer()
        try:
            transfer.load(request, done)
        except TlsUnusable as unusable:
            self._finish(done, Exchange(error=ErrorWord.TLS, detail=str(unusable)))
            return
        except (ValueError, pycurl.error):
            # The handle is thrown away: it may be set up in half. The error's text may hold a value.
            detail = "the request cannot be put on the wire"
            self._finish(done, Exchange(error=ErrorWord.BAD_VALUE, detail=detail))
            return
        self._admit(transfer, None)

    def _admit(self, transfer: Transfer, waiting_since: float | None) -> None:
        host = transfer.host
        if self._gate.is_known(host):
            self._launch(transfer, waiting_since)
        elif self._gate.first(host):
            # Told from inside libcurl, which must not be called from there.
            transfer.tell_when_resolved(partial(self._loop.call, partial(self._on_resolved, host)))
            self._launch(transfer, waiting_since)
        else:
            self._gate.wait(host, (transfer, waiting_since or time.monotonic()))

    def _launch(self, transfer: Transfer, waiting_since: float | None) -> None:
        if waiting_since is not None and not transfer.shorten(time.monotonic() - waiting_since):
            error, detail = transfer.unresolved_in_time()
            self._conclude(transfer, Exchange(error=error, detail=detail))
            return
        self._active[transfer.curl] = transfer
        self._loop.add(transfer.curl)

    def _on_resolved(self, host: str) -> None:
        for transfer, since in self._gate.resolved(host):
            self._launch(transfer, since)

    def _on_unresolved(self, host: str, exchange: Exchange) -> None:
        """What waited shares the fate of the first, but only where the name was to blame."""
        for transfer, since in self._gate.unresolved(host):
            if exchange.error in _NAME_WAS_TO_BLAME:
                self._conclude(transfer, Exchange(error=exchange.error, detail=exchange.detail))
            else:
                self._admit(transfer, since)

    def _on_end(self, curl: pycurl.Curl, code: int) -> None:
        transfer = self._active[curl]
        if code and transfer.repeat(code):
            self._loop.add(curl)
            return
        if code and transfer.next_stage(code):
            del self._active[curl]  # Until the proxy's name is known, it is the gate's.
            self._admit(transfer, None)
            return
        exchange = transfer.exchange(code)
        host = transfer.host if transfer.unresolved else None
        self._conclude(transfer, exchange)
        if host is not None:
            self._on_unresolved(host, exchange)

    def _conclude(self, transfer: Transfer, exchange: Exchange) -> None:
        done = transfer.done
        self._active.pop(transfer.curl, None)
        if transfer.rest() and len(self._idle) < MAX_IDLE_HANDLES:
            self._idle.append(transfer)
        self._finish(done, exchange)

    def _finish(self, done: Done, exchange: Exchange) -> None:
        _tell(done, exchange)
        self._finished += 1
        if self._stopping:
            self._look_whether_quiet()

    def _look_whether_quiet(self) -> None:
        if self._finished == self._accepted:
            self._quiet.set()

    def _abort(self) -> None:
        self._aborted = True
        for transfer in list(self._active.values()):
            self._loop.remove(transfer.curl)
            self._conclude(transfer, Exchange(error=ErrorWord.SHUTDOWN, detail=SHUT_DOWN))
        for transfer, _ in self._gate.everything():
            self._conclude(transfer, Exchange(error=ErrorWord.SHUTDOWN, detail=SHUT_DOWN))
        self._loop.stop()


def _tell(done: Done, exchange: Exchange) -> None:
    """A caller's fault must not end the thread that carries everybody's exchanges."""
    try:
        done(exchange)
    except Exception as error:  # noqa: BLE001
        # The error's text and its traceback may hold what must not be logged.
        log.error("done_callback_failed", extra={"fields": {"error_type": type(error).__name__}})  # noqa: TRY400
