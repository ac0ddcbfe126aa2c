"""Constant tokens, lists of addresses, and several checks at once."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatcher.sources import FORMATS, Posted
from dispatcher.sources.authentication import (
    KINDS,
    MASK,
    Forbidden,
    NotAuthenticated,
    Why,
    check_auth,
    holds_mask,
    shown_auth,
    unmasked,
    usable_checks,
    verify,
    without_tokens,
)
from dispatcher.sources.authentication.kinds import FOR_EVERY_FORMAT

HEADER = {"kind": "header_token", "header": "X-Key", "token": "t\u00f6k-1"}
QUERY = {"kind": "query_token", "name": "key", "token": "tok-1"}
IN_JSON = {"kind": "body_token", "path": "$.data.token", "token": "tok-1"}
IN_FORM = {"kind": "body_token", "field": "token", "token": "tok-1"}
ADDRESSES = {"kind": "ip_allow", "networks": ["192.0.2.0/24", "2001:db8::/32"]}
BEARER = {"kind": "bearer", "token": "tok-1"}


def posted(headers: Any = None, body: bytes = b"", query: Any = (), remote: str = "192.0.2.10") -> Posted:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    return Posted("POST", "https://onhook.example/e?key=tok-1", list(query), headers or {}, body, moment, remote)


def refused(auth: Any, request: Posted) -> tuple[int, Why]:
    with pytest.raises((NotAuthenticated, Forbidden)) as error:
        verify(auth, request)
    assert "tok" not in str(error.value).replace("token", "")
    return (401 if isinstance(error.value, NotAuthenticated) else 403), error.value.why


RIGHT = [
    (HEADER, posted({"x-key": "t\u00f6k-1"})),
    (QUERY, posted(query=[("key", "tok-1")])),
    (IN_JSON, posted(body=b'{"data": {"token": "tok-1"}}')),
    (IN_FORM, posted(body=b"a=1&token=tok-1")),
    (BEARER, posted({"authorization": "Bearer tok-1"})),
]
WRONG = [
    (HEADER, posted({"x-key": "t\u00f6k-2"})),
    (QUERY, posted(query=[("key", "tok-2"), ("key", "tok-1")])),
    (IN_JSON, posted(body=b'{"data": {"token": "tok-2"}}')),
    (IN_FORM, posted(body=b"token=tok-2")),
    (BEARER, posted({"authorization": "Bearer tok-2"})),
]


@pytest.mark.parametrize(("auth", "request_"), RIGHT)
def test_the_token_opens_also_as_the_second_of_two(auth: Any, request_: Posted) -> None:
    verify(auth, request_)
    verify({**auth, "token": "older", "token_2": auth["token"]}, request_)


@pytest.mark.parametrize(("auth", "request_"), WRONG)
def test_another_token_does_not(auth: Any, request_: Posted) -> None:
    assert refused(auth, request_) == (401, Why.WRONG)


@pytest.mark.parametrize("auth", [each for each, _ in RIGHT])
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"data": {"token": ["tok-1"]}}', b'{"data": null}'])
def test_no_token_at_all_does_not_either(auth: Any, body: bytes) -> None:
    assert refused(auth, posted(body=body)) == (401, Why.MISSING)


@pytest.mark.parametrize("remote", ["192.0.2.10", "::ffff:192.0.2.10", "2001:db8::1"])
def test_an_address_on_the_list_is_let_in(remote: str) -> None:
    verify(ADDRESSES, posted(remote=remote))


@pytest.mark.parametrize("remote", ["192.0.3.1", "2001:db9::1", "", "testclient", "192.0.2.10:80"])
def test_any_other_is_not(remote: str) -> None:
    assert refused(ADDRESSES, posted(remote=remote)) == (403, Why.ADDRESS)


def test_all_of_several_checks_must_be_passed() -> None:
    auth = {"kind": "all", "of": [BEARER, ADDRESSES]}
    right = {"authorization": "Bearer tok-1"}
    verify(auth, posted(right))
    assert refused(auth, posted(right, remote="198.51.100.1")) == (403, Why.ADDRESS)
    assert refused(auth, posted()) == (401, Why.MISSING)


@pytest.mark.parametrize(
    ("auth", "field"),
    [
        ({**IN_JSON, "field": "token"}, "auth.path"),
        ({"kind": "body_token", "token": "x"}, "auth.path"),
        ({**IN_JSON, "path": "token"}, "auth.path"),
        ({**IN_JSON, "path": "$"}, "auth.path"),
        ({**IN_FORM, "field": 5}, "auth.field"),
        ({"kind": "query_token", "token": "x"}, "auth.name"),
        ({**ADDRESSES, "networks": []}, "auth.networks"),
        ({**ADDRESSES, "networks": ["192.0.2.1/24"]}, "auth.networks[0]"),
        ({**ADDRESSES, "networks": ["0.0.0.0/0"]}, "auth.networks[0]"),
        ({**ADDRESSES, "networks": ["::/0"]}, "auth.networks[0]"),
        ({**ADDRESSES, "networks": "192.0.2.0/24"}, "auth.networks"),
        ({"kind": "all", "of": [BEARER]}, "auth.of"),
        ({"kind": "all"}, "auth.of"),
        ({"kind": "all", "of": [BEARER, {"kind": "all", "of": [BEARER, BEARER]}]}, "auth.of[1]"),
        ({"kind": "all", "of": [BEARER, None]}, "auth.of[1]"),
        ({"kind": "all", "of": [BEARER, {"kind": "bearer"}]}, "auth.of[1].token"),
    ],
)
def test_what_could_not_be_judged_is_not_saved(auth: Any, field: str) -> None:
    assert [each.split(": ")[0] for each in check_auth(auth)] == [field]


def test_secrets_are_masked_and_come_back_by_their_kind() -> None:
    stored = {"kind": "all", "of": [{**BEARER, "token_2": "tok-2"}, ADDRESSES, HEADER]}
    shown = shown_auth(stored)
    assert shown == {
        "kind": "all",
        "of": [{"kind": "bearer", "token": MASK, "token_2": MASK}, ADDRESSES, {**HEADER, "token": MASK}],
    }
    moved = {"kind": "all", "of": [shown["of"][2], shown["of"][0]]}
    assert unmasked(moved, stored) == {"kind": "all", "of": [HEADER, {**BEARER, "token_2": "tok-2"}]}
    alone = unmasked({**HEADER, "token": MASK}, stored)
    assert (alone, holds_mask(alone)) == (HEADER, False)
    assert holds_mask(unmasked({**QUERY, "token": MASK}, stored))
    assert holds_mask(unmasked({"kind": "all", "of": [ADDRESSES, {**QUERY, "token": MASK}]}, stored))


def test_of_two_checks_of_a_kind_each_gets_its_own_secret_back() -> None:
    other = {**HEADER, "header": "X-Other", "token": "tok-2"}
    stored = {"kind": "all", "of": [HEADER, other]}
    first, second = shown_auth(stored)["of"]  # type: ignore[index]
    assert unmasked({"kind": "all", "of": [second, first]}, stored) == {"kind": "all", "of": [other, HEADER]}
    renamed = {**first, "header": "X-New"}
    assert unmasked({"kind": "all", "of": [renamed, second]}, stored)["of"][0] == {**HEADER, "header": "X-New"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_member_that_may_be_secret_is_masked(kind: str) -> None:
    names = [each.name for each in KINDS[kind].members if each.name.partition("_2")[0] in _SECRETS]
    shown = shown_auth({"kind": kind, **dict.fromkeys(names, "hunter2")})
    assert "hunter2" not in json.dumps(shown)


_SECRETS = ("password", "token", "secret", "auth_token")


def test_a_format_never_sees_the_constant_that_opened_the_door() -> None:
    auth = {"kind": "all", "of": [QUERY, HEADER]}
    request = posted({"x-key": "t\u00f6k-1", "x-other": "kept"}, query=[("key", "tok-1"), ("line", "2")])
    clean = without_tokens(usable_checks(auth), request)
    assert (clean.query, clean.headers, clean.url) == (
        [("line", "2")],
        {"x-other": "kept"},
        "https://onhook.example/e",
    )
    assert without_tokens([BEARER], request) is request


@pytest.mark.parametrize("spoken", FORMATS.values(), ids=lambda each: each.name)
def test_every_format_names_kinds_that_there_are(spoken: Any) -> None:
    assert spoken.auth_kinds <= KINDS.keys()
    # MaxContact posts nothing: who posts to such a source has no way in.
    assert bool(spoken.auth_kinds) == (spoken.name != "maxcontact")
    assert not spoken.auth_kinds & FOR_EVERY_FORMAT
