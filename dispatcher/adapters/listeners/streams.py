"""TCP streams that give all that came before a connection was reset.

The standard library's reader raises a reset at once, and forgets the bytes that it has and nobody has read yet.
"""

import asyncio
from collections.abc import Callable


class Reader(asyncio.StreamReader):
    """Ends as if the peer had closed the connection; `lost` says afterwards why it broke, if it did."""

    lost: BaseException | None = None

    def set_exception(self, exc: BaseException) -> None:
        """Called when the connection breaks."""
        self.lost = exc
        self.feed_eof()


async def start_server(
    admit: Callable[[Reader, asyncio.StreamWriter], None], host: str, port: int
) -> asyncio.base_events.Server:
    """As `asyncio.start_server`. Raises OSError."""
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.StreamReaderProtocol:
        reader = Reader(loop=loop)
        return asyncio.StreamReaderProtocol(reader, lambda _, writer: admit(reader, writer), loop=loop)

    return await loop.create_server(protocol, host, port)


async def open_connection(host: str, port: int) -> tuple[Reader, asyncio.StreamWriter]:
    """As `asyncio.open_connection`. Raises OSError."""
    loop = asyncio.get_running_loop()
    reader = Reader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, host, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
