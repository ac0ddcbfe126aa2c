"""Credentials as documents: what is taken, what is refused and why, and that no secret is shown."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.domain.credentials.kinds import Kind
from dispatcher.domain.credentials.secret_forms import MASK, forms_of, masked
from dispatcher.domain.credentials.spec import (
    CredentialRefused,
    TlsRefused,
    parse_credential,
    rotated,
    secret_members,
)
from tests.unit.credential_doubles import DOCUMENTS, ENGINES, credential, credential_document, credential_spec


def faults(document: object, stored: Any = None) -> dict[str, tuple[str, str]]:
    with pytest.raises(CredentialRefused) as refused:
        parse_credential(document, ENGINES, stored)
    return {each["field"]: (each["expected"], each["got"]) for each in refused.value.faults}


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_every_kind_is_read_from_its_least_document_and_again_from_its_own(kind: str) -> None:
    spec = credential_spec(kind)
    again = parse_credential(dict(spec.document), ENGINES)
    assert again.document == spec.document
    assert (again.kind, again.secrets, again.slots) == (kind, spec.secrets, () if kind == Kind.NONE else (1,))


@pytest.mark.parametrize("kind", [kind.value for kind in Kind if kind is not Kind.NONE])
def test_neither_what_is_shown_nor_a_repr_holds_a_secret(kind: str) -> None:
    name = secret_members(Kind(kind))[0]
    given = credential(kind, **{name: "first-canary", f"{name}_2": "second-canary"})
    shown = given.spec.shown()
    assert (shown[name], shown[f"{name}_2"]) == (MASK, MASK)
    for text in (repr(shown), repr(given), repr(given.spec), str(given.spec)):
        assert "canary" not in text


def test_a_basic_credential_shows_everything_but_its_password() -> None:
    assert credential_spec("basic").shown() == {
        "name": "crm",
        "description": "",
        "kind": "basic",
        "username": "jane",
        "password": "***",
        "password_2": None,
        "preferred": 1,
        "refused_status": [401],
        "refused_fault": [],
        "tls": None,
    }


def test_a_secret_in_the_wrong_member_is_not_repeated() -> None:
    document = {"name": "crm", "kind": "bearer", "password": "canary", "tls": {"key": "canary"}}
    told = faults(document)
    assert told["password"] == ("no such member", "something else")
    assert told["tls.key"] == ("no such member", "something else")


def test_the_first_secret_may_be_called_by_its_number() -> None:
    document = {"name": "crm", "kind": "token_secret", "token": "tok", "secret_1": "one", "secret_2": "two"}
    assert parse_credential(document, ENGINES).secrets == ("one", "two")
    assert "secret_1" in faults({**document, "secret": "one"})


def test_a_mask_keeps_the_stored_secret_and_needs_one_of_the_same_kind() -> None:
    stored = credential_spec("basic", password_2="second")
    kept = parse_credential({**stored.shown(), "username": "john"}, ENGINES, stored)
    assert (kept.secrets, kept.document["username"]) == (("pass word-1", "second"), "john")
    expected = ("the secret itself", "its mask, with no secret stored for this kind")
    assert faults(credential_document("basic", password=MASK)) == {"password": expected}
    assert faults(credential_document("bearer", token=MASK), stored) == {"token": expected}


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("basic", {"username": "a:b"}, "username"),
        ("basic", {"username": "jane\r\nX: y"}, "username"),
        ("basic", {"password": "a\nb"}, "password"),
        ("basic", {"password": None}, "password"),
        ("basic", {"username": "", "password": ""}, "username"),
        ("basic", {"password": 17}, "password"),
        ("basic", {"realm": "x"}, "realm"),
        ("basic", {"preferred": 3}, "preferred"),
        ("basic", {"refused_status": [401, 404]}, "refused_status[1]"),
        ("basic", {"name": "No Name"}, "name"),
        ("bearer", {"token": "caf\u00e9"}, "token"),
        ("bearer", {"token": " x"}, "token"),
        ("bearer", {"token": ""}, "token"),
        ("api_key", {"send": {"in": "body", "name": "k"}}, "send.in"),
        ("api_key", {"send": {"name": "Content-Length"}}, "send.name"),
        ("api_key", {"send": {"name": "webhook-signature"}}, "send.name"),
        ("api_key", {"send": {"name": "a b"}}, "send.name"),
        ("api_key", {"send": {"in": "cookie", "name": "a=b"}}, "send.name"),
        ("oauth2_client_credentials", {"token_url": "ftp://id.example/"}, "token_url"),
        ("oauth2_client_credentials", {"token_url": "https://user:pw@id.example/"}, "token_url"),
        ("oauth2_client_credentials", {"token_url": "https://id.example/#x"}, "token_url"),
        ("oauth2_client_credentials", {"client_id": ""}, "client_id"),
        ("oauth2_client_credentials", {"auth": "jwt"}, "auth"),
        ("oauth2_client_credentials", {"extra": {"grant_type": "password"}}, "extra.grant_type"),
        ("oauth2_client_credentials", {"lifetime_seconds": 0}, "lifetime_seconds"),
        ("token_login", {"login": {"url": "https://{username}.example/"}}, "login.url"),
        ("token_login", {"login": {"url": "https://x.example/{user}"}}, "login.url"),
        ("token_login", {"token_in": {}}, "token_in"),
        ("token_login", {"token_in": {"json": "$.a", "header": "X"}}, "token_in"),
        ("token_login", {"token_in": {"json": "a.b"}}, "token_in.json"),
        ("token_login", {"token_in": {"xpath": "//a["}}, "token_in.xpath"),
        ("token_login", {"send": {"in": "header", "name": "Host"}}, "send.name"),
        ("hmac", {"algorithm": "md5"}, "algorithm"),
        ("hmac", {"signs": "{body}{nonce}"}, "signs"),
        ("hmac", {"signs": "body"}, "signs"),
        ("hmac", {"prefix": "{body}"}, "prefix"),
        ("hmac", {"secret": "not hex", "secret_encoding": "hex"}, "secret"),
        ("none", {"password": "x"}, "password"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(kind: str, changes: dict[str, Any], field: str) -> None:
    assert field in faults(credential_document(kind, **changes))


@pytest.mark.parametrize("kind", [kind.value for kind in Kind if kind is not Kind.NONE])
def test_no_fault_quotes_a_secret(kind: str) -> None:
    for name in secret_members(Kind(kind)):
        for secret in ("canary\nline", ["canary"], {"canary": "canary"}, "canary" * 5_000):
            told = faults(credential_document(kind, **{name: secret}))
            assert "canary" not in repr(told)


def test_a_document_that_is_none_is_refused() -> None:
    assert set(faults("basic")) >= {"", "kind"}
    assert faults({**credential_document("basic"), "kind": "basik"})["kind"][0].endswith("(did you mean basic?)")


def test_rotating_fills_a_slot_and_prefers_it_and_retiring_goes_back_to_the_other() -> None:
    first = credential_spec("basic")
    second = rotated(first, 2, "new", ENGINES)
    assert (second.secrets, second.preferred, second.slots) == (("pass word-1", "new"), 2, (2, 1))
    retired = rotated(second, 1, None, ENGINES)
    assert (retired.secrets, retired.preferred, retired.slots) == ((None, "new"), 2, (2,))
    with pytest.raises(CredentialRefused, match="1 fault"):
        rotated(retired, 2, None, ENGINES)
    with pytest.raises(CredentialRefused):
        rotated(first, 2, MASK, ENGINES)
    with pytest.raises(CredentialRefused):
        rotated(credential_spec("none"), 1, "x", ENGINES)


def test_what_the_certificates_reader_refuses_names_its_member() -> None:
    def refuse(_: object) -> dict[str, Any]:
        raise TlsRefused("certificate", "a certificate")

    engines = type(ENGINES)(ENGINES.xpath, refuse)
    document = {**credential_document("none"), "tls": {"certificate": "x", "private_key": "canary-key"}}
    with pytest.raises(CredentialRefused) as refused:
        parse_credential(document, engines)
    assert refused.value.faults == [{"field": "tls.certificate", "expected": "a certificate", "got": "something else"}]


def test_a_secret_is_found_and_masked_in_every_form_that_a_target_may_repeat() -> None:
    secret = 'p"ss/wörd&+ 1'
    forms = forms_of(secret)
    for repeated in (
        'p"ss/wörd&+ 1',
        "p%22ss%2Fw%C3%B6rd%26%2B%201",
        "p%22ss%2Fw%C3%B6rd%26%2B+1",
        "cCJzcy93w7ZyZCYrIDE=",
        'p\\"ss/w\\u00f6rd&+ 1',
        'p\\"ss\\/w\\u00f6rd&+ 1',
        "p&quot;ss/wörd&amp;+ 1",
    ):
        assert masked(f"<{repeated}>", forms).startswith("<***"), repeated
        assert "ss" not in masked(f"<{repeated}>", forms)
    assert masked("nothing", forms) == "nothing"
    assert forms_of("abc") == ("YWJj",)
    assert DOCUMENTS["none"] == {}


EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "config" / "credentials").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_credential(path: Path) -> None:
    document = {
        key: "secret" if isinstance(value, dict) and set(value) <= {"env", "file"} else value
        for key, value in yaml.safe_load(path.read_text()).items()
        if key != "tls"
    }
    assert parse_credential(document, ENGINES).name == document["name"]


def test_there_are_examples() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "ipscape",
        "maxcontact",
        "oauth2",
        "salesforce-soap",
        "soap-session",
        "wsse",
    ]
