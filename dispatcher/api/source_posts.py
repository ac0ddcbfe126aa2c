"""`/v1/sources/{name}/events`: what call systems post in their own formats, answered as each of them expects."""

import asyncio
import logging
from collections.abc import Iterator, Mapping

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
from dispatcher.domain.event import EventRefused
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Accepted, Source
from dispatcher.sources import FORMATS, Format, NotUnderstood, Posted
from dispatcher.sources.format import HandshakeReply
from dispatcher.sources.generic import decode_json
from dispatcher.sources.reading import read, reason_of
from dispatcher.take import Read

logger = logging.getLogger(__name__)

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
        parsed = await self._read(source, spoken, posted)
        accepted = await self._intake.store(source, parsed) if parsed else []
        await _succeed(send, spoken, posted, accepted)

    async def _read(self, source: Source, spoken: Format, posted: Posted) -> Read:
        """What a post says; what cannot be understood is put into quarantine and gives nothing."""
        try:
            return read(spoken, source, posted)
        except NotUnderstood as error:
            if spoken.refuses_events:
                raise Problem(400, error.reason) from None
            reason = reason_of(error)
        except EventRefused as error:
            if spoken.refuses_events:
                raise refused_events(error) from None
            reason = reason_of(error)
        logger.warning("source.not_understood", extra={"fields": {"source": source.name, "reason": reason}})
        writing = asyncio.to_thread(self._quarantine, source, posted, reason)
        try:
            await asyncio.wait_for(writing, COMMIT_SECONDS)
        except TimeoutError:
            raise unavailable(UNSURE) from None
        return []

    def _quarantine(self, source: Source, posted: Posted, reason: str) -> None:
        now = self._services.clock()
        identifier = uuid7(unix_ms(now), self._services.random_bytes(10))
        secrets = _secrets_of(source)
        headers = {
            name: value for name, value in posted.headers.items() if name not in _NEVER_KEPT and value not in secrets
        }
        query = [(name, value) for name, value in posted.query if value not in secrets]
        self._services.store.quarantine(identifier, source, posted.body, headers, reason, now, posted.method, query)


def _secrets_of(source: Source) -> set[str]:
    """What a poster may show as it is to be let in."""
    return set(_texts([value for name, value in (source.auth or {}).items() if name != "kind"])) - {""}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


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
