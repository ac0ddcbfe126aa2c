"""Constant secrets: a password, or a token in a header, in the body or, where nothing else can be had, in the query."""

import base64
import binascii
from collections.abc import Sequence
from types import MappingProxyType
from urllib.parse import parse_qsl

from dispatcher.domain.answers.json_path import EXPECTED, MAX_PATH_CHARACTERS, json_path, values_at
from dispatcher.domain.shape import Reading
from dispatcher.sources.authentication.equality import any_equal
from dispatcher.sources.authentication.members import Auth, both
from dispatcher.sources.authentication.refusals import NotAuthenticated, Why
from dispatcher.sources.format import NotUnderstood, Posted
from dispatcher.sources.generic import decode_json

_CHALLENGES = MappingProxyType({"basic": 'Basic realm="onhook", charset="UTF-8"', "bearer": 'Bearer realm="onhook"'})


def is_one(given: str | None, expected: Sequence[str]) -> bool:
    """Whether it is one of the secrets; the time that this takes says nothing of how near it came, nor to which."""
    data = (given or "").encode("utf-8", "replace")
    return any_equal([each.encode() for each in expected], [data])


def check_username(reading: Reading, auth: Auth, at: str) -> None:
    """RFC 7617 has no way to write a colon in a user's name."""
    if ":" in str(auth.get("username")):
        reading.note_got(f"{at}.username", "no colon in it (RFC 7617)", "one")


def verify_basic(auth: Auth, posted: Posted) -> None:
    """RFC 7617. User and password are compared as one, so that neither's length of match shows in the time."""
    scheme, _, encoded = posted.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    expected = [f"{auth['username']}:{password}".encode() for password in both(auth, "password")]
    if not any_equal(expected, [given]):
        why = Why.WRONG if given else Why.MISSING
        raise NotAuthenticated("User name or password is missing or wrong.", _CHALLENGES["basic"], why)


def verify_bearer(auth: Auth, posted: Posted) -> None:
    """RFC 6750, by the Authorization header alone: a token in a URL ends up in logs."""
    scheme, _, given = posted.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_one(given.strip(), both(auth, "token")):
        raise NotAuthenticated("The bearer token is missing or wrong.", _CHALLENGES["bearer"], _why(given))


def verify_header_token(auth: Auth, posted: Posted) -> None:
    """A constant in a header of the poster's: RingCentral's Verification-Token, Firehose's access key."""
    given = posted.headers.get(auth["header"].lower())
    if not is_one(given, both(auth, "token")):
        raise NotAuthenticated("The token in the header is missing or wrong.", None, _why(given))


def verify_query_token(auth: Auth, posted: Posted) -> None:
    """A constant in the address, for call systems that can do no better."""
    given = next((value for name, value in posted.query if name == auth["name"]), None)
    if not is_one(given, both(auth, "token")):
        raise NotAuthenticated("The token in the query is missing or wrong.", None, _why(given))


def check_place(reading: Reading, auth: Auth, at: str) -> None:
    """A token in the body is at a path of JSON or in a field of a form: one of the two."""
    path, name = auth.get("path"), auth.get("field")
    if (path is None) == (name is None):
        reading.note_got(f"{at}.path", "either path (of JSON) or field (of a form)", "both" if path else "none")
    elif name is not None and not (type(name) is str and name):
        reading.note(f"{at}.field", "the name of a field", name)
    elif path is not None and not _is_path(path):
        reading.note(f"{at}.path", EXPECTED, path)


def verify_body_token(auth: Auth, posted: Posted) -> None:
    """A constant in the body: Aircall's `token`."""
    given = _in_form(posted, auth["field"]) if auth.get("field") else _in_json(posted, auth["path"])
    if not is_one(given, both(auth, "token")):
        raise NotAuthenticated("The token in the body is missing or wrong.", None, _why(given))


def _is_path(path: object) -> bool:
    try:
        return type(path) is str and len(path) <= MAX_PATH_CHARACTERS and bool(json_path(path))
    except ValueError:
        return False


def _in_form(posted: Posted, name: str) -> str | None:
    pairs = parse_qsl(posted.body.decode("utf-8", "replace"), keep_blank_values=True)
    return next((value for each, value in pairs if each == name), None)


def _in_json(posted: Posted, path: str) -> str | None:
    try:
        found = values_at(decode_json(posted.body), json_path(path))
    except NotUnderstood:
        return None
    return found[0] if found and type(found[0]) is str else None


def _why(given: str | None) -> Why:
    return Why.WRONG if given else Why.MISSING
