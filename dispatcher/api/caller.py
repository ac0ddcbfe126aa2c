"""What an endpoint is given: who asks, within which scope, and the body that came along."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request

from dispatcher.api.fresh import Fresh
from dispatcher.api.gate import Gate
from dispatcher.api.problems import Problem, refused_field
from dispatcher.api.services import Services, Store
from dispatcher.api.wire import Disconnected, read_body
from dispatcher.domain.field_values import described
from dispatcher.ports import Source, Token
from dispatcher.quarantine import Quarantine
from dispatcher.rehearse import Rehearser
from dispatcher.replay import Replayer
from dispatcher.sources import NotUnderstood
from dispatcher.sources.generic import decode_json
from dispatcher.tokens import Scope, Tokens


@dataclass(frozen=True)
class Inside:
    """The parts behind the doors, made once for an app."""

    services: Services
    gate: Gate
    sources: Fresh[Source]
    tokens: Tokens
    replayer: Replayer
    rehearser: Rehearser
    quarantine: Quarantine


@dataclass(frozen=True)
class Caller:
    """An admitted request."""

    inside: Inside
    token: Token

    @property
    def store(self) -> Store:
        """The database."""
        return self.inside.services.store

    @property
    def workspace_id(self) -> UUID:
        """The workspace that everything the caller sees belongs to."""
        return self.token.workspace_id

    def now(self) -> datetime:
        """The moment now."""
        return self.inside.services.clock()

    def note(self, action: str, subject: str) -> None:
        """Writes into the audit log."""
        self.store.audit(self.workspace_id, self.token.id, action, subject, self.now())


def inside_of(request: Request) -> Inside:
    """The parts behind the doors."""
    inside: Inside = request.app.state.inside
    return inside


class Admits:
    """Lets in tokens with a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller; raises 401 and 403 problems, and StoreUnavailable."""
        inside = inside_of(request)
        return Caller(inside, await inside.gate.admit(request.headers.get("authorization"), self.scope))


async def json_body(request: Request) -> object:
    """The decoded JSON body. Raises 400 and 413 problems."""
    limit = inside_of(request).services.max_body_bytes
    try:
        return decode_json(await read_body(request.scope, request.receive, limit))
    except NotUnderstood as error:
        raise Problem(400, error.reason) from None
    except Disconnected:
        raise Problem(400, "The body ended early.") from None


async def optional_json_body(request: Request) -> object:
    """As `json_body`; an empty body counts as an object without members."""
    limit = inside_of(request).services.max_body_bytes
    try:
        body = await read_body(request.scope, request.receive, limit)
        return decode_json(body) if body.strip() else {}
    except NotUnderstood as error:
        raise Problem(400, error.reason) from None
    except Disconnected:
        raise Problem(400, "The body ended early.") from None


def object_of(raw: object) -> dict[str, Any]:
    """The body as an object; raises a 422 problem."""
    if isinstance(raw, dict):
        return raw
    raise refused_field("", "an object", described(raw))


Reader = Annotated[Caller, Depends(Admits(Scope.READ))]
Writer = Annotated[Caller, Depends(Admits(Scope.WRITE))]
Administrator = Annotated[Caller, Depends(Admits(Scope.ADMIN))]
Body = Annotated[object, Depends(json_body)]
OptionalBody = Annotated[object, Depends(optional_json_body)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page.")]
Cursor = Annotated[str | None, Query(description="The `next` of the page before.")]

DEFAULT_LIMIT = 100
