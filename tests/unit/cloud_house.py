"""What the tests of cloud telephony's formats share: a post, two telephone numbers in all their forms, and readers."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson

from dispatcher.sources import FORMATS, NotUnderstood, Posted, SourceSettings

NOW = datetime(2026, 11, 20, 10, 4, tzinfo=UTC)


def posted(body=b"", method="POST", query=(), headers=None):
    url = "https://onhook.example/v1/sources/cloud/events"
    return Posted(method, url, list(query), headers or {}, body, NOW, "192.0.2.30")


def read(name, value, **settings):
    return list(FORMATS[name].parse(posted(orjson.dumps(value)), SourceSettings(**settings)))


def read_one(name, value, **settings):
    [found] = read(name, value, **settings)
    return found


def read_form(name, fields, **settings):
    return list(FORMATS[name].parse(posted(urlencode(fields).encode()), SourceSettings(**settings)))


def refusal(name, body, **settings):
    """The sentence with which a body is refused; None where it is understood."""
    try:
        FORMATS[name].parse(posted(body), SourceSettings(**settings))
    except NotUnderstood as refused:
        return refused.reason
    return None


def told(found):
    """What the assembler is told of a part, besides the call."""
    return (found.event.source_event_id, found.event.type, found.keys, found.ends_call, found.is_fact)


def encoded(value):
    """JSON, or an empty object where the value is none (hypothesis makes lone surrogates)."""
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return b"{}"
