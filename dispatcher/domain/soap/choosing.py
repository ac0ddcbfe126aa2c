"""Which operation at which port a SOAP request means."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dispatcher.domain.requests.soap_request import SoapRequest
from dispatcher.domain.shape import Fault, nearest
from dispatcher.domain.soap.description import Binding, Description, Operation, Port, Service

MAX_NAMED = 20
"""Names that a fault lists: a person reads no more."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An operation and where it is found."""

    service: Service
    port: Port
    binding: Binding
    operation: Operation


class NotOffered(Exception):
    """The WSDL has no such service, port or operation; `fault` says what there is instead."""

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{got}: expected {expected}")
        self.fault: Fault = {"field": field, "expected": expected, "got": got}


def chosen(description: Description, request: SoapRequest) -> Chosen:
    """The first port of the request's version that has its operation, among those of the service and the port that it
    names. Raises `NotOffered`."""
    ports = list(description.ports())
    if not ports:
        raise NotOffered("request.wsdl", "a WSDL with a SOAP port", "one without: nothing can be called")
    if request.service is not None:
        names = [service.name for service, _, _ in ports]
        ports = [each for each in ports if each[0].name == request.service]
        _there("request.service", ports, request.service, names, "a service")
    if request.port is not None:
        names = [port.name for _, port, _ in ports]
        ports = [each for each in ports if each[1].name == request.port]
        _there("request.port", ports, request.port, names, "a port")
    versions = sorted({binding.soap_version.value for _, _, binding in ports})
    ports = [each for each in ports if each[2].soap_version is request.soap_version]
    if not ports:
        spoken = " and ".join(versions)
        raise NotOffered("request.soap_version", f"{spoken}, which the WSDL's ports speak", request.soap_version.value)
    for service, port, binding in ports:
        for operation in binding.operations:
            if operation.name == request.operation:
                return Chosen(service, port, binding, operation)
    names = [operation.name for _, _, binding in ports for operation in binding.operations]
    _there("request.operation", [], request.operation or "", names, "an operation")
    raise AssertionError("an empty list is never there")


def _there(field: str, found: Iterable[object], wanted: str, names: Iterable[str], what: str) -> None:
    if found:
        return
    known = set(names)
    raise NotOffered(field, f"the name of {what}{nearest(wanted, sorted(known))}; there are {listed(known)}", wanted)


def listed(names: Collection[str]) -> str:
    """The first names in their order and how many more there are, or "none"."""
    more = len(names) - MAX_NAMED
    return ", ".join(sorted(names)[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "") or "none"
