"""`/v1/profiles`: the integrations, their revisions and their signing secrets."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, no_content, slice_by_name, whole, without
from dispatcher.api.caller import (
    DEFAULT_LIMIT,
    Administrator,
    Body,
    Caller,
    Cursor,
    Limit,
    OptionalBody,
    Reader,
    Writer,
    object_of,
)
from dispatcher.api.merge_patch import merge_patch
from dispatcher.api.problems import not_found, refused, refused_field, unavailable
from dispatcher.domain.field_values import described
from dispatcher.domain.profile import ProfileRefused, ProfileSpec, parse_profile
from dispatcher.domain.shape import Reading
from dispatcher.domain.signature import SECRET_BYTES, new_secret
from dispatcher.ports import SavedProfile
from dispatcher.review import neighbours_of, refuse_while_followed, review
from dispatcher.tokens import Scope, permits
from dispatcher.wsdls import TooManyInspections

router = APIRouter(prefix="/v1/profiles", tags=["profiles"])

READ_ONLY = ("revision", "disabled_reason", "created_at", "updated_at")
"""Members that answers add. They are ignored in what is saved, so that an answer can be edited and sent back."""
DEFAULT_OVERLAP_SECONDS = 86_400
_MAX_OVERLAP_SECONDS = 90 * 86_400
TOO_MANY = "As many WSDLs as may be at once are being inspected; nothing was changed."
_REFUSED = "The profile is refused; nothing was changed."


@router.get("")
def list_profiles(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Profiles by name. Scope `read`."""
    return slice_by_name([_shown(each) for each in caller.store.profiles(caller.workspace_id)], cursor, limit)


@router.post("", status_code=201)
def create_profile(caller: Writer, body: Body) -> Response:
    """A new profile; 409 where the name is taken. Scope `write`."""
    return _create(caller, object_of(body))


@router.get("/{name}")
def show_profile(caller: Reader, name: str) -> Response:
    """A profile in its current revision. Scope `read`."""
    return Json(_shown(_saved(caller, name)))


@router.put("/{name}")
def replace_profile(caller: Writer, name: str, body: Body) -> Response:
    """Replaces a profile: a new revision, unless nothing changed. Scope `write`."""
    return _save(caller, name, {"name": name, **object_of(body)})


@router.patch("/{name}")
def change_profile(caller: Writer, name: str, body: Body) -> Response:
    """Merges a JSON merge patch (RFC 7396) into a profile; null resets a member to its default. Scope `write`."""
    return _patch(caller, name, object_of(body))


@router.delete("/{name}", status_code=204)
def delete_profile(caller: Writer, name: str) -> Response:
    """Removes a profile; its open deliveries are discarded, its log is kept. 409 while another profile follows it.
    Scope `write`."""
    refuse_while_followed(name, neighbours_of(caller.store, caller.workspace_id))
    if not caller.store.delete_profile(caller.workspace_id, name, caller.now()):
        raise not_found("profile")
    return no_content()


@router.post("/{name}/clone", status_code=201)
def clone_profile(caller: Writer, name: str, body: Body) -> Response:
    """A copy under another `name`, in its first revision and with a signing secret of its own. Other members that are
    given (`enabled`, another URL) are merged into it (RFC 7396). 409 where the name is taken. Scope `write`."""
    original, given = _saved(caller, name).profile.spec.document, object_of(body)
    if "name" not in given:
        raise refused(_REFUSED, [{"field": "name", "expected": "the name of the copy", "got": "nothing"}])
    return _create(caller, merge_patch(original, without(given, *READ_ONLY)))


@router.post("/{name}/enable")
def enable_profile(caller: Writer, name: str) -> Response:
    """Switches a profile on; its open deliveries go on. Scope `write`."""
    return _patch(caller, name, {"enabled": True})


@router.post("/{name}/disable")
def disable_profile(caller: Writer, name: str) -> Response:
    """Switches a profile off; its open deliveries wait. Scope `write`."""
    # Not reviewed again: what was saved under older rules must be possible to stop.
    spec = _saved(caller, name).profile.spec
    off = replace(spec, enabled=False, document={**spec.document, "enabled": False})
    saved = caller.store.update_profile(caller.workspace_id, name, off, caller.now())
    if saved is None:
        raise not_found("profile")
    return Json(_shown(saved))


@router.get("/{name}/revisions")
def list_revisions(caller: Reader, name: str) -> Response:
    """Every revision with its document, newest first. Scope `read`."""
    _saved(caller, name)
    return whole(caller.store.revisions(caller.workspace_id, name))


@router.get("/{name}/signing-secret")
def show_signing_secret(caller: Administrator, name: str) -> Response:
    """The signing secret and, while they overlap, the previous one. Each look is in the audit log. Scope `admin`."""
    return _secrets(caller, name, "signing_secret.read")


@router.post("/{name}/signing-secret/rotate")
def rotate_signing_secret(caller: Administrator, name: str, body: OptionalBody) -> Response:
    """A new signing secret; for `overlap_seconds` requests are signed with both. Scope `admin`."""
    overlap, now = timedelta(seconds=_overlap(body)), caller.now()
    secret = new_secret(caller.inside.services.random_bytes(SECRET_BYTES))
    if not caller.store.rotate_signing_secret(caller.workspace_id, name, secret, now + overlap, now):
        raise not_found("profile")
    return _secrets(caller, name, "signing_secret.rotated")


def _secrets(caller: Caller, name: str, action: str) -> Response:
    # Into the audit log first: a secret that could not be noted is not shown.
    if caller.store.profile(caller.workspace_id, name) is not None:
        caller.note(action, name)
    found = caller.store.signing_secrets(caller.workspace_id, name, caller.now())
    if found is None:
        raise not_found("profile")
    return Json({"current": found[0], "previous": found[1]})


def _overlap(body: object) -> float:
    reading = Reading()
    given = reading.members(body, "", ("overlap_seconds",)).get("overlap_seconds", DEFAULT_OVERLAP_SECONDS)
    overlap = reading.number(given, "overlap_seconds", (0, _MAX_OVERLAP_SECONDS))
    if reading.faults:
        raise refused("Nothing was changed: the request is refused.", reading.faults)
    return overlap


def _saved(caller: Caller, name: str) -> SavedProfile:
    saved = caller.store.profile(caller.workspace_id, name)
    if saved is None:
        raise not_found("profile")
    return saved


def _create(caller: Caller, document: Document) -> Response:
    spec = checked_spec(caller, document)
    return Json(_shown(caller.store.create_profile(caller.workspace_id, spec, caller.now())), 201)


def _patch(caller: Caller, name: str, patch: Document) -> Response:
    current = _saved(caller, name).profile.spec.document
    return _save(caller, name, merge_patch(current, without(patch, *READ_ONLY)))


def _save(caller: Caller, name: str, document: Any) -> Response:
    given = document.get("name")
    if given != name:
        expected = "the name in the path: a profile is not renamed, but cloned"
        raise refused_field("name", expected, described(given))
    saved = caller.store.update_profile(caller.workspace_id, name, checked_spec(caller, document), caller.now())
    if saved is None:
        raise not_found("profile")
    return Json(_shown(saved))


def checked_spec(caller: Caller, document: Document) -> ProfileSpec:
    """The profile, pinned to the content of its WSDL, read, and reviewed beside its neighbours. Blocks for a minute at
    most where a WSDL has to be fetched. Raises a 422 problem with every fault, and 503."""
    services, store, workspace_id = caller.inside.services, caller.store, caller.workspace_id
    # Who may only read may try a draft, and must not have a credential sent to an address of his choice by it.
    may_fetch = permits(caller.token, Scope.WRITE)
    try:
        pinned = services.wsdls.pin(workspace_id, without(document, *READ_ONLY), may_fetch=may_fetch)
        spec = parse_profile(pinned, services.engines)
    except ProfileRefused as error:
        raise refused(_REFUSED, error.faults) from None
    except TooManyInspections:
        raise unavailable(TOO_MANY) from None
    neighbours = neighbours_of(store, workspace_id)
    faults = review(spec, neighbours, store.credential_names(workspace_id), services.templates, workspace_id)
    if faults:
        raise refused(_REFUSED, faults)
    return spec


def _shown(saved: SavedProfile) -> Document:
    return {
        **saved.profile.spec.document,
        "revision": saved.profile.revision,
        "enabled": saved.profile.enabled,
        "disabled_reason": saved.disabled_reason,
        "created_at": saved.created_at,
        "updated_at": saved.updated_at,
    }
