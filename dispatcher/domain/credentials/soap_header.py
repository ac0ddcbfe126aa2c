"""A SOAP header with a token in it, as a credential's `send` describes it: one element with `{token}` in it."""

from collections.abc import Mapping
from html import escape
from xml.parsers import expat

from dispatcher.domain.shape import Reading

TOKEN = "{token}"  # noqa: S105 - where the token goes, no secret
MAX_XML_CHARACTERS = 8_000


class _NotFit(ValueError):
    """An element that cannot be a header; the text says why."""


def read_header_xml(reading: Reading, raw: object, at: str) -> str:
    """The element of a header; faults are noted."""
    text = reading.text(raw, at, MAX_XML_CHARACTERS).strip()
    if type(raw) is not str:
        return text
    try:
        _check(text)
    except _NotFit as refused:
        reading.note_got(at, "one XML element in a namespace, with {token} in a text or an attribute", str(refused))
    return text


def header_with(xml: str, token: str) -> str:
    """The element with a text, escaped, where `{token}` stands."""
    return xml.replace(TOKEN, escape(token))


def is_well_formed(text: str) -> bool:
    """Whether a text is one XML document without a DTD; `{password}` and the like may stand in its texts."""
    try:
        _parse(text)
    except _NotFit:
        return False
    return True


def _check(text: str) -> None:
    seen = _parse(text)
    if seen.refused is not None:
        raise _NotFit(seen.refused)
    if not seen.tokens or seen.tokens != text.count(TOKEN):
        # Anywhere else (a comment, CDATA, the name of a namespace) it would not be escaped as it needs to be.
        raise _NotFit("none, or one in another place")


class _Seen:
    """What expat tells of the element."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.tokens, self.depth, self.in_cdata = 0, 0, False
        self.refused: str | None = None
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartCdataSectionHandler = lambda: self._cdata(inside=True)
        parser.EndCdataSectionHandler = lambda: self._cdata(inside=False)
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = lambda *_: self._refuse("an XML declaration")
        parser.ProcessingInstructionHandler = lambda *_: self._refuse("a processing instruction")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        if self.depth == 1 and " " not in name:
            # Without one it would take over the envelope's, and SOAP wants headers to have one.
            self._refuse("an element without a namespace")
        if not all(each.isascii() for each in (name.rpartition(" ")[2], *attributes)):
            self._refuse("a name that is not ASCII")
        self.tokens += sum(value.count(TOKEN) for value in attributes.values())

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _text(self, text: str) -> None:
        self.tokens += 0 if self.in_cdata else text.count(TOKEN)

    def _cdata(self, *, inside: bool) -> None:
        self.in_cdata = inside

    def _doctype(self, *_: object) -> None:
        raise _NotFit("a DTD")

    def _refuse(self, what: str) -> None:
        self.refused = self.refused or what


def _parse(text: str) -> _Seen:
    parser = expat.ParserCreate("utf-8", " ")
    seen = _Seen(parser)
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError:
        raise _NotFit("text that is no well-formed XML") from None
    return seen
