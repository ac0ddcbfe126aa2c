"""XML that people and templates wrote, parsed without a DTD, entities or any other document."""

from typing import Any

from lxml import etree

from dispatcher.xml_reading.closed_xml import closed_parser


class NoFragment(ValueError):
    """A text that is no well-formed piece of XML. It holds nothing of the text."""


def elements_of(fragment: str) -> list[Any]:
    """The elements of a piece of XML, in their order. Raises `NoFragment` where there is text beside them, too."""
    try:
        root = etree.fromstring(f"<_>{fragment}</_>".encode(), closed_parser())
    except (etree.LxmlError, ValueError):
        raise NoFragment("no well-formed XML") from None
    if any((text or "").strip() for text in (root.text, *(child.tail for child in root))):
        raise NoFragment("text beside the elements")
    return list(root)
