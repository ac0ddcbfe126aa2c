"""The definitions of one WSDL file, by zeep, which lose one operation where zeep loses the whole WSDL, and say so."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lxml import etree
from zeep import exceptions
from zeep.loader import absolute_location
from zeep.utils import qname_attr
from zeep.wsdl import parse
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding
from zeep.wsdl.wsdl import Definition

from dispatcher.adapters.soap.schema_visitor import documentation_of

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_HTTP_BINDING = "{http://schemas.xmlsoap.org/wsdl/http/}binding"
_SOAP_NAMESPACES = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")
_QUOTED = re.compile(r"'(\{[^']*\}[^']*|[^']+)'")

FAILURES = (exceptions.Error, LookupError, AttributeError, ValueError, TypeError, AssertionError, NotImplementedError)
"""What zeep raises over a message or an operation that the WSDL does not define properly."""


class Undefined(IndexError):
    """A message, port type or binding that no WSDL of the bundle defines."""

    def __init__(self, kind: str, key: str) -> None:
        """`kind` in zeep's plural (`port_types`), `key` is the name with its namespace in braces."""
        words = {"port_types": "port type", "messages": "message", "bindings": "binding"}
        super().__init__(f"it names the {words.get(kind, kind)} {key}, which nothing in it defines")


@dataclass(frozen=True, slots=True)
class DeclaredPort:
    """A port as the WSDL has it, callable or not."""

    service: str
    name: str
    binding: str
    """With its namespace in braces."""
    address: str | None


def _leaves_out(wsdl: Any, sentence: str) -> None:
    if sentence not in wsdl.left_out:
        wsdl.left_out.append(sentence)


class _Lenient:
    """A binding that leaves out what it cannot resolve, with a sentence, and keeps `use`."""

    def resolve(self: Any, definitions: Any) -> None:
        """Resolves the port type and every operation."""
        try:
            self.port_type = definitions.get("port_types", self.port_name.text)
        except Undefined as error:
            _leaves_out(self.wsdl, f"The binding {self.name.localname} cannot be used: {error}.")
            self._operations.clear()
            return
        for name, operation in list(self._operations.items()):
            try:
                operation.resolve(definitions)
                if operation.input is None:
                    raise exceptions.IncompleteOperation("it takes no input")
            except FAILURES as error:
                del self._operations[name]
                reason = definitions.missing.get((self.port_name.text, name)) or reason_of(error)
                _leaves_out(self.wsdl, f"The operation {name} of {self.name.localname} was left out: {reason}.")

    @classmethod
    def parse(cls: Any, definitions: Any, xmlelement: Any) -> Any:
        """A binding with its operations, each of which has `use`: that of its input's body."""
        binding = super().parse(definitions, xmlelement)  # type: ignore[misc]  # of the binding it is mixed into
        for node in xmlelement.iterchildren(f"{_WSDL}operation"):
            bodies = (each for each in node.iterfind(f"{_WSDL}input//{{*}}body") if _is_soap(each))
            operation = binding._operations[node.get("name")]
            operation.use = next((each.get("use", "literal") for each in bodies), "literal")
        names = [each.get("name") for each in xmlelement.iterchildren(f"{_WSDL}operation")]
        for name in sorted({each for each in names if names.count(each) > 1} if len(set(names)) < len(names) else ()):
            _leaves_out(
                definitions.wsdl,
                f"The binding {binding.name.localname} has several operations named {name}: only the last is there.",
            )
        return binding


class LenientSoap11(_Lenient, Soap11Binding):
    """SOAP 1.1."""


class LenientSoap12(_Lenient, Soap12Binding):
    """SOAP 1.2."""


BINDINGS = [LenientSoap11, LenientSoap12]
"""What zeep is to look for; ports of all other bindings are not there for it."""


class WsdlDefinition(Definition):
    """One WSDL file."""

    def __init__(self, wsdl: Any, doc: Any, location: str) -> None:
        """`wsdl` is the document that this is read for, `doc` the root element."""
        self.missing: dict[tuple[str, str], str] = {}
        wsdl.by_location[location] = self
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
        for node in doc.iterchildren(f"{_WSDL}import"):
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
        for node in doc.iterchildren(f"{_WSDL}message"):
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
        for node in doc.iterchildren(f"{_WSDL}portType"):
            port_type: Any = parse.parse_port_type(self, node)
            name = port_type.name
            found[name.text] = port_type
            for each in node.iterchildren(f"{_WSDL}operation"):
                operation = port_type.operations.get(each.get("name"))
                if operation is None:
                    self.missing[name.text, each.get("name")] = self._why_missing(each)
                else:
                    operation.documentation = documentation_of(each)
        return found

    def _why_missing(self, operation: Any) -> str:
        for each in operation.iterchildren(f"{_WSDL}input", f"{_WSDL}output", f"{_WSDL}fault"):
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
        for node in doc.iterchildren(f"{_WSDL}binding"):
            name = qname_attr(node, "name", self.target_namespace)
            if name is not None:
                self.wsdl.binding_kinds[name.text] = _kind(node)
        found: dict[str, Any] = super().parse_binding(doc)
        return found

    def parse_service(self, doc: Any) -> Any:
        """The services by name; every port is noted, also those that zeep will not have."""
        for service in doc.iterchildren(f"{_WSDL}service"):
            for port in service.iterchildren(f"{_WSDL}port"):
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


def reason_of(error: BaseException) -> str:
    """What a failure of zeep comes to, as a part of a sentence."""
    qname, kind = getattr(error, "qname", None), getattr(error, "item_name", None)
    if qname is None and error.__context__ is not None and isinstance(error, exceptions.LookupError):
        # zeep raises it once more, without saying of what.
        return reason_of(error.__context__)
    if qname is not None and kind is not None:
        what = {"attributeGroup": "attribute group"}.get(kind, kind)
        owner = "no schema is there for its namespace" if _is_namespace_error(error) else "no schema of it defines"
        text = qname.text if hasattr(qname, "text") else str(qname)
        if _is_namespace_error(error):
            return f"it names the {what} {text}, but {owner}"
        return f"it names the {what} {text}, which {owner}"
    if isinstance(error, Undefined | exceptions.Error) and str(error):
        return str(error).strip().rstrip(".")
    if isinstance(error, KeyError):
        return f"it names {error.args[0] if error.args else 'something'}, which is not there"
    if isinstance(error, RecursionError):
        return "its definitions contain each other without end"
    if isinstance(error, NotImplementedError) and "schemaLocation" in str(error):
        return "an include names no document"
    if isinstance(error, ValueError) and (tag := _QUOTED.search(str(error))):
        return f"it has {tag[1]} where no such element can be"
    return "it is no WSDL that can be understood"


def _is_namespace_error(error: BaseException) -> bool:
    return isinstance(error, exceptions.NamespaceError)


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
    soap = next(binding.iterchildren(*(f"{{{each}}}binding" for each in _SOAP_NAMESPACES)), None)
    if soap is not None:
        return f"SOAP over {soap.get('transport') or 'a transport that it does not name'}"
    return "no SOAP binding"


def _is_soap(node: Any) -> bool:
    return etree.QName(node).namespace in _SOAP_NAMESPACES


def addresses(ports: Iterable[DeclaredPort]) -> dict[tuple[str, str], str | None]:
    """The address of each port, by service and port."""
    return {(each.service, each.name): each.address for each in ports}
