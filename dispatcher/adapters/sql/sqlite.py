"""The hot statements for SQLite, written for the standard library's driver.

Ingest and record are durable (`synchronous=FULL` in WAL mode: every commit is flushed to disk);
evaluation and claims use a connection of their own with `synchronous=NORMAL`, where a power cut may
forget the last claims, which only repeats a request. The pragma cannot change inside a transaction.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import local
from typing import Any
from uuid import UUID

import orjson

from dispatcher.adapters.sql.rows import attempt_columns, opened
from dispatcher.adapters.sql.tables import from_microseconds, to_microseconds
from dispatcher.adapters.vault import Vault
from dispatcher.domain.delivery import DISABLED_REST, Claim, NewDelivery, Result, State
from dispatcher.domain.pace import allowance, is_limited
from dispatcher.ports import Accepted, Evaluation, NewEvent, Profile, StoredEvent, StoreUnavailable

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a commit may wait behind those of other processes; a single one was seen to wait 1.1 s."""

_ADD_EVENT = """
INSERT INTO events (id, workspace_id, source_id, source_event_id, type, call_id, occurred_at, received_at, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_DELIVERY = """
INSERT INTO deliveries (id, workspace_id, event_id, profile_id, revision, state, attempts, tries, due_at, wake_at,
                        claim_id, opened_at, created_at)
VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_CLAIM = """
UPDATE deliveries SET state = 'sending', claim_id = ?, wake_at = ?, due_at = NULL, revision = ?
WHERE id IN (SELECT value FROM json_each(?)) AND state IN ('pending', 'retrying') AND due_at <= ?
      AND (test OR ?)
RETURNING id, event_id, attempts, tries, opened_at, test
"""
_RECORD = """
UPDATE deliveries SET state = ?, reason = ?, attempts = ?, tries = ?, due_at = ?, wake_at = ?, claim_id = NULL,
                      finished_at = ?, outputs = coalesce(?, outputs), partial = ?
WHERE id = ? AND claim_id = ?
"""
_ADD_ATTEMPT = """
INSERT INTO attempts (delivery_id, number, started_at, duration_ms, outcome, status, error, detail, dns_ms, connect_ms,
                      tls_ms, first_byte_ms, excerpt)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_WAKE_EVENTS = """
UPDATE evaluations SET wake_at = :again_at
WHERE event_id IN (
    SELECT event_id FROM evaluations WHERE wake_at <= :now ORDER BY wake_at
    LIMIT max(:limit - (SELECT count(*) FROM evaluations WHERE wake_at > :now AND wake_at <= :again_at), 0))
RETURNING event_id
"""
_TURNS = """
SELECT p.id, p.enabled, p.deleted_at IS NOT NULL AS deleted,
       max(:limit - (SELECT count(*) FROM deliveries o
                     WHERE o.profile_id = p.id AND o.wake_at > :now AND o.wake_at <= :again_at
                       AND o.state IN ('pending', 'retrying') AND o.due_at <= :now), 0) AS room
FROM profiles p
WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.profile_id = p.id AND d.wake_at <= :now)
"""
_WAKE_DELIVERIES = """
UPDATE deliveries
SET wake_at = CASE WHEN :deleted THEN NULL WHEN :enabled OR test THEN :again_at ELSE :rested_at END,
    state = CASE WHEN :deleted THEN 'discarded' WHEN state <> 'sending' THEN state
                 WHEN attempts > 0 THEN 'retrying' ELSE 'pending' END,
    reason = CASE WHEN :deleted THEN 'profile deleted' WHEN state = 'sending'
                  THEN 'its worker did not report back' ELSE reason END,
    finished_at = CASE WHEN :deleted THEN :now ELSE finished_at END,
    due_at = CASE WHEN :deleted THEN NULL WHEN state = 'sending' THEN :now ELSE due_at END,
    claim_id = NULL
WHERE id IN (SELECT id FROM deliveries WHERE profile_id = :profile_id AND state = 'sending' AND wake_at <= :now
             ORDER BY wake_at LIMIT :limit)
   OR id IN (SELECT id FROM deliveries WHERE profile_id = :profile_id AND wake_at <= :now
             AND state IN ('pending', 'retrying') ORDER BY wake_at LIMIT :room)
RETURNING id, NOT :deleted AND (:enabled OR test)
"""


class HotSqlite:
    """Ingest, evaluate, claim, record and wake on SQLite. One connection for each thread and durability."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path, self._vault = path, vault
        self._connections = local()

    # --- ingest

    def add_events(self, events: Sequence[NewEvent], received_at: datetime, wake_at: datetime) -> list[Accepted]:
        received, wake = to_microseconds(received_at), to_microseconds(wake_at)
        with self._transaction("durable") as connection:
            firsts = self._firsts(connection, events)
            accepted, new = [], []
            for event in events:
                key = (event.source_id.hex, event.source_event_id)
                first = firsts.get(key) if event.source_event_id is not None else None
                accepted.append(Accepted(first or event.id, event.source_event_id, duplicate=first is not None))
                if first is None:
                    new.append(event)
                    if event.source_event_id is not None:
                        firsts[key] = event.id
            connection.executemany(_ADD_EVENT, [self._event_row(event, received) for event in new])
            connection.executemany(
                "INSERT INTO evaluations (event_id, wake_at) VALUES (?, ?)", [(event.id.hex, wake) for event in new]
            )
        return accepted

    def _firsts(self, connection: sqlite3.Connection, events: Sequence[NewEvent]) -> dict[tuple[str, str | None], UUID]:
        firsts: dict[tuple[str, str | None], UUID] = {}
        for event in events:
            if event.source_event_id is None:
                continue
            key = (event.source_id.hex, event.source_event_id)
            row = connection.execute(
                "SELECT id FROM events WHERE source_id = ? AND source_event_id = ?", key
            ).fetchone()
            if row:
                firsts[key] = UUID(row[0])
        return firsts

    def _event_row(self, event: NewEvent, received: int) -> tuple[Any, ...]:
        return (
            event.id.hex,
            event.workspace_id.hex,
            event.source_id.hex,
            event.source_event_id,
            event.type,
            event.call_id,
            to_microseconds(event.occurred_at),
            received,
            self._vault.seal(event.body, event.id.bytes),
        )

    # --- evaluate

    def unevaluated(self, event_ids: Sequence[UUID]) -> tuple[int, list[StoredEvent]]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT e.id, e.workspace_id, e.source_id, e.body FROM evaluations v JOIN events e ON e.id = v.event_id"
                " WHERE v.event_id IN (SELECT value FROM json_each(?)) AND v.evaluated_at IS NULL",
                (_json(event_ids),),
            ).fetchall()
            version = self._version(connection) if rows else -1
        contexts = opened(self._vault, ((UUID(identifier), body) for identifier, _, _, body in rows))
        owners = {UUID(identifier): (UUID(workspace), UUID(source)) for identifier, workspace, source, _ in rows}
        return version, [StoredEvent(each, *owners[each], context) for each, context in contexts.items()]

    def add_deliveries(
        self,
        evaluations: Sequence[Evaluation],
        deliveries: Sequence[NewDelivery],
        version: int,
        now: datetime,
        lease_until: Mapping[UUID, datetime],
        wake_at: datetime,
    ) -> set[UUID]:
        moment, wake = to_microseconds(now), to_microseconds(wake_at)
        leases = {profile_id: to_microseconds(until) for profile_id, until in lease_until.items()}
        made: set[UUID] = set()
        with self._transaction("relaxed") as connection:
            todo = {
                each.event_id
                for each in evaluations
                if connection.execute(
                    "UPDATE evaluations SET evaluated_at = ?, wake_at = NULL, version = ?, made = ?, erase_at = ?"
                    " WHERE event_id = ? AND evaluated_at IS NULL",
                    (moment, version, each.made, wake if each.private else None, each.event_id.hex),
                ).rowcount
            }
            for each in deliveries:
                if each.event_id not in todo:
                    continue
                claimed = each.claim_id is not None
                row = (
                    each.id.hex,
                    each.workspace_id.hex,
                    each.event_id.hex,
                    each.profile_id.hex,
                    each.revision,
                    State.SENDING.value if claimed else State.PENDING.value,
                    None if claimed else moment,
                    leases[each.profile_id] if claimed else wake,
                    each.claim_id.hex if each.claim_id else None,
                    moment,
                    moment,
                )
                if connection.execute(_ADD_DELIVERY, row).rowcount:
                    made.add(each.id)
        return made

    # --- deliver

    def catalogue_version(self) -> int:
        with self._reading() as connection:
            return self._version(connection)

    def _version(self, connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT version FROM catalogue").fetchone()
        return int(row[0]) if row else -1

    def claim(
        self, profile: Profile, ids: Sequence[UUID], claim_id: UUID, now: datetime, lease_until: datetime
    ) -> list[Claim]:
        moment = to_microseconds(now)
        with self._transaction("relaxed") as connection:
            if is_limited(profile.spec.limits):
                ids = self._within_limits(connection, profile, ids, now)
            claimed = connection.execute(
                _CLAIM,
                (
                    claim_id.hex,
                    to_microseconds(lease_until),
                    profile.revision,
                    _json(ids),
                    moment,
                    profile.enabled,
                ),
            ).fetchall()
            bodies = connection.execute(
                "SELECT id, body FROM events WHERE id IN (SELECT value FROM json_each(?))",
                (_json([UUID(row[1]) for row in claimed]),),
            ).fetchall()
        contexts = opened(self._vault, ((UUID(event_id), body) for event_id, body in bodies))
        return [
            Claim(
                UUID(identifier),
                claim_id,
                profile.id,
                profile.revision,
                tries + 1,
                attempts,
                from_microseconds(opened_at),
                contexts[UUID(event_id)],
                test=bool(test),
                event_id=UUID(event_id),
            )
            for identifier, event_id, attempts, tries, opened_at, test in claimed
            if UUID(event_id) in contexts
        ]

    def _within_limits(
        self, connection: sqlite3.Connection, profile: Profile, ids: Sequence[UUID], now: datetime
    ) -> Sequence[UUID]:
        """The ids that may be claimed now; the others sleep until one more may. BEGIN IMMEDIATE is the lock."""
        row = connection.execute("SELECT pace_at FROM profiles WHERE id = ?", (profile.id.hex,)).fetchone()
        pace_at = from_microseconds(row[0]) if row and row[0] is not None else None
        due = [
            UUID(each[0])
            for each in connection.execute(
                "SELECT id FROM deliveries WHERE id IN (SELECT value FROM json_each(?))"
                " AND state IN ('pending', 'retrying') AND due_at <= ?",
                (_json(ids), to_microseconds(now)),
            )
        ]
        (sending,) = connection.execute(
            "SELECT count(*) FROM deliveries WHERE profile_id = ? AND state = 'sending' AND wake_at > ?",
            (profile.id.hex, to_microseconds(now)),
        ).fetchone()
        granted, pace_at, wake_at = allowance(profile.spec.limits, pace_at, now, len(due), sending)
        connection.execute(
            "UPDATE profiles SET pace_at = ? WHERE id = ?",
            (to_microseconds(pace_at) if pace_at else None, profile.id.hex),
        )
        connection.executemany(
            "UPDATE deliveries SET wake_at = ? WHERE id = ?",
            [(to_microseconds(wake), each.hex) for each, wake in zip(due[granted:], wake_at, strict=True)],
        )
        return due[:granted]

    def record(self, results: Sequence[Result], now: datetime) -> set[UUID]:
        moment = to_microseconds(now)
        columns = attempt_columns(results, self._vault)
        written: set[UUID] = set()
        with self._transaction("durable") as connection:
            for place, result in enumerate(results):
                due_at = to_microseconds(result.next.due_at) if result.next.due_at else None
                held = connection.execute(
                    _RECORD,
                    (
                        columns["state"][place],
                        result.next.reason,
                        result.next.attempts,
                        result.attempt.number,
                        due_at,
                        due_at,
                        moment if due_at is None else None,
                        columns["outputs"][place],
                        result.partial,
                        result.delivery_id.hex,
                        result.claim_id.hex,
                    ),
                ).rowcount
                if held:
                    written.add(result.delivery_id)
                    connection.execute(_ADD_ATTEMPT, self._attempt_row(result, columns, place))
        return written

    def _attempt_row(self, result: Result, columns: Mapping[str, list[Any]], place: int) -> tuple[Any, ...]:
        names = ("duration_ms", "outcome", "status", "error", "detail", "dns_ms", "connect_ms", "tls_ms")
        return (
            result.delivery_id.hex,
            result.attempt.number,
            to_microseconds(result.attempt.started_at),
            *(columns[name][place] for name in names),
            columns["first_byte_ms"][place],
            columns["excerpt"][place],
        )

    # --- sweep

    def wake_events(self, now: datetime, again_at: datetime, limit: int) -> list[UUID]:
        given = {"now": to_microseconds(now), "again_at": to_microseconds(again_at), "limit": limit}
        with self._reading() as connection:
            due = connection.execute("SELECT 1 FROM evaluations WHERE wake_at <= :now LIMIT 1", given)
            if due.fetchone() is None:
                return []  # no write lock for nothing, twice a second
        with self._transaction("relaxed") as connection:
            return [UUID(row[0]) for row in connection.execute(_WAKE_EVENTS, given).fetchall()]

    def wake_deliveries(self, now: datetime, again_at: datetime, limit: int) -> dict[UUID, list[UUID]]:
        given: dict[str, Any] = {
            "now": to_microseconds(now),
            "again_at": to_microseconds(again_at),
            "rested_at": to_microseconds(now + DISABLED_REST),
            "limit": limit,
        }
        with self._reading() as connection:
            if connection.execute(_TURNS, given).fetchone() is None:
                return {}
        woken: dict[UUID, list[UUID]] = {}
        with self._transaction("relaxed") as connection:
            for profile_id, enabled, deleted, room in connection.execute(_TURNS, given).fetchall():
                turn = {"profile_id": profile_id, "enabled": enabled, "deleted": deleted, "room": room}
                rows = connection.execute(_WAKE_DELIVERIES, given | turn).fetchall()
                ids = [UUID(identifier) for identifier, wanted in rows if wanted]
                if ids:
                    woken[UUID(profile_id)] = ids
        return woken

    # --- connections

    def close(self) -> None:
        """Closes the connections of the calling thread; the next call opens new ones."""
        for connection in vars(self._connections).values():
            connection.close()
        vars(self._connections).clear()

    @contextmanager
    def _transaction(self, durability: str) -> Iterator[sqlite3.Connection]:
        with self._connection(durability) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _reading(self) -> Any:
        return self._connection("relaxed")

    @contextmanager
    def _connection(self, durability: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = getattr(self._connections, durability, None)
            if connection is None:
                connection = connect(self._path, durability)
                setattr(self._connections, durability, connection)
            yield connection
        except sqlite3.OperationalError as error:
            # SQLite says "operational" of a mistake in a statement too; only the rest may pass by itself.
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise
            raise StoreUnavailable(error.sqlite_errorname) from error


def connect(path: Path, durability: str) -> sqlite3.Connection:
    """A connection in WAL mode; `durability` is "durable" or "relaxed"."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'durable' else 'NORMAL'}")
    return connection


def _json(ids: Sequence[UUID]) -> str:
    return orjson.dumps([identifier.hex for identifier in ids]).decode()
