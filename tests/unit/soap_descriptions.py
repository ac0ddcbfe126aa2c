"""Parameters and types of SOAP operations for tests: by hand in few words, and generated."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from dispatcher.domain.soap.built_in import BUILT_IN
from dispatcher.domain.soap.description import ObjectType, Parameter, Place, Shape, SimpleType


def simple(
    name: str, base: str = "string", *enumeration: str, facets: dict[str, str] | None = None, **more: Any
) -> Any:
    """A parameter of a simple type; `more` are its further members."""
    kind = SimpleType(base, base, enumeration, facets or {})
    return Parameter(name, f"xsd:{base}", Shape.SIMPLE, simple=kind, **more)


def an_object(name: str, index: int, **more: Any) -> Parameter:
    """A parameter of the type with that index."""
    return Parameter(name, f"T{index}", Shape.OBJECT, object=index, **more)


def the(*parameters: Parameter, name: str = "T", **more: Any) -> ObjectType:
    """A type."""
    return ObjectType(name, parameters, **more)


@st.composite
def _simple_types(draw: Callable[[Any], Any]) -> SimpleType:
    base = draw(st.sampled_from(sorted(BUILT_IN)))
    if base == "string" and draw(st.booleans()):
        if draw(st.booleans()):
            return SimpleType("E", base, draw(st.sampled_from([("A", "B"), ("", "C"), (" D ",)])))
        least = draw(st.integers(0, 9))
        return SimpleType("S", base, (), {"minLength": str(least), "maxLength": str(least + draw(st.integers(0, 3)))})
    if base == "int" and draw(st.booleans()):
        least = draw(st.integers(-(2**31), 2**31 - 10))
        return SimpleType("N", base, (), {"minInclusive": str(least), "maxInclusive": str(least + 3)})
    return SimpleType(base, base)


@st.composite
def _parameters(draw: Callable[[Any], Any], owner: int, count: int, name: str) -> Parameter:
    least = draw(st.sampled_from([0, 1, 1, 2]))
    most = None if least == 2 or draw(st.booleans()) else max(least, 1)
    shape = draw(st.sampled_from([Shape.SIMPLE, Shape.SIMPLE, Shape.OBJECT, Shape.ANY_TYPE, Shape.XML]))
    index = None
    if shape is Shape.OBJECT:
        # What is required leads to later types only: nothing could be sent for a type that requires itself.
        first = 0 if least == 0 else owner + 1
        if first >= count:
            shape = Shape.XML
        else:
            index = draw(st.integers(first, count - 1))
    return Parameter(
        name,
        f"xsd:{shape}",
        shape,
        place=draw(st.sampled_from(Place)),
        simple=draw(_simple_types()) if shape is Shape.SIMPLE else None,
        object=index,
        min_occurs=least,
        max_occurs=most,
        nillable=draw(st.booleans()),
        choice=draw(st.sampled_from([None, None, (0, 0), (0, 1), (1, 0)])) if index is None or least else None,
    )


@st.composite
def types(draw: Callable[[Any], Any]) -> tuple[ObjectType, ...]:
    """A table of types of which optional parameters may lead anywhere; the first may stand for an operation's input."""
    count = draw(st.integers(1, 5))
    found = []
    for owner in range(count):
        names = [f"p{number}" for number in range(draw(st.integers(0, 4)))]
        inner = tuple(draw(_parameters(owner, count, name)) for name in names)
        numbers = sorted({each.choice[0] for each in inner if each.choice is not None})
        required = tuple(number for number in numbers if draw(st.booleans()))
        derived = tuple(range(owner + 1, count)) if draw(st.booleans()) else ()
        found.append(ObjectType(f"T{owner}", inner, derived, required))
    return tuple(found)
