"""What a target may cost: memory after decompression, and time in every phase; the same in both senders."""

import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.adapters.egress import Egress
from dispatcher.adapters.requests_sender import RequestsSender
from dispatcher.domain.exchange import ErrorWord
from tests.contract.names import Names
from tests.contract.senders import LOOPBACK, MakeSender, MakeTarget, Pending, Sender, carry, failure, get
from tests.contract.targets import Connection, answer, drips, floods, says

GIGABYTE = 1_024
"""In megabytes."""
ALLOWED_BYTES = 1_000_000
ALLOWED_GROWTH_KIB = 24 * 1_024
"""Of the whole process, target included, which holds the bomb itself and sends it."""


def zeros(megabytes: int, wbits: int) -> bytes:
    """So many megabytes of zeros, compressed to a thousandth."""
    packer = zlib.compressobj(wbits=wbits)
    megabyte = bytes(1_048_576)
    return b"".join(packer.compress(megabyte) for _ in range(megabytes)) + packer.flush()


@pytest.fixture(scope="module")
def gzip_bomb() -> bytes:
    bomb = zeros(GIGABYTE, 31)
    assert len(bomb) < 1_100_000
    return bomb


@pytest.fixture(scope="module")
def deflate_bomb() -> bytes:
    return zeros(GIGABYTE // 4, 15)


class Growth:
    """By how much the process has been larger, at its largest, than when this was made (Linux)."""

    def __init__(self) -> None:
        clear = Path("/proc/self/clear_refs")
        if not clear.exists():
            pytest.skip("a process tells its peak of memory on Linux only")
        clear.write_text("5")  # proc(5): resets the peak to what is resident now.
        self._begun = _peak_kib()

    def kib(self) -> int:
        return _peak_kib() - self._begun


def _peak_kib() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def test_the_measure_sees_what_is_held_for_a_moment() -> None:
    growth = Growth()
    assert len(bytearray(b"x") * 200_000_000) == 200_000_000
    assert growth.kib() > 100_000  # of 195,000: what others free meanwhile counts against it


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_a_gigabyte_in_a_megabyte_is_too_large_and_memory_does_not_grow(
    make_sender: MakeSender, make_target: MakeTarget, gzip_bomb: bytes, deflate_bomb: bytes, encoding: str
) -> None:
    bodies = {"gzip": gzip_bomb, "deflate": deflate_bomb, "gzip, gzip": zlib.compress(gzip_bomb, wbits=31)}
    target = make_target(says(answer(body=bodies[encoding], headers=(f"Content-Encoding: {encoding}",))))
    sender = make_sender(max_response_bytes=ALLOWED_BYTES)
    growth = Growth()
    assert failure(sender, get(target.url)) is ErrorWord.TOO_LARGE
    assert growth.kib() < ALLOWED_GROWTH_KIB


def test_a_bomb_in_chunks_without_a_length_is_too_large_as_well(
    make_sender: MakeSender, make_target: MakeTarget, gzip_bomb: bytes
) -> None:
    def pieces() -> Iterator[bytes]:
        for at in range(0, len(gzip_bomb), 10_000):
            piece = gzip_bomb[at : at + 10_000]
            yield b"%x\r\n%b\r\n" % (len(piece), piece)

    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    target = make_target(floods(head, pieces))
    sender = make_sender(max_response_bytes=ALLOWED_BYTES)
    growth = Growth()
    assert failure(sender, get(target.url)) is ErrorWord.TOO_LARGE
    assert growth.kib() < ALLOWED_GROWTH_KIB


def test_a_requests_own_bound_goes_before_the_senders(make_sender: MakeSender, make_target: MakeTarget) -> None:
    sender = make_sender(max_response_bytes=1_000)
    target = make_target(says(answer(body=b"x" * 2_000)))
    asked = get(target.url)
    assert carry(sender, replace(asked, max_response_bytes=2_000)).answer is not None
    assert failure(sender, replace(asked, max_response_bytes=1_999)) is ErrorWord.TOO_LARGE
    # The handle that carried the larger one is used again: its bound is gone with it.
    assert failure(sender, asked) is ErrorWord.TOO_LARGE
    small = make_target(says(answer(body=b"x" * 1_000)))
    assert failure(sender, replace(get(small.url), max_response_bytes=0)) is ErrorWord.TOO_LARGE
    assert carry(sender, get(small.url)).answer is not None


def test_more_layers_of_compression_than_anybody_needs_are_no_answer(sender: Sender, make_target: MakeTarget) -> None:
    body = b"x"
    for _ in range(12):
        body = zlib.compress(body, wbits=31)
    target = make_target(says(answer(body=body, headers=("Content-Encoding: " + ", ".join(["gzip"] * 12),))))
    assert failure(sender, get(target.url)) is ErrorWord.PROTOCOL


def test_a_slow_name_ends_at_the_deadline(names: Names, release: threading.Event) -> None:
    # libcurl asks the system's resolver from threads of its own, which no test can slow down.
    sender = RequestsSender(Egress(LOOPBACK), threads=2)
    names.addresses["crm.example"] = ["127.0.0.1"]
    names.hold = lambda: release.wait(10)
    begun = time.monotonic()
    assert failure(sender, get("http://crm.example:9", deadline=0.5)) is ErrorWord.DNS
    assert time.monotonic() - begun < 3
    sender.stop(0)


def test_a_target_slow_in_every_phase_has_one_deadline_for_all_of_them(
    sender: Sender, make_target: MakeTarget, release: threading.Event
) -> None:
    def accepts_late_and_drips(connection: Connection) -> None:
        release.wait(0.3)
        connection.sock.recv(4_096, socket.MSG_PEEK)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
            if release.wait(0.1):
                return
            connection.send(bytes([byte]))

    target = make_target(says(b""), on_connect=accepts_late_and_drips)
    begun = time.monotonic()
    assert failure(sender, get(target.url, deadline=1.0)) is ErrorWord.TIMEOUT
    assert 0.9 < time.monotonic() - begun < 3


def test_a_hundred_that_drip_end_together_and_leave_nothing_in_flight(
    make_sender: MakeSender, make_target: MakeTarget, release: threading.Event, request: pytest.FixtureRequest
) -> None:
    several = 100 if "curl" in request.node.callspec.id else 30
    sender = make_sender()
    target = make_target(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", release))
    begun = time.monotonic()
    ended = Pending(sender, [get(target.url, deadline=0.8)] * several).wait()
    assert {each.error for each in ended} == {ErrorWord.TIMEOUT}
    assert (sender.in_flight, time.monotonic() - begun < 4) == (0, True)
