"""A sender without a network: a function says what each request gets for an answer."""

from collections.abc import Callable, Sequence
from threading import Lock

from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.ports import Done

Script = Callable[[Request], Exchange | None]
"""What a request gets; None leaves it in flight until `finish`."""


class ScriptedSender:
    """Answers by a script, at once and on the caller's thread, or when the test says so."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Request] = []
        """Every request that was sent, in order."""
        self._hanging: list[Done] = []
        self._stopped = False
        self._lock = Lock()

    def send(self, batch: Sequence[tuple[Request, Done]]) -> None:
        for request, done in batch:
            if self._stopped:
                done(Exchange(error=ErrorWord.SHUTDOWN, detail="the sender is stopping"))
                continue
            with self._lock:
                self.requests.append(request)
            exchange = self.script(request)
            if exchange is None:
                with self._lock:
                    self._hanging.append(done)
            else:
                done(exchange)

    def finish(self, exchange: Exchange, count: int | None = None) -> int:
        """Ends the oldest `count` exchanges in flight (None: all of them) in the same way; how many there were."""
        with self._lock:
            ended = self._hanging[:count]
            del self._hanging[: len(ended)]
        for done in ended:
            done(exchange)
        return len(ended)

    @property
    def in_flight(self) -> int:
        with self._lock:
            return len(self._hanging)

    def stop(self, grace_seconds: float) -> None:  # noqa: ARG002 - nothing here ends by waiting
        self._stopped = True
        self.finish(Exchange(error=ErrorWord.SHUTDOWN, detail="the sender is stopping"))
