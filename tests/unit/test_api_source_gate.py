"""Who is let in to a source by HTTP, and what those are told who are not."""

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import digest
from ipaddress import ip_network
from typing import Any

import pytest

from dispatcher import sources
from dispatcher.api import source_posts
from dispatcher.api.poster_replies import MAX_REPLY_BYTES
from dispatcher.sources import FORMATS, Format
from dispatcher.sources.format import HandshakeReply
from dispatcher.tokens import Scope
from tests.unit.api_house import FINISHED, House, problem

BEARER = {"kind": "bearer", "token": "hunter2"}
PATH = "/v1/sources/own/events"
BODY = json.dumps(FINISHED).encode()
RIGHT = {"authorization": "Bearer hunter2"}


@pytest.fixture
def house_of() -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def make(**given: Any) -> House:
        houses.append(House(**given))
        return houses[-1].__enter__()

    yield make
    for house in houses:
        house.__exit__()


def post(house: House, headers: dict[str, str] | None = None, path: str = PATH, **given: Any) -> Any:
    return house.call("POST", path, None, content=BODY, headers=headers or {}, **given)


def stored(house: House) -> int:
    return len(house.store._events)


# --- addresses and proxies


def test_an_address_list_stands_beside_a_token(house_of: Callable[..., House]) -> None:
    auth = {"kind": "all", "of": [BEARER, {"kind": "ip_allow", "networks": ["192.0.2.0/24"]}]}
    near, far = house_of(peer="192.0.2.7"), house_of(peer="198.51.100.7")
    for house in (near, far):
        house.add_source("own", "generic", auth)
    assert post(near, RIGHT).status_code == 202
    assert post(near).status_code == 401
    answer = post(far, RIGHT)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("The post comes from an address that the source does not list")
    assert (stored(near), stored(far)) == (1, 0)
    assert near.services.refused_posts.counted() == {("own", "missing"): 1}
    assert far.services.refused_posts.counted() == {("own", "address"): 1}


@pytest.mark.parametrize(("trusted", "status"), [((ip_network("10.0.0.0/24"),), 202), ((), 403)])
def test_the_client_s_address_is_what_a_trusted_proxy_says(
    house_of: Callable[..., House], trusted: Any, status: int
) -> None:
    house = house_of(peer="10.0.0.1", trusted_proxies=trusted)
    house.add_source("own", "generic", {"kind": "ip_allow", "networks": ["192.0.2.0/24"]})
    assert post(house, {"x-forwarded-for": "192.0.2.7"}).status_code == status
    assert post(house, {"x-forwarded-for": "192.0.2.7, 198.51.100.7"}).status_code == 403
    assert stored(house) == (status == 202)


def test_a_signature_is_checked_over_the_address_that_a_trusted_proxy_was_asked_for(
    house_of: Callable[..., House],
) -> None:
    auth = {"kind": "hmac", "header": "X-Signature", "secret": "s", "signs": "{url}{body_sha256}"}
    text = f"https://calls.example{PATH}{sha256(BODY).hexdigest()}"
    headers = {
        "x-signature": digest(b"s", text.encode(), "sha256").hex(),
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "calls.example",
    }
    trusting = house_of(peer="10.0.0.1", trusted_proxies=(ip_network("10.0.0.0/24"),))
    other = house_of(peer="10.0.0.1")
    named = house_of(peer="10.0.0.1", public_url="https://calls.example")
    for house, status in ((trusting, 202), (other, 403), (named, 202)):
        house.add_source("own", "generic", auth)
        assert post(house, headers).status_code == status


# --- tokens


def test_one_of_our_tokens_may_stand_beside_an_address_list(house_of: Callable[..., House]) -> None:
    auth = {"kind": "all", "of": [{"kind": "ip_allow", "networks": ["192.0.2.0/24"]}, {"kind": "token"}]}
    house = house_of(peer="192.0.2.7")
    house.add_source("own", "generic", auth)
    assert house.call("POST", PATH, Scope.INGEST, content=BODY).status_code == 202
    assert house.call("POST", PATH, Scope.READ, content=BODY).status_code == 403
    assert house.call("POST", PATH, None, content=BODY).status_code == 401
    assert stored(house) == 1
    assert house.services.refused_posts.counted() == {("own", "token"): 2}


def test_a_token_in_the_query_is_in_nothing_that_is_kept(house_of: Callable[..., House]) -> None:
    house = house_of()
    house.add_source("own", "twilio", {"kind": "query_token", "name": "key", "token": "hunter2"})
    form = "CallSid=CA1&CallStatus=completed&Direction=inbound&key=hunter2"
    assert house.call("GET", f"{PATH}?{form}", None).status_code == 204
    [row] = house.store.assemblies._parts.values()
    assert "hunter2" not in json.dumps(row.part.body.decode())
    assert house.call("GET", f"{PATH}?key=hunter2", None).status_code == 204
    assert "hunter2" not in repr(house.store.held)
    assert house.call("GET", f"{PATH}?key=hunter3", None).status_code == 401


def test_the_header_that_holds_a_constant_is_not_kept_in_quarantine(house_of: Callable[..., House]) -> None:
    house = house_of()
    house.add_source("own", "mapped", {"kind": "header_token", "header": "X-Key", "token": "hunter2"})
    assert house.call("POST", PATH, None, content=b"hello", headers={"x-key": "hunter2"}).status_code == 200
    [held] = house.store.held
    assert "x-key" not in held["headers"]


def test_refusals_are_counted_by_source_and_reason_and_say_no_value(house_of: Callable[..., House]) -> None:
    house = house_of()
    house.add_source("own", "generic", BEARER)
    house.add_source("shut", "generic", None)
    for headers in ({}, {"authorization": "Bearer hunter3"}):
        assert "hunter" not in post(house, headers).text
    assert post(house, RIGHT, "/v1/sources/shut/events").status_code == 401
    assert post(house, RIGHT, "/v1/sources/nowhere/events").status_code == 404
    counted = house.services.refused_posts.counted()
    assert counted == {("own", "missing"): 1, ("own", "wrong"): 1, ("shut", "closed"): 1}
    assert stored(house) == 0


# --- probes and handshakes


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_tries_the_address_in_a_browser_is_told_that_it_is_right(
    house_of: Callable[..., House], method: str
) -> None:
    house = house_of()
    house.add_source("own", "generic", BEARER)
    answer = house.call(method, PATH, None)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    right = "The address is right: the source 'own' (format generic) takes posts here by POST. A GET stores nothing."
    if method == "GET":
        assert answer.json() == problem(405, "Method Not Allowed", right)
    assert house.services.refused_posts.counted() == {}


def test_cloudevents_agree_to_be_posted_to_before_they_are_authenticated(house_of: Callable[..., House]) -> None:
    house = house_of()
    house.add_source("own", "cloudevents", BEARER)
    asked = {"webhook-request-origin": "eventemitter.example", "webhook-request-rate": "120"}
    answer = house.call("OPTIONS", PATH, None, headers=asked)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example"
    assert answer.headers["webhook-allowed-rate"] == "120"
    assert answer.headers["allow"] == "OPTIONS, POST"
    other = house.call("OPTIONS", PATH, None)
    assert other.json() == problem(
        405, "Method Not Allowed", "This is no handshake of the format cloudevents, and posts come by POST."
    )
    assert post(house).status_code == 401
    assert (stored(house), house.store.held) == (0, [])


def test_a_source_that_is_closed_or_lists_other_addresses_shakes_no_hands(house_of: Callable[..., House]) -> None:
    house = house_of(peer="198.51.100.7")
    asked = {"webhook-request-origin": "eventemitter.example"}
    for auth, status in ((None, 401), ({"kind": "ip_allow", "networks": ["192.0.2.0/24"]}, 403)):
        name = f"s{status}"
        house.add_source(name, "cloudevents", auth)
        answer = house.call("OPTIONS", f"/v1/sources/{name}/events", None, headers=asked)
        assert answer.status_code == status
        assert "webhook-allowed-origin" not in answer.headers


def _echo(posted: Any) -> HandshakeReply | None:
    token = posted.headers.get("validation-token")
    return None if token is None else HandshakeReply(200, {"Validation-Token": token}, posted.body)


def _answer(posted: Any) -> HandshakeReply | None:
    identifier = json.loads(posted.body)["requestId"]
    return HandshakeReply(200, {"Content-Type": "application/json"}, json.dumps({"requestId": identifier}).encode())


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Format:
    """A format whose poster wants an echo first, and its own request id in each answer."""
    made = Format("stand-in", lambda *_: [], frozenset({"bearer", "token"}), handshake=_echo, succeed=_answer)
    listed = {**FORMATS, made.name: made}
    monkeypatch.setattr(sources, "FORMATS", listed)
    monkeypatch.setattr(source_posts, "FORMATS", listed)
    return made


@pytest.mark.parametrize("auth", [BEARER, {"kind": "token"}])
def test_a_handshake_is_answered_by_the_format_and_stores_nothing(
    house_of: Callable[..., House], stand_in: Format, auth: Any
) -> None:
    house = house_of()
    house.add_source("own", stand_in.name, auth)
    answer = house.call("POST", PATH, None, content=b"hi", headers={"Validation-Token": "abc-1"})
    assert (answer.status_code, answer.headers["validation-token"], answer.content) == (200, "abc-1", b"hi")
    assert house.call("POST", PATH, None, content=b"hi").status_code == 401
    assert (stored(house), house.store.held) == (0, [])


@pytest.mark.parametrize(
    "given", [{"content": b"x" * 1025}, {"content": b"", "headers": {"validation-token": "x" * 1024}}]
)
def test_a_handshake_that_would_answer_too_much_is_refused(
    house_of: Callable[..., House], stand_in: Format, given: Any
) -> None:
    house = house_of()
    house.add_source("own", stand_in.name, BEARER)
    answer = house.call("POST", PATH, None, **{"headers": {"validation-token": "a"}, **given})
    assert (answer.status_code, len(answer.content) < MAX_REPLY_BYTES) == (400, True)


def test_a_success_may_answer_from_the_post(house_of: Callable[..., House], stand_in: Format) -> None:
    house = house_of()
    house.add_source("own", stand_in.name, BEARER)
    answer = house.call("POST", PATH, None, content=b'{"requestId": "r-1"}', headers=RIGHT)
    assert (answer.status_code, answer.json()) == (200, {"requestId": "r-1"})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("spoken", FORMATS.values(), ids=lambda each: each.name)
def test_every_format_answers_success_in_1024_bytes_and_makes_no_delivery_first(
    house_of: Callable[..., House], spoken: Format
) -> None:
    house = house_of()
    house.add_profile()
    house.add_source("own", spoken.name, {"kind": "token"})
    answer = house.call("POST", PATH, Scope.INGEST, content=BODY)
    size = len(answer.content) + sum(len(name) + len(value) for name, value in answer.headers.raw)
    assert size <= 1024
    assert answer.status_code in (200, 202, 204)
    assert house.store._deliveries == {}
