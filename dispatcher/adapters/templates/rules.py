"""What a template may say, judged when it is saved: every fault names what is wrong and what to write instead."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import nodes

from dispatcher.adapters.templates.dialect import Dialect
from dispatcher.adapters.templates.language import TESTS, TemplateRefused, key_path
from dispatcher.adapters.templates.loops import LOOP_MEMBERS
from dispatcher.domain.call_fields import Kind
from dispatcher.domain.context import CUSTOM
from dispatcher.domain.shape import nearest
from dispatcher.domain.variables import FOLLOWED, VARIABLES, expected_output, expected_variable

MAX_NODES = 2_000
MAX_NODE_DEPTH = 60

Fault = tuple[str, str]
"""What was expected, and what was got."""
Scope = Mapping[str, str]
"""The loop's variable, by its name, with the path of the list that it is an item of; empty outside of loops."""

_ALLOWED = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem}
    | {nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And}
    | {nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos, nodes.Concat}
    | {nodes.List, nodes.Tuple, nodes.For}
)
_FORBIDDEN = {
    nodes.Call: "a call",
    nodes.Mul: "the operator *",
    nodes.Pow: "the operator **",
    nodes.Mod: "the operator %",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Macro: "a macro",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "extends",
}
_LISTS = tuple(path for path, field in VARIABLES.items() if field.kind is Kind.TEXT_LIST)
_ROOTS = frozenset(path.partition(".")[0] for path in VARIABLES)


NO_LOOP: Scope = MappingProxyType({})


def refuse_faults(tree: nodes.Template, dialect: Dialect, scope: Scope = NO_LOOP) -> None:
    """Raises `TemplateRefused` with every fault of a template. `scope` is that of a loop around all of it."""
    faults = list(dict.fromkeys(_faults(tree, dialect, scope)))
    if faults:
        raise TemplateRefused(faults)


def loop_path_fault(path: str) -> Fault | None:
    """What is wrong with the list that a loop goes over; None if it may."""
    if path in _LISTS or path.startswith(f"{CUSTOM}."):
        return None
    return f"a loop over {', '.join(_LISTS)} or a list below {CUSTOM}", "a loop over something else"


def loop_variable_fault(name: str) -> Fault | None:
    """What is wrong with the name of a loop's variable; None if it may be used."""
    if name in _ROOTS or name == "loop":
        return "a name of its own for the loop's variable", f"a loop with the variable {name}"
    return None


def _faults(tree: nodes.Template, dialect: Dialect, scope: Scope) -> Iterator[Fault]:
    pending: list[tuple[nodes.Node, int, Scope]] = [(tree, 0, scope)]
    for count in range(MAX_NODES + 1):
        if not pending:
            return
        node, depth, scope = pending.pop()
        if depth > MAX_NODE_DEPTH or count == MAX_NODES:
            yield ("a simpler template", "too many or too deeply nested expressions")
            return
        yield from _node_faults(node, scope, dialect)
        pending += [(child, depth + 1, inner) for child, inner in _children(node, scope)]


def _children(node: nodes.Node, scope: Scope) -> Iterator[tuple[nodes.Node, Scope]]:
    """The nodes below with their scopes; those of a variable's key path are judged with the variable."""
    if isinstance(node, nodes.For):
        name = node.target.name if isinstance(node.target, nodes.Name) else "loop"
        inner = {**scope, name: _dotted(node.iter)}
        yield node.iter, scope
        yield from ((child, inner) for child in node.body)
        yield from ((child, scope) for child in node.else_)
        return
    names, base = key_path(node)
    if base is None:
        yield from ((child, scope) for child in node.iter_child_nodes())
        return
    if not isinstance(base, nodes.Name):
        yield base, scope
    yield from ((name, scope) for name in names if isinstance(name, nodes.Node))


def _node_faults(node: nodes.Node, scope: Scope, dialect: Dialect) -> Iterator[Fault]:
    names, base = key_path(node)
    if isinstance(base, nodes.Name):
        yield from _name_faults([base.name, *names], scope, dialect)
    elif isinstance(base, (nodes.Const, nodes.List, nodes.Tuple)) and any(type(name) is str for name in names):
        yield ("members of the call's objects", "a member of a literal")
    elif type(node) not in _ALLOWED:
        what = _FORBIDDEN.get(type(node), type(node).__name__.lower())
        yield ("variables, filters, operators, if and for; no calls, assignments, *, ** or %", what)
    elif isinstance(node, nodes.Filter):
        fault = dialect.filter_fault(node)
        if fault is not None:
            yield fault
    elif isinstance(node, nodes.Test) and node.name not in TESTS:
        yield (f"one of the tests {', '.join(TESTS)}{nearest(node.name, TESTS)}", f"the test {node.name}")
    elif isinstance(node, nodes.For):
        yield from _loop_faults(node, scope)


def _loop_faults(node: nodes.For, scope: Scope) -> Iterator[Fault]:
    if scope:
        yield ("loops beside each other", "a loop inside a loop")
    if node.recursive:
        yield ("a plain loop", "a recursive loop")
    if node.test is not None:
        yield ("an if inside of the loop", "a loop with a condition")
    if not isinstance(node.target, nodes.Name):
        yield ("one variable for each item", "a loop with several variables")
    elif (fault := loop_variable_fault(node.target.name)) is not None:
        yield fault
    if (fault := loop_path_fault(_dotted(node.iter))) is not None:
        yield fault


def _dotted(node: nodes.Node) -> str:
    """The path of a plain variable; empty for anything else."""
    names, base = key_path(node)
    if not isinstance(base, nodes.Name) or any(type(name) not in (str, int) for name in names):
        return ""
    return ".".join([base.name, *map(str, names)])


def _name_faults(names: list[Any], scope: Scope, dialect: Dialect) -> Iterator[Fault]:
    if scope and names[0] == "loop":
        if len(names) != 2 or names[1] not in LOOP_MEMBERS:
            yield (f"one of {', '.join(f'loop.{name}' for name in sorted(LOOP_MEMBERS))}", "another member of loop")
    elif names[0] in scope:
        if scope[names[0]] in _LISTS and any(type(name) is str for name in names[1:]):
            yield (f"{names[0]} alone, which is text", f"a member of {names[0]}")
    else:
        yield from _variable_faults(names, dialect)


def _variable_faults(names: list[Any], dialect: Dialect) -> Iterator[Fault]:
    path = names[0]
    if path not in VARIABLES and path != "call":
        shown = ".".join(str(name) for name in names if type(name) in (str, int))
        known = f"call.{shown}" if f"call.{shown}" in VARIABLES else shown
        yield (expected_variable(known), f"unknown variable {shown}")
        return
    if path == FOLLOWED:
        yield from _output_faults(names, dialect)
        return
    for name in names[1:]:
        if path == CUSTOM or (type(name) is not str and path in VARIABLES and VARIABLES[path].kind is not Kind.OBJECT):
            return
        if type(name) is not str:
            yield ("a literal key", f"a computed key of {path}")
            return
        path = f"{path}.{name}"
        if path not in VARIABLES:
            yield (expected_variable(path), f"unknown variable {path}")
            return


def _output_faults(names: list[Any], dialect: Dialect) -> Iterator[Fault]:
    if len(names) == 1:
        return
    if type(names[1]) is not str:
        yield ("a literal key", f"a computed key of {FOLLOWED}")
    elif dialect.outputs is not None and names[1] not in dialect.outputs:
        yield (expected_output(names[1], dialect.outputs), f"unknown variable {FOLLOWED}.{names[1]}")
