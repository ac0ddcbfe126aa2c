"""What a WSDL offers, as it is described: operations, parameters, notes. zeep takes every name that is shown."""

import json

import pytest

from dispatcher.adapters.soap.describe import NO_SERVICE, NOTHING_TO_CALL, ONLY_SCHEMAS, describe, describe_with_types
from dispatcher.adapters.soap.known_schemas import APACHE_SOAP, SOAP_ENCODING_1_1, SOAP_ENCODING_1_2
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import (
    Binding,
    ObjectType,
    Operation,
    Parameter,
    Place,
    Port,
    Service,
    Shape,
    SimpleType,
    SoapVersion,
    read_description,
)
from tests.support.wsdls import BASE, around, call, envelope, files, nested, plain, texts

IMPORTS = (
    "imports.wsdl",
    "imports/abstract.wsdl",
    "imports/types.xsd",
    "imports/shared/numbers.xsd",
    "imports/shared/other.xsd",
)
LEFT_OUT = "The operation {} of LostSoap was left out: {}."
ALL = [("wrapped.wsdl",), ("bare.wsdl",), ("rpc.wsdl",), ("headers.wsdl",), IMPORTS, ("left_out.wsdl",)]


def test_a_wrapped_operation_shows_the_members_of_its_wrapper():
    described = describe(parse_bundle(files("wrapped.wsdl")))
    operation = Operation(
        name="AddCall",
        documentation="Notes a call with its lead.",
        soap_action="urn:leads/AddCall",
        input=(
            plain("number", "string", documentation="Who called, in E.164."),
            plain("at", "dateTime"),
            plain("seconds", "int", min_occurs=0),
            plain("tags", "string", min_occurs=0, max_occurs=5),
        ),
        output=(plain("lead", "long"),),
        output_element="AddCallResponse",
    )
    assert described.bindings[0] == Binding("LeadsSoap", SoapVersion.V1_1, (operation,))
    assert described.types == ()
    assert envelope(files("wrapped.wsdl"), "AddCall", number="+1", at="2026-01-01T00:00:00Z", tags=["a", "b"]) == (
        "<q_AddCall><q_number>+1</q_number><q_at>2026-01-01T00:00:00Z</q_at><q_tags>a</q_tags><q_tags>b</q_tags></q_AddCall>"
    )


def test_each_port_has_its_version_and_its_address_and_http_ports_are_noted():
    described = describe(parse_bundle(files("wrapped.wsdl")))
    assert described.services == (
        Service(
            "LeadService",
            (
                Port("LeadsPort", "LeadsSoap", "https://leads.example/a"),
                Port("LeadsPort12", "LeadsSoap12", "https://leads.example/b"),
                Port("LeadsAgain", "LeadsSoap", None),
            ),
        ),
    )
    assert [(each.name, each.soap_version) for each in described.bindings] == [
        ("LeadsSoap", SoapVersion.V1_1),
        ("LeadsSoap12", SoapVersion.V1_2),
    ]
    assert described.binding("LeadsSoap12").operations[0].soap_action == "urn:leads/AddCall12"
    assert described.notes == (
        "The port LeadsGet cannot be called: its binding is HTTP GET.",
        "The port LeadsPost cannot be called: its binding is HTTP POST.",
    )


def _operations(*names: str) -> dict[str, Operation]:
    described = describe(parse_bundle(files(*names)))
    return {each.name: each for binding in described.bindings for each in binding.operations}


def test_a_bare_operation_shows_what_zeep_takes_for_its_body():
    operations = _operations("bare.wsdl")
    text = plain("value", "string", place=Place.CONTENT)
    assert (operations["Simple"].input, operations["Simple"].output) == (
        (text,),
        (plain("value", "boolean", place=Place.CONTENT),),
    )
    assert operations["Type"].input == (plain("seconds", "int"),)
    assert operations["Parts"].input == (plain("who", "string"), nested("what", "Call", 0))
    assert operations["Any"].input == (Parameter("value", "xsd:anyType", Shape.ANY_TYPE),)
    assert operations["Nothing"].input == ()
    assert [(each.name, each.one_way, each.output_element) for each in operations.values()] == [
        ("Simple", False, "found"),
        ("Type", False, ""),
        ("Parts", False, "number"),
        ("Any", True, ""),
        ("Nothing", True, ""),
    ]


@pytest.mark.parametrize(
    ("operation", "arguments", "body"),
    [
        ("Simple", {"value": "+1"}, "<q_number>+1</q_number>"),
        ("Type", {"seconds": 1}, "<call><q_seconds>1</q_seconds></call>"),
        (
            "Parts",
            {"who": "+1", "what": {"seconds": 2}},
            "<q_number>+1</q_number><q_call><q_seconds>2</q_seconds></q_call>",
        ),
        ("Any", {"value": "x"}, "<q_anything>x</q_anything>"),
        ("Nothing", {}, ""),
    ],
)
def test_zeep_takes_the_names_of_a_bare_body(operation: str, arguments: dict[str, object], body: str):
    assert envelope(files("bare.wsdl"), operation, **arguments) == body


def test_an_rpc_operation_shows_its_parts_and_arrays_as_lists_of_their_items():
    described = describe(parse_bundle(files("rpc.wsdl")))
    encoded, literal = described.binding("RpcSoap").operations
    assert encoded == Operation(
        name="set_entry",
        soap_action="urn:rpc#set_entry",
        style="rpc",
        use="encoded",
        input=(
            plain("session", "string"),
            nested("fields", "NameValue", 0, max_occurs=None),
            plain("numbers", "string", max_occurs=None),
            nested("options", "Map", 1),
        ),
        output=(nested("return", "NameValue", 0, max_occurs=None),),
        output_element="set_entryResponse",
    )
    assert (literal.style, literal.use, literal.output_element) == ("rpc", "literal", "addResponse")
    assert literal.input == (plain("number", "string"), nested("field", "NameValue", 0))
    encoded_text = Parameter("value", "string", Shape.SIMPLE, simple=SimpleType("string", "string"))
    anything = {"type": "xsd:anyType", "shape": Shape.ANY_TYPE, "nillable": True}
    assert described.types == (
        ObjectType("NameValue", (plain("name", "string"), encoded_text)),
        ObjectType("Map", (nested("item", "mapItem", 2, min_occurs=0, max_occurs=None),)),
        ObjectType("mapItem", (Parameter("key", **anything), Parameter("value", **anything))),
    )


def test_zeep_takes_a_plain_list_for_an_array():
    document = parse_bundle(files("rpc.wsdl"))
    fields = [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}]
    options = {"item": [{"key": "k", "value": 1}]}
    assert envelope(document, "set_entry", session="s", fields=fields, numbers=["1", "2"], options=options) == (
        "<q_set_entry><session>s</session><fields><NameValue><name>a</name><value>b</value></NameValue><NameValue>"
        "<name>c</name><value>d</value></NameValue></fields><numbers><number>1</number><number>2</number></numbers>"
        "<options><item><key>k</key><value>1</value></item></options></q_set_entry>"
    )
    assert envelope(document, "add", number="1", field=fields[0]) == (
        "<q_add><number>1</number><field><name>a</name><value>b</value></field></q_add>"
    )


def test_declared_headers_are_shown_and_none_must_be_given():
    document = parse_bundle(files("headers.wsdl"))
    (operation,) = describe(document).binding("NotifierSoap").operations
    assert operation.headers == (nested("session", "Session", 0, min_occurs=0), plain("limit", "int", min_occurs=0))
    assert (operation.input, operation.one_way) == ((plain("number", "string"),), True)
    assert envelope(document, "Notify", number="+1", _soapheaders={"limit": 3, "session": {"id": "x"}}) == (
        "<q_Session><q_id>x</q_id></q_Session><q_Limit>3</q_Limit><q_Notify><q_number>+1</q_number></q_Notify>"
    )
    assert envelope(document, "Notify", number="+1", _soapheaders={"limit": 3}) == (
        "<q_Limit>3</q_Limit><q_Notify><q_number>+1</q_number></q_Notify>"
    )


def test_imports_are_followed_from_folder_to_folder_also_in_circles():
    described = describe(parse_bundle(files(*IMPORTS)))
    (operation,) = described.binding("PhoneSoap").operations
    assert operation.input == (
        nested("line", "{urn:types}Line", 0),
        nested("other", "{urn:other}Line", 1),
        plain("lang", "language", place=Place.ATTRIBUTE),
    )
    number = SimpleType("Number", "string", facets={"pattern": r"\+[0-9]+"})
    assert described.types == (
        ObjectType("{urn:types}Line", (Parameter("number", "Number", Shape.SIMPLE, simple=number),)),
        ObjectType("{urn:other}Line", (nested("like", "{urn:types}Line", 0, min_occurs=0),)),
    )
    assert (
        envelope(files(*IMPORTS), "Ring", lang="de", line={"number": "+1"}, other={"like": {"number": "+2"}})
        == '<q_Ring xml:lang="de"><q_line><number>+1</number></q_line>'
        "<q_other><like><number>+2</number></like></q_other></q_Ring>"
    )


def test_what_cannot_be_called_is_left_out_with_a_sentence_and_the_rest_is_there():
    described = describe(parse_bundle(files("left_out.wsdl")))
    assert described.services == (Service("Lost", (Port("LostPort", "LostSoap", "http://crm.example/"),)),)
    assert [each.name for each in described.binding("LostSoap").operations] == ["Here"]
    assert described.notes[:4] == (
        "The port NoPortType cannot be called: its binding has no operation that can be used.",
        "The port NoBinding cannot be called: its binding {urn:lost}Gone is not defined.",
        "The port Mail cannot be called: its binding is SOAP over http://schemas.example/smtp.",
        "The port Orb cannot be called: its binding is no SOAP binding.",
    )
    assert described.notes[4:] == (
        "The binding LostSoap has several operations named Here: only the last is there.",
        LEFT_OUT.format("GoneElement", "it names the element {urn:lost}gone, which no schema of it defines"),
        LEFT_OUT.format("GoneType", "it names the type {urn:lost}Lost, which no schema of it defines"),
        LEFT_OUT.format("GoneMessage", "it names the message {urn:lost}NeverIn, which nothing in it defines"),
        LEFT_OUT.format("GoneHeader", "it names the message {urn:lost}NoHeader, which nothing in it defines"),
        LEFT_OUT.format("Never", "the port type Lost has no such operation"),
        "The binding NoPortType cannot be used: it names the port type {urn:lost}Gone, which nothing in it defines.",
    )


def test_a_wsdl_without_anything_to_call_says_so():
    described = describe(parse_bundle(files("only_schemas.wsdl")))
    assert (described.services, described.bindings, described.notes) == ((), (), (ONLY_SCHEMAS,))
    schema = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'
    assert describe(parse_bundle(texts(root=schema))).notes == (ONLY_SCHEMAS,)
    text = files("wrapped.wsdl").documents[BASE + "wrapped.wsdl"].replace(b"soap/http", b"soap/mail")
    assert describe(parse_bundle(Bundle(BASE, {BASE: text}))).notes[0] == NOTHING_TO_CALL
    abstract = around('<xs:element name="Call" type="xs:int"/>').partition("<wsdl:service")[0] + "</wsdl:definitions>"
    assert describe(parse_bundle(texts(root=abstract))).notes == (NO_SERVICE,)


def test_nothing_is_added_to_a_document_once_it_is_parsed():
    for names, known in ((("rpc.wsdl",), True), (("wrapped.wsdl",), False)):
        types = parse_bundle(files(*names)).types
        before = list(types.documents)
        for namespace, name in ((SOAP_ENCODING_1_1, "string"), (APACHE_SOAP, "Map"), (SOAP_ENCODING_1_2, "int")):
            found = types.get_type(f"{{{namespace}}}{name}", fail_silently=True)
            assert (found is not None) == (known and namespace != SOAP_ENCODING_1_2)
        assert list(types.documents) == before


def test_an_address_stays_as_it_is_also_where_the_wsdl_came_by_https():
    root = "https://crm.example/root.wsdl"
    text = around('<xs:element name="Call" type="xs:int"/>').encode()
    document = parse_bundle(Bundle(root, {root: text}))
    port = document.services["Crm"].ports["CallsPort"]
    assert port.binding_options == {"address": "http://crm.example/soap"}
    assert describe(document).services[0].ports[0].address == "http://crm.example/soap"


@pytest.mark.parametrize("names", ALL)
def test_a_description_is_read_back_as_it_was_written(names: tuple[str, ...]):
    described = describe(parse_bundle(files(*names)))
    assert read_description(json.loads(json.dumps(described.as_document()))) == described


@pytest.mark.parametrize("names", ALL)
def test_the_same_bundle_is_described_in_the_same_way_again(names: tuple[str, ...]):
    assert describe(parse_bundle(files(*names))) == describe(parse_bundle(files(*names)))


def test_zeep_s_types_stand_beside_those_that_are_described():
    described, types = describe_with_types(parse_bundle(files("rpc.wsdl")))
    assert [each.qname.localname for each in types] == [each.name for each in described.types]


def test_a_group_has_no_type_of_zeep_s():
    content = '<xs:sequence maxOccurs="2"><xs:element name="a" type="xs:int"/></xs:sequence>'
    described, types = describe_with_types(parse_bundle(call(content)))
    assert (types, described.types) == ([None], (ObjectType("sequence", (plain("a", "int"),)),))
