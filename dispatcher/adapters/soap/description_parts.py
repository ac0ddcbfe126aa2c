"""zeep's types as rows of a description's table: each once, in the order in which they were met."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from zeep.xsd import AnySimpleType, AnyType, ComplexType, elements

from dispatcher.adapters.soap.description_simple_types import SimpleTypes
from dispatcher.domain.soap.bundle import WsdlRefused
from dispatcher.domain.soap.description import XSD, ObjectType, Parameter, Place, Shape, SimpleType

MAX_PARAMETERS = 500_000
"""Of all types of a WSDL together. Groups that hold each other twice over reach it in 19 steps."""


@dataclass
class _Members:
    """The parameters of one type while they are collected."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    required_choices: list[int] = field(default_factory=list)
    choices: int = 0


class TypeTable:
    """Turns zeep's types into `ObjectType`s. `zeep_types` are zeep's own in the same order, None for a group."""

    def __init__(self, schema: Any) -> None:
        """`schema` is all of a WSDL's schemas; names and derived types are taken from it once."""
        self._rows: list[ObjectType | None] = []
        self.zeep_types: list[Any] = []
        self._index: dict[int, int] = {}
        self._waiting: list[int] = []
        self._count = 0
        self._types = SimpleTypes(schema)
        self._derived = _derived_types(schema)

    def rows(self) -> tuple[ObjectType, ...]:
        """The table, with all that was met on the way, each type's rows after those that led to it."""
        while self._waiting:
            index = self._waiting.pop()
            type_ = self.zeep_types[index]
            parameters, choices = self.members(type_)
            derived = tuple(self._row_of(each) for each in self._derived.get(_text(type_.qname), ()))
            self._rows[index] = ObjectType(self._types.name(type_.qname), parameters, derived, choices)
        return tuple(row for row in self._rows if row is not None)

    def members(self, type_: Any) -> tuple[tuple[Parameter, ...], tuple[int, ...]]:
        """The parameters of a complex type, and which of its choices must be made."""
        members = _Members()
        for name, content in type_.elements_nested:
            if isinstance(content, elements.Element):
                self._add(members, replace(self.parameter(name, content), place=Place.CONTENT), None)
            elif content.accepts_multiple:
                self._add(members, self._group(name, content), None)
            else:
                self._add_content(members, content, None)
        for name, attribute in type_.attributes:
            if isinstance(attribute, elements.Attribute) and not getattr(attribute, "prohibited", False):
                self._add(members, self._attribute(name, attribute), None)
        return tuple(members.parameters.values()), tuple(members.required_choices)

    def parameter(self, name: str, element: Any) -> Parameter:
        """An element as a parameter. An array of SOAP's encoding is a list of its items, as zeep takes it."""
        items = self._array_items(element.type)
        simple, index, shape, shown = self._kind(element.type if items is None else items[0])
        return Parameter(
            name=name,
            type=shown,
            shape=shape,
            simple=simple,
            object=index,
            min_occurs=element.min_occurs,
            max_occurs=_bound(element.max_occurs) if items is None else items[1],
            nillable=element.nillable,
            documentation=getattr(element, "documentation", ""),
        )

    def _kind(self, type_: Any) -> tuple[SimpleType | None, int | None, Shape, str]:
        if isinstance(type_, ComplexType):
            return None, self._row_of(type_), Shape.OBJECT, self._types.name(type_.qname)
        if isinstance(type_, AnySimpleType):
            simple = self._types.simple(type_)
            return simple, None, Shape.SIMPLE, simple.name
        return None, None, Shape.ANY_TYPE, f"{XSD}:anyType"

    def _array_items(self, type_: Any) -> tuple[Any, int | None] | None:
        """What an array of SOAP's encoding holds, and how many; None for every other type."""
        if not isinstance(type_, ComplexType) or not type_._array_type:
            return None
        contents = [each for _, each in type_.elements_nested if isinstance(each, elements.Sequence)]
        parts = [each for content in contents for _, each in content.elements]
        if len(parts) == 1 and isinstance(parts[0], elements.Element):
            return parts[0].type, _bound(parts[0].max_occurs)
        return type_._array_type.array_type or AnyType(), None

    def _row_of(self, type_: Any) -> int:
        index = self._index.get(id(type_))
        if index is None:
            index = self._index[id(type_)] = self._add_row(None, type_)
            self._waiting.append(index)
        return index

    def _add_row(self, row: ObjectType | None, type_: Any) -> int:
        self._rows.append(row)
        self.zeep_types.append(type_)
        return len(self._rows) - 1

    def _attribute(self, name: str, attribute: Any) -> Parameter:
        simple, _, shape, shown = self._kind(attribute.type)
        return Parameter(
            name=name,
            type=shown,
            shape=shape,
            place=Place.ATTRIBUTE,
            simple=simple,
            min_occurs=int(attribute.required),
            documentation=getattr(attribute, "documentation", ""),
        )

    def _group(self, name: str, indicator: Any) -> Parameter:
        """A repeated sequence, choice or group: a list of objects."""
        members = _Members()
        content = indicator.child if isinstance(indicator, elements.Group) else indicator
        self._add_content(members, content, None)
        kind = type(content).__name__.removeprefix("Kept").lower()
        row = ObjectType(kind, tuple(members.parameters.values()), (), tuple(members.required_choices))
        return Parameter(
            name=name,
            type=kind,
            shape=Shape.OBJECT,
            place=Place.GROUP,
            object=self._add_row(row, None),
            min_occurs=indicator.min_occurs,
            max_occurs=_bound(indicator.max_occurs),
        )

    def _add_content(self, members: _Members, content: Any, choice: tuple[int, int] | None) -> None:
        """The members of a sequence, choice or group that has no name of its own. `choice`: the alternative of an outer
        choice that all of it is."""
        if isinstance(content, elements.Group):
            self._add_content(members, content.child, choice)
        elif isinstance(content, elements.Choice):
            if choice is None:
                self._add_choice(members, content)
            else:
                # One of a choice's alternatives: which of its own members are given then is for the server to judge.
                for name, part in content.elements_nested:
                    self._add_part(members, name, part, choice)
        else:
            for name, part in content.elements_nested:
                self._add_part(members, name, part, choice)

    def _add_choice(self, members: _Members, content: Any) -> None:
        number = members.choices
        members.choices += 1
        if content.min_occurs > 0 and not getattr(content, "may_be_empty", False) and len(content):
            members.required_choices.append(number)
        for alternative, (name, part) in enumerate(_alternatives(content)):
            self._add_part(members, name, part, (number, alternative))

    def _add_part(self, members: _Members, name: str | None, part: Any, choice: tuple[int, int] | None) -> None:
        if name is None:
            self._add_content(members, part, choice)
        elif isinstance(part, elements.Element):
            self._add(members, self.parameter(name, part), choice)
        elif isinstance(part, elements.Any):
            any_xml = Parameter(
                name, f"{XSD}:any", Shape.XML, min_occurs=part.min_occurs, max_occurs=_bound(part.max_occurs)
            )
            self._add(members, any_xml, choice)
        elif isinstance(part, (list, elements.Group)):
            self._add(members, self._group(name, part), choice)

    def _add(self, members: _Members, parameter: Parameter, choice: tuple[int, int] | None) -> None:
        self._count += 1
        if self._count > MAX_PARAMETERS:
            raise WsdlRefused(f"The types of this WSDL have more than {MAX_PARAMETERS:,} members")
        known = members.parameters.get(parameter.name)
        if known is None:
            members.parameters[parameter.name] = replace(parameter, choice=choice)
        elif known.choice is not None and choice is not None and known.choice != choice:
            # In several alternatives of a choice, such as what they have in common: it says nothing of which is meant.
            members.parameters[parameter.name] = replace(known, choice=None, min_occurs=0)


def _alternatives(choice: Any) -> Iterator[tuple[str | None, Any]]:
    """Those of a choice; a choice among them that is not repeated gives its own in its place."""
    for name, part in choice.elements_nested:
        if name is None and isinstance(part, elements.Choice):
            yield from _alternatives(part)
        else:
            yield name, part


def _bound(max_occurs: Any) -> int | None:
    return None if max_occurs == "unbounded" else int(max_occurs)


def _text(qname: Any) -> str:
    return "" if qname is None else str(qname.text)


def _derived_types(schema: Any) -> dict[str, list[Any]]:
    """The complex types that extend a type, directly or not, by its name."""
    derived: dict[str, list[Any]] = {}
    for type_ in schema.types:
        if not isinstance(type_, ComplexType):
            continue
        for ancestor in type_._extension_types:
            base = getattr(ancestor, "_xsd_type", None)
            # A redefined type extends what it was before, under the same name.
            if base is not None and base.qname is not None and base.qname.text != type_.qname.text:
                derived.setdefault(base.qname.text, []).append(type_)
    return derived
