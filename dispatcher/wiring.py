"""The composition root: every process is put together here, from the settings."""

import logging
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from uuid import UUID

from starlette.types import ASGIApp

from dispatcher import __version__
from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.celery_queue import BackgroundHints, CeleryHints, make_app
from dispatcher.adapters.client_certificates import read_tls
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.http_text import show_request
from dispatcher.adapters.logs import log_event
from dispatcher.adapters.metrics import make_metrics
from dispatcher.adapters.probe import Probe
from dispatcher.adapters.request_templates import RequestTemplates
from dispatcher.adapters.soap.bounded import ProcessWsdlEngine
from dispatcher.adapters.soap.fetching import SenderFetch
from dispatcher.adapters.soap.library import WsdlLibrary
from dispatcher.adapters.soap.templates import SoapTemplates
from dispatcher.adapters.sql.store import AdminRows, Store, open_store
from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.adapters.token_store import TokenStore
from dispatcher.adapters.vault import Vault
from dispatcher.api.loop_calls import LoopCalls
from dispatcher.api.refused_posts import RefusedPosts
from dispatcher.api.services import ReadyReport, Services
from dispatcher.assemble import Assembler
from dispatcher.catalogue import Profiles
from dispatcher.clock import utc_now
from dispatcher.deliver import Crew, Deliverer, SendingRules
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialEngines
from dispatcher.domain.delivery import Result, State
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.domain.requests.own_headers import user_agent
from dispatcher.domain.room import Room
from dispatcher.erase import Eraser
from dispatcher.evaluate import Evaluated, Evaluator
from dispatcher.ingest import Ingestor
from dispatcher.ports import BrokerUnavailable, Profile, Sender, StoreUnavailable, Templates
from dispatcher.ports.wsdl import Fetch, OpenFetch, ReadDescription
from dispatcher.record import Recorder
from dispatcher.settings import SenderKind, Settings
from dispatcher.sweep import Sweeper
from dispatcher.wait import Claims
from dispatcher.wsdls import Wsdls
from dispatcher.xml_reading.paths import compile_xpath

logger = logging.getLogger(__name__)

USER_AGENT = user_agent(__version__)
REQUESTS_THREADS = 64
"""Of the portable sender: a thread for each exchange."""
CLAIMERS = 4
"""Threads that claim what waited in a process for room: enough to keep the database busy."""

PREPARERS = 4
"""Threads that parse WSDLs, seconds each: so many, that a small one need not wait for a large one."""

HINTS_GRACE_SECONDS = 2.0
"""For hints that wait at the end of the API process; the sweeper finds the others."""


CREDENTIAL_ENGINES = CredentialEngines(compile_xpath, read_tls)


def parse(document: object) -> ProfileSpec:
    """A profile document, with the product's pattern engine."""
    return parse_profile(document, ENGINES)


def build_store(settings: Settings) -> Store:
    """The store of the settings. Raises MasterKeyError."""
    return open_store(settings.sqlalchemy_url, build_vault(settings), parse)


def build_vault(settings: Settings) -> Vault:
    """The vault of the settings. Raises MasterKeyError."""
    # The key file may be changed while this process runs, the environment cannot.
    reread = None if settings.master_key else settings.load_master_keys
    return Vault(settings.load_master_keys(), reread)


def build_templates(store: Store) -> RequestTemplates:
    """The template engine for requests of both kinds, with the WSDLs that the store keeps."""
    return RequestTemplates(
        JinjaTemplates(), SoapTemplates(WsdlLibrary(store.admin.wsdl, store.admin.wsdl_description))
    )


def build_hints(settings: Settings) -> CeleryHints:
    """Hints over the broker of the settings."""
    return CeleryHints(make_app(settings.celery_broker_url))


def build_sweeper(settings: Settings) -> Sweeper:
    """The sweeper of the settings. Raises MasterKeyError."""
    store = build_store(settings)
    return Sweeper(store.hot, build_hints(settings), utc_now, rehint_seconds=settings.rehint_seconds)


def build_assembler(settings: Settings) -> Assembler:
    """The assembler of the settings. Raises MasterKeyError."""
    hints = build_hints(settings)
    return Assembler(build_store(settings).assemblies, hints, utc_now, rehint_seconds=settings.rehint_seconds)


def build_eraser(settings: Settings) -> Eraser:
    """The eraser of the settings. Raises MasterKeyError."""
    return Eraser(build_store(settings).erasure, utc_now)


class OnDemand:
    """The sender of a process that hardly ever sends: made when it is first asked for."""

    def __init__(self, build: Callable[[], AuthenticatedSender]) -> None:
        self._build = build
        self._built: AuthenticatedSender | None = None
        self._lock = Lock()

    def get(self) -> AuthenticatedSender:
        """The sender, the same each time."""
        with self._lock:
            self._built = self._built or self._build()
            return self._built

    def stop(self) -> None:
        """Ends what is on its way."""
        if self._built is not None:
            self._built.stop(0)


@dataclass(frozen=True)
class ApiRuntime:
    """The API process: its ASGI app, and its end."""

    app: ASGIApp
    ingestor: Ingestor
    hints: BackgroundHints
    sender: OnDemand

    def stop(self) -> None:
        """Commits and hints what was taken in, once the server answers no more."""
        self.sender.stop()
        self.ingestor.stop()
        self.hints.stop(HINTS_GRACE_SECONDS)


def build_api(settings: Settings) -> ApiRuntime:
    """The API of the settings. Raises MasterKeyError."""
    # Imported here because FastAPI costs every other process half a second of CPU and 20 MB.
    from dispatcher.api.app import build_app

    store = build_store(settings)
    hints = BackgroundHints(build_hints(settings))
    in_loop = LoopCalls()
    # A broker that hangs takes seconds to say so, and a probe of the API does not wait that long.
    broker = Probe(lambda: _answers(hints.depth))
    ingestor = Ingestor(
        store.hot,
        hints,
        utc_now,
        in_loop,
        parts=store.assemblies,
        linger_seconds=settings.linger_ms / 1000,
        rehint_seconds=settings.rehint_seconds,
    )
    sender = OnDemand(lambda: build_sender(settings, store.admin))
    refused_posts = RefusedPosts()
    services = Services(
        store=store.admin,
        ingestor=ingestor,
        hints=hints,
        templates=build_templates(store),
        wsdls=build_wsdls(store.admin, sender.get),
        engines=ENGINES,
        credential_engines=CREDENTIAL_ENGINES,
        open_sender=sender.get,
        show_request=show_request,
        clock=utc_now,
        random_bytes=os.urandom,
        max_body_bytes=settings.max_body_bytes,
        public_url=settings.public_url,
        version=__version__,
        ready=lambda: ReadyReport(_answers(store.hot.catalogue_version), broker()),
        metrics=make_metrics(store.admin.all_books, refused_posts.counted, store.admin.unfinished),
        in_loop=in_loop,
        trusted_proxies=settings.trusted_proxies,
        refused_posts=refused_posts,
    )
    return ApiRuntime(build_app(services), ingestor, hints, sender)


def build_wsdls(store: AdminRows, open_sender: Callable[[], AuthenticatedSender]) -> Wsdls:
    """What inspects, refreshes and pins WSDLs. The sender is opened when something is fetched first."""

    def templates_reading(read: ReadDescription) -> Templates:
        return RequestTemplates(JinjaTemplates(), SoapTemplates(WsdlLibrary(store.wsdl, read)))

    open_fetch = build_open_fetch(open_sender)
    return Wsdls(store, ProcessWsdlEngine(), open_fetch, parse, templates_reading, utc_now)


def build_open_fetch(open_sender: Callable[[], AuthenticatedSender]) -> OpenFetch:
    """What fetches the documents of WSDLs: over the process's one sender, which is opened when it is first needed."""

    def open_fetch(root: str, credential: Credential | None, proxy: str | None) -> Fetch:
        return SenderFetch(open_sender(), root, USER_AGENT, credential, proxy)

    return open_fetch


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (StoreUnavailable, BrokerUnavailable):
        return False
    return True


def build_sender(settings: Settings, tokens: TokenStore) -> AuthenticatedSender:
    """The sender that the settings name, behind the egress guard and with the credentials' access tokens."""
    return AuthenticatedSender(_plain_sender(settings), tokens, utc_now)


def _plain_sender(settings: Settings) -> Sender:
    egress = Egress(settings.egress_allow)
    # Imported here so that a platform without libcurl can run the other one.
    if settings.sender is SenderKind.REQUESTS:
        from dispatcher.adapters.requests_sender import RequestsSender

        return RequestsSender(egress, threads=_capacity(settings), max_response_bytes=settings.max_response_bytes)
    from dispatcher.adapters.curl.sender import CurlSender

    return CurlSender(egress, max_response_bytes=settings.max_response_bytes)


def _capacity(settings: Settings) -> int:
    """Exchanges at once. With `requests` no more than its threads: one that waited for a thread outlived its lease."""
    if settings.sender is SenderKind.REQUESTS:
        return min(settings.max_in_flight, REQUESTS_THREADS)
    return settings.max_in_flight


@dataclass
class WorkerRuntime:
    """A worker process: what its two tasks call, and its end."""

    evaluator: Evaluator
    deliverer: Deliverer
    sender: Sender
    recorder: Recorder
    claimers: ThreadPoolExecutor
    preparers: ThreadPoolExecutor

    def evaluate(self, event_ids: list[UUID]) -> str:
        """Evaluates events; a sentence for the operator."""
        return _evaluated(self.evaluator.evaluate(event_ids))

    def deliver(self, profile_id: UUID, delivery_ids: list[UUID]) -> str:
        """Delivers what is due; a sentence for the operator."""
        name, sent, left = self.deliverer.deliver(profile_id, delivery_ids)
        return f"{name}: {sent} sent, {left} left for later"

    def stop(self, grace_seconds: float) -> None:
        """Finishes or hands back what is in flight, and records it, within the grace and two seconds."""
        started = monotonic()
        # Nobody waits for a WSDL that is being parsed: what needs it stays pending.
        self.preparers.shutdown(wait=False, cancel_futures=True)
        self.claimers.shutdown(wait=True, cancel_futures=True)
        self.sender.stop(grace_seconds * 0.75)
        self.recorder.stop(max(grace_seconds - (monotonic() - started), 1.0))


def build_worker(settings: Settings) -> WorkerRuntime:
    """Everything a worker process needs. Raises MasterKeyError."""
    store = build_store(settings)
    profiles = Profiles(store.admin, build_templates(store))
    sender = build_sender(settings, store.admin)
    claims = Claims(store.hot, store.waiting, utc_now)

    def tell_followers(ids: Sequence[UUID]) -> None:
        for profile_id, woken in store.waiting.wake_followers(ids, utc_now()).items():
            deliverer.put_aside(profile_id, woken)

    recorder = Recorder(
        store.hot, store.admin.disable_profile, utc_now, random.random, _tell_of_attempt, delivered=tell_followers
    )
    claimers = ThreadPoolExecutor(CLAIMERS, thread_name_prefix="claim")
    rules = SendingRules(USER_AGENT, settings.connect_timeout_seconds, settings.lease_seconds)
    room = Room(_capacity(settings))
    preparers = ThreadPoolExecutor(PREPARERS, thread_name_prefix="prepare")
    crew = Crew(claimers, preparers)
    deliverer = Deliverer(claims, profiles, sender, recorder, room, utc_now, rules, crew)
    evaluator = Evaluator(store.hot, profiles, deliverer, utc_now, claims, rehint_seconds=settings.rehint_seconds)
    return WorkerRuntime(evaluator, deliverer, sender, recorder, claimers, preparers)


def _tell_of_attempt(profile: Profile, result: Result) -> None:
    """One line for an attempt that did not deliver; the others are counted, and shown in the log of attempts."""
    attempt, following = result.attempt, result.next
    level = logging.DEBUG if following.state is State.DELIVERED else logging.INFO
    log_event(
        logger,
        "delivery.attempted",
        level,
        profile=profile.spec.name,
        delivery_id=result.delivery_id,
        number=attempt.number,
        outcome=attempt.outcome,
        error=attempt.error,
        status=attempt.exchange.answer.status if attempt.exchange and attempt.exchange.answer else None,
        state=following.state,
        due_at=following.due_at,
    )


def _evaluated(done: Evaluated) -> str:
    events = f"{done.events} event{'' if done.events == 1 else 's'}"
    if not done.made:
        return f"{events}, no deliveries"
    total = sum(done.made.values())
    by_profile = ", ".join(f"{name} {count}" for name, count in sorted(done.made.items()))
    left = f"; {done.left_for_later} left for later" if done.left_for_later else ""
    return f"{events}, {total} deliver{'y' if total == 1 else 'ies'}: {by_profile}{left}"
