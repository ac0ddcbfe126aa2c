"""Why did this fire, or not: what every profile said of an event, told again from what is stored.

Nothing is kept at evaluation but the version of the catalogue: criteria are pure, so the stored event
and the profiles as they stood at that version give the same verdicts at any later time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from dispatcher.domain.criteria.tree import Verdict
from dispatcher.ports import CallRecord, Profile, SavedProfile

DISABLED = "disabled"
CRITERIA = "criteria"
ERASED = "erased"
"""It did not fire, and what its criteria saw is gone."""


class Catalogues(Protocol):
    """Where profiles can be read, as they are and as they stood."""

    def profiles(self, workspace_id: UUID) -> list[SavedProfile]:
        """The profiles of a workspace now."""
        ...

    def catalogue_at(self, workspace_id: UUID, version: int) -> list[Profile]:
        """The profiles of a workspace as they stood at a catalogue version, disabled ones too."""
        ...


@dataclass(frozen=True, slots=True)
class ProfileVerdict:
    """What one profile said of one event. `reason` is None where it fired; `verdict` where no criteria were asked."""

    profile: str
    revision: int
    fired: bool
    reason: str | None
    verdict: Verdict | None
    private: bool


@dataclass(frozen=True)
class Judged:
    """An event with the verdict of every profile; none yet where it is not evaluated.

    `private`: a private profile fired (or would fire now), so nobody is shown what the event says of the call.
    """

    record: CallRecord
    private: bool
    verdicts: list[ProfileVerdict]

    @property
    def evaluated(self) -> bool:
        """Whether the profiles have been asked."""
        return self.record.version is not None


def judge_records(store: Catalogues, records: Sequence[CallRecord]) -> list[Judged]:
    """Every record with its verdicts, in the order given; each catalogue version is read once."""
    versions = {(each.workspace_id, each.version) for each in records}
    profiles = {(workspace, version): _as_of(store, workspace, version) for workspace, version in versions}
    return [_judged(each, profiles[each.workspace_id, each.version]) for each in records]


def _as_of(store: Catalogues, workspace_id: UUID, version: int | None) -> list[Profile]:
    if version is None:
        return [each.profile for each in store.profiles(workspace_id)]
    return store.catalogue_at(workspace_id, version)


def _judged(record: CallRecord, profiles: Sequence[Profile]) -> Judged:
    erased = record.event.get("erased_at") is not None
    verdicts = _remembered(profiles, record) if erased else verdicts_of(profiles, record.context)
    private = record.event.get("private", False) or any(each.fired and each.private for each in verdicts)
    return Judged(record, private, [] if record.version is None else verdicts)


def verdicts_of(profiles: Sequence[Profile], context: Mapping[str, Any]) -> list[ProfileVerdict]:
    """What each profile says of an event, by the profiles' names."""
    found = [_verdict_of(profile, context) for profile in profiles]
    return sorted(found, key=lambda each: each.profile)


def _verdict_of(profile: Profile, context: Mapping[str, Any]) -> ProfileVerdict:
    spec = profile.spec
    takes = spec.takes(context["type"])
    verdict = spec.criteria.verdict(context) if takes and spec.criteria is not None else None
    reason = _reason(profile, context["type"], verdict)
    return ProfileVerdict(spec.name, profile.revision, reason is None, reason, verdict, spec.private)


def _remembered(profiles: Sequence[Profile], record: CallRecord) -> list[ProfileVerdict]:
    """The verdicts on an erased event: its deliveries tell who fired, and nobody can say why any more."""
    fired = {each["profile"] for each in record.deliveries if not each.get("test")}
    event_type = record.event["type"]
    found = [
        ProfileVerdict(
            each.spec.name,
            each.revision,
            each.spec.name in fired,
            None if each.spec.name in fired else _reason(each, event_type, None) or ERASED,
            None,
            each.spec.private,
        )
        for each in profiles
    ]
    return sorted(found, key=lambda each: each.profile)


def _reason(profile: Profile, event_type: str, verdict: Verdict | None) -> str | None:
    if not profile.enabled:
        return DISABLED
    if not profile.spec.takes(event_type):
        return f"not for {event_type}"
    return None if verdict is None or verdict.held else CRITERIA


def without_values(tree: Any) -> Any:
    """The verdict without the values that its clauses saw; a clause's own value is the profile's, not the call's."""
    match tree:
        case {"clause": clause, "held": held}:
            return {"clause": clause, "held": held}
        case dict():
            return {key: without_values(value) for key, value in tree.items()}
        case list():
            return [without_values(each) for each in tree]
        case _:
            return tree
