"""A profile's request, compiled: a call's context in, a rendered request out.

No value can leave its place: see `text` for what each place does to it.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from dispatcher.adapters.templates.bodies import Bodies
from dispatcher.adapters.templates.compiler import Compiler, header_lines, joined_pairs
from dispatcher.adapters.templates.costs import begin_request
from dispatcher.adapters.templates.dialect import dialect
from dispatcher.adapters.templates.loops import begin_request as begin_loops
from dispatcher.adapters.templates.text import header_text, url_literal, url_part
from dispatcher.adapters.templates.undefined import undefined_in
from dispatcher.domain.context import Context
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.requests.body import Body, BodyKind
from dispatcher.domain.requests.media_types import FORM_TYPE
from dispatcher.domain.requests.pairs import Pair
from dispatcher.domain.requests.rest_request import RestRequest
from dispatcher.domain.requests.vcon import MEDIA_TYPE as VCON_TYPE
from dispatcher.domain.shape import Fault
from dispatcher.ports import Rendered, RenderError

__all__ = ["JinjaTemplates", "RenderError", "Rendered", "RequestTemplate", "check_request", "compile_request"]


class RequestTemplate:
    """Renders a profile's request; made by `compile_request`. Immutable, so threads may share it."""

    __slots__ = ("_body", "_envelope", "_has_loops", "_headers", "_hints", "_method", "_query", "_sources", "_url")

    def __init__(self, compiler: Compiler, spec: ProfileSpec) -> None:
        request = spec.request
        assert isinstance(request, RestRequest)
        self._method = request.method
        self._url = compiler.url(request.url, "request.url", url_literal)
        self._query = compiler.pairs(request.query, "_url", "request.query", url_part)
        headers = _with_content_type(request.headers, request.body)
        self._headers = compiler.pairs(headers, "_header", "request.headers", header_text)
        self._body, self._envelope = Bodies(compiler).compiled(request.body)
        self._has_loops = compiler.has_loops
        self._sources, self._hints = compiler.sources, not spec.private

    def render(self, context: Context) -> Rendered:
        """The request for one call, its URL and headers in ASCII. Raises `RenderError`."""
        begin_request()
        if self._has_loops:
            begin_loops()
        url = self._url
        if not isinstance(url, str):
            url = url(context)
            _refuse_dot_segments(url)
        if self._query:
            url += "&" if "?" in url else "?"
            url += joined_pairs(self._query, context, "request.query")
        headers = header_lines(self._headers, context, "request.headers")
        body = self._body
        if self._envelope is not None:
            more, body = self._envelope(context)
            headers += more
        return Rendered(self._method, url, headers, body(context) if callable(body) else body)

    def undefined(self, context: Context) -> list[Fault]:
        """The variables that this event does not have though no template says that they may be absent. Only names of
        the source's own and of followed outputs can be: others are judged when the profile is saved."""
        return [
            fault
            for field, source in self._sources
            for fault in undefined_in(source, field, context, hints=self._hints)
        ]


def compile_request(spec: ProfileSpec, hash_key: bytes = b"") -> RequestTemplate:
    """The compiled request of a profile; some milliseconds, so keep it for as long as the revision lives.

    `hash_key` is for the filter `hash`, which cannot be rendered without. A profile that `check_request` finds fault
    with raises `RenderError`: a stored one may have been saved under older rules, and then its deliveries end as any
    other that cannot be rendered.
    """
    compiler = Compiler(dialect(spec.lookups, hash_key))
    template = RequestTemplate(compiler, spec)
    faults = compiler.faults + _body_faults(spec)
    if faults:
        raise RenderError(faults[0]["field"], f"a template that is not allowed: {faults[0]['got']}")
    return template


def check_request(spec: ProfileSpec, outputs: Collection[str] = ()) -> list[Fault]:
    """Every fault of the request's templates, to be told when a profile is saved: syntax, unknown variables, tables and
    filters, forbidden constructs. Empty if there is none. `outputs` are those of the profile that it follows."""
    compiler = Compiler(dialect(spec.lookups, outputs=outputs))
    RequestTemplate(compiler, spec)
    return compiler.faults + _body_faults(spec)


class JinjaTemplates:
    """The `Templates` port, by the bounded part of Jinja."""

    def check(
        self,
        spec: ProfileSpec,
        outputs: Collection[str] = (),
        *,
        workspace_id: UUID,  # noqa: ARG002 - as the port has it; a REST request rests on nothing of the workspace's
    ) -> list[Fault]:
        """As `check_request`."""
        return check_request(spec, outputs)

    def compile(
        self,
        spec: ProfileSpec,
        hash_key: bytes = b"",
        *,
        workspace_id: UUID,  # noqa: ARG002 - see check
    ) -> RequestTemplate:
        """As `compile_request`."""
        return compile_request(spec, hash_key)

    def is_at_hand(self, spec: ProfileSpec) -> bool:  # noqa: ARG002 - see check
        """Always: some milliseconds are not slow."""
        return True

    def prepare(self, spec: ProfileSpec, *, workspace_id: UUID) -> None:
        """Nothing."""


def _body_faults(spec: ProfileSpec) -> list[Fault]:
    assert isinstance(spec.request, RestRequest)
    body = spec.request.body
    if body.kind is BodyKind.VCON and spec.private and not body.value:
        expected = "true, since a private profile must not send a vCon with names and numbers"
        return [{"field": "request.body.redacted", "expected": expected, "got": "boolean false"}]
    return []


_OWN_TYPES = {BodyKind.JSON: "application/json", BodyKind.FORM: FORM_TYPE, BodyKind.VCON: VCON_TYPE}
_IN_ENVELOPE = (BodyKind.MULTIPART, BodyKind.CLOUDEVENT)


def _with_content_type(headers: Sequence[Pair], body: Body) -> list[Pair]:
    """The headers with the body's Content-Type, unless one is given or comes with the body."""
    known = body.kind is BodyKind.NONE or body.kind in _IN_ENVELOPE
    if known or any(name.lower() == "content-type" for name, _ in headers):
        return list(headers)
    return [*headers, Pair("Content-Type", _OWN_TYPES.get(body.kind, body.content_type) or "")]


def _refuse_dot_segments(url: str) -> None:
    """A value of `.` or `..` would be resolved away and reach another resource (RFC 3986, 5.2.4); encoding it is no
    help, since `%2e` is resolved as well."""
    lowered = url.lower()
    if "/." not in lowered and "/%2e" not in lowered:
        return
    segments = lowered.partition("?")[0].replace("%2e", ".").split("/")
    if "." in segments or ".." in segments:
        raise RenderError("request.url", "a path segment that is . or ..")
