"""The attempt log of a delivery with a credential: a mask stands in the request, and for what the answer repeats."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.memory.sender import ScriptedSender
from dispatcher.domain.credentials.secret_forms import forms_of
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from dispatcher.record import EXCERPT_BYTES, Unrecorded
from tests.unit.credential_doubles import MemoryTokens, credential, request_with
from tests.unit.doubles import NOON, HandClock, House, answered, seconds

SECRET = "canary/secret 1"


def logged(exchange: Exchange) -> dict[str, Any]:
    """The log of a delivery that got this exchange."""
    house = House(lambda _: exchange)
    house.profile()
    [event] = house.post()
    house.evaluator.evaluate([event])
    (delivery,) = house.store._deliveries
    (row,) = house.log(delivery)
    house.close()
    return row


def answered_with_secrets(body: bytes, *headers: tuple[str, str]) -> Exchange:
    exchange = answered(200, *headers, body=body)
    exchange.secrets = forms_of(SECRET)
    return exchange


def test_what_an_answer_repeats_of_a_credential_is_masked_in_body_and_headers() -> None:
    body = b"got canary/secret 1, canary%2Fsecret%201 and Y2FuYXJ5L3NlY3JldCAx"
    row = logged(answered_with_secrets(body, ("x-echo", "Bearer canary/secret 1"), ("x-other", "kept")))
    assert row["response"] == {
        "status": 200,
        "headers": [["x-echo", "Bearer ***"], ["x-other", "kept"]],
        "body": "got ***, *** and ***",
    }


@pytest.mark.parametrize("before", range(EXCERPT_BYTES - 20, EXCERPT_BYTES + 2))
def test_no_part_of_a_secret_is_left_at_the_end_of_an_excerpt(before: int) -> None:
    row = logged(answered_with_secrets(b"x" * before + SECRET.encode() * 3))
    assert "can" not in row["response"]["body"]
    assert len(row["response"]["body"]) <= EXCERPT_BYTES


def test_an_answer_without_a_credential_is_logged_as_it_is() -> None:
    row = logged(answered(200, ("x-echo", "canary/secret 1"), body=b"canary/secret 1"))
    assert row["response"] == {"status": 200, "headers": [["x-echo", "canary/secret 1"]], "body": "canary/secret 1"}


@pytest.fixture
def echo() -> Iterator[AuthenticatedSender]:
    def repeat(request: Request) -> Exchange:
        return answered(200, body=repr((request.url, request.headers)).encode())

    sender = AuthenticatedSender(ScriptedSender(repeat), MemoryTokens(), HandClock())
    yield sender
    sender.stop(0)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("basic", {"password": SECRET}),
        ("token_secret", {"secret": SECRET}),
        ("bearer", {"token": "canary-token"}),
        ("api_key", {"value": SECRET}),
        ("api_key", {"value": SECRET, "send": {"in": "query", "name": "k"}}),
        ("api_key", {"value": SECRET, "send": {"in": "cookie", "name": "k"}}),
    ],
)
def test_a_target_that_repeats_the_whole_request_gives_nothing_away(
    echo: AuthenticatedSender, kind: str, changes: dict[str, Any]
) -> None:
    ended: list[Exchange] = []
    echo.send([(request_with(credential(kind, **changes)), ended.append)])
    text = str(logged(ended[0])["response"])
    assert "***" in text
    for form in (*forms_of(SECRET), "canary", "Y2FuYXJ5", "amFuZTpjYW"):
        assert form not in text


def test_a_request_that_its_credential_cannot_be_shown_in_is_recorded_all_the_same() -> None:
    signed = credential("hmac", signs="{host}")
    request = Request("POST", "https://[::1/calls", [], b"{}", 5, 10, signed)
    house = House()
    profile = house.profile()
    (identifier,) = house.backlog(profile, 1)
    (claim,) = house.store.claim(profile, [identifier], uuid4(), NOON, NOON + seconds(15))
    refused = Exchange(error=ErrorWord.BAD_VALUE, detail="the request cannot be put on the wire")
    house.recorder.put(Unrecorded(profile, claim, NOON, request, refused, None))
    assert [(row["error"], row["request"]["url"]) for row in house.log(identifier)] == [("bad_value", request.url)]
    house.close()
