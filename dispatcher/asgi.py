"""The ASGI application, for any server that takes a factory: `uvicorn --factory dispatcher.asgi:create`."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.adapters.process import settle_in
from dispatcher.settings import Settings, load_settings
from dispatcher.wiring import build_api


def create(settings: Settings | None = None) -> ASGIApp:
    """The API of these settings, or of the environment's.

    When the server shuts down, and answers nobody any more, what was taken in is committed and hinted.
    """
    runtime = build_api(settings or load_settings())
    settle_in()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def until_shutdown() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(runtime.stop)
            return message

        await runtime.app(scope, until_shutdown if scope["type"] == "lifespan" else receive, send)

    return app
