"""A call whose records come one by one: which of them belong together, and when what they say is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

DEFAULT_QUIET_SECONDS = 10.0
"""Of a format that names no quiet period of its own."""
MAX_QUIET_SECONDS = 3_600.0
FACT_ALONE = timedelta(minutes=15)
"""A fact waits so long for the first leg of its call; then it is told as what it is."""
LONGEST = timedelta(hours=6)
"""A call is told after this time, even if its parts never stop coming or one of its legs never ends."""
KEPT = timedelta(days=7)
"""Parts are kept for so long after the last one of their call: what comes later is no news of it any more."""

MAX_LEGS = 200
"""Legs of a call of which it is noted whether they are under way; of more, nothing is."""

Key = tuple[UUID, str]
"""A source, and an id by which its parts find each other."""


class Arrived(Protocol):
    """What is asked of a new part here."""

    @property
    def id(self) -> UUID: ...
    @property
    def workspace_id(self) -> UUID: ...
    @property
    def source_id(self) -> UUID: ...
    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def call_id(self) -> str: ...
    @property
    def leg(self) -> str | None: ...
    @property
    def quiet_seconds(self) -> float: ...
    @property
    def ends_call(self) -> bool: ...
    @property
    def is_fact(self) -> bool: ...
    @property
    def under_way(self) -> bool: ...


@dataclass(slots=True)
class Assembly:
    """The parts of one call, as far as they are known to belong together.

    `due_at` is when what they say is to be told, None while there is nothing new; `told_at` when the call was told as
    finished first, from when on its `call_id` stays. `ended`: a part said that it is the last one. `legs`: whether each
    leg is under way; one that has ended never is again, so that parts may come in any order. `version` grows with every
    part, so that whoever tells the call sees that one came meanwhile.
    """

    id: UUID
    workspace_id: UUID
    source_id: UUID
    call_id: str
    opened_at: datetime
    changed_at: datetime
    due_at: datetime | None = None
    told_at: datetime | None = None
    has_legs: bool = False
    ended: bool = False
    legs: dict[str, bool] = field(default_factory=dict)
    version: int = 0

    @property
    def wake_at(self) -> datetime:
        """When somebody must look at it: to tell what is new, or to remove it."""
        return self.due_at if self.due_at is not None else self.changed_at + KEPT

    def add(self, part: Arrived, now: datetime) -> None:
        """Counts a part in, and decides when the call is due."""
        self._note_leg(part)
        self.due_at = self._due(part, now)
        if not part.is_fact and not self.has_legs:
            self.has_legs, self.call_id, self.opened_at = True, part.call_id, now
        self.ended = self.ended or part.ends_call
        self.changed_at, self.version = now, self.version + 1

    def _note_leg(self, part: Arrived) -> None:
        if part.leg is not None and (part.leg in self.legs or len(self.legs) < MAX_LEGS):
            self.legs = {**self.legs, part.leg: part.under_way and self.legs.get(part.leg, True)}

    @property
    def _under_way(self) -> bool:
        return any(self.legs.values())

    def _due(self, part: Arrived, now: datetime) -> datetime:
        quiet = now + timedelta(seconds=part.quiet_seconds)
        if self.told_at is not None:
            # A later fact is told at once; a later leg when it has ended, for it may be followed by others.
            late = now + LONGEST if self._under_way and not self.ended else quiet
            return min(each for each in (self.due_at, now if part.is_fact else late) if each is not None)
        if part.is_fact and not self.has_legs:
            return self.due_at or now + FACT_ALONE
        if part.ends_call or self.ended:
            return now if self.due_at is None else min(self.due_at, now)
        last = (self.opened_at if self.has_legs else now) + LONGEST
        if self._under_way:
            return last
        if part.is_fact and part.leg is None:
            return max(self.due_at or now, min(quiet, last))
        return min(quiet, last)


def joined(one: Assembly, other: Assembly) -> tuple[Assembly, Assembly]:
    """Two assemblies that a part has shown to be one call: the one that stays, changed, and the one that goes.

    The call that was told first keeps its id, since it cannot be told under another one; else the older stays.
    """
    stays, goes = sorted((one, other), key=lambda each: (each.told_at is None, each.told_at or each.opened_at, each.id))
    dues = [each.due_at for each in (stays, goes) if each.due_at is not None]
    if goes.has_legs and not stays.has_legs:
        stays.call_id = goes.call_id if stays.told_at is None else stays.call_id
        dues = [goes.due_at] if goes.due_at is not None else dues
    ended = stays.ended or goes.ended
    stays.due_at = (min(dues) if ended else max(dues)) if dues else None
    stays.ended, stays.has_legs = ended, stays.has_legs or goes.has_legs
    stays.opened_at = min(stays.opened_at, goes.opened_at)
    stays.changed_at = max(stays.changed_at, goes.changed_at)
    common = {leg: under_way and stays.legs.get(leg, True) for leg, under_way in goes.legs.items()}
    stays.legs = {**stays.legs, **common}
    stays.version += goes.version + 1
    return stays, goes


@dataclass(slots=True)
class Placed:
    """Where new parts belong: `of` by part, `keys` to be kept, `moved` from an assembly that is gone to its heir."""

    assemblies: dict[UUID, Assembly]
    of: dict[UUID, UUID] = field(default_factory=dict)
    keys: dict[Key, UUID] = field(default_factory=dict)
    moved: dict[UUID, UUID] = field(default_factory=dict)

    def heir(self, assembly_id: UUID) -> UUID:
        """Where the parts of an assembly are now."""
        while assembly_id in self.moved:
            assembly_id = self.moved[assembly_id]
        return assembly_id


def place(
    parts: Iterable[Arrived], known: Mapping[Key, UUID], assemblies: Mapping[UUID, Assembly], now: datetime
) -> Placed:
    """Finds or opens the assembly of each part, and joins those that a part links.

    `known` has the assembly of each key that is kept, `assemblies` all of these; they are changed.
    """
    placed = Placed(dict(assemblies))
    for part in parts:
        keys = [(part.source_id, key) for key in part.keys]
        found = [placed.keys.get(key, known.get(key)) for key in keys]
        ids = list(dict.fromkeys(placed.heir(each) for each in found if each is not None))
        if ids:
            mine = placed.assemblies[ids[0]]
            for each in ids[1:]:
                mine = _join(placed, mine, placed.assemblies[each])
        else:
            mine = Assembly(part.id, part.workspace_id, part.source_id, part.call_id, now, now)
            placed.assemblies[mine.id] = mine
        mine.add(part, now)
        placed.of[part.id] = mine.id
        placed.keys.update(dict.fromkeys(keys, mine.id))
    placed.of = {part_id: placed.heir(each) for part_id, each in placed.of.items()}
    placed.keys = {key: placed.heir(each) for key, each in placed.keys.items()}
    placed.moved = {each: placed.heir(each) for each in placed.moved}
    return placed


def _join(placed: Placed, one: Assembly, other: Assembly) -> Assembly:
    stays, goes = joined(one, other)
    placed.moved[goes.id] = stays.id
    del placed.assemblies[goes.id]
    return stays
