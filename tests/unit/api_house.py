"""The API with everything behind it in memory, as its tests use it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Self
from uuid import UUID, uuid4

from starlette.testclient import TestClient

from dispatcher.adapters.client_certificates import read_tls
from dispatcher.adapters.engines import ENGINES
from dispatcher.adapters.http_text import show_request
from dispatcher.adapters.memory.hints import MemoryHints
from dispatcher.api.app import build_app
from dispatcher.api.forwarded import Networks
from dispatcher.api.services import ReadyReport, Services
from dispatcher.domain.credentials.spec import CredentialEngines
from dispatcher.domain.delivery import NewDelivery, State
from dispatcher.domain.ids import delivery_id
from dispatcher.domain.profile import ProfileSpec, parse_profile
from dispatcher.evaluate import profiles_for
from dispatcher.ingest import Ingestor
from dispatcher.ports import Evaluation, Source
from dispatcher.tokens import Minted, Scope, Tokens
from dispatcher.wsdls import Wsdls
from dispatcher.xml_reading.paths import compile_xpath
from tests.unit.memory_admin import MemoryAdmin
from tests.unit.wsdl_doubles import OperationTemplates, Web, WordsEngine

WORKSPACE = UUID("00000000-0000-4000-8000-000000000001")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MAX_BODY_BYTES = 65_536

FINISHED: dict[str, Any] = {
    "id": "a1b2-hangup",
    "type": "call.finished",
    "occurred_at": "2026-11-20T10:03:20Z",
    "call": {"id": "7f9c", "direction": "inbound", "dnis": "+18005551212", "duration_seconds": 200},
}
PROFILE: dict[str, Any] = {
    "name": "crm",
    "trigger": {"events": ["call.finished"]},
    "request": {"kind": "rest", "method": "POST", "url": "https://crm.example/calls", "body": {"kind": "none"}},
}


def parse(document: object) -> ProfileSpec:
    """A profile, with the product's patterns."""
    return parse_profile(document, ENGINES)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class NotRandom:
    """Bytes that count up, so that every secret is another one."""

    def __init__(self) -> None:
        self._next = count(1)

    def __call__(self, size: int) -> bytes:
        return next(self._next).to_bytes(size, "big")


@dataclass
class House:
    """A running API, with one token for each scope."""

    store: MemoryAdmin = field(default_factory=MemoryAdmin)
    hints: MemoryHints = field(default_factory=MemoryHints)
    clock: HandClock = field(default_factory=HandClock)
    public_url: str | None = None
    trusted_proxies: Networks = ()
    peer: str = "testclient"
    ready: ReadyReport = field(default_factory=lambda: ReadyReport(database=True, broker=True))

    def __post_init__(self) -> None:
        self.sender: Any = None
        self.engine, self.web = WordsEngine(), Web()
        self.random_bytes = NotRandom()
        self.tokens = Tokens(self.store, self.clock, self.random_bytes)
        self.minted: dict[Scope, Minted] = {scope: self.mint(scope) for scope in Scope}
        self.add_source("default", "generic", None)
        services = Services(
            store=self.store,
            ingestor=Ingestor(self.store, self.hints, self.clock),
            hints=self.hints,
            templates=OperationTemplates(self.store.wsdl_description),
            wsdls=Wsdls(self.store, self.engine, self.web, parse, OperationTemplates, self.clock),
            engines=ENGINES,
            credential_engines=CredentialEngines(compile_xpath, read_tls),
            open_sender=lambda: self.sender,
            show_request=show_request,
            clock=self.clock,
            random_bytes=self.random_bytes,
            max_body_bytes=MAX_BODY_BYTES,
            public_url=self.public_url,
            version="1.2.3",
            ready=lambda: self.ready,
            metrics=lambda: b"onhook_up 1\n",
            trusted_proxies=self.trusted_proxies,
        )
        self.services = services
        self.client = TestClient(build_app(services), raise_server_exceptions=False, client=(self.peer, 50_000))

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.__exit__()
        self.services.ingestor.stop()

    def mint(self, *scopes: str, workspace_id: UUID = WORKSPACE) -> Minted:
        return self.tokens.create(workspace_id, "-".join(scopes), list(scopes))

    def add_source(self, name: str, spoken: str, auth: dict[str, Any] | None) -> Source:
        source = Source(uuid4(), WORKSPACE, name, spoken, auth, "UTC", None, {})
        self.store.save_source(source, self.clock())
        return source

    def call(self, method: str, path: str, scope: Scope | None = Scope.ADMIN, **given: Any) -> Any:
        """One request by the token of a scope, or by none; the response."""
        if scope is not None:
            minted = self.minted[scope]
            given.setdefault("auth", (minted.token.id, minted.secret_1))
        return self.client.request(method, path, **given)

    def add_profile(self, name: str = "crm", **over: Any) -> None:
        answer = self.call("POST", "/v1/profiles", json={**PROFILE, "name": name, **over})
        assert answer.status_code == 201, answer.text

    def post_event(self, event_id: str = "a1b2-hangup", **call: Any) -> UUID:
        event = {**FINISHED, "id": event_id, "call": {**FINISHED["call"], **call}}
        answer = self.call("POST", "/v1/events", json=event)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def evaluate(self, event_id: UUID) -> list[UUID]:
        """Does the worker's part up to the deliveries, which stay pending; their ids."""
        version, events = self.store.unevaluated([event_id])
        (event,) = events
        fired = profiles_for(event, self.store.load_catalogue())
        made = [
            NewDelivery(delivery_id(event.id, each.id), WORKSPACE, event.id, each.id, each.revision, None)
            for each in fired
        ]
        now = self.clock()
        private = any(each.spec.private for each in fired)
        self.store.add_deliveries([Evaluation(event.id, len(made), private)], made, version, now, {}, now)
        return [each.id for each in made]

    def settle(self, ids: Sequence[UUID], state: State = State.DEAD) -> None:
        """Ends deliveries as a worker would."""
        for each in ids:
            self.store._deliveries[each].end(state, "refused: answered 404", self.clock())


def problem(status: int, title: str, detail: str, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The problem details that an answer must be."""
    shown: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return shown if errors is None else {**shown, "errors": errors}
