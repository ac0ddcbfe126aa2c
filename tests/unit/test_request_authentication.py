"""What each kind of credential puts into a request, and where."""

import hmac
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from dispatcher.domain.credentials.request_authentication import authenticated, shown_authenticated
from dispatcher.domain.exchange import Request, Tls
from tests.unit.credential_doubles import credential_spec, request_with
from tests.unit.doubles import NOON

STAMP = str(int(NOON.timestamp()))


def sent(kind: str, request: Request | None = None, secret: str | None = None, **changes: Any) -> Request:
    spec = credential_spec(kind, **changes)
    return authenticated(request or request_with(None), spec, secret or spec.secret(1), NOON)


def header(request: Request, name: str) -> str:
    [value] = [value for key, value in request.headers if key.lower() == name.lower()]
    return value


@pytest.mark.parametrize(
    ("kind", "changes", "pair"),
    [
        ("basic", {}, b"jane:pass word-1"),
        ("basic", {"username": "j\u00f6rg", "password": "p\u00e4ss"}, "j\u00f6rg:p\u00e4ss".encode()),
        ("basic", {"username": "key", "password": ""}, b"key:"),
        ("token_secret", {}, b"tok-77:secret-one"),
    ],
)
def test_http_basic_is_user_and_secret_in_base64(kind: str, changes: dict[str, Any], pair: bytes) -> None:
    scheme, _, encoded = header(sent(kind, **changes), "Authorization").partition(" ")
    assert (scheme, b64decode(encoded)) == ("Basic", pair)


def test_a_bearer_token_takes_the_place_of_the_profiles_own_authorization() -> None:
    request = request_with(None)
    request.headers.append(("authorization", "of the profile"))
    assert header(sent("bearer", request), "Authorization") == "Bearer bearer-token-1"


def test_an_api_key_goes_into_a_header_with_its_prefix() -> None:
    assert header(sent("api_key", send={"name": "X-Api-Key", "prefix": "ApiKey "}), "X-Api-Key") == "ApiKey key-value-1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://crm.example/a", "https://crm.example/a?k%26y=v%20%2F%3D%26"),
        ("https://crm.example/a?x=1", "https://crm.example/a?x=1&k%26y=v%20%2F%3D%26"),
        ("https://crm.example/a?", "https://crm.example/a?k%26y=v%20%2F%3D%26"),
        ("https://crm.example/a#f", "https://crm.example/a?k%26y=v%20%2F%3D%26#f"),
    ],
)
def test_an_api_key_goes_into_the_query_percent_encoded(url: str, expected: str) -> None:
    changes = {"send": {"in": "query", "name": "k&y"}, "value": "v /=&"}
    assert sent("api_key", request_with(None, url), **changes).url == expected


def test_an_api_key_goes_into_one_cookie_header_beside_the_profiles_own() -> None:
    request = request_with(None)
    request.headers += [("Cookie", "a=1"), ("cookie", "b=2")]
    changes = {"send": {"in": "cookie", "name": "key"}, "value": 'x;y, z\\"=='}
    assert header(sent("api_key", request, **changes), "Cookie") == "a=1; b=2; key=x%3By%2C%20z%5C%22=="


def test_a_fetched_token_goes_where_its_kind_says() -> None:
    assert header(sent("oauth2_client_credentials", secret="tok"), "Authorization") == "Bearer tok"
    assert header(sent("token_login", secret="tok"), "Cookie") == "TokenKey=tok"
    send = {"in": "header", "name": "X-Token", "prefix": "T "}
    assert header(sent("token_login", secret="tok", send=send), "X-Token") == "T tok"


def test_a_signature_is_over_the_body_unless_it_says_otherwise() -> None:
    expected = hmac.digest(b"signing-secret-1", b'{"id":"7f9c"}', "sha256").hex()
    assert header(sent("hmac"), "X-Signature") == expected


def test_a_signature_names_its_parts_and_is_over_the_url_as_it_is_sent() -> None:
    request = request_with(None, "https://crm.example:8443/a%20b?x=1&y=%2B")
    changes = {
        "signs": "{method}\n{host}\n{path}\n{query}\n{target}\n{url}\n{timestamp}\n{id}\n{content_type}\n"
        "{body_sha256}\n{body_sha256_base64}",
        "algorithm": "sha512",
        "encoding": "base64",
        "prefix": "t={timestamp},v1=",
        "timestamp_header": "X-Timestamp",
    }
    request = sent("hmac", request, **changes)
    body = sha256(b'{"id":"7f9c"}')
    text = "\n".join(
        ["POST", "crm.example:8443", "/a%20b", "x=1&y=%2B", "/a%20b?x=1&y=%2B", request.url, STAMP, "id-1",
         "application/json", body.hexdigest(), b64encode(body.digest()).decode()]
    )  # fmt: skip
    digest = b64encode(hmac.digest(b"signing-secret-1", text.encode(), "sha512")).decode()
    assert header(request, "X-Signature") == f"t={STAMP},v1={digest}"
    assert header(request, "X-Timestamp") == STAMP


def test_a_signature_with_a_timestamp_covers_it_and_takes_bytes_that_are_no_text() -> None:
    request = replace(request_with(None), body=b"\xff\x00")
    spec = credential_spec("hmac", timestamp_header="X-T", secret="00ff10", secret_encoding="hex")
    request = authenticated(request, spec, spec.secret(1), NOON)
    expected = hmac.digest(b"\x00\xff\x10", STAMP.encode() + b".\xff\x00", "sha256").hex()
    assert header(request, "X-Signature") == expected


def test_milliseconds_are_sent_where_they_are_signed() -> None:
    request = sent("hmac", timestamp_header="X-T", signs="{timestamp_ms}.{body}")
    assert header(request, "X-T") == f"{STAMP}000"


def test_the_request_itself_stays_as_it_was_and_the_copy_names_no_credential() -> None:
    request = request_with(None, proxy="http://proxy.example:3128")
    before = list(request.headers)
    copy = sent("basic", request)
    assert (request.headers, copy.credential, copy.proxy) == (before, None, "http://proxy.example:3128")
    assert (copy.method, copy.url, copy.body, copy.deadline_seconds) == ("POST", request.url, request.body, 10)


def test_the_credentials_certificate_goes_with_the_copy() -> None:
    spec = replace(credential_spec("none"), tls=Tls(ca="CA"))
    assert authenticated(request_with(None), spec, "", NOON).tls == Tls(ca="CA")


@pytest.mark.parametrize(
    ("kind", "changes", "name", "shown"),
    [
        ("basic", {}, "Authorization", "Basic ***"),
        ("bearer", {}, "Authorization", "Bearer ***"),
        ("api_key", {}, "X-Api-Key", "***"),
        ("api_key", {"send": {"in": "cookie", "name": "k"}}, "Cookie", "k=***"),
        ("oauth2_client_credentials", {}, "Authorization", "Bearer ***"),
        ("token_login", {}, "Cookie", "TokenKey=***"),
        ("hmac", {"prefix": "sha256="}, "X-Signature", "sha256=***"),
    ],
)
def test_people_are_shown_a_mask_in_its_place(kind: str, changes: dict[str, Any], name: str, shown: str) -> None:
    request = shown_authenticated(request_with(None), credential_spec(kind, **changes), NOON)
    assert header(request, name) == shown
