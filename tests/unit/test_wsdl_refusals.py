"""WSDLs that cannot be used: each is refused with a sentence, nothing else is raised, opened or logged."""

import logging
from random import Random

import pytest
from lxml import etree

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS
from dispatcher.adapters.soap.schema import MAX_MEMBERS
from dispatcher.adapters.soap.wsdl_xml import MAX_DEPTH, read_xml
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused
from dispatcher.domain.soap.description import SimpleType
from tests.support.wsdls import BASE, around, call, envelope, files, texts

ROOT = f"{BASE}root.wsdl"
IMPORT = '<xs:import namespace="urn:x" schemaLocation="{}"/>'
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def refusal(bundle: Bundle) -> str:
    with pytest.raises(WsdlRefused) as refused:
        describe(parse_bundle(bundle))
    return str(refused.value)


@pytest.mark.parametrize("dtd", ["<!DOCTYPE a>", '<!DOCTYPE a SYSTEM "file:///etc/hostname">', BOMB])
def test_a_wsdl_with_a_dtd_is_refused(dtd: str):
    assert refusal(texts(root=dtd + around(""))) == f"{ROOT} has a DTD, which is never read"


def test_a_dtd_is_found_behind_a_comment_in_utf_16_and_in_what_is_imported():
    comment = f'<?xml version="1.0" encoding="utf-16"?><!-- < -->\n{BOMB}<a>&b;</a>'.encode("utf-16")
    assert refusal(Bundle(ROOT, {ROOT: comment})) == f"{ROOT} has a DTD, which is never read"
    root = around(IMPORT.format("x.xsd"))
    assert refusal(texts(root=root, x=f"{BOMB}<a/>")) == f"{BASE}x.xsd has a DTD, which is never read"


def test_nothing_of_a_dtd_is_looked_at_before_it_is_refused():
    assert refusal(texts(root="<!DOCTYPE a [<!ENTITY b ")) == f"{ROOT} has a DTD, which is never read"


def test_a_document_that_nests_too_deep_is_refused():
    deep = "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1)
    assert refusal(texts(root=deep)) == f"{ROOT} nests its elements more than 200 levels deep"
    assert read_xml(ROOT, ("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH).encode()).tag == "a"


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/x.xsd",
        "file:///etc/hostname",
        "/etc/hostname",
        "../../etc/hostname",
        "x.xsd",
        "https://a.example",
    ],
)
def test_nothing_but_the_documents_of_the_bundle_is_ever_read(location: str, monkeypatch: pytest.MonkeyPatch):
    def opened(*_: object, **__: object) -> None:
        pytest.fail("a file was opened")

    bundle = texts(root=around(IMPORT.format(location)))
    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", opened)
        sentence = refusal(bundle)
    assert sentence.endswith(" is imported, but it is not among the documents of the WSDL")
    assert sentence.split(" ", maxsplit=1)[0].endswith(location.removeprefix("../../"))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (
            '<xs:element name="a" type="tns:Gone"/>',
            "it names the type {urn:crm}Gone, which no schema of it defines",
        ),
        (
            '<xs:complexType name="T"><xs:sequence><xs:element ref="tns:gone"/></xs:sequence></xs:complexType>',
            "it names the element {urn:crm}gone, which no schema of it defines",
        ),
        (
            '<xs:element name="a" type="q:Gone" xmlns:q="urn:q"/>',
            "it names the type {urn:q}Gone, but no schema is there for its namespace",
        ),
        ('<xs:element name="a" type="q:Gone"/>', "No namespace defined for 'q' ('q:Gone')"),
        ('<xs:wrong name="w"/>', f"the wrong w on line 3 of {ROOT} is not as XML Schema has it"),
        ('<xs:element type="xs:int"/>', f"the element on line 3 of {ROOT} is not as XML Schema has it"),
        ("<xs:include/>", "an include names no document"),
        (
            '<xs:element name="Call" type="tns:U"/><xs:simpleType name="U"><xs:list itemType="tns:U"/></xs:simpleType>',
            "its definitions contain each other without end",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_what_is_wrong(schema: str, reason: str):
    assert refusal(texts(root=around(schema))) == f"{ROOT} cannot be used: {reason}"


def test_a_group_that_contains_itself_is_refused():
    group = '<xs:group name="G"><xs:sequence><xs:group ref="tns:G"/></xs:sequence></xs:group>'
    assert refusal(call('<xs:group ref="tns:G"/>', group)) == "A group of this WSDL contains itself"


def test_a_redefinition_of_nothing_is_refused():
    root = around('<xs:redefine schemaLocation="x.xsd"><xs:complexType name="T"/></xs:redefine>')
    empty = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'
    assert refusal(texts(root=root, x=empty)) == f"{ROOT} redefines T, which it does not include"


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (("<wsdl:port name", "<wsdl:port id"), f"The port on line 10 of {ROOT} has no name"),
        (('binding="tns:CallsSoap"', ""), f"The port on line 10 of {ROOT} has no binding"),
        (('<wsdl:portType name="Calls"', "<wsdl:portType"), f"The portType on line 5 of {ROOT} has no name"),
        (('<wsdl:message name="CallIn"', "<wsdl:message"), f"The message on line 4 of {ROOT} has no name"),
    ],
)
def test_a_wsdl_without_a_name_that_it_needs_is_refused(broken: tuple[str, str], sentence: str):
    assert refusal(texts(root=around("").replace(*broken))) == sentence


def test_a_document_that_is_no_xml_is_refused_with_the_place():
    root = around(IMPORT.format("x.xsd"))
    assert refusal(texts(root=root, x="<a>\n<b></a>x")).startswith(
        f"{BASE}x.xsd is no well-formed XML: Opening and ending tag mismatch: b line 2 and a, line 2"
    )
    assert refusal(texts(root="")) == f"{ROOT} is no well-formed XML: Document is empty, line 1, column 1"
    assert refusal(texts(root="<html><body>Log in")).startswith(f"{ROOT} is no well-formed XML: ")


def test_what_is_nearly_well_formed_is_read_as_far_as_it_goes_and_says_so():
    content = '<xs:element name="Call" type="xs:int"><xs:annotation><xs:documentation>A &nbsp; B</xs:documentation>'
    document = parse_bundle(texts(root=around(f"{content}</xs:annotation></xs:element>")))
    assert not document.strict
    described = describe(document)
    assert [each.name for each in described.bindings[0].operations] == ["Call"]
    place = "Entity 'nbsp' not defined, line 3, column 160"
    assert described.notes == (f"{ROOT} is no well-formed XML: {place}. What could be read of it is shown.",)


def test_a_wsdl_that_was_cut_off_is_never_taken_for_a_smaller_one():
    whole = files("wrapped.wsdl").documents[f"{BASE}wrapped.wsdl"].rstrip()
    for length in range(1, len(whole), 97):
        assert f"{ROOT} is no well-formed XML" in refusal(Bundle(ROOT, {ROOT: whole[:length]}))


DOUBLING = {
    "group": '<xs:group name="G{0}"><xs:sequence><xs:group ref="tns:G{1}"/><xs:group ref="tns:G{1}"/></xs:sequence>'
    "</xs:group>",
    "union": '<xs:simpleType name="U{0}"><xs:union memberTypes="tns:U{1} tns:U{1}"/></xs:simpleType>',
    "attributes": '<xs:attributeGroup name="A{0}"><xs:attributeGroup ref="tns:A{1}"/>'
    '<xs:attributeGroup ref="tns:A{1}"/></xs:attributeGroup>',
}


def _doubling(kind: str, last: str) -> str:
    return "".join(DOUBLING[kind].format(n, n + 1) for n in range(40)) + last


def test_groups_that_double_forty_times_are_refused_without_being_written_out():
    last = '<xs:group name="G40"><xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence></xs:group>'
    sentence = refusal(call('<xs:group ref="tns:G0"/>', _doubling("group", last)))
    assert sentence == f"A type of this WSDL has more than {MAX_MEMBERS:,} members"


def test_unions_that_double_forty_times_are_refused_without_being_written_out():
    last = '<xs:simpleType name="U40"><xs:restriction base="xs:int"/></xs:simpleType>'
    sentence = refusal(call('<xs:attribute name="a" type="tns:U0"/>', _doubling("union", last)))
    assert sentence == "The simple type U31 is made of more than 1,000 others"


def test_groups_of_attributes_that_double_forty_times_have_each_attribute_once():
    last = '<xs:attributeGroup name="A40"><xs:attribute name="a" type="xs:int"/></xs:attributeGroup>'
    described = describe(parse_bundle(call('<xs:attributeGroup ref="tns:A0"/>', _doubling("attributes", last))))
    (attribute,) = described.bindings[0].operations[0].input
    assert (attribute.name, attribute.simple) == ("a", SimpleType("xsd:int", "int"))


@pytest.mark.parametrize("url", KNOWN_SCHEMAS)
def test_well_known_schemas_need_not_be_in_the_bundle(url: str):
    namespace = etree.fromstring(KNOWN_SCHEMAS[url]).get("targetNamespace")
    root = around(f'<xs:import namespace="{namespace}" schemaLocation="{url}"/><xs:element name="Call" type="xs:int"/>')
    assert describe(parse_bundle(texts(root=root))).notes == ()


def test_nothing_of_a_wsdl_or_of_an_envelope_is_logged_at_any_level(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    document = parse_bundle(files("rpc.wsdl"))
    describe(document)
    envelope(document, "add", number="1", field={"name": "a", "value": "b"})
    refusal(call('<xs:attribute name="a" type="tns:Gone"/>'))
    assert caplog.records == []


def _mutated(random: Random, document: bytes) -> bytes:
    kind = random.randrange(3)
    if kind == 0:
        flipped = bytearray(document)
        for _ in range(3):
            flipped[random.randrange(len(flipped))] = random.randrange(256)
        return bytes(flipped)
    root = etree.fromstring(document)
    each = random.choice(list(root.iter(etree.Element)))
    if kind == 1 and each.getparent() is not None:
        each.getparent().remove(each)
    elif each.attrib:
        each.set(random.choice(list(each.attrib)), random.choice(["", "-1", "x:y", "tns:", "xs:string", "unbounded"]))
    return etree.tostring(root)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_wrong_with_a_wsdl_nothing_but_a_refusal_is_raised(seed: int):
    random = Random(seed)
    names = ["wrapped.wsdl", "bare.wsdl", "rpc.wsdl", "headers.wsdl", "left_out.wsdl"]
    described, refusals = 0, []
    for _ in range(60):
        bundle = files(random.choice(names))
        broken = Bundle(bundle.root, {bundle.root: _mutated(random, bundle.documents[bundle.root])})
        try:
            describe(parse_bundle(broken))
            described += 1
        except WsdlRefused as error:
            refusals.append(str(error))
    assert described > 5
    assert len(refusals) > 5
    assert [each for each in refusals if BASE not in each] == []
