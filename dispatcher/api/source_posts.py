"""`/v1/sources/{name}/events`: what call systems post in their own formats, answered as each of them expects."""

import asyncio

from starlette.types import Receive, Send
from starlette.types import Scope as Request

from dispatcher.api.fresh import Fresh
from dispatcher.api.gate import Gate
from dispatcher.api.intake import COMMIT_SECONDS, UNSURE, Intake, accepted_json, is_batch
from dispatcher.api.poster_replies import send_reply
from dispatcher.api.problems import Problem, not_found, refused_events, unavailable
from dispatcher.api.services import Services
from dispatcher.api.source_gate import SourceGate
from dispatcher.api.wire import send_answer
from dispatcher.domain.event import CallEvent, EventRefused
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Accepted, Source
from dispatcher.sources import FORMATS, Format, NotUnderstood, Posted, SourceSettings
from dispatcher.sources.format import HandshakeReply, events_of
from dispatcher.sources.generic import decode_json

PREFIX, SUFFIX = "/v1/sources/", "/events"
_NEVER_KEPT = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that a post in quarantine is kept without."""


def source_of(path: str) -> str | None:
    """The name in `/v1/sources/{name}/events`; None for any other path."""
    if not (path.startswith(PREFIX) and path.endswith(SUFFIX)):
        return None
    name = path[len(PREFIX) : -len(SUFFIX)]
    return name if name and "/" not in name else None


class SourceDoor:
    """Takes posts of every format. `sources` finds a source by name."""

    def __init__(self, gate: Gate, sources: Fresh[Source], intake: Intake, services: Services) -> None:
        self._gate = SourceGate(gate, services)
        self._sources, self._intake, self._services = sources, intake, services

    async def __call__(self, name: str, scope: Request, receive: Receive, send: Send) -> None:
        """Answers one post, with the status that its format's poster takes for success once all is durable.

        Raises a problem, or StoreUnavailable.
        """
        source = await self._sources.find(name)
        if source is None:
            raise not_found("source")
        spoken = FORMATS[source.format]
        posted = await self._gate.admit(source, spoken, scope, receive)
        if isinstance(posted, HandshakeReply):
            await send_reply(send, posted)
            return
        events = await self._read(source, spoken, posted)
        accepted = await self._intake.store(source, events) if events else []
        await _succeed(send, spoken, posted, accepted)

    async def _read(self, source: Source, spoken: Format, posted: Posted) -> list[CallEvent]:
        """The events of a post; what cannot be understood is put into quarantine and gives none."""
        settings = SourceSettings(source.time_zone, source.country, source.config)
        try:
            return events_of(spoken.parse(posted, settings))
        except NotUnderstood as error:
            if spoken.refuses_events:
                raise Problem(400, error.reason) from None
            reason = error.reason
        except EventRefused as error:
            if spoken.refuses_events:
                raise refused_events(error) from None
            reason = f"The record gives no usable {error.faults[0].field}: expected {error.faults[0].expected}."
        writing = asyncio.to_thread(self._quarantine, source, posted, reason)
        try:
            await asyncio.wait_for(writing, COMMIT_SECONDS)
        except TimeoutError:
            raise unavailable(UNSURE) from None
        return []

    def _quarantine(self, source: Source, posted: Posted, reason: str) -> None:
        now = self._services.clock()
        identifier = uuid7(unix_ms(now), self._services.random_bytes(10))
        headers = {name: value for name, value in posted.headers.items() if name not in _NEVER_KEPT}
        self._services.store.quarantine(identifier, source, posted.body, headers, reason, now)


async def _succeed(send: Send, spoken: Format, posted: Posted, accepted: list[Accepted]) -> None:
    reply = spoken.succeed(posted) if spoken.succeed else None
    if reply is not None:
        await send_reply(send, reply)
    elif spoken.success_body is None:
        await send_answer(
            send, spoken.success_status, accepted_json(accepted, batch=is_batch(decode_json(posted.body)))
        )
    else:
        await send_answer(send, spoken.success_status, spoken.success_body, "text/plain; charset=utf-8")
