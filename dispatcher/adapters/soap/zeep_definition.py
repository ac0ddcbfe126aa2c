"""The definitions of one WSDL file, by zeep, with what zeep drops: documentation, ports of other kinds, and reasons."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lxml import etree
from zeep import exceptions
from zeep.loader import absolute_location
from zeep.utils import qname_attr
from zeep.wsdl import parse
from zeep.wsdl.wsdl import Definition

from dispatcher.adapters.soap.schema_visitor import documentation_of
from dispatcher.adapters.soap.zeep_bindings import SOAP_NAMESPACES, WSDL
from dispatcher.adapters.soap.zeep_reasons import Undefined, reason_of
from dispatcher.domain.soap.bundle import WsdlRefused

_HTTP_BINDING = "{http://schemas.xmlsoap.org/wsdl/http/}binding"

_NEEDS = {
    f"{WSDL}message": ("name",),
    f"{WSDL}portType": ("name",),
    f"{WSDL}operation": ("name",),
    f"{WSDL}binding": ("name", "type"),
    f"{WSDL}service": ("name",),
    f"{WSDL}port": ("name", "binding"),
}
"""Attributes without which zeep fails, and says nothing of use."""


@dataclass(frozen=True, slots=True)
class DeclaredPort:
    """A port as the WSDL has it, callable or not."""

    service: str
    name: str
    binding: str
    """With its namespace in braces."""
    address: str | None


class WsdlDefinition(Definition):
    """One WSDL file."""

    def __init__(self, wsdl: Any, doc: Any, location: str) -> None:
        """`wsdl` is the document that this is read for, `doc` the root element."""
        wsdl.by_location[location] = self
        for node in doc.iter(*_NEEDS):
            for attribute in _NEEDS[node.tag]:
                if not (node.get(attribute) or "").strip():
                    what = etree.QName(node).localname
                    raise WsdlRefused(f"The {what} on line {node.sourceline} of {location} has no {attribute}")
        super().__init__(wsdl, doc, location)

    def get(self, name: str, key: str, _processed: Any = None) -> Any:
        """A message, port type or binding of this file or of one it imports. Raises `Undefined`."""
        try:
            return super().get(name, key, _processed)
        except Undefined:
            raise
        except IndexError:
            raise Undefined(name, key) from None

    def parse_imports(self, doc: Any) -> None:
        """Reads what this file imports: WSDLs, and schemas, which some import in the same way."""
        for node in doc.iterchildren(f"{WSDL}import"):
            location = (node.get("location") or "").strip()
            if not location:
                continue
            url = absolute_location(location, self.location)
            known = self.wsdl.by_location.get(url)
            if known is None:
                root = self.wsdl.read(url)
                if etree.QName(root).localname == "schema":
                    self.types.add_documents([root], url)
                    continue
                known = WsdlDefinition(self.wsdl, root, url)
            self.imports[node.get("namespace"), url] = known

    def parse_messages(self, doc: Any) -> dict[str, Any]:
        """The messages by name; those whose parts are not defined are noted and left out."""
        found = {}
        for node in doc.iterchildren(f"{WSDL}message"):
            try:
                message = parse.parse_abstract_message(self, node)
            except exceptions.IncompleteMessage as error:
                name = qname_attr(node, "name", self.target_namespace)
                self.wsdl.incomplete[name.text if name is not None else ""] = _missing_part(node, error)
            else:
                found[message.name.text] = message
        return found

    def parse_ports(self, doc: Any) -> dict[str, Any]:
        """The port types by name, their operations with documentation."""
        found = {}
        for node in doc.iterchildren(f"{WSDL}portType"):
            port_type: Any = parse.parse_port_type(self, node)
            name = port_type.name
            found[name.text] = port_type
            for each in node.iterchildren(f"{WSDL}operation"):
                operation = port_type.operations.get(each.get("name"))
                if operation is None:
                    self.wsdl.missing[name.text, each.get("name")] = self._why_missing(each)
                else:
                    operation.documentation = documentation_of(each)
        return found

    def _why_missing(self, operation: Any) -> str:
        for each in operation.iterchildren(f"{WSDL}input", f"{WSDL}output", f"{WSDL}fault"):
            name = qname_attr(each, "message", self.target_namespace)
            if name is not None and name.text in self.wsdl.incomplete:
                return str(self.wsdl.incomplete[name.text])
            try:
                self.get("messages", name.text if name is not None else "")
            except Undefined as error:
                return str(error)
        return "its messages are not defined"

    def parse_binding(self, doc: Any) -> dict[str, Any]:
        """The SOAP bindings by name; of each other binding, what it is."""
        for node in doc.iterchildren(f"{WSDL}binding"):
            name = qname_attr(node, "name", self.target_namespace)
            if name is not None:
                self.wsdl.binding_kinds[name.text] = _kind(node)
        found: dict[str, Any] = super().parse_binding(doc)
        return found

    def parse_service(self, doc: Any) -> Any:
        """The services by name; every port is noted, also those that zeep will not have."""
        for service in doc.iterchildren(f"{WSDL}service"):
            for port in service.iterchildren(f"{WSDL}port"):
                address = next((each.get("location") for each in port.iterchildren("{*}address")), None)
                binding = qname_attr(port, "binding", self.target_namespace)
                self.wsdl.declared_ports.append(
                    DeclaredPort(
                        service.get("name") or "",
                        port.get("name") or "",
                        "" if binding is None else binding.text,
                        address,
                    )
                )
        return super().parse_service(doc)


def _missing_part(message: Any, error: Exception) -> str:
    """Which type or element a message names that is not there."""
    cause = error.__context__
    if cause is not None and getattr(cause, "qname", None) is not None:
        return reason_of(cause)
    return f"its message {message.get('name') or 'without a name'} is not complete"


def _kind(binding: Any) -> str:
    """What a binding is, in words, where it is none that can be called."""
    if binding.find(_HTTP_BINDING) is not None:
        return f"HTTP {binding.find(_HTTP_BINDING).get('verb') or ''}".strip()
    soap = next(binding.iterchildren(*(f"{{{each}}}binding" for each in SOAP_NAMESPACES)), None)
    if soap is not None:
        return f"SOAP over {soap.get('transport') or 'a transport that it does not name'}"
    return "no SOAP binding"


def addresses(ports: Iterable[DeclaredPort]) -> dict[tuple[str, str], str | None]:
    """The address of each port, by service and port."""
    return {(each.service, each.name): each.address for each in ports}
