"""Master keys and what they seal: counted by key, and sealed anew under the first one beside running workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
    update,
)

from dispatcher.adapters.sql import tables
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.vault import CannotOpen, Vault

BATCH_VALUES = 200
"""In one transaction. SQLite has one writer at a time, and nobody should feel that it is this one."""
BATCH_WSDLS = 4
"""Of values that may have 16 MiB each and are in memory twice."""
SAMPLE_ROWS = 500
"""At each end of a table, where only a sample is looked at."""


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values, the id whose bytes they are bound to, and how many are sealed anew at once."""

    column: Column[Any]
    bound_to: Column[Any]
    batch_values: int = BATCH_VALUES

    @property
    def table(self) -> Table:
        """The column's table."""
        return self.column.table

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table.name}.{self.column.name}"


SEALED = (
    Sealed(tables.workspaces.c.hash_key, tables.workspaces.c.id),
    Sealed(tables.workspaces.c.egress_proxy, tables.workspaces.c.id),
    Sealed(tables.profiles.c.document, tables.profiles.c.id),
    Sealed(tables.profiles.c.signing_secret, tables.profiles.c.id),
    Sealed(tables.profiles.c.previous_secret, tables.profiles.c.id),
    Sealed(tables.profile_revisions.c.document, tables.profile_revisions.c.profile_id),
    Sealed(tables.credentials.c.document, tables.credentials.c.id),
    Sealed(tables.access_tokens.c.token, tables.access_tokens.c.credential_id),
    Sealed(tables.wsdl_contents.c.bundle, tables.wsdl_contents.c.id, BATCH_WSDLS),
    Sealed(tables.wsdl_contents.c.description, tables.wsdl_contents.c.id, BATCH_WSDLS),
    Sealed(tables.wsdl_versions.c.location, tables.wsdl_versions.c.workspace_id),
    Sealed(tables.sources.c.auth, tables.sources.c.id),
    Sealed(tables.polled_agents.c.state, tables.polled_agents.c.id),
    Sealed(tables.quarantine.c.posted, tables.quarantine.c.id),
    Sealed(tables.events.c.body, tables.events.c.id),
    Sealed(tables.call_parts.c.body, tables.call_parts.c.id),
    Sealed(tables.attempts.c.excerpt, tables.attempts.c.delivery_id),
    Sealed(tables.deliveries.c.outputs, tables.deliveries.c.id),
)
"""Every column that the vault seals, those that everything depends on first. A test holds it equal to the tables."""
NOT_SEALED = frozenset({tables.tokens.c.digest_1, tables.tokens.c.digest_2})
"""Binary columns that hold no secret: digests of random secrets."""


@dataclass(frozen=True)
class KeyUse:
    """How many values of a column a key seals."""

    key: str
    column: str
    values: int


class KeyRows:
    """What is sealed with which key. Values are counted and sealed anew without holding up anybody."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def look(self) -> None:
        """Takes the keys as they are now: they were changed by this very process."""
        self._vault.look()

    def uses(self) -> list[KeyUse]:
        """Every key that seals something, by column. Reads every table as a whole."""
        found = []
        for sealed in SEALED:
            key = _key_of(sealed.column).label("key")
            query = select(key, func.count()).where(_is_sealed(sealed.column)).group_by(key)
            with self._database.reading() as connection:
                found += [KeyUse(bytes(row[0]).hex(), sealed.name, row[1]) for row in connection.execute(query)]
        return found

    def sampled_keys(self) -> set[str]:
        """Names of the keys that the oldest and the newest rows of each table are sealed with: quick on any size."""
        found: set[str] = set()
        for sealed in SEALED:
            by = sealed.table.primary_key.columns
            newest = _ends(sealed, [each.desc() for each in by])
            with self._database.reading() as connection:
                rows = connection.execute(union_all(select(_ends(sealed, list(by))), select(newest)))
                found |= {bytes(row[0]).hex() for row in rows}
        return found

    def reseal(self) -> Iterator[int]:
        """Seals what another key seals under the first one, a batch for each step; how many values it was.

        What somebody else changes meanwhile stays as it was changed. May be stopped at any time, and begun again. What
        no key opens is left.
        """
        for sealed in SEALED:
            progress = 1
            # Rows that a worker had locked are left to another pass; so are those written meanwhile under an old key.
            while progress:
                progress, after = 0, None
                while (batch := self._batch(sealed, after)) is not None:
                    done, after = batch
                    progress += done
                    yield done

    def _batch(self, sealed: Sealed, after: tuple[Any, ...] | None) -> tuple[int, tuple[Any, ...]] | None:
        """One transaction: how many values are sealed anew, and behind which row the next batch begins."""
        by = tuple(sealed.table.primary_key.columns)
        query: Select[Any] = select(*by, sealed.bound_to.label("bound_to"), sealed.column.label("sealed"))
        query = _others(query, sealed, self._vault).order_by(*by).limit(sealed.batch_values)
        if after is not None:
            last = [literal(value, column.type) for value, column in zip(after, by, strict=True)]
            query = query.where(tuple_(*by) > tuple_(*last) if len(by) > 1 else by[0] > last[0])
        with self._database.writing() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query.with_for_update(skip_locked=True)).all()
            if not rows:
                return None
            done = self._write(connection, sealed, by, rows)
        return done, tuple(rows[-1][: len(by)])

    def _write(
        self, connection: Connection, sealed: Sealed, by: Sequence[Column[Any]], rows: Sequence[Row[Any]]
    ) -> int:
        changes = []
        for row in rows:
            try:
                new = self._vault.resealed(row.sealed, row.bound_to.bytes)
            except CannotOpen:
                continue
            keys = {f"key_{place}": row[place] for place in range(len(by))}
            changes.append({**keys, "old": row.sealed, "new": new})
        if not changes:
            return 0
        same = [column == bindparam(f"key_{place}", type_=column.type) for place, column in enumerate(by)]
        unchanged = sealed.column == bindparam("old", type_=LargeBinary())
        values = {sealed.column.name: bindparam("new", type_=LargeBinary())}
        connection.execute(update(sealed.table).where(*same, unchanged).values(values), changes)
        return len(changes)


def _is_sealed(column: Column[Any]) -> ColumnElement[bool]:
    """An erased event's body is empty."""
    return column.is_not(None) & (func.length(column) > 0)


def _key_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # The second to the fifth byte: see the vault.
    return func.substr(column, 2, 4, type_=LargeBinary())


def _others(query: Select[Any], sealed: Sealed, vault: Vault) -> Select[Any]:
    first = literal(bytes.fromhex(vault.key_names()[0]), LargeBinary())
    return query.where(_is_sealed(sealed.column), _key_of(sealed.column) != first)


def _ends(sealed: Sealed, order: Sequence[ColumnElement[Any]]) -> Any:
    chosen = select(_key_of(sealed.column).label("key")).where(_is_sealed(sealed.column))
    return chosen.order_by(*order).limit(SAMPLE_ROWS).subquery()
