"""Simple types that keep their facets, which zeep forgets, and lists and unions that zeep can restrict."""

import copy
from collections.abc import Mapping
from typing import Any

from zeep.xsd import AnySimpleType, ComplexType, ListType, UnionType, elements
from zeep.xsd.types import builtins
from zeep.xsd.types.unresolved import UnresolvedCustomType, UnresolvedType

Narrowing = tuple[tuple[str, ...], Mapping[str, str]]
"""What a restriction says: the values that it enumerates, and its facets by name."""


class NarrowedType(UnresolvedCustomType):
    """A restriction of a simple type; the type it resolves to has `enumeration` and `facets`, its base's included."""

    def __init__(
        self,
        qname: Any,
        base_type: Any,
        schema: Any,
        narrowing: Narrowing,
        *,
        is_named: bool,
    ) -> None:
        """`narrowing` is what this restriction says itself: values and facets."""
        super().__init__(qname, base_type, schema)
        self._narrowing = narrowing
        self._is_named = is_named
        self._narrowed: Any = None

    def resolve(self) -> Any:
        """The type, one and the same for everybody who refers to it."""
        if self._narrowed is None:
            base = self.base_type.resolve()
            self._narrowed = narrowed(base, self.qname, self._narrowing)
            self._narrowed.shown_name = self.qname if self._is_named else shown_name(base)
        return self._narrowed


def narrowed(base: Any, qname: Any, narrowing: Narrowing) -> Any:
    """A type like a resolved simple one, with further facets."""
    new_class = type(str(qname.localname), (base.__class__,), {"__module__": "zeep.xsd.dynamic_types"})
    if isinstance(base, UnionType):
        new = new_class(base.item_types)
        new.item_class = base.item_class
    elif isinstance(base, ListType):
        new = new_class(base.item_type)
    else:
        new = new_class(qname)
    enumeration, facets = narrowing
    new.enumeration = enumeration or getattr(base, "enumeration", ())
    new.facets = {**getattr(base, "facets", {}), **facets}
    return new


def shown_name(simple_type: Any) -> Any:
    """The name under which a simple type is shown: its own, or that of the named type it goes back to."""
    return getattr(simple_type, "shown_name", simple_type.qname)


class NarrowedContent(UnresolvedType):
    """The base of a `simpleContent` that restricts: a complex type, whose text is narrowed."""

    def __init__(self, base: Any, narrowing: Narrowing) -> None:
        """`base` is the reference to the type that is restricted."""
        super().__init__(base.qname, base.schema)
        self._narrowing = narrowing

    def resolve(self) -> Any:
        """A copy of the base; the base itself where there is no text that could be narrowed."""
        base = super().resolve()
        if not isinstance(base, ComplexType):
            return narrowed(base, self.qname, self._narrowing)
        content = base._element
        if not isinstance(content, elements.Element):
            return base
        text = content.type.resolve()
        slim = copy.copy(content)
        slim.type = narrowed(text, text.qname, self._narrowing)
        slim.type.shown_name = shown_name(text)
        twin = copy.copy(base)
        twin.__dict__.pop("_value_class", None)
        twin._element = slim
        return twin


class TextAsItIs:
    """Before a simple type of zeep's: a text is written as it is, and not lost where it is read.

    Values come in their lexical form, of which zeep breaks some: it takes lists apart by characters, cannot write a
    `gYear`, and writes `NAN`.
    """

    def xmlvalue(self, value: Any) -> Any:
        """The text itself; of any other value what zeep makes of it."""
        return value if isinstance(value, str) else super().xmlvalue(value)  # type: ignore[misc]

    def pythonvalue(self, value: Any, schema: Any = None) -> Any:  # noqa: ARG002 - as zeep has it
        """What a reply's text means; the text itself where it is none of the type's. zeep would lose it."""
        try:
            return super().pythonvalue(value)  # type: ignore[misc]
        except (TypeError, ValueError, ArithmeticError):
            return value


class KeptList(TextAsItIs, ListType):
    """A list whose values may come as one text."""


BUILT_IN_TYPES: tuple[Any, ...] = tuple(
    type(each.__name__, (TextAsItIs, each), {"__module__": "zeep.xsd.dynamic_types"}) for each in builtins._types
)
"""zeep's types of XML Schema, with texts as they are."""


class KeptUnion(TextAsItIs, UnionType):
    """A union that is resolved once, for the reason that a group is, and may have lists among its members."""

    resolved = False

    def resolve(self) -> Any:
        """Itself, with resolved members."""
        if not self.resolved:
            self.resolved = True
            super().resolve()
            if self.item_class and issubclass(self.item_class, (ListType, UnionType)):
                # What such members have in common cannot be made without its items.
                self.item_class = None
        return self

    def xmlvalue(self, value: Any) -> Any:
        """The text of a value, of a list's values with spaces between them."""
        if isinstance(value, list):
            return " ".join(self.xmlvalue(each) for each in value)
        if isinstance(value, str) or self.item_class:
            return super().xmlvalue(value)
        return AnySimpleType.xmlvalue(self, value)
