"""What is asked of token services, and what is read in their answers."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from dispatcher.domain.credentials.access_token import AccessToken, refused_until
from dispatcher.domain.credentials.token_service import ClientCredentials, Login
from dispatcher.domain.exchange import Answer
from tests.unit.credential_doubles import credential_spec
from tests.unit.doubles import NOON, seconds


def oauth(**changes: Any) -> ClientCredentials:
    means = credential_spec("oauth2_client_credentials", **changes).means
    assert isinstance(means, ClientCredentials)
    return means


def login(**changes: Any) -> Login:
    means = credential_spec("token_login", **changes).means
    assert isinstance(means, Login)
    return means


def said(body: Any, *headers: tuple[str, str]) -> Answer:
    return Answer(200, list(headers), body if isinstance(body, bytes) else json.dumps(body).encode())


def test_client_credentials_are_asked_for_by_http_basic_form_encoded_first() -> None:
    asked = oauth(client_id="a b", scope="x y", audience="https://crm.example/", extra={"resource": "r"}).ask("s:1%")
    assert (asked.method, asked.url) == ("POST", "https://id.example/token")
    assert dict(asked.headers)["Authorization"] == "Basic " + b64encode(b"a+b:s%3A1%25").decode()
    assert parse_qs((asked.body or b"").decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["x y"],
        "audience": ["https://crm.example/"],
        "resource": ["r"],
    }


def test_client_credentials_may_go_in_the_body() -> None:
    asked = oauth(auth="body").ask("s&1")
    assert "Authorization" not in dict(asked.headers)
    form = parse_qs((asked.body or b"").decode())
    assert form == {"grant_type": ["client_credentials"], "client_id": ["client"], "client_secret": ["s&1"]}
    assert "s&1" not in repr(asked)
    assert "s%261" not in repr(asked)


@pytest.mark.parametrize(
    ("told", "life"),
    [
        ({"expires_in": 600}, 600),
        ({"expires_in": "600"}, 600),
        ({}, 3_600),
        ({"expires_in": None}, 3_600),
        ({"expires_in": "soon"}, 3_600),
        ({"expires_in": 0}, 1),
        ({"expires_in": -5}, 3_600),
        ({"expires_in": 1e8}, 30 * 86_400),
        ({"expires_in": True}, 3_600),
    ],
)
def test_a_tokens_life_is_read_and_bounded(told: dict[str, Any], life: float) -> None:
    token = oauth().read(said({"access_token": "t", **told}), NOON)
    assert token == AccessToken("t", NOON, NOON + seconds(life))


@pytest.mark.parametrize(
    "body", [b"", b"no", [], {}, {"access_token": 17}, {"access_token": ""}, {"access_token": "a\nb"}, b"[" * 100_000]
)
def test_an_answer_without_a_token_has_none(body: Any) -> None:
    assert oauth().read(said(body), NOON) is None


def test_a_login_is_maxcontacts_unless_it_says_otherwise() -> None:
    asked = login(username="jane/x y").ask("p\u00e4ss")
    assert (asked.method, asked.body) == ("GET", None)
    assert asked.url == "https://acme.example/webservices/services/apitoken/login/jane%2Fx%20y"
    assert asked.headers == [("Authorization", b64encode("p\u00e4ss".encode()).decode())]


def test_a_login_may_post_json_or_a_form_with_user_and_password_encoded_for_it() -> None:
    url = "https://acme.example/login"
    value = {"user": "{username}", "keys": ["{password}", 1, "{not a part}"]}
    asked = login(login={"url": url, "body": {"kind": "json", "value": value}}).ask('p"1')
    assert asked.method == "POST"
    assert json.loads(asked.body or b"") == {"user": "dialler", "keys": ['p"1', 1, "{not a part}"]}
    pairs = [{"name": "u", "value": "{username}"}, {"name": "p", "value": "{password}"}]
    asked = login(login={"url": url, "body": {"kind": "form", "value": pairs}}).ask("p&1")
    assert (asked.body, asked.headers) == (
        b"u=dialler&p=p%261",
        [("Content-Type", "application/x-www-form-urlencoded")],
    )


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        ({"json": "$.Data.TokenKey"}, said({"Data": {"TokenKey": "tok"}})),
        ({"json": "$[0]"}, said(["tok"])),
        ({"xpath": "//t:Key", "namespaces": {"t": "urn:t"}}, said(b'<a xmlns="urn:t"><Key> tok </Key></a>')),
        ({"header": "X-Token"}, said({}, ("x-token", "tok"))),
        ({"cookie": "TokenKey"}, said({}, ("set-cookie", "a=b"), ("set-cookie", 'TokenKey="tok"; Path=/'))),
    ],
)
def test_a_logins_token_is_found_where_it_is_said_to_be(place: dict[str, Any], answer: Answer) -> None:
    token = login(token_in=place).read(answer, NOON)
    assert token is not None
    assert token.text == "tok"
    assert login(token_in=place).read(said({"Success": False}), NOON) is None


AT_ONE = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expiry", "expires_at"),
    [
        (1_200, NOON + seconds(1_200)),
        ("1200", NOON + seconds(1_200)),
        ("2026-11-20T13:00:00Z", AT_ONE),
        ("2026-11-20T13:00:00", AT_ONE),
        ("2026-11-20T15:00:00.5+02:00", AT_ONE + seconds(0.5)),
        (int(AT_ONE.timestamp()), AT_ONE),
        (int(AT_ONE.timestamp() * 1000), AT_ONE),
        (f"/Date({int(AT_ONE.timestamp() * 1000)}+0000)/", AT_ONE),
        ("Fri, 20 Nov 2026 13:00:00 GMT", AT_ONE),
        ("2020-01-01T00:00:00Z", NOON + seconds(1)),
        ("in a while", NOON + seconds(3_600)),
        ("9" * 400, NOON + seconds(3_600)),
        (None, NOON + seconds(3_600)),
    ],
)
def test_an_expiry_is_read_in_every_notation(expiry: Any, expires_at: datetime) -> None:
    token = login(expires_in={"json": "$.e"}).read(said({"Data": {"TokenKey": "t"}, "e": expiry}), NOON)
    assert token is not None
    assert token.expires_at == expires_at


@pytest.mark.parametrize(
    ("attributes", "life"),
    [
        ("; Max-Age=90", 90),
        ("; Expires=Fri, 20 Nov 2026 13:00:00 GMT", 3_600),
        ("; Max-Age=60; Path=/", 60),
        ("", 3_600),
    ],
)
def test_a_cookie_says_itself_when_it_ends(attributes: str, life: float) -> None:
    token = login(token_in={"cookie": "k"}).read(said({}, ("set-cookie", f"k=v{attributes}")), NOON)
    assert token is not None
    assert token.expires_at == NOON + seconds(life)


def test_a_token_is_due_at_four_fifths_of_its_life_and_serves_to_its_end() -> None:
    token = AccessToken("t", NOON, NOON + seconds(100))
    assert [token.is_due(NOON + seconds(each)) for each in (79.9, 80)] == [False, True]
    assert [token.serves(NOON + seconds(each)) for each in (99.9, 100)] == [True, False]
    assert "'t'" not in repr(token)


def test_refusals_make_pauses_that_double_up_to_six_hours() -> None:
    minutes = [(refused_until(NOON, times) - NOON) / timedelta(minutes=1) for times in (1, 2, 3, 4, 8, 500)]
    assert minutes == [5, 10, 20, 40, 360, 360]
