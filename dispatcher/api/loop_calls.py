"""Calls from other threads into the event loop of the API."""

from asyncio import AbstractEventLoop
from collections.abc import Callable


class LoopCalls:
    """Runs functions in the loop it is bound to; before that, and after its end, where it is called."""

    def __init__(self) -> None:
        self._loop: AbstractEventLoop | None = None

    def bind(self, loop: AbstractEventLoop) -> None:
        """From now on functions run in this loop."""
        self._loop = loop

    def __call__(self, function: Callable[[], None]) -> None:
        """Has the function run soon; from any thread."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(function)
                return
            except RuntimeError:  # the loop has ended: nobody waits for the answer there
                self._loop = None
        function()
