"""Operators of telephone numbers, of times of day and weekdays, of lists, and of classes of outcomes."""

from typing import Any

import pytest

from dispatcher.adapters.engines import ENGINES
from dispatcher.domain.call_fields import OUTCOMES
from dispatcher.domain.criteria import time_operators
from dispatcher.domain.criteria.text_operators import OUTCOME_CLASSES
from dispatcher.domain.criteria.tree import CriteriaRefused, parse_criteria


def clause(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def holds(op: str, value: Any, call: dict[str, Any], field: str, **source: Any) -> bool:
    context = {"type": "call.finished", "call": call, "source": {"name": "pbx", **source}}
    return parse_criteria(clause(field, op, value), ENGINES).holds(context)


def refusal(field: str, op: str, value: Any) -> tuple[str, str]:
    with pytest.raises(CriteriaRefused) as refused:
        parse_criteria(clause(field, op, value), ENGINES)
    (fault,) = refused.value.faults
    return fault["field"].removeprefix("trigger.criteria."), fault["expected"]


def test_a_text_that_is_too_long_for_a_time_is_not_kept_in_memory() -> None:
    kept = time_operators._local.cache_info().currsize
    window = {"from": "00:00", "to": "24:00", "zone": "UTC"}
    long = {"custom": {"at": "2026-11-20T10:00:00." + "0" * 60 + "Z"}}
    assert holds("time_between", window, long, "call.custom.at") is False
    assert time_operators._local.cache_info().currsize == kept


# --- telephone numbers

WRITTEN = ["+18005551212", "+1 (800) 555-1212", "0018005551212", "8005551212", "1-800-555-1212", "(800) 555.1212"]


@pytest.mark.parametrize("seen", WRITTEN)
@pytest.mark.parametrize("wanted", WRITTEN)
def test_a_number_is_the_same_however_either_side_is_written(seen: str, wanted: str) -> None:
    assert holds("number_eq", wanted, {"dnis": seen}, "call.dnis", country="US") is True
    assert holds("number_eq", ["+4930123456", wanted], {"dnis": seen}, "call.dnis", country="US") is True
    assert holds("number_eq", "+18005551213", {"dnis": seen}, "call.dnis", country="US") is False


@pytest.mark.parametrize(
    ("seen", "wanted", "country", "expected"),
    [
        ("030 123456", "+49 30 123456", "DE", True),
        ("+49 (0)30 123456", "+4930123456", None, True),
        ("030 123456", "+4930123456", "AT", False),
        ("30123456", "+4930123456", None, False),
        ("18005551212", "+1 800 555 1212", None, True),
        ("8005551212", "+18005551212", None, False),
        ("8005551212", "800-555-1212", None, True),
        ("154", "154", "US", True),
        ("154", " 154", "DE", True),
        ("154", "+154", "DE", True),
        ("154", "+49154", "DE", False),
        ("*98", "*98", "US", True),
        ("*98", "98", "US", False),
        ("sip:154@pbx", "154", "US", False),
        ("anonymous", "154", "US", False),
    ],
)
def test_what_has_no_form_of_e164_compares_by_its_digits_or_as_it_is(
    seen: str, wanted: str, country: str | None, expected: bool
) -> None:
    assert holds("number_eq", wanted, {"dnis": seen}, "call.dnis", country=country) is expected


@pytest.mark.parametrize(
    ("seen", "prefix", "country", "expected"),
    [
        ("+18005551212", "+1800", None, True),
        ("8005551212", "+1800", "US", True),
        ("8005551212", "+1 (800)", "US", True),
        ("8005551212", "001800", "US", True),
        ("8885551212", ["+1800", "+1888"], "US", True),
        ("+18885551212", "+1800", "US", False),
        ("030 123456", "+49", "DE", True),
        ("030 123456", "030", "DE", True),
        ("+49 30 123456", "030", "DE", True),
        ("030 123456", "+49", "AT", False),
        ("+18005551212", "800", "US", True),
        ("18005551212", "+1800", None, False),
        ("154", "+1", "US", False),
        ("154", "15", "US", True),
        ("154", "16", "US", False),
        ("*98", "98", "US", False),
    ],
)
def test_a_prefix_is_of_the_form_of_e164_and_of_the_digits_where_there_is_none(
    seen: str, prefix: Any, country: str | None, expected: bool
) -> None:
    assert holds("number_prefix", prefix, {"dnis": seen}, "call.dnis", country=country) is expected


def test_a_number_below_custom_is_compared_too_and_an_event_without_a_source_has_no_country() -> None:
    call = {"custom": {"transfer_to": "+49 30 123456"}}
    parsed = parse_criteria(clause("call.custom.transfer_to", "number_prefix", "+4930"), ENGINES)
    assert parsed.holds({"type": "call.finished", "call": call}) is True


@pytest.mark.parametrize("op", ["number_eq", "number_prefix"])
@pytest.mark.parametrize(
    ("value", "at", "expected"),
    [
        (18005551212, "value", 'a telephone number or its beginning as text, in quotes: "+1800"'),
        ("anonymous", "value", 'a telephone number or its beginning, such as "+1800"'),
        (["+1800", "+"], "value[1]", 'a telephone number or its beginning, such as "+1800"'),
        ([], "value", "a list of 1 to 10000 values"),
        (["+1800"] * 1001, "value", "at most 1000 numbers"),
        (None, "value", 'a telephone number or its beginning as text, in quotes: "+1800"'),
    ],
)
def test_what_is_no_number_is_refused(op: str, value: Any, at: str, expected: str) -> None:
    assert refusal("call.dnis", op, value) == (at, expected)


# --- times of day, weekdays

NIGHT = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin"}


def between(window: dict[str, Any], started_at: str, **source: Any) -> bool:
    return holds("time_between", window, {"started_at": started_at}, "call.started_at", **source)


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-20T20:59:59.999999Z", False),
        ("2026-11-20T21:00:00Z", True),
        ("2026-11-20T23:30:00Z", True),
        ("2026-11-21T04:59:59.999999Z", True),
        ("2026-11-21T05:00:00Z", False),
        ("2026-07-20T19:59:59Z", False),
        ("2026-07-20T20:00:00Z", True),
        ("2026-07-21T04:00:00Z", False),
    ],
)
def test_a_window_over_midnight_takes_its_start_and_not_its_end_in_winter_and_in_summer(
    started_at: str, expected: bool
) -> None:
    assert between(NIGHT, started_at) is expected


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-10-25T00:29:59Z", False),  # 02:29:59, summer time
        ("2026-10-25T00:30:00Z", True),  # 02:30, summer time
        ("2026-10-25T00:59:59Z", True),
        ("2026-10-25T01:00:00Z", False),  # 02:00 again, winter time
        ("2026-10-25T01:29:59Z", False),
        ("2026-10-25T01:30:00Z", True),  # 02:30 again
        ("2026-10-25T02:00:00Z", False),  # 03:00
    ],
)
def test_where_the_clock_is_put_back_a_window_holds_in_both_passes(utc: str, expected: bool) -> None:
    assert between({"from": "02:30", "to": "03:00", "zone": "Europe/Berlin"}, utc) is expected


@pytest.mark.parametrize(
    ("window", "utc", "expected"),
    [
        (("02:00", "03:00"), "2026-03-29T00:59:59Z", False),  # 01:59:59
        (("02:00", "03:00"), "2026-03-29T01:00:00Z", False),  # 03:00 follows at once
        (("01:30", "02:30"), "2026-03-29T00:59:59Z", True),
        (("01:30", "02:30"), "2026-03-29T01:00:00Z", False),
        (("02:30", "03:30"), "2026-03-29T01:00:00Z", True),
        (("02:30", "03:30"), "2026-03-29T01:30:00Z", False),
    ],
)
def test_what_the_clock_skips_no_moment_has(window: tuple[str, str], utc: str, expected: bool) -> None:
    assert between({"from": window[0], "to": window[1], "zone": "Europe/Berlin"}, utc) is expected


def test_without_a_zone_the_source_s_counts_and_without_one_utc() -> None:
    office = {"from": "09:00", "to": "17:00"}
    assert between(office, "2026-11-20T14:30:00Z", time_zone="America/New_York") is True
    assert between(office, "2026-11-20T10:00:00Z", time_zone="America/New_York") is False
    assert between(office, "2026-11-20T10:00:00Z") is True
    assert between(office, "2026-11-20T10:00:00Z", time_zone="No/Where") is True
    assert between({**office, "zone": "Europe/Berlin"}, "2026-11-20T08:30:00Z", time_zone="Asia/Tokyo") is True


def test_a_day_may_end_at_24_hours_and_times_may_have_seconds() -> None:
    evening = {"from": "18:00:30", "to": "24:00"}
    assert between(evening, "2026-11-20T23:59:59Z") is True
    assert between(evening, "2026-11-20T18:00:29Z") is False
    assert between(evening, "2026-11-21T00:00:00Z") is False


def test_the_first_and_the_last_day_of_the_calendar_have_a_time_too() -> None:
    assert between({"from": "00:00", "to": "24:00", "zone": "Asia/Tokyo"}, "9999-12-31T23:00:00Z") is True
    assert between({"from": "00:00", "to": "24:00", "zone": "America/Lima"}, "0001-01-01T01:00:00Z") is True


@pytest.mark.parametrize(
    ("value", "at", "expected"),
    [
        ("22:00-06:00", "value", '{"from": "22:00", "to": "06:00"}'),
        ({"from": "22:00"}, "value.to", 'a time of day such as "22:00" (in YAML in quotes)'),
        ({"from": 1320, "to": "06:00"}, "value.from", 'a time of day such as "22:00" (in YAML in quotes)'),
        ({"from": "9:00", "to": "17:00"}, "value.from", "a time of day"),
        ({"from": "09:00", "to": "24:01"}, "value.to", "a time of day"),
        ({"from": "09:00", "to": "09:00"}, "value.to", "another time than `from`: nothing lies between"),
        ({"from": "24:00", "to": "06:00"}, "value.from", '"00:00", where a day begins'),
        ({"from": "09:00", "to": "17:00", "tz": "UTC"}, "value.tz", "no such member"),
        (
            {"from": "09:00", "to": "17:00", "zone": "Europe/Berln"},
            "value.zone",
            "a name of the IANA time zone database, such as Europe/Berlin (did you mean Europe/Berlin",
        ),
        ({"from": "09:00", "to": "17:00", "zone": "../../etc/passwd"}, "value.zone", "a name of the IANA"),
        ({"from": "09:00", "to": "17:00", "zone": "Europe"}, "value.zone", "a name of the IANA"),
        ({"from": "09:00", "to": "17:00", "zone": 1}, "value.zone", "a name of the IANA"),
    ],
)
def test_a_bad_window_is_refused_with_what_to_write(value: Any, at: str, expected: str) -> None:
    found_at, found = refusal("call.started_at", "time_between", value)
    assert found_at == at
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("value", "utc", "zone", "expected"),
    [
        (["fri"], "2026-11-20T10:00:00Z", "UTC", True),
        (["sat", "sun"], "2026-11-20T10:00:00Z", "UTC", False),
        (["sat"], "2026-11-20T23:30:00Z", "Europe/Berlin", True),
        (["fri"], "2026-11-20T23:30:00Z", "Europe/Berlin", False),
        ({"days": ["fri"], "zone": "America/Los_Angeles"}, "2026-11-21T07:59:59Z", "UTC", True),
        ({"days": ["sat"], "zone": "America/Los_Angeles"}, "2026-11-21T08:00:00Z", "UTC", True),
    ],
)
def test_a_weekday_is_the_moment_s_own_in_the_zone(value: Any, utc: str, zone: str, expected: bool) -> None:
    assert holds("weekday_in", value, {"ended_at": utc}, "call.ended_at", time_zone=zone) is expected


@pytest.mark.parametrize(
    ("value", "at", "expected"),
    [
        ("mon", "value", "a list of mon, tue, wed, thu, fri, sat, sun"),
        ([], "value", "a list of mon, tue, wed, thu, fri, sat, sun"),
        (["mon", "tues"], "value[1]", "one of mon, tue, wed, thu, fri, sat, sun (did you mean tue?)"),
        ({"days": ["mon", 2]}, "value.days[1]", "one of mon, tue, wed, thu, fri, sat, sun"),
        ({"zone": "UTC"}, "value.days", "a list of mon, tue, wed, thu, fri, sat, sun"),
        ({"days": ["mon"], "zone": "Mars"}, "value.zone", "a name of the IANA time zone database"),
    ],
)
def test_bad_weekdays_are_refused(value: Any, at: str, expected: str) -> None:
    found_at, found = refusal("call.started_at", "weekday_in", value)
    assert found_at == at
    assert found.startswith(expected)


# --- lists, outcomes


@pytest.mark.parametrize(
    ("tags", "any_of", "all_of", "none_of"),
    [
        (["vip", "west"], True, True, False),
        (["vip"], True, False, False),
        (["east"], False, False, True),
        ([], False, False, True),
        (None, False, False, True),
    ],
)
def test_any_all_and_none_of_a_list(tags: list[str] | None, any_of: bool, all_of: bool, none_of: bool) -> None:
    wanted = ["vip", "west"]
    found = tuple(holds(op, wanted, {"tags": tags}, "call.tags") for op in ("any_of", "all_of", "none_of"))
    assert found == (any_of, all_of, none_of)


def test_elements_of_a_custom_list_keep_their_types() -> None:
    call = {"custom": {"codes": [1, True, {"a": 1}]}}
    assert holds("any_of", [1.0], call, "call.custom.codes") is True
    assert holds("any_of", ["1", 2, False], call, "call.custom.codes") is False
    assert holds("all_of", [True, 1], call, "call.custom.codes") is True


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("connected", {"answered"}),
        ("unanswered", {"missed", "abandoned", "busy", "rejected", "cancelled", "voicemail"}),
        ("lost", {"missed", "abandoned"}),
        ("refused", {"busy", "rejected"}),
        ("failed", {"failed"}),
        (["lost", "failed"], {"missed", "abandoned", "failed"}),
    ],
)
def test_an_outcome_class_holds_of_its_outcomes(value: Any, held: set[str]) -> None:
    assert {each for each in OUTCOMES if holds("outcome_class", value, {"outcome": each}, "call.outcome")} == held


def test_every_outcome_is_connected_unanswered_or_failed_and_only_one_of_them() -> None:
    parts = [OUTCOME_CLASSES[each] for each in ("connected", "unanswered", "failed")]
    assert sorted(outcome for part in parts for outcome in part) == sorted(OUTCOMES)


def test_a_verdict_names_the_new_operators_clauses_with_what_they_saw() -> None:
    clauses = [
        clause("call.dnis", "number_prefix", "+1800"),
        clause("call.started_at", "time_between", NIGHT),
        clause("call.started_at", "weekday_in", ["fri"]),
        clause("call.tags", "none_of", ["vip"]),
        clause("call.outcome", "outcome_class", "lost"),
    ]
    call = {"dnis": "800 555 1212", "started_at": "2026-11-20T10:00:00Z", "outcome": "missed"}
    context = {"type": "call.finished", "call": call, "source": {"country": "US", "time_zone": "UTC"}}
    verdict = parse_criteria({"all": clauses}, ENGINES).verdict(context)
    assert verdict.as_dict() == {
        "all": [
            {"clause": clauses[0], "saw": "800 555 1212", "held": True},
            {"clause": clauses[1], "saw": "2026-11-20T10:00:00Z", "held": False},
            {"clause": clauses[2], "saw": "2026-11-20T10:00:00Z", "held": True},
            {"clause": clauses[3], "saw": None, "held": True},
            {"clause": clauses[4], "saw": "missed", "held": True},
        ],
        "held": False,
    }
