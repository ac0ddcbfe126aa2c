"""What a contact record of Amazon Connect travels in: nothing, a list, EventBridge's envelope, Kinesis, Firehose."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from dispatcher.sources.format import HandshakeReply, NotUnderstood, Posted
from dispatcher.sources.generic import decode_json
from dispatcher.sources.posts.said import said

Record = Mapping[str, Any]

MOST_RECORDS = 1000
_MOST_ENVELOPES = 5
"""Firehose's request, its records and an envelope of EventBridge are three; what is deeper is somebody's mischief."""
_MOST_VALUES = 4 * MOST_RECORDS
"""Looked at on the way to the records, so that a post of empty lists takes no seconds."""
_MAX_REQUEST_ID_CHARACTERS = 128
"""Firehose's are GUIDs, and an answer is short."""
_GZIP = b"\x1f\x8b"


def records_in(body: bytes) -> list[Record]:
    """The contact records and events of a post, in its order, at most 1,000. Raises `NotUnderstood`."""
    if body.startswith(_GZIP):
        raise NotUnderstood("The body is compressed: switch content encoding off in the Firehose stream.")
    found: list[Record] = []
    left, looked_at = [(decode_json(body), 0)], 0
    while left:
        value, depth = left.pop()
        looked_at += 1
        if isinstance(value, dict) and ("ContactId" in value or ("contactId" in value and "eventType" in value)):
            found.append(value)
            continue
        if depth == _MOST_ENVELOPES:
            raise NotUnderstood("The body has more envelopes than any service of Amazon's puts around a record.")
        inside = list(islice(_contents(value), MOST_RECORDS + 1))
        if len(inside) > MOST_RECORDS or looked_at > _MOST_VALUES:
            raise NotUnderstood(f"The post holds more than {MOST_RECORDS} records.")
        left += [(each, depth + 1) for each in reversed(inside)]
    if len(found) > MOST_RECORDS:
        raise NotUnderstood(f"The post holds more than {MOST_RECORDS} records.")
    return found


def _contents(value: object) -> Iterable[object]:
    """What is inside of a list, of Firehose's request, of EventBridge's event, or of Firehose's or Kinesis' record."""
    match value:
        case list():
            return value
        case {"records": list() as records, "requestId": _}:
            return records
        case {"detail": dict() as detail}:
            return [detail]
        case {"data": str() as data}:
            return _values_of(data)
        case _:
            raise NotUnderstood("The body holds no contact record: there is no ContactId.")


def _values_of(data: str) -> Iterator[object]:
    """The JSON values of Firehose's Base64, which may follow each other with or without a line break."""
    try:
        text = base64.b64decode(data, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise NotUnderstood("A record's data is no Base64 of text in UTF-8.") from None
    decoder, place = json.JSONDecoder(parse_constant=_no_constant), 0
    while (place := _next(text, place)) < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            raise NotUnderstood("A record's data is no JSON.") from None
        yield value


def _next(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place


def _no_constant(name: str) -> object:
    raise ValueError(name)


def succeed(posted: Posted) -> HandshakeReply | None:
    """Firehose counts a delivery only where the answer is JSON with its own request's id; others are told nothing."""
    request_id = posted.headers.get("x-amz-firehose-request-id") or _request_id(posted.body)
    if request_id is None or len(request_id) > _MAX_REQUEST_ID_CHARACTERS:
        return None
    answer = {"requestId": request_id, "timestamp": int(posted.received_at.timestamp() * 1000)}
    return HandshakeReply(200, {"content-type": "application/json"}, json.dumps(answer).encode())


def _request_id(body: bytes) -> str | None:
    if b'"requestId"' not in body:
        return None
    try:
        value = decode_json(body)
    except NotUnderstood:
        return None
    return said(value.get("requestId")) if isinstance(value, dict) and "records" in value else None
