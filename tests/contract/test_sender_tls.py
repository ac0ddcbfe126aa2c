"""Client certificates and authorities of a request's own, and why a handshake failed: the same in both senders."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.clock import utc_now
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import parse_credential
from dispatcher.domain.exchange import ErrorWord, Exchange, Tls
from dispatcher.wiring import CREDENTIAL_ENGINES
from tests.contract.certificates import HOUR, Authority, Issued, self_signed
from tests.contract.senders import CANARY, MakeSender, MakeTarget, Pending, Sender, carry, get
from tests.contract.targets import Connection, Received, Target, answer, says

SERVERS, STRANGERS, CLIENTS = Authority("servers"), Authority("strangers"), Authority("clients")
JANE, JOHN = CLIENTS.issue("Jane Roe", ()), CLIENTS.issue("John Doe", ())
MakeTls = Callable[..., Target]


def as_client(who: Issued, ca: str | None = SERVERS.pem) -> Tls:
    return Tls(ca, who.certificate, who.private_key)


def who_it_was(connection: Connection, _: Received) -> None:
    """Answers with the name on the client's certificate."""
    assert isinstance(connection.sock, ssl.SSLSocket)
    shown: Any = connection.sock.getpeercert() or {}
    names = [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
    connection.send(answer(body=(names[0] if names else "nobody").encode()))


@pytest.fixture
def make_tls(make_target: MakeTarget, tmp_path: Path) -> MakeTls:
    """A target with a certificate of SERVERS; with `client_ca` it takes no client without one."""

    def make(shown: Issued | None = None, client_ca: str | None = None, **limits: Any) -> Target:
        context = (shown or SERVERS.issue("crm.example")).server_context(tmp_path, client_ca)
        for name, value in limits.items():
            setattr(context, name, value)
        return make_target(who_it_was, tls=context)

    return make


@pytest.fixture
def trusting(make_sender: MakeSender, tmp_path: Path) -> Sender:
    """A sender whose bundle holds SERVERS alone."""
    (tmp_path / "bundle.pem").write_text(SERVERS.pem)
    return make_sender(ca_file=str(tmp_path / "bundle.pem"))


def ask(sender: Sender, url: str, tls: Tls | None = None) -> Exchange:
    return carry(sender, replace(get(url), tls=tls))


def said(exchange: Exchange) -> str:
    assert exchange.answer is not None, (exchange.error, exchange.detail)
    return exchange.answer.body.decode()


def refused(exchange: Exchange) -> tuple[ErrorWord | None, str]:
    """The failure; a detail that holds anything of the target or the credential fails here."""
    assert exchange.answer is None
    for personal in (CANARY, "crm.example", "127.0.0.1", "Jane", "John", "://", "PRIVATE KEY", "servers"):
        assert personal not in exchange.detail
    return exchange.error, exchange.detail


# --- who we are


def test_a_client_certificate_is_shown_to_a_target_that_wants_one(sender: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    assert said(ask(sender, target.url, as_client(JANE))) == "Jane Roe"


def test_a_saved_credential_shows_its_certificate_and_trusts_its_authority(sender: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    tls = {"ca": SERVERS.pem, "certificate": JANE.certificate, "private_key": JANE.private_key}
    spec = parse_credential({"name": "crm", "kind": "bearer", "token": "t-1", "tls": tls}, CREDENTIAL_ENGINES)
    outer = AuthenticatedSender(sender, NoTokens(), utc_now)
    request = replace(get(target.url), credential=Credential(uuid4(), uuid4(), "crm", 1, spec))
    assert said(carry(outer, request)) == "Jane Roe"


class NoTokens:
    """A store of access tokens that nobody may ask."""


def test_no_kept_connection_lends_one_clients_certificate_to_another(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    target.tls.verify_mode = ssl.CERT_OPTIONAL  # type: ignore[union-attr]
    identities = [
        as_client(JANE, None),
        None,
        as_client(JOHN, None),
        as_client(JANE, None),
        None,
        as_client(JOHN, None),
    ]
    exchanges = [ask(trusting, target.url, tls) for tls in identities]
    names = ["Jane Roe", "nobody", "John Doe", "Jane Roe", "nobody", "John Doe"]
    assert [said(exchange) for exchange in exchanges] == names
    assert [exchange.connection_reused for exchange in exchanges] == [False] * 3 + [True] * 3
    assert len(target.connections) == 3


def test_a_batch_of_many_identities_at_once_mixes_none_of_them_up(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    target.tls.verify_mode = ssl.CERT_OPTIONAL  # type: ignore[union-attr]
    identities = [as_client(JANE, None), None, as_client(JOHN, None)] * 20
    batch = [replace(get(target.url), tls=tls) for tls in identities]
    for _ in range(2):
        assert [said(each) for each in Pending(trusting, batch).wait()] == ["Jane Roe", "nobody", "John Doe"] * 20


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_tls_session_is_resumed_for_another_client(
    trusting: Sender, make_tls: MakeTls, version: ssl.TLSVersion
) -> None:
    target = make_tls(client_ca=CLIENTS.pem, minimum_version=version, maximum_version=version)
    target.tls.verify_mode = ssl.CERT_OPTIONAL  # type: ignore[union-attr]

    def answers_once(connection: Connection, received: Received) -> None:
        who_it_was(connection, received)
        raise ConnectionError

    target.behave = answers_once
    identities = [as_client(JANE, None), None, as_client(JOHN, None), None]
    names = [said(ask(trusting, target.url, tls)) for tls in identities]
    assert names == ["Jane Roe", "nobody", "John Doe", "nobody"]


def test_a_certificate_with_somebody_elses_key_opens_nothing(sender: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    assert said(ask(sender, target.url, as_client(JANE))) == "Jane Roe"
    stolen = Tls(SERVERS.pem, JANE.certificate, JOHN.private_key)
    assert refused(ask(sender, target.url, stolen)) == (
        ErrorWord.TLS,
        "the credential's private_key cannot be used: expected the private key that belongs to the first certificate",
    )
    assert len(target.received) == 1


@pytest.mark.parametrize(
    ("tls", "member"),
    [
        (Tls(certificate="no PEM", private_key=JANE.private_key), "certificate"),
        (Tls(certificate=JANE.certificate, private_key="no PEM"), "private_key"),
        (Tls(certificate=JANE.certificate), "private_key"),
        (Tls(private_key=JANE.private_key), "certificate"),
        (Tls(ca="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "ca"),
    ],
)
def test_what_is_no_certificate_or_key_is_tls_with_a_sentence_and_nothing_is_sent(
    sender: Sender, make_tls: MakeTls, tls: Tls, member: str
) -> None:
    target = make_tls()
    word, detail = refused(ask(sender, target.url, tls))
    assert (word, detail.partition(" cannot be used: expected ")[0]) == (ErrorWord.TLS, f"the credential's {member}")
    assert target.connections == []


def test_nothing_of_a_private_key_stays_on_the_disk(
    sender: Sender, make_tls: MakeTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    target = make_tls(client_ca=CLIENTS.pem)
    assert said(ask(sender, target.url, as_client(CLIENTS.issue("Once", ())))) == "Once"
    assert list((tmp_path / "scratch").iterdir()) == []


# --- whom we trust


def test_an_authority_of_the_credentials_own_is_trusted_instead_of_the_bundle(
    trusting: Sender, make_tls: MakeTls
) -> None:
    ours, theirs = make_tls(), make_tls(STRANGERS.issue("crm.example"))
    assert said(ask(trusting, ours.url)) == "nobody"
    assert said(ask(trusting, theirs.url, Tls(ca=STRANGERS.pem))) == "nobody"
    assert refused(ask(trusting, ours.url, Tls(ca=STRANGERS.pem)))[0] is ErrorWord.TLS
    assert refused(ask(trusting, theirs.url))[0] is ErrorWord.TLS


def test_a_connection_that_one_authority_vouched_for_is_not_used_for_whom_it_is_not_trusted_by(
    trusting: Sender, make_tls: MakeTls
) -> None:
    target = make_tls(STRANGERS.issue("crm.example"))
    assert said(ask(trusting, target.url, Tls(ca=STRANGERS.pem))) == "nobody"
    assert refused(ask(trusting, target.url))[0] is ErrorWord.TLS
    assert refused(ask(trusting, target.url, Tls(ca=CLIENTS.pem)))[0] is ErrorWord.TLS
    assert len(target.received) == 1


def test_a_certificate_in_the_bundle_is_trusted_even_where_it_is_no_authority(
    sender: Sender, make_tls: MakeTls
) -> None:
    alone = SERVERS.issue("crm.example")
    assert said(ask(sender, make_tls(alone).url, Tls(ca=alone.certificate))) == "nobody"


# --- why not

_EXPIRED = "the target's certificate has expired"
_UNKNOWN = "the target's certificate is from an issuer that is not trusted"
_SELF_SIGNED = "the target's certificate is self-signed, or of an authority that is"


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (SERVERS.issue("crm.example", begins=-2 * HOUR, ends=-HOUR), _EXPIRED),
        (SERVERS.issue("crm.example", begins=HOUR, ends=2 * HOUR), "the target's certificate is not valid yet"),
        (SERVERS.issue("crm.example", ("other.example",)), "the target's certificate is for another host"),
        (STRANGERS.issue("crm.example"), _UNKNOWN),
        (self_signed("crm.example"), _SELF_SIGNED),
    ],
    ids=["expired", "not-yet", "wrong-host", "unknown-issuer", "self-signed"],
)
def test_a_certificate_that_is_not_accepted_is_tls_and_says_why(
    trusting: Sender, make_tls: MakeTls, shown: Issued, sentence: str
) -> None:
    target = make_tls(shown)
    assert refused(ask(trusting, target.url)) == (ErrorWord.TLS, sentence)
    assert target.received == []


def test_a_target_that_wants_a_client_certificate_says_so_in_tls_1_3(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem, minimum_version=ssl.TLSVersion.TLSv1_3)
    expected = (ErrorWord.TLS, "the target wants a client certificate, and got none")
    assert refused(ask(trusting, target.url)) == expected


def test_a_target_that_wants_a_client_certificate_breaks_off_in_tls_1_2(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem, maximum_version=ssl.TLSVersion.TLSv1_2)
    sentence = "the target broke off the TLS handshake: it may want a client certificate"
    assert refused(ask(trusting, target.url)) == (ErrorWord.TLS, sentence)


def test_a_client_certificate_of_a_stranger_is_refused_in_words(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(client_ca=CLIENTS.pem)
    stranger = as_client(STRANGERS.issue("Jane Roe", ()), None)
    assert refused(ask(trusting, target.url, stranger)) == (ErrorWord.TLS, "the target refused the client certificate")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_target_with_an_old_tls_alone_is_refused_for_its_version(trusting: Sender, make_tls: MakeTls) -> None:
    target = make_tls(maximum_version=ssl.TLSVersion.TLSv1_1, minimum_version=ssl.TLSVersion.TLSv1)
    target.tls.set_ciphers("ALL:@SECLEVEL=0")  # type: ignore[union-attr]
    sentence = "the target speaks no version of TLS that is allowed (1.2 or newer)"
    assert refused(ask(trusting, target.url)) == (ErrorWord.TLS, sentence)


def test_what_is_not_tls_at_all_is_said_to_be_that(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(b""), on_connect=lambda connection: connection.send(b"220 mail.example ready\r\n"))
    expected = (ErrorWord.TLS, "what the target answered is not TLS")
    assert refused(ask(sender, target.url.replace("http:", "https:"))) == expected
