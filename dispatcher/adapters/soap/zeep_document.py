"""A WSDL bundle, parsed by zeep, from its own bytes and nothing else."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from lxml import etree
from zeep import exceptions
from zeep.settings import Settings
from zeep.wsdl import Document

from dispatcher.adapters.soap.known_schemas import APACHE_SOAP, KNOWN_SCHEMAS, SOAP_ENCODING_1_1
from dispatcher.adapters.soap.schema import WsdlSchema
from dispatcher.adapters.soap.wsdl_xml import NotWellFormed, read_xml
from dispatcher.adapters.soap.zeep_bindings import BINDINGS
from dispatcher.adapters.soap.zeep_definition import DeclaredPort, WsdlDefinition
from dispatcher.adapters.soap.zeep_reasons import reason_of
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused

# zeep writes envelopes at DEBUG, and values that it cannot read at ERROR: nothing of that may reach a log. (Where
# logging is set up, that is said again, since the last one to say so decides.)
logging.getLogger("zeep").setLevel(logging.CRITICAL + 1)

Result = TypeVar("Result")


class BundleTransport:
    """What zeep takes for a transport. It has the documents of a bundle, and no way out."""

    binding_classes = BINDINGS
    """zeep asks a transport which bindings it knows."""

    def __init__(self, bundle: Bundle) -> None:
        """Nothing is opened."""
        self._documents = bundle.documents

    def load(self, url: str) -> bytes:
        """The bytes of a document. Raises `WsdlRefused` for one that is neither in the bundle nor well known."""
        document = KNOWN_SCHEMAS.get(url) or self._documents.get(url)
        if document is None:
            raise WsdlRefused(f"{url} is imported, but it is not among the documents of the WSDL")
        return bytes(document)


class WsdlDocument(Document):
    """zeep's document, and what zeep leaves out of it."""

    def __init__(self, bundle: Bundle, *, strict: bool) -> None:
        """Parses. Raises whatever zeep does."""
        self.settings = Settings(strict=strict, forbid_dtd=True, forbid_entities=True, force_https=False)
        self.strict = strict
        """Whether every document was well-formed. If not, what was read is what could be read."""
        self.location = bundle.root
        self.transport: Any = BundleTransport(bundle)
        self.declared_ports: list[DeclaredPort] = []
        self.binding_kinds: dict[str, str] = {}
        self.left_out: list[str] = []
        """Sentences about operations and bindings that cannot be used."""
        self.incomplete: dict[str, str] = {}
        """Messages that were left out, by name, and why."""
        self.missing: dict[tuple[str, str], str] = {}
        """Operations of port types that were left out with their messages, and why."""
        self.by_location: dict[str, WsdlDefinition] = {}
        self._definitions: dict[Any, Any] = {}
        self.types: Any = WsdlSchema(self.read, self.transport, bundle.root, self.settings)
        self.load(bundle.root)

    def read(self, url: str) -> Any:
        """The root element of a document. Raises `WsdlRefused`."""
        return read_xml(url, self.transport.load(url), recover=not self.strict)

    def load(self, location: str) -> None:
        """Reads the root and all that it imports. Services of imported WSDLs are there as well."""
        root = self.read(location)
        if etree.QName(root).localname == "schema":
            self.types.add_documents([root], location)
            root = etree.Element(root.tag)
        definition = WsdlDefinition(self, root, location)
        definition.resolve_imports()
        self.messages = definition.messages
        self.port_types = definition.port_types
        self.bindings = definition.bindings
        self.services = definition.services
        for each in self.by_location.values():
            for name, service in each.services.items():
                self.services.setdefault(name, service)
        if any(operation.use == "encoded" for binding in self._all_bindings() for operation in binding.all().values()):
            # Replies name these, whether the WSDL does or not.
            self.types.get_type(etree.QName(SOAP_ENCODING_1_1, "Array"))
            self.types.get_type(etree.QName(APACHE_SOAP, "Map"))
        self.types.close()

    def _all_bindings(self) -> list[Any]:
        return [binding for each in self.by_location.values() for binding in each.bindings.values()]


def parse_bundle(bundle: Bundle) -> WsdlDocument:
    """The document. Where something of it is no well-formed XML, what can be read of that (`strict` is False then).

    Raises `WsdlRefused`, whatever is wrong with the bundle.
    """
    try:
        return refusing(bundle.root, lambda: WsdlDocument(bundle, strict=True))
    except NotWellFormed as refusal:
        try:
            document = refusing(bundle.root, lambda: WsdlDocument(bundle, strict=False))
        except WsdlRefused:
            raise refusal from None
        document.left_out.insert(0, f"{refusal}. What could be read of it is shown.")
        return document


def refusing(root: str, step: Callable[[], Result]) -> Result:
    """What a step that reads a WSDL gives, or `WsdlRefused`, with a sentence, for anything that goes wrong in it."""
    try:
        return step()
    except (WsdlRefused, MemoryError):
        raise
    except exceptions.XMLParseError as error:
        raise WsdlRefused(f"{root} cannot be used: {error}") from error
    except Exception as error:  # zeep tells of broken WSDLs by whatever a line of it happens to raise
        raise WsdlRefused(f"{root} cannot be used: {reason_of(error)}") from error
