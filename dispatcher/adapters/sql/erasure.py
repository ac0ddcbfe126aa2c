"""Events that fired a private profile: erased when the time has come, with the parts of their calls, and never replayed
afterwards."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, update

from dispatcher.adapters.sql.assemblies import erase_parts
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import deliveries, evaluations, events
from dispatcher.domain.delivery import State
from dispatcher.domain.erasure import Step, next_step
from dispatcher.domain.ids import first_of, last_of
from dispatcher.ports import Erased

RANGES = 25
"""Events whose deliveries are read by one statement."""
_Made = tuple[State, datetime | None]
_DUE = (
    select(evaluations.c.event_id, evaluations.c.evaluated_at, events.c.erased_at)
    .join(events, events.c.id == evaluations.c.event_id)
    .order_by(evaluations.c.erase_at)
)


class ErasureRows:
    """The `ErasureStore` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erase_due(self, now: datetime, limit: int) -> Erased:
        due = evaluations.c.erase_at <= now
        with self._database.reading() as connection:
            if connection.execute(select(evaluations.c.event_id).where(due).limit(1)).first() is None:
                return Erased()  # no write lock for nothing
        with self._database.writing() as connection:
            # Locked: a replay or a test that would open a delivery waits, and then finds the event erased.
            rows = connection.execute(_DUE.where(due).limit(limit).with_for_update(skip_locked=True)).all()
            made = _made(connection, [row.event_id for row in rows])
            steps = {row.event_id: next_step(made[row.event_id], row.evaluated_at, row.erased_at, now) for row in rows}
            _carry_out(connection, steps, now)
        return Erased(len(steps), sum(step.erase for step in steps.values()))


def lock_against_erasure(connection: Connection, delivery_ids: Sequence[UUID]) -> None:
    """Keeps the eraser from the events of these deliveries until the transaction ends; it may have been there before.

    Only events that it may come to are locked. SQLite has one writer at a time, and needs no lock.
    """
    of_these = select(deliveries.c.event_id).where(deliveries.c.id.in_(delivery_ids))
    watched = select(events.c.id).join(evaluations, evaluations.c.event_id == events.c.id)
    chosen = watched.where(events.c.id.in_(of_these), evaluations.c.erase_at.is_not(None)).order_by(events.c.id)
    connection.execute(chosen.with_for_update(read=True, of=events)).all()


def _made(connection: Connection, event_ids: Sequence[UUID]) -> dict[UUID, list[_Made]]:
    """State and end of every delivery, by event."""
    found: dict[UUID, list[_Made]] = {event_id: [] for event_id in event_ids}
    for start in range(0, len(event_ids), RANGES):
        part = list(event_ids[start : start + RANGES])
        # Always so many ranges, the last one repeated, so that the statement is compiled and planned once.
        nearby = or_(*map(_nearby, part + part[-1:] * (RANGES - len(part))))
        columns = (deliveries.c.event_id, deliveries.c.state, deliveries.c.finished_at)
        for row in connection.execute(select(*columns).where(nearby)):
            if row.event_id in found:
                found[row.event_id].append((State(row.state), row.finished_at))
    return found


def _nearby(event_id: UUID) -> ColumnElement[bool]:
    """All deliveries of an event lie beside each other in the primary key, hardly any others among them."""
    return deliveries.c.id.between(first_of(event_id), last_of(event_id))


def _carry_out(connection: Connection, steps: dict[UUID, Step], now: datetime) -> None:
    erased = [event_id for event_id, step in steps.items() if step.erase]
    spent = [event_id for event_id, step in steps.items() if step.drop_outputs]
    if erased:
        connection.execute(update(events).where(events.c.id.in_(erased)).values(body=b"", erased_at=now))
        erase_parts(connection, erased)
    for event_id in spent:
        these = and_(_nearby(event_id), deliveries.c.event_id == event_id)
        connection.execute(update(deliveries).where(these).values(outputs=None))
    if steps:
        look = update(evaluations).where(evaluations.c.event_id == bindparam("of")).values(erase_at=bindparam("at"))
        connection.execute(look, [{"of": event_id, "at": step.look_at} for event_id, step in steps.items()])
