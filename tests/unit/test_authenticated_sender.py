"""The authenticating sender around a scripted one: what reaches the target, how often, and what is told."""

import hmac
from collections.abc import Callable

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.memory.sender import ScriptedSender
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from tests.unit.credential_doubles import MemoryTokens, credential, request_with
from tests.unit.doubles import HandClock, answered

TOKEN = b'{"access_token":"tok-1","expires_in":100}'


class House:
    """The sender under test, over a script."""

    def __init__(self, script: Callable[[Request], Exchange | None]) -> None:
        self.clock, self.tokens, self.batches = HandClock(), MemoryTokens(), list[int]()
        self.inner = ScriptedSender(script)
        plain = self.inner.send
        self.inner.send = lambda batch: (self.batches.append(len(batch)), plain(batch))[1]  # type: ignore[method-assign]
        self.sender = AuthenticatedSender(self.inner, self.tokens, self.clock)
        self.ended: list[Exchange] = []

    def send(self, *requests: Request) -> list[Exchange]:
        self.sender.send([(request, self.ended.append) for request in requests])
        return self.ended

    def settle(self) -> None:
        """Waits for what the executor was given."""
        self.sender._executor.submit(int).result(5)


@pytest.fixture
def house_of(request: pytest.FixtureRequest) -> Callable[..., House]:
    def make(script: Callable[[Request], Exchange | None]) -> House:
        house = House(script)
        request.addfinalizer(lambda: house.sender.stop(0))
        return house

    return make


def test_requests_without_a_credential_pass_as_the_batch_they_are(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(200))
    requests = [request_with(None) for _ in range(3)]
    assert len(house.send(*requests)) == 3
    assert house.batches == [3]
    assert all(sent is given for sent, given in zip(house.inner.requests, requests, strict=True))
    assert house.ended[0].secrets == ()


def test_a_batch_with_static_credentials_stays_one_batch(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(200))
    house.send(*[request_with(credential("bearer")) for _ in range(3)])
    assert house.batches == [3]
    assert {dict(each.headers)["Authorization"] for each in house.inner.requests} == {"Bearer bearer-token-1"}
    assert "bearer-token-1" in house.ended[0].secrets


def test_with_one_secret_a_401_is_the_answer(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(401))
    [exchange] = house.send(request_with(credential("basic")))
    assert exchange.answer is not None
    assert (exchange.answer.status, len(house.inner.requests)) == (401, 1)


def test_the_preferred_secret_goes_first_and_the_other_one_once(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(401))
    house.send(request_with(credential("bearer", token="one", token_2="two", preferred=2)))
    assert [dict(each.headers)["Authorization"] for each in house.inner.requests] == ["Bearer two", "Bearer one"]
    assert len(house.ended) == 1


def test_a_new_revision_begins_with_its_preferred_secret_again(house_of: Callable[..., House]) -> None:
    house = house_of(lambda request: answered(200 if ("Authorization", "Bearer two") in request.headers else 401))
    house.send(request_with(credential("bearer", token="one", token_2="two")))
    house.send(request_with(credential("bearer", token="one", token_2="two")))
    house.send(request_with(credential("bearer", 2, token="three", token_2="two")))
    assert [dict(each.headers)["Authorization"].split()[1] for each in house.inner.requests] == [
        "one", "two", "two", "three", "two",
    ]  # fmt: skip


def test_a_failure_of_the_network_is_not_tried_again_here(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: Exchange(error=ErrorWord.RESET, detail="reset"))
    house.send(request_with(credential("bearer", token="one", token_2="two")))
    assert ([each.error for each in house.ended], len(house.inner.requests)) == ([ErrorWord.RESET], 1)


def test_the_second_try_has_what_the_first_left_of_the_deadline(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(401))
    house.send(request_with(credential("bearer", token="one", token_2="two"), deadline_seconds=2))
    first, second = house.inner.requests
    assert 1.5 < second.deadline_seconds < first.deadline_seconds <= 2


def test_no_time_for_a_second_try_is_a_time_out_and_no_refusal(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(401))
    house.send(request_with(credential("bearer", token="one", token_2="two"), deadline_seconds=0.01))
    assert [each.error for each in house.ended] == [ErrorWord.TIMEOUT]


def test_a_url_that_cannot_be_signed_ends_alone(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(200))
    given = credential("hmac", signs="{host}")
    house.send(request_with(given, "https://[x/"), request_with(given))
    assert [each.error for each in house.ended] == [ErrorWord.BAD_VALUE, None]


def test_a_signature_is_over_the_host_as_it_is_sent(house_of: Callable[..., House]) -> None:
    house = house_of(lambda _: answered(200))
    house.send(request_with(credential("hmac", signs="{host}"), "https://b\u00fccher.example/a"))
    [request] = house.inner.requests
    assert request.url == "https://xn--bcher-kva.example/a"
    expected = hmac.digest(b"signing-secret-1", b"xn--bcher-kva.example", "sha256").hex()
    assert dict(request.headers)["X-Signature"] == expected


def test_without_the_database_a_token_is_fetched_for_this_process(house_of: Callable[..., House]) -> None:
    house = house_of(lambda request: answered(200, body=TOKEN if "token" in request.url else b""))
    house.tokens.away = True
    for _ in range(3):
        house.send(request_with(credential("oauth2_client_credentials")))
        house.settle()
    assert [each.answer.status for each in house.ended if each.answer] == [200] * 3
    assert [each.url for each in house.inner.requests].count("https://id.example/token") == 1


def test_a_token_service_is_asked_with_the_targets_certificate_proxy_and_user_agent(
    house_of: Callable[..., House],
) -> None:
    house = house_of(lambda _: answered(200, body=TOKEN))
    house.send(request_with(credential("oauth2_client_credentials"), proxy="http://proxy.example:3128"))
    house.settle()
    asked = house.inner.requests[0]
    assert (asked.url, asked.proxy) == ("https://id.example/token", "http://proxy.example:3128")
    assert dict(asked.headers)["User-Agent"] == "Onhook/1.2.3"
    assert "webhook-id" not in dict(asked.headers)


def test_a_search_that_breaks_ends_what_waits_and_the_next_one_begins_anew(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(lambda _: answered(200, body=TOKEN))
    given = credential("oauth2_client_credentials")

    def broken(*_: object) -> None:
        raise RuntimeError("canary")

    with monkeypatch.context() as patched:
        patched.setattr(house.tokens, "token_state", broken)
        house.send(request_with(given))
        house.settle()
    assert [(each.error, "canary" in each.detail) for each in house.ended] == [(ErrorWord.PROTOCOL, False)]
    house.clock.pass_seconds(1)
    house.send(request_with(given))
    house.settle()
    assert house.ended[1].answer is not None


def test_a_service_that_gives_the_refused_token_again_is_asked_once_and_the_refusal_stands(
    house_of: Callable[..., House],
) -> None:
    house = house_of(lambda request: answered(200, body=TOKEN) if "token" in request.url else answered(401))
    given = credential("oauth2_client_credentials")
    for _ in range(2):
        house.send(request_with(given))
        for _ in range(4):
            house.settle()
    assert [each.answer and each.answer.status for each in house.ended] == [401, 401]
    assert [each.url for each in house.inner.requests].count("https://id.example/token") == 2


def test_a_forced_fetch_passes_over_a_token_that_serves_and_a_refusal(house_of: Callable[..., House]) -> None:
    told: list[object] = []
    statuses = [401, 200, 200]
    house = house_of(lambda _: answered(statuses.pop(0), body=TOKEN))
    request = request_with(credential("oauth2_client_credentials"))
    for _ in range(3):
        house.sender.fetch_token(request, told.append)
        house.settle()
    assert isinstance(told[0], Exchange)
    assert told[1:] == [house.clock().replace(minute=1, second=40)] * 2
    assert statuses == []
