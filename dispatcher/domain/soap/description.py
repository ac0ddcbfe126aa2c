"""What a WSDL offers: services, ports, operations, and the parameters that each operation takes.

Types are kept in one table and parameters point into it, because they nest, recur and contain themselves: written out
as trees, those of a large WSDL would be without end.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

XSD = "xsd"
"""The prefix under which built-in types of XML Schema are shown."""


class SoapVersion(StrEnum):
    """SOAP 1.1 (W3C Note, 2000) and SOAP 1.2 (W3C Recommendation, 2007)."""

    V1_1 = "1.1"
    V1_2 = "1.2"


class Place(StrEnum):
    """Where a parameter's value goes in its parent."""

    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    CONTENT = "content"
    """The text of an element that also has attributes (`simpleContent`)."""
    GROUP = "group"
    """No element of its own: a repeated sequence or choice, whose items are objects."""


class Shape(StrEnum):
    """What kind of value a parameter takes."""

    SIMPLE = "simple"
    OBJECT = "object"
    ANY_TYPE = "any_type"
    """`xsd:anyType`: text, a number or a boolean."""
    XML = "xml"
    """`xsd:any`: elements of the sender's choice, as XML."""


@dataclass(frozen=True, slots=True)
class SimpleType:
    """A simple type: the built-in type it goes back to (`dateTime`, without prefix) and its facets, by their names in
    XML Schema (`maxLength`, `minInclusive` ...), as texts. `pattern` is not judged."""

    name: str
    base: str
    enumeration: tuple[str, ...] = ()
    facets: Mapping[str, str] = field(default_factory=dict)
    item: "SimpleType | None" = None
    """Of a list type: values of this type, with spaces between them."""
    members: "tuple[SimpleType, ...]" = ()
    """Of a union: a value fits if it fits one of them."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, under the name by which zeep takes it: that of its element or attribute, `_value_1` where it has
    none."""

    name: str
    type: str
    shape: Shape
    place: Place = Place.ELEMENT
    simple: SimpleType | None = None
    object: int | None = None
    """Of an object or a group: its type's index in `Description.types`."""
    min_occurs: int = 1
    max_occurs: int | None = 1
    """None: any number."""
    nillable: bool = False
    choice: tuple[int, int] | None = None
    """Of a parameter in an `xsd:choice`: the choice's number in its parent, and which of its alternatives this is."""
    documentation: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be given; of a choice, some alternative must."""
        return self.min_occurs > 0 and self.choice is None

    @property
    def repeated(self) -> bool:
        """Whether its value may be a list."""
        return self.max_occurs is None or self.max_occurs > 1


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A complex type. `derived` are the indexes of types that extend it and may stand in its place, abstract or not."""

    name: str
    parameters: tuple[Parameter, ...]
    derived: tuple[int, ...] = ()
    required_choices: tuple[int, ...] = ()
    """The numbers of those choices of which an alternative must be given."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked for. `input` holds the parameters themselves, without the element that wraps them."""

    name: str
    documentation: str = ""
    soap_action: str = ""
    style: str = "document"
    """`document` or `rpc`."""
    use: str = "literal"
    """`literal` or `encoded`."""
    one_way: bool = False
    input: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    output: tuple[Parameter, ...] = ()
    output_element: str = ""
    """The local name of the reply's body element; empty for a one-way operation."""
    required_choices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """Operations and how they are sent; several ports may share one."""

    name: str
    soap_version: SoapVersion
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """Where a binding's operations are found. `address` as the WSDL says it: often wrong, sometimes missing."""

    name: str
    binding: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """A named set of ports."""

    name: str
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Description:
    """Everything that can be called, and the table of types that parameters point into."""

    services: tuple[Service, ...]
    bindings: tuple[Binding, ...]
    types: tuple[ObjectType, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, as sentences."""

    def binding(self, name: str) -> Binding:
        """The binding of a name that a port has."""
        return next(each for each in self.bindings if each.name == name)

    def ports(self) -> Iterator[tuple[Service, Port, Binding]]:
        """Every port with its service and binding, in the order of the WSDL."""
        for service in self.services:
            for port in service.ports:
                yield service, port, self.binding(port.binding)

    def as_document(self) -> dict[str, Any]:
        """As JSON, to be kept; `read_description` gives it back."""
        return asdict(self)


def read_description(document: Mapping[str, Any]) -> Description:
    """The description that `as_document` wrote."""
    return Description(
        tuple(Service(each["name"], tuple(Port(**port) for port in each["ports"])) for each in document["services"]),
        tuple(
            Binding(
                each["name"],
                SoapVersion(each["soap_version"]),
                tuple(_operation(operation) for operation in each["operations"]),
            )
            for each in document["bindings"]
        ),
        tuple(
            ObjectType(
                each["name"],
                _parameters(each["parameters"]),
                tuple(each["derived"]),
                tuple(each["required_choices"]),
            )
            for each in document["types"]
        ),
        tuple(document["notes"]),
    )


def _operation(document: Mapping[str, Any]) -> Operation:
    return Operation(
        **{
            **document,
            "input": _parameters(document["input"]),
            "headers": _parameters(document["headers"]),
            "output": _parameters(document["output"]),
            "required_choices": tuple(document["required_choices"]),
        }
    )


def _parameters(documents: list[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            **{
                **each,
                "shape": Shape(each["shape"]),
                "place": Place(each["place"]),
                "simple": _simple(each["simple"]),
                "choice": None if each["choice"] is None else tuple(each["choice"]),
            }
        )
        for each in documents
    )


def _simple(document: Mapping[str, Any] | None) -> SimpleType | None:
    if document is None:
        return None
    return SimpleType(
        document["name"],
        document["base"],
        tuple(document["enumeration"]),
        document["facets"],
        _simple(document["item"]),
        tuple(simple for each in document["members"] if (simple := _simple(each)) is not None),
    )
