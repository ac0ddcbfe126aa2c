"""Asks MaxContact for the calls of every watched agent, again and again, within a budget, and tells what they mean.

A process asks only for agents that it holds a lease on. An answer counts only while the lease surely stands: events are
stored first, then the agent's state. What is repeated after a crash in between has the same ids.
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heapify, heappop, heappush
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any
from urllib.parse import quote
from uuid import UUID

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.intake import Take
from dispatcher.adapters.logs import log_event
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.exchange import Exchange, Request
from dispatcher.ports import Clock, PolledAgents, Sender, Source, StoreUnavailable
from dispatcher.sources import SourceSettings
from dispatcher.sources.maxcontact import Agent, Numbering, Whose, observe, reset_event
from dispatcher.sources.maxcontact.answer import MAX_ANSWER_BYTES, NoInformation, SeenCall, calls_in
from dispatcher.sources.maxcontact.config import users_of
from dispatcher.sources.maxcontact.state import read, written

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
"""How soon another process takes over from one that died."""
RENEW_SECONDS = 8.0
INTERVAL_SECONDS = 1.5
IDLE_SECONDS = 4.0
"""Between two questions about an agent who has no call."""
PER_SECOND = 5.0
"""Questions, over all agents of a source: the dialler's web service also serves its agents."""
AT_ONCE = 2
ANSWER_SECONDS = 5.0
SAVE_SECONDS = 10.0
"""How old the saved state may be where nothing changed but that the calls are still there."""
JITTER = 0.2
MAX_NAP_SECONDS = 0.5
_PATH = "/webservices/services/telephony/getcalls/user/"


@dataclass(slots=True)
class HeardAnswers:
    """Since the start."""

    answers: int = 0
    failed: int = 0
    events: int = 0
    forgotten: int = 0


@dataclass(slots=True)
class _Asked:
    agent: Agent
    saved_at: datetime | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Dialler:
    """How a source's dialler is reached and what is done with what it says."""

    source: Source
    credential: Credential | None
    proxy: str | None
    user_agent: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time, and seconds of a clock that only goes forward."""

    now: Clock
    monotonic: Callable[[], float]
    random: Callable[[], float] = random.random


@dataclass(slots=True)
class _Pace:
    """When each agent is due, and when the source's budget allows the next question."""

    due: list[tuple[float, str]] = field(default_factory=list)
    next_at: float = 0.0
    in_flight: set[str] = field(default_factory=set)


class MaxContactPoller:
    """Polls one source. For one thread."""

    def __init__(
        self, dialler: Dialler, sender: Sender, store: PolledAgents, take: Take, holder: UUID, clocks: Clocks
    ) -> None:
        self._dialler, self._sender, self._store, self._take = dialler, sender, store, take
        self._holder, self._clocks = holder, clocks
        self._ended: SimpleQueue[tuple[str, Exchange]] = SimpleQueue()
        self._agents: dict[str, _Asked] = {}
        self._lease_until: float = 0.0
        self._renew_at: float = 0.0
        self._pace = _Pace()
        self._numbering = Numbering()
        self._told_reset: datetime | None = None
        self._store_failures = 0
        self._stopping = Event()
        self.heard = HeardAnswers()

    @property
    def agents(self) -> list[str]:
        """Those that this process asks for now."""
        return sorted(self._agents)

    def agent(self, user: str) -> Agent:
        """What is known of an agent whom this process asks for. Raises KeyError for another."""
        return self._agents[user].agent

    def stop(self) -> None:
        """Has `run` end."""
        self._stopping.set()

    def run(self) -> None:
        """Polls until it is stopped; then another process may take over at once."""
        while not self._stopping.is_set():
            self.step(MAX_NAP_SECONDS)
        try:
            self._store.release_agents(self._dialler.source.id, self._holder)
        except StoreUnavailable:
            return  # the leases run out by themselves

    def step(self, nap_seconds: float) -> None:
        """Renews leases, asks what is due, and takes what was answered; waits no longer than the nap for an answer."""
        now = self._clocks.monotonic()
        if now >= self._renew_at:
            self._renew(now)
        self._ask(now)
        wait = max(min(self._next_at() - now, nap_seconds), 0.001)
        try:
            answered = [self._ended.get(timeout=wait)]
            while not self._ended.empty():
                answered.append(self._ended.get_nowait())
        except Empty:
            return
        for user, exchange in answered:
            self._answered(user, exchange)

    def _renew(self, now: float) -> None:
        moment = self._clocks.now()
        users = users_of(self._dialler.source.config)
        try:
            until = moment + timedelta(seconds=LEASE_SECONDS)
            held = self._store.claim_agents(self._dialler.source.id, users, self._holder, moment, until)
        except StoreUnavailable:
            self._away(now)
            return
        if self._store_failures:
            self._tell("listener.store_back", agents=len(held))
        self._store_failures = 0
        # Reckoned from before the claim, so that it ends here earlier than in the database.
        self._lease_until, self._renew_at = now + LEASE_SECONDS, now + RENEW_SECONDS
        for user in [each for each in self._agents if each not in held]:
            del self._agents[user]
        for user, state in held.items():
            if user not in self._agents:
                self._begin(user, state, now)

    def _begin(self, user: str, state: bytes | None, now: float) -> None:
        agent = read(state)
        self._agents[user] = _Asked(agent)
        for known in agent.calls.values():
            self._numbering.know(known.seen)
        if user in self._pace.in_flight:
            return  # its answer puts it down for the next question
        self._pace.due = [each for each in self._pace.due if each[1] != user]
        heapify(self._pace.due)
        # Spread over an interval, so that a start does not ask for all agents at once.
        heappush(self._pace.due, (now + self._clocks.random() * self._interval(busy=True), user))

    def _away(self, now: float) -> None:
        self._store_failures += 1
        self._renew_at = now + pause_seconds(self._store_failures, self._clocks.random())
        if self._store_failures == 1:
            self._tell("listener.store_unavailable", logging.WARNING)

    def _next_at(self) -> float:
        if not self._pace.due or len(self._pace.in_flight) >= AT_ONCE:
            return self._renew_at
        return min(max(self._pace.due[0][0], self._pace.next_at), self._renew_at)

    def _ask(self, now: float) -> None:
        pace = self._pace
        while pace.due and len(pace.in_flight) < AT_ONCE and max(pace.due[0][0], pace.next_at) <= now:
            _, user = heappop(pace.due)
            if user not in self._agents or user in pace.in_flight:
                continue
            if now + ANSWER_SECONDS >= self._lease_until:
                # Whatever is answered might come after the lease: the agent may be another one's by then.
                heappush(pace.due, (self._renew_at + 0.001, user))
                return
            pace.next_at = now + 1 / self._number("per_second", PER_SECOND)
            pace.in_flight.add(user)
            self._sender.send([(self._request(user), partial(self._end, user))])

    def _end(self, user: str, exchange: Exchange) -> None:
        self._ended.put((user, exchange))

    def _request(self, user: str) -> Request:
        url = str(self._dialler.source.config["url"]).rstrip("/") + _PATH + quote(user, safe="")
        # By its documentation the API looks at Content-Type, and not at Accept, for the kind of answer that is wanted.
        headers = [
            ("User-Agent", self._dialler.user_agent),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, application/xml;q=0.9"),
        ]
        return Request(
            "GET", url, headers, None, ANSWER_SECONDS, ANSWER_SECONDS, self._dialler.credential,
            proxy=self._dialler.proxy, max_response_bytes=MAX_ANSWER_BYTES,
        )  # fmt: skip

    def _answered(self, user: str, exchange: Exchange) -> None:
        self._pace.in_flight.discard(user)
        asked = self._agents.get(user)
        now = self._clocks.monotonic()
        if asked is None:
            return
        if now < self._lease_until:
            self._understand(user, asked, exchange)
        pause = self._interval(busy=bool(asked.agent.calls)) * (1 + JITTER * (2 * self._clocks.random() - 1))
        if asked.failures:
            pause = max(pause, pause_seconds(asked.failures, self._clocks.random()))
        heappush(self._pace.due, (now + pause, user))

    def _understand(self, user: str, asked: _Asked, exchange: Exchange) -> None:
        source, now = self._dialler.source, self._clocks.now()
        try:
            seen = _calls_of(exchange, source)
        except NoInformation:
            self._failed(user, asked, exchange)
            return
        self.heard.answers += 1
        asked.failures = 0
        whose = Whose(source.name, user, SourceSettings(source.time_zone, source.country, source.config))
        step = observe(whose, asked.agent, seen, now, self._numbering)
        events = [*step.events, *self._reset(whose, step.forgotten, now)]
        is_old = asked.saved_at is None or now - asked.saved_at >= timedelta(seconds=SAVE_SECONDS)
        try:
            if events:
                self._take(source, events, now)
            if events or step.is_news or is_old:
                if not self._store.save_agent(source.id, user, self._holder, written(step.agent), now):
                    self._tell("maxcontact.lease_lost", logging.WARNING, agent=user)
                    del self._agents[user]
                    return
                asked.saved_at = now
        except StoreUnavailable:
            # As if there had been no answer: the next one says the same again.
            self._away(self._clocks.monotonic())
            return
        asked.agent = step.agent
        self.heard.events += len(events)
        self.heard.forgotten += step.forgotten

    def _reset(self, whose: Whose, forgotten: int, now: datetime) -> list[Any]:
        if not forgotten:
            return []
        self._tell("maxcontact.source_reset", logging.WARNING, agent=whose.user, forgotten_calls=forgotten)
        if self._told_reset == self._numbering.reset_at:
            return []
        self._told_reset = self._numbering.reset_at
        return [reset_event(whose, now, self._numbering)]

    def _failed(self, user: str, asked: _Asked, exchange: Exchange) -> None:
        self.heard.failed += 1
        asked.failures += 1
        if asked.failures == 1:
            status = exchange.answer.status if exchange.answer else None
            fields = {"status": status, "error": exchange.error, "why": exchange.detail or "the answer is no success"}
            self._tell("maxcontact.no_information", logging.WARNING, agent=user, **fields)

    def _interval(self, *, busy: bool) -> float:
        usual = self._number("interval_seconds", INTERVAL_SECONDS)
        return usual if busy else max(usual, self._number("idle_seconds", IDLE_SECONDS))

    def _number(self, name: str, usual: float) -> float:
        config: Mapping[str, Any] = self._dialler.source.config
        return float(config[name]) if config.get(name) is not None else usual

    def _tell(self, name: str, level: int = logging.INFO, **fields: object) -> None:
        log_event(logger, name, level, source=self._dialler.source.name, **fields)


def _calls_of(exchange: Exchange, source: Source) -> list[SeenCall]:
    if exchange.answer is None:
        raise NoInformation
    return calls_in(exchange.answer.status, exchange.answer.body, source.time_zone)
