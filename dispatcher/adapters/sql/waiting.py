"""Deliveries that wait for news of their call, in SQLAlchemy Core for either database."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.rows import opened
from dispatcher.adapters.sql.tables import deliveries, events, profiles, waiting
from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.domain.delivery import Claim, State
from dispatcher.domain.ids import delivery_id
from dispatcher.ports import CallState, PutBack

_PENDING = (State.PENDING.value, State.RETRYING.value)
_Call = tuple[UUID, str]
"""A source and its id of a call."""
_IDS_OF_A_STATEMENT = 1_000
MAX_EVENTS_OF_A_CALL = 200
"""More events of one call than these, the newest, are not read: a source that repeats a call id for ever must not make
every look dearer than the one before."""


class WaitingRows:
    """The `WaitingStore` port."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def look(self, claims: Sequence[Claim], followed: str | None) -> dict[UUID, CallState]:
        calls = self._list(claims)
        with self._database.reading() as connection:
            said = {call: events_of(connection, call) for call in set(calls.values())}
            outputs = self._outputs(connection, followed, claims[0].profile_id, said) if followed else {}
        contexts = {call: list(self._contexts(rows).values()) for call, rows in said.items()}
        return {each: CallState(contexts[call], outputs.get(call)) for each, call in calls.items()}

    def _list(self, claims: Sequence[Claim]) -> dict[UUID, _Call]:
        """Puts the deliveries on the list, or marks them as looked at; their calls."""
        ids = [claim.event_id for claim in claims]
        # An event that was given for a test belongs to no call, even if it names one.
        ordinary = (events.c.id.in_(ids), events.c.test.is_(False))
        query = select(events.c.id, events.c.source_id, events.c.call_id).where(*ordinary)
        with self._database.writing() as connection:
            found = {row.id: (row.source_id, row.call_id) for row in connection.execute(query)}
            calls = {claim.id: found[claim.event_id] for claim in claims if claim.event_id in found}
            # In one order everywhere, so that two workers never wait for each other.
            rows = [
                {"delivery_id": each, "source_id": source_id, "call_id": call_id, "woken": False}
                for each, (source_id, call_id) in sorted(calls.items())
            ]
            if rows:
                insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
                listed = insert(waiting).values(rows)
                connection.execute(
                    listed.on_conflict_do_update(index_elements=[waiting.c.delivery_id], set_={"woken": False})
                )
        return calls

    def _contexts(self, rows: Sequence[Row[Any, Any]]) -> dict[UUID, dict[str, Any]]:
        return opened(self._vault, ((row.id, row.body) for row in rows))

    def _outputs(
        self, connection: Connection, followed: str, follower_id: UUID, said: Mapping[_Call, Sequence[Row[Any, Any]]]
    ) -> dict[_Call, dict[str, Any]]:
        """What the followed profile's newest delivery of each call captured; nothing of calls it has not delivered."""
        workspace = select(profiles.c.workspace_id).where(profiles.c.id == follower_id).scalar_subquery()
        named = select(profiles.c.id).where(
            profiles.c.name == followed, profiles.c.workspace_id == workspace, profiles.c.deleted_at.is_(None)
        )
        profile_id = connection.execute(named).scalar_one_or_none()
        if profile_id is None:
            return {}
        # By their derived ids: no index leads from an event to its deliveries, and a join would read all that the
        # profile has ever delivered.
        made = {delivery_id(row.id, profile_id): call for call, rows in said.items() for row in rows}
        return {
            made[row.id]: self._opened_outputs(row.id, row.outputs) for row in delivered_among(connection, sorted(made))
        }

    def _opened_outputs(self, delivery_id: UUID, sealed: bytes | None) -> dict[str, Any]:
        if sealed is None:
            return {}
        try:
            outputs: dict[str, Any] = orjson.loads(self._vault.open(sealed, delivery_id.bytes))["values"]
        except CannotOpen:
            return {}
        return outputs

    def put_back(self, releases: Sequence[PutBack], now: datetime) -> list[UUID]:
        ids = sorted(each.delivery_id for each in releases)
        due_now = []
        with self._database.writing() as connection:
            # The lock makes a wake wait until these are pending, or have been seen to be woken.
            rows = connection.execute(
                select(waiting.c.delivery_id, waiting.c.woken)
                .where(waiting.c.delivery_id.in_(ids))
                .order_by(waiting.c.delivery_id)
                .with_for_update()
            )
            woken = {row.delivery_id for row in rows if row.woken}
            for each in releases:
                due_at = now if each.due_at is not None and each.delivery_id in woken else each.due_at
                held = connection.execute(
                    update(deliveries)
                    .where(deliveries.c.id == each.delivery_id, deliveries.c.claim_id == each.claim_id)
                    .values(
                        state=each.state.value,
                        reason=each.reason,
                        due_at=due_at,
                        wake_at=due_at,
                        claim_id=None,
                        finished_at=now if due_at is None else None,
                    )
                ).rowcount
                if held and due_at == now:
                    due_now.append(each.delivery_id)
            final = [each.delivery_id for each in releases if each.due_at is None]
            if final:
                connection.execute(delete(waiting).where(waiting.c.delivery_id.in_(final)))
        return due_now

    def stop_waiting(self, delivery_ids: Sequence[UUID]) -> None:
        with self._database.writing() as connection:
            chosen = waiting.c.delivery_id.in_(delivery_ids)
            connection.execute(delete(waiting).where(waiting.c.delivery_id.in_(_locked(chosen))))

    def wake_waiting(self, calls: Sequence[_Call], now: datetime) -> dict[UUID, list[UUID]]:
        # As one list: hundreds of ORs are dear to compile, and beyond a thousand SQLite takes none.
        chosen = tuple_(waiting.c.call_id, waiting.c.source_id).in_([(call_id, source) for source, call_id in calls])
        with self._database.reading() as connection:
            if connection.execute(select(waiting.c.delivery_id).where(chosen).limit(1)).first() is None:
                return {}  # nobody waits for these calls: no write lock for nothing
        with self._database.writing() as connection:
            return _wake(connection, list(connection.execute(_locked(chosen)).scalars()), now)

    def wake_followers(self, delivery_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
        query = (
            select(events.c.source_id, events.c.call_id)
            .join(deliveries, deliveries.c.event_id == events.c.id)
            .where(deliveries.c.id.in_(delivery_ids))
        )
        with self._database.reading() as connection:
            calls = {(row.source_id, row.call_id) for row in connection.execute(query)}
        return self.wake_waiting(sorted(calls), now) if calls else {}


def events_of(connection: Connection, call: _Call) -> Sequence[Row[Any, Any]]:
    """The newest events of a call, the oldest of them first; erased ones have no body."""
    source_id, call_id = call
    query = (
        select(events.c.id, events.c.body)
        .where(events.c.source_id == source_id, events.c.call_id == call_id, events.c.test.is_(False))
        .order_by(events.c.id.desc())
        .limit(MAX_EVENTS_OF_A_CALL)
    )
    return connection.execute(query).all()[::-1]


def delivered_among(connection: Connection, ids: Sequence[UUID]) -> Iterator[Row[Any, Any]]:
    """Those of the deliveries that their targets took, in the order of the ids."""
    for start in range(0, len(ids), _IDS_OF_A_STATEMENT):
        part = deliveries.c.id.in_(ids[start : start + _IDS_OF_A_STATEMENT])
        query = select(deliveries.c.id, deliveries.c.outputs).where(part, deliveries.c.state == State.DELIVERED.value)
        yield from connection.execute(query.order_by(deliveries.c.id))


def forget_waiting(connection: Connection, *chosen: ColumnElement[bool]) -> None:
    """Takes the open deliveries of the choice off the list, which are about to be discarded. One that is claimed in
    between is listed again by whoever looks at it."""
    going = select(deliveries.c.id).where(*chosen, deliveries.c.state.in_(_PENDING))
    listed = _locked(waiting.c.delivery_id.in_(going))
    connection.execute(delete(waiting).where(waiting.c.delivery_id.in_(listed)))


def _locked(chosen: ColumnElement[bool]) -> Select[Any]:
    """The rows of the choice, locked in the one order that keeps two workers from waiting for each other."""
    return select(waiting.c.delivery_id).where(chosen).order_by(waiting.c.delivery_id).with_for_update()


def look_again(connection: Connection, profile_id: UUID, now: datetime) -> None:
    """Makes what a profile has waiting due: it is to wait for something else, or for nothing any more."""
    listed = select(waiting.c.delivery_id).join(deliveries, deliveries.c.id == waiting.c.delivery_id)
    ids = listed.where(deliveries.c.profile_id == profile_id).order_by(waiting.c.delivery_id)
    _wake(connection, list(connection.execute(ids.with_for_update(of=waiting)).scalars()), now)


def _wake(connection: Connection, ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
    connection.execute(update(waiting).where(waiting.c.delivery_id.in_(ids)).values(woken=True))
    woken = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids), deliveries.c.state.in_(_PENDING), deliveries.c.due_at > now)
        .values(due_at=now, wake_at=now)
        .returning(deliveries.c.id, deliveries.c.profile_id)
    )
    by_profile: dict[UUID, list[UUID]] = {}
    for row in woken:
        by_profile.setdefault(row.profile_id, []).append(row.id)
    return by_profile
