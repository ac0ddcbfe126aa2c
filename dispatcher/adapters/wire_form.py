"""URL and headers as both senders put them on the wire, so that a target cannot tell which one it was."""

import re
from collections.abc import Iterable

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_UNSAFE = re.compile(r"[\r\n\0]")
_HOST = re.compile(r"https?://(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)", re.IGNORECASE)
_SCHEMES = ("https://", "http://")

# A name without a value keeps libcurl from adding the header by itself; a header given later is sent all the same.
_NOT_BY_ITSELF: list[str | bytes] = ["Expect:", "Accept:", "Content-Type:", "User-Agent:"]


def wire_url(url: str) -> str:
    """The URL in ASCII: an international host in punycode, other characters in percent signs.

    Raises ValueError for what is no http or https URL.
    """
    if not url.startswith(_SCHEMES) and not url.lower().startswith(_SCHEMES):
        raise ValueError("the target is not an http or https address")
    if url.isascii():
        return url
    try:
        return parse_url(url).url
    except LocationParseError:
        raise ValueError("the target's address is not a valid URL") from None


def host_of(url: str) -> str:
    """The host in a URL that `wire_url` has passed, in lower case."""
    found = _HOST.match(url)
    return found.group(1).lower() if found is not None else ""


def check_header_lines(lines: Iterable[str]) -> str:
    """The lines in one string. Raises ValueError for a line break or a NUL, which would begin a header of
    somebody else's choosing.
    """
    text = "".join(lines)
    if _UNSAFE.search(text):
        raise ValueError("a header holds a character that must not be sent")
    return text


def libcurl_headers(headers: list[tuple[str, str]]) -> list[str | bytes]:
    """libcurl's list: the given headers, in UTF-8, and nothing of libcurl's own. Raises ValueError for unsafe ones.

    `Name;` is how libcurl is told of a header without a value.
    """
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    if check_header_lines(lines).isascii():
        return _NOT_BY_ITSELF + lines
    return _NOT_BY_ITSELF + [line.encode() for line in lines]
