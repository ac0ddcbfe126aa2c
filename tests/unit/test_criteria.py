"""Criteria: what each operator holds of which value, what verdicts name, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.patterns import compile_pattern
from dispatcher.domain.criteria import CriteriaRefused, parse_criteria
from dispatcher.domain.operators import LATER, OPERATORS

CONTEXT: dict[str, Any] = {
    "id": None,
    "type": "call.finished",
    "occurred_at": "2026-11-20T10:03:20Z",
    "call": {
        "id": "7f9c",
        "direction": "inbound",
        "dnis": "+18005551212",
        "caller_name": "Jane Roe",
        "agent": {"name": "John Doe"},
        "account_codes": ["1001", "1002"],
        "tags": ["vip"],
        "started_at": "2026-11-20T10:00:00Z",
        "duration_seconds": 200,
        "recording": {"state": "available"},
        "custom": {"score": 4, "rate": 4.0, "flag": True, "nothing": None, "codes": [1, True], "deep": {"er": "x"}},
    },
}


def clause(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def holds(raw: Any, context: dict[str, Any] = CONTEXT) -> bool:
    return parse_criteria(raw, compile_pattern).holds(context)


def faults(raw: Any) -> list[dict[str, str]]:
    with pytest.raises(CriteriaRefused) as refused:
        parse_criteria(raw, compile_pattern)
    return refused.value.faults


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("call.direction", "eq", "inbound", True),
        ("call.direction", "eq", "Inbound", False),
        ("call.duration_seconds", "eq", 200.0, True),
        ("call.duration_seconds", "eq", "200", False),
        ("call.custom.flag", "eq", True, True),
        ("call.custom.flag", "eq", 1, False),
        ("call.custom.score", "eq", True, False),
        ("call.custom.codes", "eq", [1.0, True], True),
        ("call.custom.codes", "eq", [1, 1], False),
        ("call.tags", "eq", ["vip"], True),
        ("call.custom.deep", "eq", {"er": "x"}, True),
        ("call.direction", "ne", "outbound", True),
        ("call.direction", "ne", "inbound", False),
        ("call.duration_seconds", "ne", "200", True),
        ("call.direction", "in", ["inbound", "outbound"], True),
        ("call.direction", "in", ["outbound"], False),
        ("call.custom.score", "in", ["4", 4], True),
        ("call.custom.score", "in", ["4", True], False),
        ("call.custom.codes", "in", ["x"], False),
        ("call.direction", "not_in", ["outbound"], True),
        ("call.direction", "not_in", ["inbound"], False),
        ("call.duration_seconds", "lt", 200, False),
        ("call.duration_seconds", "lt", 200.5, True),
        ("call.duration_seconds", "le", 200, True),
        ("call.duration_seconds", "gt", 199, True),
        ("call.duration_seconds", "gt", 200, False),
        ("call.duration_seconds", "ge", 200, True),
        ("call.duration_seconds", "ge", "1", False),
        ("call.dnis", "ge", 5, False),
        ("call.custom.flag", "ge", 1, False),
        ("call.caller_name", "lt", "Kane", True),
        ("call.duration_seconds", "between", [200, 300], True),
        ("call.duration_seconds", "between", [100, 200], True),
        ("call.duration_seconds", "between", [201, 300], False),
        ("call.caller_name", "contains", "ne R", True),
        ("call.caller_name", "contains", "ne r", False),
        ("call.tags", "contains", "vip", True),
        ("call.tags", "contains", "vi", False),
        ("call.custom.codes", "contains", 1, True),
        ("call.custom.codes", "contains", 2, False),
        ("call.duration_seconds", "contains", "2", False),
        ("call.dnis", "starts_with", "+1800", True),
        ("call.dnis", "starts_with", "1800", False),
        ("call.tags", "starts_with", "v", False),
        ("call.dnis", "ends_with", "1212", True),
        ("call.dnis", "ends_with", "121", False),
        ("call.dnis", "matches", r"^\+1(800|888)\d{7}$", True),
        ("call.dnis", "matches", "555", True),
        ("call.dnis", "matches", "^555", False),
        ("call.duration_seconds", "matches", "2", False),
        ("call.agent.name", "exists", True, True),
        ("call.agent.name", "exists", False, False),
        ("call.custom.deep.er", "eq", "x", True),
        ("call.custom.score.er", "exists", True, False),
        ("type", "starts_with", "call.", True),
        ("id", "exists", True, False),
    ],
)
def test_an_operator_holds_of_exactly_what_it_says(field: str, op: str, value: Any, expected: bool) -> None:
    assert holds(clause(field, op, value)) is expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("eq", "2026-11-20T11:00:00+01:00", True),
        ("ne", "2026-11-20T10:00:00.000Z", False),
        ("in", ["2026-11-20T05:00:00-05:00"], True),
        ("lt", "2026-11-20T10:00:00.001Z", True),
        ("ge", "2026-11-20T10:00:01Z", False),
        ("between", ["2026-11-20T09:59:59Z", "2026-11-20T12:00:00+02:00"], True),
    ],
)
def test_times_compare_as_moments_whatever_their_offset(op: str, value: Any, expected: bool) -> None:
    assert holds(clause("call.started_at", op, value)) is expected


VALUES = {
    "eq": "x",
    "ne": "x",
    "in": ["x"],
    "not_in": ["x"],
    "between": ["a", "b"],
    "exists": False,
}
TRUE_OF_ABSENT = {"ne", "not_in", "exists"}


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("field", ["call.group", "call.agent.email", "call.custom.nothing", "call.custom.a.b"])
def test_an_absent_field_makes_every_operator_false_but_ne_not_in_and_exists_false(op: str, field: str) -> None:
    assert holds(clause(field, op, VALUES.get(op, "x"))) is (op in TRUE_OF_ABSENT)


@pytest.mark.parametrize("op", ["eq", "lt", "le", "gt", "ge"])
def test_an_absent_time_makes_a_comparison_false(op: str) -> None:
    assert holds(clause("call.answered_at", op, "2026-11-20T10:00:00Z")) is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(seen=JSON, op=st.sampled_from(sorted(OPERATORS)), time=st.booleans())
def test_no_value_of_a_field_makes_a_test_raise(seen: Any, op: str, time: bool) -> None:
    moment = "2026-11-20T10:00:00Z"
    value = {"in": [moment], "not_in": [moment], "between": [moment, moment], "exists": True}.get(op, moment)
    field = "call.started_at" if time else "call.custom.seen"
    call = {"started_at": seen, "custom": {"seen": seen}}
    assert holds(clause(field, op, value), {"call": call}) in (True, False)


def test_a_group_of_all_needs_every_clause_any_needs_one_and_not_turns_it_round() -> None:
    yes, no = clause("call.direction", "eq", "inbound"), clause("call.direction", "eq", "outbound")
    assert holds({"all": [yes, yes]}) is True
    assert holds({"all": [yes, no]}) is False
    assert holds({"any": [no, yes]}) is True
    assert holds({"any": [no, no]}) is False
    assert holds({"not": no}) is True
    assert holds({"not": {"any": [no, {"all": []}]}}) is False


def test_evaluation_stops_at_the_first_clause_that_decides() -> None:
    asked: list[str] = []

    def noting(pattern: str) -> Any:
        return lambda text: asked.append(pattern) or pattern == "yes"

    raw = {"any": [clause("call.dnis", "matches", each) for each in ("no", "yes", "late")]}
    assert parse_criteria(raw, noting).holds(CONTEXT) is True
    assert asked == ["no", "yes"]
    asked.clear()
    raw = {"all": [clause("call.dnis", "matches", each) for each in ("yes", "no", "late")]}
    assert parse_criteria(raw, noting).holds(CONTEXT) is False
    assert asked == ["yes", "no"]


def test_a_verdict_names_every_clause_with_the_value_it_saw_also_those_not_needed() -> None:
    first, second = clause("call.direction", "eq", "outbound"), clause("call.group", "eq", "Sales")
    third = clause("call.duration_seconds", "ge", 10)
    verdict = parse_criteria({"all": [first, {"any": [second, third]}, {"not": third}]}, compile_pattern).verdict(
        CONTEXT
    )
    assert verdict.as_dict() == {
        "all": [
            {"clause": first, "saw": "inbound", "held": False},
            {
                "any": [
                    {"clause": second, "saw": None, "held": False},
                    {"clause": third, "saw": 200, "held": True},
                ],
                "held": True,
            },
            {"not": {"clause": third, "saw": 200, "held": True}, "held": False},
        ],
        "held": False,
    }


TREES = st.recursive(
    st.sampled_from([clause("call.direction", "eq", "inbound"), clause("call.group", "exists", True)]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"all": each})
        | st.lists(inner, min_size=1, max_size=3).map(lambda each: {"any": each})
        | inner.map(lambda each: {"not": each})
    ),
    max_leaves=12,
)


@given(TREES)
def test_the_verdict_and_the_quick_answer_agree(raw: Any) -> None:
    criteria = parse_criteria(raw, compile_pattern)
    assert criteria.verdict(CONTEXT).held is criteria.holds(CONTEXT)
    assert criteria.as_document() == raw


def test_every_fault_is_told_at_once_with_its_path() -> None:
    raw = {
        "all": [
            clause("call.direction", "eq", "inbound"),
            {"field": "call.durations_seconds", "op": "gte", "value": 1},
            {"any": []},
            {"field": "call.dnis", "op": "in", "value": "x", "vaule": 1},
            clause("call.started_at", "ge", "yesterday"),
            7,
        ]
    }
    found = {fault["field"]: (fault["expected"], fault["got"]) for fault in faults(raw)}
    assert list(found) == [
        "trigger.criteria.all[1].field",
        "trigger.criteria.all[1].op",
        "trigger.criteria.all[2].any",
        "trigger.criteria.all[3].vaule",
        "trigger.criteria.all[3].value",
        "trigger.criteria.all[4].value",
        "trigger.criteria.all[5]",
    ]
    assert "did you mean call.duration_seconds" in found["trigger.criteria.all[1].field"][0]
    assert found["trigger.criteria.all[1].field"][1] == 'string "call.durations_seconds"'
    assert found["trigger.criteria.all[2].any"] == ("a list of at least one clause", "array of 0")
    assert found["trigger.criteria.all[3].vaule"] == ("no such member (did you mean value?)", "number 1")
    assert found["trigger.criteria.all[4].value"] == ("a time of RFC 3339 with Z or an offset", 'string "yesterday"')


@pytest.mark.parametrize("op", sorted(LATER))
def test_an_operator_of_later_work_is_refused_as_not_available(op: str) -> None:
    (fault,) = faults(clause("call.dnis", op, "x"))
    assert fault["field"] == "trigger.criteria.op"
    assert fault["expected"] == "nothing: not available in this version"


@pytest.mark.parametrize(
    ("op", "value", "field"),
    [
        ("eq", None, "value"),
        ("in", [], "value"),
        ("in", ["a", None], "value[1]"),
        ("between", [1], "value"),
        ("between", [2, 1], "value"),
        ("between", [1, "2"], "value"),
        ("lt", True, "value"),
        ("lt", [1], "value"),
        ("contains", None, "value"),
        ("contains", ["a"], "value"),
        ("starts_with", "", "value"),
        ("starts_with", 5, "value"),
        ("matches", "(", "value"),
        ("exists", "yes", "value"),
    ],
)
def test_a_value_that_an_operator_cannot_take_is_refused(op: str, value: Any, field: str) -> None:
    assert [fault["field"] for fault in faults(clause("call.custom.x", op, value))] == [f"trigger.criteria.{field}"]


def test_exists_without_a_value_asks_for_presence() -> None:
    criteria = parse_criteria({"field": "call.dnis", "op": "exists"}, compile_pattern)
    assert criteria.holds(CONTEXT) is True
    assert criteria.as_document() == clause("call.dnis", "exists", True)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing ): (a"),
        ("(?=a)b", "invalid perl operator: (?="),
        ("a" * 1001, "at most 1000 characters"),
        ("((a{100}){100}){100}", "invalid repetition size"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_engine_s_reason(pattern: str, reason: str) -> None:
    (fault,) = faults(clause("call.dnis", "matches", pattern))
    assert fault["expected"].startswith(f"a pattern of RE2 syntax ({reason}")


def test_a_pattern_that_ruins_backtracking_engines_is_answered_at_once() -> None:
    call = {"custom": {"x": "a" * 50_000 + "!"}}
    assert holds(clause("call.custom.x", "matches", "^(a+)+$"), {"call": call}) is False


def test_16_levels_are_the_deepest() -> None:
    raw: Any = clause("call.dnis", "exists", True)
    for _ in range(15):
        raw = {"not": raw}
    assert holds(raw) is False
    (fault,) = faults({"not": raw})
    assert fault["expected"] == "at most 16 levels"


def test_500_clauses_and_groups_are_the_most() -> None:
    one = clause("call.dnis", "exists", True)
    assert holds({"all": [one] * 499}) is True
    (fault,) = faults({"all": [one] * 500})
    assert (fault["field"], fault["got"]) == ("trigger.criteria.all[499]", "more")


@pytest.mark.parametrize("raw", [{}, [], None, "x", {"all": [], "any": []}, {"all": {}}, {"not": []}, {1: 2}])
def test_what_is_no_tree_is_refused(raw: Any) -> None:
    assert faults(raw)


@given(JSON)
def test_no_document_makes_the_parser_raise_anything_but_its_refusal(raw: Any) -> None:
    with pytest.raises(CriteriaRefused) as refused:
        parse_criteria({"all": [raw, {"field": raw, "op": raw, "value": raw}]}, compile_pattern)
    assert json.dumps(refused.value.faults)
