"""What the tests of CPaaS formats share: a post, two telephone numbers in all their forms, and how a post is read."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson

from dispatcher.sources import FORMATS, NotUnderstood, Posted, SourceSettings

NOW = datetime(2026, 11, 20, 10, 3, 21, tzinfo=UTC)


def posted(body=b"", method="POST", query=()):
    url = "https://onhook.example/v1/sources/cpaas/events"
    return Posted(method, url, list(query), {}, body, NOW, "192.0.2.20")


def said_in(fields):
    """The fields that a test does not leave out by None."""
    return {name: value for name, value in fields.items() if value is not None}


def read_form(name, fields, **settings):
    body = urlencode(said_in(fields)).encode()
    return list(FORMATS[name].parse(posted(body), SourceSettings(**settings)))


def read_json(name, value, **settings):
    return list(FORMATS[name].parse(posted(orjson.dumps(value)), SourceSettings(**settings)))


def read_query(name, fields, **settings):
    query = [(key, str(value)) for key, value in said_in(fields).items()]
    return list(FORMATS[name].parse(posted(method="GET", query=query), SourceSettings(**settings)))


def parts_or_refusal(name, body):
    """How many parts bytes give, 0 for the refusal; whatever else is raised fails the test."""
    try:
        return len(FORMATS[name].parse(posted(body), SourceSettings()))
    except NotUnderstood:
        return 0
