"""Token services: how an access token is asked for, found in the answer, and sent to the target."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from dispatcher.domain.answers.json_path import Step, values_at
from dispatcher.domain.credentials.access_token import LONGEST_LIFE, AccessToken, token_of
from dispatcher.domain.credentials.kinds import BEARER, PLACEHOLDER, Place, Put
from dispatcher.domain.exchange import Answer

MAX_ANSWER_BYTES = 262_144
_TOKEN_TEXT = re.compile(r"[\x20-\x7e]{1,16384}")
_DOTNET_DATE = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_EPOCH_SECONDS = 1e9  # 2001: a smaller number says for how long, not until when
_EPOCH_MILLISECONDS = 1e11
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
        return token_of(text, now, _moment(_as_text(seconds), now) or now + self.lifetime)


@dataclass(frozen=True)
class Login:
    """A login that gives a token. Texts may hold `{username}`, `{password}` and `{password_base64}`, which are encoded
    as their place in the request needs it. `body` is None, a list of pairs (a form) or any JSON."""

    username: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: tuple[str, Any] | None
    token: Find
    expires: Find | None
    cookie: str | None
    """Where the token comes as a cookie: its name."""
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
        until = _moment(said, now) or (cookie_end(answer, self.cookie, now) if self.cookie else None)
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


def cookie_finder(name: str) -> Find:
    """Finds the value of a cookie that the answer sets."""

    def find(answer: Answer) -> str | None:
        value = None
        for line in _cookies(answer):
            first, _, _ = line.partition(";")
            key, equals, said = first.partition("=")
            if equals and key.strip() == name:
                value = said.strip().strip('"')
        return value

    return find


def cookie_end(answer: Answer, name: str, now: datetime) -> datetime | None:
    """When a cookie of the answer ends (RFC 6265, 4.1.2: Max-Age counts before Expires)."""
    for line in _cookies(answer):
        try:
            morsel = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if morsel is not None:
            return _moment(morsel["max-age"] or None, now) or _moment(morsel["expires"] or None, now)
    return None


def cookie_value(value: str) -> str:
    """The value as a cookie may hold it: what RFC 6265, 4.1.1 leaves out is percent-encoded."""
    return quote(value, safe="!#$%&'()*+-./:<=>?@[]^_`{|}~")


def _cookies(answer: Answer) -> list[str]:
    return [value for key, value in answer.headers if key == "set-cookie"]


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


def _moment(said: str | None, now: datetime) -> datetime | None:
    """What a service says of a token's end: seconds of life, a moment since 1970, or a date in one of five notations.

    Without a zone it is taken for UTC. None for what cannot be read.
    """
    if said is None:
        return None
    text = said.strip()
    dotnet = _DOTNET_DATE.fullmatch(text)
    try:
        if dotnet:
            return datetime.fromtimestamp(int(dotnet[1]) / 1000, UTC)
        try:
            return _of_number(float(text), now)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _of_number(number: float, now: datetime) -> datetime | None:
    if number != number or number < 0:  # noqa: PLR0124 - not a number
        return None
    if number >= _EPOCH_MILLISECONDS:
        return datetime.fromtimestamp(number / 1000, UTC)
    if number >= _EPOCH_SECONDS:
        return datetime.fromtimestamp(number, UTC)
    return now + min(timedelta(seconds=number), LONGEST_LIFE)


def placed_value(put: Put, text: str) -> str:
    """What stands at the place: the prefix, and the value as a cookie needs it."""
    return put.prefix + (cookie_value(text) if put.place is Place.COOKIE else text)
