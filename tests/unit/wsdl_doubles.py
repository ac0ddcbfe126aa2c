"""WSDLs as tests make them up: a document whose words are its operations, and an engine that reads such."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from dispatcher.adapters.templates.request import JinjaTemplates
from dispatcher.domain.credentials.credential import Credential
from dispatcher.domain.profile import ProfileSpec
from dispatcher.domain.requests.soap_request import SoapRequest
from dispatcher.domain.shape import Fault
from dispatcher.domain.soap.bundle import UPLOAD_BASE, Bundle, WsdlRefused
from dispatcher.domain.soap.description import (
    XSD,
    Binding,
    Description,
    ObjectType,
    Operation,
    Parameter,
    Port,
    Service,
    Shape,
    SimpleType,
    SoapVersion,
)
from dispatcher.ports.wsdl import Fetch, KeptWsdl, ReadDescription

URL = "https://crm.example/calls?wsdl"
TEXT = SimpleType("string", "string")
NOTE = SimpleType("NoteText", "string", ("short", "long"), {"maxLength": "5"})


def text_parameter(name: str, **over: object) -> Parameter:
    """A required text."""
    return replace(Parameter(name, f"{XSD}:string", Shape.SIMPLE, simple=TEXT), **over)  # type: ignore[arg-type]


def described(*operations: str, notes: tuple[str, ...] = ()) -> Description:
    """One service with one port; every operation takes `Caller`, optional and enumerated `Note`s, and an object."""
    caller = text_parameter("Caller")
    note = Parameter("Note", "NoteText", Shape.SIMPLE, simple=NOTE, min_occurs=0, max_occurs=None)
    lead = Parameter("Lead", "Lead", Shape.OBJECT, object=0)
    made = tuple(
        Operation(name, f"Does {name}.", f"urn:{name}", input=(caller, note, lead), output=(text_parameter("Id"),),
                  output_element=f"{name}Response")
        for name in operations
    )  # fmt: skip
    port = Port("CallsPort", "CallsBinding", "http://10.0.0.9/calls")
    types = (ObjectType("Lead", (text_parameter("Name", documentation="As the CRM has it."),)),)
    binding = Binding("CallsBinding", SoapVersion.V1_1, made)
    return Description((Service("Calls", (port,)),), (binding,), types, notes)


def kept(text: bytes = b"LogCall", url: str = URL, **over: object) -> KeptWsdl:
    """A WSDL as it is kept."""
    bundle = Bundle(url, {url: text})
    return replace(KeptWsdl(bundle.content_hash, bundle, described(*text.decode().split())), **over)  # type: ignore[arg-type]


class WordsEngine:
    """A WsdlEngine: a word is an operation, `import=URL` an import, `<broken>` refused."""

    def __init__(self) -> None:
        self.collected: list[str] = []

    def collect(self, root: str, given: Mapping[str, bytes], fetch: Fetch) -> Bundle:
        self.collected.append(root)
        documents: dict[str, bytes] = {}
        wanted = [root]
        while wanted:
            url = wanted.pop()
            if url not in documents:
                if url.startswith(UPLOAD_BASE) and url not in given:
                    raise WsdlRefused(f"{url} is not there.")
                documents[url] = given[url] if url in given else fetch(url)
                words = documents[url].decode().split()
                wanted += [word.removeprefix("import=") for word in words if word.startswith("import=")]
        return Bundle(root, documents)

    def describe(self, bundle: Bundle) -> Description:
        words = bundle.documents[bundle.root].decode().split()
        if "<broken>" in words:
            raise WsdlRefused("The WSDL is no well-formed XML.")
        return described(*(word for word in words if "=" not in word))


class Web:
    """Documents by URL, and what they were fetched with: a factory as `OpenFetch` is."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.opened: list[tuple[str, str | None, str | None]] = []
        self.fetched: list[str] = []

    def __call__(self, root: str, credential: Credential | None, proxy: str | None) -> Fetch:
        self.opened.append((root, credential.name if credential else None, proxy))

        def fetch(url: str) -> bytes:
            self.fetched.append(url)
            if url not in self.documents:
                raise WsdlRefused("The WSDL cannot be fetched: the server answered 404.")
            return self.documents[url]

        return fetch


class OperationTemplates(JinjaTemplates):
    """Templates for which a SOAP request fits if its operation is there, and every parameter has a name of it."""

    def __init__(self, read: ReadDescription) -> None:
        self._read = read

    def check(self, spec: ProfileSpec, outputs: Collection[str] = (), *, workspace_id: UUID) -> list[Fault]:
        if not isinstance(spec.request, SoapRequest):
            return super().check(spec, outputs, workspace_id=workspace_id)
        described = self._read(workspace_id, spec.request.wsdl_hash or "")
        names = {each.name for binding in described.bindings for each in binding.operations} if described else set()
        if spec.request.operation in names:
            return []
        return [{"field": "request.operation", "expected": "an operation", "got": str(spec.request.operation)}]


def soap_profile(name: str = "log", url: str = URL, operation: str = "LogCall", **request: Any) -> dict[str, Any]:
    """A profile's document."""
    asked = {"kind": "soap", "wsdl": url, "operation": operation, "parameters": {"Caller": "{{ call.id }}"}}
    return {"name": name, "trigger": {"events": ["call.finished"]}, "request": {**asked, **request}}
