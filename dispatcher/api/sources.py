"""`/v1/sources`: where call events may come from. Secrets go in, and never out again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, no_content, slice_by_name
from dispatcher.api.caller import DEFAULT_LIMIT, Administrator, Body, Caller, Cursor, Limit, Reader, object_of
from dispatcher.api.event_posts import DEFAULT_SOURCE
from dispatcher.api.problems import Problem, not_found, refused, refused_field
from dispatcher.domain.field_values import described
from dispatcher.ports import Source
from dispatcher.sources.document import SourceRefused, parse_source, shown_source

router = APIRouter(prefix="/v1/sources", tags=["sources"])


@router.get("")
def list_sources(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Sources by name. Scope `read`."""
    return slice_by_name([shown_source(each) for each in caller.store.sources(caller.workspace_id)], cursor, limit)


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
    return Json(shown_source(_own(caller, name)))


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
    return Json(shown_source(source), status)


def _read(caller: Caller, raw: Document, identifier: UUID, stored: Mapping[str, Any]) -> Source:
    try:
        return parse_source(raw, identifier, caller.workspace_id, stored)
    except SourceRefused as error:
        raise refused("The source is refused; nothing was changed.", error.faults) from None
