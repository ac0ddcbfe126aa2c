"""A profile's parameters, judged when it is saved: against the operation's types, before any call fills templates."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dispatcher.domain.shape import NO_SUCH_MEMBER, Reading, joined, nearest
from dispatcher.domain.soap.built_in import DoesNotFit
from dispatcher.domain.soap.choices import Alternatives, alternatives_expected, beside_expected, choices_of
from dispatcher.domain.soap.description import ObjectType, Parameter, Shape, SimpleType
from dispatcher.domain.soap.filling import (
    BASE64_KEY,
    NIL_KEY,
    OBJECT_EXPECTED,
    SCALAR_EXPECTED,
    TYPE_KEY,
    XML_EXPECTED,
    is_base64,
    is_nil,
    nil_expected,
    type_expected,
)
from dispatcher.domain.soap.lexical import decoded, is_list, item_type, lexical, takes_empty
from dispatcher.domain.soap.repeating import EACH_KEY, FOR_KEY, check_loop, holds_loop
from dispatcher.domain.soap.standing_in import standing_in

LISTED_NAMES = 20
IsTemplate = Callable[[str], bool]


def check(
    reading: Reading,
    raw: object,
    parameters: Sequence[Parameter],
    required_choices: Sequence[int],
    types: Sequence[ObjectType],
    at: str,
    is_template: IsTemplate,
) -> None:
    """Notes what can be known to be wrong before there is a call: names, shapes, what is required and not given, and
    literals that do not fit. A text for which `is_template` holds is judged when it is rendered."""
    kind = ObjectType("", tuple(parameters), (), tuple(required_choices))
    _Checking(reading, types, is_template).members({} if raw is None else raw, kind, at)


class _Checking:
    def __init__(self, reading: Reading, types: Sequence[ObjectType], is_template: IsTemplate) -> None:
        self.reading = reading
        self.types = types
        self.is_template = is_template

    def members(self, raw: object, kind: ObjectType, at: str) -> None:
        """The members of one object; `$type` was judged by the caller."""
        if type(raw) is not dict:
            self.reading.note(at, OBJECT_EXPECTED, raw)
            return
        known = {parameter.name: parameter for parameter in kind.parameters}
        for name, value in raw.items():
            if name in known:
                self._value(value, known[name], joined(at, name))
            else:
                self.reading.note(joined(at, name), _unknown_expected(name, known), value)
        for parameter in kind.parameters:
            if parameter.required:
                self._require(raw, parameter, at)
        for number, alternatives in choices_of(kind.parameters).items():
            self._choice(raw, alternatives, at, required=number in kind.required_choices)

    def _require(self, raw: dict[str, Any], parameter: Parameter, at: str) -> None:
        if not _is_given(raw.get(parameter.name), parameter):
            self.reading.note_got(joined(at, parameter.name), f"{parameter.type}, required", "nothing")

    def _choice(self, raw: dict[str, Any], alternatives: Alternatives, at: str, *, required: bool) -> None:
        given = [group for group in alternatives if any(raw.get(each.name) is not None for each in group)]
        if required and not given:
            self.reading.note_got(at, alternatives_expected(alternatives), "nothing")
        if len(given) == 1:
            for parameter in given[0]:
                if parameter.min_occurs > 0:
                    self._require(raw, parameter, at)
        certain = [each for group in given if (each := self._certain(raw, group)) is not None]
        for second in certain[1:]:
            self.reading.note(joined(at, second), beside_expected(certain[0]), raw[second])

    def _certain(self, raw: dict[str, Any], group: list[Parameter]) -> str | None:
        """The first parameter of an alternative that has a value for whatever call."""
        return next((each.name for each in group if self._is_certain(raw.get(each.name))), None)

    def _is_certain(self, value: object) -> bool:
        match value:
            case dict():
                inner = (item for key, item in value.items() if key != TYPE_KEY)
                return FOR_KEY not in value and any(map(self._is_certain, inner))
            case list():
                return any(map(self._is_certain, value))
            case str():
                return bool(value) and not self.is_template(value)
            case _:
                return value is not None

    def _value(self, value: object, parameter: Parameter, at: str) -> None:
        if type(value) is dict and FOR_KEY in value:
            if not parameter.repeated:
                self.reading.note(at, f"one value: only a repeated parameter takes {FOR_KEY}", value)
                return
            check_loop(self.reading, value, at)
            if not holds_loop(value.get(EACH_KEY)):
                self._item(value.get(EACH_KEY), parameter, f"{at}.{EACH_KEY}")
        elif type(value) is list and parameter.repeated:
            self._list(value, parameter, at)
        elif value is not None:
            self._item(value, parameter, at)

    def _list(self, value: list[Any], parameter: Parameter, at: str) -> None:
        given = [(index, item) for index, item in enumerate(value) if item is not None]
        if parameter.max_occurs is not None and len(given) > parameter.max_occurs:
            self.reading.note(at, f"at most {parameter.max_occurs} items", value)
        if value and len(given) < parameter.min_occurs:
            self.reading.note(at, f"at least {parameter.min_occurs} items", value)
        for index, item in given:
            self._item(item, parameter, f"{at}[{index}]")

    def _item(self, value: Any, parameter: Parameter, at: str) -> None:
        if value is None or (parameter.shape is not Shape.OBJECT and self._is_template(value)):
            return
        if type(value) is dict and NIL_KEY in value:
            if not is_nil(value) or not parameter.nillable:
                self.reading.note(at, nil_expected(parameter), value)
            return
        match parameter.shape:
            case Shape.SIMPLE:
                self._simple(value, parameter, at)
            case Shape.OBJECT:
                self._object(value, parameter, at)
            case Shape.ANY_TYPE:
                if type(value) not in (str, int, float, bool):
                    self.reading.note(at, SCALAR_EXPECTED, value)
            case Shape.XML:
                if type(value) is not str:
                    self.reading.note(at, XML_EXPECTED, value)

    def _object(self, value: Any, parameter: Parameter, at: str) -> None:
        # A template in the place of a list of objects may be a variable that holds one, below `call.custom`.
        if parameter.object is None or (parameter.repeated and self._is_template(value)):
            return
        if type(value) is not dict or TYPE_KEY not in value:
            self.members(value, self.types[parameter.object], at)
            return
        name = value[TYPE_KEY]
        index = standing_in(parameter.object, self.types).get(name) if type(name) is str else None
        if index is None:
            self.reading.note(joined(at, TYPE_KEY), type_expected(parameter.object, self.types, name), name)
            return
        self.members({key: item for key, item in value.items() if key != TYPE_KEY}, self.types[index], at)

    def _simple(self, value: Any, parameter: Parameter, at: str) -> None:
        simple = parameter.simple
        if simple is None or value == "":
            return
        if is_base64(value):
            self._encoded(value[BASE64_KEY], simple, f"{at}.{BASE64_KEY}")
        elif type(value) is list and not is_list(simple):
            self.reading.note(at, f"one value and no list: {parameter.type}", value)
        elif type(value) is list and any(map(self._is_template, value)):
            for index, item in enumerate(value):
                if not self._is_template(item):
                    self._literal(item, item_type(simple), f"{at}[{index}]")
        else:
            self._literal(value, simple, at)

    def _literal(self, value: Any, simple: SimpleType, at: str) -> None:
        try:
            lexical(value, simple)
        except DoesNotFit as unfit:
            self.reading.note(at, unfit.expected, value)

    def _encoded(self, value: Any, simple: SimpleType, at: str) -> None:
        try:
            # What a template will give is not known; whether its type is a binary one is.
            decoded("" if self._is_template(value) else value, replace(simple, facets={}))
        except DoesNotFit as unfit:
            self.reading.note(at, unfit.expected, value)

    def _is_template(self, value: object) -> bool:
        return type(value) is str and self.is_template(value)


def _is_given(value: object, parameter: Parameter) -> bool:
    if value == "":
        return parameter.shape is Shape.ANY_TYPE or (parameter.simple is not None and takes_empty(parameter.simple))
    return value is not None and value != []


def _unknown_expected(name: str, known: dict[str, Parameter]) -> str:
    names = list(known)
    more = f" and {len(names) - LISTED_NAMES} more" if len(names) > LISTED_NAMES else ""
    listed = f"; there are {', '.join(names[:LISTED_NAMES])}{more}" if names else "; there is none at all"
    return f"{NO_SUCH_MEMBER}{nearest(name, names)}{listed}"
