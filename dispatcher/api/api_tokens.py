"""`/v1/tokens`: who may use this API."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from dispatcher.api.answers import Document, Json, no_content, whole
from dispatcher.api.caller import Administrator, Body
from dispatcher.api.problems import not_found, refused
from dispatcher.domain.shape import Reading
from dispatcher.ports import Token
from dispatcher.tokens import TokenRefused

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])


@router.get("")
def list_tokens(caller: Administrator) -> Response:
    """Every token, oldest first, without its secrets. Scope `admin`."""
    caller.inside.gate.usage.flush()
    return whole([_shown(each) for each in caller.store.tokens(caller.workspace_id)])


@router.post("", status_code=201)
def create_token(caller: Administrator, body: Body) -> Response:
    """A new token with a `name` and `scopes`; its two secrets are shown this once. Scope `admin`."""
    reading = Reading()
    given: dict[str, Any] = reading.members(body, "", ("name", "scopes"))
    if reading.faults:
        raise refused("The token is refused.", reading.faults)
    try:
        minted = caller.inside.tokens.create(caller.workspace_id, given.get("name"), given.get("scopes"))
    except TokenRefused as error:
        raise refused("The token is refused.", error.faults) from None
    caller.inside.gate.tokens.forget(minted.token.id)
    caller.note("token.created", minted.token.id)
    return Json({**_shown(minted.token), "secret_1": minted.secret_1, "secret_2": minted.secret_2}, 201)


@router.delete("/{token_id}", status_code=204)
def revoke_token(caller: Administrator, token_id: str) -> Response:
    """Ends a token for good. Scope `admin`."""
    if not caller.inside.tokens.revoke(caller.workspace_id, token_id):
        raise not_found("token")
    caller.inside.gate.tokens.forget(token_id)
    caller.note("token.revoked", token_id)
    return no_content()


@router.post("/{token_id}/secrets/{which}/rotate")
def rotate_secret(caller: Administrator, token_id: str, which: str) -> Response:
    """A new secret 1 or 2, shown this once; the other one goes on being good. Scope `admin`."""
    if which not in {"1", "2"}:
        raise not_found("secret")
    secret = caller.inside.tokens.rotate(caller.workspace_id, token_id, int(which))
    if secret is None:
        raise not_found("token")
    caller.inside.gate.tokens.forget(token_id)
    caller.note("token.secret_rotated", f"{token_id} {which}")
    return Json({f"secret_{which}": secret})


def _shown(token: Token) -> Document:
    return {
        "id": token.id,
        "token": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "revoked_at": token.revoked_at,
        "requests": token.requests,
        "last_used_at": token.last_used_at,
    }
