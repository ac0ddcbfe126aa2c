"""What one document of a WSDL imports, read from its bytes without building a tree.

expat does it, told nothing of namespaces: with them it would copy the namespace's name for each element, and a long
name makes that quadratic. So time and memory are linear in the document's size, which the caller bounds.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from xml.parsers import expat

MAX_NESTING = 250
"""Elements within elements. libxml2 stops at 256, and nobody writes a WSDL by hand or machine that gets near."""

WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_2 = "http://www.w3.org/ns/wsdl"
SCHEMA_NAMESPACES = ("http://www.w3.org/2001/XMLSchema", "http://www.w3.org/1999/XMLSchema")
XML = "http://www.w3.org/XML/1998/namespace"
XML_SCHEMA = "https://www.w3.org/2001/xml.xsd"
"""What zeep asks for where the namespace of `xml:lang` is imported from nowhere."""

_BY_REFERENCE = ("import", "include", "redefine")
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+)?html\b", re.IGNORECASE | re.DOTALL)
_HTML_PAGE = "is an HTML page and no WSDL: perhaps one that asks to log in, or says what went wrong"
_NOT_KNOWN_HERE = "is in an encoding that is not known here: save it as UTF-8"
_UNKNOWN_ENCODING = expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]
_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# expat itself reads UTF-8, UTF-16 and every encoding of single bytes. Others that are met in WSDLs are decoded before;
# a list, because some codecs that Python has under a name (punycode) take quadratic time.
_MULTI_BYTE = frozenset(
    codecs.lookup(name).name
    for name in ("gb2312", "gbk", "gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "iso2022_jp")
)


class Kind(StrEnum):
    """What a document is."""

    WSDL = "wsdl"
    SCHEMA = "schema"


_KINDS = {(WSDL, "definitions"): Kind.WSDL, **{(name, "schema"): Kind.SCHEMA for name in SCHEMA_NAMESPACES}}


class Unfit(Exception):
    """A document that cannot be part of a WSDL. The text is a sentence without its subject: `is not ...`."""


@dataclass(frozen=True, slots=True)
class Imports:
    """`locations` as they are written, each once, in the document's order."""

    kind: Kind
    locations: tuple[str, ...]


def imports_of(document: bytes) -> Imports:
    """What a document is, and the locations from which it, or a schema embedded in it, imports, includes or redefines.

    XML 1.0 in the encoding that it declares; imports without a location are none. Raises `Unfit` also for a DTD.
    """
    scan = _Scan()
    _parse(document, scan)
    assert scan.kind is not None
    return Imports(scan.kind, tuple(scan.locations))


def begins_as_wsdl(start: bytes) -> bool:
    """Whether the first element of a document, of which this is the beginning, is WSDL 1.1's `definitions`."""
    scan = _Scan(first_only=True)
    try:
        _parse(start, scan)
    except (Unfit, _Enough):
        return scan.kind is Kind.WSDL
    return scan.kind is Kind.WSDL


class _Enough(Exception):
    """The first element has been seen."""


class _Scan:
    """expat's handlers. Open elements are remembered by what they are and which prefixes they declare, no more."""

    def __init__(self, *, first_only: bool = False) -> None:
        self.kind: Kind | None = None
        self.locations: dict[str, None] = {}
        self._first_only = first_only
        self._open: list[tuple[Kind | None, tuple[str, ...]]] = []
        self._bound: dict[str, list[str]] = {"xml": [XML]}
        """By prefix: the namespaces that it stands for, the innermost last."""

    def start(self, name: str, attributes: list[str]) -> None:
        if len(self._open) >= MAX_NESTING:
            raise Unfit(f"nests elements more than {MAX_NESTING} deep")
        declared = tuple(self._declare(attributes)) if attributes else ()
        prefix, _, local = name.rpartition(":")
        namespaces = self._bound.get(prefix)
        namespace = namespaces[-1] if namespaces else ""
        kind = _KINDS.get((namespace, local))
        if not self._open:
            self._judge_root(kind, namespace, local)
        elif (location := _location(self._open[-1][0], namespace, local, attributes)) is not None:
            self.locations[location] = None
        self._open.append((kind, declared))

    def end(self, _name: str) -> None:
        _, declared = self._open.pop()
        for prefix in declared:
            self._bound[prefix].pop()

    def doctype(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            raise Unfit(_HTML_PAGE)
        raise Unfit("has a document type declaration (DTD), which is not read: take it out")

    def _declare(self, attributes: list[str]) -> Iterable[str]:
        for at in range(0, len(attributes), 2):
            name = attributes[at]
            if name.startswith("xmlns") and (name == "xmlns" or name[5] == ":"):
                prefix = name[6:]
                self._bound.setdefault(prefix, []).append(attributes[at + 1])
                yield prefix

    def _judge_root(self, kind: Kind | None, namespace: str, local: str) -> None:
        self.kind = kind
        if self._first_only:
            raise _Enough
        if kind is not None:
            return
        if local.lower() == "html":
            raise Unfit(_HTML_PAGE)
        if namespace == WSDL_2:
            raise Unfit("is a WSDL 2.0; only WSDL 1.1 is read")
        raise Unfit(f"is XML, but neither a WSDL nor an XML schema: its first element is {local[:80]!r}")


def _location(parent: Kind | None, namespace: str, local: str, attributes: list[str]) -> str | None:
    """What an element imports; None where it is no import, or one without a location."""
    if parent is Kind.WSDL and local == "import" and namespace == WSDL:
        return _attribute(attributes, "location") or None
    if parent is not Kind.SCHEMA or local not in _BY_REFERENCE or namespace not in SCHEMA_NAMESPACES:
        return None
    location = _attribute(attributes, "schemaLocation")
    if not location and local == "import" and _attribute(attributes, "namespace") == XML:
        return XML_SCHEMA
    return location or None


def _attribute(attributes: list[str], name: str) -> str:
    for at in range(0, len(attributes), 2):
        if attributes[at] == name:
            return attributes[at + 1]
    return ""


def _parse(document: bytes, scan: _Scan) -> None:
    if not document:
        raise Unfit("is empty")
    text, encoding = _in_utf_8(document)
    # None: pyexpat keeps no table of names, which a hostile document would fill.
    parser = expat.ParserCreate(encoding, None, None)
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = scan.doctype
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        if _HTML.match(document[:4096]):
            raise Unfit(_HTML_PAGE) from error
        if error.code == _UNKNOWN_ENCODING:
            raise Unfit(_NOT_KNOWN_HERE) from error
        raise Unfit(f"is not well-formed XML (line {error.lineno}: {expat.ErrorString(error.code)})") from error
    except (LookupError, ValueError) as error:
        raise Unfit(_NOT_KNOWN_HERE) from error


def _in_utf_8(document: bytes) -> tuple[bytes, str | None]:
    """The document as expat can read it, and which encoding it is in, whatever it declares (None: what it declares)."""
    declared = _DECLARED.match(document)
    try:
        codec = codecs.lookup(declared[1].decode()).name if declared is not None else ""
    except LookupError:
        return document, None
    if codec not in _MULTI_BYTE:
        return document, None
    try:
        return document.decode(codec).encode(), "utf-8"
    except ValueError as error:
        raise Unfit(f"is not in the encoding {codec} that it declares") from error
