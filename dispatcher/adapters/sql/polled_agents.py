"""Agents that are polled, in SQLAlchemy Core for either database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import polled_agents
from dispatcher.adapters.vault import Vault


class PolledAgentRows:
    """As `ports.PolledAgents`. A state names numbers and callers: it is sealed."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def claim_agents(
        self, source_id: UUID, agents: Sequence[str], holder: UUID, now: datetime, lease_until: datetime
    ) -> Mapping[str, bytes | None]:
        # In one order everywhere, so that two processes never wait for each other.
        rows = [
            {"id": _id_of(source_id, each), "source_id": source_id, "agent": each, "updated_at": now}
            for each in sorted(agents)
        ]
        if not rows:
            return {}
        table = polled_agents.c
        mine = (table.source_id == source_id, table.agent.in_([row["agent"] for row in rows]))
        free = or_(table.holder.is_(None), table.holder == holder, table.lease_until <= now)
        with self._database.writing() as connection:
            insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(polled_agents).values(rows).on_conflict_do_nothing(index_elements=["id"]))
            locked = select(table.id).where(*mine, free).order_by(table.id).with_for_update(skip_locked=True)
            ids = [row.id for row in connection.execute(locked)]
            values = {"holder": holder, "lease_until": lease_until}
            connection.execute(update(polled_agents).where(table.id.in_(ids)).values(**values))
            query = select(table.id, table.agent, table.state).where(*mine, table.holder == holder)
            held = connection.execute(query.where(table.lease_until > now)).all()
        return {row.agent: self._opened(row.state, row.id) for row in held}

    def save_agent(self, source_id: UUID, agent: str, holder: UUID, state: bytes, now: datetime) -> bool:
        identifier = _id_of(source_id, agent)
        sealed = self._vault.seal(state, identifier.bytes)
        still = polled_agents.c.id == identifier, polled_agents.c.holder == holder, polled_agents.c.lease_until > now
        with self._database.writing() as connection:
            changed = connection.execute(update(polled_agents).where(*still).values(state=sealed, updated_at=now))
        return bool(changed.rowcount == 1)

    def release_agents(self, source_id: UUID, holder: UUID) -> None:
        mine = polled_agents.c.source_id == source_id, polled_agents.c.holder == holder
        with self._database.writing() as connection:
            connection.execute(update(polled_agents).where(*mine).values(holder=None, lease_until=None))

    def _opened(self, state: bytes | None, identifier: UUID) -> bytes | None:
        return None if state is None else self._vault.open(state, identifier.bytes)


def _id_of(source_id: UUID, agent: str) -> UUID:
    return uuid5(source_id, agent)
