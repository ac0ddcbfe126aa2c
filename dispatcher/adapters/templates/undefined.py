"""Which variables a template takes for granted, though only a call can show whether they exist.

Canonical fields are judged when a profile is saved, and their absence is ordinary. Below `call.custom` and `followed`
every name may be right, so that a misspelt one shows only when it is tried out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from dispatcher.adapters.templates.language import key_path, parse
from dispatcher.domain.context import Context
from dispatcher.domain.shape import Fault, nearest

Path = tuple[str | int, ...]
_OPEN = (("call", "custom"), ("followed",))
"""Below these any name may be written."""
_OUTPUT = "an output captured for this call, or given to the test as `followed`"
_SAYS_SO = frozenset({"defined", "undefined", "none"})


@dataclass(frozen=True, slots=True)
class Needed:
    """A path that a template takes for granted; `each` is what is looked up in every item of the list there."""

    path: Path
    each: Path = ()

    def missing(self, context: Context) -> str | None:
        """The dotted path, where this event does not have it. What is there and null is not missing."""
        here, found = _look_up(context, self.path)
        if not found:
            return _shown(self.path)
        if self.each and type(here) is list and here and not any(_look_up(item, self.each)[1] for item in here):
            return f"{_shown(self.path)}[].{_shown(self.each)}"
        return None


def undefined_in(source: str, field: str, context: Context, *, hints: bool) -> Iterator[Fault]:
    """The faults of one template for one event; with `hints`, the nearest name that the event has."""
    for needed in dict.fromkeys(_needed(parse(source), frozenset(), {})):
        shown = needed.missing(context)
        if shown is not None:
            near = nearest(str(needed.path[-1]), _neighbours(context, needed.path)) if hints else ""
            has = _OUTPUT if needed.path[0] == "followed" else "a variable that this event has"
            expected = f"{has}{near}, or `| default(...)` where it may be absent"
            yield {"field": field, "expected": expected, "got": f"undefined variable {shown}"}


def _needed(node: nodes.Node, granted: frozenset[Path], scope: Mapping[str, Path]) -> Iterator[Needed]:
    """The paths below a node. `granted` are those that the template itself says may be absent."""
    match node:
        case nodes.Getattr() | nodes.Getitem() | nodes.Name():
            yield from _of_variable(node, granted, scope)
        case nodes.Filter(name="default", node=nodes.Expr() as value):
            yield from _all(node.args, granted, scope)
            yield from _needed(value, granted | _paths_in(value), scope)
        case nodes.Test() if node.name in _SAYS_SO:
            yield from _needed(node.node, granted | _paths_in(node.node), scope)
        case nodes.If() | nodes.CondExpr():
            tested = granted | _tested(node.test)
            yield from _all(node.iter_child_nodes(), tested, scope)
        case nodes.Or() | nodes.And():
            yield from _needed(node.left, granted | _tested(node.left), scope)
            yield from _needed(node.right, granted | _tested(node.left), scope)
        case nodes.For(target=nodes.Name(name=name)):
            path = _path_of(node.iter)
            # An absent list has no items, which is what loops are for; but one that was misspelt looks the same.
            yield from _needed(node.iter, granted, scope)
            yield from _all(node.body, granted, {**scope, name: path or ()})
            yield from _all(node.else_, granted, scope)
        case _:
            yield from _all(node.iter_child_nodes(), granted, scope)


def _all(children: Any, granted: frozenset[Path], scope: Mapping[str, Path]) -> Iterator[Needed]:
    for child in children:
        yield from _needed(child, granted, scope)


def _of_variable(node: nodes.Node, granted: frozenset[Path], scope: Mapping[str, Path]) -> Iterator[Needed]:
    path = _path_of(node)
    if path is None or any(path[: len(each)] == each for each in granted):
        return
    if path[0] in scope:
        source = scope[str(path[0])]
        if len(path) > 1 and source:
            yield Needed(source, path[1:])
    elif any(len(path) > len(root) and path[: len(root)] == root for root in _OPEN):
        yield Needed(path)


def _path_of(node: nodes.Node) -> Path | None:
    """The literal keys of a variable, up to the first that is computed or a slice."""
    names, base = key_path(node)
    if not isinstance(base, nodes.Name):
        return None
    path: list[str | int] = [base.name]
    for name in names:
        if type(name) not in (str, int):
            break
        path.append(name)
    return tuple(path)


def _paths_in(node: nodes.Node) -> frozenset[Path]:
    found = [_path_of(each) for each in (node, *node.find_all((nodes.Getattr, nodes.Getitem, nodes.Name)))]
    longest = {path for path in found if path is not None and len(path) > 1}
    return frozenset(path for path in longest if not any(other[: len(path)] == path != other for other in longest))


def _tested(node: nodes.Node) -> frozenset[Path]:
    """The variables whose mere presence a condition asks for."""
    match node:
        case nodes.Not():
            return _tested(node.node)
        case nodes.And() | nodes.Or():
            return _tested(node.left) | _tested(node.right)
        case nodes.Test() if node.name in _SAYS_SO:
            return _tested(node.node)
        case nodes.Getattr() | nodes.Getitem():
            path = _path_of(node)
            return frozenset({path}) if path is not None else frozenset()
        case _:
            return frozenset()


def _look_up(value: Any, path: Path) -> tuple[Any, bool]:
    for key in path:
        is_member = type(value) is dict and type(key) is str and key in value
        is_item = type(value) in (list, tuple, str) and type(key) is int and -len(value) <= key < len(value)
        if not is_member and not is_item:
            return None, False
        value = value[key]
    return value, True


def _neighbours(context: Context, path: Path) -> Collection[str]:
    parent, _ = _look_up(context, path[:-1])
    return parent.keys() if type(parent) is dict else ()


def _shown(path: Path) -> str:
    return ".".join(str(key) for key in path)
