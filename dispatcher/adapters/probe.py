"""Whether something that may hang answers: asked in the background, told at once."""

from collections.abc import Callable
from threading import Event, Thread

LOOK_SECONDS = 5.0
FIRST_ANSWER_SECONDS = 0.5


class Probe:
    """Asks every few seconds, in a thread of its own that starts with the first question."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._answers = False
        self._asked = Event()
        self._thread = Thread(target=self._run, name="probe", daemon=True)

    def __call__(self) -> bool:
        """The last answer; False where the first one takes longer than half a second."""
        if self._thread.ident is None:
            self._thread.start()
            self._asked.wait(FIRST_ANSWER_SECONDS)
        return self._answers

    def _run(self) -> None:
        pause = Event()
        while not pause.wait(LOOK_SECONDS if self._asked.is_set() else 0):
            self._answers = self._ask()
            self._asked.set()
