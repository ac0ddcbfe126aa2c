import pytest

from dispatcher.domain.egress_proxy import MASK, EgressProxy, ProxyRefused, parse_proxy, read_proxy

WHOLE = "http://jane:hunter2@proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example:3128", EgressProxy("proxy.example", 3128)),
        ("http://proxy.example:3128/", EgressProxy("proxy.example", 3128)),
        ("HTTP://Proxy.Example:80", EgressProxy("proxy.example", 80)),
        ("http://10.0.0.1:8080", EgressProxy("10.0.0.1", 8080)),
        ("http://[fd00::1]:8080", EgressProxy("fd00::1", 8080)),
        (WHOLE, EgressProxy("proxy.example", 3128, "jane", "hunter2")),
        ("http://jane@proxy.example:3128", EgressProxy("proxy.example", 3128, "jane")),
        ("http://j%40e:a%3Ab%2F%C3%BC@p.example:1", EgressProxy("p.example", 1, "j@e", "a:b/ü")),
    ],
)
def test_a_proxy_is_read_from_its_url_and_written_back_to_the_same(url: str, proxy: EgressProxy) -> None:
    assert parse_proxy(url) == proxy
    assert parse_proxy(proxy.url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.example:3128",
        "https://proxy.example:3128",
        "socks5://proxy.example:1080",
        "http://proxy.example",
        "http://proxy.example:0",
        "http://proxy.example:65536",
        "http://proxy.example:port",
        "http://:3128",
        "http://proxy.example:3128/path",
        "http://proxy.example:3128?a=1",
        "http://proxy.example:3128#a",
        "http://proxy .example:3128",
        "http://proxy.example:3128\r\nX-Injected: 1",
        "http://pröxy.example:3128",
        "http://jane%0d%0aX:secret@proxy.example:3128",
        "http://ja%3Ane:hunter2@proxy.example:3128",
        "http://jane:hunter2%00@proxy.example:3128",
        "http://proxy.example:3128/" + "a" * 2048,
        "http://[::1:3128",
    ],
)
def test_what_is_no_proxy_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ProxyRefused) as refused:
        parse_proxy(url)
    assert "jane" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_password_is_masked_for_people_and_not_in_any_repr() -> None:
    proxy = parse_proxy(WHOLE)
    assert proxy.masked_url == f"http://jane:{MASK}@proxy.example:3128"
    assert "hunter2" not in repr(proxy)


def test_a_masked_password_that_is_put_back_stays_what_it_is() -> None:
    assert read_proxy(f"http://jane:{MASK}@proxy.example:3128", WHOLE) == WHOLE
    assert read_proxy("http://jane:other@proxy.example:3128", WHOLE) == "http://jane:other@proxy.example:3128"
    assert read_proxy(None, WHOLE) is None


@pytest.mark.parametrize("stored", [None, "http://jane:hunter2@other.example:3128", "http://joe:x@proxy.example:3128"])
def test_a_masked_password_sends_no_stored_one_to_another_proxy(stored: str | None) -> None:
    with pytest.raises(ProxyRefused):
        read_proxy(f"http://jane:{MASK}@proxy.example:3128", stored)
