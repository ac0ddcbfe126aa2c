"""How many posts were not let in, by source and reason: the first thing that an operator asks when calls stay away."""

from collections.abc import Mapping
from threading import Lock


class RefusedPosts:
    """Counts in memory, from the start of the process. Sources are those that exist, so that nobody can add labels."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = Lock()

    def count(self, source: str, why: str) -> None:
        """One more of this source's, for this reason."""
        with self._lock:
            self._counts[source, why] = self._counts.get((source, why), 0) + 1

    def counted(self) -> Mapping[tuple[str, str], int]:
        """The counts now, by source and reason."""
        with self._lock:
            return dict(self._counts)
