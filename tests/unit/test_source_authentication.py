"""Who may post to a source. Signatures were computed with `openssl dgst -sha1 -hmac`, not with our own code."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.sources import Posted
from dispatcher.sources.authentication import Forbidden, NotAuthenticated, check_auth, verify

BASIC = {"kind": "basic", "username": "pbx", "password": "pass:wörd"}
BEARER = {"kind": "bearer", "token": "tök-1"}
TWILIO = {"kind": "twilio", "auth_token": "an-auth-token"}
URL = "https://onhook.example/v1/sources/cpaas/events?line=2"
FORM = b"To=%2B18005551212&CallSid=CA100&From=%2B14155550100&CallStatus=completed"


def posted(headers=None, body=b"", url=URL):
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return Posted("POST", url, query, headers or {}, body, datetime(2026, 11, 20, tzinfo=UTC), "192.0.2.10")


def basic(text):
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def signed(signature, body=b"", url=URL):
    return posted({"x-twilio-signature": signature, "content-type": "application/json"}, body, url)


@pytest.mark.parametrize("auth", [None, {}, {"kind": None}, {"username": "pbx"}])
def test_an_unset_authentication_is_closed(auth):
    with pytest.raises(Forbidden, match="until its authentication is set"):
        verify(auth, posted(basic("pbx:pass:wörd")))


@pytest.mark.parametrize("auth", [{"kind": "open"}, {"kind": "basic"}, {**BASIC, "password": ""}, {"kind": ["basic"]}])
def test_a_broken_authentication_is_closed(auth):
    with pytest.raises(Forbidden, match="until its authentication is mended"):
        verify(auth, posted(basic("pbx:")))


def test_a_token_of_ours_is_judged_elsewhere():
    with pytest.raises(TypeError, match="judged by the API"):
        verify({"kind": "token"}, posted())


def test_basic_lets_the_right_user_in():
    verify(BASIC, posted(basic("pbx:pass:wörd")))
    verify(BASIC, posted({"authorization": basic("pbx:pass:wörd")["authorization"].replace("Basic ", "basic  ")}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("pbx:wrong"),
        basic("pb:x"),
        basic(""),
        basic("pbx:pass:wörd "),
        {"authorization": "Basic"},
        {"authorization": "Basic ***"},
        {"authorization": "Basic ü"},
        {"authorization": "Bearer " + base64.b64encode("pbx:pass:wörd".encode()).decode()},
    ],
)
def test_basic_lets_nobody_else_in_and_asks(headers):
    with pytest.raises(NotAuthenticated) as refused:
        verify(BASIC, posted(headers))
    assert refused.value.challenge == 'Basic realm="onhook", charset="UTF-8"'


def test_bearer_lets_the_right_token_in():
    verify(BEARER, posted({"authorization": "bearer tök-1"}))


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer tök-2", "Bearer tök", "Basic tök-1", "tök-1", "Bearer \ud800"])
def test_bearer_lets_nobody_else_in(given):
    with pytest.raises(NotAuthenticated) as refused:
        verify(BEARER, posted({"authorization": given}))
    assert refused.value.challenge == 'Bearer realm="onhook"'


def test_twilio_signs_url_and_sorted_fields_whatever_the_content_type():
    verify(TWILIO, signed("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM))


def test_twilio_signs_each_distinct_value_of_a_repeated_field_once_and_sorted():
    verify(TWILIO, signed("zZLa/v3TLnBHky4aRahO25iZwfI=", b"Tags=X&Tag=2&Tag=1&Tag=1"))


def test_twilio_signs_a_get_by_its_url_alone():
    verify(TWILIO, signed("8AroM32woMy/J3yaq3u8fPEwUh4="))


def test_twilio_may_sign_with_the_default_port_that_the_url_lacks():
    verify(TWILIO, signed("k2Jylwx5AABBYPEq/Lw1NZbgBNA=", FORM))


def test_twilio_may_sign_without_the_port_that_the_url_has():
    url = "http://onhook.example:8080/events"
    verify(TWILIO, signed("c4xHEJgWr8JuhLuDq6ZHG+2M/do=", b"CallSid=CA100", url))
    verify(TWILIO, signed("C/j0agKqFSK5UO0dhwtivNT0waU=", b"CallSid=CA100", url))


JSON_URL = "https://onhook.example/events?bodySHA256=9f1e6c0ff24a88968b5299973256b3892357878a12d3a2307218911b4a95a8a7"
JSON_SIGNATURE = "wYFpEgBxjdSuzeA8IEISkmg19Po="


def test_twilio_signs_a_json_body_by_its_hash_in_the_url():
    verify(TWILIO, signed(JSON_SIGNATURE, b'{"CallSid": "CA100"}', JSON_URL))


@pytest.mark.parametrize("body", [b'{"CallSid": "CA101"}', b"", FORM])
def test_a_json_body_with_another_hash_is_refused(body):
    with pytest.raises(Forbidden, match="bodySHA256"):
        verify(TWILIO, signed(JSON_SIGNATURE, body, JSON_URL))


def test_a_hash_that_was_put_into_the_url_is_refused():
    with pytest.raises(Forbidden, match="X-Twilio-Signature does not fit"):
        verify(TWILIO, signed("8AroM32woMy/J3yaq3u8fPEwUh4=", b'{"CallSid": "CA100"}', JSON_URL))


@pytest.mark.parametrize(
    ("signature", "body", "url"),
    [
        ("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM + b"&CallDuration=1", URL),
        ("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM.replace(b"CA100", b"CA101"), URL),
        ("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM, URL.replace("line=2", "line=3")),
        ("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM, URL.replace("https", "http")),
        ("+ltEGjizkyq+LOsqmisK2CFtrne=", FORM, URL),
        ("8AroM32woMy/J3yaq3u8fPEwUh4=", b'{"CallSid": "CA100"}', URL),
        ("ü", FORM, URL),
        ("8AroM32woMy/J3yaq3u8fPEwUh4=", b"", "https://onhook.example:port/"),
        ("8AroM32woMy/J3yaq3u8fPEwUh4=", b"", "https://[onhook/"),
    ],
)
def test_a_twilio_signature_of_anything_else_is_refused(signature, body, url):
    with pytest.raises(Forbidden):
        verify(TWILIO, signed_raw(signature, body, url))


def signed_raw(signature, body, url):
    """As `signed`, for URLs that cannot be taken apart."""
    request = signed(signature, body)
    request.url = url
    return request


def test_without_a_signature_twilio_is_not_authenticated():
    with pytest.raises(NotAuthenticated) as refused:
        verify(TWILIO, posted(body=FORM))
    assert refused.value.challenge is None


def test_another_auth_token_does_not_fit():
    with pytest.raises(Forbidden):
        verify({**TWILIO, "auth_token": "another"}, signed("+ltEGjizkyq+LOsqmisK2CFtrnE=", FORM))


@given(st.sampled_from([BASIC, BEARER, TWILIO]), st.text(), st.binary(), st.text())
def test_no_stranger_s_bytes_pass_or_raise_anything_else(auth, header, body, url):
    request = signed_raw(header, body, url)
    request.headers = {"authorization": header, "x-twilio-signature": header}
    with pytest.raises((NotAuthenticated, Forbidden)):
        verify(auth, request)


@pytest.mark.parametrize("auth", [None, {"kind": "token"}, BASIC, BEARER, TWILIO])
def test_what_can_be_verified_can_be_saved(auth):
    assert check_auth(auth) == []


KINDS = (
    "token, basic, bearer, header_token, body_token, query_token, hmac, jwt, standard_webhooks, twilio, plivo, telnyx, "
    "ip_allow, all"
)
TEXT = "expected text that is not empty, got a value that is not shown."


@pytest.mark.parametrize(
    ("auth", "problems"),
    [
        ("basic", ["auth: expected an object with a kind, or null, got a value that is not shown."]),
        ({}, [f"auth.kind: expected one of {KINDS}, got nothing."]),
        ({"kind": "bearr"}, [f'auth.kind: expected one of {KINDS} (did you mean bearer?), got string "bearr".']),
        ({"kind": {}}, [f"auth.kind: expected one of {KINDS}, got object."]),
        (
            {"kind": "basic", "username": "", "pass": "x"},
            [
                (
                    "auth.pass: expected no such member (there are username, password, password_2), "
                    "got a value that is not shown."
                ),
                f"auth.username: {TEXT}",
                "auth.password: expected text that is not empty, got nothing.",
            ],
        ),
        ({"kind": "bearer", "token": 5}, [f"auth.token: {TEXT}"]),
        ({"kind": "twilio", "auth_token": "\ud800"}, [f"auth.auth_token: {TEXT}"]),
        ({**BASIC, "username": "a:b"}, ["auth.username: expected no colon in it (RFC 7617), got one."]),
    ],
)
def test_what_cannot_is_refused_in_sentences(auth, problems):
    assert check_auth(auth) == problems


@pytest.fixture
def vectors():
    if "ONHOOK_SAMPLES" not in os.environ:
        pytest.skip("ONHOOK_SAMPLES names no folder of sample payloads")
    return json.loads((Path(os.environ["ONHOOK_SAMPLES"]) / "twilio" / "signature_vectors.json").read_text())


def test_the_vendor_s_own_vectors_pass(vectors):
    auth = {"kind": "twilio", "auth_token": vectors["auth_token"]}
    url, form = vectors["url"], urlencode(vectors["form"]).encode()
    ports, doubled, as_json = vectors["port_variants"], vectors["duplicate_keys"], vectors["json_body"]
    plain_http = url.replace("https", "http")
    with_port = plain_http.replace(".com", ".com:1234")
    for signature, body, address in (
        (vectors["X-Twilio-Signature"], form, url),
        (vectors["X-Twilio-Signature"], form, url.replace(".com", ".com:1234")),
        (
            doubled["X-Twilio-Signature"],
            urlencode([tuple(pair) for pair in doubled["form_pairs"]]).encode(),
            doubled["url"],
        ),
        (ports["https_url_signed_with_port_443"], form, url),
        (ports["http_url_signed_with_port_80"], form, plain_http),
        (ports["http_url_signed_with_port_1234"], form, with_port),
        (as_json["X-Twilio-Signature"], as_json["body"].encode(), as_json["url"]),
    ):
        verify(auth, signed(signature, body, address))
