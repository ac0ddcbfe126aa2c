"""WSDLs as tests make them up: a document whose words are its operations, and an engine that reads such."""

from collections.abc import Mapping
from dataclasses import replace

from dispatcher.domain.soap.bundle import Bundle, WsdlRefused
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
from dispatcher.ports.wsdl import Fetch, KeptWsdl

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
                documents[url] = given[url] if url in given else fetch(url)
                words = documents[url].decode().split()
                wanted += [word.removeprefix("import=") for word in words if word.startswith("import=")]
        return Bundle(root, documents)

    def describe(self, bundle: Bundle) -> Description:
        words = bundle.documents[bundle.root].decode().split()
        if "<broken>" in words:
            raise WsdlRefused("The WSDL is no well-formed XML.")
        return described(*(word for word in words if "=" not in word))
