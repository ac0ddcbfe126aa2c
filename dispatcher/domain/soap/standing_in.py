"""Which types may stand in a type's place (`xsi:type`, XML Schema part 1, 2.6.1), by the names people choose from."""

from collections.abc import Sequence

from dispatcher.domain.soap.description import ObjectType


def standing_in(index: int, types: Sequence[ObjectType]) -> dict[str, int]:
    """The type itself and every one derived from it, by name; of two of the same name the first."""
    found: dict[str, int] = {}
    pending, seen = [index], {index}
    for each in pending:
        found.setdefault(types[each].name, each)
        fresh = [derived for derived in types[each].derived if derived not in seen]
        seen.update(fresh)
        pending += fresh
    return found
