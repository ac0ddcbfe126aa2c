"""Bytes of a WSDL or schema to elements, without a DTD, in a depth that has a bound, and never from anywhere else."""

import re
from typing import Any
from xml.parsers import expat

from lxml import etree

from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.xml_reading.closed_xml import closed_parser

MAX_DEPTH = 200
"""Levels of elements. zeep goes two calls of Python deeper with each; libxml2 itself gives up beyond 256."""

_BEYOND_DEPTH = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
_LAST_END_TAG = re.compile(rb"</(?:[\w.-]+:)?([\w.-]+)\s*>\s*(?:<!--(?:(?!-->).)*-->\s*)*\Z", re.DOTALL)


class NotWellFormed(WsdlRefused):
    """A document that is no well-formed XML. Some of them are readable all the same, when errors are passed over."""


class _PrologRead(Exception):
    """The first element has come, and no DTD before it."""


def read_xml(url: str, document: bytes, *, recover: bool = False) -> Any:
    """The root element of a document, whose address is only for the sentence of a refusal.

    With `recover`, what is not well-formed is read as far as it goes, unless its end is missing. Raises `WsdlRefused`.
    """
    if _has_dtd(document):
        raise WsdlRefused(f"{url} has a DTD, which is never read")
    root = _parsed(url, document, recover)
    # Asked once more of the parser: expat does not know every encoding that libxml2 does.
    if root.getroottree().docinfo.internalDTD is not None:
        raise WsdlRefused(f"{url} has a DTD, which is never read")
    if _BEYOND_DEPTH(root):
        raise WsdlRefused(f"{url} nests its elements more than {MAX_DEPTH} levels deep")
    return root


def _parsed(url: str, document: bytes, recover: bool) -> Any:
    parser = closed_parser(encoding=None, recover=recover)
    try:
        root = etree.fromstring(document.lstrip(), parser, base_url=url)
    except (etree.LxmlError, ValueError) as error:
        raise NotWellFormed(f"{url} is no well-formed XML: {_place(error)}") from error
    if root is None or (recover and parser.error_log and not _ends_with(document, etree.QName(root).localname)):
        raise NotWellFormed(f"{url} is no well-formed XML, or ends too early")
    return root


def _place(error: Exception) -> str:
    text = getattr(error, "msg", None) or str(error) or "it is empty"
    line = getattr(error, "lineno", None)
    return f"line {line}: {text}" if line and "line" not in text else text


def _ends_with(document: bytes, name: str) -> bool:
    """Whether a document's last tag ends its root: what was cut off is not to be taken for a smaller WSDL."""
    end = _LAST_END_TAG.search(document.rstrip(b"\0 \t\r\n")[-4096:])
    return end is not None and end[1] == name.encode()


def _has_dtd(document: bytes) -> bool:
    """By expat, which stops at the first element: nothing of a DTD, and nothing of the document, is looked at."""
    found = False

    def doctype(*_: object) -> None:
        nonlocal found
        found = True
        raise _PrologRead

    def element(*_: object) -> None:
        raise _PrologRead

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        parser.Parse(document.lstrip(), True)
    except (_PrologRead, expat.ExpatError, ValueError, LookupError):
        # What expat cannot read is left to libxml2, which is asked for a DTD as well.
        return found
    return found
