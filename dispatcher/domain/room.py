"""Who may have how many exchanges in flight: one sick target must not take the room of the others."""

from collections import defaultdict
from threading import Lock
from uuid import UUID

APPETITE = 4
"""A profile may hold this many times what is still free, so that alone it gets four fifths of the room.

Dynamic thresholds: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
switches", IEEE/ACM Transactions on Networking 6 (1998). What stays free is there for the next profile.
"""
FLOOR = 4
"""Every profile may always hold this many, even when the room is full."""
RETRY_SHARE = 0.75
"""Retries and backlog get at most this part of a profile's share; the rest is for first attempts."""
QUICK_WINDOW = 256
"""A target that answers quickly gets no more than this: 256 in flight at 300 ms are 850 a second, and a thousand
connections to one host cost libcurl half as much CPU again for each exchange."""
SLOW_MS = 300.0
"""A target whose exchanges take longer on average is slow, and gets its whole share."""
_MEMORY = 0.05
"""The weight of the newest exchange in that average."""


class Room:
    """Slots of one process, shared among profiles. Safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: dict[UUID, int] = defaultdict(int)
        self._usual_ms: dict[UUID, float] = {}
        self._ended: dict[UUID, int] = {}
        self._total = 0
        self._lock = Lock()

    def take(self, profile_id: UUID, wanted: int, first_attempts: bool) -> int:
        """Takes up to `wanted` slots for a profile and says how many it got."""
        with self._lock:
            granted = max(min(wanted, self._allowance(profile_id, first_attempts)), 0)
            if granted:
                self._held[profile_id] += granted
                self._total += granted
            return granted

    def give_back(self, profile_id: UUID, count: int = 1, took_ms: float | None = None) -> None:
        """Frees slots that `take` granted; with `took_ms`, after an exchange that took so long."""
        with self._lock:
            self._total -= count
            self._held[profile_id] -= count
            if self._held[profile_id] <= 0:
                del self._held[profile_id]
            if took_ms is not None:
                self._ended[profile_id] = self._ended.get(profile_id, 0) + 1
                usual = self._usual_ms.get(profile_id, took_ms)
                self._usual_ms[profile_id] = usual + _MEMORY * (took_ms - usual)

    def free_for(self, profile_id: UUID) -> int:
        """How many slots a retry of this profile could take now."""
        with self._lock:
            return max(self._allowance(profile_id, first_attempts=False), 0)

    def held_by(self, profile_id: UUID) -> int:
        """How many slots a profile holds."""
        with self._lock:
            return self._held.get(profile_id, 0)

    def ended(self, profile_id: UUID) -> int:
        """How many exchanges of a profile have ended: whether its target moves."""
        return self._ended.get(profile_id, 0)

    @property
    def held(self) -> int:
        """How many slots are taken in all."""
        return self._total

    def _allowance(self, profile_id: UUID, first_attempts: bool) -> int:
        held = self._held.get(profile_id, 0)
        free = max(self._capacity - self._total, 0)
        # Holding n of a room in which the profile would have n + more, free falls by one for each
        # one taken: the largest count with held + count <= APPETITE * (free - count).
        share = (APPETITE * free - held) // (APPETITE + 1)
        if self._usual_ms.get(profile_id, 0.0) <= SLOW_MS:
            share = min(share, QUICK_WINDOW - held)
        if not first_attempts:
            share = int((held + share) * RETRY_SHARE) - held
        return max(share, FLOOR - held)
