"""`/v1/credentials`: how targets are told who asks. Secrets go in, and never out again."""

from collections.abc import Callable
from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, no_content, slice_by_name
from dispatcher.api.caller import (
    DEFAULT_LIMIT,
    Administrator,
    Body,
    Caller,
    Cursor,
    Limit,
    OptionalBody,
    Reader,
    object_of,
)
from dispatcher.api.merge_patch import merge_patch
from dispatcher.api.problems import Problem, not_found, refused
from dispatcher.credential_trial import fault_of_url, try_credential
from dispatcher.credentials import READ_ONLY, Credentials
from dispatcher.domain.credentials.spec import CredentialRefused
from dispatcher.domain.requests.own_headers import user_agent
from dispatcher.domain.shape import Reading
from dispatcher.ports import SavedCredential

router = APIRouter(prefix="/v1/credentials", tags=["credentials"])


@router.get("")
def list_credentials(caller: Reader, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Credentials by name, their secrets masked. Scope `read`."""
    kept = _kept(caller)
    return slice_by_name([kept.shown(each) for each in kept.store.credentials(caller.workspace_id)], cursor, limit)


@router.post("", status_code=201)
def create_credential(caller: Administrator, body: Body) -> Response:
    """A new credential; 409 where the name is taken. Its secrets are not shown again. Scope `admin`."""
    document = object_of(body)
    try:
        saved = _kept(caller).create(caller.workspace_id, document)
    except CredentialRefused as error:
        raise _refused(error) from None
    caller.note("credential.created", saved.credential.name)
    return Json(_kept(caller).shown(saved), 201)


@router.get("/{name}")
def show_credential(caller: Reader, name: str) -> Response:
    """One credential, its secrets masked, its certificates described. Scope `read`."""
    return Json(_kept(caller).shown(_saved(caller, name)))


@router.put("/{name}")
def replace_credential(caller: Administrator, name: str, body: Body) -> Response:
    """Replaces a credential; a masked secret stays what it is. Scope `admin`."""
    given = {"name": name, **object_of(body)}
    return _change(caller, name, lambda _: given)


@router.patch("/{name}")
def change_credential(caller: Administrator, name: str, body: Body) -> Response:
    """Merges a JSON merge patch (RFC 7396) into a credential; a masked secret stays what it is. Scope `admin`."""
    patch = {key: value for key, value in object_of(body).items() if key not in READ_ONLY}
    return _change(caller, name, lambda stored: merge_patch(stored, patch))


@router.delete("/{name}", status_code=204)
def delete_credential(caller: Administrator, name: str) -> Response:
    """Removes a credential and its tokens; 409, naming them, while profiles use it. Scope `admin`."""
    if not caller.store.delete_credential(caller.workspace_id, name):
        raise not_found("credential")
    caller.note("credential.deleted", name)
    return no_content()


@router.post("/{name}/secrets/{which}/rotate")
def rotate_credential_secret(caller: Administrator, name: str, which: str, body: Body) -> Response:
    """Puts the given `secret` into slot 1 or 2 and prefers it; the other one stays good and is tried where a target
    does not take this one yet. A null `secret` retires the slot. Scope `admin`."""
    reading = Reading()
    given = reading.members(body, "", ("secret",))
    if "secret" not in given:
        reading.note_got("secret", "the new secret, or null to retire the slot", "nothing")
    if reading.faults:
        raise refused("Nothing was changed: the request is refused.", reading.faults)
    return _rotate(caller, name, which, given["secret"])


@router.delete("/{name}/secrets/{which}")
def retire_credential_secret(caller: Administrator, name: str, which: str) -> Response:
    """Takes the secret out of slot 1 or 2; 422 for the last one. Scope `admin`."""
    return _rotate(caller, name, which, None)


@router.post("/{name}/test")
def test_credential(caller: Administrator, name: str, body: OptionalBody) -> Response:
    """Fetches a new token, where the kind needs one, and says until when it is good; with a `url`, sends a GET with the
    credential and says status and timings. Through the egress guard; no token and no body is shown. Scope `admin`."""
    reading = Reading()
    url = reading.members(body, "", ("url",)).get("url")
    if url is not None and not reading.faults and (fault := fault_of_url(url)) is not None:
        reading.note_got(fault["field"], fault["expected"], fault["got"])
    if reading.faults:
        raise refused("Nothing was tried: the request is refused.", reading.faults)
    services = caller.inside.services
    saved = _saved(caller, name)
    caller.note("credential.tested", name)
    proxy = caller.store.load_catalogue().proxies.get(caller.workspace_id)
    trial = try_credential(services.open_sender(), saved.credential, url, user_agent(services.version), proxy)
    return Json(asdict(trial))


def _kept(caller: Caller) -> Credentials:
    services = caller.inside.services
    return Credentials(caller.store, services.credential_engines, services.clock)


def _saved(caller: Caller, name: str) -> SavedCredential:
    saved = caller.store.credential(caller.workspace_id, name)
    if saved is None:
        raise not_found("credential")
    return saved


def _change(caller: Caller, name: str, make: Callable[[Document], object]) -> Response:
    try:
        saved = _kept(caller).change(caller.workspace_id, name, make)
    except CredentialRefused as error:
        raise _refused(error) from None
    if saved is None:
        raise not_found("credential")
    caller.note("credential.changed", name)
    return Json(_kept(caller).shown(saved))


def _rotate(caller: Caller, name: str, which: str, secret: object) -> Response:
    if which not in {"1", "2"}:
        raise not_found("secret")
    try:
        saved = _kept(caller).rotate(caller.workspace_id, name, int(which), secret)
    except CredentialRefused as error:
        raise _refused(error) from None
    if saved is None:
        raise not_found("credential")
    caller.note("credential.secret_retired" if secret is None else "credential.secret_rotated", f"{name} {which}")
    return Json(_kept(caller).shown(saved))


def _refused(error: CredentialRefused) -> Problem:
    return refused("The credential is refused; nothing was changed.", error.faults)
