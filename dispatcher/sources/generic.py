"""The format of `POST /v1/events`: canonical events as JSON."""

import json
import re

import orjson

from dispatcher.domain.event import CallEvent, parse_events
from dispatcher.sources.format import Format, NotUnderstood, Posted, SourceSettings

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(posted: Posted, _: SourceSettings) -> list[CallEvent]:
    """One event or `{"events": [...]}`. Raises `NotUnderstood` for what is no JSON (RFC 8259), else `EventRefused`."""
    return parse_events(decode_json(posted.body), posted.received_at)


def decode_json(body: bytes) -> object:
    """The JSON value of a body in UTF-8, whatever its Content-Type says. Raises `NotUnderstood`.

    orjson refuses escaped lone surrogates; the standard library keeps them, and the event's reader mends them.
    An integer beyond 64 bits becomes a float, as in JavaScript.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _SURROGATE_ESCAPE.search(body):
            return _decode_leniently(body)
        raise NotUnderstood(f"The body is not JSON (line {error.lineno}, column {error.colno}).") from None


def _decode_leniently(body: bytes) -> object:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NotUnderstood("The body is not JSON.") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


FORMAT = Format(
    name="generic",
    parse=parse,
    auth_kinds=frozenset({"token", "basic", "bearer", "header_token", "hmac", "jwt", "standard_webhooks"}),
    success_status=202,
    success_body=None,
    refuses_events=True,
)
