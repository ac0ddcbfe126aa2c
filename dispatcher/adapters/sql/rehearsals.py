"""Tests of profiles: what they are tried on, and the deliveries that count nowhere."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, insert, select

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import catalogue, deliveries, evaluations, events
from dispatcher.adapters.sql.waiting import delivered_among, events_of
from dispatcher.adapters.vault import Vault
from dispatcher.domain.delivery import NewDelivery, State
from dispatcher.domain.ids import delivery_id
from dispatcher.ports import Conflict, NewEvent

LOOKED_AT_EVENTS = 1_000
"""The newest, among which one of the wanted types is looked for."""


class RehearsalRows:
    """What `RehearsalStore` adds to the other halves."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def newest_event(self, workspace_id: UUID, types: Collection[str]) -> UUID | None:
        newest = (
            select(events.c.id, events.c.type, events.c.test, events.c.erased_at)
            .where(events.c.workspace_id == workspace_id)
            .order_by(events.c.id.desc())
            .limit(LOOKED_AT_EVENTS)
            .subquery()
        )
        query = select(newest.c.id).where(newest.c.test.is_(False), newest.c.erased_at.is_(None))
        if types:
            query = query.where(newest.c.type.in_(types))
        with self._database.reading() as connection:
            return connection.execute(query.order_by(newest.c.id.desc()).limit(1)).scalar_one_or_none()

    def outputs_for(self, event_id: UUID, profile_id: UUID) -> dict[str, Any] | None:
        this = select(events.c.source_id, events.c.call_id).where(events.c.id == event_id)
        with self._database.reading() as connection:
            call = connection.execute(this).one_or_none()
            said = events_of(connection, (call.source_id, call.call_id)) if call is not None else ()
            made = sorted(delivery_id(each.id, profile_id) for each in said)
            rows = list(delivered_among(connection, made))
        if not rows:
            return None
        row = rows[-1]
        if row.outputs is None:
            return {}
        values: dict[str, Any] = orjson.loads(self._vault.open(row.outputs, row.id.bytes))["values"]
        return values

    def add_test(
        self, event: NewEvent | None, delivery: NewDelivery, now: datetime, wake_at: datetime, *, private: bool
    ) -> None:
        with self._database.writing() as connection:
            if event is not None:
                self._add_event(connection, event, now, private=private)
            elif _is_erased(connection, delivery.event_id):
                raise Conflict("the event is erased")
            values = {
                "id": delivery.id,
                "workspace_id": delivery.workspace_id,
                "event_id": delivery.event_id,
                "profile_id": delivery.profile_id,
                "revision": delivery.revision,
                "state": State.PENDING.value,
                "attempts": 0,
                "tries": 0,
                "due_at": now,
                "wake_at": wake_at,
                "opened_at": now,
                "created_at": now,
                "test": True,
            }
            connection.execute(insert(deliveries).values(**values))

    def _add_event(self, connection: Connection, event: NewEvent, now: datetime, *, private: bool) -> None:
        values = {
            "id": event.id,
            "workspace_id": event.workspace_id,
            "source_id": event.source_id,
            # Without it, so that neither this event nor a real one of that id is ever taken for a duplicate.
            "source_event_id": None,
            "type": event.type,
            "call_id": event.call_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "body": self._vault.seal(event.body, event.id.bytes),
            "test": True,
        }
        connection.execute(insert(events).values(**values))
        version = select(catalogue.c.version).scalar_subquery()
        done = {"event_id": event.id, "evaluated_at": now, "version": version, "made": 0}
        connection.execute(insert(evaluations).values(**done, erase_at=now if private else None))


def _is_erased(connection: Connection, event_id: UUID) -> bool:
    # Locked, so that the eraser sees the delivery that is about to be made, or this sees what the eraser did.
    query = select(events.c.erased_at).where(events.c.id == event_id).with_for_update()
    return connection.execute(query).scalar_one() is not None
