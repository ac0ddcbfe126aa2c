"""The parameters of an operation as a profile writes them, compiled: a call's context in, values out.

Objects, lists and loops of the document are walked once, when the profile is compiled; each text in them is a template
of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dispatcher.adapters.templates.compiler import Compiler
from dispatcher.adapters.templates.language import has_template
from dispatcher.adapters.templates.rules import NO_LOOP, Scope, loop_variable_fault
from dispatcher.domain.context import Context
from dispatcher.domain.shape import joined
from dispatcher.domain.soap.description import ObjectType, Parameter, Shape

FOR, AS, EACH, TYPE = "$for", "$as", "$each", "$type"
DEFAULT_VARIABLE = "item"
_OPEN, _CLOSE = "<_>", "</_>"
"""Around a piece of XML, so that it is one document whatever stands in it."""

Values = Callable[[Context], Any]


class ParameterCompiler:
    """Compiles values with a compiler that notes the faults of their templates."""

    def __init__(self, compiler: Compiler, types: Sequence[ObjectType]) -> None:
        self._compiler, self._types = compiler, types

    def members(
        self, raw: Mapping[str, Any], parameters: Sequence[Parameter], at: str, scope: Scope = NO_LOOP
    ) -> Callable[[Context], dict[str, Any]]:
        """An object's values by name. What its type does not know is compiled all the same: it is refused elsewhere."""
        known = {parameter.name: parameter for parameter in parameters}
        compiled = [(name, self._value(value, known.get(name), joined(at, name), scope)) for name, value in raw.items()]
        return lambda context: {name: value(context) for name, value in compiled}

    def _value(self, raw: Any, parameter: Parameter | None, at: str, scope: Scope) -> Values:
        if type(raw) is str:
            return self._text(raw, parameter, at, scope)
        if type(raw) is list:
            items = [self._value(each, parameter, f"{at}[{index}]", scope) for index, each in enumerate(raw)]
            return lambda context: [item(context) for item in items]
        if type(raw) is not dict:
            return lambda _: raw
        if FOR in raw:
            return self._loop(raw, parameter, at, scope)
        return self.members(raw, self._parameters_of(raw, parameter), at, scope)

    def _text(self, raw: str, parameter: Parameter | None, at: str, scope: Scope) -> Values:
        if parameter is not None and parameter.shape is Shape.XML:
            return self.fragment(raw, at)
        if not has_template(raw):
            return lambda _: raw
        return self._compiler.value(raw, at, scope)

    def fragment(self, source: str, at: str) -> Callable[[Context], str]:
        """A piece of XML, of any number of elements, well-formed whatever the values are."""
        piece = self._compiler.xml(f"{_OPEN}{source}{_CLOSE}", at)
        if isinstance(piece, str):
            literal = piece.removeprefix(_OPEN).removesuffix(_CLOSE)
            return lambda _: literal
        return lambda context: piece(context).removeprefix(_OPEN).removesuffix(_CLOSE)

    def _loop(self, raw: Mapping[str, Any], parameter: Parameter | None, at: str, scope: Scope) -> Values:
        path, variable = raw[FOR], raw.get(AS, DEFAULT_VARIABLE)
        if type(path) is not str or type(variable) is not str:
            return lambda _: []  # refused where the document is checked
        if scope:
            self._note(at, "loops beside each other", "a loop inside a loop")
        elif (fault := loop_variable_fault(variable)) is not None:
            self._note(f"{at}.{AS}", *fault)
        contexts = self._compiler.loop(path, variable, f"{at}.{FOR}")
        each = self._value(raw.get(EACH), parameter, f"{at}.{EACH}", {variable: path})
        return lambda context: [each(inner) for inner in contexts(context)]

    def _note(self, at: str, expected: str, got: str) -> None:
        self._compiler.faults.append({"field": at, "expected": expected, "got": got})

    def _parameters_of(self, raw: Mapping[str, Any], parameter: Parameter | None) -> Sequence[Parameter]:
        if parameter is None or parameter.object is None:
            return ()
        own = self._types[parameter.object]
        wanted = raw.get(TYPE)
        derived = (self._types[index] for index in own.derived)
        return next((each.parameters for each in derived if each.name == wanted), own.parameters)
