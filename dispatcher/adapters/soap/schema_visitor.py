"""zeep's reader of schemas, which also keeps facets and documentation and knows `xsd:redefine`."""

from collections.abc import Iterator
from typing import Any

from lxml import etree
from zeep.exceptions import XMLParseError
from zeep.loader import absolute_location
from zeep.utils import as_qname, qname_attr
from zeep.xsd import AnySimpleType, AnyType
from zeep.xsd.types.unresolved import UnresolvedType
from zeep.xsd.visitor import SchemaVisitor, tags

from dispatcher.adapters.soap.known_schemas import XSD_NAMESPACE
from dispatcher.adapters.soap.schema_parts import (
    CopiedGroup,
    KeptAttribute,
    KeptAttributeGroup,
    KeptChoice,
    KeptElement,
    KeptGroup,
    LaterElement,
    LaterType,
    UsedAttribute,
)
from dispatcher.adapters.soap.schema_simple_types import KeptUnion, NarrowedContent, NarrowedType, Narrowing
from dispatcher.domain.soap.bundle import WsdlRefused

MAX_DOCUMENTATION = 500
"""Characters of an element's documentation that are kept."""

# fmt: off
_FACETS = frozenset(f"{{{XSD_NAMESPACE}}}{name}" for name in (
    "minExclusive", "minInclusive", "maxExclusive", "maxInclusive", "totalDigits", "fractionDigits", "length",
    "minLength", "maxLength", "whiteSpace", "pattern",
))
# fmt: on
_ENUMERATION = f"{{{XSD_NAMESPACE}}}enumeration"
_REDEFINE = f"{{{XSD_NAMESPACE}}}redefine"
_REDEFINED = ".redefined"
"""Behind the name of a type that a redefinition refers to by that name: what it was before."""
_REGISTRIES = {
    tags.simpleType: "_types",
    tags.complexType: "_types",
    tags.group: "_groups",
    tags.attributeGroup: "_attribute_groups",
}


def documentation_of(node: Any) -> str:
    """What a node of a schema or WSDL is for: the text of its documentation, in one line and of a bounded length."""
    texts = (
        " ".join("".join(each.itertext()).split())
        for each in node.iterchildren("{*}documentation", "{*}annotation")
        for each in ([each] if each.tag.endswith("}documentation") else each.iterchildren("{*}documentation"))
    )
    return " ".join(filter(None, texts))[:MAX_DOCUMENTATION].rstrip()


def _narrowing(restriction: Any) -> Narrowing:
    values = tuple(each.get("value", "") for each in restriction.iterchildren(_ENUMERATION))
    facets = {
        etree.QName(each).localname: each.get("value", "")
        for each in restriction.iterchildren(*_FACETS)
        if each.get("value") is not None
    }
    return values, facets


class WsdlSchemaVisitor(SchemaVisitor):
    """Registers what a schema defines. Only what zeep leaves out is done here; the rest is zeep's."""

    def process(self, node: Any, parent: Any) -> Any:
        """What a node defines. Where zeep fails over one that is not as it should be, the innermost is named."""
        try:
            return super().process(node, parent)
        except (LookupError, AttributeError, TypeError, ValueError, AssertionError) as error:
            what = " ".join(filter(None, (etree.QName(node).localname, node.get("name"))))
            where = f"on line {node.sourceline} of {self.document._location}"
            raise XMLParseError(f"the {what} {where} is not as XML Schema has it") from error

    def visit_element(self, node: Any, parent: Any) -> Any:
        """An element with its documentation, or a reference to one."""
        found = super().visit_element(node, parent)
        if isinstance(found, LaterElement):
            found.documentation = documentation_of(node)
            return found
        element = KeptElement(
            name=found.qname,
            type_=LaterType(found.type.qname, self.schema) if type(found.type) is UnresolvedType else found.type,
            min_occurs=found.min_occurs,
            max_occurs=found.max_occurs,
            nillable=node.get("nillable", "").strip() in {"true", "1"},
            default=found.default,
            is_global=found.is_global,
        )
        element.documentation = documentation_of(node)
        if found.is_global:
            self.register_element(found.qname, element)
        return element

    def process_reference(self, node: Any, **occurs: Any) -> Any:
        """A reference to an element, a group or a group of attributes; None where a node refers to nothing."""
        ref = qname_attr(node, "ref")
        if ref is not None and node.tag in {tags.element, tags.group}:
            kind = LaterElement if node.tag == tags.element else CopiedGroup
            return kind(node.tag, self._create_qname(ref), self.schema, **occurs)
        return super().process_reference(node, **occurs)

    def process_ref_attribute(self, node: Any, array_type: Any = None) -> Any:
        """A reference to an attribute, with what the reference says of its use."""
        found = super().process_ref_attribute(node, array_type=array_type)
        if found is None:
            return None
        items = LaterType(array_type.qname, self.schema) if array_type else None
        attribute = UsedAttribute(node.tag, found._ref, self.schema, array_type=items)
        attribute.required = node.get("use") == "required"
        attribute.prohibited = node.get("use") == "prohibited"
        return attribute

    def visit_attribute(self, node: Any, parent: Any) -> Any:
        """An attribute with its documentation, or a reference to one."""
        found: Any = super().visit_attribute(node, parent)
        if isinstance(found, UsedAttribute):
            return found
        # Without a type it is a text of any kind, never elements (XML Schema part 1, 3.2.2).
        type_ = AnySimpleType() if type(found.type) is AnyType else found.type
        attribute = KeptAttribute(found.qname, type_, required=found.required, default=found.default)
        attribute.documentation = documentation_of(node)
        attribute.prohibited = node.get("use") == "prohibited"
        if parent.tag == tags.schema:
            self.register_attribute(found.qname, attribute)
        return attribute

    def visit_simple_type(self, node: Any, parent: Any) -> Any:
        """A simple type, with its facets where it is a restriction, with its name where it has one."""
        found = super().visit_simple_type(node, parent)
        is_global = parent.tag == tags.schema
        qname = as_qname(node.get("name") or "Anonymous", node.nsmap, self.document._target_namespace)
        restriction = node.find(tags.restriction)
        if restriction is not None:
            narrowing = _narrowing(restriction)
            found = NarrowedType(found.qname, found.base_type, self.schema, narrowing, is_named=is_global)
        elif is_global:
            found.qname = found.shown_name = qname
        if is_global:
            self.register_type(qname, found)
        return found

    def visit_union(self, node: Any, parent: Any) -> Any:
        """A union of the types it names and those it holds; zeep's takes only the former where there are both."""
        named = [self._get_type(as_qname(each, node.nsmap)) for each in (node.get("memberTypes") or "").split()]
        held = [self.visit_simple_type(each, node) for each in node.iterchildren(tags.simpleType)]
        if not named and not held:
            raise self._create_error(f"The union in {parent.get('name') or 'a type'} has no members", node)
        return KeptUnion(named + held)

    def visit_restriction_simple_content(self, node: Any, parent: Any) -> Any:
        """The base, narrowed, and the attributes that are declared anew."""
        base, _ = super().visit_restriction_simple_content(node, parent)
        attributes = [
            self.process(each, node)
            for each in node.iterchildren(tags.attribute, tags.attributeGroup, tags.anyAttribute)
        ]
        return NarrowedContent(base, _narrowing(node)), attributes

    def visit_all(self, node: Any, parent: Any) -> Any:
        """Elements in any order, optional as a whole or not."""
        found = super().visit_all(node, parent)
        found.min_occurs = int(node.get("minOccurs", "1"))
        return found

    def visit_group(self, node: Any, parent: Any) -> Any:
        """A group, or a reference to one."""
        found = super().visit_group(node, parent)
        if isinstance(found, CopiedGroup):
            return found
        group = KeptGroup(found.qname, found.child)
        if parent.tag == tags.schema:
            self.register_group(found.qname, group)
        return group

    def visit_attribute_group(self, node: Any, parent: Any) -> Any:  # noqa: ARG002  # as every visitor is called
        """A group of attributes, or a reference to one."""
        reference = self.process_reference(node)
        if reference is not None:
            return reference
        qname = qname_attr(node, "name", self.document._target_namespace)
        _, children = self._pop_annotation(list(node))
        group = KeptAttributeGroup(qname, self._process_attributes(node, children))
        self.register_attribute_group(qname, group)
        return group

    def visit_choice(self, node: Any, parent: Any) -> Any:
        """A choice that knows whether it may be empty."""
        found = super().visit_choice(node, parent)
        choice = KeptChoice(list(found), found.min_occurs, found.max_occurs)
        choice.may_be_empty = any(each.get("minOccurs", "1").strip() == "0" for each in node) or any(
            isinstance(part, KeptChoice) and part.may_be_empty for part in found
        )
        return choice

    def visit_include(self, node: Any, parent: Any) -> None:
        """Another document of the same namespace. Two of them may have the same relative name in different folders."""
        if node.get("schemaLocation"):
            node.set("schemaLocation", absolute_location(node.get("schemaLocation"), self.document._base_url))
        super().visit_include(node, parent)

    def visit_redefine(self, node: Any, parent: Any) -> None:
        """Another document, some of whose types and groups are defined again, from what they were."""
        if node.get("schemaLocation"):
            self.visit_include(node, parent)
        for child in node:
            if child.tag in _REGISTRIES:
                self._set_aside(child)
                # Visited as a child of a schema, because only those are registered.
                holder = etree.Element(tags.schema, nsmap=child.nsmap)
                self.process(child, holder)

    def _set_aside(self, node: Any) -> None:
        """Registers what is redefined under another name, by which its redefinition refers to it from then on."""
        qname = qname_attr(node, "name", self.document._target_namespace)
        registry = getattr(self.document, _REGISTRIES[node.tag])
        if qname is None or qname.text not in registry:
            raise WsdlRefused(f"{self.document._location} redefines {node.get('name')}, which it does not include")
        registry[f"{qname.text}{_REDEFINED}"] = registry[qname.text]
        for each, attribute in _references(node):
            if qname_attr(each, attribute) in {qname, etree.QName(qname.localname)}:
                each.set(attribute, f"{each.get(attribute).strip()}{_REDEFINED}")

    visitors: dict[Any, Any] = {  # noqa: RUF012  # as zeep has it
        **SchemaVisitor.visitors,
        tags.element: visit_element,
        tags.attribute: visit_attribute,
        tags.simpleType: visit_simple_type,
        tags.all: visit_all,
        tags.choice: visit_choice,
        tags.group: visit_group,
        tags.attributeGroup: visit_attribute_group,
        tags.include: visit_include,
        _REDEFINE: visit_redefine,
    }


def _references(node: Any) -> Iterator[tuple[Any, str]]:
    for each in node.iter():
        for attribute in ("base", "ref"):
            if each.get(attribute):
                yield each, attribute
