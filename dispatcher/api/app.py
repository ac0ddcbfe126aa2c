"""The app: two doors for events in front, FastAPI for everything else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from dispatcher.api import (
    api_tokens,
    backtests,
    calls,
    credentials,
    deliveries,
    openapi,
    overview,
    profile_tests,
    profiles,
    source_previews,
    sources,
    workspace,
    wsdls,
)
from dispatcher.api.answers import problem_answer
from dispatcher.api.caller import Inside
from dispatcher.api.event_posts import EventDoor
from dispatcher.api.fresh import Fresh
from dispatcher.api.gate import Gate, Usage
from dispatcher.api.intake import Intake
from dispatcher.api.lingering import Lingering
from dispatcher.api.problems import Problem, internal, refused, unavailable
from dispatcher.api.services import Services
from dispatcher.api.source_posts import SourceDoor, source_of
from dispatcher.api.wire import Disconnected, send_problem
from dispatcher.domain.field_values import described
from dispatcher.domain.requests.own_headers import user_agent
from dispatcher.ports import Conflict, StoreUnavailable
from dispatcher.rehearse import Rehearser
from dispatcher.replay import Replayer
from dispatcher.tokens import Tokens

logger = logging.getLogger(__name__)

_DOORS = (
    overview,
    calls,
    deliveries,
    backtests,
    profile_tests,
    profiles,
    credentials,
    source_previews,
    sources,
    wsdls,
    workspace,
    api_tokens,
    openapi,
)
_ROUTERS = tuple(each.router for each in _DOORS)
EVENTS = "/v1/events"
EVENTS_METHODS = "GET, POST"
FLUSH_SECONDS = 1.0
"""How often the counted use of tokens is written."""


def build_app(services: Services) -> ASGIApp:
    """The API as an ASGI app. Its lifespan must run, so that the use of tokens is written."""
    inside = Inside(
        services,
        Gate(services.store, services.clock),
        Fresh(services.store.source),
        Tokens(services.store, services.clock, services.random_bytes),
        Replayer(services.store, services.hints, services.clock),
        _rehearser(services),
    )
    return Front(inside, _framework(inside))


def _rehearser(services: Services) -> Rehearser:
    return Rehearser(
        services.store,
        services.templates,
        services.hints,
        services.clock,
        services.random_bytes,
        user_agent=user_agent(services.version),
    )


class Front:
    """Answers posts of events by hand, hands on the rest, and lets no exception out."""

    def __init__(self, inside: Inside, framework: ASGIApp) -> None:
        services = inside.services
        intake = Intake(services.ingestor, services.clock)
        self._framework = framework
        self._events = EventDoor(
            inside.gate, inside.sources, intake, services.clock, max_body_bytes=services.max_body_bytes
        )
        self._source_posts = SourceDoor(inside.gate, inside.sources, intake, services)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """One connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._framework(scope, receive, send)
            return
        request = Lingering(scope, receive, send)
        try:
            await self._route(scope, request.receive, request.send)
        except Problem as problem:
            await send_problem(request.send, problem)
        except StoreUnavailable:
            await send_problem(request.send, unavailable())
        except Disconnected:
            return
        except Exception:
            # The last one who can answer: a failure of ours is a 500, and its text is for the log alone.
            logger.exception("api.failed")
            if not request.started:
                await send_problem(request.send, internal())

    async def _route(self, scope: Connection, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if "\0" in path or b"%00" in scope["query_string"]:
            # No id, name or cursor of ours holds one, and PostgreSQL takes it in no text.
            raise Problem(404, "There is nothing at this address: it holds a NUL character.")
        if path == EVENTS and scope["method"] == "POST":
            await self._events(scope, receive, send)
        elif path == EVENTS and scope["method"] not in {"GET", "POST"}:
            raise Problem(405, f"Events take {EVENTS_METHODS}.", headers={"allow": EVENTS_METHODS})
        elif (source := source_of(path)) is not None:
            await self._source_posts(source, scope, receive, send)
        else:
            await self._framework(scope, receive, send)


def _framework(inside: Inside) -> FastAPI:
    app = FastAPI(
        title="Onhook",
        version=inside.services.version,
        openapi_url=None,  # served by our own routes, with what the doors in front take
        docs_url=None,  # its pages load scripts from strangers' servers
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        exception_handlers=_HANDLERS,
    )
    app.state.inside = inside
    for router in _ROUTERS:
        app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    inside: Inside = app.state.inside
    inside.services.in_loop.bind(asyncio.get_running_loop())
    flushing = asyncio.create_task(_flush_for_ever(inside.gate.usage))
    try:
        yield
    finally:
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
        await asyncio.to_thread(inside.gate.usage.flush)


async def _flush_for_ever(usage: Usage) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await asyncio.to_thread(usage.flush)
        except Exception:
            # The loop that must survive: counts of use are worth a line in the log, not the end of counting.
            logger.exception("api.usage_not_written")


async def _on_problem(_: Request, error: Problem) -> Response:
    return problem_answer(error)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: an unknown path, a method that a path does not take."""
    match error.status_code:
        case 404:
            problem = Problem(404, "There is nothing at this address.")
        case 405:
            allowed = ", ".join(_methods_of(request.url.path))
            problem = Problem(405, "This address does not take that method.", headers={"allow": allowed})
        case status:
            problem = Problem(status, error.detail, headers=error.headers or {})
    return problem_answer(problem)


def _methods_of(path: str) -> list[str]:
    """Every method of a path (RFC 9110, 15.5.6); the framework names those of the first route that fits."""
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return sorted({method for route in routes if route.path_regex.match(path) for method in route.methods or ()})


async def _on_validation_error(_: Request, error: RequestValidationError) -> Response:
    """A query parameter that is not what it must be."""
    faults = [
        {"field": str(each["loc"][-1]), "expected": each["msg"], "got": described(each.get("input"))}
        for each in error.errors()
    ]
    return problem_answer(refused("The request is refused.", faults))


async def _on_store_unavailable(_: Request, __: StoreUnavailable) -> Response:
    return problem_answer(unavailable())


async def _on_conflict(_: Request, error: Conflict) -> Response:
    return problem_answer(Problem(409, str(error)))


async def _on_failure(_: Request, __: Exception) -> Response:
    """A failure of ours. It is raised on to `Front`, which logs it."""
    return problem_answer(internal())


_HANDLERS: dict[Any, Any] = {
    Problem: _on_problem,
    HTTPException: _on_http_exception,
    RequestValidationError: _on_validation_error,
    StoreUnavailable: _on_store_unavailable,
    Conflict: _on_conflict,
    Exception: _on_failure,
}
