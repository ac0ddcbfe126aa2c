"""WS-Security UsernameToken: the exact bytes, the digest, and what people are shown."""

from base64 import b64decode, b64encode
from datetime import timedelta, timezone
from hashlib import sha1
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.credentials.request_authentication import authenticated, echoes_of, shown_authenticated
from dispatcher.domain.credentials.soap_envelope import NAMESPACES, WSSE, NoEnvelope
from dispatcher.domain.exchange import Request
from tests.unit.credential_doubles import credential_spec, request_with
from tests.unit.doubles import NOON, seconds

NONCE = bytes(range(16))
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
TYPE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
ONCE = (
    '<wsse:Nonce EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0'
    '#Base64Binary">AAECAwQFBgcICQoLDA0ODw==</wsse:Nonce>'
)
MASKED_ONCE = ONCE.replace("AAECAwQFBgcICQoLDA0ODw==", "***")
CREATED = "<wsu:Created>2026-11-20T12:00:00.007Z</wsu:Created>"
NOW = NOON + seconds(0.007)


def envelope(namespace: str = NAMESPACES[0], header: str = "") -> bytes:
    return f'<s:Envelope xmlns:s="{namespace}">{header}<s:Body><a>1</a></s:Body></s:Envelope>'.encode()


def sent(body: bytes | None = None, **changes: Any) -> Request:
    spec = credential_spec("wsse", **changes)
    request = request_with(None, body=envelope() if body is None else body)
    return authenticated(request, spec, spec.secret(1), NOW, NONCE)


def block(inside: str, attributes: str = "") -> str:
    return f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"{attributes}>{inside}</wsse:Security>'


def token(password: str, word: str, once: str = "") -> str:
    return (
        "<wsse:UsernameToken><wsse:Username>jane</wsse:Username>"
        f'<wsse:Password Type="{TYPE}#{word}">{password}</wsse:Password>{once}</wsse:UsernameToken>'
    )


DIGEST = b64encode(sha1(NONCE + b"2026-11-20T12:00:00.007Z" + b"wsse-password-1").digest()).decode()


@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, block(token("wsse-password-1", "PasswordText"))),
        ({"nonce": True}, block(token("wsse-password-1", "PasswordText", ONCE + CREATED))),
        ({"password_type": "digest"}, block(token(DIGEST, "PasswordDigest", ONCE + CREATED))),
        (
            {"timestamp_seconds": 300},
            block(
                f"<wsu:Timestamp>{CREATED}<wsu:Expires>2026-11-20T12:05:00.007Z</wsu:Expires></wsu:Timestamp>"
                + token("wsse-password-1", "PasswordText")
            ),
        ),
    ],
)
def test_the_envelope_has_these_bytes(namespace: str, changes: dict[str, Any], expected: str) -> None:
    body = sent(envelope(namespace), **changes).body
    assert body == envelope(namespace, f"<s:Header>{expected}</s:Header>")


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_block_that_must_be_understood_says_so_in_the_envelopes_own_version(namespace: str) -> None:
    own = f' xmlns:soap="{namespace}" soap:mustUnderstand="1"'
    expected = block(token("wsse-password-1", "PasswordText"), own)
    assert sent(envelope(namespace), must_understand=True).body == envelope(
        namespace, f"<s:Header>{expected}</s:Header>"
    )


def test_the_digest_is_the_one_that_openssl_computes() -> None:
    # printf '\0\1\2...\17%s' '2026-11-20T12:00:00.007Zwsse-password-1' | openssl sha1 -binary | base64
    assert DIGEST == "g83UldNZpo8S0NLslEmB7l0sxNQ="


def test_the_creation_is_in_utc_whatever_the_zone_of_the_clock() -> None:
    spec = credential_spec("wsse", nonce=True)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5)))
    copy = authenticated(request_with(None, body=envelope()), spec, "x", elsewhere, NONCE)
    assert CREATED.encode() in (copy.body or b"")


def test_the_request_keeps_everything_else_and_stays_as_it_was() -> None:
    request = request_with(None, body=envelope(), max_response_bytes=77, read_reply=lambda _: None)
    spec = credential_spec("wsse")
    copy = authenticated(request, spec, "x", NOW, NONCE)
    assert (request.body, copy.headers, copy.headers is request.headers) == (envelope(), request.headers, False)
    assert (copy.max_response_bytes, copy.read_reply, copy.url) == (77, request.read_reply, request.url)


def test_an_envelope_with_a_security_header_of_its_own_is_refused() -> None:
    own = envelope(header=f'<s:Header><w:Security xmlns:w="{WSSE}"/></s:Header>')
    with pytest.raises(NoEnvelope, match="has a wsse:Security of its own"):
        sent(own)
    with pytest.raises(NoEnvelope):
        shown_authenticated(request_with(None, body=own), credential_spec("wsse"), NOW)


@pytest.mark.parametrize(
    ("changes", "inside"),
    [
        ({}, token("***", "PasswordText")),
        ({"password_type": "digest"}, token("***", "PasswordDigest", MASKED_ONCE + CREATED)),
    ],
)
def test_people_are_shown_a_mask_for_password_digest_and_nonce(changes: dict[str, Any], inside: str) -> None:
    shown = shown_authenticated(request_with(None, body=envelope()), credential_spec("wsse", **changes), NOW)
    assert shown.body == envelope(header=f"<s:Header>{block(inside)}</s:Header>")


def test_a_target_may_repeat_the_digest_and_the_nonce() -> None:
    spec = credential_spec("wsse", password_type="digest")
    assert {DIGEST, "AAECAwQFBgcICQoLDA0ODw=="} <= set(echoes_of(spec, "wsse-password-1", NOW, NONCE))
    assert echoes_of(credential_spec("wsse"), "wsse-password-1", NOW, NONCE) == ()


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), min_size=1).filter(
    lambda text: not any(each < " " or each == "\x7f" for each in text)
)


@given(TEXT, TEXT, st.booleans(), st.sampled_from(["utf-8", "iso-8859-15"]))
def test_any_name_and_password_are_read_back_by_whoever_parses_the_envelope(
    username: str, password: str, timestamp: bool, encoding: str
) -> None:
    changes = {"username": username, "password": password, "timestamp_seconds": 60 if timestamp else None}
    body = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + envelope()
    root = ET.fromstring(sent(body, **changes).body or b"")
    found = root.find(f".//{{{WSSE}}}UsernameToken")
    assert found is not None
    assert [each.text for each in found] == [username, password]


@given(TEXT)
def test_a_digest_of_any_password_is_what_the_receiver_computes(password: str) -> None:
    root = ET.fromstring(sent(password=password, password_type="digest").body or b"")
    told = {each.tag.rpartition("}")[2]: each.text or "" for each in root.iter()}
    nonce, created = b64decode(told["Nonce"]), told["Created"].encode()
    assert told["Password"] == b64encode(sha1(nonce + created + password.encode()).digest()).decode()
