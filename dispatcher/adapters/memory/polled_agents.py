"""Agents that are polled, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import UUID

from dispatcher.ports import StoreUnavailable


@dataclass(slots=True)
class _Row:
    holder: UUID | None = None
    lease_until: datetime | None = None
    state: bytes | None = None

    def is_held_by(self, holder: UUID, now: datetime) -> bool:
        return self.holder == holder and self.lease_until is not None and self.lease_until > now

    def is_free(self, now: datetime) -> bool:
        return self.holder is None or self.lease_until is None or self.lease_until <= now


class MemoryPolledAgents:
    """Implements PolledAgents. While `away` is set it answers as a database that is down."""

    def __init__(self) -> None:
        self.away = False
        self._lock = Lock()
        self._rows: dict[tuple[UUID, str], _Row] = {}

    def claim_agents(
        self, source_id: UUID, agents: Sequence[str], holder: UUID, now: datetime, lease_until: datetime
    ) -> Mapping[str, bytes | None]:
        self._there()
        with self._lock:
            rows = {each: self._rows.setdefault((source_id, each), _Row()) for each in agents}
            for row in rows.values():
                if row.holder == holder or row.is_free(now):
                    row.holder, row.lease_until = holder, lease_until
            return {each: row.state for each, row in rows.items() if row.is_held_by(holder, now)}

    def save_agent(self, source_id: UUID, agent: str, holder: UUID, state: bytes, now: datetime) -> bool:
        self._there()
        with self._lock:
            row = self._rows.get((source_id, agent))
            if row is None or not row.is_held_by(holder, now):
                return False
            row.state = state
            return True

    def release_agents(self, source_id: UUID, holder: UUID) -> None:
        self._there()
        with self._lock:
            for (owner, _), row in self._rows.items():
                if owner == source_id and row.holder == holder:
                    row.holder = row.lease_until = None

    def _there(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
