"""Profiles, their revisions and the catalogue that workers read."""

import logging
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Connection, Row, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from dispatcher.adapters.sql.credentials import CredentialReader
from dispatcher.adapters.sql.database import Database
from dispatcher.adapters.sql.tables import catalogue, credentials, deliveries, profile_revisions, profiles, workspaces
from dispatcher.adapters.sql.waiting import forget_waiting, look_again
from dispatcher.adapters.sql.workspaces import egress_proxies
from dispatcher.adapters.vault import CannotOpen, Vault
from dispatcher.domain.delivery import State
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.signature import key_of
from dispatcher.ports import Catalogue, Conflict, Profile, SavedProfile

logger = logging.getLogger(__name__)

HASH_KEY_BYTES = 32
_WAITING = (State.PENDING.value, State.RETRYING.value)


class ProfileRows:
    """Saved profiles. Every change makes a new version of the catalogue, in the same transaction."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        parse: Callable[[object], ProfileSpec],
        new_secret: Callable[[], str],
    ) -> None:
        self._database, self._vault, self._parse, self._new_secret = database, vault, parse, new_secret
        self._specs: dict[tuple[UUID, int], ProfileSpec] = {}
        self._hash_keys: dict[UUID, bytes] = {}
        self._credential_reader = CredentialReader(vault)

    # --- what workers need

    def load_catalogue(self) -> Catalogue:
        self._load_hash_keys()
        with self._database.reading() as connection:
            version = connection.execute(select(catalogue.c.version)).scalar_one()
            rows = connection.execute(select(profiles).where(profiles.c.deleted_at.is_(None)))
            current = self._usable(rows)
            usable = self._credential_reader.usable(connection)
            proxies = egress_proxies(connection, self._vault)
        return Catalogue.of(version, current, usable, proxies)

    def _usable(self, rows: Iterable[Row[Any]]) -> list[Profile]:
        """Those that can be read. One that was saved under other rules, or with a key that is gone, must not stop the
        others: it fires nothing, and the log says so."""
        profiles_read = []
        for row in rows:
            try:
                profiles_read.append(self._profile(row))
            except (ValueError, CannotOpen) as reason:
                fields = {"profile": row.name, "reason": type(reason).__name__}
                logger.error("profile.cannot_be_used", extra={"fields": fields})  # noqa: TRY400 - may quote the document
        return profiles_read

    def disable_profile(self, profile_id: UUID, revision: int, reason: str, now: datetime) -> None:
        with self._database.writing() as connection:
            row = connection.execute(
                select(profiles).where(profiles.c.id == profile_id, profiles.c.deleted_at.is_(None)).with_for_update()
            ).one_or_none()
            if row is None or not row.enabled or row.revision != revision:
                return
            document = {**self._document(row), "enabled": False}
            self._revise(connection, row, document, now, reason)

    # --- what administrators need

    def create_profile(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        identifier = uuid4()
        with self._database.writing() as connection:
            values = {
                "id": identifier,
                "workspace_id": workspace_id,
                "name": spec.name,
                "revision": 1,
                "enabled": spec.enabled,
                "document": self._sealed(spec.document, identifier),
                "signing_secret": self._vault.seal(self._new_secret().encode(), identifier.bytes),
                "created_at": now,
                "updated_at": now,
            }
            try:
                connection.execute(profiles.insert().values(**values))
            except IntegrityError as taken:
                raise Conflict(f"there is a profile {spec.name!r} already") from taken
            row = connection.execute(select(profiles).where(profiles.c.id == identifier)).one()
            self._note_revision(connection, row, now)
        return self._saved(row)

    def update_profile(
        self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime, revision: int | None = None
    ) -> SavedProfile | None:
        with self._database.writing() as connection:
            row = self._find(connection, workspace_id, name, lock=True)
            if row is None or revision not in (None, row.revision):
                return None
            if self._document(row) == spec.document:
                return self._saved(row)
            try:
                # Of one that stays switched off, people still want to know why.
                reason = row.disabled_reason if not row.enabled and not spec.enabled else None
                return self._saved(self._revise(connection, row, spec.document, now, reason))
            except IntegrityError as taken:
                raise Conflict(f"there is a profile {spec.name!r} already") from taken

    def profile(self, workspace_id: UUID, name: str) -> SavedProfile | None:
        with self._database.reading() as connection:
            row = self._find(connection, workspace_id, name)
        return self._saved(row) if row else None

    def profiles(self, workspace_id: UUID) -> list[SavedProfile]:
        live = profiles.c.deleted_at.is_(None)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(profiles).where(profiles.c.workspace_id == workspace_id, live).order_by(profiles.c.name)
            )
            return [self._saved(row) for row in rows]

    def revisions(self, workspace_id: UUID, name: str) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            row = self._find(connection, workspace_id, name)
            if row is None:
                return []
            found = connection.execute(
                select(profile_revisions)
                .where(profile_revisions.c.profile_id == row.id)
                .order_by(profile_revisions.c.version.desc())
            ).all()
        return [
            {
                "revision": each.revision,
                "created_at": each.created_at,
                "document": self._document(each, each.profile_id),
            }
            for each in found
        ]

    def delete_profile(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        with self._database.writing() as connection:
            row = self._find(connection, workspace_id, name, lock=True)
            if row is None:
                return False
            connection.execute(
                update(profiles).where(profiles.c.id == row.id).values(deleted_at=now, enabled=False, updated_at=now)
            )
            gone = connection.execute(select(profiles).where(profiles.c.id == row.id)).one()
            self._note_revision(connection, gone, now)
            forget_waiting(connection, deliveries.c.profile_id == row.id)
            connection.execute(
                update(deliveries)
                .where(deliveries.c.profile_id == row.id, deliveries.c.state.in_(_WAITING))
                .values(
                    state=State.DISCARDED.value, reason="profile deleted", due_at=None, wake_at=None, finished_at=now
                )
            )
        return True

    def catalogue_at(self, workspace_id: UUID, version: int) -> list[Profile]:
        last = (
            select(profile_revisions.c.profile_id, func.max(profile_revisions.c.version))
            .where(profile_revisions.c.workspace_id == workspace_id, profile_revisions.c.version <= version)
            .group_by(profile_revisions.c.profile_id)
        )
        key = tuple_(profile_revisions.c.profile_id, profile_revisions.c.version)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(profile_revisions).where(key.in_(last), profile_revisions.c.deleted.is_(False))
            ).all()
        return [self._as_it_stood(row) for row in rows]

    # --- what a profile may name

    def credential_names(self, workspace_id: UUID) -> list[str]:
        query = select(credentials.c.name).where(credentials.c.workspace_id == workspace_id)
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(credentials.c.name)).scalars())

    # --- keys of workspaces

    def hash_key(self, workspace_id: UUID) -> bytes:
        if workspace_id not in self._hash_keys:
            with self._database.writing() as connection:
                unset = workspaces.c.id == workspace_id, workspaces.c.hash_key.is_(None)
                sealed = self._vault.seal(os.urandom(HASH_KEY_BYTES), workspace_id.bytes)
                connection.execute(update(workspaces).where(*unset).values(hash_key=sealed))
                kept = select(workspaces.c.hash_key).where(workspaces.c.id == workspace_id)
                self._hash_keys[workspace_id] = self._vault.open(
                    connection.execute(kept).scalar_one(), workspace_id.bytes
                )
        return self._hash_keys[workspace_id]

    def _load_hash_keys(self) -> None:
        with self._database.reading() as connection:
            known = list(connection.execute(select(workspaces.c.id)).scalars())
        for workspace_id in known:
            self.hash_key(workspace_id)

    # --- signing secrets

    def signing_secrets(self, workspace_id: UUID, name: str, now: datetime) -> tuple[str, str | None] | None:
        with self._database.reading() as connection:
            row = self._find(connection, workspace_id, name)
        if row is None:
            return None
        overlapping = row.previous_secret_until is not None and row.previous_secret_until > now
        return self._secret(row, row.signing_secret), self._secret(row, row.previous_secret) if overlapping else None

    def rotate_signing_secret(
        self, workspace_id: UUID, name: str, secret: str, previous_until: datetime, now: datetime
    ) -> bool:
        with self._database.writing() as connection:
            row = self._find(connection, workspace_id, name, lock=True)
            if row is None:
                return False
            values = {
                "signing_secret": self._vault.seal(secret.encode(), row.id.bytes),
                "previous_secret": row.signing_secret,
                "previous_secret_until": previous_until,
                "updated_at": now,
            }
            connection.execute(update(profiles).where(profiles.c.id == row.id).values(**values))
            _next_version(connection)
        return True

    # --- inside

    def _find(self, connection: Connection, workspace_id: UUID, name: str, *, lock: bool = False) -> Row[Any] | None:
        query = select(profiles).where(
            profiles.c.workspace_id == workspace_id, profiles.c.name == name, profiles.c.deleted_at.is_(None)
        )
        return connection.execute(query.with_for_update() if lock else query).one_or_none()

    def _revise(
        self,
        connection: Connection,
        row: Row[Any],
        document: dict[str, Any],
        now: datetime,
        disabled_reason: str | None,
    ) -> Row[Any]:
        enabled = bool(document["enabled"])
        values = {
            "name": document["name"],
            "revision": row.revision + 1,
            "enabled": enabled,
            "disabled_reason": disabled_reason,
            "document": self._sealed(document, row.id),
            "updated_at": now,
        }
        connection.execute(update(profiles).where(profiles.c.id == row.id).values(**values))
        if enabled and not row.enabled:
            _wake_all(connection, row.id)
        if _waits(document) != _waits(self._document(row)):
            look_again(connection, row.id, now)
        revised = connection.execute(select(profiles).where(profiles.c.id == row.id)).one()
        self._note_revision(connection, revised, now)
        return revised

    def _note_revision(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        values = {
            "profile_id": row.id,
            "version": _next_version(connection),
            "workspace_id": row.workspace_id,
            "revision": row.revision,
            "enabled": row.enabled,
            "deleted": row.deleted_at is not None,
            "document": row.document,
            "created_at": now,
        }
        connection.execute(profile_revisions.insert().values(**values))

    def _sealed(self, document: dict[str, Any], profile_id: UUID) -> bytes:
        return self._vault.seal(orjson.dumps(document), profile_id.bytes)

    def _document(self, row: Row[Any], profile_id: UUID | None = None) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self._vault.open(row.document, (profile_id or row.id).bytes))
        return document

    def _secret(self, row: Row[Any], sealed: bytes) -> str:
        return self._vault.open(sealed, row.id.bytes).decode()

    def _spec(self, row: Row[Any], profile_id: UUID) -> ProfileSpec:
        """The parsed document; parsing a thousand profiles anew for every change of one would be felt."""
        key = (profile_id, row.revision)
        spec = self._specs.get(key)
        if spec is None:
            spec = self._specs[key] = self._parse(self._document(row, profile_id))
        return spec

    def _profile(self, row: Row[Any]) -> Profile:
        previous = key_of(self._secret(row, row.previous_secret)) if row.previous_secret else None
        key = key_of(self._secret(row, row.signing_secret))
        spec = self._spec(row, row.id)
        return Profile(
            row.id,
            row.workspace_id,
            row.revision,
            row.enabled,
            spec,
            key,
            previous,
            row.previous_secret_until,
            self._hash_keys.get(row.workspace_id, b""),
        )

    def _as_it_stood(self, row: Row[Any]) -> Profile:
        return Profile(
            row.profile_id, row.workspace_id, row.revision, row.enabled, self._spec(row, row.profile_id), b""
        )

    def _saved(self, row: Row[Any]) -> SavedProfile:
        return SavedProfile(self._profile(row), row.disabled_reason, row.created_at, row.updated_at)


def _waits(document: dict[str, Any]) -> tuple[Any, Any]:
    """What deliveries of a profile wait for."""
    return document["trigger"].get("wait_for"), document.get("follow")


def _next_version(connection: Connection) -> int:
    version: int = connection.execute(
        update(catalogue).values(version=catalogue.c.version + 1).returning(catalogue.c.version)
    ).scalar_one()
    return version


def _wake_all(connection: Connection, profile_id: UUID) -> None:
    """What waited while the profile was off goes on when it is due."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.profile_id == profile_id, deliveries.c.state.in_(_WAITING))
        .values(wake_at=deliveries.c.due_at)
    )
