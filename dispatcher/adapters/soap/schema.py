"""zeep's schemas, read from documents that are given, whose types are resolved without going deep."""

import copy
from collections.abc import Callable, Iterable
from typing import Any

from zeep import exceptions
from zeep.loader import absolute_location
from zeep.settings import Settings
from zeep.xsd import ComplexType, Schema, elements
from zeep.xsd.elements.references import RefElement
from zeep.xsd.schema import SchemaDocument
from zeep.xsd.types.unresolved import UnresolvedCustomType, UnresolvedType

from dispatcher.adapters.soap.known_schemas import KNOWN_SCHEMAS
from dispatcher.adapters.soap.schema_simple_types import BUILT_IN_TYPES
from dispatcher.adapters.soap.schema_visitor import WsdlSchemaVisitor
from dispatcher.domain.soap.bundle import WsdlRefused

MAX_MEMBERS = 20_000
"""Of one type, groups written out. Groups that hold each other twice over come to any number in few steps."""

Read = Callable[[str], Any]
"""The root element of a document, by its absolute URL. Raises `WsdlRefused` for one that is not there."""


class UnknownName(exceptions.LookupError):
    """No schema of a namespace defines this."""


class UnknownNamespace(exceptions.NamespaceError):
    """No schema is there for a namespace."""

    def __init__(self, message: str, qname: Any, item_name: str) -> None:
        """`qname` is what was looked for, `item_name` which kind of thing."""
        super().__init__(message)
        self.qname = qname
        self.item_name = item_name


class WsdlSchemaDocument(SchemaDocument):
    """One schema, read by our visitor."""

    def __init__(self, namespace: str | None, location: str | None, base_url: str | None, read: Read) -> None:
        """`read` gets what the schema imports and includes."""
        super().__init__(namespace, location, base_url)
        self._read = read
        self.settled = False

    def load(self, schema: Any, node: Any) -> None:
        """Registers what the schema element defines."""
        if node is not None:
            _Visitor(schema, self).visit_schema(node)

    def read(self, url: str) -> Any:
        """The root element of another document."""
        return self._read(url)

    def _get_component(self, qname: Any, items: Any, item_name: str) -> Any:
        # zeep's message lists all that the schema has, which costs more than the search where many share a namespace.
        try:
            return items[qname]
        except KeyError:
            message = f"No {item_name} {qname.localname} in {qname.namespace}"
            raise UnknownName(message, qname=qname, item_name=item_name, location=self._location) from None


class _Visitor(WsdlSchemaVisitor):
    """A visitor that gets its documents from where its own came from."""

    def _retrieve_data(self, url: Any, base_url: Any = None) -> Any:
        return self.document.read(absolute_location(url, base_url))


class WsdlSchema(Schema):
    """All schemas of a WSDL. Those that everybody takes for granted are there when they are first asked for."""

    def __init__(self, read: Read, transport: Any, location: str, settings: Settings) -> None:
        """`read` gets the documents; `transport` is for those schemas that zeep finds in replies."""
        self._read = read
        self._is_closed = False
        super().__init__(None, transport, location, settings)

    def _load_default_documents(self) -> Any:
        schema = super()._load_default_documents()
        for each in BUILT_IN_TYPES:
            schema.register_type(each._default_qname, each(is_global=True))
        return schema

    def create_new_document(self, node: Any, url: Any, base_url: Any = None, target_namespace: Any = None) -> Any:
        """A schema of ours, registered and loaded."""
        namespace = (node.get("targetNamespace") if node is not None else None) or target_namespace
        document = WsdlSchemaDocument(namespace, url, base_url or url, self._read)
        self.documents.add(document)
        document.load(self, node)
        return document

    def add_documents(self, schema_nodes: list[Any], location: Any) -> None:
        """Registers and resolves the schemas of one WSDL, each with all that it imports."""
        super().add_documents(schema_nodes, location)
        self.settle()

    def add_document_by_url(self, url: str) -> None:
        """Registers and resolves a schema."""
        self.create_new_document(self._read(url), url=url).resolve()
        self.settle()

    def settle(self) -> None:
        """Puts the resolved types into all elements that refer to them. Done once for each schema."""
        fresh = [each for each in self.documents if isinstance(each, WsdlSchemaDocument) and not each.settled]
        for document in fresh:
            document.settled = document._resolved
        _Settling().settle(fresh)

    def close(self) -> None:
        """Nothing is added from now on. A parsed document is shared by threads, and what replies name is looked up."""
        self._is_closed = True

    def _get_schema_documents(self, namespace: Any, fail_silently: bool = False) -> Any:
        if self._is_closed:
            return self.documents.get_by_namespace(namespace, fail_silently)
        if namespace in KNOWN_SCHEMAS and not self.documents.has_schema_document_for_ns(namespace):
            self.add_document_by_url(namespace)
        return super()._get_schema_documents(namespace, fail_silently)

    def _get_instance(self, qname: Any, method_name: str, name: str) -> Any:
        try:
            return super()._get_instance(qname, method_name, name)
        except exceptions.NamespaceError as error:
            raise UnknownNamespace(error.message, self._create_qname(qname), name) from error


class _Settling:
    """One walk through everything that some schemas define; each type and each sequence is seen once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._sizes: dict[int, int] = {}
        # Kept, so that no other object gets the identity of one that was seen.
        self._kept: list[Any] = []
        self._types: list[Any] = []

    def settle(self, documents: Iterable[Any]) -> None:
        for document in documents:
            for name, each in document._types.items():
                document._types[name] = self._final(each)
            for element in document._elements.values():
                element.type = self._final(element.type)
            for group in document._groups.values():
                self._walk(group.child)
        while self._types:
            self._settle_type(self._types.pop())

    def _is_new(self, thing: Any) -> bool:
        if id(thing) in self._seen:
            return False
        self._seen.add(id(thing))
        self._kept.append(thing)
        return True

    def _final(self, type_: Any) -> Any:
        while isinstance(type_, UnresolvedType):
            type_ = type_.schema.get_type(type_.qname)
        if isinstance(type_, UnresolvedCustomType):
            return type_.resolve()
        if isinstance(type_, ComplexType):
            while type_._resolved and type_._resolved is not type_:
                type_ = type_._resolved
            if self._is_new(type_):
                self._types.append(type_)
        return type_

    def _settle_type(self, type_: Any) -> None:
        for attribute in type_._attributes:
            if getattr(attribute, "array_type", None):
                attribute.array_type = self._final(attribute.array_type)
        content = type_._element
        if isinstance(content, elements.Element):
            content.type = self._final(content.type)
            if isinstance(content.type, ComplexType):
                # What zeep makes of an extension without elements of a type without elements.
                type_._element = None
        elif content:
            self._walk(content)
            if _is_optional(content):
                type_._element = _loosened(content)

    def _walk(self, indicator: Any) -> int:
        """Settles what an indicator holds. Returns how many elements that is, written out."""
        if isinstance(indicator, elements.Group):
            return self._walk(indicator.child)
        if not self._is_new(indicator):
            return self._sizes.get(id(indicator), 0)
        size = 0
        for index, part in enumerate(indicator):
            if isinstance(part, elements.Element):
                part.type = self._final(part.type)
            elif isinstance(part, (list, elements.Group)):
                size += self._walk(part)
                if _is_optional(part):
                    indicator[index] = _loosened(part)
            elif isinstance(part, RefElement):
                # Only what was met again while it was being resolved is still a reference.
                raise WsdlRefused("A group of this WSDL contains itself")
            size += 1
            if size > MAX_MEMBERS:
                raise WsdlRefused(f"A type of this WSDL has more than {MAX_MEMBERS:,} members")
        self._sizes[id(indicator)] = size
        return size


def _is_optional(part: Any) -> bool:
    return bool(part.min_occurs == 0 and part.max_occurs == 1 and not isinstance(part, elements.Choice))


def _loosened(part: Any) -> Any:
    """A copy of an optional sequence or group whose members are optional one by one: zeep demands them otherwise, also
    where the whole of it is left out."""
    new = copy.copy(part)
    new.__dict__ = {name: value for name, value in part.__dict__.items() if name not in {"elements", "elements_nested"}}
    new.min_occurs = 0
    if isinstance(part, elements.Group):
        new.child = _loosened(part.child)
    elif isinstance(part, list):
        new[:] = [_loosened(each) for each in part]
    return new
