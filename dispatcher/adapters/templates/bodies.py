"""Bodies, compiled: of each kind, what gives its bytes for a call, and for some the headers that go with them."""

from typing import Any

from dispatcher.adapters.templates.cloudevent import Attribute, binary, structured
from dispatcher.adapters.templates.compiler import Compiler, TextPair, joined_pairs, too_large
from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES
from dispatcher.adapters.templates.multipart import Envelope, Section, multipart
from dispatcher.adapters.templates.pieces import Bytes, Text
from dispatcher.adapters.templates.text import form_name, form_part, json_of, url_literal
from dispatcher.domain.context import Context
from dispatcher.domain.requests.body import Body, BodyKind, Part
from dispatcher.domain.requests.cloud_event import CloudEvent, Mode
from dispatcher.domain.requests.media_types import is_json
from dispatcher.domain.requests.vcon import vcon_of
from dispatcher.ports import RenderError

_VALUE = "request.body.value"
Compiled = tuple[bytes | Bytes | None, Envelope | None]
"""The body's bytes, or what gives them for a call; or what gives them with their headers."""


class Bodies:
    """Compiles bodies with a compiler that notes their faults."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler

    def compiled(self, body: Body) -> Compiled:
        """The body of any kind."""
        match body.kind:
            case BodyKind.NONE:
                return None, None
            case BodyKind.FORM:
                return _form(self._compiler.pairs(body.value, "_form", _VALUE, form_part)), None
            case BodyKind.JSON:
                return self._json(body.value, _VALUE), None
            case BodyKind.RAW:
                return _encoded(self._compiler.raw(body.value, body.content_type or "", _VALUE), _VALUE), None
            case BodyKind.XML:
                return _encoded(self._compiler.xml(body.value, _VALUE), _VALUE), None
            case BodyKind.MULTIPART:
                parts = [self._part(part, f"{_VALUE}[{index}]") for index, part in enumerate(body.value)]
                return None, multipart(parts, _VALUE)
            case BodyKind.CLOUDEVENT:
                return None, self._cloudevent(body.value)
            case BodyKind.VCON:
                return _vcon(redacted=body.value), None

    def _part(self, part: Part, field: str) -> tuple[Section, Section]:
        head = f'Content-Disposition: form-data; name="{form_name(part.name)}"'
        tail = "" if part.content_type is None else f"\r\nContent-Type: {part.content_type}"
        content = _section(_encoded(self._compiler.raw(part.value, part.content_type or "", f"{field}.value"), field))
        if part.filename is None:
            return _section((head + tail).encode()), content
        # Literal characters are made fit as values are: the author's file name has no path either.
        name = self._compiler.text(part.filename, "_file_name", f"{field}.filename", form_name)
        return _file_head(f'{head}; filename="', name, f'"{tail}', f"{field}.filename"), content

    def _cloudevent(self, event: CloudEvent) -> Envelope:
        at = "request.body"
        given = [
            # The delivery's id, since `source` and `id` are what receivers recognise a repeated event by.
            ("id", "{{ delivery.id }}", f"{at}.id"),
            ("source", event.source, f"{at}.source"),
            ("specversion", "1.0", f"{at}.specversion"),
            ("type", event.type, f"{at}.type"),
            ("subject", event.subject, f"{at}.subject"),
            ("time", event.time, f"{at}.time"),
            *((name, value, f"{at}.extensions.{name}") for name, value in event.extensions),
        ]
        attributes = [Attribute(name, self._attribute(name, source, field), field) for name, source, field in given]
        if is_json(event.datacontenttype):
            data = self._json(event.data, f"{at}.data")
        else:
            data = _encoded(self._compiler.raw(event.data, event.datacontenttype, f"{at}.data"), f"{at}.data")
        build = binary if event.mode is Mode.BINARY else structured
        return build(attributes, event.datacontenttype, _section(data))

    def _attribute(self, name: str, source: str, field: str) -> str | Text:
        if name == "source":
            return self._compiler.text(source, "_url", field, url_literal)
        return self._compiler.text(source, "_attribute", field)

    def _json(self, value: Any, field: str) -> bytes | Bytes:
        pairs: list[tuple[bytes, Bytes]] = []
        literal = b""
        for part in self._json_parts(value, field):
            if isinstance(part, bytes):
                literal += part
            else:
                pairs.append((literal, part))
                literal = b""
        return _json_body(pairs, literal, field) if pairs else literal

    def _json_parts(self, value: Any, field: str) -> list[bytes | Bytes]:
        """The pieces of a JSON value: literals serialised already, and what is to be serialised for each call.

        They are put together as bytes, not as a tree, so that the size can be watched while it grows.
        """
        if type(value) is str:
            return [self._compiler.json(value, field)]
        parts: list[bytes | Bytes] = []
        if type(value) is dict:
            for key, item in value.items():
                parts += [b"," if parts else b"{", json_of(key), b":", *self._json_parts(item, f"{field}.{key}")]
            return [*parts, b"}"] if parts else [b"{}"]
        if type(value) is list:
            for index, item in enumerate(value):
                parts += [b"," if parts else b"[", *self._json_parts(item, f"{field}[{index}]")]
            return [*parts, b"]"] if parts else [b"[]"]
        return [json_of(value)]


def _form(pairs: list[TextPair]) -> Bytes:
    return lambda context: joined_pairs(pairs, context, _VALUE).encode()


def _vcon(*, redacted: bool) -> Bytes:
    def render(context: Context) -> bytes:
        try:
            body = json_of(vcon_of(context, redacted=redacted))
        except (TypeError, UnicodeEncodeError):
            raise RenderError("request.body", "a value that cannot be encoded") from None
        if len(body) > MAX_OUTPUT_BYTES:
            raise too_large("request.body")
        return body

    return render


def _section(content: bytes | Bytes) -> Section:
    return (lambda _: content) if isinstance(content, bytes) else content


def _file_head(before: str, name: str | Text, after: str, field: str) -> Section:
    def head(context: Context) -> bytes:
        text = name if isinstance(name, str) else name(context)
        try:
            return f"{before}{text}{after}".encode()
        except UnicodeEncodeError:
            raise RenderError(field, "a value that cannot be encoded") from None

    return head


def _json_body(pairs: list[tuple[bytes, Bytes]], tail: bytes, field: str) -> Bytes:
    def render(context: Context) -> bytes:
        out: list[bytes] = []
        size = len(tail)
        for literal, value in pairs:
            encoded = value(context)
            size += len(literal) + len(encoded)
            if size > MAX_OUTPUT_BYTES:
                raise too_large(field)
            out += literal, encoded
        out.append(tail)
        return b"".join(out)

    return render


def _encoded(text: str | Text, field: str) -> bytes | Bytes:
    if isinstance(text, str):
        return text.encode()

    def render(context: Context) -> bytes:
        try:
            body = text(context).encode()
        except UnicodeEncodeError:
            raise RenderError(field, "a value that cannot be encoded") from None
        if len(body) > MAX_OUTPUT_BYTES:
            raise too_large(field)
        return body

    return render
