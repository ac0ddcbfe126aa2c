"""What is relied on of zeep that its documentation does not promise: a release that changes it fails here, by sentence.

Everything here is zeep's own; ours is built on it in `dispatcher/adapters/soap`.
"""

import logging
from typing import Any

import pytest
from lxml import etree
from zeep import Client, Settings, xsd
from zeep.exceptions import LookupError as ZeepLookupError
from zeep.exceptions import NamespaceError
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding
from zeep.wsdl.wsdl import Definition
from zeep.xsd.const import AUTO_IMPORT_NAMESPACES
from zeep.xsd.elements.references import RefAttribute, RefElement, RefGroup
from zeep.xsd.types.builtins import BuiltinType
from zeep.xsd.types.unresolved import UnresolvedCustomType, UnresolvedType
from zeep.xsd.visitor import SchemaVisitor, tags

from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS
from tests.support.wsdls import BASE, FOLDER, around

SCHEMA = """<xs:element name="Call"><xs:complexType><xs:sequence><xs:element name="a" type="tns:T"/>
<xs:choice><xs:element name="b" type="xs:int"/><xs:any/></xs:choice>
<xs:sequence maxOccurs="2"><xs:element name="c" type="xs:int"/></xs:sequence></xs:sequence>
<xs:attribute name="a" type="xs:int"/></xs:complexType></xs:element>
<xs:complexType name="T"><xs:sequence><xs:element name="t" type="tns:S"/></xs:sequence></xs:complexType>
<xs:complexType name="D"><xs:complexContent><xs:extension base="tns:T"><xs:sequence><xs:element name="d" type="tns:M"/>
</xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="M"><xs:simpleContent><xs:extension base="xs:int"><xs:attribute name="m"/></xs:extension>
</xs:simpleContent></xs:complexType>
<xs:simpleType name="S"><xs:restriction base="xs:string"><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
<xs:simpleType name="L"><xs:list itemType="tns:S"/></xs:simpleType>
<xs:simpleType name="U"><xs:union memberTypes="tns:S xs:int"/></xs:simpleType>"""


class Given:
    """What zeep takes for a transport."""

    def __init__(self, root: str | bytes, **more: Any) -> None:
        self.root = root if isinstance(root, bytes) else root.encode()
        self.asked: list[str] = []
        vars(self).update(more)

    def load(self, url: str) -> bytes:
        self.asked.append(url)
        return KNOWN_SCHEMAS.get(url, self.root)


def document(root: str | bytes = around(SCHEMA), **more: Any) -> Document:
    return Document(BASE, Given(root, **more), settings=Settings(strict=True))


@pytest.fixture(scope="module")
def parsed() -> Document:
    return document()


def of_file(name: str) -> Document:
    return document((FOLDER / name).read_bytes())


def test_an_object_with_load_is_transport_enough_and_is_asked_for_absolute_urls():
    transport = Given(around(SCHEMA))
    Document(BASE, transport, settings=Settings())
    assert transport.asked == [BASE]


def test_a_transport_may_name_the_bindings_that_are_looked_for():
    post = b'<wsdl:port name="LeadsPost" binding="tns:LeadsHttpPost"/>'
    text = (FOLDER / "wrapped.wsdl").read_bytes().replace(post, b"")
    assert set(document(text).services["LeadService"].ports) >= {"LeadsPort", "LeadsPort12", "LeadsGet"}
    only_1_1 = document(text, binding_classes=[Soap11Binding])
    assert set(only_1_1.services["LeadService"].ports) == {"LeadsPort", "LeadsAgain"}


def test_an_envelope_is_built_without_being_sent():
    found = of_file("headers.wsdl")
    client = Client(found, transport=found.transport)
    port = found.services["Notifier"].ports["Notifier"]
    envelope, headers = port.binding._create("Notify", (), {"number": "1"}, client=client, options=port.binding_options)
    assert etree.QName(envelope).localname == "Envelope"
    assert headers["SOAPAction"] == '"urn:headers/Notify"'


def test_a_definition_reads_its_parts_by_methods_that_may_be_overridden():
    called = []

    class Listening(Definition):
        def parse_imports(self, doc: Any) -> None:
            called.append("imports")

        def parse_types(self, doc: Any) -> None:
            called.append("types")

        def parse_messages(self, doc: Any) -> Any:
            called.append("messages")
            return {}

        def parse_ports(self, doc: Any) -> Any:
            called.append("ports")
            return {}

        def parse_binding(self, doc: Any) -> Any:
            called.append("binding")
            return {}

        def parse_service(self, doc: Any) -> Any:
            called.append("service")
            return {}

    Listening(document(), etree.fromstring(around("")), BASE)
    assert called == ["imports", "types", "messages", "ports", "binding", "service"]


def test_a_definition_raises_an_index_error_for_what_is_not_there(parsed: Document):
    (definition,) = parsed._definitions.values()
    with pytest.raises(IndexError):
        definition.get("messages", "{urn:crm}Gone")


def test_a_visitor_looks_its_functions_up_by_tag_in_a_table_of_its_own():
    class Counting(SchemaVisitor):
        seen: list[str] = []  # noqa: RUF012

        def visit_element(self, node: Any, parent: Any) -> Any:
            self.seen.append(node.get("name"))
            return super().visit_element(node, parent)

        visitors = {**SchemaVisitor.visitors, tags.element: visit_element}  # noqa: RUF012

    schema = xsd.Schema()
    found = schema.create_new_document(None, BASE, target_namespace="urn:crm")
    node = '<s xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="urn:crm"><xs:element name="x" type="xs:int"/></s>'
    (element,) = etree.fromstring(node)
    Counting(schema, found).process(element, etree.Element(tags.schema))
    assert Counting.seen == ["x"]
    assert set(found._elements) == {"{urn:crm}x"}


def test_a_schema_document_registers_by_names_with_their_namespace(parsed: Document):
    (found,) = parsed.types.documents.get_by_namespace("urn:crm", False)
    assert set(found._types) == {f"{{urn:crm}}{name}" for name in "TDMSLU"}
    assert set(found._elements) == {"{urn:crm}Call"}
    assert (found._groups, found._attribute_groups, found._resolved, found._is_internal) == ({}, {}, True, False)


def test_references_know_what_they_refer_to():
    schema, name = xsd.Schema(), etree.QName("urn:crm", "x")
    assert (UnresolvedType(name, schema).qname, UnresolvedType(name, schema).schema) == (name, schema)
    assert UnresolvedCustomType(name, xsd.String(), schema).base_type == xsd.String()
    assert issubclass(RefGroup, RefElement)
    assert issubclass(RefAttribute, RefElement)
    assert (RefElement("t", name, schema)._ref, RefElement("t", name, schema)._schema) == (name, schema)


def test_what_is_not_defined_is_told_by_two_exceptions_of_zeep_s_own(parsed: Document):
    with pytest.raises(ZeepLookupError) as missing:
        parsed.types.get_type("{urn:crm}Gone")
    assert (missing.value.qname.text, missing.value.item_name) == ("{urn:crm}Gone", "type")
    with pytest.raises(NamespaceError):
        parsed.types.get_type("{urn:gone}Gone")


def test_a_complex_type_lists_its_parts_by_the_names_that_it_takes(parsed: Document):
    type_ = parsed.types.get_element("{urn:crm}Call").type
    ((name, content),) = type_.elements_nested
    assert (name, type(content), content.accepts_multiple) == ("_value_1", xsd.Sequence, False)
    assert [(name, type(part).__name__) for name, part in content.elements_nested] == [
        ("a", "Element"),
        (None, "Choice"),
        ("_value_1", "Sequence"),
    ]
    assert [name for name, _ in content.elements_nested[1][1].elements_nested] == ["b", "_value_1"]
    assert [name for name, _ in type_.attributes] == ["attr__a"]
    assert type_._element is content


def test_the_text_of_a_simple_content_is_an_element_of_its_own_name(parsed: Document):
    ((name, content),) = parsed.types.get_type("{urn:crm}M").elements_nested
    assert (name, type(content).__name__, content.attr_name) == ("_value_1", "Element", "_value_1")


def test_an_extension_knows_the_types_that_it_stands_in_for(parsed: Document):
    derived = parsed.types.get_type("{urn:crm}D")
    assert [each._xsd_type.qname.text for each in derived._extension_types if hasattr(each, "_xsd_type")] == [
        "{urn:crm}T"
    ]


def test_an_array_has_the_type_of_its_items_and_takes_a_list():
    text = (FOLDER / "rpc.wsdl").read_bytes().replace(b"apache:Map", b"xs:string")
    numbers = document(text).types.get_type("{urn:rpc}NameValueList")
    assert numbers._array_type.array_type.qname.text == "{urn:rpc}NameValue"
    assert list(numbers(items=[1, 2])) == [1, 2]


def test_simple_types_know_their_built_in_type_and_what_they_are_made_of(parsed: Document):
    assert parsed.types.get_type("{urn:crm}S")._default_qname.localname == "string"
    assert parsed.types.get_type("{urn:crm}L").item_type.name == "S"
    union = parsed.types.get_type("{urn:crm}U")
    assert ([each.name for each in union.item_types], union.item_class) == (["S", "int"], BuiltinType)
    assert xsd.String()(value="x") == "x"
    assert xsd.AnyType()(value="x") == "x"


def test_an_operation_knows_its_messages_its_action_and_its_style():
    binding = of_file("headers.wsdl").services["Notifier"].ports["Notifier"].binding
    operation = binding.all()["Notify"]
    assert binding._operations is binding.all()
    assert (operation.soapaction, operation.style) == ("urn:headers/Notify", "document")
    assert operation.abstract.input_message.name.localname == "NotifyIn"
    assert operation.abstract.output_message is None
    assert [name for name, _ in operation.input.header.type.elements] == ["session", "limit"]
    assert (operation.input.body.name, operation.input._is_body_wrapped) == ("Notify", False)


def test_zeep_still_forgets_facets(parsed: Document):
    assert not hasattr(parsed.types.get_type("{urn:crm}S"), "facets")


def test_zeep_still_drops_a_lone_zero_of_a_choice():
    element = xsd.Element("e", xsd.ComplexType(xsd.Choice([xsd.Element("a", xsd.Int()), xsd.Element("b", xsd.Int())])))
    assert list(element(a=0)) == []
    assert list(element(a=1)) == ["a", "b"]


def test_zeep_asks_for_soap_s_encoding_by_its_namespace():
    assert AUTO_IMPORT_NAMESPACES == ["http://schemas.xmlsoap.org/soap/encoding/"]


def test_every_logger_of_zeep_s_is_below_one():
    loggers = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "zeep"]
    assert len(loggers) > 10
    assert {logging.getLogger(name).level for name in loggers if name != "zeep"} == {logging.NOTSET}
