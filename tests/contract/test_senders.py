"""What both senders promise, proven against real servers on loopback that behave and that do not."""

import datetime as dt
import ipaddress
import ssl
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dispatcher.adapters.egress import Egress
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.domain.exchange import ErrorWord, Exchange, Request
from tests.contract.senders import CANARY, LOOPBACK, MakeSender, MakeTarget, Pending, Sender, carry, failure, get
from tests.contract.targets import (
    Target,
    answer,
    drips,
    floods,
    free_port,
    full_backlog,
    gzip_of_zeros,
    once_per_connection,
    says,
    says_and_closes,
    waits_for,
)


def test_an_answer_is_handed_over_whole_with_header_names_in_lower_case(
    sender: Sender, make_target: MakeTarget
) -> None:
    target = make_target(says(answer(201, b"\x00body", ("X-Mixed-Case: Va:lue", "Set-Cookie: a=1", "Set-Cookie: b=2"))))
    exchange = carry(sender, get(target.url))
    assert exchange.error is None
    assert exchange.answer is not None
    assert exchange.answer.status == 201
    assert exchange.answer.body == b"\x00body"
    assert exchange.answer.headers == [
        ("x-mixed-case", "Va:lue"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-length", "5"),
    ]
    assert exchange.connection_reused is False


@pytest.mark.parametrize("status", [204, 301, 404, 410, 429, 500, 503])
def test_any_status_is_an_answer_and_a_redirect_is_not_followed(
    sender: Sender, make_target: MakeTarget, status: int
) -> None:
    target = make_target(says(answer(status, b"", ("Location: /elsewhere",))))
    exchange = carry(sender, get(target.url))
    assert (exchange.error, exchange.answer and exchange.answer.status) == (None, status)
    assert [received.path for received in target.received] == [f"/{CANARY}"]


@pytest.mark.parametrize("body", [None, b"", b"\x00\xff" * 300, b"x" * 300_000], ids=["none", "empty", "binary", "big"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_and_body_arrives_as_it_is(
    sender: Sender, make_target: MakeTarget, method: str, body: bytes | None
) -> None:
    target = make_target(says(answer()))
    exchange = carry(sender, Request(method, f"{target.url}/a%2Fb?q=1%202", [], body, 5, 10))
    assert exchange.error is None
    [received] = target.received
    assert (received.method, received.path, received.body) == (method, "/a%2Fb?q=1%202", body or b"")
    lengths = [value for name, value in received.headers if name.lower() == "content-length"]
    says_nothing = body is None and method in ("GET", "DELETE")
    assert lengths == ([] if says_nothing else [str(len(body or b""))])


def test_methods_and_bodies_do_not_leak_from_one_request_into_the_next(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    for method, body in (("POST", b"first"), ("GET", None), ("PUT", b"second"), ("DELETE", None), ("POST", None)):
        carry(sender, Request(method, target.url, [("Only-Once", method)], body, 5, 10))
    seen = [(received.method, received.body, dict(received.headers)["Only-Once"]) for received in target.received]
    assert seen == [
        ("POST", b"first", "POST"),
        ("GET", b"", "GET"),
        ("PUT", b"second", "PUT"),
        ("DELETE", b"", "DELETE"),
        ("POST", b"", "POST"),
    ]


def test_headers_arrive_exactly_and_nothing_is_added_but_host_length_and_encodings(
    sender: Sender, make_target: MakeTarget
) -> None:
    target = make_target(says(answer()))
    given = [
        ("Content-Type", "application/vnd.x+json"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("X-Empty", ""),
        ("X-Agent", "José; 中"),
        ("User-Agent", "Onhook/1"),
        ("Accept", "application/json"),
    ]
    carry(sender, Request("POST", target.url, given, b"{}", 5, 10))
    [received] = target.received
    added = {"host", "content-length", "accept-encoding"}
    assert sorted((n, v) for n, v in received.headers if n.lower() not in added) == sorted(given)
    assert {name.lower() for name, _ in received.headers} - {name.lower() for name, _ in given} == added


def test_a_request_without_headers_has_no_accept_no_content_type_and_no_user_agent(
    sender: Sender, make_target: MakeTarget
) -> None:
    target = make_target(says(answer()))
    carry(sender, Request("POST", target.url, [], b"x" * 2_000_000, 5, 10))
    [received] = target.received
    assert {name.lower() for name, _ in received.headers} == {"host", "content-length", "accept-encoding"}
    assert len(received.body) == 2_000_000


def test_cookies_of_an_answer_are_not_sent_back(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer(headers=("Set-Cookie: session=1; Path=/",))))
    carry(sender, get(target.url))
    carry(sender, get(target.url))
    assert [name for received in target.received for name, _ in received.headers if name.lower() == "cookie"] == []


def test_a_proxy_named_in_the_environment_is_not_used(
    make_sender: MakeSender, make_target: MakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, target = make_target(says(answer(500))), make_target(says(answer()))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    exchange = carry(make_sender(), get(target.url))
    assert (exchange.answer and exchange.answer.status, proxy.received) == (200, [])


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\x00b"])
def test_a_line_break_in_a_header_is_a_bad_value_and_nothing_is_sent(
    sender: Sender, make_target: MakeTarget, value: str
) -> None:
    target = make_target(says(answer()))
    assert failure(sender, Request("GET", target.url, [("X-A", value)], None, 5, 10)) is ErrorWord.BAD_VALUE
    assert target.received == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "gopher://127.0.0.1/", "crm.example/x", "", "http://", "//x"])
def test_what_is_no_http_address_is_a_bad_value(sender: Sender, url: str) -> None:
    assert failure(sender, Request("GET", url, [], None, 5, 10)) is ErrorWord.BAD_VALUE


def test_a_connection_is_kept_and_used_again(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    exchanges = [carry(sender, get(target.url)) for _ in range(5)]
    assert [exchange.connection_reused for exchange in exchanges] == [False, True, True, True, True]
    assert [received.connection for received in target.received] == [0] * 5


def test_timings_have_the_first_byte_and_the_total(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    first, second = (carry(sender, get(target.url)).timings for _ in range(2))
    for timings in (first, second):
        assert timings.first_byte_ms is not None
        assert 0 < timings.first_byte_ms <= timings.total_ms < 5_000
    assert (second.dns_ms, second.connect_ms, second.tls_ms) == (None, None, None)


def test_a_target_that_never_answers_is_a_timeout_at_the_deadline(
    sender: Sender, make_target: MakeTarget, release: threading.Event
) -> None:
    target = make_target(waits_for(release))
    begun = time.monotonic()
    assert failure(sender, get(target.url, deadline=0.5)) is ErrorWord.TIMEOUT
    assert 0.4 < time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
        b"",
    ],
    ids=["body", "headers", "chunks", "status"],
)
def test_a_target_that_drips_is_a_timeout_at_the_deadline(
    sender: Sender, make_target: MakeTarget, release: threading.Event, before: bytes
) -> None:
    target = make_target(drips(before, release))
    begun = time.monotonic()
    # Garbage in place of the status line may be told as such before the deadline.
    assert failure(sender, get(target.url, deadline=0.7)) in {ErrorWord.TIMEOUT} | (
        {ErrorWord.PROTOCOL} if not before else set()
    )
    assert time.monotonic() - begun < 3


def test_a_body_larger_than_allowed_is_too_large_and_is_not_read_on(
    make_sender: MakeSender, make_target: MakeTarget
) -> None:
    pieces = [b"x" * 1_000_000] * 200
    target = make_target(floods(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n", lambda: iter(pieces)))
    assert failure(make_sender(max_response_bytes=1_000_000), get(target.url)) is ErrorWord.TOO_LARGE
    assert target.connections[0].sent < 50_000_000


def test_a_body_of_exactly_the_allowed_size_is_an_answer(make_sender: MakeSender, make_target: MakeTarget) -> None:
    target = make_target(says(answer(body=b"x" * 1000)))
    assert carry(make_sender(max_response_bytes=1000), get(target.url)).error is None
    assert failure(make_sender(max_response_bytes=999), get(target.url)) is ErrorWord.TOO_LARGE


def test_endless_headers_are_too_large(sender: Sender, make_target: MakeTarget) -> None:
    lines = [f"X-{n}: {'y' * 2000}\r\n".encode() for n in range(90)]
    target = make_target(floods(b"HTTP/1.1 200 OK\r\n", lambda: iter([*lines, b"Content-Length: 0\r\n\r\n"])))
    assert failure(sender, get(target.url)) is ErrorWord.TOO_LARGE


def test_a_gzip_bomb_is_too_large_with_bounded_memory(make_sender: MakeSender, make_target: MakeTarget) -> None:
    bomb = gzip_of_zeros(200)
    target = make_target(says(answer(body=bomb, headers=("Content-Encoding: gzip",))))
    sender = make_sender(max_response_bytes=1_000_000)
    tracemalloc.start()
    try:
        word = failure(sender, get(target.url))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert word is ErrorWord.TOO_LARGE
    assert peak < 20_000_000


def test_a_compressed_body_arrives_decoded(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer(body=gzip_of_zeros(1), headers=("Content-Encoding: gzip",))))
    exchange = carry(sender, get(target.url))
    assert (exchange.error, exchange.answer and exchange.answer.body) == (None, bytes(1_048_576))
    encodings = {name.lower(): value for name, value in target.received[0].headers}["accept-encoding"]
    assert {"gzip", "deflate"} <= {coding.strip() for coding in encodings.split(",")}


def test_compression_that_cannot_be_decoded_is_a_protocol_error(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer(body=b"this is not gzip at all", headers=("Content-Encoding: gzip",))))
    assert failure(sender, get(target.url)) is ErrorWord.PROTOCOL


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", ErrorWord.RESET),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", ErrorWord.RESET),
        (b"", ErrorWord.RESET),
        (b"SSH-2.0-OpenSSH_9.2\r\n", ErrorWord.PROTOCOL),
        (b"\x00\x01\x02\x03 garbage\r\n\r\n" * 10, ErrorWord.PROTOCOL),
    ],
    ids=["half-way", "half-a-chunk", "nothing", "ssh", "binary"],
)
def test_a_broken_answer_has_its_word(sender: Sender, make_target: MakeTarget, said: bytes, word: ErrorWord) -> None:
    target = make_target(says_and_closes(said))
    assert failure(sender, get(target.url)) is word
    assert len(target.received) == 1


def test_a_port_nobody_listens_on_is_connect_refused(sender: Sender) -> None:
    assert failure(sender, get(f"http://127.0.0.1:{free_port()}")) is ErrorWord.CONNECT_REFUSED


def test_a_port_that_does_not_react_is_connect_timeout(sender: Sender) -> None:
    with full_backlog() as port:
        word = failure(sender, get(f"http://127.0.0.1:{port}", connect=0.4))
    assert word is ErrorWord.CONNECT_TIMEOUT


def test_a_name_that_does_not_exist_is_dns(sender: Sender) -> None:
    assert failure(sender, get("http://nowhere.invalid", connect=15, deadline=20)) is ErrorWord.DNS


def test_a_batch_for_one_name_shares_the_look_up_and_its_failure(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    reached = Pending(sender, [get(f"http://localhost:{target.port}")] * 30).wait()
    assert [each.error for each in reached] == [None] * 30
    lost = Pending(sender, [get("http://nowhere.invalid", connect=15, deadline=20)] * 30).wait()
    assert [each.error for each in lost] == [ErrorWord.DNS] * 30
    assert {each.detail for each in lost} == {"the target's name could not be resolved"}


def test_a_batch_for_one_closed_network_is_denied_each(make_sender: MakeSender) -> None:
    denied = Pending(make_sender(allow=[]), [get("http://localhost:9")] * 30).wait()
    assert [each.error for each in denied] == [ErrorWord.EGRESS_DENIED] * 30


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
    ],
)
def test_a_closed_network_is_egress_denied_and_not_even_connected_to(
    make_sender: MakeSender, make_target: MakeTarget, host: str
) -> None:
    target = make_target(says(answer()))
    sender = make_sender(allow=[])
    assert failure(sender, get(f"http://{host}:{target.port}")) is ErrorWord.EGRESS_DENIED
    assert target.connections == []


def test_a_name_in_an_allowed_network_is_reached(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    assert carry(sender, get(f"http://localhost:{target.port}")).error is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crm.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    key_bytes = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(pem) + key_bytes)
    return path


@pytest.fixture
def tls_target(make_target: MakeTarget, certificate: Path) -> Target:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return make_target(says(answer()), tls=context)


def test_a_self_signed_certificate_is_refused_as_tls(sender: Sender, tls_target: Target) -> None:
    assert failure(sender, get(tls_target.url)) is ErrorWord.TLS
    assert tls_target.received == []


def test_a_certificate_of_the_given_authority_is_trusted_and_only_for_its_name(
    make_sender: MakeSender, tls_target: Target, certificate: Path
) -> None:
    sender = make_sender(ca_file=str(certificate))
    exchanges = [carry(sender, get(tls_target.url)) for _ in range(2)]
    assert [(each.error, each.connection_reused) for each in exchanges] == [(None, False), (None, True)]
    assert failure(sender, get(f"https://localhost:{tls_target.port}")) is ErrorWord.TLS


def test_a_target_that_does_not_speak_tls_is_tls(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(b""), on_connect=lambda connection: connection.send(b"220 mail.example\r\n"))
    assert failure(sender, get(target.url.replace("http", "https"))) is ErrorWord.TLS


def test_a_tls_handshake_that_never_ends_is_connect_timeout(
    sender: Sender, make_target: MakeTarget, release: threading.Event
) -> None:
    target = make_target(says(b""), on_connect=lambda _: release.wait(30))
    url = target.url.replace("http", "https")
    assert failure(sender, get(url, connect=0.4)) is ErrorWord.CONNECT_TIMEOUT
    assert failure(sender, get(url, connect=5, deadline=0.4)) is ErrorWord.CONNECT_TIMEOUT


def test_a_target_that_restarts_costs_nobody_a_request(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(once_per_connection(threading.Barrier(12)))
    together = Request("GET", f"{target.url}/together", [], None, 5, 10)
    first = Pending(sender, [together] * 12).wait()
    assert [(each.error, each.connection_reused) for each in first] == [(None, False)] * 12
    # Twelve pooled connections, each of which dies under the next request.
    again = [carry(sender, get(target.url)) for _ in range(3)]
    assert [each.error for each in again] == [None] * 3
    assert all(each.answer is not None and each.answer.status == 200 for each in again)


def test_a_target_that_stopped_and_came_back_on_its_port_is_reached(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    assert carry(sender, get(target.url)).error is None
    target.stop()
    successor = make_target(says(answer(202)), port=target.port)
    exchange = carry(sender, get(successor.url))
    assert (exchange.answer and exchange.answer.status, exchange.connection_reused) == (202, False)


def test_a_fresh_connection_that_dies_is_a_reset_and_not_repeated(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says_and_closes(b""))
    assert failure(sender, get(target.url)) is ErrorWord.RESET
    assert len(target.received) == 1


def test_an_answer_that_breaks_off_on_a_kept_connection_is_not_repeated(
    sender: Sender, make_target: MakeTarget
) -> None:
    def behave(connection: Any, received: Any) -> None:
        connection.send(
            answer() if not received.nth_on_connection else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        )
        if received.nth_on_connection:
            raise ConnectionError

    target = make_target(behave)
    assert carry(sender, get(target.url)).error is None
    assert failure(sender, get(target.url)) is ErrorWord.RESET
    assert len(target.received) == 2


def test_three_hundred_waiting_for_a_slow_target_hold_up_nobody_else(
    make_sender: MakeSender, make_target: MakeTarget, release: threading.Event, request: pytest.FixtureRequest
) -> None:
    by_threads = "requests" in request.node.callspec.id
    sender, waiting = make_sender(), 40 if by_threads else 300
    slow, quick = make_target(waits_for(release)), make_target(says(answer()))
    pending = Pending(sender, [get(slow.url, deadline=30)] * waiting)
    answered = Pending(sender, [get(quick.url)] * 20).wait()
    assert [each.error for each in answered] == [None] * 20
    assert sender.in_flight == waiting
    release.set()
    assert [each.error for each in pending.wait()] == [None] * waiting


def test_more_than_the_threads_can_carry_wait_their_turn(make_target: MakeTarget) -> None:
    sender = RequestsSender(Egress(LOOPBACK), threads=4)
    target = make_target(says(answer()))
    assert [each.error for each in Pending(sender, [get(target.url)] * 30).wait()] == [None] * 30
    assert len(target.connections) <= 4
    sender.stop(1)


def test_in_flight_is_zero_when_all_have_ended(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    Pending(sender, [get(target.url)] * 10).wait()
    sender.stop(5)
    assert sender.in_flight == 0


def test_a_callback_that_raises_harms_no_other_exchange(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    called = threading.Event()

    def fails(_: Exchange) -> None:
        called.set()
        raise RuntimeError(CANARY)

    sender.send([(get(target.url), fails)])
    assert called.wait(10)
    assert carry(sender, get(target.url)).error is None


def test_stop_ends_what_is_not_finished_within_the_grace(
    sender: Sender, make_target: MakeTarget, release: threading.Event
) -> None:
    target = make_target(waits_for(release))
    pending = Pending(sender, [get(target.url, deadline=60)] * 100)
    begun = time.monotonic()
    sender.stop(0.3)
    assert time.monotonic() - begun < 3
    assert [(each.answer, each.error) for each in pending.wait(0)] == [(None, ErrorWord.SHUTDOWN)] * 100
    assert sender.in_flight == 0


def test_stop_waits_for_what_ends_within_the_grace(
    sender: Sender, make_target: MakeTarget, release: threading.Event
) -> None:
    target = make_target(waits_for(release))
    pending = Pending(sender, [get(target.url)] * 10)
    threading.Timer(0.3, release.set).start()
    begun = time.monotonic()
    sender.stop(20)
    assert time.monotonic() - begun < 10
    assert [each.error for each in pending.wait(0)] == [None] * 10


def test_after_stop_everything_ends_at_once_and_nothing_is_sent(sender: Sender, make_target: MakeTarget) -> None:
    target = make_target(says(answer()))
    sender.stop(1)
    sender.stop(1)
    assert [each.error for each in Pending(sender, [get(target.url)] * 3).wait(0)] == [ErrorWord.SHUTDOWN] * 3
    assert (target.connections, sender.in_flight) == ([], 0)
