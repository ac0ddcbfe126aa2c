"""`POST /v1/sources/preview`: what would become of a post, without storing anything."""

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json
from dispatcher.api.caller import Administrator, Body, Caller, object_of
from dispatcher.api.problems import not_found, refused
from dispatcher.domain.shape import Reading
from dispatcher.ports import Source
from dispatcher.sources import FORMATS, Posted, SourceSettings
from dispatcher.sources.document import SourceRefused, parse_source
from dispatcher.sources.preview import preview

router = APIRouter(prefix="/v1/sources", tags=["sources"])

_MEMBERS = ("source", "body", "body_base64", "headers", "query", "method")
_NO_NAME = "preview"
"""Of a source that is only tried: it need not have a name yet."""


@router.post("/preview")
def preview_source(caller: Administrator, body: Body) -> Response:
    """The canonical events that a source would make of a post, or why it understands nothing of it. Scope `admin`.

    `source` is a document as it would be saved, or the name of one that is. Signatures are not checked."""
    reading = Reading()
    given = reading.members(object_of(body), "", _MEMBERS)
    source = _source(caller, reading, given.get("source"))
    posted = _posted(caller, reading, given, source)
    if reading.faults or source is None or posted is None:
        raise refused("The request is refused.", reading.faults)
    settings = SourceSettings(source.time_zone, source.country, source.config)
    return Json(preview(FORMATS[source.format], posted, settings))


def _source(caller: Caller, reading: Reading, raw: object) -> Source | None:
    if isinstance(raw, str):
        stored = caller.store.source(raw)
        if stored is None or stored.workspace_id != caller.workspace_id:
            raise not_found("source")
        return stored
    if not isinstance(raw, dict):
        reading.note("source", "a source as a document, or the name of one", raw)
        return None
    try:
        return parse_source({"name": _NO_NAME, **raw}, uuid4(), caller.workspace_id)
    except SourceRefused as error:
        reading.faults += [{**fault, "field": f"source.{fault['field']}"} for fault in error.faults]
        return None


def _posted(caller: Caller, reading: Reading, given: Document, source: Source | None) -> Posted | None:
    body, query = _body(reading, given), _query(reading, given.get("query"))
    headers = _texts(reading, given.get("headers"), "headers")
    method = reading.word(given.get("method", "POST"), "method", ("POST", "GET", "PUT"))
    if source is None:
        return None
    url = f"https://localhost/v1/sources/{source.name}/events" + (f"?{urlencode(query)}" if query else "")
    lower = {name.lower(): value for name, value in headers.items()}
    return Posted(method, url, query, lower, body, caller.now(), "127.0.0.1")


def _body(reading: Reading, given: Document) -> bytes:
    """`body` as it is where it is text, else as JSON; or what `body_base64` holds."""
    if given.get("body_base64") is not None:
        try:
            return base64.b64decode(given["body_base64"], validate=True)
        except (binascii.Error, ValueError, TypeError):
            reading.note_got("body_base64", "Base64 as text", "not that")
            return b""
    body: Any = given.get("body", "")
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)


def _query(reading: Reading, raw: object) -> list[tuple[str, str]]:
    if isinstance(raw, str):
        return parse_qsl(raw, keep_blank_values=True)
    return list(_texts(reading, raw, "query").items())


def _texts(reading: Reading, raw: object, at: str) -> dict[str, str]:
    if raw is None:
        return {}
    if isinstance(raw, dict) and all(isinstance(value, str) for value in raw.values()):
        return raw
    reading.note(at, "an object of texts", raw)
    return {}
