"""Reads what a SOAP target answered, in memory and time that have bounds."""

import re
from collections.abc import Callable
from email.message import Message
from functools import cache
from typing import Any

from lxml import etree

from dispatcher.adapters.soap.namespaces import ENVELOPE
from dispatcher.domain.exchange import Answer
from dispatcher.domain.soap.description import SoapVersion
from dispatcher.domain.soap.reply import Fault, Reply
from dispatcher.xml_reading.paths import parsed

MAX_REPLY_BYTES = 1_048_576
"""Of one answer: some 30 ms to parse at the worst, on the thread that records. A reply to a call that has ended says
little; what is longer is not read."""
MAX_REPLY_DEPTH = 256
MAX_TEXT_CHARACTERS = 1_000
MAX_DETAIL_CHARACTERS = 4_096
"""Of a fault's texts, and of its detail as XML."""
_MAX_SUBCODES = 10
_HTML = (b"<!doctype html", b"<html")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_VERSIONS = {namespace: version for version, namespace in ENVELOPE.items()}

ReadFields = Callable[[Any], Any]
"""The fields of a reply's body element; never raises."""


class ReplyReader:
    """Reads the answers to the requests of one profile. Immutable, so that threads may share it."""

    def __init__(
        self, version: SoapVersion, *, one_way: bool, element: str = "", read_fields: ReadFields = lambda _: None
    ) -> None:
        """`element` is the local name that the reply's body element must have; empty where any may."""
        self._version, self._one_way, self._element, self._read_fields = version, one_way, element, read_fields

    def read(self, answer: Answer) -> Reply:
        """What the answer is. Never raises."""
        content = _root_part(answer)
        if not content.strip():
            return Reply(empty=True, one_way=self._one_way)
        if len(content) > MAX_REPLY_BYTES:
            return _unreadable(f"more than {MAX_REPLY_BYTES} bytes of reply")
        root = parsed(content, MAX_REPLY_BYTES, MAX_REPLY_DEPTH)
        if root is None:
            return _unreadable(_why_not_parsed(content))
        name = etree.QName(root)
        if name.localname != "Envelope" or name.namespace not in _VERSIONS:
            html = name.localname.lower() == "html"
            return _unreadable("a page of HTML" if html else "XML that is no SOAP envelope")
        return self._in_envelope(root, _VERSIONS[name.namespace])

    def _in_envelope(self, envelope: Any, version: SoapVersion) -> Reply:
        body = envelope.find(f"{{{ENVELOPE[version]}}}Body")
        if body is None:
            return _unreadable("an envelope without a body")
        first = next((child for child in body if isinstance(child.tag, str)), None)
        if first is not None and _is_fault(first):
            said = _VERSIONS.get(etree.QName(first).namespace or "", version)
            return Reply(fault=_fault_of(first, said), one_way=self._one_way)
        if version is not self._version:
            return _unreadable(f"a reply of SOAP {version} to a request of SOAP {self._version}")
        if self._element and (first is None or etree.QName(first).localname != self._element):
            return _unreadable("an empty body" if first is None else "a reply to something else than this operation")
        # Judged by them and then captured from: large ones take a third of a second to read.
        return Reply(one_way=self._one_way, fields=cache(lambda: self._read_fields(body)))

    def once(self) -> Callable[[Answer], Reply]:
        """The same for one exchange, whose answer is read but once however often it is looked at."""
        return _Once(self)


class _Once:
    __slots__ = ("_answer", "_reader", "_reply")

    def __init__(self, reader: ReplyReader) -> None:
        self._reader = reader
        self._answer: Answer | None = None
        self._reply = Reply()

    def __call__(self, answer: Answer) -> Reply:
        if self._answer is not answer:
            self._reply = self._reader.read(answer)
            self._answer = answer
        return self._reply


def _unreadable(why: str) -> Reply:
    return Reply(unreadable=why)


def _why_not_parsed(content: bytes) -> str:
    beginning = content[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(mark in beginning for mark in _HTML):
        return "a page of HTML"
    if b"<!doctype" in beginning or b"<!entity" in beginning:
        return "XML with a DTD"
    if not beginning.startswith(b"<"):
        return "something that is no XML"
    return "no well-formed XML (cut short, perhaps), or XML nested too deep"


def _root_part(answer: Answer) -> bytes:
    """The envelope itself: of a reply with attachments, the part that `start` names, else the first (RFC 2387, 3.2)."""
    content_type = answer.header("content-type") or ""
    if not content_type.lower().lstrip().startswith("multipart/related"):
        return answer.body
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if not boundary:
        return answer.body
    marks = re.compile(
        rb"(?:^|\r?\n)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(?:--)?[ \t]*(?:\r?\n|$)"
    )
    parts = [_END_OF_HEAD.split(part, 1) for part in marks.split(answer.body)[1:]]
    whole = [(head, content) for head, *rest in parts for content in rest]
    start = str(header.get_param("start") or "").encode("utf-8", "replace")
    named = (content for head, content in whole if start and start in head)
    return next(named, whole[0][1] if whole else b"")


def _is_fault(element: Any) -> bool:
    """In no namespace, too, or in that of the other version: where any reply may come, it would pass for one."""
    name = etree.QName(element)
    return name.localname == "Fault" and (name.namespace is None or name.namespace in _VERSIONS)


def _fault_of(fault: Any, version: SoapVersion) -> Fault:
    """Children are found by local name: half of all servers put those of 1.1 into some namespace."""
    if version is SoapVersion.V1_1:
        return Fault(
            code=_code(_child(fault, "faultcode")),
            string=_text(_child(fault, "faultstring")),
            actor=_text(_child(fault, "faultactor")),
            detail=_inner_xml(_child(fault, "detail")),
        )
    code = _child(fault, "Code")
    reason = _child(fault, "Reason")
    return Fault(
        code=_code(_child(code, "Value")),
        string=_text(_child(reason, "Text")),
        actor=_text(_child(fault, "Role")),
        detail=_inner_xml(_child(fault, "Detail")),
        subcodes=_subcodes(_child(code, "Subcode")),
    )


def _subcodes(element: Any) -> tuple[str, ...]:
    codes: list[str] = []
    while element is not None and len(codes) < _MAX_SUBCODES:
        codes.append(_code(_child(element, "Value")))
        element = _child(element, "Subcode")
    return tuple(codes)


def _child(element: Any, name: str) -> Any:
    if element is None:
        return None
    return next((each for each in element if isinstance(each.tag, str) and etree.QName(each).localname == name), None)


def _text(element: Any) -> str:
    return "" if element is None else "".join(element.itertext()).strip()[:MAX_TEXT_CHARACTERS]


def _code(element: Any) -> str:
    """Without its prefix, which is the server's own choice."""
    return _text(element).rpartition(":")[2]


def _inner_xml(element: Any) -> str:
    if element is None:
        return ""
    inner = [element.text or "", *(etree.tostring(child, encoding="unicode") for child in element)]
    return "".join(inner).strip()[:MAX_DETAIL_CHARACTERS]
