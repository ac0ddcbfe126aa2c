"""The rows of the in-memory store: what `tables.py` says of the databases', as far as the twin needs it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatcher.domain.delivery import Attempt, State
from dispatcher.ports import NewEvent


@dataclass(slots=True)
class EventRow:
    """An accepted event and its evaluation."""

    event: NewEvent
    wake_at: datetime | None
    evaluated_at: datetime | None = None
    version: int | None = None
    made: int = 0
    erase_at: datetime | None = None
    erased_at: datetime | None = None
    test: bool = False


@dataclass(slots=True)
class DeliveryRow:
    """A delivery. While it is `sending`, `wake_at` is where its lease ends."""

    id: UUID
    workspace_id: UUID
    event_id: UUID
    profile_id: UUID
    revision: int
    state: State
    due_at: datetime | None
    wake_at: datetime | None
    claim_id: UUID | None
    opened_at: datetime
    created_at: datetime
    reason: str | None = None
    attempts: int = 0
    tries: int = 0
    finished_at: datetime | None = None
    partial: bool = False
    test: bool = False
    outputs: bytes | None = None

    @property
    def waits(self) -> bool:
        """Whether it is open and nobody is sending it."""
        return self.state in {State.PENDING, State.RETRYING}

    def end(self, state: State, reason: str, now: datetime) -> None:
        """Ends a delivery that nobody is sending, by a person or a rule."""
        self.state, self.reason, self.finished_at = state, reason, now
        self.due_at = self.wake_at = self.claim_id = None


def attempt_page(attempt: Attempt) -> dict[str, Any]:
    """An attempt as `AdminStore.attempts` shows it, without its excerpt."""
    exchange = attempt.exchange
    timings = exchange.timings if exchange else None
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "duration_ms": timings.total_ms if timings else None,
        "status": exchange.answer.status if exchange and exchange.answer else None,
        "error": attempt.error.value if attempt.error else None,
        "detail": attempt.detail or None,
        "outcome": attempt.outcome,
        "timings": {
            name: getattr(timings, name) if timings else None
            for name in ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms")
        },
    }
