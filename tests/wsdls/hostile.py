"""Hostile WSDLs, by what they try."""

from collections.abc import Callable

from tests.wsdls.written import service

_AT_TYPES = b'<x:complexType name="Record0">'


def _with_types(types: str) -> bytes:
    return service().replace(_AT_TYPES, types.encode() + _AT_TYPES)


def _with_doctype(doctype: str, text: str = "") -> bytes:
    return f"<?xml version='1.0'?>{doctype}".encode() + service().replace(b"<types>", f"{text}<types>".encode())


def _laughs() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE definitions [<!ENTITY l0 "ha">{entities}]>'


def _bomb(kind: str, refer: str, last: str, layers: int = 30) -> str:
    """Ten in each layer refer to the one below: ten to the power of `layers`, if it is ever written out."""
    above = (f'<x:{kind} name="b{layer}">{refer.format(layer + 1) * 10}</x:{kind}>' for layer in range(layers))
    return "".join(above) + f'<x:{kind} name="b{layers}">{last}</x:{kind}>'


def _groups() -> str:
    def group(number: int, content: str) -> str:
        return f'<x:group name="b{number}"><x:sequence>{content}</x:sequence></x:group>'

    below = (group(number, f'<x:group ref="t:b{number + 1}"/>' * 10) for number in range(30))
    return "".join(below) + group(30, '<x:element name="e" type="x:int"/>')


def _types_in_types() -> str:
    return (
        "".join(
            f'<x:complexType name="B{n}"><x:sequence>'
            + "".join(f'<x:element name="e{at}" type="t:B{n + 1}"/>' for at in range(10))
            + "</x:sequence></x:complexType>"
            for n in range(30)
        )
        + '<x:complexType name="B30"><x:sequence/></x:complexType>'
    )


def _extends(count: int, last: str) -> str:
    return "".join(
        f'<x:complexType name="B{n}"><x:complexContent><x:extension base="t:{f"B{n + 1}" if n + 1 < count else last}">'
        f'<x:sequence><x:element name="e{n}" type="x:int"/></x:sequence>'
        "</x:extension></x:complexContent></x:complexType>"
        for n in range(count)
    )


def _used(types: str, uses: str) -> bytes:
    """Types, and the only operation takes what `uses` says."""
    wanted = f'<x:element name="do0"><x:complexType>{uses}</x:complexType></x:element>'
    document = _with_types(types)
    begin = document.index(b'<x:element name="do0">')
    end = document.index(b'<x:element name="done0">')
    return document[:begin] + wanted.encode() + document[end:]


def _element(kind: str) -> str:
    return f'<x:sequence><x:element name="e" type="{kind}"/></x:sequence>'


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a DTD": lambda: _with_doctype("<!DOCTYPE definitions>"),
    "a DTD elsewhere": lambda: _with_doctype('<!DOCTYPE definitions SYSTEM "{url}/a.dtd">'),
    "a DTD on the disk": lambda: _with_doctype('<!DOCTYPE definitions SYSTEM "{pipe}">'),
    "an external entity": lambda: _with_doctype(
        '<!DOCTYPE definitions [<!ENTITY e SYSTEM "{url}/e">]>', "<documentation>&e;</documentation>"
    ),
    "an entity on the disk": lambda: _with_doctype(
        '<!DOCTYPE definitions [<!ENTITY e SYSTEM "file://{pipe}">]>', "<documentation>&e;</documentation>"
    ),
    "a parameter entity": lambda: _with_doctype('<!DOCTYPE definitions [<!ENTITY % e SYSTEM "{url}/e">%e;]>'),
    "a billion laughs": lambda: _with_doctype(_laughs(), "<documentation>&l9;</documentation>"),
    "a quadratic blow-up": lambda: _with_doctype(
        f'<!DOCTYPE definitions [<!ENTITY e "{"a" * 50_000}">]>', f"<documentation>{'&e;' * 50_000}</documentation>"
    ),
    "an undeclared entity": lambda: _with_types("&e;"),
    "an import from the disk": lambda: _with_types('<x:import namespace="urn:b" schemaLocation="file://{pipe}"/>'),
    "an import by path": lambda: _with_types('<x:import namespace="urn:b" schemaLocation="{pipe}"/>'),
    "an include by path": lambda: _with_types('<x:include schemaLocation="file:{pipe}"/>'),
    "a WSDL by path": lambda: service().replace(
        b"<types>", b'<import namespace="urn:b" location="file://{pipe}"/><types>'
    ),
    "an import from elsewhere": lambda: _with_types('<x:import namespace="urn:b" schemaLocation="{url}/b.xsd"/>'),
    "a stylesheet and XInclude": lambda: (
        b'<?xml-stylesheet href="{url}/s.xsl"?>'
        + service().replace(b"<types>", b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{url}/i"/><types>')
    ),
    "a schema location of an instance": lambda: service().replace(
        b"<definitions ",
        b'<definitions xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:a {url}/i.xsd" ',
    ),
    "an include of itself": lambda: _with_types('<x:include schemaLocation="hostile.wsdl"/>'),
    "an import of itself": lambda: service().replace(
        b"<types>", b'<import namespace="urn:crm" location="hostile.wsdl"/><types>'
    ),
    "groups without end": lambda: _used(_groups(), '<x:group ref="t:b0"/>'),
    "types without end": lambda: _used(_types_in_types(), _element("t:B0")),
    "attribute groups without end": lambda: _used(
        _bomb("attributeGroup", '<x:attributeGroup ref="t:b{}"/>', '<x:attribute name="a"/>'),
        '<x:sequence/><x:attributeGroup ref="t:b0"/>',
    ),
    "a group in itself": lambda: _used(
        '<x:group name="g"><x:sequence><x:group ref="t:g"/></x:sequence></x:group>', '<x:group ref="t:g"/>'
    ),
    "an attribute group in itself": lambda: _used(
        '<x:attributeGroup name="g"><x:attributeGroup ref="t:g"/></x:attributeGroup>', '<x:attributeGroup ref="t:g"/>'
    ),
    "a type that extends itself": lambda: _used(_extends(1, "B0"), _element("t:B0")),
    "types that extend each other": lambda: _used(_extends(3, "B0"), _element("t:B0")),
    "2,000 types that extend each other in a row": lambda: _used(_extends(2_000, "Record0"), _element("t:B0")),
    "a simple type of itself": lambda: _used(
        '<x:simpleType name="S"><x:restriction base="t:S"/></x:simpleType>', _element("t:S")
    ),
    "a list of itself": lambda: _used(
        '<x:simpleType name="S"><x:list itemType="t:S"/></x:simpleType>', _element("t:S")
    ),
    "a union of itself": lambda: _used(
        '<x:simpleType name="S"><x:union memberTypes="t:S t:S"/></x:simpleType>', _element("t:S")
    ),
    "an element that is itself": lambda: _used(
        '<x:element name="e" ref="t:e"/>', '<x:sequence><x:element ref="t:e"/></x:sequence>'
    ),
    "a thousand million times": lambda: _used("", _element("x:int").replace("type=", 'maxOccurs="1000000000" type=')),
    "elements 240 deep": lambda: _used("", "<x:sequence>" * 110 + "</x:sequence>" * 110),
    "elements 100,000 deep": lambda: _used("", "<x:sequence>" * 100_000),
    "types in types 60 deep": lambda: _used(
        "",
        '<x:sequence><x:element name="e"><x:complexType>' * 60 + "</x:complexType></x:element></x:sequence>" * 60,
    ),
    "a name of 9,000,000 characters": lambda: service().replace(b'"Crm"', b'"' + b"n" * 9_000_000 + b'"'),
    "a name of 6,000,000 characters": lambda: service().replace(b'"Crm"', b'"' + b"n" * 6_000_000 + b'"'),
    "100,000 attributes": lambda: service().replace(
        b"<types>", b"<types " + b" ".join(b'a%d=""' % n for n in range(100_000)) + b">"
    ),
    "100,000 prefixes": lambda: service().replace(
        b"<types>", b"<types " + b" ".join(b'xmlns:a%d="u"' % n for n in range(100_000)) + b">"
    ),
    "500,000 elements": lambda: _with_types("<x:annotation/>" * 500_000),
    "a megabyte of comment": lambda: service().replace(b"<types>", b"<!--" + b"x" * 1_000_000 + b"--><types>"),
    "zeros": lambda: bytes(100_000),
    "half a UTF-16": lambda: b"\xff\xfe" + service(),
    "UTF-16 with its last byte gone": lambda: service().decode().encode("utf-16")[:-1],
    "lone surrogates": lambda: service().replace(b"Crm", b"\xed\xa0\x80"),
    "a pattern that never ends": lambda: _used(
        '<x:simpleType name="S"><x:restriction base="x:string"><x:pattern value="(a+)+$"/></x:restriction>'
        "</x:simpleType>",
        _element("t:S"),
    ),
}
"""`{url}` stands for a server that listens, `{pipe}` for a pipe on the disk that nobody writes to."""
