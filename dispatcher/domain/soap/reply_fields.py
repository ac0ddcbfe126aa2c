"""Whether a field that a profile wants of a reply can be in it, as far as the WSDL says."""

from collections.abc import Iterator, Sequence

from dispatcher.domain.answers.json_path import Every, json_path
from dispatcher.domain.shape import nearest
from dispatcher.domain.soap.description import ObjectType, Parameter, Place, Shape

MAX_WRAPPERS = 20
"""Objects with one member, each in the other, that need not be named."""
_OPEN = frozenset({Shape.ANY_TYPE, Shape.XML})


def missing_field(path: str, output: Sequence[Parameter], types: Sequence[ObjectType]) -> str | None:
    """What to say of a path (`Result.Lead.Id`, `Lines[0].Sku`) that no reply can have; None where one can, or where the
    WSDL does not say what stands there."""
    steps = json_path(f"$.{path}")
    if Every.EVERY in steps:
        return None
    names = [step for step in steps if isinstance(step, str)]
    members = output
    for _ in range(MAX_WRAPPERS):
        if _leads(names, members, types):
            return None
        if len(members) != 1 or members[0].object is None:
            break
        members = types[members[0].object].parameters
    known = [each.name for each in members]
    hint = nearest(names[0], known) if names else ""
    return f"a field of the operation's reply{hint}; there are {', '.join(known[:20]) or 'none'}"


def _leads(names: Sequence[str], members: Sequence[Parameter], types: Sequence[ObjectType]) -> bool:
    if not names:
        return True
    for each in members:
        if each.shape in _OPEN or each.place is Place.GROUP:
            return True  # whatever its name: elements that the WSDL does not name stand there
        if each.name == names[0]:
            return each.object is None or any(
                _leads(names[1:], kind.parameters, types) for kind in _kinds(each.object, types)
            )
    return False


def _kinds(index: int, types: Sequence[ObjectType]) -> Iterator[ObjectType]:
    yield types[index]
    yield from (types[derived] for derived in types[index].derived)
