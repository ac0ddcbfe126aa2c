"""Calls that come in parts, in SQLAlchemy Core for either database.

Parts of one source are placed by one process at a time (an advisory lock of PostgreSQL, SQLite's one writer), so that
no two parts that share a key open a call each, and no two joins cross. Who tells a call holds its row alone, and tells
it only in the version that was read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.rows import opened
from dispatcher.adapters.sql.tables import assemblies, assembly_keys, call_parts, evaluations, events
from dispatcher.adapters.vault import Vault
from dispatcher.domain.assembly import Assembly, Key, Placed, place
from dispatcher.ports import Accepted, DueCall, HeldPart, NewEvent, NewPart, OpenCall, Telling

MAX_PARTS_OF_A_CALL = 500
"""More parts of one call than these, the newest, are not read: a source that repeats a key for ever must not make every
telling dearer than the one before."""
_OF_A_STATEMENT = 500
_MEMBERS = tuple(each.name for each in fields(Assembly))
_ASSEMBLY = select(*(assemblies.c[name] for name in _MEMBERS))
_LOCKED_BITS = (1 << 63) - 1


class OpenCallPages:
    """What a call's page shows of its parts."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def open_call(self, workspace_id: UUID, call_id: str) -> OpenCall | None:
        # As a union, so that each half is looked up by its index; no plan has one for their OR.
        named = select(assemblies.c.id).where(assemblies.c.call_id == call_id)
        known = named.union(select(assembly_keys.c.assembly_id).where(assembly_keys.c.key == call_id))
        waiting = (call_parts.c.assembly_id == assemblies.c.id, call_parts.c.told.is_(False))
        query = (
            select(func.count(), func.min(assemblies.c.due_at))
            .select_from(assemblies.join(call_parts, waiting[0]))
            .where(assemblies.c.workspace_id == workspace_id, assemblies.c.due_at.is_not(None), waiting[1])
            .where(assemblies.c.id.in_(known))
        )
        with self._database.reading() as connection:
            parts, due_at = connection.execute(query).one()
        return OpenCall(parts, due_at) if parts else None


class AssemblyRows(OpenCallPages):
    """The `AssemblyStore` port."""

    # --- parts

    def add_parts(self, parts: Sequence[NewPart], now: datetime) -> list[Accepted]:
        with self._database.writing() as connection:
            _lock_sources(connection, {part.source_id for part in parts})
            firsts = _firsts(connection, parts)
            accepted, new = [], []
            for part in parts:
                key = (part.source_id, part.part_id)
                first = firsts.get(key) if part.part_id is not None else None
                accepted.append(Accepted(first or part.id, part.part_id, duplicate=first is not None))
                if first is None:
                    new.append(part)
                    firsts[key] = part.id
            if new:
                known = _known(connection, {(part.source_id, key) for part in new for key in part.keys})
                locked = _locked(connection, set(known.values()))
                # A call may have been forgotten, and its keys with it, while its row was waited for.
                known = {key: each for key, each in known.items() if each in locked}
                placed = place(new, known, locked, now)
                _write(connection, placed, known)
                connection.execute(insert(call_parts), [self._part_row(part, placed.of[part.id], now) for part in new])
        return accepted

    def _part_row(self, part: NewPart, assembly_id: UUID, now: datetime) -> dict[str, Any]:
        return {
            "id": part.id,
            "source_id": part.source_id,
            "part_id": part.part_id,
            "assembly_id": assembly_id,
            "told": False,
            "received_at": now,
            "body": self._vault.seal(part.body, part.id.bytes),
        }

    # --- telling

    def due_calls(self, now: datetime, again_at: datetime, limit: int) -> list[DueCall]:
        due = (assemblies.c.wake_at <= now, assemblies.c.due_at <= now)
        with self._database.reading() as connection:
            if connection.execute(select(assemblies.c.id).where(*due).limit(1)).first() is None:
                return []  # no write lock for nothing, twice a second
        query = _ASSEMBLY.where(*due).order_by(assemblies.c.wake_at).limit(limit)
        with self._database.writing() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            chosen = assemblies.c.id.in_([row.id for row in rows])
            connection.execute(update(assemblies).where(chosen).values(wake_at=again_at))
            found = {row.id: _parts_of(connection, row.id) for row in rows}
        return [DueCall(_assembly(row), self._held(found[row.id])) for row in rows]

    def _held(self, rows: Sequence[Any]) -> list[HeldPart]:
        bodies = opened(self._vault, ((row.id, row.body) for row in rows))
        return [HeldPart(row.id, row.part_id, row.told, bodies[row.id]) for row in rows if row.id in bodies]

    def tell(self, tellings: Sequence[Telling], now: datetime, wake_at: datetime) -> list[Accepted]:
        with self._database.writing() as connection:
            chosen = assemblies.c.id.in_([each.assembly_id for each in tellings])
            query = _ASSEMBLY.where(chosen).order_by(assemblies.c.id).with_for_update()
            stored = {row.id: _assembly(row) for row in connection.execute(query)}
            mine = [
                each
                for each in tellings
                if each.assembly_id in stored and stored[each.assembly_id].version == each.version
            ]
            accepted = self._add_events(connection, [event for each in mine for event in each.events], now, wake_at)
            for ids in _slices([part_id for each in mine for part_id in each.told]):
                connection.execute(update(call_parts).where(call_parts.c.id.in_(ids)).values(told=True))
            for each in mine:
                _note(connection, stored[each.assembly_id], each, now)
        return accepted

    def _add_events(
        self, connection: Connection, new: Sequence[NewEvent], now: datetime, wake_at: datetime
    ) -> list[Accepted]:
        if not new:
            return []
        # In one order everywhere, as ingestion has it: two that add the same events never wait for each other.
        ordered = sorted(new, key=lambda event: (event.source_id.int, event.source_event_id or ""))
        adding = _insert(connection, events).on_conflict_do_nothing().returning(events.c.id)
        added: set[UUID] = set()
        for part in _slices(ordered):
            added |= set(connection.execute(adding.values([self._event_row(each, now) for each in part])).scalars())
        if added:
            rows = [{"event_id": each.id, "wake_at": wake_at} for each in ordered if each.id in added]
            connection.execute(insert(evaluations), rows)
        firsts = _first_events(connection, [each for each in new if each.id not in added])
        return [
            Accepted(each.id, each.source_event_id, duplicate=False)
            if each.id in added
            else Accepted(firsts[each.source_id, each.source_event_id or ""], each.source_event_id, duplicate=True)
            for each in new
        ]

    def _event_row(self, event: NewEvent, now: datetime) -> dict[str, Any]:
        return {
            "id": event.id,
            "workspace_id": event.workspace_id,
            "source_id": event.source_id,
            "source_event_id": event.source_event_id,
            "type": event.type,
            "call_id": event.call_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "body": self._vault.seal(event.body, event.id.bytes),
        }

    # --- afterwards

    def forget_old(self, now: datetime, limit: int) -> int:
        old = (assemblies.c.wake_at <= now, assemblies.c.due_at.is_(None))
        query = select(assemblies.c.id).where(*old)
        with self._database.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            ids = list(connection.execute(query.limit(limit).with_for_update(skip_locked=True)).scalars())
            connection.execute(delete(call_parts).where(call_parts.c.assembly_id.in_(ids)))
            connection.execute(delete(assembly_keys).where(assembly_keys.c.assembly_id.in_(ids)))
            connection.execute(delete(assemblies).where(assemblies.c.id.in_(ids)))
        return len(ids)


def erase_parts(connection: Connection, event_ids: Sequence[UUID]) -> None:
    """Empties the parts that these events have told, of whatever call: all is in an event that may be erased.

    A call is found by its keys: since an event named it, it may have been joined to another one, and has that one's id.
    """
    for ids in _slices(event_ids):
        named = and_(events.c.call_id == assembly_keys.c.key, events.c.source_id == assembly_keys.c.source_id)
        calls = select(assembly_keys.c.assembly_id).join(events, named).where(events.c.id.in_(ids))
        told = (call_parts.c.assembly_id.in_(calls), call_parts.c.told.is_(True))
        parts = select(call_parts.c.id).where(*told).order_by(call_parts.c.id).with_for_update()
        # Twice: parts that were on their way to another call while the first waited for them are found by the second.
        for _ in range(2):
            connection.execute(update(call_parts).where(call_parts.c.id.in_(parts)).values(body=b""))


def _lock_sources(connection: Connection, source_ids: set[UUID]) -> None:
    if connection.dialect.name != "postgresql":
        return
    for each in sorted(source_ids):
        connection.execute(select(func.pg_advisory_xact_lock(literal(each.int & _LOCKED_BITS))))


def _firsts(connection: Connection, parts: Sequence[NewPart]) -> dict[tuple[UUID, str | None], UUID]:
    found: dict[tuple[UUID, str | None], UUID] = {}
    columns = (call_parts.c.source_id, call_parts.c.part_id)
    for given in _slices([(each.source_id, each.part_id) for each in parts if each.part_id is not None]):
        for row in connection.execute(select(*columns, call_parts.c.id).where(tuple_(*columns).in_(given))):
            found[row.source_id, row.part_id] = row.id
    return found


def _first_events(connection: Connection, repeated: Sequence[NewEvent]) -> dict[tuple[UUID, str], UUID]:
    found: dict[tuple[UUID, str], UUID] = {}
    columns = (events.c.source_id, events.c.source_event_id)
    for given in _slices([(each.source_id, each.source_event_id) for each in repeated]):
        for row in connection.execute(select(*columns, events.c.id).where(tuple_(*columns).in_(given))):
            found[row.source_id, row.source_event_id] = row.id
    return found


def _known(connection: Connection, keys: set[Key]) -> dict[Key, UUID]:
    found: dict[Key, UUID] = {}
    columns = (assembly_keys.c.key, assembly_keys.c.source_id)
    for given in _slices(sorted((key, source_id) for source_id, key in keys)):
        for row in connection.execute(select(assembly_keys).where(tuple_(*columns).in_(given))):
            found[row.source_id, row.key] = row.assembly_id
    return found


def _locked(connection: Connection, ids: set[UUID]) -> dict[UUID, Assembly]:
    """In one order, so that two that lock several never wait for each other."""
    found: dict[UUID, Assembly] = {}
    for given in _slices(sorted(ids)):
        query = _ASSEMBLY.where(assemblies.c.id.in_(given)).order_by(assemblies.c.id)
        found |= {row.id: _assembly(row) for row in connection.execute(query.with_for_update())}
    return found


def _write(connection: Connection, placed: Placed, known: dict[Key, UUID]) -> None:
    for gone, heir in placed.moved.items():
        # Locked in the order in which the eraser locks them, so that neither waits for the other for ever.
        parts = select(call_parts.c.id).where(call_parts.c.assembly_id == gone).order_by(call_parts.c.id)
        moving = call_parts.c.id.in_(parts.with_for_update())
        connection.execute(update(call_parts).where(moving).values(assembly_id=heir))
        connection.execute(update(assembly_keys).where(assembly_keys.c.assembly_id == gone).values(assembly_id=heir))
        connection.execute(delete(assemblies).where(assemblies.c.id == gone))
    # Not `asdict`, which copies every id and moment in depth: a sixth of what storing a part cost.
    rows = [{name: getattr(each, name) for name in (*_MEMBERS, "wake_at")} for each in placed.assemblies.values()]
    adding = _insert(connection, assemblies)
    kept = {name: adding.excluded[name] for name in rows[0] if name != "id"}
    connection.execute(adding.on_conflict_do_update(index_elements=[assemblies.c.id], set_=kept), rows)
    keys = [
        {"key": key, "source_id": source_id, "assembly_id": each}
        for (source_id, key), each in placed.keys.items()
        if (source_id, key) not in known
    ]
    if keys:
        connection.execute(insert(assembly_keys), keys)


def _parts_of(connection: Connection, assembly_id: UUID) -> Sequence[Any]:
    columns = (call_parts.c.id, call_parts.c.part_id, call_parts.c.told, call_parts.c.body)
    newest = select(*columns).where(call_parts.c.assembly_id == bindparam("of")).order_by(call_parts.c.id.desc())
    return connection.execute(newest.limit(MAX_PARTS_OF_A_CALL), {"of": assembly_id}).all()[::-1]


def _note(connection: Connection, assembly: Assembly, telling: Telling, now: datetime) -> None:
    assembly.due_at = None
    values = {
        "call_id": telling.call_id,
        "due_at": None,
        "wake_at": assembly.wake_at,
        "told_at": assembly.told_at or (now if telling.finished else None),
        "version": assembly.version + 1,
    }
    connection.execute(update(assemblies).where(assemblies.c.id == assembly.id).values(**values))


def _assembly(row: Sequence[Any]) -> Assembly:
    return Assembly(*row)


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def _slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _OF_A_STATEMENT):
        yield items[start : start + _OF_A_STATEMENT]
