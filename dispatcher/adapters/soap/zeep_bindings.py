"""SOAP bindings that lose one operation where zeep loses the whole WSDL, say so, and keep what zeep forgets of each."""

from typing import Any

from lxml import etree
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding

from dispatcher.adapters.soap.zeep_reasons import FAILURES, Undefined, reason_of

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP_NAMESPACES = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")


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
            reason = _why_not(operation, definitions)
            if reason:
                del self._operations[name]
                _leaves_out(self.wsdl, f"The operation {name} of {self.name.localname} was left out: {reason}.")

    @classmethod
    def parse(cls: Any, definitions: Any, xmlelement: Any) -> Any:
        """A binding with its operations, each of which has `use`: that of its input's body."""
        binding = super().parse(definitions, xmlelement)  # type: ignore[misc]  # of the binding it is mixed into
        for node in xmlelement.iterchildren(f"{WSDL}operation"):
            bodies = (each for each in node.iterfind(f"{WSDL}input//{{*}}body") if _is_soap(each))
            operation = binding._operations[node.get("name")]
            operation.use = next((each.get("use", "literal") for each in bodies), "literal")
        names = [each.get("name") for each in xmlelement.iterchildren(f"{WSDL}operation")]
        for name in sorted({each for each in names if names.count(each) > 1} if len(set(names)) < len(names) else ()):
            _leaves_out(
                definitions.wsdl,
                f"The binding {binding.name.localname} has several operations named {name}: only the last is there.",
            )
        return binding


def _why_not(operation: Any, definitions: Any) -> str | None:
    """Why an operation cannot be called, after resolving it; None for one that can."""
    port_type = operation.binding.port_type
    if operation.name not in port_type.operations:
        missing = definitions.wsdl.missing.get((port_type.name.text, operation.name))
        return missing or f"the port type {port_type.name.localname} has no such operation"
    try:
        operation.resolve(definitions)
    except FAILURES as error:
        return reason_of(error)
    if operation.input is None or operation.abstract.input_message is None:
        return "it takes no input"
    return None


class LenientSoap11(_Lenient, Soap11Binding):
    """SOAP 1.1."""


class LenientSoap12(_Lenient, Soap12Binding):
    """SOAP 1.2."""


BINDINGS = [LenientSoap11, LenientSoap12]
"""What zeep is to look for; ports of all other bindings are not there for it."""


def _is_soap(node: Any) -> bool:
    return etree.QName(node).namespace in SOAP_NAMESPACES
