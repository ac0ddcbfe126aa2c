"""SOAP requests of profiles: checked against their WSDL when they are saved, compiled once, built for each call."""

import re
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID
from xml.parsers import expat

from dispatcher.adapters.soap.envelopes import CannotBuild, ParsedWsdl
from dispatcher.adapters.soap.library import WsdlLibrary
from dispatcher.adapters.soap.namespaces import ENVELOPE
from dispatcher.adapters.soap.parameters import ParameterCompiler
from dispatcher.adapters.soap.replies import ReplyReader
from dispatcher.adapters.templates.compiler import Compiler, TextPair, header_lines, too_large
from dispatcher.adapters.templates.costs import begin_request
from dispatcher.adapters.templates.dialect import dialect
from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES
from dispatcher.adapters.templates.language import has_template
from dispatcher.adapters.templates.loops import begin_request as begin_loops
from dispatcher.adapters.templates.text import header_text
from dispatcher.adapters.templates.undefined import undefined_in
from dispatcher.domain.context import Context
from dispatcher.domain.exchange import ErrorWord
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.requests.soap_request import SoapRequest
from dispatcher.domain.requests.target_url import read_url
from dispatcher.domain.shape import Fault, Reading
from dispatcher.domain.soap.checking import check
from dispatcher.domain.soap.choosing import Chosen, NotOffered, chosen
from dispatcher.domain.soap.description import Description, SoapVersion
from dispatcher.domain.soap.filling import ValueRefused, fill
from dispatcher.domain.soap.reply_fields import missing_field
from dispatcher.ports import Rendered, RenderError

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PARAMETERS, _HEADERS = "request.parameters", "request.headers"


class SoapTemplate:
    """A profile's request of one revision; made by `SoapTemplates.compile`. Threads may share it."""

    def __init__(
        self,
        compiler: Compiler,
        spec: ProfileSpec,
        headers: list[tuple[str, str]],
        url: str,
        build: Callable[[Context], "_Built"],
    ) -> None:
        request = _soap(spec)
        self._fixed_headers, self._url, self._build = headers, url, build
        self._headers: list[TextPair] = compiler.pairs(
            request.http_headers, "_header", "request.http_headers", header_text
        )
        self._sources, self._hints = compiler.sources, not spec.private

    def render(self, context: Context) -> Rendered:
        """The request for one call. Raises `RenderError`."""
        begin_request()
        begin_loops()
        headers = [*header_lines(self._headers, context, "request.http_headers"), *self._fixed_headers]
        body, reader = self._build(context)
        if len(body) > MAX_OUTPUT_BYTES:
            raise too_large("request.parameters")
        return Rendered("POST", self._url, headers, body, reader.once())

    def undefined(self, context: Context) -> list[Fault]:
        """As `RequestTemplate` of REST."""
        return [
            fault
            for field, source in self._sources
            for fault in undefined_in(source, field, context, hints=self._hints)
        ]


class SoapTemplates:
    """The `Templates` port, for requests of kind soap."""

    def __init__(self, library: WsdlLibrary) -> None:
        self._library = library

    def is_at_hand(self, spec: ProfileSpec) -> bool:
        """Whether a request can be built without a WSDL being parsed first."""
        request = _soap(spec)
        return request.wsdl_hash is None or self._library.is_at_hand(request.wsdl_hash)

    def prepare(self, spec: ProfileSpec, *, workspace_id: UUID) -> None:
        """Has the WSDL at hand, or has found that it cannot be used. Blocks; raises StoreUnavailable."""
        request = _soap(spec)
        if request.wsdl_hash is None:
            return
        try:
            # First what is refused where it cannot be had: of a row that cannot be read the description cannot either.
            self._library.parsed(workspace_id, request.wsdl_hash)
            self._library.description(workspace_id, request.wsdl_hash)
        except RenderError:
            return  # told again to each delivery that asks for it

    def check(self, spec: ProfileSpec, outputs: Collection[str] = (), *, workspace_id: UUID) -> list[Fault]:
        """Every fault that shows before a call is there: what the WSDL does not offer, parameters that are unknown,
        missing or do not fit, and the templates' own. `outputs` are those of the profile that it follows."""
        request = _soap(spec)
        compiler = Compiler(dialect(spec.lookups, outputs=outputs))
        compiler.pairs(request.http_headers, "_header", "request.http_headers", header_text)
        if request.envelope is not None:
            compiler.xml(request.envelope, "request.envelope")
            return compiler.faults + _envelope_faults(request.envelope, request.soap_version)
        description = self._description(request, workspace_id)
        if description is None:
            expected = "a WSDL that was inspected (onhook wsdl inspect, or POST /v1/wsdl/inspect)"
            return [*compiler.faults, {"field": "request.wsdl", "expected": expected, "got": "one that is not kept"}]
        try:
            picked = chosen(description, request)
        except NotOffered as refused:
            return [*compiler.faults, refused.fault]
        reading = Reading()
        _check_values(reading, request, picked, description)
        _address(request, picked, reading)
        _compile_values(compiler, request, picked, description)
        _check_fields(reading, spec, picked, description)
        noted = {fault["field"] for fault in reading.faults}
        return reading.faults + [fault for fault in compiler.faults if fault["field"] not in noted]

    def compile(self, spec: ProfileSpec, hash_key: bytes = b"", *, workspace_id: UUID) -> SoapTemplate:
        """The compiled request of a profile. `hash_key` is for the filter `hash`.

        Raises `RenderError` for a profile that `check` finds fault with, StoreUnavailable where the database is away.
        """
        request = _soap(spec)
        compiler = Compiler(dialect(spec.lookups, hash_key))
        if request.envelope is not None:
            template = _by_envelope(compiler, spec, request)
        else:
            template = self._by_wsdl(compiler, spec, request, workspace_id)
        if compiler.faults:
            fault = compiler.faults[0]
            raise RenderError(fault["field"], f"a template that is not allowed: {fault['got']}")
        return template

    def _description(self, request: SoapRequest, workspace_id: UUID) -> Description | None:
        return None if request.wsdl_hash is None else self._library.description(workspace_id, request.wsdl_hash)

    def _by_wsdl(self, compiler: Compiler, spec: ProfileSpec, request: SoapRequest, workspace_id: UUID) -> SoapTemplate:
        content_hash = request.wsdl_hash
        if content_hash is not None:
            self._library.raise_if_refused(content_hash)
        description = self._description(request, workspace_id)
        if description is None or content_hash is None:
            raise RenderError(
                "request.wsdl", "a WSDL that is not kept: inspect it (onhook wsdl inspect)", ErrorWord.WSDL
            )
        try:
            picked = chosen(description, request)
        except NotOffered as refused:
            raise RenderError(
                refused.fault["field"], "something that the WSDL does not offer", ErrorWord.WSDL
            ) from None
        reading = Reading()
        url = _address(request, picked, reading)
        if reading.faults:
            raise RenderError("request.address", "no address in the WSDL, and none in the profile", ErrorWord.WSDL)

        def parsed() -> ParsedWsdl:
            return self._library.at_hand(content_hash)

        build = _Building(compiler, request, picked, description, parsed)
        action = request.soap_action if request.soap_action is not None else picked.operation.soap_action
        return SoapTemplate(compiler, spec, _soap_headers(request.soap_version, action), url, build)


_Built = tuple[bytes, ReplyReader]
"""An envelope, and what reads the reply to it."""


class _Building:
    """Fills a call's values into the operation, and has zeep build the envelope."""

    def __init__(
        self,
        compiler: Compiler,
        request: SoapRequest,
        picked: Chosen,
        description: Description,
        parsed: Callable[[], ParsedWsdl],
    ) -> None:
        self._request, self._picked, self._types, self._parsed = request, picked, description.types, parsed
        self._parameters, self._headers, self._blocks = _compile_values(compiler, request, picked, description)

    def __call__(self, context: Context) -> _Built:
        operation = self._picked.operation
        try:
            values = fill(
                self._parameters(context), operation.input, operation.required_choices, self._types, _PARAMETERS
            )
            headers = fill(self._headers(context), operation.headers, (), self._types, _HEADERS)
            parsed = self._parsed()
            return parsed.build(self._picked, values, headers, self._blocks(context)), self._reader(parsed)
        except ValueRefused as refused:
            raise RenderError(refused.path, f"expected {refused.expected}", ErrorWord.BAD_VALUE) from None
        except CannotBuild as failed:
            raise RenderError(
                _PARAMETERS, f"values that zeep builds no message of ({failed})", ErrorWord.WSDL
            ) from None

    def _reader(self, parsed: ParsedWsdl) -> ReplyReader:
        """Of the reply, by the same parsed WSDL, which lives as long as the exchange does: the library may have given
        it up meanwhile, and the thread that records must neither parse nor ask the database."""
        operation = self._picked.operation
        return ReplyReader(
            self._request.soap_version,
            one_way=operation.one_way if self._request.one_way is None else self._request.one_way,
            element=operation.output_element if operation.style == "document" else "",
            read_fields=lambda body: parsed.fields(self._picked, body),
        )


_Compiled = tuple[Callable[[Context], dict[str, Any]], Callable[[Context], dict[str, Any]], Callable[[Context], str]]


def _compile_values(compiler: Compiler, request: SoapRequest, picked: Chosen, description: Description) -> _Compiled:
    """What gives the parameters, the declared headers and further header blocks of a call."""
    values = ParameterCompiler(compiler, description.types)
    return (
        values.members(request.parameters, picked.operation.input, _PARAMETERS),
        values.members(request.headers, picked.operation.headers, _HEADERS),
        values.fragment(request.header_xml or "", "request.header_xml"),
    )


def _check_values(reading: Reading, request: SoapRequest, picked: Chosen, description: Description) -> None:
    operation, types = picked.operation, description.types
    check(reading, request.parameters, operation.input, operation.required_choices, types, _PARAMETERS, has_template)
    if request.headers:
        # Declared header parts are optional as a whole: those that the author names must be complete.
        named = [each for each in operation.headers if each.name in request.headers]
        unknown = {name for name in request.headers if name not in {each.name for each in operation.headers}}
        check(reading, request.headers, operation.headers if unknown else named, (), types, _HEADERS, has_template)


def _check_fields(reading: Reading, spec: ProfileSpec, picked: Chosen, description: Description) -> None:
    """A misspelt field of a required output would have every delivery sent again to a target that has taken it."""
    wanted = [(f"outputs[{index}].field", output.document) for index, output in enumerate(spec.outputs)]
    success = spec.success
    for name, conditions in (
        ("body", success.body),
        ("reject_body", success.reject_body),
        ("retry_body", success.retry_body),
    ):
        places = [f"success.{name}[{index}].field" for index in range(len(conditions))]
        if len(conditions) == 1:
            places = [f"success.{name}.field"]
        wanted += [(place, each.document) for place, each in zip(places, conditions, strict=True)]
    for place, document in wanted:
        path = document.get("field")
        expected = None if path is None else missing_field(path, picked.operation.output, description.types)
        if expected is not None:
            reading.note(place, expected, path)


def _address(request: SoapRequest, picked: Chosen, reading: Reading) -> str:
    if request.address is not None:
        return request.address
    if not picked.port.address:
        reading.note("request.address", "an address: the WSDL names none for this port", None)
        return ""
    at = len(reading.faults)
    url = read_url(reading, picked.port.address, "request.address")
    if len(reading.faults) > at:
        reading.faults[-1]["expected"] += ", which the WSDL's own address is not: give one here"
    return url


def _by_envelope(compiler: Compiler, spec: ProfileSpec, request: SoapRequest) -> SoapTemplate:
    piece = compiler.xml(request.envelope or "", "request.envelope")
    reader = ReplyReader(request.soap_version, one_way=bool(request.one_way))

    def build(context: Context) -> _Built:
        try:
            return (piece if isinstance(piece, str) else piece(context)).encode(), reader
        except UnicodeEncodeError:
            raise RenderError("request.envelope", "a value that cannot be encoded") from None

    headers = _soap_headers(request.soap_version, request.soap_action or "")
    return SoapTemplate(compiler, spec, headers, request.address or "", build)


def _soap_headers(version: SoapVersion, action: str) -> list[tuple[str, str]]:
    """SOAP 1.1, 6.1.1: an action in a header, empty quotes where there is none. SOAP 1.2 part 2, 6.5.3, and RFC 3902: a
    parameter of the media type."""
    if version is SoapVersion.V1_1:
        return [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{action}"')]
    parameter = f'; action="{action}"' if action else ""
    return [("Content-Type", f"application/soap+xml; charset=utf-8{parameter}")]


def _envelope_faults(envelope: str, version: SoapVersion) -> list[Fault]:
    """Whether the root element is the envelope of that version; that all of it is well-formed is judged elsewhere."""
    roots: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: roots.append(name)
    try:
        parser.Parse(_EXPRESSION.sub("", envelope).encode(), False)
    except expat.ExpatError:
        return []
    if roots and roots[0] == f"{ENVELOPE[version]} Envelope":
        return []
    expected = f"an Envelope of SOAP {version}, in the namespace {ENVELOPE[version]}"
    return [{"field": "request.envelope", "expected": expected, "got": "another root element"}]


def _soap(spec: ProfileSpec) -> SoapRequest:
    assert isinstance(spec.request, SoapRequest)
    return spec.request
