"""Ports of the doors: what administrators write and everybody reads."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialSpec
from dispatcher.domain.profile import ProfileSpec
from dispatcher.ports.evaluation import Profile
from dispatcher.ports.replay import DeliveryFilter


@dataclass(frozen=True)
class Source:
    """Where call events come from."""

    id: UUID
    workspace_id: UUID
    name: str
    format: str
    auth: Mapping[str, Any] | None
    time_zone: str
    country: str | None
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Token:
    """An API key; secrets are kept as SHA-256 digests, which suffices for 256 random bits."""

    id: str
    workspace_id: UUID
    name: str
    scopes: frozenset[str]
    secret_digests: tuple[bytes, bytes]
    created_at: datetime
    revoked_at: datetime | None = None
    requests: int = 0
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Page:
    """A page of a list, newest first, and the cursor of the next one."""

    items: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True)
class SavedProfile:
    """A profile as administrators see it."""

    profile: Profile
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class CallRecord:
    """An event of a call and its deliveries, as the call's page needs them."""

    event: dict[str, Any]
    context: dict[str, Any]
    workspace_id: UUID
    version: int | None
    deliveries: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PastEvent:
    """A stored event as a backtest looks at it. `version` is of the catalogue that judged it, None before that;
    `private`: a private profile fired then; `context` is None for tests and for what is erased."""

    id: UUID
    call_id: str
    type: str
    occurred_at: datetime
    version: int | None
    test: bool
    private: bool
    erased: bool
    context: dict[str, Any] | None


@dataclass(frozen=True)
class SavedCredential:
    """A credential as administrators see it."""

    credential: Credential
    created_at: datetime
    updated_at: datetime


class CredentialStore(Protocol):
    """Credentials, kept encrypted. Every change makes a new version of the catalogue: all workers learn of it."""

    def credentials(self, workspace_id: UUID) -> list[SavedCredential]:
        """By name."""
        ...

    def credential(self, workspace_id: UUID, name: str) -> SavedCredential | None: ...

    def create_credential(self, workspace_id: UUID, spec: CredentialSpec, now: datetime) -> SavedCredential:
        """Raises `Conflict` where the name is taken."""
        ...

    def change_credential(
        self, workspace_id: UUID, name: str, change: Callable[[CredentialSpec], CredentialSpec], now: datetime
    ) -> SavedCredential | None:
        """A new revision, of what `change` makes of the stored one while nobody else can change it; the same document
        makes none. What `change` raises is passed on, and nothing is changed. None where there is no such credential.
        """
        ...

    def delete_credential(self, workspace_id: UUID, name: str) -> bool:
        """Raises `Conflict`, naming them, while profiles use it. False where there is no such credential."""
        ...


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant, and what is set for all its requests at once."""

    id: UUID
    name: str
    egress_proxy: str | None = field(repr=False)
    """The URL of the proxy that its requests leave through, with the password."""


class WorkspaceStore(Protocol):
    """The settings of a workspace."""

    def workspace(self, workspace_id: UUID) -> Workspace: ...

    def set_egress_proxy(self, workspace_id: UUID, url: str | None) -> None:
        """A new version of the catalogue: every worker takes note before it sends the next request."""
        ...


class AdminStore(Protocol):
    """Profiles, sources, tokens, and every page that is read."""

    # profiles
    def create_profile(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        """Raises `Conflict` where the name is taken."""
        ...

    def update_profile(
        self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime, revision: int | None = None
    ) -> SavedProfile | None:
        """A new revision; the same document makes none. None where there is no such profile, or, if a `revision` is
        named, where the profile has another by now."""
        ...

    def profile(self, workspace_id: UUID, name: str) -> SavedProfile | None: ...

    def profiles(self, workspace_id: UUID) -> list[SavedProfile]: ...

    def revisions(self, workspace_id: UUID, name: str) -> list[dict[str, Any]]:
        """`revision`, `created_at`, `document`, newest first."""
        ...

    def delete_profile(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        """Its open deliveries are discarded, its log is kept. False where there is no such profile."""
        ...

    def credential_names(self, workspace_id: UUID) -> list[str]:
        """The names of a workspace's credentials."""
        ...

    def hash_key(self, workspace_id: UUID) -> bytes:
        """The workspace's key for hashes of personal values; made when it is first asked for, and never changed."""
        ...

    def signing_secrets(self, workspace_id: UUID, name: str, now: datetime) -> tuple[str, str | None] | None:
        """The serialised current secret and the previous one while its overlap lasts."""
        ...

    def rotate_signing_secret(
        self, workspace_id: UUID, name: str, secret: str, previous_until: datetime, now: datetime
    ) -> bool: ...

    # sources
    def source(self, name: str) -> Source | None: ...

    def sources(self, workspace_id: UUID) -> list[Source]: ...

    def save_source(self, source: Source, now: datetime) -> None:
        """Makes it, or replaces the one of its name; raises `Conflict` where another workspace has that name."""
        ...

    def delete_source(self, workspace_id: UUID, name: str) -> bool: ...

    # tokens
    def add_token(self, token: Token) -> None: ...

    def token(self, token_id: str) -> Token | None: ...

    def tokens(self, workspace_id: UUID) -> list[Token]: ...

    def set_secret(self, workspace_id: UUID, token_id: str, which: int, digest: bytes) -> bool: ...

    def revoke_token(self, workspace_id: UUID, token_id: str, now: datetime) -> bool: ...

    def count_token_use(self, uses: Mapping[str, tuple[int, datetime]]) -> None:
        """Adds requests and moves `last_used_at`, by token id."""
        ...

    # pages
    def deliveries(self, workspace_id: UUID, chosen: DeliveryFilter, cursor: str | None, limit: int) -> Page: ...

    def delivery(self, workspace_id: UUID, delivery_id: UUID) -> dict[str, Any] | None: ...

    def attempts(self, workspace_id: UUID, delivery_id: UUID) -> list[dict[str, Any]]: ...

    def event(self, workspace_id: UUID, event_id: UUID) -> CallRecord | None: ...

    def events(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page: ...

    def recent_events(
        self, workspace_id: UUID, since: datetime | None, until: datetime | None, limit: int
    ) -> Generator[PastEvent]:
        """The last events received from `since` on and before `until`, newest first: one consistent view, read a few at
        a time while it is open. Close it."""
        ...

    def call(self, workspace_id: UUID, call_id: str) -> list[CallRecord]:
        """Every event of the call, oldest first, with its deliveries."""
        ...

    def catalogue_at(self, workspace_id: UUID, version: int) -> list[Profile]:
        """The profiles of a workspace as they stood at a catalogue version, disabled ones too."""
        ...

    def books(self, workspace_id: UUID) -> dict[str, int]:
        """`accepted`, `evaluated`, `made`, and deliveries by state: made = delivered + dead + discarded + open."""
        ...

    def audit(self, workspace_id: UUID, token_id: str, action: str, subject: str, now: datetime) -> None: ...
