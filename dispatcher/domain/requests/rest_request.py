"""A REST request as a profile describes it: method, URL, query, headers and body, with templates still in them."""

import re
from dataclasses import dataclass
from typing import Any

from dispatcher.domain.requests.body import NO_BODY, OWN_CONTENT_TYPE, Body, BodyKind, read_body
from dispatcher.domain.requests.cloud_event import Mode
from dispatcher.domain.requests.pairs import Pair, pairs_document, read_pairs
from dispatcher.domain.requests.target_url import read_url
from dispatcher.domain.shape import Reading

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

RESERVED_HEADERS = frozenset(
    {"webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key", "user-agent"}
    | {"content-length", "host", "expect", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"}
)
"""Headers that Onhook sets itself, or that belong to the connection (RFC 9110, 7.6.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request to render. Scheme, host and port of `url` are literal, so that no call decides where it goes."""

    method: str
    url: str
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: Body = NO_BODY

    def as_document(self) -> dict[str, Any]:
        """As a profile's `request` shows it."""
        return {
            "kind": "rest",
            "method": self.method,
            "url": self.url,
            "query": pairs_document(self.query),
            "headers": pairs_document(self.headers),
            "body": self.body.as_document(),
        }


def read_request(reading: Reading, raw: object, at: str) -> RestRequest:
    """A profile's `request`; faults are noted."""
    if type(raw) is dict and raw.get("kind") == "soap":
        reading.note(f"{at}.kind", "rest (soap is not available in this version)", "soap")
        return RestRequest("POST", "")
    given = reading.members(raw, at, ("kind", "method", "url", "query", "headers", "body"))
    reading.word(given.get("kind", "rest"), f"{at}.kind", ("rest",))
    body = read_body(reading, given.get("body", {"kind": "none"}), f"{at}.body")
    method = reading.word(given.get("method"), f"{at}.method", METHODS)
    if given.get("method") == "GET" and body.kind is not BodyKind.NONE:
        reading.note_got(f"{at}.body.kind", "none, since a GET has no body", body.kind)
    return RestRequest(
        method,
        read_url(reading, given.get("url"), f"{at}.url"),
        read_pairs(reading, given.get("query", []), f"{at}.query"),
        _read_headers(reading, given.get("headers", []), f"{at}.headers", body),
        body,
    )


def _read_headers(reading: Reading, raw: object, at: str, body: Body) -> tuple[Pair, ...]:
    headers = read_pairs(reading, raw, at)
    for index, (name, value) in enumerate(headers):
        expected = _name_fault(name, body)
        if expected is not None:
            reading.note(f"{at}[{index}].name", expected, name)
        if _CONTROL.search(value):
            reading.note_got(f"{at}[{index}].value", "text without control characters", "a control character")
    return headers


def _name_fault(name: str, body: Body) -> str | None:
    lowered = name.lower()
    if not _TOKEN.fullmatch(name):
        return "a header name (a token of RFC 9110)"
    if lowered in RESERVED_HEADERS:
        return "a header that Onhook does not set itself"
    if lowered == "content-type" and body.kind in OWN_CONTENT_TYPE:
        return f"no Content-Type beside that of the {body.kind} body"
    if lowered.startswith("ce-") and body.kind is BodyKind.CLOUDEVENT and body.value.mode is Mode.BINARY:
        return "no header ce-..., which the event's attributes are sent in; add it to extensions"
    return None
