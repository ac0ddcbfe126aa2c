"""Credentials whose token is fetched first, as documents: `oauth2_client_credentials` and `token_login`."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from dispatcher.domain.answers.json_path import json_path
from dispatcher.domain.credentials.cookies import EVERY_COOKIE, cookie_finder, every_cookie
from dispatcher.domain.credentials.kinds import (
    BEARER,
    Document,
    Kind,
    header_name,
    http_token,
    known_parts,
    no_control,
    no_every_cookie,
    put_document,
    read_send,
    required,
)
from dispatcher.domain.credentials.soap_header import is_well_formed
from dispatcher.domain.credentials.token_service import (
    LOGIN_PARTS,
    ClientCredentials,
    Find,
    Login,
    header_finder,
    json_finder,
    xpath_finder,
)
from dispatcher.domain.engines import CompileXpath, PathRefused
from dispatcher.domain.requests.rest_request import METHODS
from dispatcher.domain.shape import Reading, joined

DEFAULT_LIFETIME_SECONDS = 3_600
"""Where a token service does not say how long its token lives. A 401 renews it in any case."""
MAX_LIFETIME_SECONDS = 30 * 86_400
_MAX_URL_CHARACTERS = 4_000
_MAX_PAIRS = 50
_MAX_XML_CHARACTERS = 65_536
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")
_OWN_FIELDS = ("grant_type", "client_id", "client_secret", "scope", "audience")
_MAXCONTACT = [{"name": "Authorization", "value": "{password_base64}"}]
"""As MaxContact's token service wants it: the password in Base64, with no scheme before it."""

TOKEN_MEMBERS = {
    Kind.OAUTH2: ("token_url", "client_id", "scope", "audience", "auth", "extra", "lifetime_seconds", "send"),
    Kind.TOKEN_LOGIN: ("username", "login", "token_in", "expires_in", "lifetime_seconds", "send"),
}
"""Members of each kind, its secrets aside."""


def read_client_credentials(reading: Reading, given: Document) -> tuple[ClientCredentials, Document]:
    """An `oauth2_client_credentials`; faults are noted."""
    extra = given.get("extra") or {}
    if type(extra) is not dict or not all(type(value) is str for value in extra.values()) or len(extra) > _MAX_PAIRS:
        reading.note_got("extra", "an object of texts: further fields of the token request", "something else")
        extra = {}
    for name in extra:
        if name in _OWN_FIELDS:
            reading.note_got(joined("extra", name), "a field that has no member of its own", name)
    scope, audience = (no_control(reading, given.get(name) or "", name, 2_000) for name in ("scope", "audience"))
    auth = reading.word(given.get("auth", "basic"), "auth", ("basic", "body"))
    lifetime = _lifetime(reading, given)
    token_url = _url(reading, given.get("token_url"), "token_url")
    client_id = required(reading, given, "", "client_id")
    send = read_send(reading, given.get("send", put_document(BEARER)), "header")
    no_every_cookie(reading, send)
    document: Document = {
        "token_url": token_url,
        "client_id": client_id,
        "scope": scope or None,
        "audience": audience or None,
        "auth": auth,
        "extra": extra,
        "lifetime_seconds": lifetime,
        "send": put_document(send),
    }
    fields = [(name, value) for name, value in (("scope", scope), ("audience", audience)) if value]
    service = ClientCredentials(
        token_url,
        client_id,
        (*fields, *extra.items()),
        auth == "body",
        timedelta(seconds=lifetime),
        send,
    )
    return service, document


def read_login(reading: Reading, given: Document, compile_xpath: CompileXpath) -> tuple[Login, Document]:
    """A `token_login`; faults are noted. What is left out is as MaxContact has it."""
    username = required(reading, given, "", "username")
    login = reading.members(given.get("login"), "login", ("method", "url", "headers", "body"))
    body, body_document = _body(reading, login.get("body"), "login.body")
    method = reading.word(login.get("method", "GET" if body is None else "POST"), "login.method", METHODS)
    if method == "GET" and body is not None:
        reading.note_got("login.body", "null, since a GET has no body", "a body")
    headers = _pairs(reading, login.get("headers", [] if body else _MAXCONTACT), "login.headers")
    for index, (name, _) in enumerate(headers):
        header_name(reading, name, f"login.headers[{index}].name")
    token, token_document, cookie = _finder(reading, given.get("token_in"), "token_in", compile_xpath)
    expires, expires_document = None, None
    if given.get("expires_in") is not None:
        expires, expires_document, _ = _finder(reading, given["expires_in"], "expires_in", compile_xpath)
    usual = EVERY_COOKIE if cookie == EVERY_COOKIE else "TokenKey"
    send = read_send(reading, given.get("send", {"in": "cookie", "name": usual}), "cookie")
    if send.every_cookie != (cookie == EVERY_COOKIE):
        reading.note_got("send", 'in: cookie and name: "*", with cookie: "*" in token_in and only then', "one of them")
    lifetime, url = _lifetime(reading, given), _url(reading, login.get("url"), "login.url")
    known_parts(reading, url, "login.url", LOGIN_PARTS)
    document = {
        "username": username,
        "login": {"method": method, "url": url, "headers": _pairs_document(headers), "body": body_document},
        "token_in": token_document,
        "expires_in": expires_document,
        "lifetime_seconds": lifetime,
        "send": put_document(send),
    }
    service = Login(
        username, method, url, headers, body, token, expires, cookie, timedelta(seconds=lifetime), send
    )  # fmt: skip
    return service, document


def _lifetime(reading: Reading, given: Document) -> float:
    raw = given.get("lifetime_seconds", DEFAULT_LIFETIME_SECONDS)
    return reading.number(raw, "lifetime_seconds", (1, MAX_LIFETIME_SECONDS))


def _url(reading: Reading, raw: object, at: str) -> str:
    text = reading.text(raw, at, _MAX_URL_CHARACTERS)
    try:
        parts = urlsplit(text)
        fit = parts.scheme in ("http", "https") and bool(parts.hostname) and "{" not in parts.netloc
        fit = fit and "@" not in parts.netloc and not parts.fragment and not _UNSAFE_IN_URL.search(text)
        fit = fit and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        # What came instead is not quoted: people paste user and password into URLs.
        reading.note_got(at, "an http or https URL in ASCII without user, password and fragment", "another text")
    return text


def _pairs(reading: Reading, raw: object, at: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for index, each in enumerate(reading.items(raw, at, _MAX_PAIRS)):
        given = reading.members(each, f"{at}[{index}]", ("name", "value"))
        name = http_token(reading, given.get("name"), f"{at}[{index}].name")
        value = no_control(reading, given.get("value"), f"{at}[{index}].value", 4_000)
        known_parts(reading, value, f"{at}[{index}].value", LOGIN_PARTS)
        pairs.append((name, value))
    return tuple(pairs)


def _pairs_document(pairs: tuple[tuple[str, str], ...]) -> list[Document]:
    return [{"name": name, "value": value} for name, value in pairs]


def _body(reading: Reading, raw: object, at: str) -> tuple[tuple[str, Any] | None, Document | None]:
    if raw is None:
        return None, None
    given = reading.members(raw, at, ("kind", "value"))
    kind = reading.word(given.get("kind"), f"{at}.kind", ("json", "form", "xml"))
    if kind == "xml":
        text = _xml(reading, given.get("value"), f"{at}.value")
        return (kind, text), {"kind": kind, "value": text}
    if kind == "json":
        _check_json(reading, given.get("value"), f"{at}.value")
        return (kind, given.get("value")), {"kind": kind, "value": given.get("value")}
    pairs = _pairs(reading, given.get("value"), f"{at}.value")
    return (kind, pairs), {"kind": kind, "value": _pairs_document(pairs)}


def _xml(reading: Reading, raw: object, at: str) -> str:
    text = reading.text(raw, at, _MAX_XML_CHARACTERS)
    if type(raw) is str and not is_well_formed(text):
        reading.note_got(at, "XML without a DTD", "another text")
    known_parts(reading, text, at, LOGIN_PARTS)
    return text


def _check_json(reading: Reading, value: Any, at: str) -> None:
    """Only texts that are nothing but a part are looked at: braces are common in JSON's texts."""
    if isinstance(value, str):
        if value.startswith("{") and value.endswith("}"):
            known_parts(reading, value, at, LOGIN_PARTS)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_json(reading, each, f"{at}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_json(reading, each, joined(at, key))


def _finder(
    reading: Reading, raw: object, at: str, compile_xpath: CompileXpath
) -> tuple[Find, Document | None, str | None]:
    """What finds a text in the login's answer, its document, and the cookie's name where it is one."""
    given = reading.members(raw, at, ("json", "xpath", "namespaces", "header", "cookie"))
    named = [name for name in ("json", "xpath", "header", "cookie") if given.get(name) is not None]
    nothing: Find = lambda _: None  # noqa: E731
    if len(named) != 1 or type(given[named[0]]) is not str:
        reading.note_got(at, "one of json, xpath, header and cookie, a text", f"{len(named)} of them")
        return nothing, None, None
    way, text = named[0], given[named[0]]
    try:
        if way == "json":
            return json_finder(json_path(text)), {"json": text}, None
        if way == "xpath":
            namespaces = given.get("namespaces") or {}
            return (
                xpath_finder(compile_xpath(text, namespaces)),
                {"xpath": text, "namespaces": namespaces},
                None,
            )
    except (PathRefused, ValueError, TypeError) as refused:
        reading.note_got(joined(at, way), f"a path ({refused})", "another text")
        return nothing, None, None
    http_token(reading, text, joined(at, way))
    if way == "header":
        return header_finder(text), {"header": text}, None
    if text == EVERY_COOKIE:
        return every_cookie, {"cookie": text}, text
    return cookie_finder(text), {"cookie": text}, text
