"""What a person is shown of a request is what the senders, and curl itself, put on the wire."""

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from queue import SimpleQueue
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatcher.adapters.curl.sender import CurlSender
from dispatcher.adapters.egress import Egress
from dispatcher.adapters.http_text import curl_command, http_text
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.domain.exchange import Exchange, Request
from tests.contract.targets import Received, Target, answer, says
from tests.support.needs import REQUIRED

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
REQUESTS = [
    ("POST", "/calls?x=1&y=a%20b", [("Content-Type", "application/json"), ("X-A", "b")], b'{"call":"7f9c"}'),
    ("POST", "", [], None),
    ("GET", "?q=1", [("X-Empty", ""), ("X-A", "é")], None),
    ("PUT", "/a/b;c=1", [("X-Twice", "1"), ("X-Twice", "2")], b"\x00\xff"),
    ("DELETE", "/a", [("User-Agent", "Onhook/1"), ("Cookie", "a=b")], None),
]


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target(says(answer()))
    yield made
    made.stop()


def as_text(received: Received) -> str:
    """A request as it came, without what names the encodings that the sender can unpack."""
    lines = [f"{received.method} {received.path} HTTP/1.1"]
    lines += [f"{name}: {value}".rstrip() for name, value in received.headers if name.lower() != "accept-encoding"]
    return "\r\n".join([*lines, "", ""])


def head_of(request: Request) -> str:
    return http_text(request).partition("\r\n\r\n")[0] + "\r\n\r\n"


@pytest.mark.parametrize(("method", "rest", "headers", "body"), REQUESTS)
@pytest.mark.parametrize("make", [CurlSender, RequestsSender], ids=["curl", "requests"])
def test_the_text_is_what_a_sender_sends(
    target: Target, make: type, method: str, rest: str, headers: list[tuple[str, str]], body: bytes | None
) -> None:
    sent = Request(method, target.url + rest, headers, body, 5, 5)
    sender, ended = make(Egress(LOOPBACK)), SimpleQueue[Exchange]()
    try:
        sender.send([(sent, ended.put)])
        exchange = ended.get(timeout=10)
    finally:
        sender.stop(0)
    assert exchange.answer is not None, exchange.detail
    (received,) = target.received
    if make is CurlSender:
        assert as_text(received) == head_of(sent)
    else:
        # The portable sender's library puts them into an order of its own.
        assert sorted(as_text(received).lower().split("\r\n")) == sorted(head_of(sent).lower().split("\r\n"))
    assert received.body == (body or b"")


_VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, blacklist_characters="\x7f"), max_size=20
).map(str.strip)
_TARGETS = st.from_regex(r"\A(/[!$&'()*+,;=:@\[\]{}~a-z]{1,10}){0,2}(\?[!$&'()*+,;={}a-z]{0,10})?\Z")
_BODIES = st.one_of(
    st.none(), st.binary(max_size=60), st.text(max_size=60).map(lambda each: each.encode("utf-8", "replace"))
)


@pytest.mark.skipif(shutil.which("curl") is None and not REQUIRED, reason="there is no curl")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), rest=_TARGETS, value=_VALUES, body=_BODIES)
def test_pasted_into_a_shell_the_command_sends_the_same(
    target: Target, method: str, rest: str, value: str, body: bytes | None
) -> None:
    headers = [("X-A", value), ("User-Agent", "Onhook/1")]
    sent = Request(method, target.url + rest, headers, body, 5, 5)
    target.received.clear()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    command = curl_command(sent).encode() + b" --silent --output /dev/null"
    subprocess.run(["sh"], input=command, env=environment, check=True, timeout=20)
    (received,) = target.received
    host = urlsplit(target.url).netloc
    length = (
        [("Content-Length", str(len(body or b"")))] if body is not None or method in {"POST", "PUT", "PATCH"} else []
    )
    assert (received.method, received.path) == (method, rest if rest.startswith("/") else f"/{rest}")
    assert sorted(received.headers) == sorted([("Host", host), *headers, *length])
    assert received.body == (body or b"")
