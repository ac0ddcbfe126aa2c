"""Ask a profile, saved or a draft, of the last stored events: which would have fired, and why. Nothing is sent or
written."""

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.criteria.tree import Verdict
from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports import PastEvent, Profile
from dispatcher.verdicts import CRITERIA, Catalogues, without_values

DEFAULT_EVENTS = 100
MAX_EVENTS = 1_000


class PastEvents(Catalogues, Protocol):
    """Where the last events are read, and the profiles that judged them."""

    def recent_events(
        self, workspace_id: UUID, since: datetime | None, until: datetime | None, limit: int
    ) -> Generator[PastEvent]:
        """As `AdminStore.recent_events`."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """The last `limit` events, received from `since` on and before `until`."""

    limit: int = DEFAULT_EVENTS
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the profile says of one event. `reason` is None where it would have fired; `private`: values are not shown,
    because it or the event is private."""

    event: PastEvent
    reason: str | None
    verdict: Verdict | None
    private: bool

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        tree = self.verdict.as_dict() if self.verdict is not None else None
        return {
            "event_id": self.event.id,
            "call_id": self.event.call_id,
            "type": self.event.type,
            "occurred_at": self.event.occurred_at,
            "fired": self.reason is None,
            "reason": self.reason,
            "verdict": without_values(tree) if self.private else tree,
        }


@dataclass(slots=True)
class Backtest:
    """What a profile says of the events it was asked of, newest first, and how many it was not asked of."""

    answers: list[Answer] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=lambda: Counter({"test": 0, "erased": 0, "private": 0}))

    @property
    def fired(self) -> int:
        """How many would have fired."""
        return sum(answer.reason is None for answer in self.answers)

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "events": len(self.answers),
            "fired": self.fired,
            "skipped": dict(self.skipped),
            "items": [answer.as_document() for answer in self.answers],
        }


def backtest(
    store: PastEvents, workspace_id: UUID, spec: ProfileSpec, span: Span, *, ask_private: bool = True
) -> Backtest:
    """Asks the profile, enabled or not, of the last events; tests and erased events are passed over.

    Without `ask_private`, so are events that fired a private profile: by drafts that ask for ever narrower values, they
    could be found out. Raises StoreUnavailable.
    """
    done, privacy = Backtest(), _Privacy(store, workspace_id)
    with closing(store.recent_events(workspace_id, span.since, span.until, span.limit)) as events:
        for event in events:
            context = event.context
            if context is None:
                done.skipped["test" if event.test else "erased"] += 1
                continue
            private = privacy.covers(event, context)
            if private and not ask_private:
                done.skipped["private"] += 1
            else:
                done.answers.append(_answer(spec, event, context, private=private or spec.private))
    return done


def _answer(spec: ProfileSpec, event: PastEvent, context: dict[str, Any], *, private: bool) -> Answer:
    if not spec.takes(event.type):
        return Answer(event, f"not for {event.type}", None, private)
    verdict = spec.criteria.verdict(context) if spec.criteria is not None else None
    reason = None if verdict is None or verdict.held else CRITERIA
    return Answer(event, reason, verdict, private)


class _Privacy:
    """Whether events fired a private profile, or would now where nobody has evaluated them yet.

    Each catalogue version is read once. The events of a span mostly share one.
    """

    def __init__(self, store: Catalogues, workspace_id: UUID) -> None:
        self._store, self._workspace_id = store, workspace_id
        self._private: dict[int | None, list[Profile]] = {}

    def covers(self, event: PastEvent, context: dict[str, Any]) -> bool:
        """Whether nobody may be shown what the event says of its call."""
        return event.private or any(
            each.spec.takes(event.type) and (each.spec.criteria is None or each.spec.criteria.holds(context))
            for each in self._as_of(event.version)
        )

    def _as_of(self, version: int | None) -> list[Profile]:
        if version not in self._private:
            profiles = (
                [each.profile for each in self._store.profiles(self._workspace_id)]
                if version is None
                else self._store.catalogue_at(self._workspace_id, version)
            )
            self._private[version] = [each for each in profiles if each.enabled and each.spec.private]
        return self._private[version]
