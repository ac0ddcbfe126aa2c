"""What a parsed WSDL offers, as the domain describes it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding
from zeep.xsd import AnySimpleType, ComplexType

from dispatcher.adapters.soap.description_parts import TypeTable
from dispatcher.adapters.soap.zeep_definition import addresses
from dispatcher.adapters.soap.zeep_document import WsdlDocument, refusing
from dispatcher.domain.soap.description import (
    Binding,
    Description,
    Operation,
    Parameter,
    Place,
    Port,
    Service,
    SoapVersion,
)

NOTHING_TO_CALL = "Nothing of this WSDL can be called."
NO_SERVICE = "This WSDL has no service with a port: nothing of it can be called."
ONLY_SCHEMAS = "There are only schemas: nothing can be called."

Parameters = tuple[tuple[Parameter, ...], tuple[int, ...]]
"""Parameters, and the numbers of those choices among them that must be made."""


def describe(document: WsdlDocument) -> Description:
    """Everything that can be called, and notes on what cannot. Raises `WsdlRefused`."""
    return describe_with_types(document)[0]


def describe_with_types(document: WsdlDocument) -> tuple[Description, list[Any]]:
    """The description, and zeep's complex types in the order of its table of types (None for a group)."""
    return refusing(document.location, lambda: _Describing(document).description())


class _Describing:
    def __init__(self, document: WsdlDocument) -> None:
        self._document = document
        self._table = TypeTable(document.types)
        self._addresses = addresses(document.declared_ports)
        self._bindings = [port.binding for service in document.services.values() for port in service.ports.values()]
        self._local_names = Counter(name.localname for name in {each.name for each in self._bindings})

    def description(self) -> tuple[Description, list[Any]]:
        # A binding is the same object for all of its ports.
        distinct = {self._name(each): each for each in self._bindings if each.all()}
        bindings = tuple(self._binding(name, each) for name, each in distinct.items())
        services = tuple(self._services())
        notes = [*self._port_notes(), *self._document.left_out]
        if not services:
            notes.insert(0, self._why_nothing())
        return Description(services, bindings, self._table.rows(), tuple(notes)), self._table.zeep_types

    def _why_nothing(self) -> str:
        if self._document.declared_ports:
            return NOTHING_TO_CALL
        return NO_SERVICE if self._document.port_types or self._document.binding_kinds else ONLY_SCHEMAS

    def _name(self, binding: Any) -> str:
        name = binding.name
        return str(name.localname if self._local_names[name.localname] == 1 else name.text)

    def _services(self) -> Iterator[Service]:
        for service in self._document.services.values():
            ports = tuple(
                Port(name, self._name(port.binding), self._addresses.get((service.name, name)))
                for name, port in service.ports.items()
                if port.binding.all()
            )
            if ports:
                yield Service(service.name, ports)

    def _port_notes(self) -> Iterator[str]:
        for port in self._document.declared_ports:
            service = self._document.services.get(port.service)
            found = None if service is None else service.ports.get(port.name)
            if found is not None and found.binding.all():
                continue
            kind = self._document.binding_kinds.get(port.binding)
            if kind is None:
                yield f"The port {port.name} cannot be called: its binding {port.binding} is not defined."
            elif found is not None:
                yield f"The port {port.name} cannot be called: its binding has no operation that can be used."
            else:
                yield f"The port {port.name} cannot be called: its binding is {kind}."

    def _binding(self, name: str, binding: Any) -> Binding:
        version = SoapVersion.V1_2 if isinstance(binding, Soap12Binding) else SoapVersion.V1_1
        assert isinstance(binding, (Soap11Binding, Soap12Binding))
        return Binding(name, version, tuple(self._operation(each) for each in binding.all().values()))

    def _operation(self, operation: Any) -> Operation:
        parameters, choices = self._body(operation.input)
        one_way = operation.abstract.output_message is None
        return Operation(
            name=operation.name,
            documentation=operation.abstract.documentation,
            soap_action=operation.soapaction or "",
            style="rpc" if operation.style == "rpc" else "document",
            use=operation.use,
            one_way=one_way,
            input=parameters,
            headers=self._headers(operation.input),
            output=() if one_way else self._body(operation.output)[0],
            output_element="" if one_way else _output_element(operation),
            required_choices=choices,
        )

    def _body(self, message: Any) -> Parameters:
        """What `Operation.create` takes: the members of the body's type, or the one value of a simple body."""
        if message is None or message.body is None:
            return (), ()
        body = message.body
        if isinstance(body.type, ComplexType) and not body.type._array_type:
            return self._table.members(body.type)
        # The names of the arguments of a simple type, of an array and of a type of its own, in this order.
        name = "items" if isinstance(body.type, ComplexType) else "value"
        value = self._table.parameter(name, body)
        place = Place.CONTENT if isinstance(body.type, AnySimpleType) else value.place
        return (replace(value, place=place),), ()

    def _headers(self, message: Any) -> tuple[Parameter, ...]:
        """The declared ones. None of them must be given: a WSDL does not say which ones a server insists on."""
        if message.header is None:
            return ()
        found, _ = self._table.members(message.header.type)
        return tuple(replace(each, min_occurs=0) for each in found)


def _output_element(operation: Any) -> str:
    if operation.style == "rpc":
        return f"{operation.name}Response"
    message = operation.output
    if message is None or message.body is None:
        return ""
    body = message.body
    if message._is_body_wrapped:
        body = body.type.elements[0][1]
    return str(body.name)
