"""Where an expression stands, which decides how its value is escaped: a walk through a template with its literals."""

from collections.abc import Callable
from typing import Protocol

from jinja2 import nodes

from dispatcher.adapters.templates.language import TemplateRefused, filtered

Literal = Callable[[str], str]
"""Makes what the template's author wrote fit for its place."""
State = str
"""What a place's grammar knows at one point: the name of what it is in."""


class Place(Protocol):
    """The grammar around the expressions of one kind of template, as far as escaping asks for it."""

    start: State
    marks: str
    """What can be left open."""

    def after(self, text: str, state: State) -> State:
        """The state behind a literal. Raises `TemplateRefused`."""
        ...

    def escape(self, node: nodes.Expr, state: State) -> nodes.Filter:
        """An expression with the escape of this state. Raises `TemplateRefused` where none may stand."""
        ...

    def branch(self, node: nodes.If | nodes.For, state: State) -> None:
        """Raises `TemplateRefused` where this `if` or loop may not stand."""
        ...


def mark(tree: nodes.Template, place: Place, literal: Literal = str) -> None:
    """Wraps every expression in the escape of its place, and makes every literal fit for it.

    Whichever way an `if` goes and however often a loop, what follows must be in the same state.
    """
    _Marker(place, literal).walk(tree.body, place.start)


class _Marker:
    def __init__(self, place: Place, literal: Literal) -> None:
        self._place, self._literal = place, literal

    def walk(self, body: list[nodes.Node], state: State) -> State:
        for node in body:
            if isinstance(node, nodes.Output):
                state = self._output(node, state)
            elif isinstance(node, nodes.If):
                state = self._branches(node, state)
            elif isinstance(node, nodes.For):
                self._loop(node, state)
        return state

    def _output(self, node: nodes.Output, state: State) -> State:
        for index, child in enumerate(node.nodes):
            if isinstance(child, nodes.TemplateData):
                state = self._place.after(child.data, state)
                child.data = self._literal(child.data)
            else:
                node.nodes[index] = self._place.escape(child, state)
        return state

    def _branches(self, node: nodes.If, state: State) -> State:
        self._place.branch(node, state)
        branches = (node.body, *(each.body for each in node.elif_), node.else_)
        ends = {self.walk(branch, state) for branch in branches}
        if len(ends) > 1:
            marks = self._place.marks
            raise _refused(f"branches of if that open and close the same {marks}s", f"a {marks} open in one")
        return ends.pop()

    def _loop(self, node: nodes.For, state: State) -> None:
        self._place.branch(node, state)
        if self.walk(node.body, state) != state or self.walk(node.else_, state) != state:
            marks = self._place.marks
            raise _refused(f"a loop that closes the {marks}s it opens", f"a {marks} open in it")


class _Text:
    start = ""
    marks = "quote"

    def __init__(self, escape: str) -> None:
        self._escape = escape

    def after(self, text: str, state: State) -> State:  # noqa: ARG002 - as the protocol has it
        return state

    def escape(self, node: nodes.Expr, state: State) -> nodes.Filter:  # noqa: ARG002 - as the protocol has it
        return filtered(node, self._escape)

    def branch(self, node: nodes.If | nodes.For, state: State) -> None:
        """Anywhere."""


def in_text(escape: str) -> Place:
    """The same everywhere."""
    return _Text(escape)


_IN_STRING = "string"
_IN_VALUE = "value"


class _Json:
    start = _IN_VALUE
    marks = "quote"

    def after(self, text: str, state: State) -> State:
        inside, escaped = state == _IN_STRING, False
        for character in text:
            if escaped:
                escaped = False
            elif inside and character == "\\":
                escaped = True
            elif character == '"':
                inside = not inside
        if escaped:
            raise _refused("no backslash right before a value", "a backslash")
        return _IN_STRING if inside else _IN_VALUE

    def escape(self, node: nodes.Expr, state: State) -> nodes.Filter:
        if state == _IN_STRING:
            return filtered(node, "_json_in_string")
        # `{{ x | json }}` is what one writes in other template languages for what `{{ x }}` means here.
        if isinstance(node, nodes.Filter) and node.name == "json" and node.node is not None:
            node = node.node
        return filtered(node, "_json_value")

    def branch(self, node: nodes.If | nodes.For, state: State) -> None:
        """Anywhere."""


def in_json() -> Place:
    """Inside or outside of the quotes of JSON's strings."""
    return _Json()


def _refused(expected: str, got: str) -> TemplateRefused:
    return TemplateRefused([(expected, got)])
