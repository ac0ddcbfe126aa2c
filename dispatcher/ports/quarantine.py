"""Ports of quarantine: posts that their source's format could not read, kept until somebody has mended that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dispatcher.ports.administration import Page, Source


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post as it was kept: without the headers and the query values that authenticated it.

    `source` is None where the source is deleted.
    """

    id: UUID
    source: str | None
    received_at: datetime
    reason: str
    method: str = field(repr=False)
    query: Sequence[tuple[str, str]] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldFilter:
    """Which posts; absent members do not restrict. `since` is inclusive, `until` exclusive."""

    ids: tuple[UUID, ...] | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class QuarantineStore(Protocol):
    """Posts in quarantine, sealed."""

    def source(self, name: str) -> Source | None: ...

    def quarantine(
        self,
        identifier: UUID,
        source: Source,
        body: bytes,
        headers: Mapping[str, str],
        reason: str,
        now: datetime,
        method: str = "POST",
        query: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Keeps a post, durably."""
        ...

    def quarantined(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page:
        """Newest first, without what was posted."""
        ...

    def held_posts(self, workspace_id: UUID, chosen: HeldFilter, after: UUID | None, limit: int) -> list[HeldPost]:
        """Oldest first, those behind an id."""
        ...

    def still_held(self, workspace_id: UUID, post_id: UUID, reason: str) -> None:
        """Notes why a post is not understood now."""
        ...

    def release(self, workspace_id: UUID, post_ids: Sequence[UUID]) -> int:
        """Removes posts; how many there were."""
        ...
