"""What became of the demonstration's deliveries so far, kept up to date from the API's list."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dispatcher.demo.integrations import RETIRED

FINAL = frozenset({"delivered", "dead", "discarded"})
LOOK_BACK_MS = 10_000


@dataclass
class Watch:
    """Deliveries by profile and by call."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_call: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    reasons: dict[str, str] = field(default_factory=dict)
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    _newest_ms: int = 0

    def take(self, newest_first: Iterable[dict[str, Any]], *, whole: bool = False) -> int:
        """Takes in what changed, reading no further back than it must unless `whole`; how many were new or changed.

        An id begins with the event's moment. What is older than the oldest open delivery can only change by a person's
        replay; the margin is for events whose evaluation came late.
        """
        horizon = min([self._newest_ms - LOOK_BACK_MS, *map(_ms, self._open)])
        changed = 0
        for delivery in newest_first:
            if not whole and _ms(delivery["id"]) < horizon:
                break
            changed += self._note(delivery)
        return changed

    def total(self, state: str) -> int:
        """Deliveries in this state, over all profiles."""
        return sum(counts[state] for counts in self.counts.values())

    def surprises(self) -> list[str]:
        """A sentence for each profile whose deliveries did not end as the demonstration means them to."""
        said = []
        for profile, counts in sorted(self.counts.items()):
            expected = "dead" if profile == RETIRED else "delivered"
            others = {state: count for state, count in counts.items() if count and state != expected}
            if others:
                words = ", ".join(f"{count} {state}" for state, count in sorted(others.items()))
                said.append(
                    f"{profile}: {words} instead of {expected} ({self.reasons.get(profile) or 'no reason given'})"
                )
        return said

    def _note(self, delivery: dict[str, Any]) -> bool:
        identifier, profile, state = delivery["id"], delivery["profile"], delivery["state"]
        before = self._known.get(identifier)
        if before == (profile, state):
            return False
        if before is not None:
            self.counts[profile][before[1]] -= 1
        self.counts[profile][state] += 1
        self._known[identifier] = (profile, state)
        self._newest_ms = max(self._newest_ms, _ms(identifier))
        (self._open.discard if state in FINAL else self._open.add)(identifier)
        self.by_call[delivery["call_id"]][profile] = state
        if delivery["reason"]:
            self.reasons[profile] = delivery["reason"]
        return True


def _ms(identifier: str) -> int:
    """The milliseconds since 1970 that an id begins with."""
    return int(identifier[:8] + identifier[9:13], 16)
