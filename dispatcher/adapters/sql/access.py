"""Who may post and who may ask: sources, tokens, the audit log."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, case, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import Moment, audit_log, sources, tokens
from dispatcher.adapters.vault import Vault
from dispatcher.domain.ids import unix_ms, uuid7
from dispatcher.ports import Conflict, Source, Token


class AccessRows:
    """Sources with their secrets sealed, tokens with their secrets digested."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    # --- sources

    def source(self, name: str) -> Source | None:
        with self._database.reading() as connection:
            row = connection.execute(select(sources).where(sources.c.name == name)).one_or_none()
        return self._source(row) if row else None

    def sources(self, workspace_id: UUID) -> list[Source]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(sources).where(sources.c.workspace_id == workspace_id).order_by(sources.c.name)
            )
            return [self._source(row) for row in rows]

    def save_source(self, source: Source, now: datetime) -> None:
        sealed = None
        with self._database.writing() as connection:
            row = connection.execute(select(sources).where(sources.c.name == source.name)).one_or_none()
            if row and row.workspace_id != source.workspace_id:
                raise Conflict(f"the name {source.name!r} is taken")
            identifier = row.id if row else source.id
            if source.auth is not None:
                sealed = self._vault.seal(orjson.dumps(dict(source.auth)), identifier.bytes)
            values = {
                "format": source.format,
                "auth": sealed,
                "time_zone": source.time_zone,
                "country": source.country,
                "config": dict(source.config),
            }
            if row:
                connection.execute(update(sources).where(sources.c.id == row.id).values(**values))
                return
            new = {"id": identifier, "workspace_id": source.workspace_id, "name": source.name, "created_at": now}
            try:
                connection.execute(insert(sources).values(**new, **values))
            except IntegrityError as taken:
                raise Conflict(f"the name {source.name!r} is taken") from taken

    def delete_source(self, workspace_id: UUID, name: str) -> bool:
        chosen = (sources.c.workspace_id == workspace_id, sources.c.name == name)
        with self._database.writing() as connection:
            return connection.execute(delete(sources).where(*chosen)).rowcount > 0

    def _source(self, row: Row[Any]) -> Source:
        auth = orjson.loads(self._vault.open(row.auth, row.id.bytes)) if row.auth is not None else None
        return Source(row.id, row.workspace_id, row.name, row.format, auth, row.time_zone, row.country, row.config)

    # --- tokens

    def add_token(self, token: Token) -> None:
        values = {
            "id": token.id,
            "workspace_id": token.workspace_id,
            "name": token.name,
            "scopes": sorted(token.scopes),
            "digest_1": token.secret_digests[0],
            "digest_2": token.secret_digests[1],
            "created_at": token.created_at,
            "requests": 0,
        }
        with self._database.writing() as connection:
            connection.execute(insert(tokens).values(**values))

    def token(self, token_id: str) -> Token | None:
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
        return _token(row) if row else None

    def tokens(self, workspace_id: UUID) -> list[Token]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(tokens).where(tokens.c.workspace_id == workspace_id).order_by(tokens.c.created_at)
            )
            return [_token(row) for row in rows]

    def set_secret(self, workspace_id: UUID, token_id: str, which: int, digest: bytes) -> bool:
        column = {1: "digest_1", 2: "digest_2"}[which]
        chosen = (tokens.c.workspace_id == workspace_id, tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        with self._database.writing() as connection:
            return connection.execute(update(tokens).where(*chosen).values({column: digest})).rowcount > 0

    def revoke_token(self, workspace_id: UUID, token_id: str, now: datetime) -> bool:
        chosen = (tokens.c.workspace_id == workspace_id, tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
        with self._database.writing() as connection:
            return connection.execute(update(tokens).where(*chosen).values(revoked_at=now)).rowcount > 0

    def count_token_use(self, uses: Mapping[str, tuple[int, datetime]]) -> None:
        with self._database.writing() as connection:
            for token_id, (requests, at) in uses.items():
                later = case((tokens.c.last_used_at > at, tokens.c.last_used_at), else_=literal(at, Moment()))
                values = {"requests": tokens.c.requests + requests, "last_used_at": later}
                connection.execute(update(tokens).where(tokens.c.id == token_id).values(values))

    # --- audit

    def audit(self, workspace_id: UUID, token_id: str, action: str, subject: str, now: datetime) -> None:
        values = {
            "id": uuid7(unix_ms(now), os.urandom(10)),
            "workspace_id": workspace_id,
            "at": now,
            "token_id": token_id,
            "action": action,
            "subject": subject,
        }
        with self._database.writing() as connection:
            connection.execute(insert(audit_log).values(**values))


def _token(row: Row[Any]) -> Token:
    return Token(
        row.id,
        row.workspace_id,
        row.name,
        frozenset(row.scopes),
        (bytes(row.digest_1), bytes(row.digest_2)),
        row.created_at,
        row.revoked_at,
        row.requests,
        row.last_used_at,
    )
