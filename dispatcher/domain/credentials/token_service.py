"""Token services: how an access token is asked for, found in the answer, and sent to the target."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from dispatcher.domain.answers.json_path import Step, values_at
from dispatcher.domain.credentials.access_token import AccessToken, token_of
from dispatcher.domain.credentials.cookies import cookie_end, cookie_value
from dispatcher.domain.credentials.kinds import BEARER, PLACEHOLDER, Place, Put
from dispatcher.domain.credentials.stated_moment import moment_of
from dispatcher.domain.exchange import Answer

MAX_ANSWER_BYTES = 262_144
_TOKEN_TEXT = re.compile(r"[\x20-\x7e]{1,16384}")
LOGIN_PARTS = ("username", "password", "password_base64")

Find = Callable[[Answer], str | None]
"""A text in an answer; None where it is not there."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is asked of a token service. Its `repr` shows no secret."""

    method: str
    url: str = field(repr=False)
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True)
class ClientCredentials:
    """OAuth 2.0, client credentials (RFC 6749, 4.4). `in_body`: id and secret go in the form, not as HTTP Basic."""

    token_url: str
    client_id: str
    fields: tuple[tuple[str, str], ...]
    in_body: bool
    lifetime: timedelta
    send: Put = BEARER

    def ask(self, secret: str) -> TokenRequest:
        """The request for a token."""
        form = [("grant_type", "client_credentials"), *self.fields]
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if self.in_body:
            form += [("client_id", self.client_id), ("client_secret", secret)]
        else:
            # Both are form-encoded before they are joined (RFC 6749, 2.3.1).
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
            headers.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
        return TokenRequest("POST", self.token_url, headers, urlencode(form).encode())

    def read(self, answer: Answer, now: datetime) -> AccessToken | None:
        """The token of a 2xx answer (RFC 6749, 5.1); None where there is none."""
        told = json_of(answer)
        text = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(text, str) or not _usable(text):
            return None
        seconds = told.get("expires_in")
        return token_of(text, now, moment_of(_as_text(seconds), now) or now + self.lifetime)


@dataclass(frozen=True)
class Login:
    """A login that gives a token. Texts may hold `{username}`, `{password}` and `{password_base64}`, which are encoded
    as their place in the request needs it. `body` is None, a list of pairs (a form), any JSON, or XML."""

    username: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: tuple[str, Any] | None
    token: Find
    expires: Find | None
    cookie: str | None
    """Where the token comes as a cookie: its name; `*` for all of them."""
    lifetime: timedelta
    send: Put

    def ask(self, secret: str) -> TokenRequest:
        """The request for a token."""
        values = {
            "username": self.username,
            "password": secret,
            "password_base64": b64encode(secret.encode()).decode(),
        }
        headers = [(name, filled(value, values, str)) for name, value in self.headers]
        body = None
        if self.body is not None:
            kind, value = self.body
            if kind == "form":
                body = urlencode([(name, filled(each, values, str)) for name, each in value]).encode()
                headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            elif kind == "xml":
                body = filled(value, values, escape).encode()
                if not any(name.lower() == "content-type" for name, _ in headers):
                    headers.append(("Content-Type", "text/xml; charset=utf-8"))
            else:
                body = json.dumps(_filled_json(value, values)).encode()
                headers.append(("Content-Type", "application/json"))
        return TokenRequest(self.method, filled(self.url, values, _segment), headers, body)

    def read(self, answer: Answer, now: datetime) -> AccessToken | None:
        """The token of a 2xx answer; None where it is not at its place (a refusal may come as a 200)."""
        text = self.token(answer)
        if text is None or not _usable(text):
            return None
        said = self.expires(answer) if self.expires is not None else None
        until = moment_of(said, now) or (cookie_end(answer, self.cookie, now) if self.cookie else None)
        return token_of(text, now, until or now + self.lifetime)


TokenService = ClientCredentials | Login


def filled(text: str, values: Mapping[str, str], encode: Callable[[str], str]) -> str:
    """The text with its parts in braces put in."""
    return PLACEHOLDER.sub(lambda found: encode(values[found[1]]) if found[1] in values else found[0], text)


def json_of(answer: Answer) -> Any:
    """The answer's body as JSON; None for what is none, or too large."""
    if len(answer.body) > MAX_ANSWER_BYTES:
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def json_finder(steps: tuple[Step, ...]) -> Find:
    """Finds a text, number or truth value by a path."""

    def find(answer: Answer) -> str | None:
        found = values_at(json_of(answer), steps)
        return _as_text(found[0]) if found else None

    return find


def xpath_finder(search: Callable[[bytes], list[str]]) -> Find:
    """Finds the first text of an XPath."""

    def find(answer: Answer) -> str | None:
        found = search(answer.body)
        return found[0].strip() if found else None

    return find


def header_finder(name: str) -> Find:
    """Finds a header's last value."""
    return lambda answer: answer.header(name.lower())


def _segment(value: str) -> str:
    return quote(value, safe="")


def _filled_json(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, values, str)
    if isinstance(value, list):
        return [_filled_json(each, values) for each in value]
    if isinstance(value, dict):
        return {key: _filled_json(each, values) for key, each in value.items()}
    return value


def _usable(text: str) -> bool:
    return _TOKEN_TEXT.fullmatch(text) is not None and text.strip() == text


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def placed_value(put: Put, text: str) -> str:
    """What stands at the place: the prefix, and the value as a cookie needs it; a session of several as it is."""
    if put.every_cookie:
        return text
    return put.prefix + (cookie_value(text) if put.place is Place.COOKIE else text)
