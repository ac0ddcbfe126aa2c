"""Hints that stay in a list: what a worker would get from the broker, for a test to look at."""

from collections.abc import Sequence
from uuid import UUID

from dispatcher.ports import BrokerUnavailable, Depth


class MemoryHints:
    """Records every hint. While `away` is set it takes none, as a broker that is down."""

    def __init__(self) -> None:
        self.away = False
        self.evaluations: list[list[UUID]] = []
        """The hints that wait, as `evaluate` was given them."""
        self.deliveries: list[tuple[UUID, list[UUID]]] = []

    def evaluate(self, event_ids: Sequence[UUID]) -> None:
        self._reach()
        self.evaluations.append(list(event_ids))

    def deliver(self, profile_id: UUID, delivery_ids: Sequence[UUID]) -> None:
        self._reach()
        self.deliveries.append((profile_id, list(delivery_ids)))

    def depth(self) -> Depth:
        self._reach()
        return Depth(len(self.evaluations), len(self.deliveries))

    def wipe(self) -> None:
        """Loses every hint, as a broker that was restarted without its data."""
        self.evaluations.clear()
        self.deliveries.clear()

    def _reach(self) -> None:
        if self.away:
            raise BrokerUnavailable("away")
