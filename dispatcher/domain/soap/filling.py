"""From a profile's values, rendered for a call, to what an operation takes; refused with its path what does not fit.

What a call has no value for is left out where it may be, and never invented where it must not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from dispatcher.domain.shape import joined, nearest
from dispatcher.domain.soap.built_in import DoesNotFit
from dispatcher.domain.soap.choices import NotOneAlternative, settle
from dispatcher.domain.soap.description import ObjectType, Parameter, Shape
from dispatcher.domain.soap.lexical import decoded, is_list, lexical, takes_empty, xml_characters
from dispatcher.domain.soap.standing_in import standing_in

TYPE_KEY = "$type"
NIL_KEY = "$nil"
BASE64_KEY = "$base64"
"""Of an object that stands for a value of a binary type: its text is encoded already."""
NO_VALUE = "a value: it is required, and the call has none for it"
XML_EXPECTED = "XML in text: one or several elements"
OBJECT_EXPECTED = "an object of the parameters in it"
SCALAR_EXPECTED = "text, a number or a boolean"


class _Nil(Enum):
    NIL = "nil"


NIL: Final = _Nil.NIL
"""Stands for an element without content that says `xsi:nil`."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The members of an object of a type that stands in its parameter's place; `index` is the type's."""

    index: int
    values: dict[str, Any]


class ValueRefused(ValueError):
    """A value that does not fit its parameter. Nothing of it is in the text, which may be logged."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"{path}: expected {expected}")
        self.path = path
        self.expected = expected


def fill(
    values: Mapping[str, Any],
    parameters: Sequence[Parameter],
    required_choices: Sequence[int],
    types: Sequence[ObjectType],
    at: str,
) -> dict[str, Any]:
    """The operation's arguments by name: simple values in their lexical form, lists, dictionaries, `Typed` and `NIL`;
    a value of `anyType` as it is, XML as text. Raises `ValueRefused` for the first that does not fit."""
    return _Filling(types).members(values, ObjectType("", tuple(parameters), (), tuple(required_choices)), at)


class _Filling:
    def __init__(self, types: Sequence[ObjectType]) -> None:
        self.types = types

    def members(self, values: Mapping[str, Any], kind: ObjectType, at: str) -> dict[str, Any]:
        """The arguments of one object."""
        known = {parameter.name: parameter for parameter in kind.parameters}
        for name in values:
            if name not in known and name != TYPE_KEY:
                raise ValueRefused(joined(at, name), f"nothing: there is no such parameter{nearest(name, known)}")
        given = {name: values.get(name) for name in known}
        present = {name for name, value in given.items() if not self.is_absent(value, known[name])}
        try:
            required = settle(kind, given, present)
        except NotOneAlternative as fault:
            raise ValueRefused(joined(at, fault.name) if fault.name else at, fault.expected) from None
        filled: dict[str, Any] = {}
        for name, parameter in known.items():
            if name in present:
                filled[name] = self.given(given[name], parameter, joined(at, name))
            elif parameter.required or name in required:
                filled[name] = self.missing(given[name], parameter, joined(at, name))
        return filled

    def is_absent(self, value: Any, parameter: Parameter) -> bool:
        """Whether a call turned out to have nothing for a parameter: for an object, for none of what is given in it."""
        if parameter.repeated and type(value) is list:
            return all(self._is_absent_item(item, parameter) for item in value)
        return self._is_absent_item(value, parameter)

    def _is_absent_item(self, value: Any, parameter: Parameter) -> bool:
        if value is None:
            return True
        if value == "":
            return not (parameter.shape is Shape.ANY_TYPE or _takes_empty(parameter))
        if type(value) is list:
            return parameter.simple is not None and not [item for item in value if item not in (None, "")]
        if is_base64(value):
            return value[BASE64_KEY] in (None, "")
        if parameter.shape is not Shape.OBJECT or type(value) is not dict or NIL_KEY in value:
            return False
        kind = self._type_of(value, parameter)
        if kind is None or not kind.parameters:
            return False
        inner = {each.name: each for each in kind.parameters}
        # An unknown name counts as present, so that it is refused.
        return all(
            name in inner and self.is_absent(item, inner[name]) for name, item in value.items() if name != TYPE_KEY
        )

    def given(self, value: Any, parameter: Parameter, at: str) -> Any:
        """The argument for a parameter that has a value."""
        if not parameter.repeated:
            return self.item(value, parameter, at)
        if type(value) is not list:
            return self._counted([self.item(value, parameter, at)], parameter, at)
        numbered = [(item, f"{at}[{index}]") for index, item in enumerate(value)]
        present = [(item, path) for item, path in numbered if not self._is_absent_item(item, parameter)]
        return self._counted([self.item(item, parameter, path) for item, path in present], parameter, at)

    def missing(self, value: Any, parameter: Parameter, at: str) -> Any:
        """The argument for a required parameter that has no value: nil, the empty text, or an object in which nothing
        is required. Raises `ValueRefused` where it can be none of them."""
        raw = value if type(value) is list and value else [value]
        given = [each for each in raw if type(each) is dict]
        items: list[Any]
        if parameter.nillable:
            items = [NIL] * len(raw)
        elif parameter.shape is Shape.ANY_TYPE or _takes_empty(parameter):
            items = [""] * len(raw)
        elif parameter.shape is Shape.OBJECT and given:
            items = [self.item(each, parameter, at) for each in given]
        elif parameter.shape is Shape.OBJECT and self._needs_nothing(parameter):
            items = [{}]
        else:
            raise ValueRefused(at, NO_VALUE)
        return self._counted(items, parameter, at) if parameter.repeated else items[0]

    def item(self, value: Any, parameter: Parameter, at: str) -> Any:
        """One value, of whatever shape."""
        if type(value) is dict and NIL_KEY in value:
            if not is_nil(value) or not parameter.nillable:
                raise ValueRefused(at, nil_expected(parameter))
            return NIL
        match parameter.shape:
            case Shape.SIMPLE:
                return _simple(value, parameter, at)
            case Shape.OBJECT:
                return self._object(value, parameter, at)
            case Shape.ANY_TYPE:
                return _any_type(value, at)
            case Shape.XML:
                if type(value) is not str:
                    raise ValueRefused(at, XML_EXPECTED)
                return value

    def _object(self, value: Any, parameter: Parameter, at: str) -> Any:
        if type(value) is not dict or parameter.object is None:
            raise ValueRefused(at, OBJECT_EXPECTED)
        name = value.get(TYPE_KEY)
        if name is None:
            return self.members(value, self.types[parameter.object], at)
        index = standing_in(parameter.object, self.types).get(name) if type(name) is str else None
        if index is None:
            raise ValueRefused(f"{at}.{TYPE_KEY}", type_expected(parameter.object, self.types, name))
        filled = self.members(value, self.types[index], at)
        return filled if index == parameter.object else Typed(index, filled)

    def _type_of(self, value: Mapping[str, Any], parameter: Parameter) -> ObjectType | None:
        """The type of an object; None where it names one that there is not."""
        if parameter.object is None:
            return None
        name = value.get(TYPE_KEY)
        index = parameter.object if name is None else standing_in(parameter.object, self.types).get(str(name))
        return None if index is None else self.types[index]

    def _needs_nothing(self, parameter: Parameter) -> bool:
        if parameter.object is None:
            return False
        kind = self.types[parameter.object]
        return not kind.required_choices and not any(each.required for each in kind.parameters)

    def _counted(self, items: list[Any], parameter: Parameter, at: str) -> list[Any]:
        if len(items) < parameter.min_occurs:
            raise ValueRefused(at, f"at least {parameter.min_occurs} items")
        if parameter.max_occurs is not None and len(items) > parameter.max_occurs:
            raise ValueRefused(at, f"at most {parameter.max_occurs} items")
        return items


def is_nil(value: Mapping[str, Any]) -> bool:
    """Whether an object is `{"$nil": true}`."""
    return len(value) == 1 and value.get(NIL_KEY) is True


def nil_expected(parameter: Parameter) -> str:
    """What to say of `$nil` that is not allowed or not true."""
    return f'{{"{NIL_KEY}": true}} alone' if parameter.nillable else "a value: this parameter cannot be nil"


def type_expected(index: int, types: Sequence[ObjectType], name: Any) -> str:
    """What to say of a `$type` that cannot stand in a type's place."""
    names = list(standing_in(index, types))
    hint = nearest(name, names) if type(name) is str else ""
    return f"one of {', '.join(names[:20])}{hint}"


def is_base64(value: Any) -> bool:
    """Whether a value is `{"$base64": ...}`."""
    return type(value) is dict and len(value) == 1 and BASE64_KEY in value


def _simple(value: Any, parameter: Parameter, at: str) -> str:
    if parameter.simple is None:
        raise ValueRefused(at, "no value: the type of this parameter is not known")
    if is_base64(value):
        try:
            return decoded(value[BASE64_KEY], parameter.simple)
        except DoesNotFit as unfit:
            raise ValueRefused(f"{at}.{BASE64_KEY}", unfit.expected) from None
    if type(value) is list and not is_list(parameter.simple):
        raise ValueRefused(at, f"one value and no list: {parameter.type}")
    try:
        return lexical(value, parameter.simple)
    except DoesNotFit as unfit:
        raise ValueRefused(at, unfit.expected) from None


def _any_type(value: Any, at: str) -> Any:
    if type(value) not in (str, int, float, bool):
        raise ValueRefused(at, SCALAR_EXPECTED)
    return xml_characters(value) if type(value) is str else value


def _takes_empty(parameter: Parameter) -> bool:
    return parameter.simple is not None and takes_empty(parameter.simple)
