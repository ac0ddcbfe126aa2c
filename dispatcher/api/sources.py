"""`/v1/sources`: where call events may come from. Secrets go in, and never out again."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, no_content, slice_by_name
from dispatcher.api.caller import DEFAULT_LIMIT, Administrator, Body, Caller, Cursor, Limit, Reader, object_of
from dispatcher.api.event_posts import DEFAULT_SOURCE
from dispatcher.api.problems import Problem, not_found, refused, refused_field
from dispatcher.domain.field_values import described
from dispatcher.domain.shape import Reading
from dispatcher.ports import Source
from dispatcher.sources import FORMATS
from dispatcher.sources.authentication import check_auth

router = APIRouter(prefix="/v1/sources", tags=["sources"])

MASK = "********"
"""Shown for a secret. Sent back, it means the secret that is stored."""
_MEMBERS = ("name", "format", "auth", "time_zone", "country", "config")
_SHOWN_AUTH = frozenset({"kind", "username"})
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COUNTRY = re.compile(r"[A-Z]{2}")


@router.get("")
def list_sources(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Sources by name. Scope `read`."""
    return slice_by_name([_shown(each) for each in caller.store.sources(caller.workspace_id)], cursor, limit)


@router.post("", status_code=201)
def create_source(caller: Administrator, body: Body) -> Response:
    """A new source; 409 where the name is taken. Without `auth` it is closed. Scope `admin`."""
    source = _read(caller, object_of(body), uuid4(), {})
    if caller.store.source(source.name) is not None:
        raise Problem(409, f"There is a source {source.name!r} already.")
    return _save(caller, source, 201)


@router.get("/{name}")
def show_source(caller: Reader, name: str) -> Response:
    """One source, its secrets masked. Scope `read`."""
    return Json(_shown(_own(caller, name)))


@router.put("/{name}")
def replace_source(caller: Administrator, name: str, body: Body) -> Response:
    """Replaces a source; a masked secret stays what it is. Scope `admin`."""
    before = _own(caller, name)
    source = _read(caller, {"name": name, **object_of(body)}, before.id, before.auth or {})
    if source.name != name:
        raise refused_field("name", "the name in the path", described(source.name))
    return _save(caller, source, 200)


@router.delete("/{name}", status_code=204)
def delete_source(caller: Administrator, name: str) -> Response:
    """Removes a source, but not its events; `default` stays, since events that name none are its. Scope `admin`."""
    _own(caller, name)
    if name == DEFAULT_SOURCE:
        raise Problem(409, "The source of events that name none cannot be removed.")
    caller.store.delete_source(caller.workspace_id, name)
    caller.inside.sources.forget(name)
    caller.note("source.deleted", name)
    return no_content()


def _own(caller: Caller, name: str) -> Source:
    source = caller.store.source(name)
    if source is None or source.workspace_id != caller.workspace_id:
        raise not_found("source")
    return source


def _save(caller: Caller, source: Source, status: int) -> Response:
    caller.store.save_source(source, caller.now())
    caller.inside.sources.forget(source.name)
    caller.note("source.saved", source.name)
    return Json(_shown(source), status)


def _read(caller: Caller, raw: Document, identifier: UUID, stored: Mapping[str, Any]) -> Source:
    reading = Reading()
    given = reading.members(reading.plain(raw), "", _MEMBERS)
    name, country, config = given.get("name"), given.get("country"), given.get("config")
    config = {} if config is None else config
    if type(name) is not str or not _NAME.fullmatch(name):
        reading.note("name", "1 to 64 of a-z, 0-9 and . _ -, the first a letter or digit", name)
    if country is not None and (type(country) is not str or not _COUNTRY.fullmatch(country)):
        reading.note("country", "two capital letters of ISO 3166-1, or null", country)
    if type(config) is not dict:
        reading.note("config", "an object", config)
    spoken = reading.word(given.get("format"), "format", tuple(FORMATS))
    zone = _zone(reading, given.get("time_zone"))
    auth = _auth(reading, given.get("auth"), spoken, stored)
    if reading.faults:
        raise refused("The source is refused; nothing was changed.", reading.faults)
    return Source(identifier, caller.workspace_id, str(name), spoken, auth, zone, country, config)


def _zone(reading: Reading, raw: object) -> str:
    if raw is None:
        return "UTC"
    try:
        return ZoneInfo(raw).key  # type: ignore[arg-type]
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        reading.note("time_zone", "a name of the IANA time zone database, such as Europe/Berlin", raw)
        return "UTC"


def _auth(reading: Reading, raw: object, spoken: str, stored: Mapping[str, Any]) -> dict[str, Any] | None:
    if raw is None:
        return None
    if isinstance(raw, dict) and raw.get("kind") == stored.get("kind"):
        raw = {name: stored.get(name, value) if value == MASK else value for name, value in raw.items()}
    for problem in check_auth(raw):
        # The sentence says the field and what is expected of it; what came instead may be a secret.
        reading.note_got(problem.split(" ", 1)[0], problem, "not that")
    if not isinstance(raw, dict):
        return None
    if not reading.faults and raw["kind"] not in FORMATS[spoken].auth_kinds:
        kinds = ", ".join(sorted(FORMATS[spoken].auth_kinds))
        reading.note("auth.kind", f"one of {kinds}, which {spoken} can satisfy", raw["kind"])
    if MASK in raw.values():
        reading.note_got("auth", "the secret itself", "its mask, with no secret stored for this kind")
    return raw


def _shown(source: Source) -> Document:
    return {
        "name": source.name,
        "format": source.format,
        "auth": None if source.auth is None else _masked(source.auth),
        "time_zone": source.time_zone,
        "country": source.country,
        "config": dict(source.config),
    }


def _masked(auth: Mapping[str, Any]) -> Document:
    return {name: value if name in _SHOWN_AUTH else MASK for name, value in auth.items()}
