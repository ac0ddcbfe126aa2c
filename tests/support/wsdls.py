"""Hand-made WSDLs: files of `tests/wsdls`, and schemas that a test writes itself, put into a WSDL around them."""

from pathlib import Path
from typing import Any

from lxml import etree
from zeep import Client

from dispatcher.adapters.soap.zeep_document import WsdlDocument, parse_bundle
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import Parameter, Shape, SimpleType

FOLDER = Path(__file__).parent.parent / "wsdls"
BASE = "http://crm.example/"
TNS = "urn:crm"

_AROUND = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="urn:crm" targetNamespace="urn:crm">
<wsdl:types><xs:schema targetNamespace="urn:crm" elementFormDefault="qualified">{schema}</xs:schema></wsdl:types>
<wsdl:message name="CallIn"><wsdl:part name="parameters" element="tns:Call"/></wsdl:message>
<wsdl:portType name="Calls"><wsdl:operation name="Call"><wsdl:input message="tns:CallIn"/></wsdl:operation>
</wsdl:portType>
<wsdl:binding name="CallsSoap" type="tns:Calls"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
 <wsdl:operation name="Call"><soap:operation soapAction="urn:crm/Call"/>
 <wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation></wsdl:binding>
<wsdl:service name="Crm"><wsdl:port name="CallsPort" binding="tns:CallsSoap">
 <soap:address location="http://crm.example/soap"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""


def files(root: str, *others: str) -> Bundle:
    """A bundle of files, each at `http://crm.example/` and its name."""
    return Bundle(BASE + root, {BASE + name: (FOLDER / name).read_bytes() for name in (root, *others)})


def texts(**documents: str) -> Bundle:
    """A bundle of what a test writes: `root` is the WSDL, any other is `http://crm.example/NAME.xsd`."""
    root = documents.pop("root")
    found = {f"{BASE}{name}.xsd": text.encode() for name, text in documents.items()}
    return Bundle(BASE + "root.wsdl", {BASE + "root.wsdl": root.encode(), **found})


def around(schema: str) -> str:
    """A WSDL with one one-way operation, `Call`, whose body is the element `tns:Call` of a schema (`xs:`, `tns:`)."""
    return _AROUND.format(schema=schema)


def call(content: str, more: str = "") -> Bundle:
    """A WSDL whose `Call` takes the content of a complex type; `more` stands beside it in the schema."""
    return texts(root=around(f'<xs:element name="Call"><xs:complexType>{content}</xs:complexType></xs:element>{more}'))


def plain(name: str, base: str, **more: Any) -> Parameter:
    """A parameter of a built-in type."""
    return Parameter(name, f"xsd:{base}", Shape.SIMPLE, simple=SimpleType(f"xsd:{base}", base), **more)


def nested(name: str, type_: str, index: int, **more: Any) -> Parameter:
    """A parameter of a complex type, by its index."""
    return Parameter(name, type_, Shape.OBJECT, object=index, **more)


def envelope(document: WsdlDocument | Bundle, operation: str, **arguments: Any) -> str:
    """What zeep builds into header and body, as canonical XML; a name that has a namespace begins with `q_`."""
    if isinstance(document, Bundle):
        document = parse_bundle(document)
    ports = [port for service in document.services.values() for port in service.ports.values()]
    binding = next(port.binding for port in ports if operation in port.binding.all())
    client = Client(document, transport=document.transport, settings=document.settings)
    built, _ = binding._create(operation, (), arguments, client=client, options={"address": "http://crm.example/"})
    return "".join(_without_namespaces(each) for part in built for each in part)


def _without_namespaces(element: Any) -> str:
    for each in element.iter():
        name = etree.QName(each)
        each.tag = f"q_{name.localname}" if name.namespace else name.localname
    etree.cleanup_namespaces(element)
    return etree.tostring(element, method="c14n2", strip_text=True).decode()
