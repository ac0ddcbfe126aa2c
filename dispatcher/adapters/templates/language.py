"""The language of templates: the part of Jinja whose cost is bounded by construction, and nothing else of it.

A thread cannot be stopped, so whatever a saved template may do must end soon by itself: no calls, macros,
assignments or repetition; loops over lists of the call only, and none inside another; a value is looked up by key,
never as an attribute of a Python object; what grows (`+`, `~`, `replace`, `join`) is measured before it is made.
"""

import re
from operator import add
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, nodes
from jinja2.runtime import Context as JinjaContext
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from dispatcher.adapters.templates.costs import counted, counted_list
from dispatcher.adapters.templates.filters import bounded, concatenated
from dispatcher.adapters.templates.loops import LOOP_MEMBERS, loop_items
from dispatcher.adapters.templates.text import ESCAPES, segment

_CR_PLACEHOLDER = "\x00"
_EXPRESSION = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_GROWING = (str, list, tuple)
TESTS = ("defined", "undefined", "none", "string", "number", "boolean", "true", "false")


class TemplateRefused(ValueError):
    """A template that cannot be saved; `faults` are pairs of what was expected and what was got."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__(f"the template is refused for {len(faults)} fault(s)")
        self.faults = faults


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without attributes: `a.b` and `a['b']` look up keys of JSON values, and nothing else."""

    intercepted_binops = frozenset({"+"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As `getitem`; of the variable `loop` the few members that are allowed."""
        if type(obj) is LoopContext and attribute in LOOP_MEMBERS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The member of an object or the item of a list or text; undefined where there is none, or null."""
        value = None
        if type(obj) is dict and type(argument) is str:
            value = obj.get(argument)
        elif type(obj) in (list, tuple, str) and type(argument) is int and -len(obj) <= argument < len(obj):
            value = obj[argument]
        return self.undefined() if value is None else value

    def call_binop(self, context: JinjaContext, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        """The sum; that of texts and lists is measured first."""
        if type(left) in _GROWING and type(right) in _GROWING:
            bounded(len(left) + len(right))
            counted(left)
            counted(right)
        return add(left, right)


def _language() -> BoundedEnvironment:
    environment = BoundedEnvironment(undefined=ChainableUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals.clear()
    environment.filters = {**ESCAPES, "_concat": concatenated, "_items": loop_items, "_segment": segment}
    environment.filters |= {"_counted": counted, "_list": counted_list}
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


LANGUAGE = _language()
"""What every dialect begins with: the tests, and the filters that compiled templates call and no author can name."""


def has_template(source: str) -> bool:
    """Whether there is anything in a text to render."""
    return "{{" in source or "{%" in source or "{#" in source


def parse(source: str) -> nodes.Template:
    """The tree of a template, as it was written; whether it may say what it says is `template_rules`' business.

    Raises `TemplateRefused` where it cannot be parsed.
    """
    try:
        return LANGUAGE.parse(_keep_carriage_returns(source))
    except TemplateSyntaxError as error:
        raise TemplateRefused([("a template that can be parsed", f"line {error.lineno}: {error.message}")]) from None
    except (RecursionError, ValueError):
        # Jinja's parser goes one frame deeper for every bracket, and int() refuses numbers of 4,300 digits.
        raise TemplateRefused([("a template that can be parsed", "too deep or too long an expression")]) from None


def bound(tree: nodes.Template) -> nodes.Template:
    """The tree, with everything measured that grows or repeats, and its carriage returns back in their places."""
    for data in tree.find_all(nodes.TemplateData):
        data.data = data.data.replace(_CR_PLACEHOLDER, "\r")
    _Bounded().visit(tree)
    return tree


class _Bounded(NodeTransformer):
    """Makes every `~` a call of our own join, which measures before it joins, and every loop one that is watched; what
    slices, comparisons and literal lists go through is counted."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's visitor finds it by this name
        self.generic_visit(node)
        return filtered(nodes.List(node.nodes, lineno=node.lineno), "_concat")  # which measures for itself

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return filtered(node, "_counted") if isinstance(node.arg, nodes.Slice) else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        node.expr = _counted(node.expr)
        for operand in node.ops:
            operand.expr = _counted(operand.expr)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return node if all(isinstance(each, nodes.Const) for each in node.items) else filtered(node, "_list")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        return node if all(isinstance(each, nodes.Const) for each in node.items) else filtered(node, "_list")

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as above
        self.generic_visit(node)
        node.iter = filtered(node.iter, "_items")  # type: ignore[arg-type]
        return node


def _counted(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else filtered(node, "_counted")


def filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    """The expression, put through a filter without arguments."""
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno, environment=LANGUAGE)


def _keep_carriage_returns(source: str) -> str:
    """The source with carriage returns in disguise: Jinja makes every line break a line feed, and a body must arrive as
    it was written."""
    if _CR_PLACEHOLDER in source:
        raise TemplateRefused([("a template without NUL characters", "a NUL character")])
    texts = _EXPRESSION.split(source)
    texts[::2] = [text.replace("\r\n", f"{_CR_PLACEHOLDER}\n").replace("\r", _CR_PLACEHOLDER) for text in texts[::2]]
    return "".join(texts)


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
