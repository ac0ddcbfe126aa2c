"""Ports of rehearsal: a profile is tried out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.delivery import NewDelivery
from dispatcher.domain.exchange import Request
from dispatcher.ports.administration import AdminStore
from dispatcher.ports.evaluation import CatalogueStore
from dispatcher.ports.events import NewEvent


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request as a person reads it."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: str | None
    body_encoding: str
    """`utf-8`, or `base64` for a body that is no plain text."""
    http: str
    """As HTTP/1.1 text."""
    curl: str
    """As a command for a POSIX shell."""


ShowRequest = Callable[[Request], ShownRequest]


class RehearsalStore(AdminStore, CatalogueStore, Protocol):
    """What trying a profile out reads, and the tests that it sends. No test is counted in the books."""

    def newest_event(self, workspace_id: UUID, types: Collection[str]) -> UUID | None:
        """The newest event of these types (none given: of any) that is no test and not erased.

        Looked for among the newest thousand events of all, so that a type that never comes costs no long search.
        """
        ...

    def outputs_for(self, event_id: UUID, profile_id: UUID) -> dict[str, Any] | None:
        """What a profile's newest delivery of this event's call captured of its answer; None: it delivered nothing."""
        ...

    def add_test(
        self, event: NewEvent | None, delivery: NewDelivery, now: datetime, wake_at: datetime, *, private: bool
    ) -> None:
        """Stores a delivery that is a test, due now, and the event that was given for it, evaluated as if it had fired
        nothing; a private one may be erased as soon as the delivery is final.

        Raises `Conflict` where the stored event is erased.
        """
        ...
