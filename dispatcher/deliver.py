"""Make one attempt: claim, build, send, decide, record.

Two doors lead here: `evaluate` brings claims it has just made, `deliver` brings ids to be claimed.
No thread waits for an exchange: the sender calls back, and the recorder writes.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from threading import Lock
from time import sleep
from typing import Any
from uuid import UUID

from dispatcher.catalogue import Profiles
from dispatcher.domain.delivery import Claim
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.domain.pace import is_limited
from dispatcher.domain.requests.own_headers import own_headers
from dispatcher.domain.room import Room
from dispatcher.ports import Clock, Done, Profile, Rendered, RenderError, Sender, StoreUnavailable
from dispatcher.record import Recorder, Unrecorded
from dispatcher.wait import Claims

logger = logging.getLogger(__name__)

CLAIM_BATCH = 200
"""Deliveries claimed by one statement: more gains little (they cost 12 microseconds each from here on)."""
ASIDE_IDS = 20_000
"""Ids that a process keeps aside for one profile. What does not fit is hinted again by the sweeper."""
PATIENT_LOOKS = 25
LOOK_SECONDS = 0.002
"""How often, and how far apart, an evaluation looks whether room has come free: 50 ms in all."""
LOOK_MARGIN_SECONDS = 10.0
"""Of a profile that waits for news: a look at the call may itself wait for a busy database before anything is sent."""
LEASE_MARGIN_SECONDS = 5.0
"""Beyond the exchange's deadline: time to record the result, or to notice that the database is away."""


@dataclass(frozen=True)
class SendingRules:
    """How this process sends, from the settings."""

    user_agent: str
    connect_timeout_seconds: float = 5.0
    lease_seconds: float | None = None
    """At least this long does a claim stand; None: the profile's time-out plus a margin."""


@dataclass(frozen=True)
class Crew:
    """The threads that work for a deliverer beside those that call it."""

    claimers: Executor
    """They claim what waited for room."""
    preparers: Executor
    """They make profiles ready, which may take seconds each."""


@dataclass(slots=True)
class Patience:
    """How often one evaluation may still look for room, over all its profiles."""

    looks: int = PATIENT_LOOKS


class Deliverer:
    """Claims deliveries and carries them to the sender. Safe to use from several threads."""

    def __init__(
        self,
        claims: Claims,
        profiles: Profiles,
        sender: Sender,
        recorder: Recorder,
        room: Room,
        clock: Clock,
        rules: SendingRules,
        crew: Crew,
    ) -> None:
        self._claims, self._profiles, self._sender, self._recorder = claims, profiles, sender, recorder
        self._room, self._clock, self._rules, self._crew = room, clock, rules, crew
        self._aside, self._preparing = _Aside(), _Underway()

    # --- door one: claims made by an evaluation

    def take_first(self, profile: Profile, wanted: int, patience: "Patience") -> int:
        """Takes room for first attempts; none for a profile under limits, or one that waits for news of the call:
        these only a claim can judge. None either for one that is not ready: nobody waits here until it is.

        Where room is short but comes free quickly it waits a little: an event that stays a hint for some
        milliseconds costs nothing, a delivery made without room costs a claim of its own.
        """
        if is_limited(profile.spec.limits) or profile.spec.waits or not self._profiles.is_ready(profile):
            return 0
        granted = self._room.take(profile.id, wanted, first_attempts=True)
        while granted < wanted and patience.looks > 0:
            patience.looks -= 1
            ended = self._room.ended(profile.id)
            sleep(LOOK_SECONDS)
            if self._room.ended(profile.id) == ended:
                break  # its target does not move: nobody waits for that
            granted += self._room.take(profile.id, wanted - granted, first_attempts=True)
        return granted

    def give_back(self, profile_id: UUID, count: int) -> None:
        """Frees room that was taken and not used."""
        self._room.give_back(profile_id, count)
        self._pump(profile_id)

    def lease_until(self, profile: Profile, now: datetime) -> datetime:
        """When a claim made now may be taken over: never before its exchange must have ended."""
        shortest = profile.spec.timeout_seconds + 1.0
        lease = self._rules.lease_seconds or profile.spec.timeout_seconds + LEASE_MARGIN_SECONDS
        look = LOOK_MARGIN_SECONDS if profile.spec.waits else 0.0
        return now + timedelta(seconds=max(lease, shortest) + look)

    # --- door two: ids from a hint

    def deliver(self, profile_id: UUID, ids: Sequence[UUID]) -> tuple[str, int, int]:
        """Claims and starts what there is room for; the rest waits here, unclaimed.

        Returns the profile's name, how many were started and how many were left for later. Of a disabled profile only
        tests are claimed. Raises StoreUnavailable; nothing is lost then.
        """
        profile = self._profiles.at_least(self._claims.catalogue_version()).profiles.get(profile_id)
        if profile is None:
            return "(deleted)", 0, 0
        if not self._profiles.is_ready(profile):
            self.put_aside(profile_id, ids)
            return profile.spec.name, 0, len(ids)
        granted = self._room.take(profile_id, min(len(ids), CLAIM_BATCH), first_attempts=False)
        sent = self._claim_and_send(profile, ids[:granted], granted) if granted else 0
        self.put_aside(profile_id, ids[granted:])
        return profile.spec.name, sent, len(ids) - (granted if profile.enabled else sent)

    def put_aside(self, profile_id: UUID, ids: Sequence[UUID]) -> None:
        """Keeps ids for when their profile has room again, or is ready."""
        if ids:
            self._aside.add(profile_id, ids)
        # Asked without new ids too: room that was given back unused has no end of an exchange to call.
        self._pump(profile_id)

    # --- the five steps

    def send(self, profile: Profile, claims: Sequence[Claim]) -> None:
        """Builds the requests of claims (of one profile, with room taken) and hands them to the sender."""
        now = self._clock()
        unsent = len(claims)
        try:
            batch: list[tuple[Request, Done]] = []
            for claim in claims:
                request = self._build(profile, claim, now)
                if isinstance(request, RenderError):
                    self._recorder.put(Unrecorded(profile, claim, now, None, None, request))
                else:
                    batch.append((request, partial(self._ended, profile, claim, now, request)))
            unsent -= len(batch)
            self._sender.send(batch)
        finally:
            if unsent:
                self._room.give_back(profile.id, unsent)

    def _build(self, profile: Profile, claim: Claim, now: datetime) -> Request | RenderError:
        try:
            rendered = self._profiles.template(profile).render(context_of(claim))
            return self._request(profile, claim, rendered, now)
        except RenderError as error:
            return error
        except StoreUnavailable:
            reason = "the database, which keeps the WSDL, cannot answer now"
            return RenderError("request.wsdl", reason, ErrorWord.WSDL, passing=True)
        except Exception as error:
            # Left to itself, this delivery and the others of its batch would come back each time their leases end,
            # to fail again for ever. The error's text may quote the call, so that its type has to do.
            logger.exception("deliver.build_failed", extra={"fields": {"delivery_id": str(claim.id)}})
            return RenderError("request", f"an unforeseen {type(error).__name__}")

    def _claim_and_send(self, profile: Profile, ids: Sequence[UUID], granted: int) -> int:
        claims: list[Claim] = []
        try:
            now = self._clock()
            claims = self._claims.take(profile, ids, self.lease_until(profile, now))
        finally:
            if granted > len(claims):
                self._room.give_back(profile.id, granted - len(claims))
        self.send(profile, claims)
        return len(claims)

    def _request(self, profile: Profile, claim: Claim, rendered: Rendered, now: datetime) -> Request:
        keys = profile.signing_keys(now) if profile.spec.sign else ()
        headers = rendered.headers + own_headers(claim.id, keys, rendered.body, now, self._rules.user_agent)
        timeout = profile.spec.timeout_seconds
        connect = min(self._rules.connect_timeout_seconds, timeout)
        request = Request(rendered.method, rendered.url, headers, rendered.body, connect, timeout)
        if profile.spec.credential is not None:
            request.credential = self._profiles.credential(profile)
        request.proxy = self._profiles.proxy(profile)
        request.read_reply = rendered.read_reply
        request.signing_keys = keys
        return request

    def _ended(
        self, profile: Profile, claim: Claim, started_at: datetime, request: Request, exchange: Exchange
    ) -> None:
        """The sender's callback: on its thread, so it decides nothing and waits for nothing."""
        self._room.give_back(profile.id, took_ms=exchange.timings.total_ms)
        self._recorder.put(Unrecorded(profile, claim, started_at, request, exchange, None))
        self._pump(profile.id)

    # --- what waits for room

    def _pump(self, profile_id: UUID) -> None:
        if self._aside.holds(profile_id) and self._ready(profile_id) and self._aside.wants(profile_id, self._room):
            submit(self._crew.claimers, partial(self._draw, profile_id))

    def _ready(self, profile_id: UUID) -> bool:
        """Whether the profile's requests can be built now. If not, that is begun, on a thread that nobody waits for."""
        profile = self._profiles.known(profile_id)
        if profile is None or self._profiles.is_ready(profile):
            return True
        if self._preparing.begin(profile_id):
            submit(self._crew.preparers, partial(self._prepare, profile))
        return False

    def _prepare(self, profile: Profile) -> None:
        prepared = False
        try:
            self._profiles.prepare(profile)
            prepared = True
        except StoreUnavailable:
            # What is aside stays there: the sweeper's next hint begins this again.
            logger.warning("deliver.store_unavailable", extra={"fields": {"profile_id": str(profile.id)}})
        except Exception:
            # An executor keeps what its work raises to itself, and the profile's deliveries would wait without a word.
            logger.exception("deliver.prepare_failed", extra={"fields": {"profile_id": str(profile.id)}})
        finally:
            self._preparing.end(profile.id)
        if prepared:
            self._pump(profile.id)

    def _draw(self, profile_id: UUID) -> None:
        ids = self._aside.take(profile_id, CLAIM_BATCH)
        try:
            if ids:
                self.deliver(profile_id, ids)
        except StoreUnavailable:
            logger.warning("deliver.store_unavailable", extra={"fields": {"profile_id": str(profile_id)}})
        finally:
            self._aside.drawn(profile_id)
        self._pump(profile_id)


def context_of(claim: Claim) -> dict[str, Any]:
    """What templates see: the event, and the delivery that the request belongs to."""
    delivery = {"id": str(claim.id), "attempt": claim.number, "partial": claim.partial, "test": claim.test}
    return {**claim.context, "delivery": delivery}


class _Aside:
    """Ids waiting in this process for room, by profile; at most one draw per profile at a time."""

    def __init__(self) -> None:
        # A dict for each profile, since the sweeper hints again what waits here already.
        self._ids: dict[UUID, dict[UUID, None]] = {}
        self._drawing: set[UUID] = set()
        self._lock = Lock()

    def add(self, profile_id: UUID, ids: Sequence[UUID]) -> None:
        with self._lock:
            kept = self._ids.setdefault(profile_id, {})
            for identifier in ids:
                if len(kept) >= ASIDE_IDS:
                    break
                kept[identifier] = None

    def holds(self, profile_id: UUID) -> bool:
        """Whether anything of the profile waits."""
        return profile_id in self._ids

    def wants(self, profile_id: UUID, room: Room) -> bool:
        """Whether a draw should start now; if so, it is booked."""
        with self._lock:
            waiting = len(self._ids.get(profile_id, ()))
            if not waiting or profile_id in self._drawing:
                return False
            free = room.free_for(profile_id)
            # Small draws are dear: wait until a good part of a batch fits, unless nothing is in flight
            # whose end would call again.
            if free < min(waiting, CLAIM_BATCH // 2) and room.held_by(profile_id) > free:
                return False
            if not free:
                return False
            self._drawing.add(profile_id)
            return True

    def take(self, profile_id: UUID, count: int) -> list[UUID]:
        with self._lock:
            kept = self._ids.get(profile_id)
            if not kept:
                return []
            ids = list(islice(kept, count))
            for identifier in ids:
                del kept[identifier]
            if not kept:
                del self._ids[profile_id]
            return ids

    def drawn(self, profile_id: UUID) -> None:
        with self._lock:
            self._drawing.discard(profile_id)


class _Underway:
    """Profiles that are being made ready, each once at a time."""

    def __init__(self) -> None:
        self._ids: set[UUID] = set()
        self._lock = Lock()

    def begin(self, profile_id: UUID) -> bool:
        """Whether nobody else has begun."""
        with self._lock:
            begun = profile_id not in self._ids
            self._ids.add(profile_id)
            return begun

    def end(self, profile_id: UUID) -> None:
        """From now on it may be begun again."""
        with self._lock:
            self._ids.discard(profile_id)


def submit(executor: Executor, work: Callable[[], None]) -> None:
    """Runs work on an executor; once it is shut down, the work is left to the sweeper of another process."""
    try:
        executor.submit(work)
    except RuntimeError:
        logger.debug("deliver.executor_stopped")
