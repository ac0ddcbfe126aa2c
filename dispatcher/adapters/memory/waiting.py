"""The `WaitingStore` port in memory, over the rows of a `MemoryStore`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any
from uuid import UUID

import orjson

from dispatcher.adapters.memory.profiles import MemoryProfiles
from dispatcher.adapters.memory.rows import DeliveryRow, EventRow
from dispatcher.domain.delivery import Claim, State
from dispatcher.ports import CallState, PutBack

_Call = tuple[UUID, str]


@dataclass(slots=True)
class _Listed:
    call: _Call
    woken: bool = False


def _values(outputs: bytes | None) -> dict[str, Any]:
    return orjson.loads(outputs)["values"] if outputs is not None else {}


def shown_outputs(outputs: bytes | None) -> dict[str, Any] | None:
    """As `AdminStore.delivery` shows them: of a private profile's nothing."""
    captured: dict[str, Any] = orjson.loads(outputs) if outputs is not None else {"private": True}
    return None if captured["private"] else dict(captured["values"])


class MemoryWaiting:
    """Which deliveries wait for news of their call. Its store's lock is its own."""

    def __init__(
        self,
        lock: RLock,
        events: Mapping[UUID, EventRow],
        deliveries: Mapping[UUID, DeliveryRow],
        profiles: MemoryProfiles,
    ) -> None:
        self._lock, self._events, self._deliveries, self._profiles = lock, events, deliveries, profiles
        self._listed: dict[UUID, _Listed] = {}

    def look(self, claims: Sequence[Claim], followed: str | None) -> dict[UUID, CallState]:
        with self._lock:
            calls = {claim.id: self._call(claim.event_id) for claim in claims if self._is_of_a_call(claim.event_id)}
            self._listed |= {each: _Listed(call) for each, call in calls.items()}
            return {
                each: CallState(self._contexts(call), self._outputs(call, followed)) for each, call in calls.items()
            }

    def _is_of_a_call(self, event_id: UUID | None) -> bool:
        """An event that was given for a test belongs to no call, even if it names one."""
        row = self._events.get(event_id) if event_id is not None else None
        return row is not None and not row.test

    def _call(self, event_id: UUID | None) -> _Call:
        event = self._events[event_id].event  # type: ignore[index]
        return event.source_id, event.call_id

    def _contexts(self, call: _Call) -> list[dict[str, Any]]:
        return [
            orjson.loads(row.event.body)
            for each, row in self._events.items()
            if self._call(each) == call and row.event.body
        ]

    def _outputs(self, call: _Call, followed: str | None) -> dict[str, Any] | None:
        outputs = None
        for row in sorted(self._deliveries.values(), key=lambda each: each.id):
            profile = self._profiles.rows[row.profile_id].profile
            if (profile.spec.name, row.state, row.test) == (followed, State.DELIVERED, False):
                outputs = _values(row.outputs) if self._call(row.event_id) == call else outputs
        return outputs

    def put_back(self, releases: Sequence[PutBack], now: datetime) -> list[UUID]:
        with self._lock:
            return [each.delivery_id for each in releases if self._put_back(each, now)]

    def _put_back(self, release: PutBack, now: datetime) -> bool:
        row, listed = self._deliveries[release.delivery_id], self._listed.get(release.delivery_id)
        if release.due_at is None:
            self._listed.pop(release.delivery_id, None)
        if row.claim_id != release.claim_id:
            return False
        due_at = now if release.due_at is not None and listed is not None and listed.woken else release.due_at
        row.state, row.reason, row.claim_id = release.state, release.reason, None
        row.due_at = row.wake_at = due_at
        row.finished_at = now if due_at is None else None
        return due_at == now

    def stop_waiting(self, delivery_ids: Sequence[UUID]) -> None:
        with self._lock:
            for each in delivery_ids:
                self._listed.pop(each, None)

    def wake_waiting(self, calls: Sequence[_Call], now: datetime) -> dict[UUID, list[UUID]]:
        with self._lock:
            return self._wake([each for each, listed in self._listed.items() if listed.call in calls], now)

    def look_again(self, profile_id: UUID, now: datetime) -> None:
        """What a profile has waiting is due: it is to wait for something else, or for nothing any more."""
        with self._lock:
            self._wake([each for each in self._listed if self._deliveries[each].profile_id == profile_id], now)

    def _wake(self, ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
        woken: dict[UUID, list[UUID]] = {}
        for each in ids:
            row, self._listed[each].woken = self._deliveries[each], True
            if row.waits and row.due_at is not None and row.due_at > now:
                row.due_at = row.wake_at = now
                woken.setdefault(row.profile_id, []).append(each)
        return woken

    def wake_followers(self, delivery_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
        with self._lock:
            known = [self._deliveries[each] for each in delivery_ids if each in self._deliveries]
            return self.wake_waiting([self._call(row.event_id) for row in known], now)
