"""What the verbs and the doors need of the outside, in their own words.

Every store method raises `StoreUnavailable` when the database cannot answer now, and is one
transaction. Every moment is an aware datetime in UTC.
"""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.credentials.spec import CredentialSpec
from dispatcher.domain.delivery import Claim, NewDelivery, Result, State
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
    hash_key: bytes = b""
    """Its workspace's: what the filter `hash` is keyed with."""
    followed: bool = False
    """Whether another profile of the workspace follows it, so that somebody waits for what it delivers."""

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
    credentials: Mapping[tuple[UUID, str], Credential] = field(default_factory=dict)
    """By workspace and name."""
    proxies: Mapping[UUID, str] = field(default_factory=dict)
    """URLs of egress proxies, by workspace."""
    waiting_workspaces: frozenset[UUID] = frozenset()
    """Those where some profile waits for recordings: there, news of a call may wake a delivery."""

    @classmethod
    def of(
        cls,
        version: int,
        profiles: Sequence[Profile],
        credentials: Sequence[Credential] = (),
        proxies: Mapping[UUID, str] = MappingProxyType({}),
    ) -> "Catalogue":
        """The catalogue of these profiles, with what can be told from all of them together."""
        follows = {(each.workspace_id, each.spec.follow.profile) for each in profiles if each.spec.follow is not None}
        known = [replace(each, followed=(each.workspace_id, each.spec.name) in follows) for each in profiles]
        by_type: dict[tuple[UUID, str], list[Profile]] = {}
        for profile in known:
            for event_type in profile.spec.events if profile.enabled else ():
                by_type.setdefault((profile.workspace_id, event_type), []).append(profile)
        return cls(
            version,
            {each.id: each for each in known},
            by_type,
            {(each.workspace_id, each.name): each for each in credentials},
            proxies,
            frozenset(each.workspace_id for each in known if each.spec.wait_for is not None),
        )


@dataclass(slots=True)
class StoredEvent:
    """An event read back. `context` is what criteria and templates see."""

    id: UUID
    workspace_id: UUID
    source_id: UUID
    context: dict[str, Any]


@dataclass(slots=True)
class Evaluation:
    """An event that was put to every profile of a catalogue version, and how many deliveries that makes."""

    event_id: UUID
    made: int
    private: bool = False
    """Whether a private profile fired: then the event is erased once all its deliveries are final."""


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
        `lease_until` is by profile, for claimed deliveries; the sweeper hints the others at `wake_at`, which is also
        when the eraser first looks at a private event.
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


@dataclass(frozen=True, slots=True)
class CallState:
    """What is known of the call of a delivery's event: the contexts of all its events, the delivery's own among them,
    and the outputs of the followed profile's newest delivery of it (None: it has delivered nothing)."""

    contexts: Sequence[dict[str, Any]]
    outputs: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class PutBack:
    """A claimed delivery that is not to be sent now: pending until `due_at`, or final."""

    delivery_id: UUID
    claim_id: UUID
    state: State
    reason: str
    due_at: datetime | None


class WaitingStore(Protocol):
    """Deliveries that wait for news of their call. Every call is keyed by its source and its id.

    No news is lost between a look and a `put_back`: who looks is listed first, and what is listed is woken.
    """

    def look(self, claims: Sequence[Claim], followed: str | None) -> dict[UUID, CallState]:
        """Lists these deliveries as waiting, then reads the state of their calls, by delivery id."""
        ...

    def put_back(self, releases: Sequence[PutBack], now: datetime) -> list[UUID]:
        """Releases claims that still stand; those still pending for which news came since the look are due at once.

        The ids of these.
        """
        ...

    def stop_waiting(self, delivery_ids: Sequence[UUID]) -> None:
        """Takes deliveries off the list: they are about to be sent."""
        ...

    def wake_waiting(self, calls: Sequence[tuple[UUID, str]], now: datetime) -> dict[UUID, list[UUID]]:
        """Makes what waits for news of these calls (source, call id) due: delivery ids by profile."""
        ...

    def wake_followers(self, delivery_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[UUID]]:
        """As `wake_waiting`, for the calls of deliveries that have just been delivered."""
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


class AuthenticatedSender(Sender, Protocol):
    """A sender that also puts a request's credential into it, fetching a token first where its kind needs one."""

    def fetch_token(self, request: Request, done: Callable[[datetime | Exchange], None]) -> None:
        """Fetches a new access token with the request's credential, though the present one may still serve.

        `done` gets when the new one ends, or how the fetching failed; as for `send`, exactly once.
        """
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

    def undefined(self, context: Mapping[str, Any]) -> list[dict[str, str]]:
        """The variables that this event does not have though nothing says that they may be absent: faults, each with
        `field`, `expected`, `got`. For a person's test."""
        ...


class Templates(Protocol):
    """The template engine."""

    def check(self, spec: ProfileSpec, outputs: Collection[str] = ()) -> list[dict[str, str]]:
        """Every fault that can be known before a call is there: `field`, `expected`, `got`.

        `outputs` are the names that `followed.NAME` may have.
        """
        ...

    def compile(self, spec: ProfileSpec, hash_key: bytes = b"") -> RequestTemplate:
        """The compiled request of a profile whose check found nothing. `hash_key` is for the filter `hash`."""
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
        profile's backlog delays no other's. Of disabled profiles only tests are given out.
        """
        ...


# --- erase ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Erased:
    """How many events the eraser looked at, and how many of them are erased now."""

    looked_at: int = 0
    events: int = 0


class ErasureStore(Protocol):
    """Events that fired a private profile."""

    def erase_due(self, now: datetime, limit: int) -> Erased:
        """Looks at events that are due, those longest due first, and does what `domain.erasure.next_step` says.

        No delivery of an event is reopened or made while this looks at it; what is erased stays so.
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
    test: bool = False
    """Tests instead of the ordinary ones: no filter chooses both."""


class ReplayStore(Protocol):
    """A person asks again, or calls off."""

    def replay(
        self, workspace_id: UUID, ids: Sequence[UUID], now: datetime, wake_at: datetime
    ) -> list[tuple[UUID, UUID]]:
        """Reopens those that are final (attempts from 0, due now): (delivery, profile) of each reopened.

        Those of deleted profiles and of erased events stay as they are: there is no request left to build.
        """
        ...

    def is_erased(self, workspace_id: UUID, delivery_id: UUID) -> bool:
        """Whether the event of this delivery is erased."""
        ...

    def matching(self, workspace_id: UUID, chosen: DeliveryFilter, before: UUID | None, limit: int) -> list[UUID]:
        """Ids of final deliveries of a filter, newest first, older than `before`; none that `replay` leaves."""
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


# --- rehearse -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request as a person reads it."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: str | None
    body_encoding: str
    """`utf-8`, or `base64` for a body that is no plain text."""
    http: str
    """As HTTP/1.1 text."""
    curl: str
    """As a command for a POSIX shell."""


ShowRequest = Callable[[Request], ShownRequest]


class RehearsalStore(AdminStore, CatalogueStore, Protocol):
    """What trying a profile out reads, and the tests that it sends. No test is counted in the books."""

    def newest_event(self, workspace_id: UUID, types: Collection[str]) -> UUID | None:
        """The newest event of these types (none given: of any) that is no test and not erased.

        Looked for among the newest thousand events of all, so that a type that never comes costs no long search.
        """
        ...

    def outputs_for(self, event_id: UUID, profile_id: UUID) -> dict[str, Any] | None:
        """What a profile's newest delivery of this event's call captured of its answer; None: it delivered nothing."""
        ...

    def add_test(
        self, event: NewEvent | None, delivery: NewDelivery, now: datetime, wake_at: datetime, *, private: bool
    ) -> None:
        """Stores a delivery that is a test, due now, and the event that was given for it, evaluated as if it had fired
        nothing; a private one may be erased as soon as the delivery is final.

        Raises `Conflict` where the stored event is erased.
        """
        ...
