"""Let deliveries wait for news of their call: its recording, or what another profile delivers of it.

What waits is pending in the database, due at its deadline; news make it due at once. Nothing of a wait lives in a
process, so that it survives any restart.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from dispatcher.domain.delivery import Claim, State
from dispatcher.domain.waiting import Over, Ready, Then, Wait, assembled, decide, retries_count_from
from dispatcher.ports import CallState, Clock, DeliveryStore, Profile, PutBack, StoredEvent, WaitingStore

_FINAL = {Then.SKIP: State.DISCARDED, Then.DEAD: State.DEAD}
_NEWS = frozenset({"available", "failed", "none"})


class Claims:
    """Claims of deliveries that are ready to be sent: what has to wait for news of its call goes back."""

    def __init__(self, deliveries: DeliveryStore, waiting: WaitingStore, clock: Clock) -> None:
        self._deliveries, self._store, self._clock = deliveries, waiting, clock

    def catalogue_version(self) -> int:
        """The version of the catalogue now. Raises StoreUnavailable."""
        return self._deliveries.catalogue_version()

    def take(self, profile: Profile, ids: Sequence[UUID], lease_until: datetime) -> list[Claim]:
        """Claims those of the deliveries that are due, free and have nothing to wait for.

        Raises StoreUnavailable; what was claimed then stands until its lease ends.
        """
        claimed = self._deliveries.claim(profile, ids, uuid4(), self._clock(), lease_until)
        return self._ready(profile, claimed) if claimed and profile.spec.waits else claimed

    def _ready(self, profile: Profile, claims: Sequence[Claim]) -> list[Claim]:
        """The claims to be sent now, each with the call as it is assembled by now; the others are released."""
        spec = profile.spec
        states = self._store.look(claims, spec.follow.profile if spec.follow else None)
        now = self._clock()
        ready, back = list[Claim](), list[PutBack]()
        for claim in claims:
            known = _as_known(claim, states.get(claim.id))
            outputs = known.context.get("followed")
            decision = decide(spec.wait_for, spec.follow, known.context["call"], outputs, claim.opened_at, now)
            if claim.test and not isinstance(decision, Ready):
                decision = Ready(partial=True)  # a person waits for it
            match decision:
                case Ready(partial=partial):
                    opened_at = retries_count_from(spec.wait_for, spec.follow, claim.opened_at, now)
                    ready.append(replace(known, partial=partial, opened_at=opened_at))
                case Wait(until=until, reason=reason):
                    state = State.RETRYING if claim.attempts else State.PENDING
                    back.append(PutBack(claim.id, claim.claim_id, state, reason, until))
                case Over(then=then, reason=reason):
                    back.append(PutBack(claim.id, claim.claim_id, _FINAL[then], reason, None))
        if back:
            self._store.put_back(back, now)
        if ready:
            self._store.stop_waiting([claim.id for claim in ready])
        return ready

    def news_of(self, events: Sequence[StoredEvent]) -> dict[UUID, list[UUID]]:
        """Wakes what waits for what these events say of their calls' recordings: delivery ids by profile."""
        calls = [(event.source_id, event.context["call"]["id"]) for event in events if _says_of_recording(event)]
        return self._store.wake_waiting(calls, self._clock()) if calls else {}


def _says_of_recording(event: StoredEvent) -> bool:
    recording = event.context["call"].get("recording")
    return type(recording) is dict and (recording.get("state") in _NEWS or bool(recording.get("url")))


def _as_known(claim: Claim, state: CallState | None) -> Claim:
    if state is None:
        return claim
    context = assembled(claim.context, state.contexts)
    if state.outputs is not None:
        context["followed"] = state.outputs
    return replace(claim, context=context)
