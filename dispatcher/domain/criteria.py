"""Triggering criteria: a tree of `all`, `any` and `not` over typed clauses, and the verdict it gives of an event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dispatcher.domain.call_fields import FIELDS, Kind
from dispatcher.domain.context import Context, Getter, expected_field, getter, is_known
from dispatcher.domain.operators import LATER, OPERATORS, CompilePattern, Operand, OperandRefused, PatternRefused, Test
from dispatcher.domain.shape import NOT_AVAILABLE, Fault, Reading, nearest

__all__ = ["Criteria", "CriteriaRefused", "PatternRefused", "Verdict", "parse_criteria", "read_criteria"]

MAX_DEPTH = 16
MAX_CLAUSES = 500
"""Bounds what one event can cost a profile: about 0.2 ms."""
_CLAUSE_MEMBERS = ("field", "op", "value")
_EXPECTED_NODE = "a clause with field, op and value, or an object with one of all, any, not"

Word = Literal["all", "any", "not"]


class CriteriaRefused(ValueError):
    """Criteria that cannot be; `faults` lists what to mend."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"the criteria are refused for {len(faults)} fault(s)")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Clause:
    field: str
    op: str
    value: Any
    get: Getter
    test: Test

    def as_document(self) -> dict[str, Any]:
        return {"field": self.field, "op": self.op, "value": self.value}


@dataclass(frozen=True, slots=True)
class _Group:
    word: Word
    children: tuple["_Node", ...]

    def as_document(self) -> dict[str, Any]:
        children = [child.as_document() for child in self.children]
        return {self.word: children[0] if self.word == "not" else children}


_Node = _Clause | _Group


@dataclass(frozen=True, slots=True)
class Verdict:
    """What criteria, or a part of them, said of an event.

    For a clause, `clause` is its document and `saw` the value of its field (None if absent); for a group,
    `word` and `children` are set. `saw` holds the call's data: it is never to be logged.
    """

    held: bool
    clause: dict[str, Any] | None = None
    saw: Any = None
    word: Word | None = None
    children: tuple["Verdict", ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON: `{"clause", "saw", "held"}`, or `{"all" | "any": [...], "held"}`, or `{"not": {...}, "held"}`."""
        if self.word is None:
            return {"clause": self.clause, "saw": self.saw, "held": self.held}
        children = [child.as_dict() for child in self.children]
        return {self.word: children[0] if self.word == "not" else children, "held": self.held}


class Criteria:
    """Criteria ready to be asked; made by `parse_criteria`. Immutable, so threads may share them."""

    __slots__ = ("_root", "holds")

    holds: Callable[[Context], bool]
    """Whether an event fires. The hot path: closures that stop at the first clause that decides, 0.2 us each."""

    def __init__(self, root: _Node) -> None:
        self._root = root
        self.holds = _compiled(root)

    def verdict(self, context: Context) -> Verdict:
        """The verdict on an event, which names every clause, also those that were not needed to decide."""
        return _verdict(self._root, context)

    def as_document(self) -> dict[str, Any]:
        """The criteria as JSON, with defaults filled."""
        return self._root.as_document()


def parse_criteria(raw: object, compile_pattern: CompilePattern) -> Criteria:
    """The criteria of decoded JSON. Raises `CriteriaRefused` with every fault."""
    reading = Reading()
    at = "trigger.criteria"
    criteria = read_criteria(reading, reading.plain(raw, at), at, compile_pattern)
    if criteria is None or reading.faults:
        raise CriteriaRefused(reading.faults)
    return criteria


def read_criteria(reading: Reading, raw: object, at: str, compile_pattern: CompilePattern) -> Criteria | None:
    """The criteria, or None with faults noted."""
    root = _Parser(reading, compile_pattern).node(raw, at, 1)
    return Criteria(root) if root is not None else None


class _Parser:
    def __init__(self, reading: Reading, compile_pattern: CompilePattern) -> None:
        self.reading = reading
        self.compile_pattern = compile_pattern
        self.nodes = 0

    def node(self, raw: object, at: str, depth: int) -> _Node | None:
        self.nodes += 1
        if self.nodes > MAX_CLAUSES:
            self.reading.note_got(at, f"at most {MAX_CLAUSES} clauses and groups in all", "more")
            return None
        if depth > MAX_DEPTH:
            self.reading.note(at, f"at most {MAX_DEPTH} levels", raw)
            return None
        if type(raw) is not dict:
            self.reading.note(at, _EXPECTED_NODE, raw)
            return None
        words = raw.keys() & {"all", "any", "not"}
        if not words:
            return self.clause(raw, at)
        if len(raw) > 1:
            self.reading.note_got(at, "one of all, any, not, and nothing beside it", f"{len(raw)} members")
            return None
        word = words.pop()
        return self.group(word, raw[word], f"{at}.{word}", depth + 1)

    def group(self, word: Word, raw: object, at: str, depth: int) -> _Node | None:
        if word == "not":
            child = self.node(raw, at, depth)
            return _Group(word, (child,)) if child is not None else None
        if type(raw) is not list or (word == "any" and not raw):
            self.reading.note(at, "a list of clauses" if word == "all" else "a list of at least one clause", raw)
            return None
        children = []
        for index, each in enumerate(raw):
            children.append(self.node(each, f"{at}[{index}]", depth))
            if self.nodes > MAX_CLAUSES:
                break
        return _Group(word, tuple(child for child in children if child is not None))

    def clause(self, raw: dict[str, Any], at: str) -> _Node | None:
        noted = len(self.reading.faults)
        members = self.reading.members(raw, at, _CLAUSE_MEMBERS)
        field, op = members.get("field"), members.get("op")
        value = members.get("value", True if op == "exists" else None)
        if type(field) is not str or not is_known(field):
            expected = expected_field(field) if type(field) is str else "the path of a field"
            self.reading.note(f"{at}.field", expected, field)
        if type(op) is not str or op not in OPERATORS:
            self.reading.note(f"{at}.op", _expected_operator(op), op)
            return None
        test = self.test(op, Operand(value, _is_time(field), self.compile_pattern), f"{at}.value")
        if type(field) is not str or test is None or len(self.reading.faults) > noted:
            return None
        return _Clause(field, op, value, getter(field.split(".")), test)

    def test(self, op: str, operand: Operand, at: str) -> Test | None:
        try:
            return OPERATORS[op](operand)
        except OperandRefused as refused:
            self.reading.note(at + refused.at, refused.expected, operand.value)
            return None


def _is_time(field: object) -> bool:
    return isinstance(field, str) and field in FIELDS and FIELDS[field].kind is Kind.TIME


def _expected_operator(op: object) -> str:
    if type(op) is not str:
        return f"one of {', '.join(OPERATORS)}"
    return NOT_AVAILABLE if op in LATER else f"one of {', '.join(OPERATORS)}{nearest(op, OPERATORS)}"


def _compiled(node: _Node) -> Callable[[Context], bool]:
    if isinstance(node, _Clause):
        get, test = node.get, node.test
        return lambda context: test(get(context))
    children = tuple(_compiled(child) for child in node.children)
    if node.word == "not":
        (inner,) = children
        return lambda context: not inner(context)
    return _all_of(children) if node.word == "all" else _any_of(children)


# Plain loops: `all()` and `any()` over a generator cost twice as much for the usual two to four clauses.
def _all_of(children: tuple[Callable[[Context], bool], ...]) -> Callable[[Context], bool]:
    def holds(context: Context) -> bool:
        for child in children:  # noqa: SIM110
            if not child(context):
                return False
        return True

    return holds


def _any_of(children: tuple[Callable[[Context], bool], ...]) -> Callable[[Context], bool]:
    def holds(context: Context) -> bool:
        for child in children:  # noqa: SIM110
            if child(context):
                return True
        return False

    return holds


def _verdict(node: _Node, context: Context) -> Verdict:
    if isinstance(node, _Clause):
        saw = node.get(context)
        return Verdict(node.test(saw), node.as_document(), saw)
    children = tuple(_verdict(child, context) for child in node.children)
    held = [child.held for child in children]
    result = {"all": all(held), "any": any(held), "not": not held[0] if held else True}[node.word]
    return Verdict(result, word=node.word, children=children)
