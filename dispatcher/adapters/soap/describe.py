"""STAND-IN, to be replaced whole at merge: names of services and operations, no parameters."""

from zeep.wsdl import Document

from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import Binding, Description, Operation, Port, Service, SoapVersion


def describe(document: Document, _bundle: Bundle) -> Description:
    """What the document offers."""
    services = tuple(
        Service(
            name,
            tuple(
                Port(each.name, str(each.binding.name), each.binding_options.get("address"))
                for each in service.ports.values()
            ),
        )
        for name, service in document.services.items()
    )
    bindings = tuple(
        Binding(
            str(name),
            SoapVersion.V1_1,
            tuple(
                Operation(each)
                for each in binding._operations  # noqa: SLF001 - a stand-in
            ),
        )
        for name, binding in document.bindings.items()
    )
    return Description(services, bindings, ())
