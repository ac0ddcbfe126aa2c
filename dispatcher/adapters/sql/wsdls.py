"""WSDLs as they were collected, and where they were found: compressed and sealed, in either database."""

import zlib
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Connection, Row, Table, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dispatcher.adapters.soap.frames import read_bundle, write_bundle
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import wsdl_contents, wsdl_versions
from dispatcher.adapters.vault import Vault
from dispatcher.domain.soap.description import Description, read_description
from dispatcher.ports.wsdl import KeptWsdl, WsdlVersion


class WsdlRows:
    """As `ports.wsdl.WsdlStore`. A location is sealed too, since keys are put into query strings; it is found by its
    digest."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def keep_wsdl(
        self, workspace_id: UUID, wsdl: KeptWsdl, location: str, credential: str | None, now: datetime
    ) -> None:
        with self._database.reading() as connection:
            row = connection.execute(_chosen(workspace_id, wsdl.content_hash, wsdl_contents.c.id)).one_or_none()
        # Compressed and sealed before the transaction: in SQLite it holds up every other writer.
        identifier = row.id if row is not None else uuid4()
        description = self._packed(_described(wsdl.description), identifier)
        content: dict[str, Any] | None = None
        if row is None:
            content = {"id": identifier, "workspace_id": workspace_id, "content_hash": wsdl.content_hash}
            content |= {"bundle": self._packed(write_bundle(wsdl.bundle), identifier), "description": description}
            content |= {"size_bytes": wsdl.bundle.size_bytes, "created_at": now}
        with self._database.writing() as connection:
            if content is not None:
                # Where somebody else kept the same one meanwhile, theirs is as good.
                new = _insert(connection, wsdl_contents).values(content)
                connection.execute(new.on_conflict_do_nothing(index_elements=["workspace_id", "content_hash"]))
            else:
                same = wsdl_contents.c.id == identifier
                connection.execute(update(wsdl_contents).where(same).values(description=description))
            self._note_wsdl_version(connection, workspace_id, WsdlVersion(location, wsdl.content_hash, credential, now))

    def _note_wsdl_version(self, connection: Connection, workspace_id: UUID, version: WsdlVersion) -> None:
        values = {"workspace_id": workspace_id, "location_digest": _digest(version.location)}
        values |= {"location": self._vault.seal(version.location.encode(), workspace_id.bytes)}
        found = {"credential": version.credential, "fetched_at": version.fetched_at}
        new = _insert(connection, wsdl_versions).values(content_hash=version.content_hash, **values, **found)
        key = ["workspace_id", "location_digest", "content_hash"]
        connection.execute(new.on_conflict_do_update(index_elements=key, set_=found))

    def wsdl(self, workspace_id: UUID, content_hash: str) -> KeptWsdl | None:
        with self._database.reading() as connection:
            row = connection.execute(_chosen(workspace_id, content_hash)).one_or_none()
        if row is None:
            return None
        bundle = read_bundle(self._unpacked(row.bundle, row.id))
        return KeptWsdl(content_hash, bundle, self._wsdl_description(row))

    def wsdl_description(self, workspace_id: UUID, content_hash: str) -> Description | None:
        columns = wsdl_contents.c.id, wsdl_contents.c.description
        with self._database.reading() as connection:
            row = connection.execute(_chosen(workspace_id, content_hash, *columns)).one_or_none()
        return None if row is None else self._wsdl_description(row)

    def wsdl_versions(self, workspace_id: UUID, location: str | None = None) -> list[WsdlVersion]:
        same = (wsdl_contents.c.workspace_id == wsdl_versions.c.workspace_id) & (
            wsdl_contents.c.content_hash == wsdl_versions.c.content_hash
        )
        query = (
            select(wsdl_versions, wsdl_contents.c.size_bytes)
            .join(wsdl_contents, same)
            .where(wsdl_versions.c.workspace_id == workspace_id)
            .order_by(wsdl_versions.c.fetched_at.desc(), wsdl_versions.c.content_hash)
        )
        if location is not None:
            query = query.where(wsdl_versions.c.location_digest == _digest(location))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [self._wsdl_version(row) for row in rows]

    def forget_wsdls(self, workspace_id: UUID, location: str, hashes: Collection[str]) -> None:
        versions, contents = wsdl_versions.c, wsdl_contents.c
        mine = versions.workspace_id == workspace_id, versions.location_digest == _digest(location)
        named = exists().where(
            versions.workspace_id == contents.workspace_id, versions.content_hash == contents.content_hash
        )
        with self._database.writing() as connection:
            connection.execute(delete(wsdl_versions).where(*mine, versions.content_hash.in_(hashes)))
            unnamed = contents.workspace_id == workspace_id, contents.content_hash.in_(hashes), ~named
            connection.execute(delete(wsdl_contents).where(*unnamed))

    def _wsdl_version(self, row: Row[Any]) -> WsdlVersion:
        location = self._vault.open(row.location, row.workspace_id.bytes).decode()
        return WsdlVersion(location, row.content_hash, row.credential, row.fetched_at, row.size_bytes)

    def _wsdl_description(self, row: Row[Any]) -> Description:
        return read_description(orjson.loads(self._unpacked(row.description, row.id)))

    def _packed(self, content: bytes, identifier: UUID) -> bytes:
        return self._vault.seal(zlib.compress(content), identifier.bytes)

    def _unpacked(self, sealed: bytes, identifier: UUID) -> bytes:
        return zlib.decompress(self._vault.open(sealed, identifier.bytes))


def _chosen(workspace_id: UUID, content_hash: str, *columns: Any) -> Any:
    mine = wsdl_contents.c.workspace_id == workspace_id
    return select(*(columns or (wsdl_contents,))).where(mine, wsdl_contents.c.content_hash == content_hash)


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def _digest(location: str) -> str:
    """What a location is found by. An index takes no text as long as a URL may be."""
    return sha256(location.encode()).hexdigest()


def _described(description: Description) -> bytes:
    """As `Description.as_document` in JSON, without a copy of everything: of a large one that costs a second."""
    return orjson.dumps(description, default=dict)
