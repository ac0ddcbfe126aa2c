"""A SOAP envelope as bytes: where its Header is, and a block put into it that leaves every other byte as it was.

An envelope may come from zeep or be written by hand, with comments, CDATA and prefixes of any kind. Built anew from a
tree it would be another text, which a signature over the body, or a target with a home-made parser, need not take.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

NAMESPACES = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
"""Of SOAP 1.1 and SOAP 1.2."""
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_START_TAG = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_TAG_NAME = re.compile(rb"<([^\s/>]+)")


class NoEnvelope(ValueError):
    """A body that a block cannot be put into. The text is a sentence that quotes nothing of the body."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope and where its tags begin, in bytes; `header` is None where it has none."""

    data: bytes
    namespace: str
    root: int
    header: int | None
    has_security: bool
    """Whether a `wsse:Security` for the last receiver is there already: one is all that WSS 1.1.1 allows (Core, 5)."""

    def with_block(self, block: str) -> bytes:
        """The envelope with an element as the first one of its Header, which is made where there is none."""
        # Whatever form of ASCII the envelope is written in, what lies outside it is a reference to a character.
        element = block.encode("ascii", "xmlcharrefreplace")
        tag = self._tag(self.root if self.header is None else self.header)
        if self.header is None:
            prefix, colon, _ = self._name(self.root).rpartition(b":")
            name = prefix + colon + b"Header"
            return b"%b<%b>%b</%b>%b" % (self.data[: tag.end()], name, element, name, self.data[tag.end() :])
        if tag[0].endswith(b"/>"):
            name = self._name(self.header)
            return b"%b>%b</%b>%b" % (self.data[: tag.end() - 2], element, name, self.data[tag.end() :])
        return self.data[: tag.end()] + element + self.data[tag.end() :]

    def _tag(self, at: int) -> re.Match[bytes]:
        found = _START_TAG.match(self.data, at)
        assert found is not None, "expat took it for a tag"
        return found

    def _name(self, at: int) -> bytes:
        found = _TAG_NAME.match(self.data, at)
        assert found is not None, "expat took it for a tag"
        return found[1]


def read_envelope(body: bytes | None) -> Envelope:
    """The envelope that a body is. Raises NoEnvelope for any other body, and for one with a DTD, as SOAP has none."""
    if not body:
        raise NoEnvelope("the credential goes into a SOAP envelope, and the request has no body")
    if b"\0" in body[:4]:
        raise NoEnvelope("the body is in UTF-16 or UTF-32, and an envelope must be in UTF-8 or another form of ASCII")
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except NoEnvelope:
        raise
    except (expat.ExpatError, LookupError, ValueError):  # the last two: an encoding that expat cannot be taught
        raise NoEnvelope("the body is no well-formed XML, and the credential goes into a SOAP envelope") from None
    if reader.body is None or reader.root is None:
        raise NoEnvelope("the envelope has no Body")
    return Envelope(body, reader.namespace, reader.root, reader.header, reader.has_security)


class _Reader:
    """What expat tells of one document."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.namespace = ""
        self.root: int | None = None
        self.header: int | None = None
        self.body: int | None = None
        self.has_security = False
        self._depth = 0

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        at, self._depth = self.parser.CurrentByteIndex, self._depth + 1
        if self._depth == 1:
            self.namespace, _, local = name.rpartition(" ")
            if local != "Envelope" or self.namespace not in NAMESPACES:
                raise NoEnvelope("the body is XML, and no SOAP envelope")
            self.root = at
        elif self._depth == 2:
            if name == f"{self.namespace} Header" and self.header is None:
                self.header = at
            elif name == f"{self.namespace} Body":
                self.body = at
                # The rest need only be well-formed, which expat alone finds out many times as fast.
                self.parser.StartElementHandler = self.parser.EndElementHandler = None
        elif self._depth == 3 and name == f"{WSSE} Security":
            others = (f"{self.namespace} actor", f"{self.namespace} role")
            self.has_security = self.has_security or not any(each in attributes for each in others)

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _doctype(self, *_: object) -> NoReturn:
        raise NoEnvelope("the body has a DTD, which SOAP does not allow")
