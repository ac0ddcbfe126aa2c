"""STAND-IN, to be replaced whole at merge: names of services and operations, no parameters."""

from zeep.wsdl import Document

from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import Binding, Description, Operation, Port, Service, SoapVersion


def describe(document: Document, _bundle: Bundle) -> Description:
    """What the document offers."""
    services, bindings = [], {}
    for name, service in document.services.items():
        ports = []
        for each in service.ports.values():
            operations = each.binding._operations  # noqa: SLF001 - a stand-in
            bindings[str(each.binding.name)] = tuple(map(Operation, operations))
            ports.append(Port(each.name, str(each.binding.name), (each.binding_options or {}).get("address")))
        services.append(Service(name, tuple(ports)))
    found = tuple(Binding(name, SoapVersion.V1_1, operations) for name, operations in bindings.items())
    return Description(tuple(services), found, ())
