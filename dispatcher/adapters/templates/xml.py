"""Templates of XML documents: where a value may stand, and whether what comes out is always well-formed (XML 1.0)."""

import re
from xml.parsers import expat

from jinja2 import nodes

from dispatcher.adapters.templates.language import TemplateRefused, filtered
from dispatcher.adapters.templates.places import Place, State

MAX_WAYS = 200
"""Ways through a template that are parsed when it is saved, each some 100 us."""
_TEXT, _TAG = "text", "a tag"
_QUOTES = {'"': 'value in "', "'": "value in '"}
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_NAMES = {_TAG: _TAG, "<!--": "a comment", "<![CDATA[": "CDATA", "<?": "a processing instruction"}
_FIT = "in text, or between the quotes of an attribute"
_NAMESPACE = re.compile(r"xmlns(?::[^\s=]*)?\s*=\s*\Z")
_BARE_END = re.compile(r"\]*>")
_PLACEHOLDER = "x"


class _Xml:
    """States are `text`, `a tag`, the two kinds of attribute values, and what began a comment, CDATA or `<?`."""

    start = _TEXT
    marks = "tag"

    def after(self, text: str, state: State) -> State:
        if state == _TEXT and _BARE_END.match(text):
            # Two pieces could come to `]]>`, which no text may hold (XML 1.0, 2.4).
            raise _refused("&gt; in text", "a > right behind a value, an if or a loop")
        place = 0
        while place < len(text):
            state, place = _step(text, place, state)
        return state

    def escape(self, node: nodes.Expr, state: State) -> nodes.Filter:
        if state in _NAMES:
            raise _refused(f"values {_FIT}", f"a value in {_NAMES[state]}")
        return filtered(node, "_xml")

    def branch(self, node: nodes.If | nodes.For, state: State) -> None:
        if state in _NAMES:
            raise _refused(f"if and for {_FIT}", f"one in {_NAMES[state]}")
        if state != _TEXT and any(state[-1] in data.data for data in node.find_all(nodes.TemplateData)):
            # Two branches could each begin an attribute of the same name.
            raise _refused("if and for that stay inside of their attribute", "one that ends it")


def in_xml() -> Place:
    """In text or in an attribute's value."""
    return _Xml()


def _step(text: str, place: int, state: State) -> tuple[State, int]:
    """One step: the state behind the next mark, and where that is."""
    if state == _TEXT:
        return _in_text(text, place)
    if state == _TAG:
        return _in_tag(text, place)
    end = _ENDS.get(state) or state[-1]
    found = text.find(end, place)
    if found < 0:
        return state, len(text)
    return (_TEXT if state in _ENDS else _TAG), found + len(end)


def _in_text(text: str, place: int) -> tuple[State, int]:
    found = text.find("<", place)
    if found < 0:
        return _TEXT, len(text)
    for begin in _ENDS:
        if text.startswith(begin, found):
            return begin, found + len(begin)
    return _TAG, found + 1


def _in_tag(text: str, place: int) -> tuple[State, int]:
    for index in range(place, len(text)):
        if text[index] == ">":
            return _TEXT, index + 1
        if text[index] in _QUOTES:
            # A literal that ends before the attribute's value does is followed by an expression.
            if _NAMESPACE.search(text, place, index) and text.find(text[index], index + 1) < 0:
                raise _refused("a literal namespace", "a value in xmlns")
            return _QUOTES[text[index]], index + 1
    return _TAG, len(text)


def check_xml(tree: nodes.Template) -> None:
    """Raises `TemplateRefused` where some way through the template gives no well-formed document.

    Every branch of every `if`, and no, one and two rounds of every loop, are tried one at a time. That covers all
    combinations: what follows a branch can be right behind one stack of open elements only, so that all branches of an
    `if` must leave the same.
    """
    for document in _ways(tree.body):
        _parse(document)


def _ways(body: list[nodes.Node]) -> list[str]:
    """The documents that a template can give, every value being one letter: the first, and those that differ from it in
    one place."""
    alternatives = [_alternatives(node) for node in body]
    if sum(map(len, alternatives)) - len(alternatives) > MAX_WAYS:
        raise _refused(f"at most {MAX_WAYS} ways through the document", "more if and for")
    first = [each[0] for each in alternatives]
    ways = ["".join(first)]
    for index, each in enumerate(alternatives):
        before, after = "".join(first[:index]), "".join(first[index + 1 :])
        ways += [f"{before}{other}{after}" for other in each[1:]]
    return ways


def _alternatives(node: nodes.Node) -> list[str]:
    if isinstance(node, nodes.Output):
        return ["".join(each.data if isinstance(each, nodes.TemplateData) else _PLACEHOLDER for each in node.nodes)]
    if isinstance(node, nodes.For):
        once = _ways(node.body)
        return [*once, once[0] * 2, *_ways(node.else_)]
    assert isinstance(node, nodes.If)
    branches = [node.body, *(each.body for each in node.elif_), node.else_]
    return [way for branch in branches for way in _ways(branch)]


def _parse(document: str) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.XmlDeclHandler = _refuse_other_encoding
    try:
        parser.Parse(document.encode(), True)
    except expat.ExpatError as error:
        expected = "XML that is well-formed whatever the values are, and whichever way each if and loop goes"
        raise _refused(expected, f"line {error.lineno}: {expat.ErrorString(error.code)}") from None


def _refuse_doctype(*_: object) -> None:
    raise _refused("a document without DOCTYPE", "a DOCTYPE")


def _refuse_other_encoding(version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG001 - expat's signature
    if version != "1.0" or (encoding or "utf-8").lower() != "utf-8":
        raise _refused("XML 1.0 in utf-8, in which every body is sent", "another declaration")


def _refused(expected: str, got: str) -> TemplateRefused:
    return TemplateRefused([(expected, got)])
