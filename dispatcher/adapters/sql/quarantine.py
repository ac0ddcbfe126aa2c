"""Posts that were not understood, sealed, in SQLAlchemy Core for either database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, delete, func, insert, select, update

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import assemblies, quarantine, sources, workspaces
from dispatcher.adapters.vault import Vault
from dispatcher.ports import HeldFilter, HeldPost, Page, Source

_HELD = select(quarantine, sources.c.name.label("source")).outerjoin(sources, sources.c.id == quarantine.c.source_id)


class QuarantineRows:
    """The `QuarantineStore` port."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def quarantine(
        self,
        identifier: UUID,
        source: Source,
        body: bytes,
        headers: Mapping[str, str],
        reason: str,
        now: datetime,
        method: str = "POST",
        query: Sequence[tuple[str, str]] = (),
    ) -> None:
        # Latin-1 maps every byte to one character and back, so that any body survives in JSON.
        posted = {"headers": dict(headers), "body": body.decode("latin-1"), "method": method, "query": query}
        values = {
            "id": identifier,
            "workspace_id": source.workspace_id,
            "source_id": source.id,
            "received_at": now,
            "reason": reason,
            "size_bytes": len(body),
            "posted": self._vault.seal(orjson.dumps(posted), identifier.bytes),
        }
        with self._database.writing() as connection:
            connection.execute(insert(quarantine).values(**values))

    def quarantined(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page:
        query = _HELD.where(quarantine.c.workspace_id == workspace_id).order_by(quarantine.c.id.desc())
        if cursor is not None:
            query = query.where(quarantine.c.id < UUID(cursor))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        items = [
            {
                "id": row.id,
                "source": row.source,
                "received_at": row.received_at,
                "reason": row.reason,
                "size_bytes": row.size_bytes,
            }
            for row in rows[:limit]
        ]
        return Page(items, str(items[-1]["id"]) if len(rows) > limit else None)

    def held_posts(self, workspace_id: UUID, chosen: HeldFilter, after: UUID | None, limit: int) -> list[HeldPost]:
        query = _HELD.where(quarantine.c.workspace_id == workspace_id).order_by(quarantine.c.id)
        if after is not None:
            query = query.where(quarantine.c.id > after)
        if chosen.ids is not None:
            query = query.where(quarantine.c.id.in_(chosen.ids))
        if chosen.source is not None:
            query = query.where(sources.c.name == chosen.source)
        if chosen.since is not None:
            query = query.where(quarantine.c.received_at >= chosen.since)
        if chosen.until is not None:
            query = query.where(quarantine.c.received_at < chosen.until)
        with self._database.reading() as connection:
            return [self._post(row) for row in connection.execute(query.limit(limit))]

    def _post(self, row: Row[Any]) -> HeldPost:
        posted = orjson.loads(self._vault.open(row.posted, row.id.bytes))
        return HeldPost(
            row.id,
            row.source,
            row.received_at,
            row.reason,
            posted.get("method", "POST"),
            [(name, value) for name, value in posted.get("query", ())],
            posted["headers"],
            posted["body"].encode("latin-1"),
        )

    def still_held(self, workspace_id: UUID, post_id: UUID, reason: str) -> None:
        chosen = (quarantine.c.workspace_id == workspace_id, quarantine.c.id == post_id)
        with self._database.writing() as connection:
            connection.execute(update(quarantine).where(*chosen).values(reason=reason))

    def release(self, workspace_id: UUID, post_ids: Sequence[UUID]) -> int:
        chosen = (quarantine.c.workspace_id == workspace_id, quarantine.c.id.in_(post_ids))
        with self._database.writing() as connection:
            return connection.execute(delete(quarantine).where(*chosen)).rowcount

    def unfinished(self) -> dict[str, dict[str, int]]:
        """How many posts are in quarantine, and how many calls wait for more parts, by the workspace's name."""
        held = select(quarantine.c.workspace_id, func.count()).group_by(quarantine.c.workspace_id)
        waiting = assemblies.c.due_at.is_not(None)
        calls = select(assemblies.c.workspace_id, func.count()).where(waiting).group_by(assemblies.c.workspace_id)
        with self._database.reading() as connection:
            named = connection.execute(select(workspaces.c.id, workspaces.c.name)).all()
            posts = {row[0]: int(row[1]) for row in connection.execute(held)}
            open_calls = {row[0]: int(row[1]) for row in connection.execute(calls)}
        return {
            row.name: {"quarantined": posts.get(row.id, 0), "open_calls": open_calls.get(row.id, 0)} for row in named
        }
