"""Credentials of SOAP targets on the wire, with both senders: servers that judge tokens and sessions as SOAP does."""

import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from standardwebhooks.webhooks import Webhook

from dispatcher.adapters.curl.sender import CurlSender
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.adapters.sql.store import AdminRows
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.soap_envelope import NAMESPACES, WSSE
from dispatcher.domain.exchange import ErrorWord, Request
from dispatcher.domain.requests.own_headers import own_headers
from dispatcher.domain.signature import new_secret
from tests.contract.targets import Connection, Received, Target, answer
from tests.contract.test_authenticated_senders import Pending, TokenService, Workers, carry
from tests.unit.credential_doubles import CREDENTIAL
from tests.unit.doubles import NOON, HandClock

V1_1, V1_2 = NAMESPACES
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
TYPE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
FRESH = timedelta(minutes=5)


def envelope(namespace: str = V1_1, inside: str = "<a>1</a>", header: str = "") -> bytes:
    return f'<s:Envelope xmlns:s="{namespace}">{header}<s:Body>{inside}</s:Body></s:Envelope>'.encode()


def fault(namespace: str, code: str) -> bytes:
    """A fault as servers of that version write it."""
    if namespace == V1_1:
        inside = f'<s:Fault><faultcode xmlns:f="urn:f">f:{code}</faultcode><faultstring>no</faultstring></s:Fault>'
    else:
        subcode = f'<s:Subcode><s:Value xmlns:f="urn:f">f:{code}</s:Value></s:Subcode>'
        inside = f"<s:Fault><s:Code><s:Value>s:Sender</s:Value>{subcode}</s:Code></s:Fault>"
    return envelope(namespace, inside)


@dataclass
class WssServer:
    """Takes a UsernameToken as its profile 1.1.1 has a receiver do it; says `FailedAuthentication` to all else."""

    passwords: set[str]
    clock: HandClock
    version: str = V1_1
    digests: bool = True
    wants_nonce: bool = False
    status: int = 500
    nonces: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = Target(self.behave)

    def behave(self, connection: Connection, received: Received) -> None:
        self.received.append(received)
        reason = self.fault_in(ET.fromstring(received.body))
        if reason is None:
            connection.send(answer(200, envelope(self.version, "<ok/>")))
        else:
            self.refused.append(reason)
            connection.send(answer(self.status, fault(self.version, "FailedAuthentication")))

    def fault_in(self, root: ET.Element) -> str | None:
        header, _ = root
        (security,) = header.findall(f"{{{WSSE}}}Security")
        stamp = security.find(f"{{{WSU}}}Timestamp")
        if stamp is not None:
            created, expires = (datetime.fromisoformat(each.text or "") for each in stamp)
            if not created <= self.clock() < expires:
                return "stale"
        token = security.find(f"{{{WSSE}}}UsernameToken")
        assert token is not None
        return self.fault_of({each.tag.rpartition("}")[2]: each for each in token})

    def fault_of(self, token: dict[str, ET.Element]) -> str | None:
        told = {name: each.text or "" for name, each in token.items()}
        if (told["Username"], "Nonce" in told) != ("jane", self.digests or self.wants_nonce):
            return "shape"
        if "Nonce" in told:
            if told["Nonce"] in self.nonces or len(b64decode(told["Nonce"], validate=True)) < 16:
                return "replayed"
            self.nonces.add(told["Nonce"])
            if not told["Created"].endswith("Z"):
                return "zone"
            if abs(datetime.fromisoformat(told["Created"]) - self.clock()) > FRESH:
                return "stale"
        kind = "PasswordDigest" if self.digests else "PasswordText"
        if token["Password"].get("Type") != f"{TYPE}#{kind}":
            return "type"
        expected = {self.digest(told, each) if self.digests else each for each in self.passwords}
        return None if told["Password"] in expected else "password"

    @staticmethod
    def digest(told: dict[str, str], password: str) -> str:
        return b64encode(
            sha1(b64decode(told["Nonce"]) + told["Created"].encode() + password.encode()).digest()
        ).decode()


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
def server_of(workers: Workers, closing: ExitStack) -> Callable[..., WssServer]:
    def make(*passwords: str, **options: Any) -> WssServer:
        made = WssServer(set(passwords), workers.clock, **options)
        closing.callback(made.target.stop)
        return made

    return make


def to(target: Target, credential: Credential, version: str = V1_1) -> Request:
    headers = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", '"a"')]
    return Request("POST", f"{target.url}/soap", headers, envelope(version), 5, 15, credential)


# --- WS-Security


@pytest.mark.parametrize("version", NAMESPACES)
@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {"digests": False}),
        ({"nonce": True, "timestamp_seconds": 60}, {"digests": False, "wants_nonce": True}),
        ({"password_type": "digest", "timestamp_seconds": 60, "must_understand": True}, {}),
    ],
)
def test_a_server_that_checks_as_the_profile_says_takes_every_request(
    workers: Workers,
    server_of: Callable[..., WssServer],
    version: str,
    changes: dict[str, Any],
    options: dict[str, Any],
) -> None:
    password = "p\u00e4ss <&>'\" 1"
    server, sender = server_of(password, version=version, **options), workers.start()
    given = workers.save("wsse", password=password, **changes)
    assert Pending().send(sender, [to(server.target, given, version)] * 3).statuses() == [200] * 3
    assert server.refused == []


@pytest.mark.parametrize("version", NAMESPACES)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_password_refused_by_a_fault_gives_way_to_the_other_within_the_attempt(
    workers: Workers, server_of: Callable[..., WssServer], version: str, status: int
) -> None:
    server, sender = server_of("two", version=version, status=status), workers.start()
    given = workers.save("wsse", password="one", password_2="two", password_type="digest")
    for _ in range(2):
        exchange = carry(sender, to(server.target, given, version))
        assert exchange.answer is not None
        assert b"<ok/>" in exchange.answer.body
    assert (server.refused, len(server.received)) == (["password"], 3)
    both = [ET.fromstring(each.body).findtext(f".//{{{WSSE}}}Nonce") for each in server.received]
    assert len(set(both)) == 3


def test_with_both_passwords_refused_the_fault_is_the_answer(
    workers: Workers, server_of: Callable[..., WssServer]
) -> None:
    server, sender = server_of("three", digests=False), workers.start()
    exchange = carry(sender, to(server.target, workers.save("wsse", password="one", password_2="two")))
    assert exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.body) == (500, fault(V1_1, "FailedAuthentication"))
    assert server.refused == ["password", "password"]


def test_a_clock_that_is_off_makes_a_server_refuse(workers: Workers, server_of: Callable[..., WssServer]) -> None:
    server, sender = server_of("one", digests=True), workers.start()
    given = workers.save("wsse", password="one", password_type="digest", timestamp_seconds=60)
    server.clock = HandClock(NOON + timedelta(minutes=2))
    assert Pending().send(sender, [to(server.target, given)]).statuses() == [500]
    assert server.refused == ["stale"]


def test_the_receivers_library_takes_the_signature_of_what_it_received(
    workers: Workers, server_of: Callable[..., WssServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, sender, key = server_of("two"), workers.start(), b"k" * 32
    given = workers.save("wsse", password="one", password_2="two", password_type="digest")
    request = to(server.target, given)
    request.headers += own_headers(CREDENTIAL, [key], request.body, NOON, "Onhook/1.2.3")
    request.signing_keys = (key,)
    assert Pending().send(sender, [request]).statuses() == [200]
    webhook = Webhook(new_secret(key))
    # The library compares the timestamp with its own clock; the test's stands at noon of a day of its own.
    monkeypatch.setattr(webhook, "_Webhook__verify_timestamp", lambda header: NOON, raising=True)
    signatures = set()
    for received in server.received:
        webhook.verify(received.body, dict(received.headers), json_parse=False)
        signatures.add(dict(received.headers)["webhook-signature"])
    assert len(signatures) == 2


def test_a_body_that_is_no_envelope_reaches_nobody(workers: Workers, server_of: Callable[..., WssServer]) -> None:
    server, sender = server_of("one"), workers.start()
    request = to(server.target, workers.save("wsse", password="one"))
    request.body = b'{"a":1}'
    assert carry(sender, request).error is ErrorWord.BAD_VALUE
    assert server.received == []


# --- a token in a SOAP header


def test_an_expired_session_of_a_header_is_renewed_once_within_the_attempt(
    workers: Workers, closing: ExitStack
) -> None:
    service, good, calls = TokenService(), {"token-1"}, list[str]()
    closing.callback(service.target.stop)

    def behave(connection: Connection, received: Received) -> None:
        told = ET.fromstring(received.body).findtext(f"{{{V1_1}}}Header/{{urn:sf}}SessionHeader/{{urn:sf}}sessionId")
        calls.append(told or "")
        taken = told in good
        said = envelope(V1_1, "<ok/>") if taken else fault(V1_1, "INVALID_SESSION_ID")
        connection.send(answer(200 if taken else 500, said))

    target = Target(behave)
    closing.callback(target.stop)
    sender = workers.start()
    xml = '<SessionHeader xmlns="urn:sf"><sessionId>{token}</sessionId></SessionHeader>'
    given = workers.save(
        "oauth2_client_credentials",
        token_url=service.url,
        send={"in": "soap_header", "xml": xml},
        refused_fault=["INVALID_SESSION_ID"],
    )
    assert Pending().send(sender, [to(target, given)]).statuses() == [200]
    good.clear()
    good.add("token-2")
    assert Pending().send(sender, [to(target, given)] * 5).statuses() == [200] * 5
    assert (service.given, calls.count("token-1"), calls.count("token-2")) == (2, 6, 5)
    good.clear()
    assert Pending().send(sender, [to(target, given)] * 2).statuses() == [500] * 2
    assert service.given == 3


# --- sessions in cookies

LOGIN = (
    f'<s:Envelope xmlns:s="{V1_1}"><s:Body><login xmlns="urn:crm"><user>{{username}}</user>'
    "<password>{password}</password></login></s:Body></s:Envelope>"
)


class SessionServer:
    """A SOAP server on a servlet container behind a load balancer: a session by cookie, which it forgets when asked."""

    def __init__(self, expired: bytes, *, status: int = 500, balanced: bool = True) -> None:
        self.expired, self.status, self.balanced = expired, status, balanced
        self.sessions: dict[str, str] = {}
        self.logins: list[Received] = []
        self.cookies: list[str] = []
        self._lock = threading.Lock()
        self.target = Target(self.behave)

    def behave(self, connection: Connection, received: Received) -> None:
        headers = dict(received.headers)
        if headers.get("SOAPAction") == '"login"':
            connection.send(self.login(received))
            return
        self.cookies.append(headers.get("Cookie", ""))
        pairs = dict(each.split("=", 1) for each in headers.get("Cookie", "").split("; ") if each)
        taken = self.sessions.get(pairs.get("JSESSIONID", "")) is not None and (not self.balanced or "LB" in pairs)
        said = envelope(V1_1, f"<ok>{self.sessions.get(pairs.get('JSESSIONID', ''))}</ok>")
        connection.send(answer(200, said) if taken else answer(self.status, self.expired))

    def login(self, received: Received) -> bytes:
        told = {each.tag.rpartition("}")[2]: each.text or "" for each in ET.fromstring(received.body).iter()}
        with self._lock:
            self.logins.append(received)
            if told["password"] != f"pass<{told['user']}>":
                return answer(500, fault(V1_1, "INVALID_LOGIN"))
            session = f"S{len(self.logins)}.node=1"
            self.sessions[session] = told["user"]
        cookies = (f"Set-Cookie: JSESSIONID={session}; Path=/; HttpOnly", "Set-Cookie: LB=a1; Path=/")
        return answer(200, envelope(V1_1, "<loginResponse/>"), cookies)


def session(workers: Workers, server: SessionServer, user: str = "jane", **changes: Any) -> Credential:
    login = {
        "url": f"{server.target.url}/soap",
        "method": "POST",
        "headers": [{"name": "SOAPAction", "value": '"login"'}],
        "body": {"kind": "xml", "value": LOGIN},
    }
    document = {"username": user, "password": f"pass<{user}>", "login": login, "token_in": {"cookie": "*"}, **changes}
    return workers.save("token_login", **document)


@pytest.mark.parametrize(("status", "said"), [(401, b""), (500, fault(V1_1, "SessionExpired"))])
def test_a_session_is_a_login_with_all_of_its_cookies_and_is_renewed_when_it_has_expired(
    workers: Workers, closing: ExitStack, status: int, said: bytes
) -> None:
    server = SessionServer(said, status=status)
    closing.callback(server.target.stop)
    sender, given = workers.start(), session(workers, server, refused_fault=["SessionExpired"])
    assert Pending().send(sender, [to(server.target, given)]).statuses() == [200]
    assert Pending().send(sender, [to(server.target, given)] * 3).statuses() == [200] * 3
    assert (len(server.logins), set(server.cookies)) == (1, {"JSESSIONID=S1.node=1; LB=a1"})
    server.sessions.clear()
    assert Pending().send(sender, [to(server.target, given)]).statuses() == [200]
    assert server.cookies[-2:] == ["JSESSIONID=S1.node=1; LB=a1", "JSESSIONID=S2.node=1; LB=a1"]
    assert dict(server.logins[0].headers)["Content-Type"] == "text/xml; charset=utf-8"


def test_one_cookie_by_its_name_is_enough_where_nothing_balances(workers: Workers, closing: ExitStack) -> None:
    server = SessionServer(b"", status=401, balanced=False)
    closing.callback(server.target.stop)
    place = {"in": "cookie", "name": "JSESSIONID"}
    given = session(workers, server, token_in={"cookie": "JSESSIONID"}, send=place)
    assert Pending().send(workers.start(), [to(server.target, given)]).statuses() == [200]
    assert server.cookies == ["JSESSIONID=S1.node=1"]


def test_two_credentials_for_one_server_have_sessions_of_their_own(workers: Workers, closing: ExitStack) -> None:
    server = SessionServer(b"", status=401)
    closing.callback(server.target.stop)
    sender, jane, john = workers.start(), session(workers, server), session(workers, server, "john", name="other")
    requests = [to(server.target, given) for given in (jane, john) * 10]
    bodies = [each.answer.body for each in Pending().send(sender, requests).wait() if each.answer]
    assert [b"<ok>jane</ok>" in each for each in bodies] == [True, False] * 10
    assert [b"<ok>john</ok>" in each for each in bodies] == [False, True] * 10
    assert len(server.logins) == 2


def test_a_login_that_is_refused_by_a_fault_locks_no_account(workers: Workers, closing: ExitStack) -> None:
    server = SessionServer(b"", status=401)
    closing.callback(server.target.stop)
    sender, given = workers.start(), session(workers, server, password="wrong")
    exchanges = [carry(sender, to(server.target, given)) for _ in range(3)]
    workers.clock.pass_seconds(60)
    exchanges.append(carry(sender, to(server.target, given)))
    assert {each.error for each in exchanges} == {ErrorWord.STATUS}
    assert all(each.unsent for each in exchanges)
    assert (len(server.logins), server.cookies) == (1, [])
