"""A WSDL as large as they come is described, however long the paths through its types are."""

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.description import read_description
from tests.support.wsdls import envelope, texts


def _large(types: int, operations: int) -> str:
    """Types in a circle, so that the longest path through them is as long as there are types."""
    schema = "".join(
        f'<xs:complexType name="T{n}"><xs:sequence><xs:element name="text" type="tns:S{n % 50}"/>'
        f'<xs:element name="next" type="tns:T{(n + 1) % types}" minOccurs="0"/></xs:sequence></xs:complexType>'
        for n in range(types)
    )
    schema += "".join(
        f'<xs:simpleType name="S{n}"><xs:restriction base="xs:string"><xs:maxLength value="{n}"/></xs:restriction>'
        "</xs:simpleType>"
        for n in range(50)
    )
    schema += "".join(
        f'<xs:element name="Do{n}"><xs:complexType><xs:sequence><xs:element name="it" type="tns:T{n}"/></xs:sequence>'
        f'</xs:complexType></xs:element><xs:element name="Done{n}"><xs:complexType/></xs:element>'
        for n in range(operations)
    )
    messages = "".join(
        f'<wsdl:message name="Do{n}"><wsdl:part name="p" element="tns:Do{n}"/></wsdl:message>'
        f'<wsdl:message name="Done{n}"><wsdl:part name="p" element="tns:Done{n}"/></wsdl:message>'
        for n in range(operations)
    )
    port_type = "".join(
        f'<wsdl:operation name="Do{n}"><wsdl:documentation>{"What it does. " * 60}</wsdl:documentation>'
        f'<wsdl:input message="tns:Do{n}"/><wsdl:output message="tns:Done{n}"/></wsdl:operation>'
        for n in range(operations)
    )
    binding = "".join(
        f'<wsdl:operation name="Do{n}"><soap:operation soapAction="urn:crm/Do{n}"/><wsdl:input>'
        '<soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>'
        for n in range(operations)
    )
    return (
        '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:tns="urn:crm" targetNamespace="urn:crm"><wsdl:types>'
        f'<xs:schema targetNamespace="urn:crm">{schema}</xs:schema></wsdl:types>{messages}'
        f'<wsdl:portType name="P">{port_type}</wsdl:portType><wsdl:binding name="B" type="tns:P">'
        f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>{binding}</wsdl:binding>'
        '<wsdl:service name="S"><wsdl:port name="P" binding="tns:B"/></wsdl:service></wsdl:definitions>'
    )


def test_a_wsdl_of_four_megabytes_is_described():
    bundle = texts(root=_large(types=4_000, operations=2_000))
    assert bundle.size_bytes > 3_500_000
    document = parse_bundle(bundle)
    described = describe(document)
    assert (len(described.types), len(described.binding("B").operations), described.notes) == (4_000, 2_000, ())
    assert read_description(described.as_document()) == described
    assert envelope(document, "Do7", it={"text": "a", "next": {"text": "b"}}) == (
        "<q_Do7><it><text>a</text><next><text>b</text></next></it></q_Do7>"
    )
