"""The URL of a request: scheme, host and port literal, so that no call decides where it goes (RFC 3986)."""

import re

from dispatcher.domain.shape import Reading

MAX_URL_CHARACTERS = 8_000
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_URL = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")


def read_url(reading: Reading, raw: object, at: str) -> str:
    """The template of an http or https URL; faults are noted."""
    url = reading.text(raw, at, MAX_URL_CHARACTERS)
    match = _URL.fullmatch(url)
    if match is None:
        reading.note(at, "an http or https URL", raw)
        return url
    fault = _authority_fault(match["authority"]) or _rest_fault(match["rest"])
    if fault:
        reading.note(at, fault, raw)
    return url


def read_reference(reading: Reading, raw: object, at: str) -> str:
    """The template of a URI-reference (RFC 3986, 4.1), not empty; faults are noted."""
    text = reading.text(raw, at, MAX_URL_CHARACTERS)
    if not text or _UNSAFE.search(_EXPRESSION.sub("x", text)):
        reading.note(at, "a URI or a relative reference, without spaces and control characters", raw)
    return text


def _authority_fault(authority: str) -> str | None:
    if "{" in authority:
        return "a URL whose scheme, host and port are literal"
    if "@" in authority:
        return "a URL without user name or password"
    match = _AUTHORITY.fullmatch(authority)
    if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65_535):
        return "a URL with a host name (in ASCII) or address and, if any, a port from 1 to 65535"
    return None


def _rest_fault(rest: str) -> str | None:
    literal = _EXPRESSION.sub("x", rest)
    if "#" in literal:
        return "a URL without a fragment (#...)"
    if _UNSAFE.search(literal):
        return "a URL without spaces and control characters, each % followed by two hex digits"
    segments = literal.partition("?")[0].lower().replace("%2e", ".").split("/")
    if "." in segments or ".." in segments:
        return "a URL without the segments . and .."
    return None
