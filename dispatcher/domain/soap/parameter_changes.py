"""What became different in the parameters of an operation, through all types below them."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dispatcher.domain.soap.description import ObjectType, Parameter, SimpleType
from dispatcher.domain.soap.facets import comparable, shortened
from dispatcher.domain.soap.lexical import built_in_of
from dispatcher.domain.soap.standing_in import standing_in
from dispatcher.domain.soap.tree import enumeration_of

_LISTED_VALUES = 10
_WIDER_IF_LESS = frozenset({"minLength", "minInclusive", "minExclusive"})
_WIDER_IF_MORE = frozenset({"maxLength", "maxInclusive", "maxExclusive", "totalDigits", "fractionDigits"})
_NOT_JUDGED = frozenset({"pattern", "whiteSpace"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of a parameter, told by its path."""

    path: str
    sentence: str
    breaking: bool


class TypeComparison:
    """Compares parameters of two descriptions. It remembers which types it has compared, so that a type that many
    operations share costs once, and one that contains itself ends."""

    def __init__(self, before: Sequence[ObjectType], after: Sequence[ObjectType]) -> None:
        self.before = before
        self.after = after
        self.compared: set[tuple[int, int]] = set()

    def compare(self, before: ObjectType, after: ObjectType, at: str) -> list[Difference]:
        """The differences of two types and of all types below them that were not compared yet; outer ones first."""
        found: list[Difference] = []
        pending = deque([(before, after, at)])
        while pending:
            old, new, path = pending.popleft()
            known = {each.name: each for each in new.parameters}
            for parameter in old.parameters:
                inner = f"{path}.{parameter.name}"
                if parameter.name not in known:
                    found.append(Difference(inner, f"{parameter.name} was removed.", breaking=True))
                    continue
                other = known[parameter.name]
                found += _of_parameter(parameter, other, inner)
                if parameter.object is not None and other.object is not None:
                    found += self._descend(parameter.object, other.object, inner, pending)
            found += _added(old.parameters, new.parameters, path)
            found += _of_choices(old, new, path)
        return found

    def _descend(
        self,
        before: int,
        after: int,
        path: str,
        pending: deque[tuple[ObjectType, ObjectType, str]],
    ) -> Iterator[Difference]:
        if (before, after) in self.compared:
            return
        self.compared.add((before, after))
        pending.append((self.before[before], self.after[after], path))
        if not self.before[before].derived:
            return
        old, new = standing_in(before, self.before), standing_in(after, self.after)
        for name, index in old.items():
            if index == before:
                continue
            if name not in new:
                yield Difference(path, f"The type {shortened(name)} may not stand here any more.", breaking=True)
            elif (index, new[name]) not in self.compared:
                self.compared.add((index, new[name]))
                pending.append((self.before[index], self.after[new[name]], path))


def _added(before: Sequence[Parameter], after: Sequence[Parameter], path: str) -> Iterator[Difference]:
    known = {each.name for each in before}
    for parameter in after:
        if parameter.name not in known:
            kind = f"{shortened(parameter.type)}, {'required' if parameter.required else 'optional'}"
            sentence = f"{parameter.name} was added ({kind})."
            yield Difference(f"{path}.{parameter.name}", sentence, breaking=parameter.required)


def _of_choices(before: ObjectType, after: ObjectType, path: str) -> Iterator[Difference]:
    """Choices that must be made and of which no alternative had to be chosen from before."""
    old = {each.name for each in before.parameters if each.choice and each.choice[0] in before.required_choices}
    for number in after.required_choices:
        names = [each.name for each in after.parameters if each.choice and each.choice[0] == number]
        if names and old.isdisjoint(names):
            yield Difference(path, f"One of {_listed(names)} became required.", breaking=True)


def _of_parameter(before: Parameter, after: Parameter, path: str) -> Iterator[Difference]:
    name = before.name
    if _kind(before) != _kind(after):
        sentence = f"{name} changed its type from {shortened(before.type)} to {shortened(after.type)}."
        yield Difference(path, sentence, breaking=True)
        return
    if before.required != after.required:
        sentence = f"{name} became {'required' if after.required else 'optional'}."
        yield Difference(path, sentence, breaking=after.required)
    if after.choice is not None and before.choice is None:
        yield Difference(path, f"{name} became one of several alternatives.", breaking=True)
    yield from _of_occurrences(before, after, path)
    if before.nillable and not after.nillable:
        yield Difference(path, f"{name} may not be nil any more.", breaking=True)
    if before.simple is not None and after.simple is not None and before.simple != after.simple:
        yield from _of_simple(name, before.simple, after.simple, path)


def _kind(parameter: Parameter) -> tuple[str, str, bool]:
    """What must stay the same for a value to be read in the same way."""
    simple = parameter.simple
    if simple is None:
        return parameter.shape, "", False
    return parameter.shape, simple.base, simple.item is not None


def _of_occurrences(before: Parameter, after: Parameter, path: str) -> Iterator[Difference]:
    name = before.name
    if before.repeated and not after.repeated:
        yield Difference(path, f"{name} is not repeated any more.", breaking=True)
    elif after.repeated and not before.repeated:
        yield Difference(path, f"{name} may be repeated.", breaking=False)
    elif before.max_occurs != after.max_occurs:
        most = "any number of" if after.max_occurs is None else f"at most {after.max_occurs}"
        narrower = after.max_occurs is not None and (before.max_occurs is None or after.max_occurs < before.max_occurs)
        yield Difference(path, f"{name} may be given {most} times.", breaking=narrower)
    if after.min_occurs > max(before.min_occurs, 1):
        yield Difference(path, f"{name} must be given at least {after.min_occurs} times.", breaking=True)


def _of_simple(name: str, before: SimpleType, after: SimpleType, path: str) -> Iterator[Difference]:
    old, new = enumeration_of(before), enumeration_of(after)
    if new and not old:
        yield Difference(path, f"{name} must be one of {_listed(new)}.", breaking=True)
    elif old and not new:
        yield Difference(path, f"{name} may be any value of its type.", breaking=False)
    elif old != new:
        yield from _of_enumeration(name, dict.fromkeys(old), dict.fromkeys(new), path)
    for facet in dict.fromkeys((*before.facets, *after.facets)):
        if facet not in _NOT_JUDGED and before.facets.get(facet) != after.facets.get(facet):
            yield _of_facet(name, facet, before, after, path)


def _of_enumeration(name: str, old: Mapping[str, None], new: Mapping[str, None], path: str) -> Iterator[Difference]:
    gone = tuple(value for value in old if value not in new)
    fresh = tuple(value for value in new if value not in old)
    if gone:
        yield Difference(path, f"{name} may not be {_listed(gone)} any more.", breaking=True)
    if fresh:
        yield Difference(path, f"{name} may be {_listed(fresh)}, too.", breaking=False)


def _of_facet(name: str, facet: str, before: SimpleType, after: SimpleType, path: str) -> Difference:
    old, new = before.facets.get(facet), after.facets.get(facet)
    sentence = f"{name}: {facet} changed from {shortened(old or 'none')} to {shortened(new or 'none')}."
    return Difference(path, sentence, breaking=not _is_wider(facet, before, after))


def _is_wider(facet: str, before: SimpleType, after: SimpleType) -> bool:
    """Whether everything that a facet let through before still passes, as far as can be told."""
    old, new = before.facets.get(facet), after.facets.get(facet)
    if new is None:
        return True
    first, second = (_number(text, simple) for text, simple in ((old, before), (new, after)))
    if first is None or second is None:
        return False
    return (facet in _WIDER_IF_MORE and second >= first) or (facet in _WIDER_IF_LESS and second <= first)


def _number(text: str | None, simple: SimpleType) -> Decimal | float | None:
    if text is None:
        return None
    number: Decimal | float | None = comparable(built_in_of(simple), text.strip())
    return Decimal(text) if number is None and text.isascii() and text.isdigit() and len(text) < 10 else number


def _listed(values: Sequence[str]) -> str:
    more = len(values) - _LISTED_VALUES
    listed = ", ".join(shortened(value) for value in values[:_LISTED_VALUES])
    return f"{listed} and {more} more" if more > 0 else listed
