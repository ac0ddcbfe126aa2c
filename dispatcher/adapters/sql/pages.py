"""What people read: deliveries with their attempts, events, calls, the books; and what they reopen."""

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, select, update

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.erasure import lock_against_erasure
from dispatcher.adapters.sql.tables import attempts, deliveries, evaluations, events, profiles, sources, workspaces
from dispatcher.adapters.sql.waiting import forget_waiting
from dispatcher.adapters.vault import Vault
from dispatcher.domain.delivery import FINAL_STATES, State
from dispatcher.domain.ids import first_at, first_of, last_of
from dispatcher.ports import CallRecord, DeliveryFilter, Page, PastEvent

_FINAL = tuple(state.value for state in FINAL_STATES)
_WAITING = (State.PENDING.value, State.RETRYING.value)
_PROFILE_OFF = "profile is disabled"
_READ_AHEAD = 50
"""Bodies of events that a backtest holds at a time."""

_DELIVERY = (
    select(
        deliveries,
        events.c.call_id,
        events.c.source_event_id,
        events.c.type.label("event_type"),
        events.c.erased_at,
        profiles.c.name.label("profile"),
        profiles.c.enabled.label("profile_enabled"),
    )
    .join(events, events.c.id == deliveries.c.event_id)
    .join(profiles, profiles.c.id == deliveries.c.profile_id)
)


class Pages:
    """Lists and single things, each as a dictionary in the words of the public interface."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    # --- deliveries

    def deliveries(self, workspace_id: UUID, chosen: DeliveryFilter, cursor: str | None, limit: int) -> Page:
        query = _DELIVERY.where(*_conditions(workspace_id, chosen)).order_by(deliveries.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(deliveries.c.id < UUID(cursor))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        items = [_delivery(row) for row in rows[:limit]]
        return Page(items, str(items[-1]["id"]) if len(rows) > limit else None)

    def delivery(self, workspace_id: UUID, delivery_id: UUID) -> dict[str, Any] | None:
        chosen = (deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id)
        with self._database.reading() as connection:
            row = connection.execute(_DELIVERY.where(*chosen)).one_or_none()
        return {**_delivery(row), "outputs": self._outputs(row)} if row else None

    def _outputs(self, row: Row[Any]) -> dict[str, Any] | None:
        """What was captured of the answer; of a private profile's nobody is shown anything."""
        if row.outputs is None:
            return None
        captured = orjson.loads(self._vault.open(row.outputs, row.id.bytes))
        return None if captured["private"] else captured["values"]

    def attempts(self, workspace_id: UUID, delivery_id: UUID) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            found = self._attempts(connection, [delivery_id], deliveries.c.workspace_id == workspace_id)
        return found.get(delivery_id, [])

    def _attempts(
        self, connection: Connection, ids: Sequence[UUID], *conditions: ColumnElement[bool]
    ) -> dict[UUID, list[dict[str, Any]]]:
        query = (
            select(attempts)
            .join(deliveries, deliveries.c.id == attempts.c.delivery_id)
            .where(attempts.c.delivery_id.in_(ids), *conditions)
            .order_by(attempts.c.delivery_id, attempts.c.number)
        )
        found: dict[UUID, list[dict[str, Any]]] = {}
        for row in connection.execute(query):
            found.setdefault(row.delivery_id, []).append(self._attempt(row))
        return found

    def _attempt(self, row: Row[Any]) -> dict[str, Any]:
        shown = {
            "number": row.number,
            "started_at": row.started_at,
            "duration_ms": row.duration_ms,
            "status": row.status,
            "error": row.error,
            "detail": row.detail or None,
            "outcome": row.outcome,
            "timings": {
                "dns_ms": row.dns_ms,
                "connect_ms": row.connect_ms,
                "tls_ms": row.tls_ms,
                "first_byte_ms": row.first_byte_ms,
            },
        }
        if row.excerpt is not None:
            shown |= orjson.loads(self._vault.open(row.excerpt, row.delivery_id.bytes))
        return shown

    # --- events and calls

    def event(self, workspace_id: UUID, event_id: UUID) -> CallRecord | None:
        found = self._records(workspace_id, events.c.id == event_id)
        return found[0] if found else None

    def call(self, workspace_id: UUID, call_id: str) -> list[CallRecord]:
        # An event that was given for a test says nothing of any call, even if it names one.
        return self._records(workspace_id, and_(events.c.call_id == call_id, events.c.test.is_(False)))

    def events(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page:
        ordinary = _event_query(workspace_id).where(events.c.test.is_(False))
        query = ordinary.order_by(events.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(events.c.id < UUID(cursor))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        items = [_event(row) for row in rows[:limit]]
        return Page(items, str(items[-1]["id"]) if len(rows) > limit else None)

    def recent_events(
        self, workspace_id: UUID, since: datetime | None, until: datetime | None, limit: int
    ) -> Generator[PastEvent]:
        query = _past_query(workspace_id, since, until).limit(limit).execution_options(yield_per=_READ_AHEAD)
        with self._database.reading() as connection, connection.execute(query) as rows:
            for row in rows:
                yield self._past(row)

    def _past(self, row: Row[Any]) -> PastEvent:
        erased = row.erased_at is not None
        unseen = row.test or erased
        return PastEvent(
            row.id,
            row.call_id,
            row.type,
            row.occurred_at,
            row.version,
            test=row.test,
            private=erased or row.erase_at is not None,
            erased=erased,
            context=None if unseen else orjson.loads(self._vault.open(row.body, row.id.bytes)),
        )

    def _records(self, workspace_id: UUID, chosen: ColumnElement[bool]) -> list[CallRecord]:
        with self._database.reading() as connection:
            rows = connection.execute(_event_query(workspace_id).where(chosen).order_by(events.c.id)).all()
            return [self._record(connection, row) for row in rows]

    def _record(self, connection: Connection, row: Row[Any]) -> CallRecord:
        # All deliveries of an event lie beside each other in the primary key.
        nearby = and_(deliveries.c.id.between(first_of(row.id), last_of(row.id)), deliveries.c.event_id == row.id)
        made = [_delivery(each) for each in connection.execute(_DELIVERY.where(nearby).order_by(deliveries.c.id))]
        logs = self._attempts(connection, [each["id"] for each in made])
        for each in made:
            each["attempts_log"] = logs.get(each["id"], [])
        return CallRecord(_event(row), self._context(row), row.workspace_id, row.version, made)

    def _context(self, row: Row[Any]) -> dict[str, Any]:
        """What the event says; of an erased one the look-up keys are left."""
        if row.erased_at is not None:
            return {"id": row.source_event_id, "type": row.type, "call": {"id": row.call_id}}
        context: dict[str, Any] = orjson.loads(self._vault.open(row.body, row.id.bytes))
        return context

    # --- the books

    def books(self, workspace_id: UUID) -> dict[str, int]:
        by_state = select(deliveries.c.state, func.count()).where(
            deliveries.c.workspace_id == workspace_id, deliveries.c.test.is_(False)
        )
        heard = (
            select(func.count(), func.count(evaluations.c.evaluated_at), func.coalesce(func.sum(evaluations.c.made), 0))
            .join(events, events.c.id == evaluations.c.event_id)
            .where(events.c.workspace_id == workspace_id, events.c.test.is_(False))
        )
        with self._database.reading() as connection:
            rows = connection.execute(by_state.group_by(deliveries.c.state))
            counts = {str(row[0]): int(row[1]) for row in rows}
            accepted, evaluated, made = connection.execute(heard).one()
        return {
            "accepted": accepted,
            "evaluated": evaluated,
            "made": made,
            **{state.value: counts.get(state.value, 0) for state in State},
        }

    def all_books(self) -> dict[str, dict[str, int]]:
        """The books of every workspace, by its name."""
        with self._database.reading() as connection:
            named = connection.execute(select(workspaces.c.id, workspaces.c.name)).all()
        return {row.name: self.books(row.id) for row in named}

    # --- reopening

    def replay(
        self, workspace_id: UUID, ids: Sequence[UUID], now: datetime, wake_at: datetime
    ) -> list[tuple[UUID, UUID]]:
        live = select(profiles.c.id).where(profiles.c.deleted_at.is_(None))
        kept = exists().where(events.c.id == deliveries.c.event_id, events.c.erased_at.is_(None))
        reopened = (
            update(deliveries)
            .where(deliveries.c.workspace_id == workspace_id, deliveries.c.id.in_(ids), deliveries.c.state.in_(_FINAL))
            .where(deliveries.c.profile_id.in_(live), kept)
            .values(
                state=State.PENDING.value,
                reason="replayed",
                attempts=0,
                due_at=now,
                wake_at=wake_at,
                opened_at=now,
                finished_at=None,
            )
            .returning(deliveries.c.id, deliveries.c.profile_id)
        )
        with self._database.writing() as connection:
            lock_against_erasure(connection, ids)
            return [(row.id, row.profile_id) for row in connection.execute(reopened)]

    def is_erased(self, workspace_id: UUID, delivery_id: UUID) -> bool:
        row = self.delivery(workspace_id, delivery_id)
        return row is not None and row["erased_at"] is not None

    def matching(self, workspace_id: UUID, chosen: DeliveryFilter, before: UUID | None, limit: int) -> list[UUID]:
        query = self._matching(select(deliveries.c.id), workspace_id, chosen).order_by(deliveries.c.id.desc())
        if before is not None:
            query = query.where(deliveries.c.id < before)
        with self._database.reading() as connection:
            return list(connection.execute(query.limit(limit)).scalars())

    def count_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        with self._database.reading() as connection:
            counted = self._matching(select(func.count()).select_from(deliveries), workspace_id, chosen)
            return int(connection.execute(counted).scalar_one())

    def _matching(self, query: Select[Any], workspace_id: UUID, chosen: DeliveryFilter) -> Select[Any]:
        return (
            query.join(events, events.c.id == deliveries.c.event_id)
            .join(profiles, profiles.c.id == deliveries.c.profile_id)
            .where(deliveries.c.state.in_(_FINAL), profiles.c.deleted_at.is_(None), events.c.erased_at.is_(None))
            .where(*_conditions(workspace_id, chosen))
        )

    def discard(self, workspace_id: UUID, delivery_id: UUID, reason: str, now: datetime) -> bool:
        cancelled = (
            update(deliveries)
            .where(
                deliveries.c.workspace_id == workspace_id,
                deliveries.c.id == delivery_id,
                deliveries.c.state.in_(_WAITING),
            )
            .values(state=State.DISCARDED.value, reason=reason, due_at=None, wake_at=None, finished_at=now)
        )
        with self._database.writing() as connection:
            # The list first, as who wakes does it: two that lock in different orders would wait for each other.
            forget_waiting(connection, deliveries.c.workspace_id == workspace_id, deliveries.c.id == delivery_id)
            return connection.execute(cancelled).rowcount > 0


def _conditions(workspace_id: UUID, chosen: DeliveryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        deliveries.c.workspace_id == workspace_id,
        deliveries.c.test.is_(chosen.test),
    ]
    if chosen.state is not None:
        conditions.append(deliveries.c.state == chosen.state)
    if chosen.profile is not None:
        named = select(profiles.c.id).where(profiles.c.workspace_id == workspace_id, profiles.c.name == chosen.profile)
        conditions.append(deliveries.c.profile_id.in_(named))
    if chosen.call_id is not None:
        conditions.append(events.c.call_id == chosen.call_id)
    if chosen.event_id is not None:
        event_id = chosen.event_id
        conditions.append(deliveries.c.id.between(first_of(event_id), last_of(event_id)))
        conditions.append(deliveries.c.event_id == event_id)
    if chosen.since is not None:
        conditions.append(deliveries.c.created_at >= chosen.since)
    if chosen.until is not None:
        conditions.append(deliveries.c.created_at < chosen.until)
    return conditions


def _delivery(row: Row[Any]) -> dict[str, Any]:
    waits_for_profile = row.state in _WAITING and not row.profile_enabled and not row.test
    return {
        "id": row.id,
        "event_id": row.event_id,
        "source_event_id": row.source_event_id,
        "event_type": row.event_type,
        "call_id": row.call_id,
        "profile": row.profile,
        "revision": row.revision,
        "state": row.state,
        "reason": _PROFILE_OFF if waits_for_profile else row.reason,
        "attempts": row.attempts,
        "due_at": row.due_at,
        "partial": row.partial,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "erased_at": row.erased_at,
        "test": row.test,
    }


def _past_query(workspace_id: UUID, since: datetime | None, until: datetime | None) -> Select[Any]:
    """By the time in their ids, which is when they were received: the primary key is their only index by time."""
    query = (
        select(events, evaluations.c.version, evaluations.c.erase_at)
        .join(evaluations, evaluations.c.event_id == events.c.id)
        .where(events.c.workspace_id == workspace_id)
        .order_by(events.c.id.desc())
    )
    if since is not None:
        query = query.where(events.c.id >= first_at(since))
    if until is not None:
        query = query.where(events.c.id < first_at(until))
    return query


def _event_query(workspace_id: UUID) -> Select[Any]:
    return (
        select(
            events,
            evaluations.c.evaluated_at,
            evaluations.c.version,
            evaluations.c.made,
            evaluations.c.erase_at,
            sources.c.name.label("source"),
        )
        .join(evaluations, evaluations.c.event_id == events.c.id)
        .outerjoin(sources, sources.c.id == events.c.source_id)
        .where(events.c.workspace_id == workspace_id)
    )


def _event(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "source_event_id": row.source_event_id,
        "type": row.type,
        "call_id": row.call_id,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "evaluated_at": row.evaluated_at,
        "deliveries_made": row.made,
        "private": row.erase_at is not None or row.erased_at is not None,
        "erased_at": row.erased_at,
        "test": row.test,
    }
