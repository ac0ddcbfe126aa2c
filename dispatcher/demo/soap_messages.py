"""The SOAP messages of the demonstration's CRM: what its WSDL asks of a request, and the envelopes that answer it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from dispatcher.domain.call_fields import OUTCOMES

NAMESPACE = "urn:onhook:demo:crm"
ENVELOPES = {"http://schemas.xmlsoap.org/soap/envelope/": "1.1", "http://www.w3.org/2003/05/soap-envelope": "1.2"}
CONTENT_TYPES = {"1.1": "text/xml", "1.2": "application/soap+xml"}
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_INT = re.compile(r"[+-]?[0-9]{1,10}")


class Refused(Exception):
    """A message that the client must mend. The text says what, for the fault; `version` is the one to answer in."""

    def __init__(self, reason: str, version: str = "1.1") -> None:
        super().__init__(reason)
        self.version = version


@dataclass(frozen=True)
class Field:
    """An element of a message. `kind` reads its text and raises ValueError, or is what stands inside it."""

    name: str
    kind: "Callable[[str], object] | tuple[Field, ...]" = str
    required: bool = False
    repeated: bool = False


def _moment(text: str) -> datetime:
    """As xs:dateTime, which has a time of day."""
    if "T" not in text:
        raise ValueError("no time of day")
    return datetime.fromisoformat(text)


def _int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise ValueError("no int")
    return int(text)


def _one_of(*words: str) -> Callable[[str], object]:
    return words.index


OPERATIONS: Mapping[str, tuple[Field, ...]] = {
    "LogCall": (
        Field("CallId", required=True),
        Field("StartedAt", _moment, required=True),
        Field("Seconds", _int, required=True),
        Field("Outcome", _one_of(*OUTCOMES), required=True),
        Field("Phone"),
        Field("Agent", (Field("Id"), Field("Name"))),
        Field("AccountCode", repeated=True),
        Field("RecordingUrl"),
    ),
    "RaiseTicket": (
        Field("Title", required=True),
        Field("Phone"),
        Field("Priority", _one_of("low", "normal", "high")),
    ),
}


class _Builder(ET.TreeBuilder):
    """Builds no document that brings a DTD: its entities could make megabytes of a few lines."""

    def doctype(self, *_: object) -> NoReturn:
        """Called where `<!DOCTYPE` begins, before any entity is known."""
        raise Refused("a message may have no DTD (SOAP 1.1, section 3)")


def read_call(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The version and the operation of a request that is as the WSDL wants it. Raises `Refused`."""
    envelope = _parse(body)
    namespace = envelope.tag[1:].rpartition("}")[0]
    version = ENVELOPES.get(namespace)
    if version is None or envelope.tag != f"{{{namespace}}}Envelope":
        raise Refused("the message is no envelope of SOAP 1.1 or 1.2")
    try:
        return version, _operation(version, headers, envelope.find(f"{{{namespace}}}Body"))
    except Refused as refused:
        raise Refused(str(refused), version) from refused


def _parse(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body, ET.XMLParser(target=_Builder()))  # noqa: S314 - it builds nothing that has a DTD
    except (ET.ParseError, LookupError, ValueError) as broken:
        raise Refused("the message is no XML") from broken


def _operation(version: str, headers: Mapping[str, str], body: ET.Element | None) -> str:
    if body is None or len(body) != 1:
        raise Refused("the body must have one element")
    name = body[0].tag.removeprefix(f"{{{NAMESPACE}}}")
    if name not in OPERATIONS:
        raise Refused("there is no such operation")
    content_type = Message()
    content_type["content-type"] = headers.get("content-type", "")
    if content_type.get_content_type() != CONTENT_TYPES[version]:
        raise Refused(f"the content type of SOAP {version} is {CONTENT_TYPES[version]}")
    # In SOAP 1.1 the action is a header that must be there, in 1.2 a parameter that may be left out.
    action = headers.get("soapaction", "") if version == "1.1" else content_type.get_param("action")
    if action is not None and str(action).strip('"') != f"{NAMESPACE}/{name}":
        raise Refused(f"the action is not that of {name}")
    _check(body[0], OPERATIONS[name], name)
    return name


def _check(parent: ET.Element, fields: tuple[Field, ...], path: str) -> None:
    """An xs:sequence: elements in their order, those that are required, and in each what its type allows."""
    awaited = list(fields)
    lacking = {field.name for field in fields if field.required}
    for child in parent:
        name = child.tag.removeprefix(f"{{{NAMESPACE}}}")
        while awaited and awaited[0].name != name:
            awaited.pop(0)
        if not awaited:
            raise Refused(f"{path}: an element that is not expected there")
        field = awaited[0] if awaited[0].repeated else awaited.pop(0)
        if child.get(_NIL) not in ("true", "1"):
            _check_value(child, field, f"{path}.{name}")
            lacking.discard(name)
    if lacking:
        raise Refused(f"{path} lacks {', '.join(sorted(lacking))}")


def _check_value(element: ET.Element, field: Field, path: str) -> None:
    if isinstance(field.kind, tuple):
        _check(element, field.kind, path)
        return
    if len(element):
        raise Refused(f"{path}: text is wanted")
    try:
        field.kind((element.text or "").strip())
    except ValueError as unfit:
        raise Refused(f"{path}: a value that does not fit its type") from unfit


def answer(version: str, operation: str, **values: object) -> bytes:
    """The envelope of an operation's answer."""
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    return _envelope(version, f'<{operation}Response xmlns="{NAMESPACE}">{inner}</{operation}Response>')


def fault(version: str, reason: str, *, blames_sender: bool) -> tuple[int, bytes]:
    """The status and the envelope of a fault: SOAP 1.1, 4.4 and 6.2; SOAP 1.2, part 1, 5.4, and part 2, 7.5.2.2."""
    text = escape(reason)
    if version == "1.1":
        code = "Client" if blames_sender else "Server"
        inner = f"<faultcode>soap:{code}</faultcode><faultstring>{text}</faultstring>"
        return 500, _envelope(version, f"<soap:Fault>{inner}</soap:Fault>")
    code = "Sender" if blames_sender else "Receiver"
    inner = f"<soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>"
    inner += f'<soap:Reason><soap:Text xml:lang="en">{text}</soap:Text></soap:Reason>'
    return 400 if blames_sender else 500, _envelope(version, f"<soap:Fault>{inner}</soap:Fault>")


def _envelope(version: str, content: str) -> bytes:
    namespace = next(name for name, of in ENVELOPES.items() if of == version)
    body = f'<soap:Envelope xmlns:soap="{namespace}"><soap:Body>{content}</soap:Body></soap:Envelope>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}'.encode()
