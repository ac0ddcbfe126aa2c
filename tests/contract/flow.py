"""Steps that the contract suites take again and again: events in, deliveries made, attempts recorded."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID

from dispatcher.domain.delivery import Attempt, Claim, NewDelivery, NextState, Result, State
from dispatcher.domain.exchange import ErrorWord, Exchange
from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Evaluation, NewEvent, Profile
from tests.contract.conftest import Opened
from tests.unit.doubles import NOON, WORKSPACE, answered, seconds, spec

CLAIM = UUID("00000000-0000-4000-8000-0000000000c1")
OTHER_CLAIM = UUID("00000000-0000-4000-8000-0000000000c2")
LEASE = NOON + seconds(15)
WAKE = NOON + seconds(5)

_Answer = TypeVar("_Answer")


def saved(store: Opened, name: str = "crm", **changes: Any) -> Profile:
    """A profile, stored."""
    return store.admin.create_profile(WORKSPACE, spec(name, **changes), NOON).profile


def post(store: Opened, events: Sequence[NewEvent]) -> list[NewEvent]:
    """Stores events; those not evaluated are woken five seconds past noon."""
    store.hot.add_events(events, NOON, WAKE)
    return list(events)


def made_of(events: Sequence[NewEvent], profile: Profile, claim_id: UUID | None) -> list[NewDelivery]:
    """What an evaluation makes of events that one profile takes."""
    return [
        NewDelivery(
            delivery_id(event.id, profile.id), event.workspace_id, event.id, profile.id, profile.revision, claim_id
        )
        for event in events
    ]


def evaluate(
    store: Opened, events: Sequence[NewEvent], profile: Profile, claim_id: UUID | None = None, now: datetime = NOON
) -> set[UUID]:
    """Evaluates events: each makes one delivery, claimed or pending; the ids that were made."""
    return store.hot.add_deliveries(
        [Evaluation(event.id, 1) for event in events],
        made_of(events, profile, claim_id),
        store.hot.catalogue_version(),
        now,
        {profile.id: now + (LEASE - NOON)},
        now + (WAKE - NOON),
    )


def pending(store: Opened, profile: Profile, events: Sequence[NewEvent]) -> list[UUID]:
    """Deliveries that wait, due now, in the order of their events."""
    post(store, events)
    evaluate(store, events, profile)
    return [each.id for each in made_of(events, profile, None)]


def claimed(store: Opened, profile: Profile, events: Sequence[NewEvent]) -> list[Claim]:
    """Deliveries being sent, in the order of their events."""
    ids = pending(store, profile, events)
    claims = {each.id: each for each in store.hot.claim(profile, ids, CLAIM, NOON, LEASE)}
    return [claims[each] for each in ids]


def delivered(claim: Claim, at: datetime = NOON) -> Result:
    """An attempt that the target took."""
    attempt = Attempt(claim.number, at, "delivered", None, "", answered(200), None)
    following = NextState(State.DELIVERED, None, claim.attempts + 1, None)
    return Result(claim.id, claim.claim_id, attempt, following)


def failed(claim: Claim, due_at: datetime) -> Result:
    """An attempt that ran into a time-out, to be repeated."""
    exchange = Exchange(error=ErrorWord.TIMEOUT, detail="no answer in time")
    attempt = Attempt(claim.number, NOON, "retry_later", ErrorWord.TIMEOUT, "no answer in time", exchange, None)
    following = NextState(State.RETRYING, "timeout: no answer in time", claim.attempts + 1, due_at)
    return Result(claim.id, claim.claim_id, attempt, following)


def shown(store: Opened, delivery: UUID) -> dict[str, Any]:
    """A delivery as everybody sees it."""
    row = store.admin.delivery(WORKSPACE, delivery)
    assert row is not None
    return row


def states(store: Opened, ids: Sequence[UUID]) -> list[str]:
    """The states of deliveries, in order."""
    return [shown(store, each)["state"] for each in ids]


def at_once(store: Opened, *calls: Callable[[], _Answer]) -> list[_Answer]:
    """Each call in a thread, and so with a connection, of its own, all started at the same moment."""
    ready = Barrier(len(calls))

    def run(call: Callable[[], _Answer]) -> _Answer:
        ready.wait(10)
        try:
            return call()
        finally:
            store.hot.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
