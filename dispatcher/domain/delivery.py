"""A delivery: one event for one profile, its states, and what an attempt makes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from dispatcher.domain.exchange import ErrorWord, Exchange
from dispatcher.domain.outcome import Delivered, OurFault, Outcome, Rejected, RetryLater
from dispatcher.domain.retry_policy import RetryPolicy


class State(StrEnum):
    """pending → sending → delivered | retrying → … | dead | discarded."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    DISCARDED = "discarded"


DISABLED_REST = timedelta(minutes=10)
"""How long the sweeper leaves a disabled profile's deliveries alone; enabling it wakes them at once."""
FAULT_PAUSE_SECONDS = 10.0
MAX_FAULT_PAUSE_SECONDS = 300.0
"""After a lasting fault of ours: the first pause, which doubles with each fault, and the longest. With a proxy away,
each delivery costs one request in five minutes in the end, and goes out so much later than it could at the most."""
_FAULT_JITTER = 0.2

FINAL_STATES = frozenset({State.DELIVERED, State.DEAD, State.DISCARDED})
OPEN_STATES = frozenset(State) - FINAL_STATES


@dataclass(slots=True)
class NewDelivery:
    """A delivery that an evaluation makes: claimed at once (`claim_id`), or left pending."""

    id: UUID
    workspace_id: UUID
    event_id: UUID
    profile_id: UUID
    revision: int
    claim_id: UUID | None


@dataclass(slots=True)
class Claim:
    """A delivery that this process may attempt until its lease ends."""

    id: UUID
    claim_id: UUID
    profile_id: UUID
    revision: int
    number: int
    """Of the attempt to come: 1 for the first row of the attempt log."""
    attempts: int
    """Spent so far; a Retry-After or a fault of ours adds a row, but spends none."""
    opened_at: datetime
    """When it was made or last replayed, later for what had to wait: the give-up time counts from here."""
    context: dict[str, Any]
    """The event as criteria and templates see it: id, type, occurred_at, call, source."""
    test: bool = False
    """A person's test: one attempt, counted nowhere."""
    partial: bool = False
    """Sent without what it had waited for."""
    event_id: UUID | None = None


@dataclass(slots=True)
class Attempt:
    """A row of the attempt log."""

    number: int
    started_at: datetime
    outcome: str
    error: ErrorWord | None
    detail: str
    exchange: Exchange | None
    """None where nothing was sent, as when a template could not be rendered."""
    excerpt: bytes | None
    """What was sent and answered, shortened, as JSON; of a private profile's sizes and keyed hashes alone."""


@dataclass(slots=True)
class NextState:
    """What the outcome makes of the delivery."""

    state: State
    reason: str | None
    attempts: int
    due_at: datetime | None


@dataclass(slots=True)
class Result:
    """An attempt and the next state: recorded in one transaction, and only by the holder of the claim."""

    delivery_id: UUID
    claim_id: UUID
    attempt: Attempt
    next: NextState
    outputs: bytes | None = None
    """What was captured of the answer, as JSON: `{"private": whether nobody is shown it, "values": {...}}`."""
    partial: bool = False


def next_state(claim: Claim, outcome: Outcome, policy: RetryPolicy, now: datetime, random: float) -> NextState:
    """The state after an attempt. `random` in [0, 1) spreads retries by the policy's jitter."""
    match outcome:
        case Delivered():
            return NextState(State.DELIVERED, None, claim.attempts + 1, None)
        case Rejected():
            return NextState(State.DEAD, f"refused: {outcome.detail}", claim.attempts + 1, None)
        case OurFault(final=True):
            return NextState(State.DEAD, f"{outcome.error}: {outcome.detail}", claim.attempts, None)
        case OurFault(lasting=True):
            return _after_lasting_fault(claim, outcome, policy, now, random)
        case OurFault():
            state = State.RETRYING if claim.attempts else State.PENDING
            return NextState(state, f"{outcome.error}: {outcome.detail}", claim.attempts, now)
        case RetryLater() if claim.test:
            reason = f"a test is one attempt: {outcome.error}: {outcome.detail}"
            return NextState(State.DEAD, reason, claim.attempts + 1, None)
        case RetryLater():
            return _retry(claim, outcome, policy, now, random)
    assert_never(outcome)


def _after_lasting_fault(claim: Claim, fault: OurFault, policy: RetryPolicy, now: datetime, random: float) -> NextState:
    """Later, at nobody's cost but time: rows of the log that spent no attempt make the pause longer."""
    why = f"{fault.error}: {fault.detail}"
    if claim.test:
        return NextState(State.DEAD, f"a test is one attempt: {why}", claim.attempts, None)
    faults = min(max(claim.number - claim.attempts - 1, 0), 30)
    pause_seconds = min(FAULT_PAUSE_SECONDS * 2**faults, MAX_FAULT_PAUSE_SECONDS)
    pause = timedelta(seconds=pause_seconds * (1 + _FAULT_JITTER * (2 * random - 1)))
    if now + pause > claim.opened_at + timedelta(seconds=policy.give_up_after_seconds):
        reason = f"gave up: its time of {policy.give_up_after_seconds:g} s is used up, last {why}"
        return NextState(State.DEAD, reason, claim.attempts, None)
    return NextState(State.RETRYING, why, claim.attempts, now + pause)


def _retry(claim: Claim, outcome: RetryLater, policy: RetryPolicy, now: datetime, random: float) -> NextState:
    spent = claim.attempts if outcome.wait_seconds is not None else claim.attempts + 1
    pause: timedelta | None
    if outcome.wait_seconds is not None:
        pause = timedelta(seconds=outcome.wait_seconds)
    else:
        pause = policy.delay(spent, random)
    why = f"{outcome.error}: {outcome.detail}"
    if pause is None:
        times = "1 attempt" if spent == 1 else f"{spent} attempts"
        return NextState(State.DEAD, f"gave up after {times}, last {why}", spent, None)
    give_up_at = claim.opened_at + timedelta(seconds=policy.give_up_after_seconds)
    if now + pause > give_up_at:
        asked = f"the target asks to wait {outcome.wait_seconds:g} s, and " if outcome.wait_seconds is not None else ""
        reason = f"gave up: {asked}its time of {policy.give_up_after_seconds:g} s is used up, last {why}"
        return NextState(State.DEAD, reason, spent, None)
    return NextState(State.RETRYING, why, spent, now + pause)
