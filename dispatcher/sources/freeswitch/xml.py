"""A record of FreeSWITCH's mod_xml_cdr, read as the switch writes it, which often is no well-formed XML.

A strict parser loses calls: channel variables become element names as they are, so that there are undeclared prefixes
(`nolocal:`), names that are digits, hold a space or begin with `^^,`, and text with a bare `<` or `>`. So variables are
read name by name up to their own closing tag, and everything else token by token, where what is no tag is text.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import unquote

from dispatcher.sources.format import NotUnderstood

_MAX_ELEMENTS = 50_000
"""A record has some hundred. Reading so many takes a fraction of a second."""
_MAX_DEPTH = 32
_DTD = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_OPENING = re.compile(r"<([^<>/!?][^<>]{0,255})>")
_CLOSING = re.compile(r"</([^<>]{1,256})>")
_TAG = re.compile(r"""<(?:/([\w:.-]+)\s*|([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?))>""")
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);")
"""The references of XML 1.0; a bare `&` is text."""
_PREFIXES = ("nolocal:", "^^,")
"""What the dialplan wrote before a variable's name: not for the other leg; a list with its own separator."""


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["_Element"] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def document_of_xml(text: str) -> dict[str, Any]:
    """The record in the shape that mod_json_cdr gives it, its variables decoded. Raises `NotUnderstood`."""
    if _DTD.search(text):
        raise NotUnderstood("The XML has a document type definition, which no record of mod_xml_cdr has.")
    if text.count("<") > _MAX_ELEMENTS:
        raise NotUnderstood(f"The XML has more than {_MAX_ELEMENTS} tags.")
    start, end = text.find("<variables>"), text.find("</variables>")
    if start < 0:
        raise NotUnderstood("The XML has no element `variables`, so it is no record of mod_xml_cdr.")
    if end < start:
        raise NotUnderstood("The XML ends before its variables do.")
    around = text[:start] + text[end + len("</variables>") :]
    root = _tree(_without(_without(around, "<!--", "-->"), "<?", "?>"))
    record: dict[str, Any] = {"variables": _variables(text[start + len("<variables>") : end])}
    for each in _descendants(root):
        if each.name == "cdr":
            record["switchname"] = each.attributes.get("switchname")
        elif each.name == "channel_data":
            record["channel_data"] = _leaves(each)
    flows = [each for each in _descendants(root) if each.name == "callflow"]
    return {**record, "callflow": [_callflow(each) for each in flows]}


def _without(text: str, opening: str, closing: str) -> str:
    """The text without what lies between these marks. Not by a pattern, which would look for each end anew."""
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0 and (end := text.find(closing, start + len(opening))) >= 0:
        kept.append(text[at:start])
        at = end + len(closing)
    return "".join([*kept, text[at:]])


def _variables(text: str) -> dict[str, str]:
    """Every variable by its name; of a repeated one the first. The module percent-encodes all values, always."""
    closings: dict[str, list[int]] = {}
    for closing in _CLOSING.finditer(text):
        closings.setdefault(closing[1], []).append(closing.start())
    found: dict[str, str] = {}
    at = 0
    while opening := _OPENING.search(text, at):
        name, at = opening[1], opening.end()
        places = closings.get(name, ())
        index = bisect_left(places, at)
        if index < len(places):
            found.setdefault(name, unquote(_plain(text[at : places[index]]), errors="replace"))
            at = places[index] + len(name) + 3
    for name in [each for each in found if each.startswith(_PREFIXES)]:
        for prefix in _PREFIXES:
            found.setdefault(name.removeprefix(prefix), found[name])
    return found


def _plain(text: str) -> str:
    """The text with its references resolved, each once; a control character that XML cannot hold is replaced."""
    return _REFERENCE.sub(lambda found: unescape(found[0]), text) if "&" in text else text


def _tree(text: str) -> _Element:
    """Elements as far as they nest; a closing tag that closes nothing is text."""
    open_elements, at = [_Element("")], 0
    for tag in _TAG.finditer(text):
        closes, opens, attributes, is_empty = tag.groups()
        open_elements[-1].text.append(text[at : tag.start()])
        at = tag.end()
        if closes:
            names = [each.name for each in open_elements[1:]]
            if closes in names:
                del open_elements[len(names) - names[::-1].index(closes) :]
            continue
        element = _Element(opens, {name: _plain(a or b) for name, a, b in _ATTRIBUTE.findall(attributes)})
        open_elements[-1].children.append(element)
        if not is_empty:
            open_elements.append(element)
            if len(open_elements) > _MAX_DEPTH:
                raise NotUnderstood(f"The XML nests deeper than {_MAX_DEPTH} elements.")
    return open_elements[0]


def _descendants(element: _Element) -> list[_Element]:
    """All elements below, in the order of the document."""
    found, waiting = [], element.children[::-1]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.children[::-1]
    return found


def _leaves(element: _Element) -> dict[str, Any]:
    """The text of each child by its name; of a repeated one the first."""
    return {each.name: _plain("".join(each.text)).strip() for each in reversed(element.children)}


def _callflow(element: _Element) -> dict[str, Any]:
    profile = next((each for each in element.children if each.name == "caller_profile"), None)
    flow: dict[str, Any] = {"profile_index": element.attributes.get("profile_index")}
    if profile is not None:
        flow["caller_profile"] = {**_leaves(profile), **_other_legs(profile)}
    return flow


def _other_legs(profile: _Element) -> dict[str, Any]:
    """`originator` and `originatee` with the profiles of those legs, named as mod_json_cdr names them."""
    others = [each for each in profile.children if each.name in ("originator", "originatee")]
    return {each.name: {f"{each.name}_caller_profiles": [_leaves(leg) for leg in each.children]} for each in others}
