"""The profiles as a worker knows them: read once, and again whenever their version has moved."""

from collections.abc import Mapping
from threading import Lock
from typing import Any
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.ports import Catalogue, CatalogueStore, Profile, Rendered, RenderError, RequestTemplate, Templates


class Profiles:
    """A process's copy of the catalogue, and its compiled requests. Safe to use from several threads."""

    def __init__(self, store: CatalogueStore, templates: Templates) -> None:
        self._store, self._templates = store, templates
        self._catalogue = Catalogue(-1, {}, {})
        self._compiled: dict[tuple[UUID, int], RequestTemplate] = {}
        self._lock = Lock()

    def at_least(self, version: int) -> Catalogue:
        """A catalogue no older than `version`."""
        if self._catalogue.version < version:
            with self._lock:
                if self._catalogue.version < version:
                    self._catalogue = self._store.load_catalogue()
                    self._forget_old_revisions()
        return self._catalogue

    def template(self, profile: Profile) -> RequestTemplate:
        """The compiled request of this revision of a profile. Raises RenderError for what will pass."""
        key = (profile.id, profile.revision)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(profile)
        return compiled

    def known(self, profile_id: UUID) -> Profile | None:
        """The profile as this process knows it now."""
        return self._catalogue.profiles.get(profile_id)

    def is_ready(self, profile: Profile) -> bool:
        """Whether its requests can be built without anything slow."""
        return self._templates.is_at_hand(profile.spec)

    def prepare(self, profile: Profile) -> None:
        """Makes it ready; blocks for as long as that takes. Raises StoreUnavailable."""
        self._templates.prepare(profile.spec, workspace_id=profile.workspace_id)

    def credential(self, profile: Profile) -> Credential:
        """The credential that the profile names. Raises RenderError where there is none of that name."""
        found = self._catalogue.credentials.get((profile.workspace_id, profile.spec.credential or ""))
        if found is None:
            raise RenderError("credential", "no credential of that name")
        return found

    def proxy(self, profile: Profile) -> str | None:
        """The egress proxy of the profile's workspace, if it has one."""
        return self._catalogue.proxies.get(profile.workspace_id)

    def _compile(self, profile: Profile) -> RequestTemplate:
        try:
            return self._templates.compile(profile.spec, profile.hash_key, workspace_id=profile.workspace_id)
        except RenderError as error:
            if error.passing:
                raise  # not kept: the next one may compile
            return _Unusable(error)

    def _forget_old_revisions(self) -> None:
        current = {(profile.id, profile.revision) for profile in self._catalogue.profiles.values()}
        for key in [key for key in self._compiled if key not in current]:
            del self._compiled[key]


class _Unusable:
    """The request of a profile that was saved under older rules and no longer compiles."""

    def __init__(self, error: RenderError) -> None:
        self._error = error

    def render(self, context: Mapping[str, Any]) -> Rendered:  # noqa: ARG002 - as the port has it
        raise RenderError(self._error.field, self._error.reason, self._error.word)

    def undefined(self, context: Mapping[str, Any]) -> list[dict[str, str]]:
        self.render(context)
        return []
