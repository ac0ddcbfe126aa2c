"""The hot statements for PostgreSQL, written for psycopg: arrays in, one statement, one round trip.

Arrays (`unnest`) keep one prepared plan for every batch size. Ingest and record commit durably;
evaluation and claims commit asynchronously, because a claim that a crash of the database forgets only
repeats a request, and PostgreSQL loses asynchronous commits from the end only, in order.
"""

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from threading import local
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from dispatcher.adapters.sql.database import POSTGRESQL_CONNECT, POSTGRESQL_OPTIONS
from dispatcher.adapters.sql.rows import attempt_columns, opened
from dispatcher.adapters.vault import Vault
from dispatcher.domain.delivery import DISABLED_REST, Claim, NewDelivery, Result, State
from dispatcher.domain.pace import allowance, is_limited
from dispatcher.ports import Accepted, Evaluation, NewEvent, Profile, StoredEvent, StoreUnavailable

HOT_OPTIONS = (
    f"{POSTGRESQL_OPTIONS} -c jit=off -c plan_cache_mode=force_generic_plan"
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
"""Every hot statement looks rows up by their keys. A plan made while a table was small, or before it was
analysed, would read all of it; and since no plan depends on the values, none is made anew for them."""

_ADD_EVENTS = """
WITH new AS (
    INSERT INTO events (id, workspace_id, source_id, source_event_id, type, call_id, occurred_at, received_at, body)
    SELECT id, workspace_id, source_id, source_event_id, type, call_id, occurred_at, %(received_at)b, body
    FROM unnest(%(id)b::uuid[], %(workspace_id)b::uuid[], %(source_id)b::uuid[], %(source_event_id)b::text[],
                %(type)b::text[], %(call_id)b::text[], %(occurred_at)b::timestamptz[], %(body)b::bytea[])
         AS given (id, workspace_id, source_id, source_event_id, type, call_id, occurred_at, body)
    ON CONFLICT DO NOTHING RETURNING id
), waiting AS (
    INSERT INTO evaluations (event_id, wake_at) SELECT id, %(wake_at)b FROM new
)
SELECT id FROM new
"""

_FIRST_OF_DUPLICATES = """
SELECT e.source_id, e.source_event_id, e.id
FROM unnest(%b::uuid[], %b::text[]) AS given (source_id, source_event_id)
JOIN events e ON e.source_id = given.source_id AND e.source_event_id = given.source_event_id
"""

_UNEVALUATED = """
SELECT (SELECT version FROM catalogue), e.id, e.workspace_id, e.source_id, e.body
FROM evaluations v JOIN events e ON e.id = v.event_id
WHERE v.event_id = ANY(%b) AND v.evaluated_at IS NULL
"""

_ADD_DELIVERIES = """
WITH todo AS (
    SELECT v.event_id, given.made, given.erase_at
    FROM unnest(%(events)b::uuid[], %(made)b::int[], %(erase_at)b::timestamptz[]) AS given (event_id, made, erase_at)
    JOIN evaluations v ON v.event_id = given.event_id
    WHERE v.evaluated_at IS NULL
    FOR UPDATE OF v SKIP LOCKED
), done AS (
    UPDATE evaluations v
    SET evaluated_at = %(now)b, wake_at = NULL, version = %(version)b, made = todo.made, erase_at = todo.erase_at
    FROM todo WHERE v.event_id = todo.event_id
)
INSERT INTO deliveries (id, workspace_id, event_id, profile_id, revision, state, attempts, tries, due_at, wake_at,
                        claim_id, opened_at, created_at)
SELECT given.id, given.workspace_id, given.event_id, given.profile_id, given.revision, given.state, 0, 0,
       CASE WHEN given.claim_id IS NULL THEN %(now)b::timestamptz END, given.wake_at, given.claim_id, %(now)b, %(now)b
FROM unnest(%(id)b::uuid[], %(workspace_id)b::uuid[], %(event_id)b::uuid[], %(profile_id)b::uuid[],
            %(revision)b::int[], %(state)b::text[], %(wake_at)b::timestamptz[], %(claim_id)b::uuid[])
     AS given (id, workspace_id, event_id, profile_id, revision, state, wake_at, claim_id)
JOIN todo ON todo.event_id = given.event_id
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_CLAIM = """
WITH free AS (
    SELECT id FROM deliveries
    WHERE id = ANY(%(ids)b) AND state IN ('pending', 'retrying') AND due_at <= %(now)b AND (test OR %(enabled)b)
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE deliveries d
    SET state = 'sending', claim_id = %(claim_id)b, wake_at = %(lease_until)b, due_at = NULL, revision = %(revision)b
    FROM free WHERE d.id = free.id
    RETURNING d.id, d.event_id, d.attempts, d.tries, d.opened_at, d.test
)
SELECT c.id, c.attempts, c.tries, c.opened_at, c.test, e.id, e.body
FROM claimed c JOIN events e ON e.id = c.event_id
"""

_RECORD = """
WITH given AS (
    SELECT * FROM unnest(
        %(delivery_id)b::uuid[], %(claim_id)b::uuid[], %(state)b::text[], %(reason)b::text[], %(attempts)b::int[],
        %(due_at)b::timestamptz[], %(number)b::int[], %(started_at)b::timestamptz[], %(duration_ms)b::float8[],
        %(outcome)b::text[], %(status)b::int[], %(error)b::text[], %(detail)b::text[], %(dns_ms)b::float8[],
        %(connect_ms)b::float8[], %(tls_ms)b::float8[], %(first_byte_ms)b::float8[], %(excerpt)b::bytea[],
        %(outputs)b::bytea[], %(partial)b::bool[])
        AS given (delivery_id, claim_id, state, reason, attempts, due_at, number, started_at, duration_ms, outcome,
                  status, error, detail, dns_ms, connect_ms, tls_ms, first_byte_ms, excerpt, outputs, partial)
), held AS (
    UPDATE deliveries d
    SET state = given.state, reason = given.reason, attempts = given.attempts, tries = given.number,
        due_at = given.due_at, wake_at = given.due_at, claim_id = NULL,
        outputs = coalesce(given.outputs, d.outputs), partial = given.partial,
        finished_at = CASE WHEN given.due_at IS NULL THEN %(now)b::timestamptz END
    FROM given WHERE d.id = given.delivery_id AND d.claim_id = given.claim_id
    RETURNING d.id
)
INSERT INTO attempts (delivery_id, number, started_at, duration_ms, outcome, status, error, detail, dns_ms, connect_ms,
                      tls_ms, first_byte_ms, excerpt)
SELECT delivery_id, number, started_at, duration_ms, outcome, status, error, detail, dns_ms, connect_ms, tls_ms,
       first_byte_ms, excerpt
FROM given JOIN held ON held.id = given.delivery_id
RETURNING delivery_id
"""

_WAKE_EVENTS = """
WITH due AS (
    SELECT event_id FROM evaluations WHERE wake_at <= %(now)b
    ORDER BY wake_at
    LIMIT greatest(%(limit)b::bigint - (
        SELECT count(*) FROM evaluations WHERE wake_at > %(now)b AND wake_at <= %(again_at)b), 0)
    FOR UPDATE SKIP LOCKED
)
UPDATE evaluations v SET wake_at = %(again_at)b FROM due WHERE v.event_id = due.event_id RETURNING v.event_id
"""

_WAKE_DELIVERIES = """
WITH turn AS (
    SELECT p.id, p.enabled, p.deleted_at IS NOT NULL AS deleted,
           greatest(%(limit)b::bigint - (
               SELECT count(*) FROM deliveries o
               WHERE o.profile_id = p.id AND o.wake_at > %(now)b AND o.wake_at <= %(again_at)b
                 AND o.state IN ('pending', 'retrying') AND o.due_at <= %(now)b), 0) AS room
    FROM profiles p
    WHERE EXISTS (SELECT FROM deliveries d WHERE d.profile_id = p.id AND d.wake_at <= %(now)b)
), lost AS (
    SELECT found.id, turn.enabled, turn.deleted
    FROM turn CROSS JOIN LATERAL (
        SELECT d.id FROM deliveries d WHERE d.profile_id = turn.id AND d.state = 'sending' AND d.wake_at <= %(now)b
        ORDER BY d.wake_at LIMIT %(limit)b::bigint FOR UPDATE SKIP LOCKED) AS found
), waiting AS (
    SELECT found.id, turn.enabled, turn.deleted
    FROM turn CROSS JOIN LATERAL (
        SELECT d.id FROM deliveries d
        WHERE d.profile_id = turn.id AND d.wake_at <= %(now)b AND d.state IN ('pending', 'retrying')
        ORDER BY d.wake_at LIMIT turn.room FOR UPDATE SKIP LOCKED) AS found
), due AS (
    SELECT * FROM lost UNION ALL SELECT * FROM waiting
), woken AS (
    UPDATE deliveries d
    SET wake_at = CASE WHEN due.deleted THEN NULL WHEN due.enabled OR d.test THEN %(again_at)b::timestamptz
                       ELSE %(rested_at)b::timestamptz END,
        state = CASE WHEN due.deleted THEN 'discarded' WHEN d.state <> 'sending' THEN d.state
                     WHEN d.attempts > 0 THEN 'retrying' ELSE 'pending' END,
        reason = CASE WHEN due.deleted THEN 'profile deleted' WHEN d.state = 'sending'
                      THEN 'its worker did not report back' ELSE d.reason END,
        finished_at = CASE WHEN due.deleted THEN %(now)b::timestamptz ELSE d.finished_at END,
        due_at = CASE WHEN due.deleted THEN NULL WHEN d.state = 'sending' THEN %(now)b::timestamptz
                      ELSE d.due_at END,
        claim_id = NULL
    FROM due WHERE d.id = due.id
    RETURNING d.profile_id, d.id, (due.enabled OR d.test) AND NOT due.deleted AS wanted
)
SELECT profile_id, id FROM woken WHERE wanted
"""

_PUT_OFF = """
UPDATE deliveries d SET wake_at = given.wake_at
FROM unnest(%b::uuid[], %b::timestamptz[]) AS given (id, wake_at)
WHERE d.id = given.id AND d.state IN ('pending', 'retrying')
"""

_SENDING = "SELECT count(*) FROM deliveries WHERE profile_id = %b AND state = 'sending' AND wake_at > %b"


class HotPostgresql:
    """Ingest, evaluate, claim, record and wake on PostgreSQL. One connection for each thread and durability."""

    def __init__(self, conninfo: str, vault: Vault) -> None:
        self._conninfo, self._vault = conninfo, vault
        self._connections = local()

    # --- ingest

    def add_events(self, events: Sequence[NewEvent], received_at: datetime, wake_at: datetime) -> list[Accepted]:
        # In one order everywhere: two processes that are given the same events in different groups would
        # otherwise wait for each other.
        ordered = sorted(events, key=_dedupe_key)
        given = {
            "id": [event.id for event in ordered],
            "workspace_id": [event.workspace_id for event in ordered],
            "source_id": [event.source_id for event in ordered],
            "source_event_id": [event.source_event_id for event in ordered],
            "type": [event.type for event in ordered],
            "call_id": [event.call_id for event in ordered],
            "occurred_at": [event.occurred_at for event in ordered],
            "body": [self._vault.seal(event.body, event.id.bytes) for event in ordered],
            "received_at": received_at,
            "wake_at": wake_at,
        }
        with self._connection("durable") as connection:
            new = {row[0] for row in connection.execute(_ADD_EVENTS, given, binary=True)}
            repeated = [event for event in events if event.id not in new]
            firsts = self._first_of(connection, repeated) if repeated else {}
        return [
            Accepted(event.id, event.source_event_id, duplicate=False)
            if event.id in new
            else Accepted(firsts[event.source_id, event.source_event_id], event.source_event_id, duplicate=True)
            for event in events
        ]

    def _first_of(self, connection: Connection[Any], repeated: Sequence[NewEvent]) -> dict[tuple[Any, Any], UUID]:
        keys = ([event.source_id for event in repeated], [event.source_event_id for event in repeated])
        return {
            (source_id, theirs): ours
            for source_id, theirs, ours in connection.execute(_FIRST_OF_DUPLICATES, keys, binary=True)
        }

    # --- evaluate

    def unevaluated(self, event_ids: Sequence[UUID]) -> tuple[int, list[StoredEvent]]:
        with self._connection("relaxed") as connection:
            rows = connection.execute(_UNEVALUATED, (list(event_ids),), binary=True).fetchall()
        version = rows[0][0] if rows else -1
        contexts = opened(self._vault, ((row[1], row[4]) for row in rows))
        return version, [
            StoredEvent(identifier, workspace_id, source_id, contexts[identifier])
            for _, identifier, workspace_id, source_id, _ in rows
            if identifier in contexts
        ]

    def add_deliveries(
        self,
        evaluations: Sequence[Evaluation],
        deliveries: Sequence[NewDelivery],
        version: int,
        now: datetime,
        lease_until: Mapping[UUID, datetime],
        wake_at: datetime,
    ) -> set[UUID]:
        given = {
            "events": [each.event_id for each in evaluations],
            "made": [each.made for each in evaluations],
            "erase_at": [wake_at if each.private else None for each in evaluations],
            "id": [each.id for each in deliveries],
            "workspace_id": [each.workspace_id for each in deliveries],
            "event_id": [each.event_id for each in deliveries],
            "profile_id": [each.profile_id for each in deliveries],
            "revision": [each.revision for each in deliveries],
            "state": [_PENDING if each.claim_id is None else _SENDING_STATE for each in deliveries],
            "wake_at": [wake_at if each.claim_id is None else lease_until[each.profile_id] for each in deliveries],
            "claim_id": [each.claim_id for each in deliveries],
            "version": version,
            "now": now,
        }
        with self._connection("relaxed") as connection:
            return {row[0] for row in connection.execute(_ADD_DELIVERIES, given, binary=True)}

    # --- deliver

    def catalogue_version(self) -> int:
        with self._connection("relaxed") as connection:
            row = connection.execute("SELECT version FROM catalogue").fetchone()
        return int(row[0]) if row else -1

    def claim(
        self, profile: Profile, ids: Sequence[UUID], claim_id: UUID, now: datetime, lease_until: datetime
    ) -> list[Claim]:
        given: dict[str, Any] = {
            "ids": list(ids),
            "now": now,
            "claim_id": claim_id,
            "lease_until": lease_until,
            "revision": profile.revision,
            "enabled": profile.enabled,
        }
        limited = is_limited(profile.spec.limits)
        with self._connection("relaxed") as connection, connection.transaction() if limited else nullcontext():
            if limited:
                given["ids"] = self._within_limits(connection, profile, given["ids"], now)
            rows = connection.execute(_CLAIM, given, binary=True).fetchall()
        contexts = opened(self._vault, ((row[5], row[6]) for row in rows))
        return [
            Claim(
                identifier,
                claim_id,
                profile.id,
                profile.revision,
                tries + 1,
                attempts,
                opened_at,
                contexts[event_id],
                test=test,
                event_id=event_id,
            )
            for identifier, attempts, tries, opened_at, test, event_id, _ in rows
            if event_id in contexts
        ]

    def _within_limits(
        self, connection: Connection[Any], profile: Profile, ids: list[UUID], now: datetime
    ) -> list[UUID]:
        """The ids that may be claimed now; the others sleep until one more may. The profile's row is the lock."""
        row = connection.execute("SELECT pace_at FROM profiles WHERE id = %b FOR UPDATE", (profile.id,)).fetchone()
        due = connection.execute(
            "SELECT id FROM deliveries WHERE id = ANY(%b) AND state IN ('pending', 'retrying') AND due_at <= %b",
            (ids, now),
        ).fetchall()
        sending = connection.execute(_SENDING, (profile.id, now), binary=True).fetchone()
        granted, pace_at, wake_at = allowance(
            profile.spec.limits, row[0] if row else None, now, len(due), sending[0] if sending else 0
        )
        connection.execute("UPDATE profiles SET pace_at = %b WHERE id = %b", (pace_at, profile.id))
        chosen = [each[0] for each in due]
        connection.execute(_PUT_OFF, (chosen[granted:], wake_at), binary=True)
        return chosen[:granted]

    def record(self, results: Sequence[Result], now: datetime) -> set[UUID]:
        given: dict[str, Any] = attempt_columns(results, self._vault)
        given["due_at"] = [result.next.due_at for result in results]
        given["now"] = now
        with self._connection("durable") as connection:
            return {row[0] for row in connection.execute(_RECORD, given, binary=True)}

    # --- sweep

    def wake_events(self, now: datetime, again_at: datetime, limit: int) -> list[UUID]:
        with self._connection("relaxed") as connection:
            given = {"now": now, "again_at": again_at, "limit": limit}
            return [row[0] for row in connection.execute(_WAKE_EVENTS, given, binary=True)]

    def wake_deliveries(self, now: datetime, again_at: datetime, limit: int) -> dict[UUID, list[UUID]]:
        given = {"now": now, "again_at": again_at, "rested_at": now + DISABLED_REST, "limit": limit}
        woken: dict[UUID, list[UUID]] = {}
        with self._connection("relaxed") as connection:
            for profile_id, identifier in connection.execute(_WAKE_DELIVERIES, given, binary=True):
                woken.setdefault(profile_id, []).append(identifier)
        return woken

    # --- connections

    def close(self) -> None:
        """Closes the connections of the calling thread; the next call opens new ones."""
        self._drop("durable")
        self._drop("relaxed")

    @contextmanager
    def _connection(self, durability: str) -> Iterator[Connection[Any]]:
        try:
            connection = getattr(self._connections, durability, None)
            if connection is None or connection.closed or _hung_up(connection):
                self._drop(durability)
                connection = self._connect(durability)
                setattr(self._connections, durability, connection)
            yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._drop(durability)
            raise StoreUnavailable(type(error).__name__) from error

    def _connect(self, durability: str) -> Connection[Any]:
        relaxed = " -c synchronous_commit=off" if durability == "relaxed" else ""
        return psycopg.connect(
            self._conninfo,
            autocommit=True,
            **POSTGRESQL_CONNECT,
            prepare_threshold=0,
            options=HOT_OPTIONS + relaxed,
        )

    def _drop(self, durability: str) -> None:
        connection = getattr(self._connections, durability, None)
        setattr(self._connections, durability, None)
        if connection is not None:
            connection.close()


def _hung_up(connection: Connection[Any]) -> bool:
    """Whether the server has closed a connection that nobody was using: only then is there something to read. A
    restarted database is found again before anything was sent, so nothing fails for it (about 1 us)."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


_PENDING, _SENDING_STATE = State.PENDING.value, State.SENDING.value


def _dedupe_key(event: NewEvent) -> tuple[int, str]:
    return event.source_id.int, event.source_event_id or ""
