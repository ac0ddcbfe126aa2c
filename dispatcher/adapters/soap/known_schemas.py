"""Schemas that WSDLs name without bringing them: those of SOAP's encodings, of `xml:` attributes and of Apache's SOAP.

They hold the standards' names and no more than zeep needs to build and to read. What stands at the standards' own
addresses often begins with a DTD, which is refused, and must not be fetched once for every WSDL.
"""

from collections.abc import Mapping

SOAP_ENCODING_1_1 = "http://schemas.xmlsoap.org/soap/encoding/"
SOAP_ENCODING_1_2 = "http://www.w3.org/2003/05/soap-encoding"
APACHE_SOAP = "http://xml.apache.org/xml-soap"
XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
XSD_NAMESPACE = "http://www.w3.org/2001/XMLSchema"

# fmt: off
_ENCODED_SIMPLE = [
    "string", "boolean", "decimal", "float", "double", "duration", "dateTime", "time", "date", "gYearMonth", "gYear",
    "gMonthDay", "gDay", "gMonth", "hexBinary", "base64Binary", "anyURI", "QName", "NOTATION", "normalizedString",
    "token", "language", "NMTOKEN", "Name", "NCName", "ID", "IDREF", "integer", "nonPositiveInteger", "negativeInteger",
    "long", "int", "short", "byte", "nonNegativeInteger", "unsignedLong", "unsignedInt", "unsignedShort",
    "unsignedByte", "positiveInteger",
]
# fmt: on


def _schema(namespace: str, content: str) -> bytes:
    # The namespace of `xml:` may have no other prefix.
    own_prefix = "" if namespace == XML_NAMESPACE else f'xmlns:tns="{namespace}" '
    return (
        f'<xs:schema xmlns:xs="{XSD_NAMESPACE}" {own_prefix}targetNamespace="{namespace}" '
        f'elementFormDefault="qualified">{content}</xs:schema>'
    ).encode()


def _encoded_simple_types() -> str:
    """The built-in types once more, in the encoding's namespace. There they may also have `id` and `href`; as simple
    types they take a plain value, and zeep reads over those attributes."""
    names = [*((name, name) for name in _ENCODED_SIMPLE), ("base64", "base64Binary")]
    return "".join(
        f'<xs:simpleType name="{name}"><xs:restriction base="xs:{base}"/></xs:simpleType>'
        f'<xs:element name="{name}" type="tns:{name}" nillable="true"/>'
        for name, base in names
    )


_ANY = '<xs:sequence><xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence>'

_ENCODING_1_1 = f"""
<xs:attribute name="root" type="xs:boolean"/>
<xs:attribute name="encodingStyle" type="xs:string"/>
<xs:attribute name="arrayType" type="xs:string"/>
<xs:attribute name="offset" type="xs:string"/>
<xs:attribute name="position" type="xs:string"/>
<xs:attributeGroup name="commonAttributes">
  <xs:attribute name="id" type="xs:ID"/><xs:attribute name="href" type="xs:anyURI"/><xs:anyAttribute/>
</xs:attributeGroup>
<xs:attributeGroup name="arrayAttributes">
  <xs:attribute ref="tns:arrayType"/><xs:attribute ref="tns:offset"/>
</xs:attributeGroup>
<xs:attributeGroup name="arrayMemberAttributes"><xs:attribute ref="tns:position"/></xs:attributeGroup>
<xs:group name="Array">{_ANY}</xs:group>
<xs:group name="Struct">{_ANY}</xs:group>
<xs:complexType name="Array">
  <xs:group ref="tns:Array" minOccurs="0"/>
  <xs:attributeGroup ref="tns:arrayAttributes"/><xs:attributeGroup ref="tns:commonAttributes"/>
</xs:complexType>
<xs:complexType name="Struct">
  <xs:group ref="tns:Struct" minOccurs="0"/><xs:attributeGroup ref="tns:commonAttributes"/>
</xs:complexType>
<xs:element name="Array" type="tns:Array"/><xs:element name="Struct" type="tns:Struct"/>
{_encoded_simple_types()}"""

_ENCODING_1_2 = f"""
<xs:attribute name="itemType" type="xs:QName"/>
<xs:attribute name="arraySize" type="xs:string"/>
<xs:attribute name="nodeType" type="xs:string"/>
<xs:attribute name="id" type="xs:ID"/>
<xs:attribute name="ref" type="xs:IDREF"/>
<xs:attributeGroup name="commonAttributes">
  <xs:attribute ref="tns:id"/><xs:attribute ref="tns:ref"/><xs:attribute ref="tns:nodeType"/>
</xs:attributeGroup>
<xs:attributeGroup name="arrayAttributes">
  <xs:attribute ref="tns:itemType"/><xs:attribute ref="tns:arraySize"/>
</xs:attributeGroup>
<xs:group name="Array">{_ANY}</xs:group>
<xs:group name="Struct">{_ANY}</xs:group>
<xs:complexType name="Array">
  <xs:group ref="tns:Array" minOccurs="0"/>
  <xs:attributeGroup ref="tns:arrayAttributes"/><xs:attributeGroup ref="tns:commonAttributes"/>
</xs:complexType>
<xs:complexType name="Struct">
  <xs:group ref="tns:Struct" minOccurs="0"/><xs:attributeGroup ref="tns:commonAttributes"/>
</xs:complexType>
<xs:element name="Array" type="tns:Array"/><xs:element name="Struct" type="tns:Struct"/>
{_encoded_simple_types()}"""

_XML = """
<xs:attribute name="lang" type="xs:language"/>
<xs:attribute name="base" type="xs:anyURI"/>
<xs:attribute name="id" type="xs:ID"/>
<xs:attribute name="space">
  <xs:simpleType><xs:restriction base="xs:NCName">
    <xs:enumeration value="default"/><xs:enumeration value="preserve"/>
  </xs:restriction></xs:simpleType>
</xs:attribute>
<xs:attributeGroup name="specialAttrs">
  <xs:attribute ref="xml:base"/><xs:attribute ref="xml:lang"/>
  <xs:attribute ref="xml:space"/><xs:attribute ref="xml:id"/>
</xs:attributeGroup>"""

# What PHP and Axis send under these names: a map is a sequence of items, each a key and a value of any type.
_APACHE = f"""
<xs:complexType name="mapItem"><xs:sequence>
  <xs:element name="key" type="xs:anyType" form="unqualified" nillable="true"/>
  <xs:element name="value" type="xs:anyType" form="unqualified" nillable="true"/>
</xs:sequence></xs:complexType>
<xs:complexType name="Map"><xs:sequence>
  <xs:element name="item" type="tns:mapItem" form="unqualified" minOccurs="0" maxOccurs="unbounded"/>
</xs:sequence></xs:complexType>
<xs:complexType name="Vector"><xs:sequence>
  <xs:element name="item" type="xs:anyType" form="unqualified" minOccurs="0" maxOccurs="unbounded" nillable="true"/>
</xs:sequence></xs:complexType>
<xs:complexType name="Element">{_ANY}</xs:complexType>
<xs:complexType name="DocumentElement">{_ANY}</xs:complexType>
<xs:complexType name="Document">{_ANY}</xs:complexType>
<xs:element name="Map" type="tns:Map" nillable="true"/><xs:element name="Vector" type="tns:Vector" nillable="true"/>"""

_XML_SCHEMA = _schema(XML_NAMESPACE, _XML)

KNOWN_SCHEMAS: Mapping[str, bytes] = {
    SOAP_ENCODING_1_1: _schema(SOAP_ENCODING_1_1, _ENCODING_1_1),
    SOAP_ENCODING_1_2: _schema(SOAP_ENCODING_1_2, _ENCODING_1_2),
    APACHE_SOAP: _schema(APACHE_SOAP, _APACHE),
    XML_NAMESPACE: _XML_SCHEMA,
    "http://www.w3.org/2001/xml.xsd": _XML_SCHEMA,
    "https://www.w3.org/2001/xml.xsd": _XML_SCHEMA,
    "http://www.w3.org/2009/01/xml.xsd": _XML_SCHEMA,
    "https://www.w3.org/2009/01/xml.xsd": _XML_SCHEMA,
    # zeep knows the built-in types by itself; the schema of schemas begins with a DTD.
    "http://www.w3.org/2001/XMLSchema.xsd": _schema(XSD_NAMESPACE, ""),
    "https://www.w3.org/2001/XMLSchema.xsd": _schema(XSD_NAMESPACE, ""),
}
"""By the address at which they are asked for, which for some is their namespace. None of them need be fetched."""
