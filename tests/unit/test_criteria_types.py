"""Criteria against the catalogue of fields: what is refused when a profile is saved, and what the refusal offers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.criteria.operators import OPERATORS, operators_for
from dispatcher.domain.criteria.tree import CriteriaRefused, parse_criteria
from dispatcher.domain.profile import parse_profile
from dispatcher.domain.variables import CRITERIA_FIELDS

ROOT = Path(__file__).resolve().parents[2]
IN_DESIGN = {
    "all": [
        {"field": "call.direction", "op": "in", "value": ["inbound", "outbound"]},
        {"field": "call.duration_seconds", "op": "ge", "value": 10},
        {
            "any": [
                {"field": "call.dnis", "op": "starts_with", "value": "+1800"},
                {"field": "call.tags", "op": "contains", "value": "vip"},
            ]
        },
        {"not": {"field": "call.group", "op": "eq", "value": "Test"}},
    ]
}
EVERYWHERE = "eq, ne, in, not_in"
ORDER = "lt, le, gt, ge, between"


def fault(field: str, op: str, value: Any) -> tuple[str, str, str]:
    """The one fault of a clause: where below the criteria, what is expected, what was got."""
    with pytest.raises(CriteriaRefused) as refused:
        parse_criteria({"field": field, "op": op, "value": value}, ENGINES)
    (found,) = refused.value.faults
    return found["field"].removeprefix("trigger.criteria."), found["expected"], found["got"]


def accepted(field: str, op: str, value: Any) -> bool:
    return parse_criteria({"field": field, "op": op, "value": value}, ENGINES).as_document()["value"] == value


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("call.durations", " (did you mean call.duration_seconds or "),
        ("source.county", " (did you mean source.country or "),
        ("delivery.attempt", "; "),
        ("zz", "; "),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest(field: str, nearest: str) -> None:
    at, expected, got = fault(field, "exists", True)
    assert (at, got) == ("field", f'string "{field}"')
    assert expected.startswith("a field of an event" + nearest)
    assert expected.endswith("fields of the source's own lie under call.custom")


@pytest.mark.parametrize(
    ("field", "op", "fitting"),
    [
        (
            "call.duration_seconds",
            "contains",
            f"{EVERYWHERE}, {ORDER}, exists: call.duration_seconds holds integer",
        ),
        (
            "call.tags",
            "starts_with",
            f"{EVERYWHERE}, contains, exists, any_of, all_of, none_of: call.tags holds list of text",
        ),
        (
            "call.started_at",
            "matches",
            f"{EVERYWHERE}, {ORDER}, exists, time_between, weekday_in: call.started_at holds time",
        ),
        (
            "call.direction",
            "gt",
            f"{EVERYWHERE}, contains, starts_with, ends_with, matches, exists: call.direction holds choice",
        ),
        ("call.recording", "contains", f"{EVERYWHERE}, exists: call.recording holds object"),
        (
            "call.group",
            "number_eq",
            f"{EVERYWHERE}, {ORDER}, contains, starts_with, ends_with, matches, exists: call.group holds text",
        ),
    ],
)
def test_an_operator_that_does_not_fit_the_field_is_refused_with_those_that_do(
    field: str, op: str, fitting: str
) -> None:
    assert fault(field, op, "x") == ("op", f"one of {fitting}", f'string "{op}"')


def test_a_misspelt_operator_is_refused_with_the_nearest() -> None:
    at, expected, _ = fault("call.dnis", "number_prefx", "+1")
    assert at == "op"
    assert expected.endswith("number_prefix (did you mean number_prefix or number_eq?)")


@pytest.mark.parametrize(
    ("field", "op", "value", "at", "expected"),
    [
        ("call.duration_seconds", "ge", "10", "value", "a finite number of at most 64 bits"),
        ("call.duration_seconds", "between", [1, "10"], "value[1]", "a finite number of at most 64 bits"),
        ("call.q850", "eq", True, "value", "a finite number of at most 64 bits"),
        ("call.report_id", "eq", 10432, "value", 'text, in quotes: "10432"'),
        ("call.report_id", "in", ["1", 2], "value[1]", 'text, in quotes: "2"'),
        ("call.group", "eq", ["Sales"], "value", "text"),
        ("call.caller_name", "starts_with", 5, "value", "text"),
        ("call.direction", "eq", "Inbound", "value", "one of inbound, outbound, internal, intersite"),
        ("call.direction", "in", ["inbound", "out"], "value[1]", "one of inbound, outbound, internal, intersite"),
        ("call.outcome", "not_in", ["missed", 1], "value[1]", "one of answered, missed, abandoned, busy"),
        ("call.attestation", "eq", "a", "value", "one of A, B, C, none, failed"),
        ("call.outcome", "outcome_class", "conected", "value", "one of connected, unanswered, lost, refused, failed"),
        ("call.outcome", "outcome_class", ["lost", 7], "value[1]", "one of connected, unanswered, lost, refused"),
        ("call.started_at", "ge", "yesterday", "value", "a time of RFC 3339 with Z or an offset"),
        ("call.started_at", "lt", "2026-02-30T10:00:00Z", "value", "a time of RFC 3339 that exists"),
        ("call.started_at", "in", ["2026-11-20T10:00:00"], "value[0]", "a time of RFC 3339 with Z or an offset"),
        ("call.tags", "eq", "vip", "value", "a list of text"),
        ("call.tags", "eq", ["vip", 1], "value[1]", "text"),
        ("call.tags", "contains", 1, "value", "text"),
        ("call.tags", "any_of", "vip", "value", "a list of 1 to 10000 values"),
        ("call.tags", "all_of", [], "value", "a list of 1 to 10000 values"),
        ("call.account_codes", "none_of", [1001], "value[0]", "text"),
        ("call.agent", "eq", "John Doe", "value", "an object"),
        ("type", "eq", "call.finish", "value", "one of call.finished, call.recorded"),
        ("source.country", "eq", 49, "value", 'text, in quotes: "49"'),
        ("call.dnis", "exists", "yes", "value", "true or false"),
    ],
)
def test_a_value_that_the_field_can_never_hold_is_refused_with_what_would_fit(
    field: str, op: str, value: Any, at: str, expected: str
) -> None:
    found_at, found, _ = fault(field, op, value)
    assert found_at == at
    assert found.startswith(expected)


def test_a_word_that_is_nearly_a_choice_is_refused_with_the_choice() -> None:
    assert fault("call.outcome", "in", ["answerd"])[1].endswith("(did you mean answered?)")
    assert "did you mean call.finished" in fault("type", "eq", "call.finish")[1]


@pytest.mark.parametrize(
    ("field", "op", "value"),
    [
        ("call.duration_seconds", "lt", 0.5),
        ("call.outcome", "matches", "^(busy|rejected)$"),
        ("call.direction", "starts_with", "inter"),
        ("type", "eq", "x.leg.finished"),
        ("type", "starts_with", "call."),
        ("id", "eq", "x" * 300),
        ("call.agent", "ne", {"name": "John Doe"}),
        ("call.custom", "exists", True),
        ("source.name", "in", ["pbx", "dialler"]),
        ("source.country", "ne", "US"),
        ("call.custom.anything.at_all", "ge", "10"),
        ("call.custom.score", "in", ["4", 4, True, [1]]),
    ],
)
def test_what_has_a_meaning_is_accepted(field: str, op: str, value: Any) -> None:
    assert accepted(field, op, value)


def test_every_operator_fits_some_field_and_every_field_some_operator() -> None:
    fitting = {path: operators_for(path) for path in CRITERIA_FIELDS}
    assert {op for words in fitting.values() for op in words} == set(OPERATORS)
    assert all({"eq", "ne", "in", "not_in", "exists"} <= set(words) for words in fitting.values())


@pytest.mark.parametrize(
    ("path", "some", "none"),
    [
        ("call.dnis", {"number_eq", "number_prefix", "starts_with"}, {"any_of", "time_between"}),
        ("call.agent.extension", {"number_eq"}, {"weekday_in"}),
        ("call.tags", {"any_of", "all_of", "none_of", "contains"}, {"matches", "lt"}),
        ("call.outcome", {"outcome_class", "in"}, {"lt", "number_eq"}),
        ("call.direction", {"in"}, {"outcome_class"}),
        ("occurred_at", {"time_between", "weekday_in", "ge"}, {"contains"}),
        ("call.custom.x", {"any_of", "number_eq", "weekday_in", "lt", "matches"}, {"outcome_class"}),
        ("call.nonsense", set(), set(OPERATORS)),
        ("call.customs.x", set(), set(OPERATORS)),
    ],
)
def test_a_picker_learns_which_operators_fit_a_field(path: str, some: set[str], none: set[str]) -> None:
    words = operators_for(path)
    assert some <= set(words)
    assert not none & set(words)


def test_the_criteria_that_are_written_down_anywhere_are_accepted() -> None:
    assert parse_criteria(IN_DESIGN, ENGINES).as_document() == IN_DESIGN
    files = sorted((ROOT / "config" / "profiles").glob("*.yaml"))
    assert len(files) >= 4
    for file in files:
        for document in yaml.safe_load_all(file.read_text()):
            assert parse_profile(document, ENGINES).name
