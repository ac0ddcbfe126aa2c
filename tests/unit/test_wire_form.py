"""URL and headers as they go on the wire."""

import pytest

from dispatcher.adapters.wire_form import host_of, libcurl_headers, wire_url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://crm.example/x", "crm.example"),
        ("HTTPS://CRM.Example:8443?x=http://other/", "crm.example"),
        ("https://user:p%40ss@crm.example#x", "crm.example"),
        ("http://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("http://", ""),
    ],
)
def test_the_host_of_a_url_is_found_in_lower_case(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_url_in_ascii_stays_as_it_is() -> None:
    assert wire_url("https://crm.example/a%2Fb?q=%20") == "https://crm.example/a%2Fb?q=%20"


def test_other_characters_become_percent_signs_and_an_international_host_punycode() -> None:
    assert wire_url("https://bücher.example/ä?q=ö") == "https://xn--bcher-kva.example/%C3%A4?q=%C3%B6"


@pytest.mark.parametrize("url", ["", "crm.example", "ftp://crm.example/", "javascript:1", "file:///etc/passwd"])
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        wire_url(url)


@pytest.mark.parametrize("header", [("X-A", "a\rb"), ("X-A", "a\nb"), ("X-A", "\0"), ("X\n", "a")])
def test_a_header_with_a_line_break_or_a_nul_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="must not be sent"):
        libcurl_headers([header])


def test_a_header_without_a_value_and_one_beyond_ascii_are_sent_as_they_are() -> None:
    assert libcurl_headers([("X-Empty", "")])[-1] == "X-Empty;"
    assert libcurl_headers([("X-A", "1"), ("X-Agent", "José")])[-2:] == [b"X-A: 1", "X-Agent: José".encode()]
