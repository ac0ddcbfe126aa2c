"""Signatures of posts. Those written out were made with openssl, not with our own code."""

import base64
import hashlib
import hmac
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.sources import Posted
from dispatcher.sources.authentication import Forbidden, NotAuthenticated, Why, check_auth, verify
from dispatcher.sources.authentication.json_web_token import claims_in

TEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
STAMP = "1795168800"
BODY = b'{"call":"7f9c"}'
URL = "https://onhook.example/v1/sources/cpaas/events?line=2"
BARE = "https://onhook.example/events"
FORM = b"From=%2B14155550100&CallUUID=u-100&CallStatus=completed"

PLIVO = {"kind": "plivo", "auth_token": "an-auth-token"}
KEY = "BvwnZ694Yej/YoYI234GppFhddxyNp+ELyKZcw9kYiY="
TELNYX = {"kind": "telnyx", "public_key": KEY}
TELNYX_SIGNATURE = "Tc6fDB8szg40zf2JOULdiLM0LJ0xP+jYfQOdV7E2+b45SlHefLLVRiXKXNJzI+8MYlyzpqw98zJzDQtditi3AA=="
PLAIN = {"kind": "hmac", "header": "X-Signature", "secret": "shared-secret"}
HEX = "1c5c69d49b85a185834f15a6ee246beb5c674ecf85cb7467a908cc31590be116"
MANY_PARTS = (
    "dc906423e9db6d8a8e5b9b950d9b043e5c4fec3239374146c24c58ea53c591e7"
    "8633cceea7d47bb049d442e44e5d36e00ae0ab21d15c83b9362ee3ce80db3865"
)
TIMED = {**PLAIN, "header": "X-PS-Signature", "signature_field": "v1", "timestamp_field": "t"}
TIMED_HEX = "32e620a1200324bbc3930f24d4226ee08183edcfcd5bf9ade345eed5d64b3a36"
WEBHOOKS = {"kind": "standard_webhooks", "secret": "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"}
WEBHOOK = {
    "webhook-id": "msg_1",
    "webhook-timestamp": STAMP,
    "webhook-signature": "v1,ZrojlHrABXGpL4loRiRm9hR3SxkKu2iQlJaEwUkMwOY=",
}
JWT_BODY = {"kind": "jwt", "in": "body", "secret": "shared-secret"}
JWT_HEADER = {"kind": "jwt", "in": "header", "secret": "shared-secret"}
TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjYWxsX2lkIjoxMDAsInN0YXRlIjoiaGFuZ3VwIn0."
    "d4nmlJrac8Orn8AWAgNclNVELnLdmXzCZIq9urVDLeg"
)
TOKEN_WITH_HASH = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3OTUxNjg4MDAsInBheWxvYWRfaGFzaCI6ImVlOTY1ZDhlOGUxOTFjZDc4ZWI0YjkwZTk3"
    "MjZhMDRjM2Q1MGJiN2MxYWU2YzA1OTA2YjlkNmViNWNiYmM2MzMifQ.w9UeeV4siy15cSxLXALqsyhwdp_XioD3bRROFZUj8jA"
)


def posted(headers=None, body=BODY, url=URL, method="POST", at=TEN):
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return Posted(method, url, query, headers or {}, body, at, "192.0.2.10")


def refused(auth, request):
    """Why a post is not let in: the status, and the word that it is counted under."""
    with pytest.raises((NotAuthenticated, Forbidden)) as error:
        verify(auth, request)
    return (401 if isinstance(error.value, NotAuthenticated) else 403), error.value.why


# --- Plivo


def plivo(signature, body=FORM, url=URL, method="POST", version="v3"):
    name = f"x-plivo-signature-{version}"
    return posted({name: signature, f"{name}-nonce": "12345"}, body, url, method)


@pytest.mark.parametrize(
    ("signature", "body", "url", "method"),
    [
        ("YW6hA7HUgOJLfRgFcKNrRSy6bCaKC1kphGCzYauB/KQ=", FORM, URL + "&a=1", "POST"),
        ("82kxb+33Y5IUx3RptIqHkwjvWn2tFByVmsG8XwC0NYA=", FORM, BARE, "POST"),
        ("+Ksg4e0M0BeNZhj8rh9NZVtGCKJF8FCWMuSYHFO0qIU=", b"", BARE + "?a=1&CallUUID=u-100", "GET"),
        ("HDfB6RhplnlZr3pzVUXsuom1dxwJ4V0bVGQG//Rt+1o=", b"", BARE, "POST"),
        ("other, HDfB6RhplnlZr3pzVUXsuom1dxwJ4V0bVGQG//Rt+1o=", b"", BARE, "POST"),
    ],
)
def test_plivo_signs_address_sorted_query_sorted_fields_and_nonce(signature, body, url, method):
    verify(PLIVO, plivo(signature, body, url, method))
    assert refused(PLIVO, plivo(signature, body + b"&More=1", url, method)) == (403, Why.SIGNATURE)
    assert refused({**PLIVO, "auth_token": "another"}, plivo(signature, body, url)) == (403, Why.SIGNATURE)
    verify({**PLIVO, "auth_token": "another", "auth_token_2": "an-auth-token"}, plivo(signature, body, url))


def test_plivo_also_signs_with_the_main_account_s_token():
    headers = {
        "x-plivo-signature-v3": "b3RoZXI=",
        "x-plivo-signature-ma-v3": "HDfB6RhplnlZr3pzVUXsuom1dxwJ4V0bVGQG//Rt+1o=",
        "x-plivo-signature-v3-nonce": "12345",
    }
    verify(PLIVO, posted(headers, b"", BARE))


def test_plivo_s_second_version_is_taken_only_where_the_source_says_so():
    signature = "DQzQ81PSZLgYwpxCtFyEBhtTYjf1hDc+hen7VOcgA7o="
    verify({**PLIVO, "version": "v2"}, plivo(signature, version="v2"))
    assert refused(PLIVO, plivo(signature, version="v2")) == (401, Why.MISSING)
    assert refused({**PLIVO, "version": "v2"}, plivo(signature)) == (401, Why.MISSING)


def test_plivo_s_own_vector_passes():
    if "ONHOOK_SAMPLES" not in os.environ:
        pytest.skip("ONHOOK_SAMPLES names no folder of sample payloads")
    found = json.loads((Path(os.environ["ONHOOK_SAMPLES"]) / "plivo" / "signature_v2_vector.json").read_text())
    headers = {"x-plivo-signature-v2": found["X-Plivo-Signature-V2"], "x-plivo-signature-v2-nonce": found["nonce"]}
    auth = {"kind": "plivo", "auth_token": found["auth_token"], "version": "v2"}
    verify(auth, posted(headers, b"", found["url"]))


# --- Telnyx


def telnyx(signature=TELNYX_SIGNATURE, stamp=STAMP, body=BODY, at=TEN):
    return posted({"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}, body, at=at)


def test_telnyx_signs_the_moment_and_the_body():
    verify(TELNYX, telnyx())
    verify({"kind": "telnyx", "public_key": base64.b64encode(bytes(32)).decode(), "public_key_2": KEY}, telnyx())


@pytest.mark.parametrize("seconds", [-300, 300])
def test_telnyx_signature_is_good_for_five_minutes(seconds):
    verify(TELNYX, telnyx(at=TEN + timedelta(seconds=seconds)))
    late = telnyx(at=TEN + timedelta(seconds=seconds * 1.01))
    assert refused(TELNYX, late) == (403, Why.STALE)
    verify({**TELNYX, "tolerance_seconds": 600}, late)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (telnyx(body=b'{"call":"7f9d"}'), (403, Why.SIGNATURE)),
        (telnyx(stamp="1795168801"), (403, Why.SIGNATURE)),
        (telnyx(signature="AAAA"), (403, Why.SIGNATURE)),
        (telnyx(signature="***"), (401, Why.MISSING)),
        (telnyx(stamp=""), (401, Why.MISSING)),
        (posted(), (401, Why.MISSING)),
    ],
)
def test_telnyx_signature_of_anything_else_is_refused(request_, why):
    assert refused(TELNYX, request_) == why


# --- HMAC


@pytest.mark.parametrize(
    ("over", "header"),
    [
        ({}, HEX),
        ({}, HEX.upper()),
        ({"prefix": "sha256="}, "sha256=" + HEX),
        ({"algorithm": "sha1", "encoding": "base64"}, "BGXBJrzxr19sUYhuSCa+5Z0BYls="),
        ({"secret": "another", "secret_2": "shared-secret"}, HEX),
        (
            {
                "secret": "00ff10",
                "secret_encoding": "hex",
                "algorithm": "sha512",
                "signs": "{method}\n{path}\n{body}",
            },
            MANY_PARTS,
        ),
    ],
)
def test_an_hmac_is_over_what_the_source_says(over, header):
    auth = {**PLAIN, **over}
    assert check_auth(auth) == []
    verify(auth, posted({"x-signature": header}))
    assert refused(auth, posted({"x-signature": header}, BODY + b" ")) == (403, Why.SIGNATURE)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", (401, Why.MISSING)),
        ("no hex", (401, Why.MISSING)),
        (HEX[:-2], (403, Why.SIGNATURE)),
        ("\u00fc", (401, Why.MISSING)),
    ],
)
def test_another_hmac_is_refused(header, why):
    assert refused(PLAIN, posted({"x-signature": header})) == why


def test_a_signature_in_parts_covers_its_moment():
    verify(TIMED, posted({"x-ps-signature": f"t={STAMP},v1={TIMED_HEX}"}))
    verify(TIMED, posted({"x-ps-signature": f"t={STAMP}, v0=00, v1=00ff, v1={TIMED_HEX}"}))
    moved = posted({"x-ps-signature": f"t=1795168801,v1={TIMED_HEX}"})
    assert refused(TIMED, moved) == (403, Why.SIGNATURE)
    assert refused(TIMED, posted({"x-ps-signature": f"v1={TIMED_HEX}"})) == (403, Why.SIGNATURE)
    assert refused(TIMED, posted({"x-ps-signature": f"t={STAMP}"})) == (401, Why.MISSING)


def test_a_replay_after_the_tolerance_is_refused_by_the_clock_of_the_receipt():
    headers = {"x-ps-signature": f"t={STAMP},v1={TIMED_HEX}"}
    verify(TIMED, posted(headers, at=TEN + timedelta(seconds=300)))
    assert refused(TIMED, posted(headers, at=TEN + timedelta(seconds=301))) == (403, Why.STALE)


def test_a_moment_in_a_header_of_its_own_may_be_in_milliseconds():
    auth = {**PLAIN, "timestamp_header": "X-Timestamp", "signs": "{timestamp}:{body_sha256}"}
    text = f"{STAMP}000:{hashlib.sha256(BODY).hexdigest()}"
    signature = hmac.digest(b"shared-secret", text.encode(), "sha256").hex()
    verify(auth, posted({"x-signature": signature, "x-timestamp": f"{STAMP}000"}))
    assert refused(auth, posted({"x-signature": signature})) == (403, Why.SIGNATURE)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"header": "X Signature"}, "auth.header"),
        ({"secret": "xyz", "secret_encoding": "hex"}, "auth.secret"),
        ({"secret": "c2VjcmV0", "secret_2": "*", "secret_encoding": "base64"}, "auth.secret_2"),
        ({"algorithm": "md5"}, "auth.algorithm"),
        ({"signs": "{url}"}, "auth.signs"),
        ({"signs": "{body}{nonce}"}, "auth.signs"),
        ({"signs": "{timestamp}.{body}"}, "auth.signs"),
        ({"signs": "{body}", "timestamp_header": "X-T"}, "auth.signs"),
        ({"timestamp_field": "t"}, "auth.signature_field"),
        ({"tolerance_seconds": 0}, "auth.tolerance_seconds"),
        ({"tolerence_seconds": 5}, "auth.tolerence_seconds"),
    ],
)
def test_an_hmac_that_could_not_be_judged_is_not_saved(over, field):
    [problem] = check_auth({**PLAIN, **over})
    assert problem.startswith(f"{field}: ")
    assert "shared-secret" not in problem


# --- Standard Webhooks


def test_standard_webhooks_are_taken_with_either_secret():
    verify(WEBHOOKS, posted(WEBHOOK))
    other = {**WEBHOOK, "webhook-signature": "v1a,AAAA v1,AAAA " + WEBHOOK["webhook-signature"]}
    verify({**WEBHOOKS, "secret": "whsec_eHh4eHh4eHh4eHh4eHh4", "secret_2": WEBHOOKS["secret"]}, posted(other))
    verify(WEBHOOKS, posted({name.replace("webhook", "svix"): value for name, value in WEBHOOK.items()}))


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"webhook-id": "msg_2"}, (403, Why.SIGNATURE)),
        ({"webhook-timestamp": "1795168801"}, (403, Why.SIGNATURE)),
        ({"webhook-timestamp": "1795168000"}, (403, Why.STALE)),
        ({"webhook-timestamp": "soon"}, (401, Why.MISSING)),
        ({"webhook-signature": ""}, (401, Why.MISSING)),
        ({"webhook-signature": "ZrojlHrABXGpL4loRiRm9hR3SxkKu2iQlJaEwUkMwOY="}, (403, Why.SIGNATURE)),
    ],
)
def test_standard_webhooks_of_anything_else_are_refused(over, why):
    assert refused(WEBHOOKS, posted({**WEBHOOK, **over})) == why


def test_a_key_that_is_none_is_not_saved():
    assert [each.split(":")[0] for each in check_auth({**WEBHOOKS, "secret_2": "whsec_*"})] == ["auth.secret_2"]


# --- JSON Web Tokens


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(claims, header=None, key=b"shared-secret", algorithm="sha256"):
    signed = f"{encoded({'alg': 'HS256', **(header or {})})}.{encoded(claims)}"
    mark = base64.urlsafe_b64encode(hmac.digest(key, signed.encode(), algorithm)).decode().rstrip("=")
    return f"{signed}.{mark}"


def test_a_body_that_is_a_token_is_verified_and_gives_its_claims():
    verify(JWT_BODY, posted(body=TOKEN.encode()))
    verify(JWT_BODY, posted(body=f' "{TOKEN}"\n'.encode()))
    verify({**JWT_BODY, "secret": "another", "secret_2": "shared-secret"}, posted(body=TOKEN.encode()))
    assert claims_in(TOKEN.encode()) == {"call_id": 100, "state": "hangup"}
    assert claims_in(BODY) is None


def test_a_bearer_token_claims_the_hash_of_the_body():
    headers = {"authorization": f"Bearer {TOKEN_WITH_HASH}"}
    verify(JWT_HEADER, posted(headers))
    assert refused(JWT_HEADER, posted(headers, BODY + b" ")) == (403, Why.SIGNATURE)
    assert refused(JWT_HEADER, posted(headers, at=TEN + timedelta(seconds=301))) == (403, Why.STALE)
    own = {**JWT_HEADER, "header": "X-Token"}
    verify(own, posted({"x-token": TOKEN_WITH_HASH}))


def test_a_token_of_a_get_claims_the_hash_of_its_query():
    claims = {"payload_hash": hashlib.sha256(b"line=2").hexdigest()}
    headers = {"authorization": f"Bearer {token(claims)}"}
    verify(JWT_HEADER, posted(headers, b"", method="GET"))
    assert refused(JWT_HEADER, posted(headers, b"", URL + "1", "GET")) == (403, Why.SIGNATURE)


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (token({}, {"alg": "none"}), (403, Why.SIGNATURE)),
        (token({}, {"alg": "HS512"}, algorithm="sha512"), (403, Why.SIGNATURE)),
        (token({}, {"alg": "RS256"}), (403, Why.SIGNATURE)),
        (token({}, {"crit": ["b64"]}), (403, Why.SIGNATURE)),
        (token({}, key=b"another"), (403, Why.SIGNATURE)),
        (f"{encoded({'alg': 'none'})}.{encoded({})}.", (403, Why.SIGNATURE)),
        (TOKEN[:-3], (403, Why.SIGNATURE)),
        (TOKEN.rpartition(".")[0], (401, Why.MISSING)),
        ("a.b.c", (401, Why.MISSING)),
        (f"{encoded([])}.{encoded({})}.AA", (401, Why.MISSING)),
        ("", (401, Why.MISSING)),
        ("\u00fc.\u00fc.\u00fc", (401, Why.MISSING)),
        (token({"exp": 1795168499}), (403, Why.STALE)),
        (token({"nbf": 1795169101}), (403, Why.STALE)),
        (token({"iat": 1795169101, "exp": 1795170000}), (403, Why.STALE)),
        (token({"iat": 1795168499}), (403, Why.STALE)),
        (token({"exp": "tomorrow"}), (403, Why.SIGNATURE)),
        (token({"exp": True}), (403, Why.SIGNATURE)),
    ],
)
def test_a_token_that_is_another_s_or_not_of_now_is_refused(given_, why):
    assert refused(JWT_BODY, posted(body=given_.encode())) == why


def test_a_token_that_is_old_but_has_not_expired_is_good():
    verify(JWT_BODY, posted(body=token({"iat": 1795160000, "exp": 1795168801}).encode()))


def signed_empty(kind):
    """A valid signature over an empty body, with everything in the query."""
    if kind is WEBHOOKS:
        text = f"msg_1.{STAMP}.".encode()
        mark = base64.b64encode(hmac.digest(b"k" * 24, text, "sha256")).decode()
        return {**WEBHOOK, "webhook-signature": f"v1,{mark}"}
    return {"x-signature": hmac.digest(b"shared-secret", b"", "sha256").hex()}


@pytest.mark.parametrize("auth", [PLAIN, WEBHOOKS])
def test_a_signature_over_an_empty_body_lets_no_query_in(auth):
    verify(auth, posted(signed_empty(auth), b"", BARE))
    assert refused(auth, posted(signed_empty(auth), b"", BARE + "?CallSid=CA1", "GET")) == (403, Why.SIGNATURE)


def test_telnyx_signs_no_query():
    assert refused(TELNYX, telnyx(body=b"")) == (403, Why.SIGNATURE)


def test_an_hmac_over_the_address_covers_its_query():
    auth = {**PLAIN, "signs": "{url}{body}"}
    url = BARE + "?CallSid=CA1"
    headers = {"x-signature": hmac.digest(b"shared-secret", url.encode(), "sha256").hex()}
    verify(auth, posted(headers, b"", url, "GET"))
    assert refused(auth, posted(headers, b"", url + "0", "GET")) == (403, Why.SIGNATURE)


ALL_SIGNED = [PLIVO, {**PLIVO, "version": "v2"}, TELNYX, PLAIN, TIMED, WEBHOOKS, JWT_BODY, JWT_HEADER]


@given(st.sampled_from(ALL_SIGNED), st.text(), st.text(), st.binary(), st.text())
def test_no_stranger_s_bytes_pass_or_raise_anything_else(auth, first, second, body, url):
    request = posted(body=body)
    request.url = url
    names = ["plivo-signature-v3", "plivo-signature-v2", "ps-signature", "signature"]
    request.headers = {
        **{f"x-{name}": first for name in names},
        **{f"x-{name}-nonce": second for name in names},
        "telnyx-signature-ed25519": first,
        "telnyx-timestamp": second,
        "authorization": first,
        **{f"webhook-{name}": value for name, value in (("id", first), ("timestamp", STAMP), ("signature", second))},
    }
    with pytest.raises((NotAuthenticated, Forbidden)):
        verify(auth, request)


@pytest.mark.parametrize("auth", ALL_SIGNED)
def test_what_can_be_verified_can_be_saved(auth):
    assert check_auth(auth) == []
