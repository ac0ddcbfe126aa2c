"""What the verbs and the doors need of the outside, in their own words.

Every store method raises `StoreUnavailable` when the database cannot answer now, and is one
transaction. Every moment is an aware datetime in UTC.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.delivery import Claim, NewDelivery, Result
from dispatcher.domain.exchange import Exchange, Request
from dispatcher.domain.profile import ProfileSpec

Clock = Callable[[], datetime]
"""The moment now, aware, in UTC."""


class StoreUnavailable(Exception):
    """The database cannot answer now; the same call may succeed later. The text names no value."""


class Conflict(Exception):
    """The change contradicts what is stored (a name that is taken, a state that forbids it)."""


class BrokerUnavailable(Exception):
    """The broker cannot take a hint now. Nothing is lost: the sweeper hints again."""


# --- ingest ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class NewEvent:
    """An event about to be stored. `body` is the canonical event as JSON: id, type, occurred_at, call."""

    id: UUID
    workspace_id: UUID
    source_id: UUID
    source_event_id: str | None
    type: str
    call_id: str
    occurred_at: datetime
    body: bytes


@dataclass(slots=True)
class Accepted:
    """What became of an event: its id (the first one's, for a duplicate)."""

    id: UUID
    source_event_id: str | None
    duplicate: bool


class EventStore(Protocol):
    """Where accepted events go."""

    def add_events(self, events: Sequence[NewEvent], received_at: datetime, wake_at: datetime) -> list[Accepted]:
        """Stores what is new, durably, in the order given; the sweeper hints what is not evaluated by `wake_at`."""
        ...


# --- evaluate -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Profile:
    """A saved profile in its current revision."""

    id: UUID
    workspace_id: UUID
    revision: int
    enabled: bool
    spec: ProfileSpec
    signing_key: bytes
    previous_key: bytes | None = None
    previous_key_until: datetime | None = None

    def signing_keys(self, now: datetime) -> tuple[bytes, ...]:
        """The current key first, then the previous one while its overlap lasts."""
        if self.previous_key is None or self.previous_key_until is None or self.previous_key_until <= now:
            return (self.signing_key,)
        return (self.signing_key, self.previous_key)


@dataclass(frozen=True)
class Catalogue:
    """Every profile as of one version; the version grows with every change of any profile."""

    version: int
    profiles: Mapping[UUID, Profile]
    by_type: Mapping[tuple[UUID, str], Sequence[Profile]]
    """Enabled profiles by workspace and event type; those for every type under "*"."""


@dataclass(slots=True)
class StoredEvent:
    """An event read back. `context` is what criteria and templates see."""

    id: UUID
    workspace_id: UUID
    context: dict[str, Any]


@dataclass(slots=True)
class Evaluation:
    """An event that was put to every profile of a catalogue version, and how many deliveries that makes."""

    event_id: UUID
    made: int


class CatalogueStore(Protocol):
    """The profiles as workers need them."""

    def load_catalogue(self) -> Catalogue:
        """Every profile, and the version they are of."""
        ...

    def disable_profile(self, profile_id: UUID, revision: int, reason: str, now: datetime) -> None:
        """Switches a profile off (a new catalogue version), with the reason that people are shown.

        Only in that revision: an answer to an older one says nothing of what was mended since.
        """
        ...


class EvaluationStore(Protocol):
    """What evaluation reads and writes."""

    def unevaluated(self, event_ids: Sequence[UUID]) -> tuple[int, list[StoredEvent]]:
        """The catalogue's version now, and those of the events that no one has evaluated yet."""
        ...

    def add_deliveries(
        self,
        evaluations: Sequence[Evaluation],
        deliveries: Sequence[NewDelivery],
        version: int,
        now: datetime,
        lease_until: Mapping[UUID, datetime],
        wake_at: datetime,
    ) -> set[UUID]:
        """Marks the events evaluated and makes their deliveries; the ids that this call made.

        Events that somebody else evaluated meanwhile are left as they are, with all their deliveries.
        `lease_until` is by profile, for claimed deliveries; the sweeper hints the others at `wake_at`.
        """
        ...


# --- deliver --------------------------------------------------------------------------------------


class DeliveryStore(Protocol):
    """Claims and results."""

    def catalogue_version(self) -> int:
        """The version of the catalogue now."""
        ...

    def claim(
        self, profile: Profile, ids: Sequence[UUID], claim_id: UUID, now: datetime, lease_until: datetime
    ) -> list[Claim]:
        """Claims those that are due and free, at most what the profile's limits allow now.

        Under limits, the rest is put off to when it may be tried.
        """
        ...

    def record(self, results: Sequence[Result], now: datetime) -> set[UUID]:
        """Writes attempts and next states, durably; only where the claim still stands. The ids written."""
        ...


Done = Callable[[Exchange], None]


class Sender(Protocol):
    """Carries requests to targets."""

    def send(self, batch: Sequence[tuple[Request, Done]]) -> None:
        """Starts every exchange and returns at once.

        Each `done` is called exactly once, from a thread of the sender's, and must not block.
        """
        ...

    @property
    def in_flight(self) -> int:
        """Exchanges started and not yet ended."""
        ...

    def stop(self, grace_seconds: float) -> None:
        """Waits for what is in flight up to the grace; the rest ends as `shutdown`. May be called again."""
        ...


@dataclass(slots=True)
class Rendered:
    """A request with every template filled in, before signing."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None


class RenderError(Exception):
    """A template cannot be rendered. Neither `field` nor `reason` holds a value of the call."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{reason} in {field}")
        self.field = field
        self.reason = reason


class RequestTemplate(Protocol):
    """A profile's request, compiled once for a revision."""

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """The request for one event; raises `RenderError`."""
        ...


class Templates(Protocol):
    """The template engine."""

    def check(self, spec: ProfileSpec) -> list[dict[str, str]]:
        """Every fault that can be known before a call is there: `field`, `expected`, `got`."""
        ...

    def compile(self, spec: ProfileSpec) -> RequestTemplate:
        """The compiled request of a profile whose check found nothing."""
        ...


# --- hints ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Depth:
    """Hints of each kind that wait in the broker."""

    evaluate: int
    deliver: int


class Hints(Protocol):
    """Tells workers, through the broker, where to look. A lost hint costs time, nothing else."""

    def evaluate(self, event_ids: Sequence[UUID]) -> None:
        """These events wait for evaluation. Raises `BrokerUnavailable`."""
        ...

    def deliver(self, profile_id: UUID, delivery_ids: Sequence[UUID]) -> None:
        """These deliveries of one profile are due. Raises `BrokerUnavailable`."""
        ...

    def depth(self) -> Depth:
        """How many hints wait now. Raises `BrokerUnavailable`."""
        ...


# --- sweep ----------------------------------------------------------------------------------------


class ScheduleStore(Protocol):
    """The database as the only schedule."""

    def wake_events(self, now: datetime, again_at: datetime, limit: int) -> list[UUID]:
        """Events not evaluated whose time has come, the longest waiting first.

        Each is given out once until `again_at`, and no more than `limit` are given out at a time: those that
        were and have not been evaluated since count.
        """
        ...

    def wake_deliveries(self, now: datetime, again_at: datetime, limit: int) -> dict[UUID, list[UUID]]:
        """Deliveries due, or with a lease run out, by profile, the longest waiting first.

        Each is given out once until `again_at`, and no more than `limit` of a profile at a time, so that one
        profile's backlog delays no other's. Those of disabled profiles are not given out.
        """
        ...


# --- replay ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries; an absent member does not restrict."""

    state: str | None = None
    profile: str | None = None
    call_id: str | None = None
    event_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class ReplayStore(Protocol):
    """A person asks again, or calls off."""

    def replay(
        self, workspace_id: UUID, ids: Sequence[UUID], now: datetime, wake_at: datetime
    ) -> list[tuple[UUID, UUID]]:
        """Reopens those that are final (attempts from 0, due now): (delivery, profile) of each reopened.

        Those of deleted profiles stay as they are: there is no request left to build.
        """
        ...

    def matching(self, workspace_id: UUID, chosen: DeliveryFilter, before: UUID | None, limit: int) -> list[UUID]:
        """Ids of final deliveries of a filter, newest first, older than `before`; none of deleted profiles."""
        ...

    def count_matching(self, workspace_id: UUID, chosen: DeliveryFilter) -> int:
        """How many deliveries `matching` gives in all."""
        ...

    def discard(self, workspace_id: UUID, delivery_id: UUID, reason: str, now: datetime) -> bool:
        """Cancels an open delivery; False where it is final already or being sent now."""
        ...


# --- what doors read and administrators write -------------------------------------------------------


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


class AdminStore(Protocol):
    """Profiles, sources, tokens, and every page that is read."""

    # profiles
    def create_profile(self, workspace_id: UUID, spec: ProfileSpec, now: datetime) -> SavedProfile:
        """Raises `Conflict` where the name is taken."""
        ...

    def update_profile(self, workspace_id: UUID, name: str, spec: ProfileSpec, now: datetime) -> SavedProfile | None:
        """A new revision; the same document makes none. None where there is no such profile."""
        ...

    def profile(self, workspace_id: UUID, name: str) -> SavedProfile | None: ...

    def profiles(self, workspace_id: UUID) -> list[SavedProfile]: ...

    def revisions(self, workspace_id: UUID, name: str) -> list[dict[str, Any]]:
        """`revision`, `created_at`, `document`, newest first."""
        ...

    def delete_profile(self, workspace_id: UUID, name: str, now: datetime) -> bool:
        """Its open deliveries are discarded, its log is kept. False where there is no such profile."""
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

    # quarantine
    def quarantine(
        self, identifier: UUID, source: Source, body: bytes, headers: Mapping[str, str], reason: str, now: datetime
    ) -> None: ...

    def quarantined(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page: ...

    # pages
    def deliveries(self, workspace_id: UUID, chosen: DeliveryFilter, cursor: str | None, limit: int) -> Page: ...

    def delivery(self, workspace_id: UUID, delivery_id: UUID) -> dict[str, Any] | None: ...

    def attempts(self, workspace_id: UUID, delivery_id: UUID) -> list[dict[str, Any]]: ...

    def event(self, workspace_id: UUID, event_id: UUID) -> CallRecord | None: ...

    def events(self, workspace_id: UUID, cursor: str | None, limit: int) -> Page: ...

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
