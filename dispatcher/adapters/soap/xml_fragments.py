"""XML that people and templates wrote, parsed without a DTD, entities or any other document."""

from typing import Any

from lxml import etree


class NoFragment(ValueError):
    """A text that is no well-formed piece of XML. It holds nothing of the text."""


def elements_of(fragment: str) -> list[Any]:
    """The elements of a piece of XML, in their order. Raises `NoFragment` where there is text beside them, too."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(f"<_>{fragment}</_>".encode(), parser)
    except (etree.LxmlError, ValueError):
        raise NoFragment("no well-formed XML") from None
    if any((text or "").strip() for text in (root.text, *(child.tail for child in root))):
        raise NoFragment("text beside the elements")
    return list(root)
