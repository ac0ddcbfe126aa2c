"""A profile's request, compiled: a call's context in, a rendered request out.

No value can leave its place: see `template_text` for what each place does to it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from dispatcher.adapters.template_filters import MAX_OUTPUT_BYTES
from dispatcher.adapters.template_language import TemplateRefused
from dispatcher.adapters.template_pieces import (
    Bytes,
    Text,
    json_piece,
    raw_json_piece,
    text_piece,
)
from dispatcher.adapters.template_text import form_part, header_text, json_of, url_literal, url_part
from dispatcher.domain.context import Context
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.rest_request import Body, BodyKind, Pair
from dispatcher.domain.shape import Fault
from dispatcher.ports import Rendered, RenderError

__all__ = ["JinjaTemplates", "RenderError", "Rendered", "RequestTemplate", "check_request", "compile_request"]

_JSON_TYPE = re.compile(
    r"[^/]+/(?:[^;]*\+)?(?:json|x-ndjson|ndjson|jsonl|x-jsonlines|json-seq)\s*(?:;|$)", re.IGNORECASE
)
_XML_TYPE = re.compile(r"[^/]+/(?:[^;]*\+)?xml\s*(?:;|$)", re.IGNORECASE)
_FORM_TYPE = "application/x-www-form-urlencoded"

_TextPair = tuple[str, str | Text]


class RequestTemplate:
    """Renders a profile's request; made by `compile_request`. Immutable, so threads may share it."""

    __slots__ = ("_body", "_headers", "_method", "_query", "_url")

    def __init__(self, compiler: "_Compiler", spec: ProfileSpec) -> None:
        request = spec.request
        self._method = request.method
        self._url = compiler.text(request.url, "_url", "request.url", url_literal)
        self._query = compiler.pairs(request.query, "_url", "request.query", url_part)
        self._headers = compiler.pairs(_with_content_type(request.headers, request.body), "_header", "request.headers", header_text)  # fmt: skip  # noqa: E501
        self._body = compiler.body(request.body)

    def render(self, context: Context) -> Rendered:
        """The request for one call, its URL and headers in ASCII. Raises `RenderError`."""
        url = self._url
        if not isinstance(url, str):
            url = url(context)
            _refuse_dot_segments(url)
        if self._query:
            url += "&" if "?" in url else "?"
            url += _joined_pairs(self._query, context, "request.query")
        size = 0
        headers = []
        for name, value in self._headers:
            text = value if isinstance(value, str) else value(context)
            size += len(text)
            headers.append((name, text.strip()))
        if size > MAX_OUTPUT_BYTES:
            raise _too_large("request.headers")
        body = self._body
        return Rendered(self._method, url, headers, body(context) if callable(body) else body)


def compile_request(spec: ProfileSpec) -> RequestTemplate:
    """The compiled request of a profile; some milliseconds, so keep it for as long as the revision lives.

    A profile that `check_request` finds fault with raises `RenderError`: a stored one may have been saved under
    older rules, and then its deliveries end as any other that cannot be rendered.
    """
    compiler = _Compiler()
    template = RequestTemplate(compiler, spec)
    if compiler.faults:
        fault = compiler.faults[0]
        raise RenderError(fault["field"], f"a template that is not allowed: {fault['got']}")
    return template


def check_request(spec: ProfileSpec) -> list[Fault]:
    """Every fault of the request's templates, to be told when a profile is saved: syntax, unknown variables, forbidden
    constructs. Empty if there is none."""
    compiler = _Compiler()
    RequestTemplate(compiler, spec)
    return compiler.faults


class JinjaTemplates:
    """The `Templates` port, by the bounded part of Jinja."""

    check = staticmethod(check_request)
    compile = staticmethod(compile_request)


class _Compiler:
    """Compiles templates and notes the faults of those that cannot be."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def _attempt(self, field: str, compiled: Callable[[], Any]) -> Any:
        try:
            return compiled()
        except TemplateRefused as refused:
            self.faults += [{"field": field, "expected": expected, "got": got} for expected, got in refused.faults]
            return ""

    def text(self, source: str, escape: str, field: str, literal: Callable[[str], str] = str) -> str | Text:
        piece: str | Text = self._attempt(field, lambda: text_piece(source, escape, field, literal))
        return piece

    def pairs(self, pairs: Sequence[Pair], escape: str, field: str, literal: Callable[[str], str]) -> list[_TextPair]:
        return [
            (
                pair.name if escape == "_header" else literal(pair.name),
                self.text(pair.value, escape, f"{field}[{index}].value", literal),
            )
            for index, pair in enumerate(pairs)
        ]

    def body(self, body: Body) -> bytes | Bytes | None:
        field = "request.body.value"
        match body.kind:
            case BodyKind.NONE:
                return None
            case BodyKind.FORM:
                return _form(self.pairs(body.value, "_form", field, form_part), field)
            case BodyKind.JSON:
                return self._json(body.value, field)
            case BodyKind.RAW:
                return _encoded(self._raw(body.value, body.content_type or "", field), field)

    def _raw(self, source: str, content_type: str, field: str) -> str | Text:
        if _JSON_TYPE.match(content_type):
            piece: str | Text = self._attempt(field, lambda: raw_json_piece(source, field))
            return piece
        escape = "_xml" if _XML_TYPE.match(content_type) else "_text"
        return self.text(source, "_form" if content_type.lower().startswith(_FORM_TYPE) else escape, field)

    def _json(self, value: Any, field: str) -> bytes | Bytes:
        parts = list(self._json_parts(value, field))
        pairs: list[tuple[bytes, Bytes]] = []
        literal = b""
        for part in parts:
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
            return [self._attempt(field, lambda: json_piece(value, field)) or b'""']
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


def _with_content_type(headers: Sequence[Pair], body: Body) -> list[Pair]:
    """The headers with the body's Content-Type, unless one is given."""
    if body.kind is BodyKind.NONE or any(name.lower() == "content-type" for name, _ in headers):
        return list(headers)
    content_type = {BodyKind.JSON: "application/json", BodyKind.FORM: _FORM_TYPE}.get(body.kind, body.content_type)
    return [*headers, Pair("Content-Type", content_type or "")]


def _joined_pairs(pairs: Sequence[_TextPair], context: Context, field: str) -> str:
    out = []
    size = 0
    for name, value in pairs:
        text = value if isinstance(value, str) else value(context)
        size += len(text)
        if size > MAX_OUTPUT_BYTES:
            raise _too_large(field)
        out.append(f"{name}={text}")
    return "&".join(out)


def _form(pairs: list[_TextPair], field: str) -> Bytes:
    return lambda context: _joined_pairs(pairs, context, field).encode()


def _json_body(pairs: list[tuple[bytes, Bytes]], tail: bytes, field: str) -> Bytes:
    def render(context: Context) -> bytes:
        out: list[bytes] = []
        size = len(tail)
        for literal, value in pairs:
            encoded = value(context)
            size += len(literal) + len(encoded)
            if size > MAX_OUTPUT_BYTES:
                raise _too_large(field)
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
            raise _too_large(field)
        return body

    return render


def _refuse_dot_segments(url: str) -> None:
    """A value of `.` or `..` would be resolved away and reach another resource (RFC 3986, 5.2.4); encoding it is no
    help, since `%2e` is resolved as well."""
    lowered = url.lower()
    if "/." not in lowered and "/%2e" not in lowered:
        return
    segments = lowered.partition("?")[0].replace("%2e", ".").split("/")
    if "." in segments or ".." in segments:
        raise RenderError("request.url", "a path segment that is . or ..")


def _too_large(field: str) -> RenderError:
    return RenderError(field, f"output over {MAX_OUTPUT_BYTES} bytes")
