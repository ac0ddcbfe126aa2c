"""Names of types as they are shown, and zeep's simple types as a description has them."""

from typing import Any

from zeep.xsd import ListType, UnionType

from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS, XSD_NAMESPACE
from dispatcher.adapters.soap.schema_simple_types import shown_name
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.domain.soap.description import XSD, SimpleType

MAX_SIMPLE_PARTS = 1_000
"""Of one union or list, written out."""


class SimpleTypes:
    """The simple types and the names of all types of one WSDL; each type is described once."""

    def __init__(self, schema: Any) -> None:
        """`schema` is all of the WSDL's schemas."""
        self._clashing = _clashing_names(schema)
        self._simple: dict[int, SimpleType] = {}
        self._sizes: dict[int, int] = {}

    def name(self, qname: Any) -> str:
        """How a type is shown: `xsd:` and its name, its local name, or that with its namespace where two have it."""
        if qname is None:
            return ""
        if qname.namespace == XSD_NAMESPACE:
            return f"{XSD}:{qname.localname}"
        return str(qname.text if qname.localname in self._clashing else qname.localname)

    def simple(self, type_: Any) -> SimpleType:
        """A simple type with what its values must be like."""
        found = self._simple.get(id(type_))
        if found is None:
            is_list = isinstance(type_, ListType)
            found = self._simple[id(type_)] = SimpleType(
                name=self.name(shown_name(type_)),
                base=type_._default_qname.localname,
                enumeration=getattr(type_, "enumeration", ()),
                facets=getattr(type_, "facets", {}),
                item=self.simple(type_.item_type) if is_list else None,
                members=tuple(map(self.simple, type_.item_types)) if isinstance(type_, UnionType) else (),
            )
            parts = [*found.members, *([found.item] if found.item else [])]
            size = self._sizes[id(found)] = 1 + sum(self._sizes[id(each)] for each in parts)
            if size > MAX_SIMPLE_PARTS:
                raise WsdlRefused(f"The simple type {found.name} is made of more than {MAX_SIMPLE_PARTS:,} others")
        return found


def _clashing_names(schema: Any) -> set[str]:
    """Local names of types that several namespaces have, but for those of well-known schemas."""
    namespaces: dict[str, str | None] = {}
    clashing = set()
    for document in schema.documents:
        if document.namespace in KNOWN_SCHEMAS or document.namespace == XSD_NAMESPACE:
            continue
        for text in document._types:
            namespace, _, local = text.rpartition("}")
            if namespaces.setdefault(local, namespace) != namespace:
                clashing.add(local)
    return clashing
