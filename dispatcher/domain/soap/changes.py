"""STAND-IN, to be replaced whole: what changed from one description to another."""

from dataclasses import asdict, dataclass
from typing import Any

from dispatcher.domain.soap.description import Description


@dataclass(frozen=True, slots=True)
class Change:
    """One change: where, what in words, and whether it may break a profile."""

    place: str
    sentence: str
    breaking: bool

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def changes(before: Description, after: Description) -> list[Change]:
    """Operations that were added or removed."""
    old = {each.name for binding in before.bindings for each in binding.operations}
    new = {each.name for binding in after.bindings for each in binding.operations}
    gone = [Change(name, f"The operation {name} is gone.", True) for name in sorted(old - new)]
    return gone + [Change(name, f"The operation {name} is new.", False) for name in sorted(new - old)]
