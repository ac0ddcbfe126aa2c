"""A sender that authenticates: it puts each request's credential into a copy of it and hands that to another sender.

A request without a credential passes through untouched. Where a target no longer takes a secret or a token, the other
one, or a new one, is tried at once within the same attempt: same headers, same id, same deadline.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from os import urandom
from threading import Condition
from time import monotonic
from uuid import UUID

from dispatcher.adapters.access_tokens import AccessTokens, Failure
from dispatcher.adapters.deadlines import Deadlines
from dispatcher.adapters.token_store import TokenStore
from dispatcher.adapters.wire_form import wire_url
from dispatcher.domain.credentials.access_token import AccessToken
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.refusal import refuses
from dispatcher.domain.credentials.request_authentication import authenticated, echoes_of
from dispatcher.domain.credentials.soap_envelope import NoEnvelope
from dispatcher.domain.credentials.username_token import NONCE_BYTES
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.ports import Clock, Done, Sender

logger = logging.getLogger(__name__)

Batch = Sequence[tuple[Request, Done]]

STORE_GRACE_SECONDS = 2.0
"""At the end, for a token that is about to be stored."""
FRUITLESS_REST = timedelta(seconds=30)
"""A target that refuses a brand-new token refuses something else: for so long its refusals bring no further renewal."""
_LEAST_SECONDS = 0.05
_SHUT_DOWN = "stopped before the exchange had ended"
_NO_TOKEN_IN_TIME = "no access token within the time-out"  # noqa: S105 - a sentence
_UNFIT = "the request cannot be put on the wire"
_NO_TIME = "refused as not authenticated, and no time was left to try again"


class _Passage:
    """One request with a credential on its way."""

    __slots__ = ("again", "credential", "done", "forms", "request", "slot", "started", "token", "waited")

    def __init__(self, request: Request, credential: Credential, done: Done) -> None:
        self.request, self.credential, self.done = request, credential, done
        self.started = monotonic()
        self.again = self.waited = False
        self.slot = 0
        self.token: AccessToken | None = None
        self.forms: tuple[str, ...] = ()

    def remaining_seconds(self) -> float:
        return self.request.deadline_seconds - (monotonic() - self.started)


class AuthenticatedSender:
    """The port of that name, around either sender. Every method may be called from any thread."""

    def __init__(self, inner: Sender, store: TokenStore, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        # One thread, which starts when a credential first needs it: tokens are few and seldom looked up.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="access-token")
        self._tokens = AccessTokens(store, inner, clock, self._executor, self._later)
        self._changed = Condition()
        self._waiting: set[_Passage] = set()
        self._open = 0
        self._stopping = self._aborted = False
        self._deadlines: Deadlines | None = None
        self._good_slot: dict[UUID, tuple[int, int]] = {}
        """By credential: its revision, and the slot whose secret the target took last."""
        self._fruitless: dict[UUID, tuple[str, datetime]] = {}
        """By credential: a brand-new token that was refused all the same, and until when that is let stand."""

    def send(self, batch: Batch) -> None:
        """As the port has it. What waits for a token is in flight, and its deadline runs."""
        if self._stopping:
            for _, done in batch:
                _tell(done, Exchange(error=ErrorWord.SHUTDOWN, detail=_SHUT_DOWN))
            return
        if all(request.credential is None for request, _ in batch):
            self._inner.send(batch)
            return
        ready: list[tuple[Request, Done]] = []
        for request, done in batch:
            if request.credential is None:
                ready.append((request, done))
            elif (begun := self._begin(_Passage(request, request.credential, done))) is not None:
                ready.append(begun)
        if ready:
            self._inner.send(ready)

    def fetch_token(self, request: Request, done: Callable[[datetime | Exchange], None]) -> None:
        """As the port has it."""
        assert request.credential is not None

        def tell(result: AccessToken | Failure) -> None:
            done(result.expires_at if isinstance(result, AccessToken) else result.exchange())

        self._tokens.fetch(request.credential, request, tell)

    @property
    def in_flight(self) -> int:
        """Exchanges accepted whose `done` has not been called yet."""
        return self._inner.in_flight + len(self._waiting)

    def stop(self, grace_seconds: float) -> None:
        """As the port has it; what waits for a token, or is to be sent a second time, has the same grace."""
        started = monotonic()
        with self._changed:
            self._stopping = True
            self._changed.wait_for(lambda: self._open == 0, grace_seconds)
            rest, self._waiting, self._aborted = list(self._waiting), set(), True
        for passage in rest:
            self._conclude(passage, Exchange(error=ErrorWord.SHUTDOWN, detail=_SHUT_DOWN))
        self._inner.stop(max(grace_seconds - (monotonic() - started), 0.0))
        if self._deadlines is not None:
            self._deadlines.stop()
        with suppress(RuntimeError, FutureTimeout):
            self._executor.submit(int).result(STORE_GRACE_SECONDS)  # after all that was asked before
        self._executor.shutdown(wait=False, cancel_futures=True)

    # --- the way of a request

    def _begin(self, passage: _Passage) -> tuple[Request, Done] | None:
        """The request to send now; None where it waits for its token."""
        with self._changed:
            self._open += 1
        credential = passage.credential
        if credential.spec.fetches:
            token = self._tokens.at_hand(credential, passage.request)
            if token is None:
                self._wait_for_token(passage, None)
                return None
            passage.token = token
        else:
            passage.slot = self._first_slot(credential)
        return self._prepared(passage)

    def _send_on(self, passage: _Passage) -> None:
        prepared = self._prepared(passage)
        if prepared is not None:
            self._inner.send([prepared])

    def _prepared(self, passage: _Passage) -> tuple[Request, Done] | None:
        """The request as the target gets it; None where it cannot be made, and has ended."""
        spec = passage.credential.spec
        if passage.token is not None:
            secret, passage.forms = passage.token.text, passage.token.forms
        else:
            secret, passage.forms = spec.secret(passage.slot), spec.forms[passage.slot - 1]
        now, nonce = self._clock(), urandom(NONCE_BYTES)
        passage.forms += echoes_of(spec, secret, now, nonce)
        try:
            given = passage.request
            if not given.url.isascii():  # a signature is over the URL as it is sent
                given = replace(given, url=wire_url(given.url))
            request = authenticated(given, spec, secret, now, nonce)
        except NoEnvelope as refused:
            self._conclude(passage, Exchange(error=ErrorWord.BAD_VALUE, detail=f"{_UNFIT}: {refused}"))
            return None
        except ValueError:  # its text may quote the URL
            self._conclude(passage, Exchange(error=ErrorWord.BAD_VALUE, detail=_UNFIT))
            return None
        request.deadline_seconds = max(passage.remaining_seconds(), _LEAST_SECONDS)
        return request, partial(self._ended, passage)

    def _ended(self, passage: _Passage, exchange: Exchange) -> None:
        """On the inner sender's thread."""
        credential, answer = passage.credential, exchange.answer
        spec = credential.spec
        if answer is None or not refuses(answer, spec.refused_status, spec.refused_fault):
            if answer is not None:
                self._note_taken(passage)
            self._conclude(passage, exchange)
        elif passage.again:
            if passage.token is not None:
                self._fruitless[credential.id] = (passage.token.text, self._clock() + FRUITLESS_REST)
            self._conclude(passage, exchange)
        else:
            passage.again = True
            self._once_more(passage, exchange)

    def _once_more(self, passage: _Passage, refused: Exchange) -> None:
        credential = passage.credential
        if passage.token is not None:
            fruitless = self._fruitless.get(credential.id)
            if fruitless is not None and fruitless[0] == passage.token.text and self._clock() < fruitless[1]:
                self._conclude(passage, refused)
            else:
                self._wait_for_token(passage, passage.token.text)
            return
        other = [slot for slot in credential.spec.slots if slot != passage.slot]
        if not other:
            self._conclude(passage, refused)
        elif passage.remaining_seconds() < _LEAST_SECONDS:
            self._conclude(passage, Exchange(error=ErrorWord.TIMEOUT, detail=_NO_TIME))
        else:
            passage.slot = other[0]
            self._send_on(passage)

    def _conclude(self, passage: _Passage, exchange: Exchange) -> None:
        exchange.secrets = passage.forms
        if passage.again or passage.waited:
            exchange.timings.total_ms = round((monotonic() - passage.started) * 1000, 3)
        _tell(passage.done, exchange)
        with self._changed:
            self._open -= 1
            if self._stopping:
                self._changed.notify_all()

    # --- secrets and tokens

    def _first_slot(self, credential: Credential) -> int:
        """The slot that the target took last, else the preferred one."""
        revision, slot = self._good_slot.get(credential.id, (0, 0))
        slots = credential.spec.slots or (1,)
        return slot if revision == credential.revision and slot in slots else slots[0]

    def _note_taken(self, passage: _Passage) -> None:
        if passage.token is not None:
            if self._fruitless:
                self._fruitless.pop(passage.credential.id, None)
        elif passage.again:
            self._good_slot[passage.credential.id] = (passage.credential.revision, passage.slot)

    def _wait_for_token(self, passage: _Passage, stale: str | None) -> None:
        passage.waited = True
        with self._changed:
            if not (aborted := self._aborted):
                self._waiting.add(passage)
        if aborted:
            self._conclude(passage, Exchange(error=ErrorWord.SHUTDOWN, detail=_SHUT_DOWN))
            return
        self._later(max(passage.remaining_seconds(), 0.0), partial(self._overdue, passage))
        self._tokens.wait(passage.credential, passage.request, stale, partial(self._resume, passage))

    def _resume(self, passage: _Passage, result: AccessToken | Failure) -> None:
        if not self._take(passage):
            return
        if isinstance(result, Failure):
            self._conclude(passage, _unsent(passage, result.error, result.detail))
        elif passage.remaining_seconds() < _LEAST_SECONDS:
            self._conclude(passage, _unsent(passage, ErrorWord.TIMEOUT, _NO_TOKEN_IN_TIME))
        else:
            passage.token = result
            self._send_on(passage)

    def _overdue(self, passage: _Passage) -> None:
        if self._take(passage):
            self._conclude(passage, _unsent(passage, ErrorWord.TIMEOUT, _NO_TOKEN_IN_TIME))

    def _take(self, passage: _Passage) -> bool:
        """Whether the passage was waiting; whoever is told so goes on with it, and nobody else."""
        with self._changed:
            if passage not in self._waiting:
                return False
            self._waiting.discard(passage)
            return True

    def _later(self, seconds: float, function: Callable[[], None]) -> None:
        with self._changed:
            if self._aborted:
                return
            if self._deadlines is None:
                self._deadlines = Deadlines("authenticated-sender-deadlines")
            deadlines = self._deadlines
        deadlines.after(seconds, function)


def _unsent(passage: _Passage, error: ErrorWord, detail: str) -> Exchange:
    """No token could be had; unless a token had been sent before, and was refused, the target knows of nothing."""
    return Exchange(error=error, detail=detail, unsent=not passage.again)


def _tell(done: Done, exchange: Exchange) -> None:
    """A caller's fault must not end a thread that carries others' exchanges."""
    try:
        done(exchange)
    except Exception as error:  # noqa: BLE001
        # The error's text and its traceback may hold what must not be logged.
        logger.error("done_callback_failed", extra={"fields": {"error_type": type(error).__name__}})  # noqa: TRY400
