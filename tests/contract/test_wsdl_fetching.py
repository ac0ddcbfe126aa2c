"""Documents of a WSDL fetched through both senders: who sees the credential, which redirects are followed, what each
failure says."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dispatcher.adapters.authenticated_sender import AuthenticatedSender
from dispatcher.adapters.memory.store import MemoryStore
from dispatcher.adapters.soap.collect import MIB, collect
from dispatcher.adapters.soap.fetching import SenderFetch
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused
from tests.contract.certificates import Authority, self_signed
from tests.contract.names import Names
from tests.contract.senders import MakeSender, MakeTarget
from tests.contract.targets import Connection, Received, Target, answer, drips, free_port, says, says_and_closes
from tests.unit.credential_doubles import credential_spec
from tests.unit.doubles import WORKSPACE, HandClock

WSDL = b'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'
BASIC = "Basic amFuZTpzZWNyZXQtMQ=="

Fetching = Callable[..., SenderFetch]


@pytest.fixture
def fetching(make_sender: MakeSender) -> Iterator[Fetching]:
    made: list[AuthenticatedSender] = []

    def make(root: str, allow: Any = None, **options: Any) -> SenderFetch:
        given = {} if allow is None else {"allow": allow}
        made.append(AuthenticatedSender(make_sender(**given), MemoryStore(), HandClock()))
        return SenderFetch(made[-1], root, "Onhook/test", **options)

    yield make
    for sender in made:
        sender.stop(0)


@pytest.fixture
def basic() -> Credential:
    spec = credential_spec("basic", name="crm-basic", password="secret-1")
    return Credential(uuid4(), WORKSPACE, "crm-basic", 1, spec)


class Site:
    """A target that answers by path, and what was asked of it."""

    def __init__(self, make_target: MakeTarget, **options: Any) -> None:
        self.pages: dict[str, bytes] = {}
        self.target: Target = make_target(self._behave, **options)
        self.url = self.target.url

    def _behave(self, connection: Connection, received: Received) -> None:
        connection.send(self.pages.get(received.path, answer(404)))

    def asked(self) -> list[tuple[str, str | None]]:
        """Paths, and what was said of who asks."""
        return [(each.path, dict(each.headers).get("Authorization")) for each in self.target.received]


def redirect(location: str, status: int = 302) -> bytes:
    return answer(status, b"", (f"Location: {location}",))


def refusal(fetch: SenderFetch, url: str) -> str:
    with pytest.raises(WsdlRefused) as refused:
        fetch(url)
    return str(refused.value)


def test_a_document_is_got_with_what_says_who_asks(fetching: Fetching, make_target: MakeTarget) -> None:
    target = make_target(says(answer(body=WSDL)))
    url = f"{target.url}/service.svc?singleWsdl&x=a%20b"
    assert fetching(url)(url) == WSDL
    [received] = target.received
    headers = dict(received.headers)
    assert (received.method, received.path) == ("GET", "/service.svc?singleWsdl&x=a%20b")
    assert (headers["User-Agent"], headers["Accept"][:8]) == ("Onhook/test", "text/xml")
    assert "Authorization" not in headers


def test_what_is_no_part_of_a_url_goes_in_percent_signs(fetching: Fetching, make_target: MakeTarget) -> None:
    target = make_target(says(answer(body=WSDL)))
    fetch = fetching(target.url)
    for written in ("/my types.xsd#part ", "/b.xsd ", "/a\r\nX-Evil: 1", "/bücher\\ä<>.xsd"):
        fetch(target.url + written)
    assert [each.path for each in target.received] == [
        "/my%20types.xsd",
        "/b.xsd",
        "/a%0D%0AX-Evil:%201",
        "/b%C3%BCcher%5C%C3%A4%3C%3E.xsd",
    ]


class TestTheCredential:
    def test_is_shown_where_the_wsdl_is_and_nowhere_else(
        self, fetching: Fetching, make_target: MakeTarget, basic: Credential
    ) -> None:
        home, elsewhere = Site(make_target), Site(make_target)
        root = f"{home.url}/a.wsdl"
        imports = f'<import location="b.wsdl"/><import location="{elsewhere.url}/c.wsdl"/>'
        home.pages = {
            "/a.wsdl": answer(body=WSDL.replace(b"/>", b">" + imports.encode() + b"</definitions>")),
            "/b.wsdl": answer(body=WSDL),
        }
        elsewhere.pages = {"/c.wsdl": answer(body=WSDL)}
        bundle = collect(root, {}, fetching(root, credential=basic))
        assert list(bundle.documents) == [root, f"{home.url}/b.wsdl", f"{elsewhere.url}/c.wsdl"]
        assert home.asked() == [("/a.wsdl", BASIC), ("/b.wsdl", BASIC)]
        assert elsewhere.asked() == [("/c.wsdl", None)]

    @pytest.mark.parametrize(
        ("root", "url", "may"),
        [
            ("http://crm.example/a", "http://CRM.example:80/b", True),
            ("https://crm.example/a", "https://crm.example:443/b", True),
            ("http://crm.example/a", "https://crm.example/b", True),
            ("http://crm.example:8080/a", "https://crm.example/b", True),
            ("http://crm.example:8080/a", "https://crm.example:8443/b", False),
            ("https://crm.example/a", "http://crm.example/b", False),
            ("http://crm.example/a", "http://crm.example:8080/b", False),
            ("http://crm.example/a", "http://crm.example.evil.example/b", False),
            ("http://crm.example/a", "http://evil.example/crm.example", False),
        ],
    )
    def test_goes_to_the_same_origin_and_to_its_https(
        self, fetching: Fetching, basic: Credential, root: str, url: str, may: bool
    ) -> None:
        assert fetching(root, credential=basic)._credential_for(url) is (basic if may else None)

    def test_a_refusal_says_whose_it_is(self, fetching: Fetching, make_target: MakeTarget, basic: Credential) -> None:
        for status in (401, 403):
            url = make_target(says(answer(status))).url
            assert refusal(fetching(url), url) == f"{url} answers {status}: name a credential that may read it."
            wrong = f"{url} answers {status}: the credential crm-basic may not read it."
            assert refusal(fetching(url, credential=basic), url) == wrong
            withheld = "it is elsewhere than the WSDL itself, and so the credential is not shown there"
            elsewhere = fetching("http://crm.example", credential=basic)
            assert refusal(elsewhere, url) == f"{url} answers {status}: {withheld}."

    def test_may_be_a_client_certificate(self, fetching: Fetching, make_target: MakeTarget, tmp_path: Path) -> None:
        authority = Authority("crm")
        jane = authority.issue("Jane Roe", ())
        context = authority.issue("127.0.0.1").server_context(tmp_path, client_ca=authority.pem)
        url = make_target(says(answer(body=WSDL)), tls=context).url
        tls = {"ca": authority.pem, "certificate": jane.certificate, "private_key": jane.private_key}
        credential = Credential(uuid4(), WORKSPACE, "crm-mtls", 1, credential_spec("none", tls=tls))
        assert fetching(url, credential=credential)(url) == WSDL
        wsse = Credential(uuid4(), WORKSPACE, "crm-wsse", 1, credential_spec("wsse", tls=tls))
        assert fetching(url, credential=wsse)(url) == WSDL

    @pytest.mark.parametrize("kind", ["wsse", "api_key", "oauth2_client_credentials", "token_login"])
    def test_that_goes_into_an_envelope_is_not_shown(
        self, fetching: Fetching, make_target: MakeTarget, kind: str
    ) -> None:
        send = (
            {} if kind == "wsse" else {"send": {"in": "soap_header", "xml": '<s:Key xmlns:s="urn:s">{token}</s:Key>'}}
        )
        credential = Credential(uuid4(), WORKSPACE, "crm", 1, credential_spec(kind, **send))
        site = Site(make_target)
        site.pages |= {"/": answer(body=WSDL), "/closed": answer(401)}
        fetch = fetching(f"{site.url}/", credential=credential)
        assert fetch(f"{site.url}/") == WSDL
        assert refusal(fetch, f"{site.url}/closed") == (
            f"{site.url}/closed answers 401: the credential crm goes into a SOAP envelope, and a document is asked for "
            "without one: inspect it with another."
        )
        assert site.asked() == [("/", None), ("/closed", None)]


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_on_the_same_host_are_followed_and_the_url_stays_the_one_that_was_asked(
        self, fetching: Fetching, make_target: MakeTarget, basic: Credential, status: int
    ) -> None:
        site = Site(make_target)
        root = f"{site.url}/a"
        site.pages = {"/a": redirect("/b/?wsdl", status), "/b/?wsdl": answer(body=WSDL)}
        assert collect(root, {}, fetching(root, credential=basic)) == Bundle(root, {root: WSDL})
        assert site.asked() == [("/a", BASIC), ("/b/?wsdl", BASIC)]

    def test_three_are_followed_and_no_fourth(self, fetching: Fetching, make_target: MakeTarget) -> None:
        site = Site(make_target)
        site.pages = {f"/{number}": redirect(f"/{number + 1}") for number in range(5)}
        fetch = fetching(site.url)
        assert refusal(fetch, f"{site.url}/0") == f"{site.url}/0 is redirected more than 3 times."
        assert [path for path, _ in site.asked()] == ["/0", "/1", "/2", "/3"]
        site.pages["/4"] = answer(body=WSDL)
        assert fetch(f"{site.url}/1") == WSDL

    def test_to_another_port_of_the_host_the_credential_does_not_go_along(
        self, fetching: Fetching, make_target: MakeTarget, basic: Credential
    ) -> None:
        site, other = Site(make_target), Site(make_target)
        site.pages, other.pages = {"/a": redirect(f"{other.url}/b")}, {"/b": answer(body=WSDL)}
        assert fetching(site.url, credential=basic)(f"{site.url}/a") == WSDL
        assert (site.asked(), other.asked()) == ([("/a", BASIC)], [("/b", None)])

    def test_to_another_host_is_refused_by_name(
        self, fetching: Fetching, make_target: MakeTarget, names: Names
    ) -> None:
        names.addresses["elsewhere.example"] = ["127.0.0.1"]
        site, other = Site(make_target), Site(make_target)
        site.pages["/a"] = redirect(f"http://Elsewhere.example:{other.target.port}/b")
        sentence = refusal(fetching(site.url), f"{site.url}/a")
        why = "is redirected to another host, elsewhere.example: name the URL there, if it is the right one."
        assert sentence == f"{site.url}/a {why}"
        assert other.asked() == []

    @pytest.mark.parametrize(
        ("location", "why"),
        [
            ("file:///etc/hostname", "is redirected to what is no http or https URL."),
            ("", "is redirected to what is no http or https URL."),
            ("http://jane:secret@127.0.0.1/", "is redirected to what is no http or https URL."),
            ("http://[::1", "is redirected to what is no URL."),
            ("http://127.0.0.1:99999/", "is redirected to what is no URL."),
        ],
    )  # fmt: skip
    def test_to_what_is_no_place_are_refused(
        self, fetching: Fetching, make_target: MakeTarget, location: str, why: str
    ) -> None:
        site = Site(make_target)
        site.pages["/a"] = redirect(location)
        assert refusal(fetching(site.url), f"{site.url}/a") == f"{site.url}/a {why}"
        assert site.asked() == [("/a", None)]

    def test_from_https_to_http_is_refused(self) -> None:
        from dispatcher.adapters.soap.fetching import _redirected

        with pytest.raises(WsdlRefused) as refused:
            _redirected("https://crm.example/a", "http://crm.example/a")
        assert str(refused.value) == "https://crm.example/a is redirected from https to http, which is not followed."
        assert _redirected("http://crm.example/a", "https://CRM.example/b") == "https://CRM.example/b"


class TestWhatEachFailureSays:
    @pytest.mark.parametrize(
        ("status", "says_so"),
        [
            (404, "does not exist there (status 404)."),
            (410, "does not exist there (status 410)."),
            (500, "cannot be fetched: its server answers with status 500."),
            (202, "cannot be fetched: its server answers with status 202."),
            (304, "cannot be fetched: its server answers with status 304."),
        ],
    )
    def test_a_status(self, fetching: Fetching, make_target: MakeTarget, status: int, says_so: str) -> None:
        url = make_target(says(answer(status))).url
        assert refusal(fetching(url), url) == f"{url} {says_so}"

    def test_a_network_that_is_closed_and_nothing_is_asked(self, fetching: Fetching, make_target: MakeTarget) -> None:
        target = make_target(says(answer(body=WSDL)))
        assert refusal(fetching(target.url, allow=[]), target.url) == (
            f"{target.url} cannot be fetched: its network is closed to Onhook; "
            "an administrator opens it with ONHOOK_EGRESS_ALLOW."
        )
        assert target.connections == []

    def test_a_redirect_into_a_network_that_is_closed(self, fetching: Fetching, make_target: MakeTarget) -> None:
        only_this = [ipaddress.ip_network("127.0.0.1/32")]
        inner = make_target(says(answer(body=WSDL)), host="127.0.0.2")
        site = Site(make_target)
        imports = f'><import location="{inner.url}/b"/></definitions>'.encode()
        site.pages["/a"] = answer(body=WSDL.replace(b"/>", imports))
        with pytest.raises(WsdlRefused, match=r"/b cannot be fetched: its network is closed to Onhook"):
            collect(f"{site.url}/a", {}, fetching(site.url, allow=only_this))
        assert inner.connections == []

    def test_nobody_there(self, fetching: Fetching) -> None:
        url = f"http://127.0.0.1:{free_port()}/a"
        assert refusal(fetching(url), url) == f"{url} cannot be fetched: nobody listens at that host and port."

    def test_no_such_name(self, fetching: Fetching) -> None:
        url = "http://nowhere.invalid/a"
        assert refusal(fetching(url), url) == f"{url} cannot be fetched: its host name is not found."

    def test_no_tls_that_is_trusted(self, fetching: Fetching, make_target: MakeTarget, tmp_path: Path) -> None:
        target = make_target(says(answer(body=WSDL)), tls=self_signed("crm.example").server_context(tmp_path))
        sentence = refusal(fetching(target.url), target.url)
        assert sentence.startswith(f"{target.url} cannot be fetched: no trusted TLS connection comes about (")
        assert target.received == []

    def test_no_http(self, fetching: Fetching, make_target: MakeTarget) -> None:
        url = make_target(says_and_closes(b"SSH-2.0-OpenSSH_9.6\r\n")).url
        why = "what answers there speaks no HTTP that is understood"
        assert refusal(fetching(url), url) == f"{url} cannot be fetched: {why}."

    def test_too_slow(self, fetching: Fetching, make_target: MakeTarget, release: threading.Event) -> None:
        url = make_target(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", release)).url
        assert refusal(fetching(url, document_seconds=0.3), url) == f"{url} cannot be fetched: it takes more than 10 s."

    def test_too_large_though_the_sender_would_take_more(self, fetching: Fetching, make_target: MakeTarget) -> None:
        just = make_target(says(answer(body=b" " * (8 * MIB)))).url
        assert len(fetching(just)(just)) == 8 * MIB
        more = make_target(says(answer(body=b" " * (8 * MIB + 1)))).url
        assert refusal(fetching(more), more) == f"{more} cannot be fetched: it is larger than 8 MiB."

    def test_the_end_of_the_product(self, fetching: Fetching) -> None:
        fetch = fetching("http://127.0.0.1:9/a")
        fetch.sender.stop(0)
        sentence = refusal(fetch, "http://127.0.0.1:9/a")
        assert sentence == "http://127.0.0.1:9/a cannot be fetched: Onhook is being stopped; try again."
