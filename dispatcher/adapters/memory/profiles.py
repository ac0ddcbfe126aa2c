"""Profiles in memory: every change makes a new version of the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports import Catalogue, Conflict, Profile, SavedProfile


@dataclass(slots=True)
class ProfileRow:
    """A profile, and the pace of its limits."""

    saved: SavedProfile
    pace_at: datetime | None = None
    deleted: bool = False

    @property
    def profile(self) -> Profile:
        return self.saved.profile


def hash_key_of(workspace_id: UUID) -> bytes:
    """As `AdminStore.hash_key`; nothing here is worth a secret."""
    return sha256(workspace_id.bytes).digest()


class MemoryProfiles:
    """The profiles of a `MemoryStore`, who holds the lock."""

    def __init__(
        self,
        on_enabled: Callable[[UUID], None],
        on_deleted: Callable[[UUID, datetime], None],
        on_waits_changed: Callable[[UUID, datetime], None],
    ) -> None:
        self.rows: dict[UUID, ProfileRow] = {}
        self.version = 0
        self._on_enabled, self._on_deleted, self._on_waits_changed = on_enabled, on_deleted, on_waits_changed

    def load(self) -> Catalogue:
        return Catalogue.of(self.version, [row.profile for row in self.rows.values() if not row.deleted])

    def create(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        self._refuse_taken(workspace_id, spec.name)
        identifier = uuid4()
        key = sha256(identifier.bytes).digest()
        profile = Profile(identifier, workspace_id, 1, spec.enabled, spec, key, hash_key=hash_key_of(workspace_id))
        self.rows[identifier] = ProfileRow(SavedProfile(profile, None, now, now))
        self.version += 1
        return self.rows[identifier].saved

    def update(
        self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime, revision: int | None
    ) -> SavedProfile | None:
        row = self.find(workspace_id, name)
        if row is not None and revision not in (None, row.profile.revision):
            return None
        if row is None or row.profile.spec.document == spec.document:
            return row.saved if row else None
        if spec.name != name:
            self._refuse_taken(workspace_id, spec.name)
        return self._revise(row, spec, None, now)

    def disable(self, profile_id: UUID, revision: int, reason: str, now: datetime) -> None:
        row = self.rows.get(profile_id)
        if row is None or row.deleted or not row.profile.enabled or row.profile.revision != revision:
            return
        spec = row.profile.spec
        self._revise(row, replace(spec, enabled=False, document={**spec.document, "enabled": False}), reason, now)

    def delete(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        row = self.find(workspace_id, name)
        if row is None:
            return False
        row.deleted = True
        row.saved = replace(row.saved, profile=replace(row.profile, enabled=False), updated_at=now)
        self.version += 1
        self._on_deleted(row.profile.id, now)
        return True

    def find(self, workspace_id: UUID, name: str) -> ProfileRow | None:
        for row in self.rows.values():
            if not row.deleted and (row.profile.workspace_id, row.profile.spec.name) == (workspace_id, name):
                return row
        return None

    def _refuse_taken(self, workspace_id: UUID, name: str) -> None:
        if self.find(workspace_id, name) is not None:
            raise Conflict(f"there is a profile {name!r} already")

    def _revise(self, row: ProfileRow, spec: ProfileSpec, reason: str | None, now: datetime) -> SavedProfile:
        woken = spec.enabled and not row.profile.enabled
        before = row.profile.spec
        profile = replace(row.profile, revision=row.profile.revision + 1, enabled=spec.enabled, spec=spec)
        row.saved = replace(row.saved, profile=profile, disabled_reason=reason, updated_at=now)
        self.version += 1
        if woken:
            self._on_enabled(profile.id)
        if (before.wait_for, before.follow) != (spec.wait_for, spec.follow):
            self._on_waits_changed(profile.id, now)
        return row.saved
