"""Compiled templates: a context in, text or JSON bytes out. Only real mixtures go through Jinja.

A constant costs nothing; a template of literals and variables, plain or put through filters with literal arguments, a
look-up, an escape and a call for each filter (0.3 to 1 us); an expression 4 us.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from jinja2 import ChainableUndefined, TemplateError, Undefined, UndefinedError, nodes
from jinja2.nodes import Impossible

from dispatcher.adapters.templates.costs import MAX_CHARACTERS, TooMuchText
from dispatcher.adapters.templates.dialect import Dialect, named_arguments
from dispatcher.adapters.templates.filters import MAX_OUTPUT_BYTES, OutputTooLarge, bounded
from dispatcher.adapters.templates.language import LANGUAGE, TemplateRefused, bound, has_template, key_path, parse
from dispatcher.adapters.templates.loops import MAX_ITEMS, LoopTooLong, loop_items
from dispatcher.adapters.templates.places import Literal, Place, in_json, in_text, mark
from dispatcher.adapters.templates.rules import NO_LOOP, Scope, loop_path_fault, refuse_faults
from dispatcher.adapters.templates.segments import with_whole_segments
from dispatcher.adapters.templates.text import ESCAPES, EmptySegment, json_of
from dispatcher.adapters.templates.xml import check_xml, in_xml
from dispatcher.domain.context import Context, Getter, getter
from dispatcher.ports import RenderError

Text = Callable[[Context], str]
Bytes = Callable[[Context], bytes]

_FAULTS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError, TemplateError)
"""What an expression may raise on a value that it was not written for."""
_ABSENT = ChainableUndefined()
"""What filters are given for an absent value, as Jinja gives it."""


class Pieces:
    """Compiles the templates of one request. Methods raise `TemplateRefused`; what they give raises `RenderError`."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.has_loops = False

    def text(self, source: str, escape: str, field: str, literal: Literal = str, scope: Scope = NO_LOOP) -> str | Text:
        """The template of a text: a str where there is nothing to render. `escape` names one of `ESCAPES`."""
        if not has_template(source):
            return literal(source)
        return self._rendered(self._tree(source, scope), in_text(escape), field, literal)

    def url(self, source: str, field: str, literal: Literal) -> str | Text:
        """The template of a URL, whose every value stays one segment of the path or one value of the query."""
        if not has_template(source):
            return literal(source)
        return self._rendered(with_whole_segments(self._tree(source)), in_text("_url"), field, literal)

    def raw_json(self, source: str, field: str) -> str | Text:
        """The template of JSON as text. A value between quotes is escaped for there; one outside of quotes is a whole
        JSON value with its type. Either way it stays the one value that it is."""
        if not has_template(source):
            return source
        return self._rendered(self._tree(source), in_json(), field)

    def xml(self, source: str, field: str) -> str | Text:
        """The template of an XML document, which is well-formed whatever the values are and whichever way an `if`
        goes."""
        piece = self._rendered(tree := self._tree(source), in_xml(), field)
        check_xml(tree)
        return piece

    def json(self, source: str, field: str) -> bytes | Bytes:
        """The template of a JSON string: exactly one variable or expression keeps its type, anything else is text."""
        if not has_template(source):
            return json_of(source)
        get = self._typed(source, field, NO_LOOP)
        return _guarded(lambda context: json_of(get(context)), field)

    def value(self, source: str, field: str, scope: Scope = NO_LOOP) -> Getter:
        """The same, as a value for something else than JSON to write; None where it is absent. `scope` is that of a
        loop around the template, whose variable the context has then."""
        get = self._typed(source, field, scope)

        def value_of(context: Context) -> Any:
            value = get(context)
            return None if isinstance(value, Undefined) else value

        return _guarded(value_of, field)

    def loop(self, path: str, variable: str, field: str) -> Callable[[Context], list[Context]]:
        """The contexts of a loop over a list of the call, one for each item; none where it is absent. The name of its
        variable has been judged before (`loop_variable_fault`)."""
        fault = loop_path_fault(path)
        if fault is not None:
            raise TemplateRefused([fault])
        self.has_loops = True
        get = getter(path.split("."))

        def contexts(context: Context) -> list[Context]:
            items = list(loop_items(get(context)))
            last = len(items) - 1
            return [
                {
                    **context,
                    variable: item,
                    "loop": {"index": index + 1, "index0": index, "first": index == 0, "last": index == last},
                }
                for index, item in enumerate(items)
            ]

        return _guarded(contexts, field)

    def _typed(self, source: str, field: str, scope: Scope) -> Getter:
        single = _single_expression(self._tree(source, scope))
        if single is None:
            text = self.text(source, "_text", field, scope=scope)
            return (lambda _: text) if isinstance(text, str) else text
        return _plain_variable(single) or self._filtered_variable(single) or self._expression(single)

    def _tree(self, source: str, scope: Scope = NO_LOOP) -> nodes.Template:
        tree = parse(source)
        refuse_faults(tree, self._dialect, scope)
        self.has_loops = self.has_loops or tree.find(nodes.For) is not None
        return bound(tree)

    def _rendered(self, tree: nodes.Template, place: Place, field: str, literal: Literal = str) -> str | Text:
        mark(tree, place, literal)
        tree.set_environment(LANGUAGE)
        parts = self._quick_parts(tree)
        if parts is None:
            return _guarded(self._by_jinja(tree), field)
        if all(isinstance(part, str) for part in parts):
            return "".join(part for part in parts if isinstance(part, str))
        return _guarded(_joined(parts), field)

    def _by_jinja(self, tree: nodes.Template) -> Text:
        template = self._dialect.environment.from_string(tree)

        def render(context: Context) -> str:
            out = []
            size = 0
            for text in template.root_render_func(template.new_context(context, shared=True)):  # type: ignore[arg-type]
                size += len(text)
                bounded(size)
                out.append(text)
            return "".join(out)

        return render

    def _expression(self, node: nodes.Expr) -> Getter:
        """Calculates an expression and keeps its type, as `Environment.compile_expression` does."""
        result = nodes.Assign(nodes.Name("result", "store"), node, lineno=1)
        tree = nodes.Template([result], lineno=1)
        tree.set_environment(LANGUAGE)
        template = self._dialect.environment.from_string(tree)

        def calculate(context: Context) -> Any:
            scope = template.new_context(context, shared=True)  # type: ignore[arg-type]
            for _ in template.root_render_func(scope):
                pass
            return scope.vars["result"]

        return calculate

    def _quick_parts(self, tree: nodes.Template) -> list[str | Text] | None:
        """Literals and escaped variables in their order, or None if there is more to the template."""
        parts: list[str | Text] = []
        for output in tree.body:
            if not isinstance(output, nodes.Output):
                return None
            for child in output.nodes:
                if isinstance(child, nodes.TemplateData):
                    parts.append(child.data)
                    continue
                assert isinstance(child, nodes.Filter)
                assert child.node is not None
                get = _plain_variable(child.node) or self._filtered_variable(child.node)
                if get is None:
                    return None
                parts.append(_escaped(get, ESCAPES[child.name]))
        return parts

    def _filtered_variable(self, node: nodes.Node) -> Getter | None:
        """A variable behind filters whose arguments are literals, called as Jinja would call them."""
        if not isinstance(node, nodes.Filter) or node.node is None:
            get = _plain_variable(node)
            return None if get is None else _or_absent(get)
        inner = self._filtered_variable(node.node)
        arguments = _literals(node)
        if inner is None or arguments is None:
            return None
        apply = self._dialect.environment.filters[node.name]
        values, named = arguments
        match getattr(apply, "jinja_pass_arg", None):
            case None:
                return _applied(apply, inner, values, named)
            case passed if passed.name == "context":
                return lambda context: apply(context, inner(context), *values, **named)
        return _applied(partial(apply, self._dialect.environment), inner, values, named)


def _applied(apply: Callable[..., Any], inner: Getter, values: list[Any], named: dict[str, Any]) -> Getter:
    if named:
        return lambda context: apply(inner(context), *values, **named)
    if not values:
        return lambda context: apply(inner(context))
    if len(values) == 1:
        (value,) = values
        return lambda context: apply(inner(context), value)
    return lambda context: apply(inner(context), *values)


def _literals(node: nodes.Filter) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments, positional and named, or None where one is not literal."""
    try:
        named = {name: value.as_const() for name, value in named_arguments(node).items()}
        return [each.as_const() for each in node.args], named
    except Impossible:
        return None


def _or_absent(get: Getter) -> Getter:
    def value_or_absent(context: Context) -> Any:
        value = get(context)
        return _ABSENT if value is None else value

    return value_or_absent


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
        case TooMuchText():
            return f"more than {MAX_CHARACTERS} characters of text to go through"
        case EmptySegment():
            return "a path segment that is empty"
        case LoopTooLong():
            return f"a loop over more than {MAX_ITEMS} items, or one that takes too long"
        case ZeroDivisionError():
            return "division by zero"
        case UndefinedError():
            return "calculation with an absent value"
        case TypeError():
            return "calculation with a value of the wrong type"
        case _:
            return "a value that cannot be calculated with"


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


def _escaped(get: Getter, escape: Callable[[Any], str]) -> Text:
    return lambda context: escape(get(context))
