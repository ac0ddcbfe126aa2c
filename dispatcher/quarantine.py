"""Posts that were not understood: read again once their source is mended, or thrown away."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.ports import HeldFilter, HeldPost, QuarantineStore, Source
from dispatcher.take import Read, Taker

PAGE_POSTS = 100
"""Read at a time: bodies may be large."""
NO_SOURCE = "Its source is deleted."

ReadAgain = Callable[[Source, HeldPost], Read | str]
"""What a post says, by the source as it is now; or why it is still not understood."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: posts that were looked at, understood, and left; and what was new in those understood."""

    posts: int = 0
    understood: int = 0
    left: int = 0
    stored: int = 0


class Quarantine:
    """Replays and discards. Safe to use from several threads, and to run twice."""

    def __init__(self, store: QuarantineStore, taker: Taker, read: ReadAgain) -> None:
        self._store, self._taker, self._read = store, taker, read

    def post(self, workspace_id: UUID, post_id: UUID) -> HeldPost | None:
        """One post, as it was kept."""
        found = self._store.held_posts(workspace_id, HeldFilter(ids=(post_id,)), None, 1)
        return found[0] if found else None

    def replay(self, workspace_id: UUID, chosen: HeldFilter, *, dry_run: bool = False) -> Replayed:
        """Reads the posts again, oldest first, with their sources' formats and settings as they are now.

        What is understood is stored through the door of every post, and leaves quarantine after that: a replay that is
        cut short, or runs twice, stores nothing twice. What is not stays, with the reason it has now. A dry run only
        counts. Raises StoreUnavailable; what was done until then stays done.
        """
        total = Replayed()
        for held in self._posts(workspace_id, chosen):
            said = self._understood(held)
            if isinstance(said, str):
                if not dry_run and said != held.reason:
                    self._store.still_held(workspace_id, held.id, said)
                total = replace(total, posts=total.posts + 1, left=total.left + 1)
                continue
            source, parsed = said
            stored = 0
            if not dry_run:
                accepted = self._taker.take(source, _named(parsed, held.id), held.received_at)
                stored = sum(not each.duplicate for each in accepted)
                self._store.release(workspace_id, [held.id])
            total = Replayed(total.posts + 1, total.understood + 1, total.left, total.stored + stored)
        return total

    def discard(self, workspace_id: UUID, chosen: HeldFilter) -> int:
        """Removes the posts for good; how many."""
        gone = 0
        for held in self._posts(workspace_id, chosen):
            gone += self._store.release(workspace_id, [held.id])
        return gone

    def count(self, workspace_id: UUID, chosen: HeldFilter) -> int:
        """How many posts the filter chooses now."""
        return sum(1 for _ in self._posts(workspace_id, chosen))

    def _posts(self, workspace_id: UUID, chosen: HeldFilter) -> Iterator[HeldPost]:
        after: UUID | None = None
        while page := self._store.held_posts(workspace_id, chosen, after, PAGE_POSTS):
            yield from page
            after = page[-1].id

    def _understood(self, held: HeldPost) -> tuple[Source, Read] | str:
        source = self._store.source(held.source) if held.source is not None else None
        if source is None:
            return NO_SOURCE
        said = self._read(source, held)
        return said if isinstance(said, str) else (source, said)


def _named(parsed: Read, post_id: UUID) -> Sequence[CallEvent | CallPart]:
    """The same with ids: what has none of its own gets one by its place in the post, so that it is stored once."""
    for place, each in enumerate(parsed):
        event = each.event if isinstance(each, CallPart) else each
        event.source_event_id = event.source_event_id or f"quarantine:{post_id}:{place}"
    return parsed
