"""Credentials on the wire: both senders, several workers over one database, token services and targets on loopback."""

import ipaddress
import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.curl.sender import CurlSender
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.adapters.sql.store import AdminRows
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from tests.contract.targets import Connection, Received, Target, answer, free_port
from tests.unit.credential_doubles import credential_spec, request_with
from tests.unit.doubles import NOON, WORKSPACE, HandClock

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
SECRETS = ("client-secret-1", "client-secret-2", "token-1", "127.0.0.1")


@dataclass
class TokenService:
    """Gives tokens to who knows the secret, a new one each time, and keeps count."""

    secrets: set[str] = field(default_factory=lambda: {"client-secret-1"})
    expires_in: float = 100
    release: threading.Event | None = None
    status: int | None = None
    """Answered in any case."""
    given: int = 0
    asked: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.target = Target(self.behave)
        self.url = f"{self.target.url}/oauth/token"

    def behave(self, connection: Connection, received: Received) -> None:
        if self.release is not None:
            self.release.wait(20)
        with self._lock:
            self.asked.append(received)
            if self.status is not None:
                connection.send(answer(self.status, b"{}"))
                return
            expected = {f"Basic {b64encode(f'client:{each}'.encode()).decode()}" for each in self.secrets}
            if dict(received.headers).get("Authorization") not in expected:
                connection.send(answer(401, b'{"error":"invalid_client"}'))
                return
            self.given += 1
            token = {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": self.expires_in}
        connection.send(answer(200, json.dumps(token).encode()))


@dataclass
class Api:
    """A target that takes some values of a header and answers 401 to all others."""

    taken: set[str]
    header: str = "Authorization"
    refusal: int = 401
    requests: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = Target(self.behave)

    def behave(self, connection: Connection, received: Received) -> None:
        status = 200 if dict(received.headers).get(self.header) in self.taken else self.refusal
        self.requests.append(received)
        self.answers.append(status)
        connection.send(answer(status))


class Pending:
    """Exchanges on their way, each of which must end exactly once."""

    def __init__(self) -> None:
        self.ended: list[list[Exchange]] = []
        self._left = threading.Semaphore(0)

    def send(self, sender: AuthenticatedSender, requests: list[Request]) -> "Pending":
        batch = []
        for request in requests:
            calls: list[Exchange] = []
            self.ended.append(calls)
            batch.append((request, self._done(calls)))
        sender.send(batch)
        return self

    def _done(self, calls: list[Exchange]) -> Callable[[Exchange], None]:
        def done(exchange: Exchange) -> None:
            calls.append(exchange)
            self._left.release()

        return done

    def wait(self, seconds: float = 20) -> list[Exchange]:
        for _ in self.ended:
            assert self._left.acquire(timeout=seconds), "an exchange did not end"
        assert [len(calls) for calls in self.ended] == [1] * len(self.ended)
        return [calls[0] for calls in self.ended]

    def statuses(self) -> list[int | None]:
        return [each.answer.status if each.answer else None for each in self.wait()]


@dataclass
class Workers:
    """Worker processes as far as credentials go: senders of their own, one database."""

    kind: Callable[..., Any]
    admin: AdminRows
    clock: HandClock = field(default_factory=HandClock)
    made: list[AuthenticatedSender] = field(default_factory=list)

    def start(self, allow: list[Any] = LOOPBACK) -> AuthenticatedSender:
        self.made.append(AuthenticatedSender(self.kind(Egress(allow)), self.admin, self.clock))
        return self.made[-1]

    def save(self, kind: str, **changes: Any) -> Credential:
        return self.admin.create_credential(WORKSPACE, credential_spec(kind, **changes), NOON).credential


@pytest.fixture(params=[CurlSender, RequestsSender], ids=["curl", "requests"])
def workers(request: pytest.FixtureRequest, admin: AdminRows) -> Iterator[Workers]:
    found = Workers(request.param, admin)
    yield found
    for sender in found.made:
        sender.stop(0)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def service(closing: ExitStack) -> TokenService:
    made = TokenService()
    closing.callback(made.target.stop)
    return made


@pytest.fixture
def make_api(closing: ExitStack) -> Callable[..., Api]:
    def make(*taken: str, **options: Any) -> Api:
        made = Api(set(taken), **options)
        closing.callback(made.target.stop)
        return made

    return make


def to(api: Api, credential: Credential, count: int = 1, **changes: Any) -> list[Request]:
    """Requests, each with an id of its own."""
    changes = {"deadline_seconds": 15, **changes}
    plain = request_with(credential, f"{api.target.url}/calls", **changes)
    return [
        Request(
            plain.method, plain.url, [*plain.headers[:1], ("webhook-id", str(uuid4()))], plain.body, 5,
            plain.deadline_seconds, credential,
        )
        for _ in range(count)
    ]  # fmt: skip


def oauth(workers: Workers, service: TokenService, **changes: Any) -> Credential:
    return workers.save("oauth2_client_credentials", token_url=service.url, **changes)


def carry(sender: AuthenticatedSender, request: Request) -> Exchange:
    [exchange] = Pending().send(sender, [request]).wait()
    return exchange


def ids_of(api: Api) -> list[str]:
    return [dict(each.headers)["webhook-id"] for each in api.requests]


def until(there: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def test_two_workers_with_fifty_requests_ask_for_one_token(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, pending = make_api("Bearer token-1"), oauth(workers, service), Pending()
    service.release = threading.Event()
    for sender in (workers.start(), workers.start()):
        pending.send(sender, to(api, credential, 20))
        pending.send(sender, to(api, credential, 5))
    until(lambda: len(service.target.received) == 1)
    assert [sender.in_flight >= 25 for sender in workers.made] == [True, True]
    assert api.requests == []
    service.release.set()
    assert pending.statuses() == [200] * 50
    assert (len(service.asked), len(api.requests)) == (1, 50)
    form = parse_qs(service.asked[0].body.decode())
    assert form == {"grant_type": ["client_credentials"]}


def test_a_token_is_renewed_before_it_ends_by_one_worker_while_requests_flow_with_the_old_one(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential = make_api("Bearer token-1", "Bearer token-2"), oauth(workers, service)
    senders = [workers.start(), workers.start()]
    for sender in senders:
        assert Pending().send(sender, to(api, credential)).statuses() == [200]
    workers.clock.pass_seconds(79)
    for sender in senders:
        assert Pending().send(sender, to(api, credential)).statuses() == [200]
    assert service.given == 1
    workers.clock.pass_seconds(2)
    service.release = threading.Event()
    pending = Pending()
    for sender in senders:
        pending.send(sender, to(api, credential, 10))
    assert pending.statuses() == [200] * 20
    assert {dict(each.headers)["Authorization"] for each in api.requests} == {"Bearer token-1"}
    service.release.set()
    until(lambda: service.given == 2)
    api.taken = {"Bearer token-2"}

    def both_have_it() -> bool:
        workers.clock.pass_seconds(1)
        statuses = [status for sender in senders for status in Pending().send(sender, to(api, credential)).statuses()]
        return statuses == [200, 200] and {dict(each.headers)["Authorization"] for each in api.requests[-2:]} == {
            "Bearer token-2"
        }

    until(both_have_it)
    assert len(service.asked) == 2


def test_a_401_brings_one_renewal_for_all_and_one_resend_each_under_the_same_id(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential = make_api("Bearer token-1", "Bearer token-2"), oauth(workers, service)
    senders = [workers.start(), workers.start()]
    for sender in senders:
        carry(sender, to(api, credential)[0])
    api.taken, api.requests, api.answers = {"Bearer token-2"}, [], []
    pending = Pending()
    for sender in senders:
        pending.send(sender, to(api, credential, 10))
    assert pending.statuses() == [200] * 20
    assert len(service.asked) == 2
    assert sorted(api.answers) == [200] * 20 + [401] * 20
    assert sorted(ids_of(api)) == sorted([*set(ids_of(api))] * 2)


def test_a_target_that_refuses_every_token_brings_no_storm_of_renewals(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = make_api(), oauth(workers, service), workers.start()
    for _ in range(10):
        assert Pending().send(sender, to(api, credential)).statuses() == [401]
    assert len(service.asked) == 2
    assert len(api.requests) == 11
    api.taken = {"Bearer token-2", "Bearer token-3"}
    assert Pending().send(sender, to(api, credential)).statuses() == [200]
    api.taken = {"Bearer token-3"}
    assert Pending().send(sender, to(api, credential)).statuses() == [200]


def test_a_wrong_secret_is_tried_once_by_all_workers_and_again_after_growing_pauses(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential = make_api("Bearer token-1"), oauth(workers, service)
    service.secrets = {"another"}
    senders = [workers.start(), workers.start()]
    asked_at = []
    for minute in range(40):
        pending = Pending()
        for sender in senders:
            pending.send(sender, to(api, credential, 5))
        for exchange in pending.wait():
            assert (exchange.answer, exchange.error) == (None, ErrorWord.STATUS)
            assert exchange.detail.startswith("the token service answered 401")
            assert exchange.unsent is True
            assert not any(secret in exchange.detail for secret in SECRETS)
        if len(service.asked) > len(asked_at):
            asked_at.append(minute)
        workers.clock.pass_seconds(60)
    assert asked_at == [0, 5, 15, 35]
    assert len(service.asked) == 4
    assert api.requests == []


def test_a_mended_credential_is_tried_at_once(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = (
        make_api("Bearer token-1"),
        oauth(workers, service, client_secret="wrong"),
        workers.start(),
    )
    assert carry(sender, to(api, credential)[0]).error is ErrorWord.STATUS
    changed = workers.admin.change_credential(
        WORKSPACE, "crm", lambda _: credential_spec("oauth2_client_credentials", token_url=service.url), NOON
    )
    assert changed is not None
    assert Pending().send(sender, to(api, changed.credential)).statuses() == [200]


def test_the_second_client_secret_is_tried_within_the_same_fetch(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    service.secrets = {"client-secret-2"}
    credential = oauth(workers, service, client_secret_2="client-secret-2")
    api, sender = make_api("Bearer token-1"), workers.start()
    assert Pending().send(sender, to(api, credential)).statuses() == [200]
    assert len(service.asked) == 2


def test_a_token_service_that_is_down_is_the_attempts_failure_and_asked_again_soon(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, sender = make_api("Bearer token-1"), workers.start()
    nowhere = workers.save("oauth2_client_credentials", token_url=f"http://127.0.0.1:{free_port()}/token")
    exchange = carry(sender, to(api, nowhere)[0])
    assert exchange.error is ErrorWord.CONNECT_REFUSED
    assert exchange.detail.startswith("no access token: ")
    assert not any(secret in exchange.detail for secret in SECRETS)
    service.status = 503
    credential = workers.admin.change_credential(
        WORKSPACE, "crm", lambda _: credential_spec("oauth2_client_credentials", token_url=service.url), NOON
    ).credential  # type: ignore[union-attr]
    statuses = [carry(sender, each).detail for each in to(api, credential, 5)]
    assert statuses[0] == "the token service answered 503"
    assert len(service.asked) == 1
    service.status = None
    workers.clock.pass_seconds(1)
    assert Pending().send(sender, to(api, credential)).statuses() == [200]


def test_the_egress_guard_holds_for_token_services(workers: Workers, service: TokenService) -> None:
    sender, credential = workers.start(allow=[]), oauth(workers, service)
    exchange = carry(sender, request_with(credential, "https://crm.invalid/calls"))
    assert exchange.error is ErrorWord.EGRESS_DENIED
    assert service.asked == []


def test_a_token_service_that_hangs_ends_requests_at_their_deadline(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = make_api("Bearer token-1"), oauth(workers, service), workers.start()
    service.release = threading.Event()
    started = time.monotonic()
    exchanges = Pending().send(sender, to(api, credential, 5, deadline_seconds=0.6)).wait()
    took = time.monotonic() - started
    assert {each.error for each in exchanges} == {ErrorWord.TIMEOUT}
    assert 0.5 < took < 2
    assert all(each.timings.total_ms > 500 for each in exchanges)
    service.release.set()


def test_stopping_ends_what_waits_for_a_token_as_shutdown_once_the_grace_is_over(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = make_api("Bearer token-1"), oauth(workers, service), workers.start()
    service.release = threading.Event()
    pending = Pending().send(sender, to(api, credential, 3))
    until(lambda: service.target.received)
    sender.stop(0.2)
    assert [each.error for each in pending.wait()] == [ErrorWord.SHUTDOWN] * 3
    assert [each.error for each in Pending().send(sender, to(api, credential, 1)).wait()] == [ErrorWord.SHUTDOWN]
    service.release.set()


def test_stopping_waits_for_a_token_and_the_request_that_needs_it(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = make_api("Bearer token-1"), oauth(workers, service), workers.start()
    service.release = threading.Event()
    pending = Pending().send(sender, to(api, credential, 3))
    until(lambda: service.target.received)
    threading.Timer(0.2, service.release.set).start()
    sender.stop(10)
    assert pending.statuses() == [200] * 3
    assert sender.in_flight == 0


def test_rotating_under_load_loses_nothing(workers: Workers, make_api: Callable[..., Api]) -> None:
    def basic(password: str) -> str:
        return "Basic " + b64encode(f"jane:{password}".encode()).decode()

    api, sender = make_api(basic("old")), workers.start()
    credential = workers.save("basic", password="old")
    enough = threading.Event()
    statuses: list[int | None] = []

    def load() -> None:
        while not enough.is_set():
            statuses.extend(Pending().send(sender, to(api, current[0], 5)).statuses())

    current = [credential]
    thread = threading.Thread(target=load)
    thread.start()

    def change(**document: Any) -> None:
        saved = workers.admin.change_credential(WORKSPACE, "crm", lambda _: credential_spec("basic", **document), NOON)
        assert saved is not None
        current[0] = saved.credential

    def more() -> None:
        before = len(statuses)
        until(lambda: len(statuses) > before + 20)

    # The second secret is known here before the target takes it, and there before the first one is retired.
    more()
    change(password="old", password_2="new", preferred=2)
    more()
    api.taken = {basic("new")}
    more()
    change(password=None, password_2="new")
    more()
    enough.set()
    thread.join(30)
    assert statuses == [200] * len(statuses)
    assert max(Counter(ids_of(api)).values()) == 2


def test_the_secret_that_the_target_took_is_tried_first_from_then_on(
    workers: Workers, make_api: Callable[..., Api]
) -> None:
    api, sender = make_api("Bearer two"), workers.start()
    credential = workers.save("bearer", token="one", token_2="two")
    for _ in range(3):
        assert Pending().send(sender, to(api, credential)).statuses() == [200]
    assert api.answers == [401, 200, 200, 200]


def test_a_403_tries_the_other_secret_only_where_the_credential_says_so(
    workers: Workers, make_api: Callable[..., Api]
) -> None:
    api, sender = make_api("Bearer two", refusal=403), workers.start()
    plain = workers.save("bearer", token="one", token_2="two")
    assert Pending().send(sender, to(api, plain)).statuses() == [403]
    spec = credential_spec("bearer", token="one", token_2="two", refused_status=[401, 403])
    both = workers.admin.change_credential(WORKSPACE, "crm", lambda _: spec, NOON)
    assert both is not None
    assert Pending().send(sender, to(api, both.credential)).statuses() == [200]


class Maxcontact:
    """MaxContact's token service and one method of its API, as its documents have them."""

    def __init__(self) -> None:
        self.tokens = 0
        self.target = Target(self.behave)
        self.logins: list[Received] = []
        self.calls: list[Received] = []

    def behave(self, connection: Connection, received: Received) -> None:
        headers = dict(received.headers)
        if received.path == "/webservices/services/apitoken/login/di%20aller%2F1":
            self.logins.append(received)
            good = headers.get("Authorization") == b64encode(b"login-password-1").decode()
            self.tokens += good
            key = f"<TokenKey>a=b;{self.tokens}</TokenKey>" if good else ""
            expiry = "<Expiry>2026-11-20T13:00:00</Expiry>"
            text = f"<CallActionResponse><Success>{good}</Success><Data>{key}{expiry}</Data></CallActionResponse>"
            connection.send(answer(200, text.encode(), ("Content-Type: text/xml",)))
            return
        self.calls.append(received)
        good = f"TokenKey=a=b%3B{self.tokens}" in headers.get("Cookie", "").split("; ")
        connection.send(answer(200 if good else 403, b'{"Success":true}'))


def test_a_login_gives_a_token_that_goes_as_a_cookie_beside_the_profiles_own(
    workers: Workers, closing: ExitStack
) -> None:
    dialler, sender = Maxcontact(), workers.start()
    closing.callback(dialler.target.stop)
    credential = workers.save(
        "token_login",
        username="di aller/1",
        login={"url": f"{dialler.target.url}/webservices/services/apitoken/login/{{username}}"},
        token_in={"xpath": "/CallActionResponse/Data/TokenKey"},
        expires_in={"xpath": "/CallActionResponse/Data/Expiry"},
    )
    asked = Request("GET", f"{dialler.target.url}/dispose/user/5", [("Cookie", "lang=en")], None, 5, 10, credential)
    assert Pending().send(sender, [asked]).statuses() == [200]
    assert dict(dialler.calls[0].headers)["Cookie"] == "lang=en; TokenKey=a=b%3B1"
    assert len([name for name, _ in dialler.calls[0].headers if name == "Cookie"]) == 1
    assert Pending().send(sender, [asked]).statuses() == [200]
    assert len(dialler.logins) == 1
    dialler.tokens += 1  # the token is void, which it says by a 403
    assert Pending().send(sender, [asked]).statuses() == [200]
    assert dict(dialler.calls[-1].headers)["Cookie"] == "lang=en; TokenKey=a=b%3B3"
    assert len(dialler.logins) == 2
    assert asked.headers == [("Cookie", "lang=en")]


def test_a_login_that_is_refused_in_a_200_locks_no_account(workers: Workers, closing: ExitStack) -> None:
    dialler, sender = Maxcontact(), workers.start()
    closing.callback(dialler.target.stop)
    credential = workers.save(
        "token_login",
        username="di aller/1",
        password="wrong",
        login={"url": f"{dialler.target.url}/webservices/services/apitoken/login/{{username}}"},
        token_in={"xpath": "//TokenKey"},
    )
    asked = Request("GET", f"{dialler.target.url}/x", [], None, 5, 10, credential)
    exchanges = Pending().send(sender, [asked] * 20).wait() + [carry(sender, asked) for _ in range(5)]
    assert {each.error for each in exchanges} == {ErrorWord.PROTOCOL}
    assert all(each.detail.startswith("the token service's answer holds no token") for each in exchanges)
    assert len(dialler.logins) == 1


def test_what_was_put_on_the_wire_is_told_with_the_exchange_and_not_kept_in_the_request(
    workers: Workers, service: TokenService, make_api: Callable[..., Api]
) -> None:
    api, credential, sender = make_api("Bearer token-1"), oauth(workers, service), workers.start()
    [request] = to(api, credential)
    exchange = carry(sender, request)
    assert "token-1" in exchange.secrets
    assert b64encode(b"token-1").decode().rstrip("=") in exchange.secrets
    assert "token-1" not in repr((exchange, request, credential))
    assert [name for name, _ in request.headers] == ["Content-Type", "webhook-id"]


def test_parse_of_stored_documents_gives_the_same_credential(admin: AdminRows) -> None:
    saved = admin.create_credential(WORKSPACE, credential_spec("basic"), NOON)
    found = admin.credential(WORKSPACE, "crm")
    assert found is not None
    assert (found.credential, found.credential.spec.secrets) == (saved.credential, ("pass word-1", None))
