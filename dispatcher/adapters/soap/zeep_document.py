"""STAND-IN, to be replaced whole at merge: parses a bundle with plain zeep."""

import logging
from typing import Any

from zeep import Settings
from zeep.transports import Transport
from zeep.wsdl import Document

from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS
from dispatcher.domain.soap.bundle import Bundle, WsdlRefused

logging.getLogger("zeep").setLevel(logging.CRITICAL)


class _Bundled(Transport):
    def __init__(self, bundle: Bundle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bundle = bundle

    def load(self, url: Any) -> bytes:
        document = self._bundle.documents.get(url) or KNOWN_SCHEMAS.get(url)
        if document is None:
            raise WsdlRefused(f"{url} was not collected.")
        return document


def parse_bundle(bundle: Bundle) -> Document:
    """Raises WsdlRefused for every failure but MemoryError."""
    try:
        settings = Settings(forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
        return Document(bundle.root, _Bundled(bundle), settings=settings)  # type: ignore[arg-type]
    except (MemoryError, WsdlRefused):
        raise
    except Exception as error:
        raise WsdlRefused(f"It cannot be read ({type(error).__name__}).") from error
