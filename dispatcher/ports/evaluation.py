"""Ports of evaluation: profiles as workers know them, and what comes of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.delivery import NewDelivery
from dispatcher.domain.profile import ProfileSpec


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
