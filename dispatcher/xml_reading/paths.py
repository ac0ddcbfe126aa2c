"""XPath over what strangers send, by lxml, in memory and time that have bounds."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from lxml import etree

from dispatcher.domain.engines import PathRefused, Xml, Xpath
from dispatcher.xml_reading.closed_xml import closed_parser
from dispatcher.xml_reading.xpath_subset import check_xpath

MAX_XML_BYTES = 262_144
"""Of one document: some 15 ms to parse at the worst, 45 ms for the dearest path, 20 MB of memory meanwhile."""
MAX_DEPTH = 64
"""Levels of elements; the text of nested elements is put together once for each level that is asked for."""
MAX_FOUND = 100
"""Nodes of which a path gives the texts, the first ones of the document."""

_STRING = etree.XPath("string()", smart_strings=False)
"""The text of an element, put together by libxml2: twenty times as fast as `itertext` where there is much of it."""
_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_SINGLE_BYTE = frozenset({"iso-8859-1", "iso-8859-15", "latin1", "latin-1", "windows-1252", "cp1252"})
# Atomic groups: what was taken for a comment is not tried again as the beginning of a longer one.
_DOCTYPE = re.compile(rb"(?>(?>\s+|<\?.*?\?>|<!--.*?-->)*)<!DOCTYPE", re.DOTALL)
_DECLARATION = re.compile(rb"<\?xml\s.*?\?>", re.DOTALL)


def compile_xpath(path: str, namespaces: Mapping[str, str]) -> Xpath:
    """The search for a path of the subset (`xpath_subset`) in a document. Raises `PathRefused`."""
    search = _compiled(path, namespaces)

    def find(document: bytes) -> list[str]:
        root = parsed(document)
        return [] if root is None else search(root)

    return find


@lru_cache
def _beyond(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


def parsed(document: bytes, max_bytes: int = MAX_XML_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The root element; None where there is none, where it nests too deep, or where there is a DTD, whatever it says.

    A DTD is refused before anything is parsed. UTF-8, UTF-16 with a byte order mark, Latin-1, Latin-9 and Windows-1252
    are read; another declared encoding is taken for UTF-8, because what declares utf-16 and is none is common.
    """
    text = _utf8(document) if len(document) <= max_bytes else None
    if text is None or _DOCTYPE.match(text):
        return None
    try:
        root = etree.fromstring(text, closed_parser())
    except (etree.LxmlError, ValueError):
        return None
    # Asked once more of the parser, which is the judge of what a DTD is.
    if root.getroottree().docinfo.internalDTD is not None or _beyond(max_depth)(root):
        return None
    return root


def _compiled(path: str, namespaces: Mapping[str, str]) -> Callable[[Any], list[str]]:
    check_xpath(path, namespaces)
    try:
        search = etree.XPath(
            f"({path})[position() <= {MAX_FOUND}]",
            namespaces=dict(namespaces) or None,
            regexp=False,
            smart_strings=False,
        )
    except etree.XPathSyntaxError as error:
        raise PathRefused(f"no XPath: {error}") from None

    def find(root: Any) -> list[str]:
        try:
            found = search(root)
        except etree.LxmlError:
            return []
        return [_text(each) for each in found]

    return find


def compile_nodes(path: str, namespaces: Mapping[str, str], most: int) -> Callable[[Any], list[Any]]:
    """The search for the elements at a path of the subset, the first `most` of them. Raises `PathRefused`."""
    check_xpath(path, namespaces)
    try:
        search = etree.XPath(f"({path})[position() <= {most}]", namespaces=dict(namespaces) or None, regexp=False)
    except etree.XPathSyntaxError as error:
        raise PathRefused(f"no XPath: {error}") from None

    def find(root: Any) -> list[Any]:
        try:
            return [each for each in search(root) if etree.iselement(each)]
        except etree.LxmlError:
            return []

    return find


XML = Xml(parsed, _compiled)
"""XPath in two steps, for documents that several paths look into."""


def _text(found: Any) -> str:
    return str(_STRING(found) if etree.iselement(found) else found).strip()


def _utf8(document: bytes) -> bytes | None:
    try:
        if document.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return _undeclared(document.decode("utf-16"))
        text = document.removeprefix(BOM_UTF8).lstrip()  # some servers begin with an empty line
        declared = _DECLARED.match(text)
        if declared and (encoding := declared[1].decode().lower()) in _SINGLE_BYTE:
            return _undeclared(text.decode(encoding))
    except UnicodeDecodeError:
        return None
    return text


def _undeclared(text: str) -> bytes:
    return _DECLARATION.sub(b"", text.lstrip().encode(errors="replace"), count=1)
