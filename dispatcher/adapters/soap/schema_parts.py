"""What zeep's schemas are made of, keeping what zeep forgets: documentation, uses, and which choices may be empty.

zeep resolves a reference by resolving all that its target refers to, so that one WSDL's longest path of references is
also the depth of its recursion, and a type that is met while it is being resolved stays half done. Here an element
refers to a type without resolving it; `schema.settle` puts the resolved types in afterwards.
"""

from typing import Any

from zeep.xsd import ComplexType, elements
from zeep.xsd.elements.references import RefAttribute, RefElement, RefGroup
from zeep.xsd.types.unresolved import UnresolvedType


class LaterType(UnresolvedType):
    """A reference that gives a complex type as it is, resolved or not, and a simple one resolved."""

    def resolve(self) -> Any:
        """The type that is registered under the name."""
        found = self.schema.get_type(self.qname)
        return found if isinstance(found, ComplexType) else found.resolve()


class KeptElement(elements.Element):
    """An element that carries its documentation, and resolves no type that has a name of its own."""

    documentation = ""

    def resolve_type(self) -> None:
        """Looks the type up; resolves it only where nobody else would."""
        if not (isinstance(self.type, ComplexType) and self.type.is_global):
            self.type = self.type.resolve()


class KeptAttribute(elements.Attribute):
    """An attribute that carries its documentation, and knows whether it may be used at all."""

    documentation = ""
    prohibited = False


class LaterElement(RefElement):
    """A reference to an element, which is copied without being resolved."""

    documentation = ""

    def resolve(self) -> Any:
        """The copy, with the reference's own documentation where it has one."""
        element: Any = self._schema.get_element(self._ref)
        element = element.clone(element.qname, min_occurs=self.min_occurs, max_occurs=self.max_occurs)
        if not isinstance(element, KeptElement):
            # `xsd:schema`, which zeep can read in a reply but not send: never more than optional.
            element.min_occurs, element.max_occurs = 0, self.max_occurs
        elif self.documentation:
            element.documentation = self.documentation
        return element


class UsedAttribute(RefAttribute):
    """A reference to an attribute that keeps its own `use`."""

    required = False
    prohibited = False

    def resolve(self) -> Any:
        """A copy of the attribute."""
        attribute = super().resolve()
        attribute.required = self.required
        attribute.prohibited = self.prohibited
        return attribute


class KeptAttributeGroup(elements.AttributeGroup):
    """A group of attributes that is resolved and written out once."""

    resolved = False

    def __init__(self, name: Any, attributes: list[Any]) -> None:
        """As zeep's."""
        super().__init__(name, attributes)
        self._written_out: list[Any] | None = None

    @property
    def attributes(self) -> list[Any]:
        """All of them, each once, those of groups among them included."""
        if self._written_out is not None:
            return self._written_out
        found = {id(each): each for each in super().attributes}
        return list(found.values())

    def resolve(self) -> Any:
        """Itself, with resolved members."""
        if not self.resolved:
            self.resolved = True
            super().resolve()
            self._written_out = self.attributes
        return self


class KeptGroup(elements.Group):
    """A group that is resolved once: those that hold each other twice over would be resolved without end."""

    resolved = False

    def resolve(self) -> Any:
        """Itself, with resolved members."""
        if not self.resolved:
            self.resolved = True
            super().resolve()
        return self


class CopiedGroup(RefGroup):
    """A reference to a group that gets members of its own: zeep puts those of a base type among them."""

    def resolve(self) -> Any:
        """The copy."""
        group = self._schema.get_group(self._ref).resolve()
        members = group.child.clone(None, group.child.min_occurs, group.child.max_occurs)
        copied = KeptGroup(None, members, max_occurs=self.max_occurs, min_occurs=self.min_occurs)
        copied.resolved = True
        return copied


class KeptChoice(elements.Choice):
    """A choice that takes the alternative of which most was given, and takes 0, false and the empty string for values.

    zeep's own takes the first alternative of which anything was given, and drops a lone 0.
    """

    may_be_empty = False
    """Whether one of its alternatives may be nothing."""

    def clone(self, name: Any, min_occurs: int = 1, max_occurs: Any = 1) -> Any:
        """A copy with other bounds."""
        new = super().clone(name, min_occurs, max_occurs)
        new.may_be_empty = self.may_be_empty
        return new

    def accept(self, values: Any) -> int:
        """How many members of the best alternative there are values for."""
        if self.accepts_multiple:
            return int(super().accept(values))
        return max((self._given(name, part, values) for name, part in self.elements_nested), default=0)

    @staticmethod
    def _given(name: str, part: Any, values: Any) -> int:
        if isinstance(part, elements.Element):
            return int(name in values and values[name] is not None)
        return int(part.accept(values))

    def parse_kwargs(self, kwargs: Any, name: Any, available_kwargs: set[str]) -> Any:
        """The members of the chosen alternative; those of the others are None. Takes their names from what is left."""
        if self.accepts_multiple:
            return super().parse_kwargs(kwargs, name, available_kwargs)
        best: dict[str, Any] = {}
        most, chosen = 0, set[str]()
        for part_name, part in self.elements_nested:
            left = set(available_kwargs)
            taken = part.parse_kwargs(kwargs, part_name, left) or {}
            used = available_kwargs - left
            given = sum(kwargs[each] is not None for each in used)
            if not given:
                available_kwargs -= used
            elif given > most:
                most, best, chosen = given, taken, used
        available_kwargs -= chosen
        return {**dict.fromkeys((each for each, _ in self.elements), None), **best} if most else {}
