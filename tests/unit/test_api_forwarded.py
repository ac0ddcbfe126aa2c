"""What proxies say of a request, and whom it is believed."""

from ipaddress import ip_network

import pytest

from dispatcher.api.forwarded import Seen, seen_by_proxies

TRUSTED = (ip_network("10.0.0.0/24"), ip_network("2001:db8::/64"))
PROXY = "10.0.0.1"


def seen(fields: list[tuple[str, str]], peer: str = PROXY) -> tuple[str, str]:
    raw = [(b"host", b"inner:8080"), *((name.encode(), value.encode("latin-1")) for name, value in fields)]
    found = seen_by_proxies(peer, "http", raw, TRUSTED)
    return found.remote, found.origin


OWN = "http://inner:8080"
EVERYTHING = [
    ("forwarded", "for=192.0.2.1;proto=https;host=calls.example"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "calls.example"),
]


@pytest.mark.parametrize("peer", ["10.0.1.1", "198.51.100.1", "", "testclient"])
def test_a_stranger_is_not_believed(peer: str) -> None:
    assert seen(EVERYTHING, peer) == (peer, OWN)


def test_nobody_is_believed_where_no_proxy_is_trusted() -> None:
    assert seen_by_proxies(PROXY, "http", [(b"x-forwarded-for", b"192.0.2.1")], ()) == Seen(PROXY, "http://")


def test_a_trusted_proxy_says_who_asks_and_by_which_address() -> None:
    assert seen(EVERYTHING[1:]) == ("192.0.2.1", "https://calls.example")
    assert seen(EVERYTHING[1:], "::ffff:10.0.0.1") == ("192.0.2.1", "https://calls.example")
    assert seen(EVERYTHING[:1]) == ("192.0.2.1", "https://calls.example")


def test_what_stands_left_of_the_first_stranger_anybody_may_have_written() -> None:
    fields = [
        ("x-forwarded-for", "203.0.113.9, 192.0.2.1, 10.0.0.2"),
        ("x-forwarded-proto", "http, https, http"),
        ("x-forwarded-host", "evil.example, calls.example, inner"),
    ]
    assert seen(fields) == ("192.0.2.1", "https://calls.example")
    forwarded = 'for=203.0.113.9;host=evil.example, for="192.0.2.1:4711";proto=https;host=calls.example, for=10.0.0.2'
    assert seen([("forwarded", forwarded)]) == ("192.0.2.1", "https://calls.example")


def test_a_header_in_several_lines_is_one_list() -> None:
    assert seen([("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.1")])[0] == "192.0.2.1"


def test_one_value_serves_for_all_hops() -> None:
    fields = [("x-forwarded-for", "192.0.2.1, 10.0.0.2"), ("x-forwarded-proto", "https")]
    assert seen(fields) == ("192.0.2.1", "https://inner:8080")
    assert seen([("x-forwarded-proto", "https"), ("x-forwarded-host", "calls.example")]) == (
        PROXY,
        "https://calls.example",
    )


def test_a_request_through_trusted_proxies_alone_comes_from_the_outermost() -> None:
    assert seen([("x-forwarded-for", "10.0.0.3, 10.0.0.2")])[0] == "10.0.0.3"
    assert seen([])[0] == PROXY


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ('"[2001:db8:1::7]:4711"', "2001:db8:1::7"),
        ('"[2001:db8:1::7]"', "2001:db8:1::7"),
        ("unknown", ""),
        ("_hidden", ""),
        ('"192.0.2.1', ""),
        ("192.0.2.300", ""),
    ],
)
def test_a_node_s_name_is_an_address_or_nobody_s(node: str, address: str) -> None:
    assert seen([("forwarded", f"for={node}")])[0] == address


def test_two_kinds_of_header_are_believed_where_they_agree() -> None:
    assert seen(EVERYTHING) == ("192.0.2.1", "https://calls.example")
    smuggled = [("forwarded", "for=203.0.113.9;host=evil.example"), *EVERYTHING[1:]]
    assert seen(smuggled) == ("", OWN)
    half = [("forwarded", "for=192.0.2.1;proto=https;host=evil.example"), *EVERYTHING[1:]]
    assert seen(half) == ("192.0.2.1", OWN)


@pytest.mark.parametrize("host", ["a b", "a/b", "user@host", "a\\b", "x" * 300])
def test_what_is_no_host_is_not_put_into_an_address(host: str) -> None:
    assert seen([("x-forwarded-host", host), ("x-forwarded-proto", "ftp")])[1] == OWN
