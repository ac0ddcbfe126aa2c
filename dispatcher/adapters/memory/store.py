"""The store in memory: what the databases promise, without them. Nothing here survives the process."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from threading import RLock
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import orjson

from dispatcher.adapters.memory.assemblies import MemoryAssemblies
from dispatcher.adapters.memory.profiles import MemoryProfiles, ProfileRow, hash_key_of
from dispatcher.adapters.memory.rows import DeliveryRow, EventRow, attempt_page
from dispatcher.adapters.memory.waiting import MemoryWaiting, shown_outputs
from dispatcher.domain.delivery import DISABLED_REST, Attempt, Claim, NewDelivery, Result, State
from dispatcher.domain.erasure import next_step
from dispatcher.domain.pace import allowance, is_limited
from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports import (
    Accepted,
    Catalogue,
    Erased,
    Evaluation,
    NewEvent,
    Profile,
    SavedProfile,
    StoredEvent,
    StoreUnavailable,
)

PROFILE_DELETED = "profile deleted"

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")


def _transaction(
    method: Callable[Concatenate["MemoryStore", _Arguments], _Answer],
) -> Callable[Concatenate["MemoryStore", _Arguments], _Answer]:
    """One caller at a time, and none while the store is away."""

    @wraps(method)
    def alone(store: "MemoryStore", /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Answer:
        with store.lock:
            if store.away:
                raise StoreUnavailable("away")
            return method(store, *args, **kwargs)

    return alone


class MemoryStore:
    """The ports of ingest, workers and sweeper. While `away` is set it answers as a database that is down."""

    def __init__(self) -> None:
        self.away = False
        self.lock = RLock()
        self._events: dict[UUID, EventRow] = {}
        self._firsts: dict[tuple[UUID, str], UUID] = {}
        self._deliveries: dict[UUID, DeliveryRow] = {}
        self._attempts: dict[UUID, list[Attempt]] = {}
        self._profiles = MemoryProfiles(self._wake_all, self._discard_all, self._look_again)
        self.waiting = MemoryWaiting(self.lock, self._events, self._deliveries, self._profiles)
        self.assemblies = MemoryAssemblies(self.lock, self.add_events, lambda: self.away)

    # --- ingest

    @_transaction
    def add_events(self, events: Sequence[NewEvent], received_at: datetime, wake_at: datetime) -> list[Accepted]:  # noqa: ARG002 - no page of the twin shows when
        accepted, new, firsts = [], [], dict(self._firsts)
        for event in events:
            event.occurred_at.astimezone(UTC)  # an event that is no event refuses the batch before anything is kept
            first = None
            if event.source_event_id is not None:
                key = (event.source_id, event.source_event_id)
                first = firsts.get(key)
                firsts.setdefault(key, event.id)
            accepted.append(Accepted(first or event.id, event.source_event_id, duplicate=first is not None))
            if first is None:
                new.append(event)
        self._firsts = firsts
        self._events.update({event.id: EventRow(event, wake_at) for event in new})
        return accepted

    # --- evaluate

    @_transaction
    def unevaluated(self, event_ids: Sequence[UUID]) -> tuple[int, list[StoredEvent]]:
        rows = [self._events[each] for each in dict.fromkeys(event_ids) if each in self._events]
        waiting = [row.event for row in rows if row.evaluated_at is None]
        version = self._profiles.version if waiting else -1
        return version, [
            StoredEvent(event.id, event.workspace_id, event.source_id, orjson.loads(event.body)) for event in waiting
        ]

    @_transaction
    def add_deliveries(
        self,
        evaluations: Sequence[Evaluation],
        deliveries: Sequence[NewDelivery],
        version: int,
        now: datetime,
        lease_until: Mapping[UUID, datetime],
        wake_at: datetime,
    ) -> set[UUID]:
        mine = set()
        for evaluation in evaluations:
            row = self._events[evaluation.event_id]
            if row.evaluated_at is None:
                row.evaluated_at, row.wake_at, row.version, row.made = now, None, version, evaluation.made
                row.erase_at = wake_at if evaluation.private else None
                mine.add(evaluation.event_id)
        made = [each for each in deliveries if each.event_id in mine and each.id not in self._deliveries]
        for each in made:
            claimed = each.claim_id is not None
            self._deliveries[each.id] = DeliveryRow(
                each.id,
                each.workspace_id,
                each.event_id,
                each.profile_id,
                each.revision,
                State.SENDING if claimed else State.PENDING,
                None if claimed else now,
                lease_until[each.profile_id] if claimed else wake_at,
                each.claim_id,
                now,
                now,
            )
        return {each.id for each in made}

    # --- deliver

    @_transaction
    def catalogue_version(self) -> int:
        return self._profiles.version

    @_transaction
    def claim(
        self, profile: Profile, ids: Sequence[UUID], claim_id: UUID, now: datetime, lease_until: datetime
    ) -> list[Claim]:
        known = [self._deliveries[each] for each in dict.fromkeys(ids) if each in self._deliveries]
        free = [row for row in known if row.waits and row.due_at is not None and row.due_at <= now]
        free = [row for row in free if row.test or profile.enabled]
        if is_limited(profile.spec.limits):
            free = self._within_limits(profile, free, now)
        claims = []
        for row in free:
            body = self._events[row.event_id].event.body
            row.state, row.claim_id, row.wake_at, row.due_at = State.SENDING, claim_id, lease_until, None
            row.revision = profile.revision
            if not body:
                continue  # erased: claimed as in the databases, and never sent
            context = orjson.loads(body)
            claims.append(
                Claim(
                    row.id,
                    claim_id,
                    profile.id,
                    profile.revision,
                    row.tries + 1,
                    row.attempts,
                    row.opened_at,
                    context,
                    test=row.test,
                    event_id=row.event_id,
                )
            )
        return claims

    def _within_limits(self, profile: Profile, free: list[DeliveryRow], now: datetime) -> list[DeliveryRow]:
        limited = self._profiles.rows[profile.id]
        sending = sum(
            row.profile_id == profile.id
            and row.state is State.SENDING
            and row.wake_at is not None
            and row.wake_at > now
            for row in self._deliveries.values()
        )
        granted, limited.pace_at, wake_at = allowance(profile.spec.limits, limited.pace_at, now, len(free), sending)
        for row, moment in zip(free[granted:], wake_at, strict=True):
            row.wake_at = moment
        return free[:granted]

    @_transaction
    def record(self, results: Sequence[Result], now: datetime) -> set[UUID]:
        written = set()
        for result in results:
            row = self._deliveries.get(result.delivery_id)
            if row is None or row.claim_id != result.claim_id:
                continue
            following = result.next
            row.state, row.reason, row.attempts = following.state, following.reason, following.attempts
            row.tries, row.claim_id = result.attempt.number, None
            row.due_at = row.wake_at = following.due_at
            row.finished_at = now if following.due_at is None else None
            row.partial, row.outputs = result.partial, result.outputs or row.outputs
            self._attempts.setdefault(row.id, []).append(result.attempt)
            written.add(row.id)
        return written

    # --- sweep

    @_transaction
    def wake_events(self, now: datetime, again_at: datetime, limit: int) -> list[UUID]:
        due = [(row.wake_at, row) for row in self._events.values() if row.wake_at is not None and row.wake_at <= now]
        given_out = sum(row.wake_at is not None and now < row.wake_at <= again_at for row in self._events.values())
        first = sorted(due, key=lambda each: each[0])[: max(limit - given_out, 0)]
        for _, row in first:
            row.wake_at = again_at
        return [row.event.id for _, row in first]

    @_transaction
    def wake_deliveries(self, now: datetime, again_at: datetime, limit: int) -> dict[UUID, list[UUID]]:
        due = [
            (row.wake_at, row) for row in self._deliveries.values() if row.wake_at is not None and row.wake_at <= now
        ]
        rooms: dict[UUID, int] = {}
        for row in self._deliveries.values():
            waits = row.state in (State.PENDING, State.RETRYING) and row.due_at is not None and row.due_at <= now
            given_out = waits and row.wake_at is not None and now < row.wake_at <= again_at
            rooms[row.profile_id] = rooms.get(row.profile_id, limit) - given_out
        lost: dict[UUID, int] = {}
        woken: dict[UUID, list[UUID]] = {}
        for _, row in sorted(due, key=lambda each: each[0]):
            # A lost claim waits for no room of what waits.
            turn = lost if row.state is State.SENDING else rooms
            if turn.setdefault(row.profile_id, limit) <= 0:
                continue
            turn[row.profile_id] -= 1
            if self._wake(row, self._profiles.rows[row.profile_id], now, again_at):
                woken.setdefault(row.profile_id, []).append(row.id)
        return woken

    def _wake(self, row: DeliveryRow, owner: ProfileRow, now: datetime, again_at: datetime) -> bool:
        if owner.deleted:
            row.end(State.DISCARDED, PROFILE_DELETED, now)
            return False
        if row.state is State.SENDING:
            row.state = State.RETRYING if row.attempts else State.PENDING
            row.reason, row.due_at, row.claim_id = "its worker did not report back", now, None
        wanted = owner.profile.enabled or row.test
        row.wake_at = again_at if wanted else now + DISABLED_REST
        return wanted

    # --- erase

    @_transaction
    def erase_due(self, now: datetime, limit: int) -> Erased:
        due = [(row.erase_at, row) for row in self._events.values() if row.erase_at is not None and row.erase_at <= now]
        first = [row for _, row in sorted(due, key=lambda each: each[0])[:limit]]
        return Erased(len(first), sum(self._erase(row, now) for row in first))

    def _erase(self, row: EventRow, now: datetime) -> bool:
        assert row.evaluated_at is not None
        made = [each for each in self._deliveries.values() if each.event_id == row.event.id]
        step = next_step([(each.state, each.finished_at) for each in made], row.evaluated_at, row.erased_at, now)
        row.erase_at = step.look_at
        if step.erase:
            row.event, row.erased_at = replace(row.event, body=b""), now
            self.assemblies.erase(row.event.source_id, row.event.call_id)
        for each in made if step.drop_outputs else ():
            each.outputs = None
        return step.erase

    # --- profiles

    @_transaction
    def load_catalogue(self) -> Catalogue:
        return self._profiles.load()

    @_transaction
    def disable_profile(self, profile_id: UUID, revision: int, reason: str, now: datetime) -> None:
        self._profiles.disable(profile_id, revision, reason, now)

    @_transaction
    def create_profile(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        """As `AdminStore.create_profile`."""
        return self._profiles.create(workspace_id, spec, now)

    @_transaction
    def update_profile(
        self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime, revision: int | None = None
    ) -> SavedProfile | None:
        """As `AdminStore.update_profile`."""
        return self._profiles.update(workspace_id, name, spec, now, revision)

    @_transaction
    def delete_profile(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        """As `AdminStore.delete_profile`."""
        return self._profiles.delete(workspace_id, name, now)

    def hash_key(self, workspace_id: UUID) -> bytes:
        """As `AdminStore.hash_key`."""
        return hash_key_of(workspace_id)

    @_transaction
    def profile(self, workspace_id: UUID, name: str) -> SavedProfile | None:
        """As `AdminStore.profile`."""
        row = self._profiles.find(workspace_id, name)
        return row.saved if row else None

    def _wake_all(self, profile_id: UUID) -> None:
        for row in self._deliveries.values():
            if row.profile_id == profile_id and row.waits:
                row.wake_at = row.due_at

    def _look_again(self, profile_id: UUID, now: datetime) -> None:
        self.waiting.look_again(profile_id, now)

    def _discard_all(self, profile_id: UUID, now: datetime) -> None:
        for row in self._deliveries.values():
            if row.profile_id == profile_id and row.waits:
                row.end(State.DISCARDED, PROFILE_DELETED, now)

    # --- what tests look at

    @_transaction
    def delivery(self, workspace_id: UUID, delivery_id: UUID) -> dict[str, Any] | None:
        """As `AdminStore.delivery`."""
        row = self._deliveries.get(delivery_id)
        if row is None or row.workspace_id != workspace_id:
            return None
        event, profile = self._events[row.event_id].event, self._profiles.rows[row.profile_id].profile
        return {
            "id": row.id,
            "event_id": row.event_id,
            "source_event_id": event.source_event_id,
            "event_type": event.type,
            "call_id": event.call_id,
            "profile": profile.spec.name,
            "revision": row.revision,
            "state": row.state.value,
            "reason": "profile is disabled" if row.waits and not (profile.enabled or row.test) else row.reason,
            "attempts": row.attempts,
            "due_at": row.due_at,
            "partial": row.partial,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
            "erased_at": self._events[row.event_id].erased_at,
            "outputs": shown_outputs(row.outputs),
            "test": row.test,
        }

    @_transaction
    def attempts(self, workspace_id: UUID, delivery_id: UUID) -> list[dict[str, Any]]:
        """As `AdminStore.attempts`."""
        row = self._deliveries.get(delivery_id)
        if row is None or row.workspace_id != workspace_id:
            return []
        log = self._attempts.get(delivery_id, [])
        return [attempt_page(each) | (orjson.loads(each.excerpt) if each.excerpt else {}) for each in log]

    @_transaction
    def books(self, workspace_id: UUID) -> dict[str, int]:
        """As `AdminStore.books`."""
        heard = [row for row in self._events.values() if row.event.workspace_id == workspace_id and not row.test]
        real = [row for row in self._deliveries.values() if row.workspace_id == workspace_id and not row.test]
        states = Counter(row.state for row in real)
        return {
            "accepted": len(heard),
            "evaluated": sum(row.evaluated_at is not None for row in heard),
            "made": sum(row.made for row in heard),
            **{state.value: states[state] for state in State},
        }

    def close(self) -> None:
        """Nothing to close."""
