"""Criteria as they are asked: small closures over the context of an event, made to be asked a thousand times for each.

What costs most is not the work but the memory that it touches: where a thousand profiles with five clauses of their own
do not fit into the processor's cache, they take five times as long. So clauses that several profiles have are made
once, a clause that only compares a field of the call is a name and a test in its group's list, and tests are partial
functions, half as large as closures.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dispatcher.domain.context import Context, Getter, getter
from dispatcher.domain.criteria.operands import LocalTest, Operand, Test
from dispatcher.domain.criteria.operators import OPERATORS
from dispatcher.domain.engines import Engines
from dispatcher.domain.variables import CRITERIA_FIELDS

Told = dict["Ask", bool]
"""What dear clauses have said of one event: profiles that share a clause need it asked once."""
Ask = Callable[[Context, Told], bool]
Step = tuple[str | None, Any]
"""The name of a field of the call and a `Test` of its value, or None and an `Ask`."""

_SHARED_FIELDS, _SHARED_CLAUSES, _MAX_SHARED_CHARACTERS = 500, 4_000, 2_000
_OF_CALL = "call."


@dataclass(frozen=True, slots=True)
class Question:
    """A clause ready to be asked, alone or as a step of its group."""

    get: Getter
    ask: Ask
    step: Step


def question(field: str, op: str, value: Any, engines: Engines) -> Question:
    """The question of a clause; the same one for all who ask alike. Raises `OperandRefused`."""
    text = json.dumps(value)
    if len(text) > _MAX_SHARED_CHARACTERS:
        return _question(field, op, value, engines)
    return _shared_question(field, op, text, engines)


@lru_cache(_SHARED_CLAUSES)
def _shared_question(field: str, op: str, value: str, engines: Engines) -> Question:
    return _question(field, op, json.loads(value), engines)


def _question(field: str, op: str, value: Any, engines: Engines) -> Question:
    get, test = _getter_of(field), OPERATORS[op].build(Operand(value, CRITERIA_FIELDS.get(field), engines))
    name = field.removeprefix(_OF_CALL)
    if isinstance(test, LocalTest):
        ask = _asked_once(_with_fact(get, test))
    elif OPERATORS[op].dear:
        ask = _asked_once(_of_value(get, test))
    elif field != name and "." not in name:
        return Question(get, _plain(get, test), (name, test))
    else:
        ask = _plain(get, test)
    return Question(get, ask, (None, ask))


@lru_cache(_SHARED_FIELDS)
def _getter_of(field: str) -> Getter:
    return getter(field.split("."))


def _with_fact(get: Getter, local: LocalTest) -> Callable[[Context], bool]:
    fact, test = _getter_of(local.fact), local.test
    return lambda context: test(get(context), fact(context))


def _of_value(get: Getter, test: Test) -> Callable[[Context], bool]:
    return lambda context: test(get(context))


def _plain(get: Getter, test: Test) -> Ask:
    return lambda context, told: test(get(context))  # noqa: ARG005 - every Ask takes it


def _asked_once(ask: Callable[[Context], bool]) -> Ask:
    def asked(context: Context, told: Told) -> bool:
        held = told.get(asked)
        if held is None:
            held = told[asked] = ask(context)
        return held

    return asked


# Plain loops: `all()` and `any()` over a generator cost twice as much for the usual two to four clauses.
def all_of(steps: Sequence[Step]) -> Ask:
    """Whether every step holds; those behind the first that does not are not asked."""
    parts = tuple(steps)

    def holds(context: Context, told: Told) -> bool:
        call = context["call"]
        for name, test in parts:  # noqa: SIM110
            if not (test(context, told) if name is None else test(call.get(name))):
                return False
        return True

    return holds


def any_of(steps: Sequence[Step]) -> Ask:
    """Whether some step holds; those behind the first that does are not asked."""
    parts = tuple(steps)

    def holds(context: Context, told: Told) -> bool:
        call = context["call"]
        for name, test in parts:  # noqa: SIM110
            if test(context, told) if name is None else test(call.get(name)):
                return True
        return False

    return holds


def negated(ask: Ask) -> Ask:
    """Whether it does not hold."""
    return lambda context, told: not ask(context, told)
