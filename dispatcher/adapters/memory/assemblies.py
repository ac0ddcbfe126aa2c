"""The `AssemblyStore` port in memory, beside a `MemoryStore`, whose events and lock it uses."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock
from uuid import UUID

import orjson

from dispatcher.domain.assembly import Assembly, Key, place
from dispatcher.ports import Accepted, DueCall, HeldPart, NewEvent, NewPart, OpenCall, StoreUnavailable, Telling

AddEvents = Callable[[Sequence[NewEvent], datetime, datetime], list[Accepted]]


@dataclass(slots=True)
class _Part:
    part: NewPart
    assembly_id: UUID
    told: bool = False


class MemoryAssemblies:
    """Calls that come in parts. `is_away` says whether the store is."""

    def __init__(self, lock: RLock, add_events: AddEvents, is_away: Callable[[], bool]) -> None:
        self._lock, self._add_events, self._is_away = lock, add_events, is_away
        self._assemblies: dict[UUID, Assembly] = {}
        self._leases: dict[UUID, datetime] = {}
        self._keys: dict[Key, UUID] = {}
        self._parts: dict[UUID, _Part] = {}
        self._firsts: dict[tuple[UUID, str], UUID] = {}

    def _reach(self) -> None:
        if self._is_away():
            raise StoreUnavailable("away")

    def add_parts(self, parts: Sequence[NewPart], now: datetime) -> list[Accepted]:
        with self._lock:
            self._reach()
            accepted, new, firsts = list[Accepted](), list[NewPart](), dict(self._firsts)
            for part in parts:
                first = firsts.get((part.source_id, part.part_id)) if part.part_id is not None else None
                accepted.append(Accepted(first or part.id, part.part_id, duplicate=first is not None))
                if first is None:
                    new.append(part)
                    firsts |= {(part.source_id, part.part_id): part.id} if part.part_id is not None else {}
            self._place(new, now)
            self._firsts = firsts
        return accepted

    def _place(self, new: Sequence[NewPart], now: datetime) -> None:
        placed = place(new, self._keys, {each: copy(row) for each, row in self._assemblies.items()}, now)
        changed = set(placed.of.values())
        self._assemblies = placed.assemblies
        self._leases = {each: until for each, until in self._leases.items() if each not in changed}
        self._keys = {key: placed.heir(each) for key, each in (self._keys | placed.keys).items()}
        for row in self._parts.values():
            row.assembly_id = placed.heir(row.assembly_id)
        self._parts |= {part.id: _Part(part, placed.of[part.id]) for part in new}

    def due_calls(self, now: datetime, again_at: datetime, limit: int) -> list[DueCall]:
        with self._lock:
            self._reach()
            due = [each for each in self._assemblies.values() if each.due_at is not None and self._wake_at(each) <= now]
            first = sorted(due, key=self._wake_at)[:limit]
            self._leases |= {each.id: again_at for each in first}
            return [DueCall(copy(each), self._held(each.id)) for each in first]

    def _wake_at(self, assembly: Assembly) -> datetime:
        return self._leases.get(assembly.id, assembly.wake_at)

    def _held(self, assembly_id: UUID) -> list[HeldPart]:
        rows = sorted((row for row in self._parts.values() if row.assembly_id == assembly_id), key=lambda r: r.part.id)
        return [
            HeldPart(row.part.id, row.part.part_id, row.told, orjson.loads(row.part.body))
            for row in rows
            if row.part.body
        ]

    def tell(self, tellings: Sequence[Telling], now: datetime, wake_at: datetime) -> list[Accepted]:
        accepted = list[Accepted]()
        with self._lock:
            self._reach()
            for each in tellings:
                assembly = self._assemblies.get(each.assembly_id)
                if assembly is None or assembly.version != each.version:
                    continue
                accepted += self._add_events(each.events, now, wake_at)
                for part_id in each.told:
                    self._parts[part_id].told = True
                told_at = assembly.told_at or (now if each.finished else None)
                following = replace(assembly, call_id=each.call_id, due_at=None, told_at=told_at)
                following.version += 1
                self._assemblies[assembly.id] = following
                self._leases.pop(assembly.id, None)
        return accepted

    def forget_old(self, now: datetime, limit: int) -> int:
        with self._lock:
            self._reach()
            old = [each.id for each in self._assemblies.values() if each.due_at is None and each.wake_at <= now][:limit]
            for assembly_id in old:
                del self._assemblies[assembly_id]
            self._keys = {key: each for key, each in self._keys.items() if each not in old}
            gone = {each for each, row in self._parts.items() if row.assembly_id in old}
            self._parts = {each: row for each, row in self._parts.items() if each not in gone}
            self._firsts = {key: each for key, each in self._firsts.items() if each not in gone}
            return len(old)

    def open_call(self, workspace_id: UUID, call_id: str) -> OpenCall | None:
        with self._lock:
            self._reach()
            ids = {each for (_, key), each in self._keys.items() if key == call_id}
            ids |= {each.id for each in self._assemblies.values() if each.call_id == call_id}
            open_ones = [self._assemblies[each] for each in ids]
            dues = {each.id: each.due_at for each in open_ones if each.workspace_id == workspace_id and each.due_at}
            parts = sum(row.assembly_id in dues and not row.told for row in self._parts.values())
            return OpenCall(parts, min(dues.values())) if parts else None

    def erase(self, source_id: UUID, call_id: str) -> None:
        """Empties what has been told of a call, as the eraser does."""
        of_call = self._keys.get((source_id, call_id))
        for row in self._parts.values():
            if row.assembly_id == of_call and row.told:
                row.part = replace(row.part, body=b"")
