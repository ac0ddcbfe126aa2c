"""Lines out of what a call system writes into a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.listeners.backoff import pause_seconds
from dispatcher.adapters.listeners.lines import MAX_LINE_BYTES, Line, LineBuffer, is_record
from dispatcher.adapters.listeners.peers import may_connect, networks_of


def texts(buffer: LineBuffer, *pieces: bytes) -> list[bytes]:
    return [line.text for piece in pieces for line in buffer.feed(piece)]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_a_line_ends_with_any_of_the_three_line_ends(end: bytes):
    assert texts(LineBuffer(), b"one" + end + b"two" + end + b"thr") == [b"one", b"two"]


def test_a_line_may_come_in_pieces_also_between_cr_and_lf():
    assert texts(LineBuffer(), b"o", b"ne\r", b"\ntw", b"o\n") == [b"one", b"two"]


def test_nuls_blank_lines_and_marks_of_byte_order_are_left_out():
    assert texts(LineBuffer(), b"\xef\xbb\xbf\0\0one\0\r\n", b"\r\n  \r\n\0\n") == [b"one"]


def test_utf_16_of_plain_letters_is_read():
    assert texts(LineBuffer(), "call 1\r\n".encode("utf-16")) == [b"call 1"]


def test_other_encodings_pass_as_they_came():
    assert texts(LineBuffer(), b"J\xf6rg 1\n") == [b"J\xf6rg 1"]


def test_a_line_that_is_too_long_is_cut_once_and_the_next_one_is_whole():
    buffer = LineBuffer(8)
    assert buffer.feed(b"123456789") == [Line(b"123456789", is_cut=True)]
    assert buffer.feed(b"0" * 100) == []
    assert buffer.feed(b"rest\nnext\n") == [Line(b"next")]


def test_a_long_line_that_comes_whole_is_cut_as_well():
    assert LineBuffer(4).feed(b"123456\n78\n") == [Line(b"12345", is_cut=True), Line(b"78")]


def test_what_has_no_end_is_given_by_a_flush():
    buffer = LineBuffer()
    assert buffer.feed(b"one") == []
    assert buffer.has_rest
    assert buffer.flush() == [Line(b"one")]
    assert (buffer.has_rest, buffer.flush()) == (False, [])


@given(st.lists(st.binary(max_size=40)), st.integers(1, 16))
def test_no_line_is_longer_than_the_bound_however_the_bytes_come(pieces: list[bytes], most: int):
    buffer = LineBuffer(most)
    lines = [line for piece in pieces for line in buffer.feed(piece)] + buffer.flush()
    assert all(0 < len(line.text) <= most + line.is_cut for line in lines)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_where_a_stream_is_cut_does_not_matter(data: bytes, at: int):
    data = b"x" + data
    whole, cut = LineBuffer(), LineBuffer()
    assert texts(whole, data) == texts(cut, data[:1], data[1:at], data[max(at, 1) :])


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"=== SMDR ===", False), (b"keep-alive", False), (b"\xff\xfd", False), (b"Call 12", True)],
)
def test_a_line_without_a_digit_is_no_record(text: bytes, expected: bool):
    assert is_record(Line(text)) is expected


def test_the_bound_is_far_above_any_real_record():
    assert MAX_LINE_BYTES == 4096


def test_a_pause_doubles_up_to_half_a_minute_and_half_of_it_is_chance():
    assert [pause_seconds(failures, 1.0) for failures in (1, 2, 3, 6, 7, 900)] == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0]
    assert pause_seconds(7, 0.0) == 15.0


ALLOW = {"kind": "ip_allow", "networks": ["203.0.113.0/24", "2001:db8:7::/48"]}


@pytest.mark.parametrize(
    ("remote", "auth", "expected"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("203.0.113.9", None, False),
        ("203.0.113.9", {"kind": "token"}, False),
        ("203.0.113.9", ALLOW, True),
        ("203.0.113.9", {"kind": "all", "of": [ALLOW, {"kind": "token"}]}, True),
        ("::ffff:203.0.113.9", ALLOW, True),
        ("2001:db8:7::1%eth0", ALLOW, True),
        ("198.51.100.1", ALLOW, False),
        ("127.0.0.1", ALLOW, False),
        ("", None, False),
        ("not an address", ALLOW, False),
    ],
)
def test_who_may_connect_is_what_the_source_lists_and_nobody_else(remote: str, auth: dict | None, expected: bool):
    assert may_connect(remote, networks_of(auth)) is expected
