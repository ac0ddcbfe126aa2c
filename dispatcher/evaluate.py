"""Ask every profile whether its criteria hold, and make the deliveries of those where they do.

A delivery that its profile has room for is made claimed, and its request leaves in the same task;
the others are made pending, and their turn comes by a hint.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from dispatcher.catalogue import Profiles
from dispatcher.deliver import Deliverer, Patience
from dispatcher.domain.criteria.asking import Told
from dispatcher.domain.delivery import Claim, NewDelivery
from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Catalogue, Clock, Evaluation, EvaluationStore, Profile, StoredEvent
from dispatcher.wait import Claims

ANY_TYPE = "*"


@dataclass(slots=True)
class Evaluated:
    """What an evaluation came to: events looked at, and deliveries made by profile name."""

    events: int = 0
    made: Counter[str] = field(default_factory=Counter)
    left_for_later: int = 0


@dataclass(slots=True)
class _Plan:
    """The deliveries of one batch of events, before they are made."""

    evaluations: list[Evaluation] = field(default_factory=list)
    deliveries: list[NewDelivery] = field(default_factory=list)
    claims: dict[UUID, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))


class Evaluator:
    """Evaluates events for the deliverer of this process. Safe to use from several threads."""

    def __init__(
        self,
        store: EvaluationStore,
        profiles: Profiles,
        deliverer: Deliverer,
        clock: Clock,
        claims: Claims,
        *,
        rehint_seconds: float = 5.0,
    ) -> None:
        self._claims = claims
        self._store, self._profiles, self._deliverer, self._clock = store, profiles, deliverer, clock
        self._rehint = timedelta(seconds=rehint_seconds)

    def evaluate(self, event_ids: Sequence[UUID]) -> Evaluated:
        """Evaluates those of the events that nobody has evaluated yet, and starts their first attempts.

        Raises StoreUnavailable; the events then stay as they were, for the sweeper to hint again.
        """
        version, events = self._store.unevaluated(event_ids)
        if not events:
            return Evaluated()
        catalogue = self._profiles.at_least(version)
        self._tell_who_waits(events, catalogue)
        fired = [(event, profiles_for(event, catalogue)) for event in events]
        granted = self._take_room(fired, catalogue)
        plan = self._plan(fired, granted)
        made = self._make(plan, catalogue, granted)
        self._start(plan, made, catalogue)
        return self._summary(len(events), plan, made, catalogue)

    def _tell_who_waits(self, events: Sequence[StoredEvent], catalogue: Catalogue) -> None:
        """Before the events count as evaluated: so that a worker that dies meanwhile has left the news to be told."""
        heard = [event for event in events if event.workspace_id in catalogue.waiting_workspaces]
        for profile_id, ids in (self._claims.news_of(heard) if heard else {}).items():
            self._deliverer.put_aside(profile_id, ids)

    def _take_room(self, fired: list[tuple[StoredEvent, list[Profile]]], catalogue: Catalogue) -> dict[UUID, int]:
        wanted = Counter(profile.id for _, profiles in fired for profile in profiles)
        patience = Patience()
        return {
            profile_id: self._deliverer.take_first(catalogue.profiles[profile_id], count, patience)
            for profile_id, count in wanted.items()
        }

    def _plan(self, fired: list[tuple[StoredEvent, list[Profile]]], granted: dict[UUID, int]) -> _Plan:
        plan, claim_id, now, left = _Plan(), uuid4(), self._clock(), dict(granted)
        for event, profiles in fired:
            private = any(profile.spec.private for profile in profiles)
            plan.evaluations.append(Evaluation(event.id, len(profiles), private))
            for profile in profiles:
                identifier = delivery_id(event.id, profile.id)
                claimed = left[profile.id] > 0
                if claimed:
                    left[profile.id] -= 1
                    plan.claims[profile.id].append(
                        Claim(identifier, claim_id, profile.id, profile.revision, 1, 0, now, event.context)
                    )
                else:
                    plan.waiting[profile.id].append(identifier)
                plan.deliveries.append(
                    NewDelivery(
                        identifier,
                        event.workspace_id,
                        event.id,
                        profile.id,
                        profile.revision,
                        claim_id if claimed else None,
                    )
                )
        return plan

    def _make(self, plan: _Plan, catalogue: Catalogue, granted: dict[UUID, int]) -> set[UUID]:
        now = self._clock()
        leases = {
            profile_id: self._deliverer.lease_until(catalogue.profiles[profile_id], now) for profile_id in plan.claims
        }
        made: set[UUID] = set()
        try:
            made = self._store.add_deliveries(
                plan.evaluations, plan.deliveries, catalogue.version, now, leases, now + self._rehint
            )
            return made
        finally:
            # Room that was taken for what somebody else made, or could not be made, is free again.
            for profile_id, count in granted.items():
                used = sum(claim.id in made for claim in plan.claims.get(profile_id, ()))
                if count > used:
                    self._deliverer.give_back(profile_id, count - used)

    def _start(self, plan: _Plan, made: set[UUID], catalogue: Catalogue) -> None:
        for profile_id, claims in plan.claims.items():
            mine = [claim for claim in claims if claim.id in made]
            if mine:
                self._deliverer.send(catalogue.profiles[profile_id], mine)
        for profile_id, ids in plan.waiting.items():
            self._deliverer.put_aside(profile_id, [identifier for identifier in ids if identifier in made])

    def _summary(self, events: int, plan: _Plan, made: set[UUID], catalogue: Catalogue) -> Evaluated:
        names = Counter(
            catalogue.profiles[delivery.profile_id].spec.name for delivery in plan.deliveries if delivery.id in made
        )
        left = sum(identifier in made for ids in plan.waiting.values() for identifier in ids)
        return Evaluated(events, names, left)


def profiles_for(event: StoredEvent, catalogue: Catalogue) -> list[Profile]:
    """The enabled profiles of the event's workspace whose criteria hold for it, each once."""
    context = event.context
    for_every_type = catalogue.by_type.get((event.workspace_id, ANY_TYPE), ())
    candidates = (
        *catalogue.by_type.get((event.workspace_id, context["type"]), ()),
        *(profile for profile in for_every_type if context["type"] not in profile.spec.events),
    )
    told: Told = {}
    return [
        profile for profile in candidates if profile.spec.criteria is None or profile.spec.criteria.ask(context, told)
    ]
