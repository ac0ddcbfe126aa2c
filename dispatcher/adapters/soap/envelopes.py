"""Envelopes, built by zeep from values that have been found to fit, and replies, read by it.

zeep's names with an underscore are used in few files, of which this is one; a contract test says what is relied upon.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, assert_never

from lxml import etree
from zeep import xsd
from zeep.helpers import serialize_object

from dispatcher.adapters.soap.bounded_replies import bounded_copy
from dispatcher.adapters.soap.json_values import jsonable, raw_fields
from dispatcher.adapters.soap.namespaces import ENVELOPE, SOAP_ENCODING, XSI
from dispatcher.adapters.soap.xml_fragments import NoFragment, elements_of
from dispatcher.domain.soap.choosing import Chosen
from dispatcher.domain.soap.description import Description, Parameter, Shape, SoapVersion
from dispatcher.domain.soap.filling import NIL, Typed, ValueRefused

_XSD = "{http://www.w3.org/2001/XMLSchema}"


class CannotBuild(Exception):
    """zeep would not build the message; the text is the kind of its error, which says nothing of the values."""


class ParsedWsdl:
    """A WSDL as zeep holds it. Nothing in it changes, so that threads may share it: there is no client, no session, no
    header and no time-out in it."""

    def __init__(self, document: Any, description: Description) -> None:
        self._document, self._types = document, description.types

    def build(self, chosen: Chosen, values: Mapping[str, Any], headers: Mapping[str, Any], blocks: str) -> bytes:
        """The envelope with these values, as `filling.fill` gave them, of parameters and declared headers; `blocks` are
        further header blocks, as XML. Raises `CannotBuild`, and `ValueRefused` for XML that is none."""
        try:
            arguments = self._members(values, chosen.operation.input, "request.parameters")
            declared = self._members(headers, chosen.operation.headers, "request.headers")
            envelope = self._operation(chosen).create(**arguments, _soapheaders=declared or None).content
        except ValueRefused:
            raise
        except Exception as error:  # noqa: BLE001
            # zeep raises whatever it comes upon, down to AttributeError; its texts quote the values.
            raise CannotBuild(type(error).__name__) from None
        if blocks:
            _add_blocks(envelope, chosen.binding.soap_version, blocks)
        if chosen.operation.use == "encoded":
            self._mark_encoded(envelope, chosen)
        return bytes(etree.tostring(envelope, encoding="utf-8", xml_declaration=True))

    def fields(self, chosen: Chosen, body: Any) -> Any:
        """What a reply's body holds, as JSON values by name: with the types of the WSDL where zeep can read it, else as
        texts. (zeep refuses valid replies with an `xsd:choice`: issues 802, 1255 and 1263.)"""
        try:
            read = self._operation(chosen).output._deserialize_body(bounded_copy(body))["body"]  # noqa: SLF001 - see above
            return jsonable(serialize_object(read, dict))  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - as in build; a target that has taken the message is not asked again for that
            return raw_fields(body)

    def _operation(self, chosen: Chosen) -> Any:
        binding = self._document.services[chosen.service.name].ports[chosen.port.name].binding
        return binding.get(chosen.operation.name)

    # --- our values as zeep's

    def _members(self, values: Mapping[str, Any], parameters: Sequence[Parameter], at: str) -> dict[str, Any]:
        by_name = {parameter.name: parameter for parameter in parameters}
        return {name: self._value(value, by_name[name], f"{at}.{name}") for name, value in values.items()}

    def _value(self, value: Any, parameter: Parameter, at: str) -> Any:
        if type(value) is list and parameter.repeated:
            items = [self._one(each, parameter, f"{at}[{index}]") for index, each in enumerate(value)]
            return [each for item in items for each in item] if parameter.shape is Shape.XML else items
        one = self._one(value, parameter, at)
        if parameter.shape is not Shape.XML or parameter.repeated:
            return one
        if len(one) > 1:
            raise ValueRefused(at, "one XML element")
        return one[0] if one else None

    def _one(self, value: Any, parameter: Parameter, at: str) -> Any:
        if value is NIL:
            return xsd.Nil
        match parameter.shape:
            case Shape.SIMPLE:
                return value
            case Shape.ANY_TYPE:
                return self._any(value)
            case Shape.XML:
                try:
                    return elements_of(value)
                except NoFragment as refused:
                    raise ValueRefused(at, f"XML elements, but there is {refused}") from None
            case Shape.OBJECT:
                return self._object(value, parameter, at)
        assert_never(parameter.shape)

    def _object(self, value: Any, parameter: Parameter, at: str) -> Any:
        if isinstance(value, Typed):
            derived = self._types[value.index]
            return self._zeep_type(derived.name)(**self._members(value.values, derived.parameters, at))
        assert parameter.object is not None
        return self._members(value, self._types[parameter.object].parameters, at)

    def _any(self, value: Any) -> Any:
        name = {bool: "boolean", int: "integer", float: "double"}.get(type(value), "string")
        return xsd.AnyObject(self._document.types.get_type(_XSD + name), value)  # type: ignore[no-untyped-call]

    def _zeep_type(self, name: str) -> Any:
        """By its shown name, which has a namespace where the local name alone would mean several types."""
        return self._document.types.get_type(name) if name.startswith("{") else self._by_local_name[name]

    @cached_property
    def _by_local_name(self) -> dict[str, Any]:
        return {each.qname.localname: each for each in self._document.types.types if each.qname is not None}

    def _mark_encoded(self, envelope: Any, chosen: Chosen) -> None:
        """What rpc/encoded asks for and zeep leaves out (issues 843 and 521): the encoding, and the type of each part
        (SOAP 1.1, 5.1; SOAP 1.2 part 2, 3.1.4)."""
        version = chosen.binding.soap_version
        body = envelope.find(f"{{{ENVELOPE[version]}}}Body")
        message: Any = self._operation(chosen).input
        parts: dict[str, Any] = dict(message.body.type.elements)
        for wrapper in body:
            wrapper.set(f"{{{ENVELOPE[version]}}}encodingStyle", SOAP_ENCODING[version])
            for part in wrapper:
                type_ = getattr(parts.get(etree.QName(part).localname), "type", None)
                if type_ is not None and type_.qname is not None and f"{{{XSI}}}type" not in part.attrib:
                    part.set(f"{{{XSI}}}type", type_.qname)


def _add_blocks(envelope: Any, version: SoapVersion, blocks: str) -> None:
    tag = f"{{{ENVELOPE[version]}}}Header"
    header = envelope.find(tag)
    if header is None:
        header = etree.Element(tag)
        envelope.insert(0, header)
    try:
        header.extend(elements_of(blocks))
    except NoFragment as refused:
        raise ValueRefused("request.header_xml", f"XML elements, but there is {refused}") from None
