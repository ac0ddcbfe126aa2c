"""The language of templates: the part of Jinja whose cost is bounded by construction, and nothing else of it.

A thread cannot be stopped, so whatever a saved template may do must end soon by itself: no calls, loops, macros,
assignments or repetition; a value is looked up by key, never as an attribute of a Python object; what grows
(`+`, `~`, `replace`, `join`) is measured before it is made.
"""

import re
from collections.abc import Iterator
from operator import add
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, nodes
from jinja2.runtime import Context as JinjaContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from dispatcher.adapters.template_filters import FILTERS, bounded, concatenated
from dispatcher.adapters.template_text import ESCAPES
from dispatcher.domain.call_fields import FIELDS, Kind
from dispatcher.domain.context import CUSTOM, expected_field

MAX_NODES = 2_000
MAX_NODE_DEPTH = 60
_CR_PLACEHOLDER = "\x00"
_EXPRESSION = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)


class TemplateRefused(ValueError):
    """A template that cannot be saved; `faults` are pairs of what was expected and what was got."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(f"the template is refused for {len(faults)} fault(s)")
        self.faults = faults


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        value = None
        if type(obj) is dict and type(argument) is str:
            value = obj.get(argument)
        elif type(obj) in (list, tuple, str) and type(argument) is int and -len(obj) <= argument < len(obj):
            value = obj[argument]
        return self.undefined() if value is None else value

    def call_binop(self, context: JinjaContext, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        if type(left) is str and type(right) is str:
            bounded(len(left) + len(right))
        return add(left, right)


TESTS = ("defined", "undefined", "none", "string", "number", "boolean", "true", "false")

_ALLOWED = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem}
    | {nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And}
    | {nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos, nodes.Concat}
    | {nodes.List, nodes.Tuple}
)
_FORBIDDEN = {
    nodes.Call: "a call",
    nodes.Mul: "the operator *",
    nodes.Pow: "the operator **",
    nodes.Mod: "the operator %",
    nodes.For: "a loop",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Macro: "a macro",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "extends",
}


def _environment() -> _Environment:
    environment = _Environment(undefined=ChainableUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals.clear()
    environment.filters = {**FILTERS, **ESCAPES, "_concat": concatenated}
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


ENVIRONMENT = _environment()


def has_template(source: str) -> bool:
    """Whether there is anything in a text to render."""
    return "{{" in source or "{%" in source or "{#" in source


def parse(source: str) -> nodes.Template:
    """The checked tree of a template. Raises `TemplateRefused` with every fault."""
    try:
        tree = ENVIRONMENT.parse(_keep_carriage_returns(source))
    except TemplateSyntaxError as error:
        raise TemplateRefused([("a template that can be parsed", f"line {error.lineno}: {error.message}")]) from None
    except (RecursionError, ValueError):
        # Jinja's parser goes one frame deeper for every bracket, and int() refuses numbers of 4,300 digits.
        raise TemplateRefused([("a template that can be parsed", "too deep or too long an expression")]) from None
    faults = list(dict.fromkeys(_faults(tree)))
    if faults:
        raise TemplateRefused(faults)
    for data in tree.find_all(nodes.TemplateData):
        data.data = data.data.replace(_CR_PLACEHOLDER, "\r")
    _BoundedConcat().visit(tree)
    return tree


class _BoundedConcat(NodeTransformer):
    """Makes every `~` a call of our own join, which measures before it joins."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's visitor finds it by this name
        self.generic_visit(node)
        return filtered(nodes.List(node.nodes, lineno=node.lineno), "_concat")


def filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    """The expression, put through a filter without arguments."""
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno, environment=ENVIRONMENT)


def _keep_carriage_returns(source: str) -> str:
    """The source with carriage returns in disguise: Jinja makes every line break a line feed, and a body must arrive as
    it was written."""
    if _CR_PLACEHOLDER in source:
        raise TemplateRefused([("a template without NUL characters", "a NUL character")])
    texts = _EXPRESSION.split(source)
    texts[::2] = [text.replace("\r\n", f"{_CR_PLACEHOLDER}\n").replace("\r", _CR_PLACEHOLDER) for text in texts[::2]]
    return "".join(texts)


def _faults(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    pending: list[tuple[nodes.Node, int]] = [(tree, 0)]
    for count in range(MAX_NODES + 1):
        if not pending:
            return
        node, depth = pending.pop()
        if depth > MAX_NODE_DEPTH or count == MAX_NODES:
            yield ("a simpler template", "too many or too deeply nested expressions")
            return
        yield from _node_faults(node)
        pending += [(child, depth + 1) for child in _children(node)]


def _children(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes below; those of a variable's key path are judged with the variable."""
    names, base = key_path(node)
    if base is None:
        yield from node.iter_child_nodes()
        return
    if not isinstance(base, nodes.Name):
        yield base
    yield from (name for name in names if isinstance(name, nodes.Node))


def _node_faults(node: nodes.Node) -> Iterator[tuple[str, str]]:
    names, base = key_path(node)
    if isinstance(base, nodes.Name):
        yield from _variable_faults([base.name, *names])
    elif type(node) not in _ALLOWED:
        what = _FORBIDDEN.get(type(node), type(node).__name__.lower())
        yield ("variables, filters and operators; no calls, loops, assignments, *, ** or %", what)
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield (f"one of the filters {', '.join(FILTERS)}", f"the filter {node.name}")
    elif isinstance(node, nodes.Test) and node.name not in TESTS:
        yield (f"one of the tests {', '.join(TESTS)}", f"the test {node.name}")
    if isinstance(node, nodes.Filter) and (node.node is None or node.dyn_args or node.dyn_kwargs):
        yield ("filters with plain arguments", f"the filter {node.name}")


def key_path(node: nodes.Node) -> tuple[list[Any], nodes.Node | None]:
    """The keys of a variable, outermost last, and what they are looked up in; None for any other node.

    A key is a str, an int, or the node of a slice or of a computed key.
    """
    keys: list[Any] = []
    base = node
    while isinstance(base, (nodes.Getattr, nodes.Getitem)):
        if isinstance(base, nodes.Getattr):
            keys.append(base.attr)
        else:
            keys.append(base.arg.value if isinstance(base.arg, nodes.Const) else base.arg)
        base = base.node
    return (keys[::-1], base) if keys or isinstance(base, nodes.Name) else ([], None)


def _variable_faults(names: list[Any]) -> Iterator[tuple[str, str]]:
    path = names[0]
    if path != "call" and path not in FIELDS:
        shown = ".".join(str(name) for name in names if type(name) in (str, int))
        yield (expected_field(f"call.{shown}" if f"call.{shown}" in FIELDS else shown), f"unknown variable {shown}")
        return
    for name in names[1:]:
        if path == CUSTOM or (type(name) is not str and path in FIELDS and FIELDS[path].kind is not Kind.OBJECT):
            return
        if type(name) is not str:
            yield ("a literal key", f"a computed key of {path}")
            return
        path = f"{path}.{name}"
        if path not in FIELDS:
            yield (expected_field(path), f"unknown variable {path}")
            return
