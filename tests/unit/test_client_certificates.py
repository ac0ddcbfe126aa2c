"""Certificates as administrators paste them: what is taken, what is refused, what is shown."""

import pytest

from dispatcher.adapters.client_certificates import read_tls
from dispatcher.domain.credentials.spec import CredentialRefused, TlsRefused, parse_credential
from dispatcher.domain.exchange import Tls
from tests.unit.certificates import certificate, encrypted_key
from tests.unit.credential_doubles import ENGINES, credential_document


def refusal(tls: Tls) -> str:
    with pytest.raises(TlsRefused) as refused:
        read_tls(tls)
    return refused.value.member


def test_a_certificate_and_a_ca_are_described() -> None:
    pem, key = certificate("client.example")
    ca, _ = certificate("ca.example")
    described = read_tls(Tls(ca + ca, pem + ca, key))
    assert described["certificate"]["subject"] == "CN=client.example"
    assert described["certificate"]["issuer"] == "CN=client.example"
    assert len(described["certificate"]["sha256"]) == 64
    assert described["certificate"]["valid_from"] < described["certificate"]["expires_at"]
    assert [each["subject"] for each in described["ca"]] == ["CN=ca.example"] * 2


def test_an_expired_certificate_is_described_too() -> None:
    pem, key = certificate(days=-1)
    assert read_tls(Tls(None, pem, key))["certificate"]["subject"] == "CN=onhook.example"


def test_what_no_connection_could_be_made_with_is_refused_by_member() -> None:
    pem, key = certificate()
    _, other_key = certificate()
    assert refusal(Tls(certificate="no PEM", private_key=key)) == "certificate"
    assert refusal(Tls(certificate=key, private_key=key)) == "certificate"
    assert refusal(Tls(ca="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")) == "ca"
    assert refusal(Tls(certificate=pem)) == "private_key"
    assert refusal(Tls(private_key=key)) == "certificate"
    assert refusal(Tls(certificate=pem, private_key=other_key)) == "private_key"
    assert refusal(Tls(certificate=pem, private_key=pem)) == "private_key"
    assert refusal(Tls(certificate=pem, private_key=encrypted_key())) == "private_key"


def test_a_credential_of_any_kind_may_bring_one_and_shows_all_but_the_key() -> None:
    pem, key = certificate()
    spec = parse_credential({**credential_document("basic"), "tls": {"certificate": pem, "private_key": key}}, ENGINES)
    assert spec.tls == Tls(None, pem, key)
    assert spec.shown()["tls"] == {"certificate": pem, "private_key": "***", "ca": None}
    assert key.splitlines()[1] not in repr(spec) + repr(spec.tls) + repr(spec.shown())
    again = parse_credential(spec.shown(), ENGINES, spec)
    assert again.tls == spec.tls
    with pytest.raises(CredentialRefused) as refused:
        parse_credential({**credential_document("basic"), "tls": {"certificate": pem, "private_key": "***"}}, ENGINES)
    assert [each["field"] for each in refused.value.faults] == ["tls.private_key"]
