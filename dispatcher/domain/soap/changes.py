"""What became different between two readings of a WSDL, and which of it breaks profiles written for the first."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from dispatcher.domain.soap.description import Binding, Description, ObjectType, Operation, Port, Service
from dispatcher.domain.soap.parameter_changes import TypeComparison

MAX_LISTED = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `place` is `Service/Port/Operation`, as far as it goes; `path` is the parameter's, from
    `parameters` or `headers` on, and empty for other changes. `breaking`: what fitted before may not any more."""

    place: str
    path: str
    sentence: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """Breaking changes first, then in the order of the WSDL; `more` is how many are not listed."""

    listed: tuple[Change, ...]
    more: int
    breaking: bool
    """Whether any is, listed or not."""

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        return {"changes": [asdict(each) for each in self.listed], "more": self.more, "breaking": self.breaking}


def changes(before: Description, after: Description) -> Changes:
    """What is different for callers. Types that are reached in several ways are compared once, and their changes are
    told of the first way; documentation and outputs are not compared."""
    found = list(_of_ports(before, after))
    found.sort(key=lambda change: not change.breaking)
    listed = tuple(found[:MAX_LISTED])
    return Changes(listed, len(found) - len(listed), breaking=any(change.breaking for change in found))


PortKey = tuple[str, str]


def _ports(description: Description) -> dict[PortKey, tuple[Service, Port, Binding]]:
    bindings = {each.name: each for each in description.bindings}
    return {
        (service.name, port.name): (service, port, bindings[port.binding])
        for service in description.services
        for port in service.ports
    }


def _of_ports(before: Description, after: Description) -> Iterator[Change]:
    old, new = _ports(before), _ports(after)
    types = TypeComparison(before.types, after.types)
    compared: set[tuple[str, str]] = set()
    for key, (service, port, binding) in old.items():
        place = f"{service.name}/{port.name}"
        if key not in new:
            yield Change(place, "", "The port was removed.", breaking=True)
            continue
        _, new_port, new_binding = new[key]
        yield from _of_port(place, port, new_port)
        # Several ports may share a binding: what changed in it is told once.
        if (binding.name, new_binding.name) not in compared:
            compared.add((binding.name, new_binding.name))
            yield from _of_bindings(place, binding, new_binding, types)
    for key in new:
        if key not in old:
            yield Change("/".join(key), "", "The port was added.", breaking=False)


def _of_port(place: str, before: Port, after: Port) -> Iterator[Change]:
    if before.address != after.address:
        sentence = f"The address changed from {before.address or 'none'} to {after.address or 'none'}."
        yield Change(place, "", sentence, breaking=after.address is None)


def _of_bindings(place: str, before: Binding, after: Binding, types: TypeComparison) -> Iterator[Change]:
    if before.soap_version is not after.soap_version:
        sentence = f"SOAP {before.soap_version} became SOAP {after.soap_version}."
        yield Change(place, "", sentence, breaking=True)
    old = {each.name: each for each in before.operations}
    new = {each.name: each for each in after.operations}
    for name, operation in old.items():
        if name in new:
            yield from _of_operations(f"{place}/{name}", operation, new[name], types)
        else:
            yield Change(f"{place}/{name}", "", "The operation was removed.", breaking=True)
    for name in new:
        if name not in old:
            yield Change(f"{place}/{name}", "", "The operation was added.", breaking=False)


def _of_operations(place: str, before: Operation, after: Operation, types: TypeComparison) -> Iterator[Change]:
    if before.soap_action != after.soap_action:
        sentence = f"The SOAPAction changed from {before.soap_action or 'none'} to {after.soap_action or 'none'}."
        yield Change(place, "", sentence, breaking=False)
    if (before.style, before.use) != (after.style, after.use):
        sentence = f"{before.style}/{before.use} became {after.style}/{after.use}."
        yield Change(place, "", sentence, breaking=False)
    if before.one_way != after.one_way:
        sentence = "It has no reply any more." if after.one_way else "It has a reply now."
        yield Change(place, "", sentence, breaking=after.one_way)
    differences = [
        *types.compare(_input(before), _input(after), "parameters"),
        *types.compare(_headers(before), _headers(after), "headers"),
    ]
    for difference in differences:
        yield Change(place, difference.path, difference.sentence, difference.breaking)


def _input(operation: Operation) -> ObjectType:
    return ObjectType("", operation.input, (), operation.required_choices)


def _headers(operation: Operation) -> ObjectType:
    """All optional: a profile sends those that it names, whatever the WSDL lists."""
    return ObjectType("", tuple(replace(each, min_occurs=0) for each in operation.headers))
