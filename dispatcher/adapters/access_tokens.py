"""Access tokens of a process: kept in memory, shared with the other workers through the database, fetched by one.

No thread waits: a token that must be fetched or looked up is told to whoever asked, from a thread that has it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from time import monotonic
from uuid import UUID, uuid4

from dispatcher.adapters.token_store import Refusal, TokenState, TokenStore
from dispatcher.adapters.vault import CannotOpen
from dispatcher.domain.credentials.access_token import AccessToken, refused_until
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.refusal import faults_of
from dispatcher.domain.credentials.token_service import ClientCredentials, Login
from dispatcher.domain.exchange import Answer, ErrorWord, Exchange, Request
from dispatcher.ports import Clock, Sender, StoreUnavailable

logger = logging.getLogger(__name__)

REFUSING = frozenset({400, 401, 403})
"""What a token service answers where it does not take the secret (RFC 6749, 5.2). A login by SOAP says it by a fault
with 500; which faults mean something else no two services agree on, and a locked account is worse than a pause."""
PAUSE = timedelta(seconds=1)
"""After a failure that may pass by itself; what comes meanwhile shares it, so that a service that is down is not asked
for every delivery."""
RENEWAL_PAUSE = timedelta(seconds=5)
"""The same where the old token still serves, so that nobody waits."""
LOOK_AGAIN_SECONDS = 0.1
"""How often the database is asked while another worker fetches."""
LEASE_MARGIN = timedelta(seconds=2)
_LEAST_SECONDS = 0.05
_UNANSWERED = "the token service answered {}"
_SHUT_DOWN = "stopped before an access token was there"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no token, in the words of an attempt."""

    error: ErrorWord
    detail: str

    def exchange(self) -> Exchange:
        """An exchange that ended so."""
        return Exchange(error=self.error, detail=self.detail)


Tell = Callable[[AccessToken | Failure], None]


@dataclass(slots=True)
class _Entry:
    """What this process knows of the token of a credential, in the newest revision that it has seen."""

    credential: Credential
    token: AccessToken | None = None
    failure: Failure | None = None
    not_before: datetime | None = None
    """Until then nobody asks again: after a failure, or while another worker renews."""
    stale: str | None = None
    busy: bool = False
    slot: int | None = None
    """The secret that the token service took last."""
    waiters: list[tuple[str | None, Tell]] = field(default_factory=list)

    def usable(self, stale: str | None, now: datetime) -> AccessToken | None:
        token = self.token
        return token if token is not None and token.text != stale and token.serves(now) else None


@dataclass(slots=True)
class _Task:
    """One search for a token: through the store, and where that says so through the token service."""

    entry: _Entry
    request: Request
    """Whose connection settings are used."""
    forced: bool = False
    avoided: str | None = None
    """The token that was known to be no good when the store was asked."""
    renewer: UUID = field(default_factory=uuid4)
    until: float = 0.0
    tried: list[int] = field(default_factory=list)
    refusals: int = 0

    @property
    def credential(self) -> Credential:
        return self.entry.credential


class AccessTokens:
    """The tokens of a process, by credential. Safe to use from several threads; at most one search each at a time."""

    def __init__(
        self,
        store: TokenStore,
        sender: Sender,
        clock: Clock,
        executor: Executor,
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        """`executor` runs what waits for the database; `later` calls a function after some seconds."""
        self._store, self._sender, self._clock = store, sender, clock
        self._executor, self._later = executor, later
        self._entries: dict[UUID, _Entry] = {}
        self._lock = Lock()

    def at_hand(self, credential: Credential, request: Request) -> AccessToken | None:
        """The token, if it can be had without waiting. One that is due is renewed meanwhile."""
        now = self._clock()
        with self._lock:
            entry = self._entry(credential)
            token = entry.usable(None, now)
            renew = token is not None and token.is_due(now) and not entry.busy and _may_ask(entry, now)
            entry.busy = entry.busy or renew
        if renew:
            self._begin(_Task(entry, request))
        return token

    def wait(self, credential: Credential, request: Request, stale: str | None, tell: Tell) -> None:
        """Tells a token that is not the stale one, or why there is none: at once, or once that is known."""
        now = self._clock()
        with self._lock:
            entry = self._entry(credential)
            if stale is not None and entry.token is not None and entry.token.text == stale:
                entry.token, entry.stale = None, stale
            known: AccessToken | Failure | None = entry.usable(stale, now)
            if known is None and entry.failure is not None and not _may_ask(entry, now):
                known = entry.failure
            begin = known is None and not entry.busy
            if known is None:
                entry.waiters.append((stale, tell))
                entry.busy = True
        if known is not None:
            tell(known)
        elif begin:
            self._begin(_Task(entry, request))

    def fetch(self, credential: Credential, request: Request, tell: Tell) -> None:
        """Fetches a new token though the old one may serve, and though the service may have refused: a person asks."""
        with self._lock:
            entry = self._entry(credential)
            entry.waiters.append((None, tell))
            begin, entry.busy = not entry.busy, True
        if begin:
            self._begin(_Task(entry, request, forced=True))

    def _entry(self, credential: Credential) -> _Entry:
        entry = self._entries.get(credential.id)
        if entry is None or entry.credential.revision < credential.revision:
            entry = self._entries[credential.id] = _Entry(credential)
        return entry

    # --- the search

    def _begin(self, task: _Task) -> None:
        task.until = monotonic() + task.request.deadline_seconds
        self._submit(partial(self._safely, task, self._look))

    def _safely(self, task: _Task, step: Callable[[_Task], None]) -> None:
        """A search that ended by an exception would keep everybody waiting, and would be the last of its credential."""
        try:
            step(task)
        except Exception as error:  # noqa: BLE001
            # The error's text and its traceback may hold what must not be logged.
            logger.error("access_tokens.failed", extra={"fields": {"error_type": type(error).__name__}})  # noqa: TRY400
            failure = Failure(ErrorWord.PROTOCOL, "no access token: the search for one failed")
            self._settle(task, failure, self._clock() + PAUSE)

    def _submit(self, work: Callable[[], None]) -> None:
        try:
            self._executor.submit(work)
        except RuntimeError:  # the process ends; whoever waits is told so by the sender
            logger.debug("access_tokens.executor_stopped")

    def _look(self, task: _Task) -> None:
        """On the executor: what the database says decides who fetches."""
        now = self._clock()
        task.avoided = task.entry.stale
        try:
            state = self._ask_store(task, now)
        except (StoreUnavailable, CannotOpen):
            # Without the database the others cannot be asked; a token of our own is better than none.
            state = TokenState(leased=True)
        self._act(task, state, now)

    def _ask_store(self, task: _Task, now: datetime) -> TokenState:
        lease_until = now + timedelta(seconds=task.request.deadline_seconds) + LEASE_MARGIN
        if task.forced:
            return self._store.force_lease(task.credential, task.renewer, now, lease_until)
        return self._store.token_state(task.credential, task.avoided, task.renewer, now, lease_until)

    def _act(self, task: _Task, state: TokenState, now: datetime) -> None:
        token = state.usable(task.avoided, now)
        if state.leased:
            task.refusals = state.refusal.times if state.refusal else 0
            self._fetch(task)
        elif token is not None and not task.forced:
            # Where it is due, somebody else is about to bring the next one.
            self._settle(task, token, now + PAUSE if token.is_due(now) else None)
        elif state.refusal is not None and now < state.refusal.until:
            self._settle(task, Failure(ErrorWord.STATUS, _left_alone(state.refusal.reason)), state.refusal.until)
        else:
            task.forced = False  # whoever fetches now does it for us, too
            self._later(LOOK_AGAIN_SECONDS, partial(self._submit, partial(self._safely, task, self._look)))

    def _fetch(self, task: _Task) -> None:
        spec = task.credential.spec
        slots = sorted(spec.slots, key=lambda slot: slot != task.entry.slot) if task.entry.slot else list(spec.slots)
        slot = next(each for each in slots if each not in task.tried)
        task.tried.append(slot)
        asked = _service(task.credential).ask(spec.secret(slot))
        agent = [each for each in task.request.headers if each[0].lower() == "user-agent"]
        request = Request(
            asked.method,
            asked.url,
            [*asked.headers, *agent],
            asked.body,
            task.request.connect_timeout_seconds,
            max(task.until - monotonic(), _LEAST_SECONDS),
            None,
            spec.tls or task.request.tls,
            task.request.proxy,
        )
        self._sender.send([(request, partial(self._on_answer, slot, task))])

    def _on_answer(self, slot: int, task: _Task, exchange: Exchange) -> None:
        self._safely(task, lambda _: self._answered(task, slot, exchange))

    def _answered(self, task: _Task, slot: int, exchange: Exchange) -> None:
        """On the sender's thread: the token is told at once, and stored from another one."""
        now, answer = self._clock(), exchange.answer
        token = _service(task.credential).read(answer, now) if answer is not None and _good(answer) else None
        if token is not None:
            task.entry.slot = slot
            self._store_later(partial(self._store.keep_token, task.credential, task.renewer, token))
            self._settle(task, token, None)
            return
        failure = _failure(exchange)
        if answer is None or not (_good(answer) or answer.status in REFUSING or faults_of(answer)):
            self._store_later(partial(self._store.give_back_lease, task.credential, task.renewer))
            self._settle(task, failure, now + (RENEWAL_PAUSE if task.entry.usable(None, now) else PAUSE))
        elif len(task.tried) < len(task.credential.spec.slots) and task.until - monotonic() > _LEAST_SECONDS:
            self._fetch(task)
        else:
            times = task.refusals + 1
            refusal = Refusal(refused_until(now, times), failure.detail, times)
            self._store_later(partial(self._store.keep_refusal, task.credential, task.renewer, refusal))
            self._settle(task, failure, refusal.until)

    def _store_later(self, keep: Callable[[], None]) -> None:
        def run() -> None:
            try:
                keep()
            except StoreUnavailable:
                logger.warning("access_tokens.not_stored")  # the lease ends by itself, and the others fetch their own

        self._submit(run)

    def _settle(self, task: _Task, result: AccessToken | Failure, not_before: datetime | None) -> None:
        entry = task.entry
        with self._lock:
            entry.busy, entry.not_before = False, not_before
            waiters, entry.waiters = entry.waiters, []
            if isinstance(result, AccessToken):
                entry.token, entry.failure = result, None
            else:
                entry.failure = _remembered(result)
        for stale, tell in waiters:
            if isinstance(result, AccessToken) and result.text == stale != task.avoided:
                # It was found to be no good while this search was under way. Had that been known before, the service
                # gives no other one, and to ask it again would never end.
                self.wait(entry.credential, task.request, stale, tell)
            else:
                tell(result)


def _may_ask(entry: _Entry, now: datetime) -> bool:
    return entry.not_before is None or now >= entry.not_before


def _service(credential: Credential) -> ClientCredentials | Login:
    means = credential.spec.means
    assert isinstance(means, ClientCredentials | Login)
    return means


def _good(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _failure(exchange: Exchange) -> Failure:
    answer = exchange.answer
    if answer is None:
        error = exchange.error or ErrorWord.PROTOCOL
        if error is ErrorWord.SHUTDOWN:
            return Failure(error, _SHUT_DOWN)
        return Failure(error, f"no access token: {exchange.detail}")
    if _good(answer):
        return Failure(ErrorWord.PROTOCOL, "the token service's answer holds no token")
    return Failure(ErrorWord.STATUS, _UNANSWERED.format(answer.status))


def _left_alone(reason: str) -> str:
    return f"{reason}; it is left alone for a while"


def _remembered(failure: Failure) -> Failure:
    return replace(failure, detail=_left_alone(failure.detail.partition(";")[0]))
