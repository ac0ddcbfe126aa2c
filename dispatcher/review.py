"""Review a profile, before it is saved, against what else its workspace has: what no document can say of itself."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.shape import Fault, nearest
from dispatcher.domain.waiting import cycle_of
from dispatcher.ports import Conflict, SavedProfile, Templates

MAX_NAMED = 20
"""Names that a fault lists: a person reads no more."""


class Neighbours(Protocol):
    """Where the other profiles and the credentials of a workspace are read."""

    def profiles(self, workspace_id: UUID) -> list[SavedProfile]:
        """The profiles of a workspace."""
        ...

    def credential_names(self, workspace_id: UUID) -> list[str]:
        """The names of a workspace's credentials."""
        ...


def neighbours_of(store: Neighbours, workspace_id: UUID) -> dict[str, ProfileSpec]:
    """The workspace's profiles by name."""
    return {each.profile.spec.name: each.profile.spec for each in store.profiles(workspace_id)}


def review(
    spec: ProfileSpec,
    neighbours: Mapping[str, ProfileSpec],
    credentials: Collection[str],
    templates: Templates,
    workspace_id: UUID,
) -> list[Fault]:
    """Every fault that only the neighbours show: a followed profile or a credential that is not there, a cycle, a
    private answer in the hands of a profile that is not private, an output that followers use and that is gone, and
    what the templates cannot be (`followed.NAME` is known by the followed profile's outputs)."""
    faults = [*_following_faults(spec, neighbours), *_privacy_faults(spec, neighbours)]
    faults += _output_faults(spec, neighbours, templates, workspace_id)
    if spec.credential is not None and spec.credential not in credentials:
        faults.append(_fault("credential", "a credential", spec.credential, credentials))
    followed = neighbours.get(spec.follow.profile) if spec.follow is not None else None
    outputs = [output.name for output in followed.outputs] if followed is not None else []
    return [*faults, *templates.check(spec, outputs, workspace_id=workspace_id)]


def _following_faults(spec: ProfileSpec, neighbours: Mapping[str, ProfileSpec]) -> list[Fault]:
    if spec.follow is None:
        return []
    if spec.follow.profile not in neighbours:
        return [_fault("follow.profile", "a profile", spec.follow.profile, neighbours)]
    others = {**neighbours, spec.name: spec}
    follows = {name: each.follow.profile for name, each in others.items() if each.follow is not None}
    way = cycle_of(follows, spec.name)
    if way:
        expected = "a profile that does not wait for this one itself"
        return [{"field": "follow.profile", "expected": expected, "got": "a cycle: " + " → ".join(way)}]
    return []


def _privacy_faults(spec: ProfileSpec, neighbours: Mapping[str, ProfileSpec]) -> list[Fault]:
    """What a private profile's target answered would stand in the log of a follower that is not private."""
    followed = neighbours.get(spec.follow.profile) if spec.follow is not None else None
    if followed is not None and followed.private and not spec.private:
        return [{"field": "private", "expected": f"true, as it follows {followed.name}, a private one", "got": "false"}]
    open_followers = [
        each.name
        for each in neighbours.values()
        if spec.private and each.follow is not None and each.follow.profile == spec.name and not each.private
    ]
    if open_followers:
        names = ", ".join(sorted(open_followers)[:MAX_NAMED])
        return [{"field": "private", "expected": f"false, until {names}, following it, are private", "got": "true"}]
    return []


def _output_faults(
    spec: ProfileSpec, neighbours: Mapping[str, ProfileSpec], templates: Templates, workspace_id: UUID
) -> list[Fault]:
    """An output that a follower's templates name is not taken away: the follower would send nothing in its place."""
    before = neighbours.get(spec.name)
    given = {output.name for output in spec.outputs}
    if before is None or given.issuperset(kept := [output.name for output in before.outputs]):
        return []

    def faults_with(each: ProfileSpec, outputs: Collection[str]) -> list[Fault]:
        return templates.check(each, outputs, workspace_id=workspace_id)

    lost = {
        f"{each.name} uses it: {fault['got']} in its {fault['field']}"
        for each in neighbours.values()
        if each.follow is not None and each.follow.profile == spec.name and each.name != spec.name
        for fault in _only_in(faults_with(each, given), faults_with(each, kept))
    }
    expected = "every output that followers use, until those are changed"
    return [{"field": "outputs", "expected": expected, "got": each} for each in sorted(lost)[:MAX_NAMED]]


def _only_in(faults: list[Fault], others: list[Fault]) -> list[Fault]:
    """What the first list has and the second has not, by place and what was got."""
    known = {(other["field"], other["got"]) for other in others}
    return [fault for fault in faults if (fault["field"], fault["got"]) not in known]


def _fault(field: str, what: str, got: str, known: Collection[str]) -> Fault:
    names = sorted(known)
    there = f"there are {', '.join(names[:MAX_NAMED])}" if names else "there are none yet"
    return {"field": field, "expected": f"the name of {what}{nearest(got, names)}; {there}", "got": got}


def refuse_while_followed(name: str, neighbours: Mapping[str, ProfileSpec]) -> None:
    """Raises `Conflict` where other profiles wait for what this one delivers: without it they would wait in vain."""
    followers = sorted(each.name for each in neighbours.values() if each.follow and each.follow.profile == name)
    if followers:
        raise Conflict(f"{name} is followed by {', '.join(followers)}: change or delete these first")
