"""Criteria: what each operator holds of which value, what verdicts name, what is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.criteria.operators import OPERATORS, operators_for
from dispatcher.domain.criteria.tree import CriteriaRefused, parse_criteria

CONTEXT: dict[str, Any] = {
    "id": None,
    "type": "call.finished",
    "occurred_at": "2026-11-20T10:03:20Z",
    "call": {
        "id": "7f9c",
        "direction": "inbound",
        "dnis": "+18005551212",
        "caller_name": "Jane Roe",
        "group": "Sales",
        "agent": {"name": "John Doe"},
        "account_codes": ["1001", "1002"],
        "tags": ["vip"],
        "started_at": "2026-11-20T10:00:00Z",
        "duration_seconds": 200,
        "recording": {"state": "available"},
        "custom": {
            "score": 4,
            "word": "x",
            "rate": 4.0,
            "flag": True,
            "nothing": None,
            "codes": [1, True],
            "deep": {"er": "x"},
        },
    },
}


def clause(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def holds(raw: Any, context: dict[str, Any] = CONTEXT) -> bool:
    return parse_criteria(raw, ENGINES).holds(context)


def faults(raw: Any) -> list[dict[str, str]]:
    with pytest.raises(CriteriaRefused) as refused:
        parse_criteria(raw, ENGINES)
    return refused.value.faults


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("call.direction", "eq", "inbound", True),
        ("call.group", "eq", "sales", False),
        ("call.duration_seconds", "eq", 200.0, True),
        ("call.custom.score", "eq", "4", False),
        ("call.custom.flag", "eq", True, True),
        ("call.custom.flag", "eq", 1, False),
        ("call.custom.score", "eq", True, False),
        ("call.custom.codes", "eq", [1.0, True], True),
        ("call.custom.codes", "eq", [1, 1], False),
        ("call.tags", "eq", ["vip"], True),
        ("call.custom.deep", "eq", {"er": "x"}, True),
        ("call.direction", "ne", "outbound", True),
        ("call.direction", "ne", "inbound", False),
        ("call.custom.score", "ne", "4", True),
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
        ("call.custom.score", "ge", "1", False),
        ("call.custom.word", "ge", 5, False),
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
        ("call.custom.score", "contains", "4", False),
        ("call.dnis", "starts_with", "+1800", True),
        ("call.dnis", "starts_with", "1800", False),
        ("call.custom.codes", "starts_with", "v", False),
        ("call.dnis", "ends_with", "1212", True),
        ("call.dnis", "ends_with", "121", False),
        ("call.dnis", "matches", r"^\+1(800|888)\d{7}$", True),
        ("call.dnis", "matches", "555", True),
        ("call.dnis", "matches", "^555", False),
        ("call.custom.score", "matches", "4", False),
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


VALUES: dict[str, Any] = {
    "in": ["x"],
    "not_in": ["x"],
    "between": ["a", "b"],
    "exists": False,
    "any_of": ["x"],
    "all_of": ["x"],
    "none_of": ["x"],
    "number_eq": "+18005551212",
    "number_prefix": "+1",
    "time_between": {"from": "00:00", "to": "24:00"},
    "weekday_in": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "outcome_class": ["connected", "unanswered", "failed"],
}
TRUE_OF_ABSENT = {"ne", "not_in", "none_of", "exists"}
FIELDS_OF_OPERATORS = [
    (field, op)
    for field in ("call.disposition", "call.agent.email", "call.custom.nothing", "call.custom.a.b")
    for op in OPERATORS
    if op in operators_for(field)
]


@pytest.mark.parametrize(("field", "op"), [*FIELDS_OF_OPERATORS, ("call.outcome", "outcome_class")])
def test_an_absent_field_makes_every_operator_false_but_ne_not_in_none_of_and_exists_false(op: str, field: str) -> None:
    assert holds(clause(field, op, VALUES.get(op, "x"))) is (op in TRUE_OF_ABSENT)


@pytest.mark.parametrize("op", ["eq", "lt", "le", "gt", "ge"])
def test_an_absent_time_makes_a_comparison_false(op: str) -> None:
    assert holds(clause("call.answered_at", op, "2026-11-20T10:00:00Z")) is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


EVERY_OPERATOR = [
    *((op, "call.custom.seen", VALUES.get(op, "x")) for op in operators_for("call.custom.seen")),
    *((op, "call.started_at", "2026-11-20T10:00:00Z") for op in ("eq", "ne", "lt", "le", "gt", "ge")),
    ("contains", "call.custom.seen", 1),
    ("any_of", "call.custom.seen", [1, True, "x"]),
    ("outcome_class", "call.outcome", "lost"),
]


@given(
    seen=JSON | st.text("0123456789+*-() .") | st.lists(JSON) | st.datetimes().map(lambda each: f"{each.isoformat()}Z"),
    asked=st.sampled_from(EVERY_OPERATOR),
    country=st.sampled_from(["US", "DE", None, "??"]),
    zone=st.sampled_from(["Pacific/Apia", "Nowhere/There", None]),
)
def test_no_value_of_a_field_makes_a_test_raise(
    seen: Any, asked: tuple[str, str, Any], country: str | None, zone: str | None
) -> None:
    op, field, value = asked
    call = {"started_at": seen, "outcome": seen, "custom": {"seen": seen}}
    source = {"name": "pbx", "country": country, "time_zone": zone}
    assert holds(clause(field, op, value), {"call": call, "source": source}) in (True, False)


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

    def pattern(text: str) -> Any:
        return lambda _: asked.append(text) or text == "yes"

    noting = replace(ENGINES, pattern=pattern)

    raw = {"any": [clause("call.dnis", "matches", each) for each in ("no", "yes", "late")]}
    assert parse_criteria(raw, noting).holds(CONTEXT) is True
    assert asked == ["no", "yes"]
    asked.clear()
    raw = {"all": [clause("call.dnis", "matches", each) for each in ("yes", "no", "late")]}
    assert parse_criteria(raw, noting).holds(CONTEXT) is False
    assert asked == ["yes", "no"]


def test_a_dear_clause_that_profiles_share_is_asked_once_of_an_event_and_again_of_the_next() -> None:
    asked: list[str] = []

    def pattern(text: str) -> Any:
        return lambda value: asked.append(value) or text == "yes"

    noting = replace(ENGINES, pattern=pattern)
    shared = clause("call.dnis", "matches", "yes")
    first = parse_criteria({"all": [clause("call.direction", "eq", "inbound"), shared]}, noting)
    second, told = parse_criteria({"not": shared}, noting), {}
    assert (first.ask(CONTEXT, told), second.ask(CONTEXT, told), asked) == (True, False, ["+18005551212"])
    assert first.holds({"call": {"direction": "inbound", "dnis": "+4930123456"}}) is True
    assert asked == ["+18005551212", "+4930123456"]


def test_clauses_that_are_nearly_alike_are_not_taken_for_one_another() -> None:
    values: list[Any] = [1, 1.5, True, "1", "true"]
    for wanted in values:
        parsed = parse_criteria(clause("call.custom.x", "eq", wanted), ENGINES)
        held = [each for each in values if parsed.holds({"call": {"custom": {"x": each}}})]
        assert [repr(each) for each in held] == [repr(wanted)]


def test_a_verdict_names_every_clause_with_the_value_it_saw_also_those_not_needed() -> None:
    first, second = clause("call.direction", "eq", "outbound"), clause("call.campaign", "eq", "Sales")
    third = clause("call.duration_seconds", "ge", 10)
    verdict = parse_criteria({"all": [first, {"any": [second, third]}, {"not": third}]}, ENGINES).verdict(CONTEXT)
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
    criteria = parse_criteria(raw, ENGINES)
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
    criteria = parse_criteria({"field": "call.dnis", "op": "exists"}, ENGINES)
    assert criteria.holds(CONTEXT) is True
    assert criteria.as_document() == clause("call.dnis", "exists", True)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "missing ): (a"),
        ("(?=a)b", "invalid perl operator: (?="),
        ("a" * 1001, "at most 1000 characters"),
        ("((a{100}){100}){100}", "invalid repetition size"),
        (r"(\pL{1,300}){3}", "pattern too large"),
        (".{1,1000}.{1,1000}z", "too large: fewer or smaller repetitions"),
    ],
)
def test_a_bad_pattern_is_refused_with_the_engine_s_reason(pattern: str, reason: str) -> None:
    (fault,) = faults(clause("call.dnis", "matches", pattern))
    assert fault["expected"].startswith(f"a pattern of RE2 syntax ({reason}")


@pytest.mark.parametrize(
    "pattern",
    ["^(a+)+$", "^(a*)*b", "(a|a)*b", "(a+a+)+b", "(a?){30}a{30}b", "(a|b)*a(a|b){300}c", ".{1,200}.{1,200}z"],
)
def test_a_pattern_that_ruins_backtracking_engines_is_answered_at_once(pattern: str) -> None:
    call = {"custom": {"x": "a" * 50_000 + "!"}}
    assert holds(clause("call.custom.x", "matches", pattern), {"call": call}) is False


def test_a_pattern_is_looked_for_in_the_first_65536_characters() -> None:
    raw = clause("call.custom.x", "matches", "needle$")
    assert holds(raw, {"call": {"custom": {"x": "a" * 65_530 + "needle"}}}) is True
    assert holds(raw, {"call": {"custom": {"x": "a" * 65_531 + "needle"}}}) is False


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
        parse_criteria({"all": [raw, {"field": raw, "op": raw, "value": raw}]}, ENGINES)
    assert json.dumps(refused.value.faults)
