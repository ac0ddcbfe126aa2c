"""Cookies that a login sets: one of them, or all, found in its answer; how long they last; how they are sent back."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from dispatcher.domain.credentials.secret_forms import forms_of
from dispatcher.domain.credentials.stated_moment import moment_of
from dispatcher.domain.exchange import Answer

EVERY_COOKIE = "*"
"""In place of a cookie's name."""
_TAKEN_BACK = re.compile(r"(?i)(?:^|;)\s*(?:max-age\s*=\s*(?:0|-\d+)\s*(?:;|$)|expires\s*=[^;]*\b19\d\d\b)")
"""A server deletes a cookie by a life that is over; a date of the last century is over by any clock."""


def cookie_finder(name: str) -> Callable[[Answer], str | None]:
    """Finds the value of a cookie that the answer sets."""

    def find(answer: Answer) -> str | None:
        value = None
        for key, said, _ in _set_cookies(answer):
            if key == name:
                value = said.strip('"')
        return value

    return find


def every_cookie(answer: Answer) -> str | None:
    """All cookies that the answer sets, as a `Cookie` header has them: each with the value that it was given last, as
    it was written (RFC 6265, 5.4); without those that the answer takes back."""
    held: dict[str, str] = {}
    for name, value, attributes in _set_cookies(answer):
        held.pop(name, None)
        if name and value and not _TAKEN_BACK.search(attributes):
            held[name] = value
    return "; ".join(f"{name}={value}" for name, value in held.items()) or None


def cookie_end(answer: Answer, wanted: str, now: datetime) -> datetime | None:
    """When a cookie of the answer ends (RFC 6265, 4.1.2: Max-Age counts before Expires); of all, the one that ends
    first."""
    ends = []
    for name, _, attributes in _set_cookies(answer):
        if name == wanted or (wanted == EVERY_COOKIE and not _TAKEN_BACK.search(attributes)):
            end = _end_of(attributes, now)
            if name == wanted:
                return end
            ends += [end] if end is not None else []
    return min(ends, default=None)


def _end_of(attributes: str, now: datetime) -> datetime | None:
    try:
        morsel = SimpleCookie(f"any=value;{attributes}").get("any")
    except CookieError:
        return None
    if morsel is None:
        return None
    return moment_of(morsel["max-age"] or None, now) or moment_of(morsel["expires"] or None, now)


def cookie_value(value: str) -> str:
    """The value as a cookie may hold it: what RFC 6265, 4.1.1 leaves out is percent-encoded."""
    return quote(value, safe="!#$%&'()*+-./:<=>?@[]^_`{|}~")


def forms_of_each(cookies: str) -> tuple[str, ...]:
    """As `forms_of` gives them, for the value of each cookie of a `Cookie` header."""
    return forms_of(*(pair.partition("=")[2] for pair in cookies.split("; ")))


def _set_cookies(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """Name, value and attributes of each; what is no cookie is left out."""
    for key, line in answer.headers:
        if key == "set-cookie":
            first, _, attributes = line.partition(";")
            name, equals, value = first.partition("=")
            if equals:
                yield name.strip(), value.strip(), attributes
