"""Egress proxies: what they are asked for, whose fault they are, and what is never shared; the same in both senders."""

import contextlib
import ipaddress
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatcher.domain.exchange import ErrorWord, Exchange, Request, Tls
from tests.contract.certificates import Authority
from tests.contract.names import Names
from tests.contract.proxies import OPEN, Proxy, refuses
from tests.contract.senders import CANARY, MakeSender, MakeTarget, Pending, Sender, carry, get
from tests.contract.targets import Connection, Received, answer, free_port, full_backlog, once_per_connection, says

MakeProxy = Callable[..., Proxy]


@pytest.fixture
def make_proxy() -> Iterator[MakeProxy]:
    with contextlib.ExitStack() as stack:

        def make(*args: Any, **options: Any) -> Proxy:
            proxy = Proxy(*args, **options)
            stack.callback(proxy.stop)
            return proxy

        yield make


def through(proxy: str, url: str, **timeouts: float) -> Request:
    return replace(get(url, **timeouts), proxy=proxy)


def refused(exchange: Exchange) -> tuple[ErrorWord | None, str]:
    """The failure; a detail that holds anything of the request, the target or the proxy fails here."""
    assert exchange.answer is None
    for personal in (CANARY, "crm.example", "127.0.0.1", "://", "jane", "hunter2"):
        assert personal not in exchange.detail
    return exchange.error, exchange.detail


# --- what a proxy is asked for


def test_a_plain_target_is_tunnelled_to_as_well_and_sees_an_ordinary_request(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, proxy = make_target(says(answer(201, b"made", ("X-Target: 1",)))), make_proxy()
    exchange = carry(sender, through(proxy.url, target.url))
    assert exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.body) == (201, b"made")
    assert exchange.answer.headers == [("x-target", "1"), ("content-length", "4")]
    assert [received.path for received in target.received] == [f"/{CANARY}"]
    sent = {name.lower() for name, _ in target.received[0].headers}
    assert sent == {"host", "x-canary", "accept-encoding"}
    assert proxy.asked == [f"127.0.0.1:{target.port}"]


def test_a_proxy_is_told_the_address_that_was_judged_and_nothing_of_the_request(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    names.addresses["crm.example"] = ["127.0.0.1"]
    assert carry(sender, through(proxy.url, f"http://crm.example:{target.port}")).error is None
    [head] = proxy.heads
    authority = f"127.0.0.1:{target.port}"
    assert head.decode().lower().split("\r\n") == [
        f"connect {authority} http/1.1",
        f"host: {authority}",
        "proxy-connection: keep-alive",
        "",
        "",
    ]
    assert dict(target.received[0].headers)["Host"] == f"crm.example:{target.port}"


def test_tls_goes_through_the_tunnel_and_is_judged_by_name(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names, tmp_path: Path
) -> None:
    authority = Authority("servers")
    (tmp_path / "bundle.pem").write_text(authority.pem)
    sender, proxy = make_sender(ca_file=str(tmp_path / "bundle.pem")), make_proxy()
    names.addresses |= {"crm.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
    target = make_target(says(answer()), tls=authority.issue("crm", ("crm.example",)).server_context(tmp_path))
    assert carry(sender, through(proxy.url, f"https://crm.example:{target.port}")).error is None
    wrong = refused(carry(sender, through(proxy.url, f"https://other.example:{target.port}")))
    assert wrong == (ErrorWord.TLS, "the target's certificate is for another host")
    assert proxy.asked == [f"127.0.0.1:{target.port}"] * 2


def test_a_client_certificate_is_for_the_target_and_not_for_the_proxy(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    servers, clients = Authority("servers"), Authority("clients")
    jane = clients.issue("Jane Roe", ())
    context = servers.issue("crm").server_context(tmp_path, clients.pem)
    target, proxy = make_target(says(answer()), tls=context), make_proxy()
    tls = Tls(servers.pem, jane.certificate, jane.private_key)
    exchanges = [carry(sender, replace(through(proxy.url, target.url), tls=tls)) for _ in range(2)]
    assert [(each.error, each.connection_reused) for each in exchanges] == [(None, False), (None, True)]
    assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    ("login", "told"),
    [(("jane", "hunter2"), "jane:hunter2"), (("jane%40crm", "p%3Aa%2Fss%20"), "jane@crm:p:a/ss "), (("j", ""), "j:")],
)
def test_a_proxy_that_asks_who_it_is_gets_basic(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, login: tuple[str, str], told: str
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    assert carry(sender, through(proxy.with_login(*login), target.url)).error is None
    expected = b"Proxy-Authorization: Basic " + b64encode(told.encode())
    assert [line for line in proxy.heads[0].split(b"\r\n") if line.startswith(b"Proxy-Auth")] == [expected]
    assert "proxy-authorization" not in {name.lower() for name, _ in target.received[0].headers}


def test_the_environment_cannot_lead_past_the_proxy(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "*")
    assert carry(make_sender(), through(proxy.url, target.url)).error is None
    assert len(proxy.asked) == 1


# --- the guard in front of it


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254", "2130706433"])
def test_a_closed_target_is_denied_and_the_proxy_hears_nothing(
    make_sender: MakeSender, make_proxy: MakeProxy, host: str
) -> None:
    proxy = make_proxy()
    exchange = carry(make_sender(allow=[]), through(proxy.url, f"http://{host}:9"))
    assert (refused(exchange)[0], proxy.heads) == (ErrorWord.EGRESS_DENIED, [])


def test_of_several_addresses_only_an_open_one_is_asked_for(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names
) -> None:
    target, proxy = make_target(says(answer()), host="127.0.0.2"), make_proxy()
    names.addresses["crm.example"] = ["127.0.0.3", "::1", "127.0.0.2"]
    sender = make_sender(allow=[ipaddress.ip_network("127.0.0.2/32")])
    assert carry(sender, through(proxy.url, f"http://crm.example:{target.port}")).error is None
    assert proxy.asked == [f"127.0.0.2:{target.port}"]


def test_a_name_that_turns_private_is_denied_before_the_proxy_hears_of_it(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names
) -> None:
    target, proxy = make_target(once_per_connection(), host="127.0.0.2"), make_proxy()
    sender = make_sender(allow=[ipaddress.ip_network("127.0.0.2/32")])
    request = through(proxy.url, f"http://crm.example:{target.port}")
    names.addresses["crm.example"] = ["127.0.0.2"]
    assert carry(sender, request).error is None
    target.stop()
    time.sleep(0.05)  # The kept tunnel notices by itself; nothing tells us when.
    names.addresses["crm.example"] = ["127.0.0.3"]
    assert refused(carry(sender, request))[0] is ErrorWord.EGRESS_DENIED
    assert {asked.partition(":")[0] for asked in proxy.asked} == {"127.0.0.2"}


def test_a_target_without_a_name_is_dns_and_the_proxy_hears_nothing(sender: Sender, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    batch = [through(proxy.url, "http://nowhere.invalid", connect=15, deadline=20)] * 5
    assert [each.error for each in Pending(sender, batch).wait()] == [ErrorWord.DNS] * 5
    assert proxy.heads == []


# --- whose fault


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "the proxy does not allow this target"),
        (407, "the proxy asks for another user and password"),
        (500, "the proxy could not reach the target"),
        (502, "the proxy could not reach the target"),
        (503, "the proxy could not reach the target"),
        (504, "the proxy could not reach the target"),
        (302, "the proxy refused the connection"),
    ],
)
def test_an_answer_to_connect_that_makes_no_tunnel_is_the_proxys_and_not_the_targets(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, status: int, sentence: str
) -> None:
    target, proxy = make_target(says(answer())), make_proxy([refuses(status)])
    assert refused(carry(sender, through(proxy.url, target.url))) == (ErrorWord.PROXY, sentence)
    assert target.connections == []


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n", b"\x00\x01\x02"])
def test_what_is_no_proxy_is_the_proxys_fault(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, said: bytes
) -> None:
    target, proxy = make_target(says(answer())), make_proxy([said])
    expected = (ErrorWord.PROXY, "the proxy refused the connection")
    assert refused(carry(sender, through(proxy.url, target.url))) == expected


def test_a_proxy_that_nobody_answers_at_is_the_proxys_fault(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    expected = (ErrorWord.PROXY, "no connection to the proxy")
    assert refused(carry(sender, through(f"http://127.0.0.1:{free_port()}", target.url))) == expected


def test_a_proxy_that_does_not_react_is_the_proxys_fault_within_the_time_for_connecting(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, release: threading.Event
) -> None:
    target, proxy = make_target(says(answer())), make_proxy(silence=release)
    with full_backlog() as port:
        dead = carry(sender, through(f"http://127.0.0.1:{port}", target.url, connect=0.4))
    mute = carry(sender, through(proxy.url, target.url, connect=0.4))
    late = carry(sender, through(proxy.url, target.url, deadline=0.4))
    assert refused(dead)[0] is ErrorWord.PROXY
    assert [refused(mute), refused(late)] == [(ErrorWord.PROXY, "no tunnel through the proxy within the time-out")] * 2
    assert all(each.timings.total_ms < 3_000 for each in (dead, mute, late))


def test_a_proxy_without_a_name_is_the_proxys_fault_for_each_of_a_batch(
    sender: Sender, make_target: MakeTarget
) -> None:
    target = make_target(says(answer()))
    batch = [through("http://nowhere.invalid:3128", target.url, connect=15, deadline=20)] * 10
    expected = (ErrorWord.PROXY, "the proxy's name could not be resolved")
    assert [refused(each) for each in Pending(sender, batch).wait()] == [expected] * 10


def test_another_address_of_the_target_is_tried_where_the_proxy_does_not_reach_the_first(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names
) -> None:
    target, proxy = make_target(says(answer())), make_proxy([refuses(503), OPEN])
    names.addresses["crm.example"] = ["127.0.0.9", "127.0.0.1"]
    assert carry(sender, through(proxy.url, f"http://crm.example:{target.port}")).error is None
    assert proxy.asked == [f"127.0.0.9:{target.port}", f"127.0.0.1:{target.port}"]


def test_ipv4_is_asked_for_first_since_a_proxy_may_have_nothing_else(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy, names: Names
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    sender = make_sender(allow=[ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")])
    names.addresses["crm.example"] = ["::1", "127.0.0.1"]
    assert carry(sender, through(proxy.url, f"http://crm.example:{target.port}")).error is None
    assert proxy.asked == [f"127.0.0.1:{target.port}"]


def test_an_ipv6_target_is_asked_for_in_brackets(
    make_sender: MakeSender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, proxy = make_target(says(answer()), host="::1"), make_proxy()
    sender = make_sender(allow=[ipaddress.ip_network("::1/128")])
    assert carry(sender, through(proxy.url, target.url)).error is None
    assert proxy.asked == [f"[::1]:{target.port}"]


def test_what_the_proxy_says_when_it_opens_is_no_part_of_the_answer(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    long = "".join(f"X-{n}: {'y' * 990}\r\n" for n in range(45))
    proxy = make_proxy([b"HTTP/1.1 200 Fine\r\n" + long.encode() + b"\r\n"])
    target = make_target(says(answer(headers=tuple(f"Y-{n}: {'y' * 990}" for n in range(45)))))
    exchange = carry(sender, through(proxy.url, target.url))
    assert exchange.answer is not None, exchange.detail
    assert [name for name, _ in exchange.answer.headers if name.startswith("x-")] == []


def test_what_goes_wrong_in_the_tunnel_is_the_targets(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy, release: threading.Event
) -> None:
    proxy = make_proxy()

    def hangs(connection: Connection, _: Received) -> None:
        release.wait(30)
        connection.send(answer())

    closing = make_target(says(b""), on_connect=lambda _: None)
    assert refused(carry(sender, through(proxy.url, closing.url)))[0] is ErrorWord.RESET
    silent = make_target(hangs)
    assert refused(carry(sender, through(proxy.url, silent.url, deadline=0.5)))[0] is ErrorWord.TIMEOUT


# --- what is not shared


def test_tunnels_are_kept_and_no_two_proxies_logins_or_direct_requests_share_one(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, one, two = make_target(says(answer())), make_proxy(), make_proxy()
    routes = [one.url, two.url, one.with_login("jane", "hunter2"), one.with_login("jane", "other"), None]
    requests = [replace(get(target.url), proxy=route) for route in routes]
    first = [carry(sender, request).connection_reused for request in requests]
    assert (first, len(target.connections)) == ([False] * 5, 5)
    again = [carry(sender, request).connection_reused for request in reversed(requests)]
    assert (again, len(target.connections)) == ([True] * 5, 5)
    assert [received.connection for received in target.received] == [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
    assert (len(one.asked), len(two.asked)) == (3, 1)


def test_a_direct_connection_is_not_taken_for_a_proxied_request_that_is_looked_up(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    url = f"http://localhost:{target.port}"
    assert carry(sender, get(url)).error is None
    assert carry(sender, through(proxy.url, url)).connection_reused is False
    assert len(proxy.asked) == 1


def test_a_kept_tunnel_that_died_costs_nobody_a_request(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, proxy = make_target(once_per_connection()), make_proxy()
    exchanges = [carry(sender, through(proxy.url, target.url)) for _ in range(3)]
    assert [(each.error, each.connection_reused) for each in exchanges] == [(None, False)] * 3


def test_many_at_once_through_a_proxy_with_a_name(
    sender: Sender, make_target: MakeTarget, make_proxy: MakeProxy
) -> None:
    target, proxy = make_target(says(answer())), make_proxy()
    route = f"http://localhost:{proxy.port}"
    batch = [through(route, f"http://localhost:{target.port}") for _ in range(50)]
    assert [each.error for each in Pending(sender, batch).wait()] == [None] * 50
    assert len(target.received) == 50


def test_nothing_of_a_proxys_login_is_logged(
    make_sender: MakeSender, make_proxy: MakeProxy, make_target: MakeTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target, sender = make_target(says(answer())), make_sender()
    for proxy in (make_proxy(), make_proxy([refuses(407)])):
        carry(sender, through(proxy.with_login("jane", "hunter2"), target.url))
    assert not [record for record in caplog.records if "hunter2" in record.getMessage()]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://127.0.0.1", "https://127.0.0.1:1", "nonsense"])
def test_a_proxy_that_is_none_is_a_bad_value_and_nothing_is_sent(
    sender: Sender, make_target: MakeTarget, proxy: str
) -> None:
    target = make_target(says(answer()))
    assert refused(carry(sender, through(proxy, target.url)))[0] is ErrorWord.BAD_VALUE
    assert target.connections == []
