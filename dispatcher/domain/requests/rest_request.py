"""A REST request as a profile describes it: method, URL, query, headers and body, with templates still in them."""

from dataclasses import dataclass
from typing import Any

from dispatcher.domain.requests.body import NO_BODY, OWN_CONTENT_TYPE, Body, BodyKind, read_body
from dispatcher.domain.requests.cloud_event import Mode
from dispatcher.domain.requests.http_headers import read_headers
from dispatcher.domain.requests.pairs import Pair, pairs_document, read_pairs
from dispatcher.domain.requests.target_url import read_url
from dispatcher.domain.shape import Reading

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request to render. Scheme, host and port of `url` are literal, so that no call decides where it goes."""

    method: str
    url: str
    query: tuple[Pair, ...] = ()
    headers: tuple[Pair, ...] = ()
    body: Body = NO_BODY

    @property
    def target(self) -> str:
        """What is asked of whom, for a list."""
        return f"{self.method} {self.url}"

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


def read_rest_request(reading: Reading, raw: object, at: str) -> RestRequest:
    """A profile's `request` of kind rest; faults are noted."""
    given = reading.members(raw, at, ("kind", "method", "url", "query", "headers", "body"))
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
    headers = read_headers(reading, raw, at)
    for index, (name, _) in enumerate(headers):
        expected = _fault_beside(name.lower(), body)
        if expected is not None:
            reading.note(f"{at}[{index}].name", expected, name)
    return headers


def _fault_beside(lowered: str, body: Body) -> str | None:
    if lowered == "content-type" and body.kind in OWN_CONTENT_TYPE:
        return f"no Content-Type beside that of the {body.kind} body"
    if lowered.startswith("ce-") and body.kind is BodyKind.CLOUDEVENT and body.value.mode is Mode.BINARY:
        return "no header ce-..., which the event's attributes are sent in; add it to extensions"
    return None
