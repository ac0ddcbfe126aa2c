"""Triggering criteria: a tree of `all`, `any` and `not` over typed clauses, and the verdict it gives of an event."""

from dataclasses import dataclass
from typing import Any, Literal

from dispatcher.domain.context import CUSTOM, Context, expected_field, is_known
from dispatcher.domain.criteria.asking import Ask, Question, all_of, any_of, negated, question
from dispatcher.domain.criteria.operands import OperandRefused
from dispatcher.domain.criteria.operators import OPERATORS, operators_for
from dispatcher.domain.engines import Engines
from dispatcher.domain.shape import Fault, Reading, nearest
from dispatcher.domain.variables import CRITERIA_FIELDS

MAX_DEPTH = 16
MAX_CLAUSES = 500
"""Bounds what one event can cost a profile: about 0.2 ms."""
_OF_ANY_TYPE = f"{CUSTOM}.unknown"
"""Stands for a field that is refused, so that the rest of its clause is read all the same."""
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
    question: Question

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

    __slots__ = ("_root", "ask")

    ask: Ask
    """As `holds`, for who asks many profiles of an event, with one `Told` for all of them. The hot path: closures that
    stop at the first clause that decides, 0.15 us each."""

    def __init__(self, root: _Node) -> None:
        self._root = root
        self.ask = _compiled(root)

    def holds(self, context: Context) -> bool:
        """Whether an event fires."""
        return self.ask(context, {})

    def verdict(self, context: Context) -> Verdict:
        """The verdict on an event, which names every clause, also those that were not needed to decide."""
        return _verdict(self._root, context)

    def as_document(self) -> dict[str, Any]:
        """The criteria as JSON, with defaults filled."""
        return self._root.as_document()


def parse_criteria(raw: object, engines: Engines) -> Criteria:
    """The criteria of decoded JSON. Raises `CriteriaRefused` with every fault."""
    reading = Reading()
    at = "trigger.criteria"
    criteria = read_criteria(reading, reading.plain(raw, at), at, engines)
    if criteria is None or reading.faults:
        raise CriteriaRefused(reading.faults)
    return criteria


def read_criteria(reading: Reading, raw: object, at: str, engines: Engines) -> Criteria | None:
    """The criteria, or None with faults noted."""
    root = _Parser(reading, engines).node(raw, at, 1)
    return Criteria(root) if root is not None else None


class _Parser:
    def __init__(self, reading: Reading, engines: Engines) -> None:
        self.reading = reading
        self.engines = engines
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
        fitting = tuple(OPERATORS)
        if type(field) is str and is_known(field):
            fitting = operators_for(field)
        else:
            expected = expected_field(field) if type(field) is str else "the path of a field"
            self.reading.note(f"{at}.field", expected, field)
        if type(op) is not str or op not in fitting:
            self.reading.note(f"{at}.op", _expected_operator(op, field, fitting), op)
            return None
        path = field if type(field) is str and is_known(field) else _OF_ANY_TYPE
        asked = self.question(path, op, value, f"{at}.value")
        return _Clause(path, op, value, asked) if asked and len(self.reading.faults) == noted else None

    def question(self, field: str, op: str, value: Any, at: str) -> Question | None:
        try:
            return question(field, op, value, self.engines)
        except OperandRefused as refused:
            self.reading.note(at + refused.at, refused.expected, refused.got)
            return None


def _expected_operator(op: object, field: object, fitting: tuple[str, ...]) -> str:
    """The operators that would do, and the nearest of a misspelt one, or why a known one does not."""
    words = f"one of {', '.join(fitting)}"
    if type(op) is not str:
        return words
    known = CRITERIA_FIELDS.get(field) if type(field) is str else None
    if op in OPERATORS and known is not None:
        return f"{words}: {known.path} holds {known.kind}"
    return words + nearest(op, fitting)


def _compiled(node: _Node) -> Ask:
    if isinstance(node, _Clause):
        return node.question.ask
    if node.word == "not":
        return negated(_compiled(node.children[0]))
    steps = [child.question.step if isinstance(child, _Clause) else (None, _compiled(child)) for child in node.children]
    return all_of(steps) if node.word == "all" else any_of(steps)


def _verdict(node: _Node, context: Context) -> Verdict:
    if isinstance(node, _Clause):
        return Verdict(node.question.ask(context, {}), node.as_document(), node.question.get(context))
    children = tuple(_verdict(child, context) for child in node.children)
    held = [child.held for child in children]
    result = {"all": all(held), "any": any(held), "not": not held[0] if held else True}[node.word]
    return Verdict(result, word=node.word, children=children)
