"""Types of schemas as parameters: facets, lists, unions, attributes, choices, groups, derived and recursive types."""

from lxml import etree

from dispatcher.adapters.soap.describe import describe
from dispatcher.adapters.soap.schema_visitor import MAX_DOCUMENTATION
from dispatcher.adapters.soap.zeep_document import parse_bundle
from dispatcher.domain.soap.bundle import Bundle
from dispatcher.domain.soap.description import ObjectType, Operation, Parameter, Place, Shape, SimpleType
from tests.support.wsdls import around, call, envelope, nested, plain, texts

INT, STRING = SimpleType("xsd:int", "int"), SimpleType("xsd:string", "string")
ANY = SimpleType("xsd:anySimpleType", "anySimpleType")


def described(bundle: Bundle) -> tuple[Operation, tuple[ObjectType, ...]]:
    found = describe(parse_bundle(bundle))
    return found.bindings[0].operations[0], found.types


def inputs(content: str, more: str = "") -> tuple[Parameter, ...]:
    return described(call(content, more))[0].input


def sequence(*elements: str) -> str:
    return f"<xs:sequence>{''.join(elements)}</xs:sequence>"


CODE = """<xs:simpleType name="Code"><xs:restriction base="xs:string">
 <xs:minLength value="1"/><xs:maxLength value="8"/></xs:restriction></xs:simpleType>
<xs:simpleType name="State"><xs:restriction base="tns:Code">
 <xs:maxLength value="6"/><xs:enumeration value="open"/><xs:enumeration value="closed"/></xs:restriction>
</xs:simpleType>"""
STATE = SimpleType("State", "string", ("open", "closed"), {"minLength": "1", "maxLength": "6"})


def test_a_simple_type_has_its_facets_and_those_of_the_types_that_it_restricts():
    code = SimpleType("Code", "string", facets={"minLength": "1", "maxLength": "8"})
    assert inputs(
        sequence('<xs:element name="code" type="tns:Code"/>', '<xs:element name="state" type="tns:State"/>'), CODE
    ) == (
        Parameter("code", "Code", Shape.SIMPLE, simple=code),
        Parameter("state", "State", Shape.SIMPLE, simple=STATE),
    )


def test_an_anonymous_type_shows_the_name_of_the_one_that_it_restricts():
    value = '<xs:enumeration value="open"/>'
    restriction = f'<xs:simpleType><xs:restriction base="{{}}">{value}</xs:restriction></xs:simpleType>'
    assert inputs(
        sequence(
            f'<xs:element name="a">{restriction.format("xs:token")}</xs:element>',
            f'<xs:element name="b">{restriction.format("tns:State")}</xs:element>',
        )
        + f'<xs:attribute name="c">{restriction.format("tns:Code")}</xs:attribute>',
        CODE,
    ) == (
        Parameter("a", "xsd:token", Shape.SIMPLE, simple=SimpleType("xsd:token", "token", ("open",))),
        Parameter("b", "State", Shape.SIMPLE, simple=SimpleType("State", "string", ("open",), STATE.facets)),
        Parameter(
            "c",
            "Code",
            Shape.SIMPLE,
            Place.ATTRIBUTE,
            SimpleType("Code", "string", ("open",), {"minLength": "1", "maxLength": "8"}),
            min_occurs=0,
        ),
    )


def test_lists_and_unions_show_what_they_are_made_of():
    content = sequence(
        '<xs:element name="u" type="tns:U"/>',
        '<xs:element name="l" type="tns:L"/>',
        '<xs:element name="n"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>',
        '<xs:element name="few"><xs:simpleType><xs:restriction base="tns:L"><xs:maxLength value="2"/></xs:restriction>'
        "</xs:simpleType></xs:element>",
    )
    more = """<xs:simpleType name="L"><xs:list itemType="tns:State"/></xs:simpleType>
<xs:simpleType name="U"><xs:union memberTypes="xs:int tns:State"><xs:simpleType><xs:restriction base="xs:string">
<xs:length value="9"/></xs:restriction></xs:simpleType></xs:union></xs:simpleType>"""
    union = SimpleType(
        "U", "anySimpleType", members=(INT, STATE, SimpleType("xsd:string", "string", (), {"length": "9"}))
    )
    assert inputs(content, CODE + more) == (
        Parameter("u", "U", Shape.SIMPLE, simple=union),
        Parameter("l", "L", Shape.SIMPLE, simple=SimpleType("L", "anySimpleType", item=STATE)),
        Parameter(
            "n", "xsd:anySimpleType", Shape.SIMPLE, simple=SimpleType("xsd:anySimpleType", "anySimpleType", item=INT)
        ),
        Parameter("few", "L", Shape.SIMPLE, simple=SimpleType("L", "anySimpleType", (), {"maxLength": "2"}, STATE)),
    )
    assert envelope(call(content, CODE + more), "Call", u="open", l=["open", "closed"], n=[1, 2], few=["open"]) == (
        "<q_Call><q_u>open</q_u><q_l>open closed</q_l><q_n>1 2</q_n><q_few>open</q_few></q_Call>"
    )


def test_a_union_of_lists_takes_a_list():
    content = sequence('<xs:element name="u" type="tns:U"/>')
    more = """<xs:simpleType name="L"><xs:list itemType="tns:State"/></xs:simpleType>
<xs:simpleType name="N"><xs:list itemType="xs:int"/></xs:simpleType>
<xs:simpleType name="U"><xs:union memberTypes="tns:L tns:N"/></xs:simpleType>"""
    assert [each.name for each in inputs(content, CODE + more)[0].simple.members] == ["L", "N"]
    assert envelope(call(content, CODE + more), "Call", u=[1, 2]) == "<q_Call><q_u>1 2</q_u></q_Call>"
    assert envelope(call(content, CODE + more), "Call", u="open") == "<q_Call><q_u>open</q_u></q_Call>"


def test_attributes_are_required_or_optional_and_renamed_where_an_element_has_their_name():
    content = sequence('<xs:element name="id" type="xs:string"/>') + (
        '<xs:attribute name="id" type="xs:int" use="required"/><xs:attribute name="note"/>'
        '<xs:attribute name="gone" type="xs:int" use="prohibited"/><xs:attribute ref="tns:shared" use="required"/>'
        '<xs:attributeGroup ref="tns:More"/><xs:anyAttribute/>'
    )
    more = """<xs:attribute name="shared" type="tns:State"><xs:annotation><xs:documentation>Of all.</xs:documentation>
</xs:annotation></xs:attribute>
<xs:attributeGroup name="More"><xs:attribute name="more" type="xs:int"/></xs:attributeGroup>"""
    assert inputs(content, CODE + more) == (
        plain("id", "string"),
        plain("attr__id", "int", place=Place.ATTRIBUTE),
        plain("note", "anySimpleType", place=Place.ATTRIBUTE, min_occurs=0),
        Parameter("shared", "State", Shape.SIMPLE, Place.ATTRIBUTE, STATE, documentation="Of all."),
        plain("more", "int", place=Place.ATTRIBUTE, min_occurs=0),
    )
    built = envelope(call(content, CODE + more), "Call", id="a", attr__id=1, note="n", shared="open", more=2)
    assert built == '<q_Call xmlns:ns0="urn:crm" id="1" more="2" note="n" ns0:shared="open"><q_id>a</q_id></q_Call>'


MONEY = """<xs:complexType name="Money"><xs:simpleContent><xs:extension base="xs:decimal">
<xs:attribute name="currency" type="xs:string" use="required"/><xs:attribute name="note" type="xs:string"/>
</xs:extension></xs:simpleContent></xs:complexType>
<xs:complexType name="Tip"><xs:simpleContent><xs:restriction base="tns:Money"><xs:maxInclusive value="5"/>
<xs:attribute name="note" use="prohibited"/></xs:restriction></xs:simpleContent></xs:complexType>"""


def test_the_text_of_a_simple_content_is_a_member_and_a_restriction_narrows_it():
    content = sequence('<xs:element name="price" type="tns:Money"/>', '<xs:element name="tip" type="tns:Tip"/>')
    operation, types = described(call(content, MONEY))
    currency = plain("currency", "string", place=Place.ATTRIBUTE)
    note = plain("note", "string", place=Place.ATTRIBUTE, min_occurs=0)
    narrow = SimpleType("xsd:decimal", "decimal", (), {"maxInclusive": "5"})
    assert operation.input == (nested("price", "Money", 0), nested("tip", "Tip", 1))
    assert types == (
        ObjectType("Money", (plain("_value_1", "decimal", place=Place.CONTENT), currency, note), derived=(1,)),
        ObjectType("Tip", (Parameter("_value_1", "xsd:decimal", Shape.SIMPLE, Place.CONTENT, simple=narrow), currency)),
    )
    money = {"_value_1": 1, "currency": "EUR"}
    assert envelope(call(content, MONEY), "Call", price=money, tip=money) == (
        '<q_Call><q_price currency="EUR">1</q_price><q_tip currency="EUR">1</q_tip></q_Call>'
    )


def test_any_element_is_xml_and_any_type_is_a_text():
    content = sequence('<xs:element name="t"/>', '<xs:any minOccurs="0"/>', '<xs:any maxOccurs="unbounded"/>')
    assert inputs(content) == (
        Parameter("t", "xsd:anyType", Shape.ANY_TYPE),
        Parameter("_value_1", "xsd:any", Shape.XML, min_occurs=0),
        Parameter("_value_2", "xsd:any", Shape.XML, max_occurs=None),
    )
    more = [etree.Element("y"), etree.Element("y")]
    assert envelope(call(content), "Call", t=1, _value_1=etree.Element("z"), _value_2=more) == (
        "<q_Call><q_t>1</q_t><z></z><y></y><y></y></q_Call>"
    )


def test_a_data_set_is_xml_without_the_schema_that_zeep_cannot_send():
    content = sequence('<xs:element ref="xs:schema"/>', "<xs:any/>")
    assert inputs(content) == (Parameter("_value_1", "xsd:any", Shape.XML),)
    assert envelope(call(content), "Call", _value_1=etree.Element("z")) == "<q_Call><z></z></q_Call>"


def test_a_recursive_type_is_one_row_that_points_to_itself():
    content = sequence('<xs:element name="node" type="tns:Node" nillable="true"/>')
    node = sequence('<xs:element name="node" type="tns:Node" minOccurs="0"/>')
    more = f'<xs:complexType name="Node">{node}</xs:complexType>'
    operation, types = described(call(content, more))
    assert operation.input == (nested("node", "Node", 0, nillable=True),)
    assert types == (ObjectType("Node", (nested("node", "Node", 0, min_occurs=0),)),)
    assert envelope(call(content, more), "Call", node={"node": {}}) == (
        "<q_Call><q_node><q_node></q_node></q_node></q_Call>"
    )


DERIVED = """<xs:complexType name="Base" abstract="true"><xs:sequence><xs:element name="id" type="xs:int"/>
<xs:element name="inner" type="tns:Leaf" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="Leaf"><xs:complexContent><xs:extension base="tns:Mid"><xs:sequence>
<xs:element name="leaf" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Mid"><xs:complexContent><xs:extension base="tns:Base">
<xs:attribute name="m" type="xs:int" use="required"/></xs:extension></xs:complexContent></xs:complexType>"""


def test_a_type_names_those_that_extend_it_and_they_have_its_members_also_inside_itself():
    content = sequence('<xs:element name="base" type="tns:Base"/>', '<xs:element name="leaf" type="tns:Leaf"/>')
    operation, types = described(call(content, DERIVED))
    assert operation.input == (nested("base", "Base", 0), nested("leaf", "Leaf", 1))
    of_base = (plain("id", "int"), nested("inner", "Leaf", 1, min_occurs=0))
    m = plain("m", "int", place=Place.ATTRIBUTE)
    assert types == (
        ObjectType("Base", of_base, derived=(1, 2)),
        ObjectType("Leaf", (*of_base, plain("leaf", "int"), m)),
        ObjectType("Mid", (*of_base, m), derived=(1,)),
    )
    leaf = {"id": 1, "leaf": 2, "m": 3, "inner": {"id": 4, "leaf": 5, "m": 6}}
    document = parse_bundle(call(content, DERIVED))
    base = document.types.get_type("{urn:crm}Mid")(id=7, m=8)
    assert "<q_id>4</q_id><q_leaf>5</q_leaf>" in envelope(document, "Call", base=base, leaf=leaf)


def test_a_type_with_attributes_alone_that_is_extended_by_attributes_keeps_both():
    content = sequence('<xs:element name="b" type="tns:B"/>')
    more = """<xs:complexType name="A"><xs:attribute name="a" type="xs:int" use="required"/></xs:complexType>
<xs:complexType name="B"><xs:complexContent><xs:extension base="tns:A"><xs:attribute name="b" type="xs:int"/>
</xs:extension></xs:complexContent></xs:complexType>"""
    _, types = described(call(content, more))
    a, b = plain("a", "int", place=Place.ATTRIBUTE), plain("b", "int", place=Place.ATTRIBUTE, min_occurs=0)
    assert types == (ObjectType("B", (a, b)),)
    assert envelope(call(content, more), "Call", b={"a": 1, "b": 2}) == '<q_Call><q_b a="1" b="2"></q_b></q_Call>'


def test_an_extension_does_not_change_the_group_that_it_refers_to():
    content = sequence('<xs:element name="x" type="tns:X"/>', '<xs:element name="y" type="tns:Y"/>')
    more = """<xs:group name="G"><xs:sequence><xs:element name="g" type="xs:int"/></xs:sequence></xs:group>
<xs:complexType name="Base"><xs:sequence><xs:element name="base" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="X"><xs:complexContent><xs:extension base="tns:Base"><xs:group ref="tns:G"/></xs:extension>
</xs:complexContent></xs:complexType><xs:complexType name="Y"><xs:group ref="tns:G"/></xs:complexType>"""
    _, types = described(call(content, more))
    assert types == (ObjectType("X", (plain("base", "int"), plain("g", "int"))), ObjectType("Y", (plain("g", "int"),)))


def test_a_substitution_group_is_shown_by_its_head_as_zeep_takes_it():
    content = sequence('<xs:element ref="tns:head"/>')
    more = """<xs:element name="head" type="xs:string" abstract="true"/>
<xs:element name="member" substitutionGroup="tns:head" type="xs:string"/>"""
    assert inputs(content, more) == (plain("head", "string"),)
    assert envelope(call(content, more), "Call", head="x") == "<q_Call><q_head>x</q_head></q_Call>"


def test_qualified_and_unqualified_elements_are_built_as_their_schema_says():
    content = sequence(
        '<xs:element name="a" type="xs:int" form="unqualified"/>', '<xs:element name="b" type="xs:int"/>'
    )
    assert inputs(content) == (plain("a", "int"), plain("b", "int"))
    assert envelope(call(content), "Call", a=1, b=2) == "<q_Call><a>1</a><q_b>2</q_b></q_Call>"


def test_names_that_are_there_twice_are_told_apart():
    content = sequence('<xs:element name="a" type="xs:int"/>', '<xs:element name="a" type="xs:string"/>')
    assert inputs(content) == (plain("a", "int"), plain("a__1", "string"))
    assert envelope(call(content), "Call", a=1, a__1="x") == "<q_Call><q_a>1</q_a><q_a>x</q_a></q_Call>"


def test_a_redefined_type_is_what_it_was_and_more():
    root = around("""<xs:redefine schemaLocation="old.xsd"><xs:annotation/>
<xs:complexType name="T"><xs:complexContent><xs:extension base="tns:T"><xs:sequence>
<xs:element name="b" type="tns:S"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:simpleType name="S"><xs:restriction base="tns:S"><xs:enumeration value="x"/></xs:restriction></xs:simpleType>
</xs:redefine><xs:element name="Call" type="tns:T"/>""")
    old = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:crm" xmlns:tns="urn:crm">
<xs:complexType name="T"><xs:sequence><xs:element name="a" type="tns:S"/></xs:sequence></xs:complexType>
<xs:simpleType name="S"><xs:restriction base="xs:string"><xs:maxLength value="1"/></xs:restriction></xs:simpleType>
</xs:schema>"""
    simple = SimpleType("S", "string", ("x",), {"maxLength": "1"})
    operation, _ = described(texts(root=root, old=old))
    assert operation.input == tuple(Parameter(name, "S", Shape.SIMPLE, simple=simple) for name in "ab")
    assert envelope(texts(root=root, old=old), "Call", a="x", b="x") == "<q_Call><a>x</a><q_b>x</q_b></q_Call>"


def test_documentation_is_one_line_and_bounded_and_a_reference_may_have_its_own():
    def documented(start: str, text: str) -> str:
        annotation = f"<xs:annotation><xs:documentation>{text}</xs:documentation></xs:annotation>"
        return f"<xs:element {start}>{annotation}</xs:element>"

    content = sequence(
        documented('name="a" type="xs:int"', "  Two \n lines, <b>some</b> marked. "),
        documented('name="b" type="xs:int"', "x" * 600),
        '<xs:element ref="tns:c"/>',
        documented('ref="tns:c" minOccurs="0"', "Once more."),
    )
    more = documented('name="c" type="xs:int"', "Of all.")
    assert [each.documentation for each in inputs(content, more)] == [
        "Two lines, some marked.",
        "x" * MAX_DOCUMENTATION,
        "Of all.",
        "Once more.",
    ]
