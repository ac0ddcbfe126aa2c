"""Compiled templates: a context in, text or JSON bytes out. Only real mixtures go through Jinja.

A constant costs nothing, a template of literals and plain variables a look-up and an escape for each variable
(0.3 to 1 us), an expression 4 us.
"""

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import TemplateError, UndefinedError, nodes

from dispatcher.adapters.template_filters import MAX_OUTPUT_BYTES, OutputTooLarge, bounded
from dispatcher.adapters.template_language import (
    ENVIRONMENT,
    TemplateRefused,
    filtered,
    has_template,
    key_path,
    parse,
)
from dispatcher.adapters.template_text import ESCAPES, json_of
from dispatcher.domain.context import Context, Getter, getter
from dispatcher.ports import RenderError

Text = Callable[[Context], str]
Bytes = Callable[[Context], bytes]
Literal = Callable[[str], str]
"""Makes what the template's author wrote fit for its place."""

_FAULTS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError, TemplateError)
"""What an expression may raise on a value that it was not written for."""


def text_piece(source: str, escape: str, field: str, literal: Literal = str) -> str | Text:
    """The template of a text: a str where there is nothing to render. `escape` names one of `ESCAPES`.

    Raises `TemplateRefused`; what it gives raises `RenderError`.
    """
    if not has_template(source):
        return literal(source)
    return _rendered(_marked(source, lambda _: escape, None, literal), field)


def raw_json_piece(source: str, field: str) -> str | Text:
    """The template of JSON as text. A value between quotes is escaped for there; one outside of quotes is a whole JSON
    value with its type. Either way it stays the one value that it is."""
    if not has_template(source):
        return source
    tree = _marked(source, lambda inside: "_json_in_string" if inside else "_json_value", _ends_in_string, str)
    return _rendered(tree, field)


def json_piece(source: str, field: str) -> bytes | Bytes:
    """The template of a JSON string: exactly one variable or expression keeps its type, anything else is text."""
    if not has_template(source):
        return json_of(source)
    tree = parse(source)
    single = _single_expression(tree)
    if single is None:
        text = text_piece(source, "_text", field)
        return json_of(text) if isinstance(text, str) else _text_as_json(text, field)
    get = _plain_variable(single)
    if get is None:
        get = _expression(single)
    return _guarded(lambda context: json_of(get(context)), field)


def _text_as_json(text: Text, field: str) -> Bytes:
    return _guarded(lambda context: json_of(text(context)), field)


def _guarded(render: Callable[[Context], Any], field: str) -> Callable[[Context], Any]:
    """The same, its faults translated. The cause is dropped, since its text may hold a value of the call."""

    def guarded(context: Context) -> Any:
        try:
            return render(context)
        except _FAULTS as fault:
            raise RenderError(field, _sentence(fault)) from None

    return guarded


def _sentence(fault: Exception) -> str:
    match fault:
        case OutputTooLarge():
            return f"output over {MAX_OUTPUT_BYTES} bytes"
        case ZeroDivisionError():
            return "division by zero"
        case UndefinedError():
            return "calculation with an absent value"
        case TypeError():
            return "calculation with a value of the wrong type"
        case _:
            return "a value that cannot be calculated with"


def _rendered(tree: nodes.Template, field: str) -> str | Text:
    parts = _plain_parts(tree)
    if parts is None:
        return _guarded(_by_jinja(tree), field)
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return _guarded(_joined(parts), field)


def _joined(parts: Iterable[str | Text]) -> Text:
    pairs = [(part, None) if isinstance(part, str) else ("", part) for part in parts]

    def render(context: Context) -> str:
        out = []
        size = 0
        for literal, value in pairs:
            text = literal if value is None else value(context)
            size += len(text)
            if size > MAX_OUTPUT_BYTES:
                raise OutputTooLarge
            out.append(text)
        return "".join(out)

    return render


def _by_jinja(tree: nodes.Template) -> Text:
    template = ENVIRONMENT.from_string(tree)

    def render(context: Context) -> str:
        out = []
        size = 0
        for text in template.root_render_func(template.new_context(context, shared=True)):  # type: ignore[arg-type]
            size += len(text)
            bounded(size)
            out.append(text)
        return "".join(out)

    return render


def _expression(node: nodes.Expr) -> Getter:
    """Calculates an expression and keeps its type, as `Environment.compile_expression` does."""
    result = nodes.Assign(nodes.Name("result", "store"), node, lineno=1)
    tree = nodes.Template([result], lineno=1)
    tree.set_environment(ENVIRONMENT)
    template = ENVIRONMENT.from_string(tree)

    def calculate(context: Context) -> Any:
        scope = template.new_context(context, shared=True)  # type: ignore[arg-type]
        for _ in template.root_render_func(scope):
            pass
        return scope.vars["result"]

    return calculate


def _single_expression(tree: nodes.Template) -> nodes.Expr | None:
    match tree.body:
        case [nodes.Output(nodes=[only])] if not isinstance(only, nodes.TemplateData):
            return only
    return None


def _plain_variable(node: nodes.Node) -> Getter | None:
    keys, base = key_path(node)
    if isinstance(base, nodes.Name) and all(type(key) is str for key in keys):
        return getter([base.name, *keys])
    return None


def _plain_parts(tree: nodes.Template) -> list[str | Text] | None:
    """Literals and escaped plain variables in their order, or None if there is more to the template."""
    parts: list[str | Text] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for child in output.nodes:
            if isinstance(child, nodes.TemplateData):
                parts.append(child.data)
                continue
            get = _plain_variable(child.node) if isinstance(child, nodes.Filter) and child.node else None
            if get is None:
                return None
            parts.append(_escaped(get, ESCAPES[child.name]))  # type: ignore[attr-defined]
    return parts


def _escaped(get: Getter, escape: Callable[[Any], str]) -> Text:
    return lambda context: escape(get(context))


def _marked(
    source: str, escape_in: Callable[[bool], str], scan: Callable[[str, bool], bool] | None, literal: Literal
) -> nodes.Template:
    """The tree with every expression wrapped in the escape of its place, every literal made fit for it.

    `scan` follows the literals and tells whether the place after one lies inside a quoted string.
    """
    tree = parse(source)

    def walk(body: list[nodes.Node], state: bool) -> bool:
        for node in body:
            if isinstance(node, nodes.Output):
                for index, child in enumerate(node.nodes):
                    if isinstance(child, nodes.TemplateData):
                        state = scan(child.data, state) if scan else state
                        child.data = literal(child.data)
                    else:
                        node.nodes[index] = filtered(child, escape_in(state))
            elif isinstance(node, nodes.If):
                branches = [node.body, *(each.body for each in node.elif_), node.else_]
                ends = {walk(branch, state) for branch in branches}
                if len(ends) > 1:
                    raise TemplateRefused(
                        [("branches of if that open and close the same quotes", "a quote open in one")]
                    )
                state = ends.pop()
        return state

    walk(tree.body, state=False)
    return tree.set_environment(ENVIRONMENT)  # type: ignore[return-value]


def _ends_in_string(text: str, inside: bool) -> bool:
    escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif inside and character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside
    if escaped:
        raise TemplateRefused([("no backslash right before a value", "a backslash")])
    return inside
