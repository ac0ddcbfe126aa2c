"""`POST /v1/events`: the hot path, as plain ASGI: a framework costs several times as much."""

from urllib.parse import parse_qsl

from starlette.types import Receive, Send
from starlette.types import Scope as Request

from dispatcher.api.fresh import Fresh
from dispatcher.api.gate import Gate
from dispatcher.api.intake import Intake, accepted_json, is_batch
from dispatcher.api.problems import Problem, refused_events
from dispatcher.api.wire import header_of, read_body, send_answer
from dispatcher.domain.event import EventRefused, parse_events
from dispatcher.ports import Clock, Source, Token
from dispatcher.sources import NotUnderstood
from dispatcher.sources.generic import decode_json
from dispatcher.tokens import Scope

DEFAULT_SOURCE = "default"
"""The source of events that name none; every database has it from the start."""


class EventDoor:
    """Takes canonical events. `sources` finds a source by name."""

    def __init__(
        self, gate: Gate, sources: Fresh[Source], intake: Intake, clock: Clock, *, max_body_bytes: int
    ) -> None:
        self._gate, self._sources, self._intake, self._clock = gate, sources, intake, clock
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """Answers one POST: 202 once all of its events are durable. Raises a problem, or StoreUnavailable."""
        authorization = header_of(scope, b"authorization")
        token = await self._gate.admit(authorization.decode("latin-1") if authorization else None, Scope.INGEST)
        source = await self._source(scope, token)
        body = await read_body(scope, receive, self._max_body_bytes)
        try:
            raw = decode_json(body)
            events = parse_events(raw, self._clock())
        except NotUnderstood as error:
            raise Problem(400, error.reason) from None
        except EventRefused as error:
            raise refused_events(error) from None
        accepted = await self._intake.store(source, events)
        await send_answer(send, 202, accepted_json(accepted, batch=is_batch(raw)))

    async def _source(self, scope: Request, token: Token) -> Source:
        name = DEFAULT_SOURCE
        if scope["query_string"]:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            name = dict(query).get("source", DEFAULT_SOURCE)
        source = await self._sources.find(name)
        if source is None or source.workspace_id != token.workspace_id:
            raise Problem(404, "There is no such source.")
        return source
