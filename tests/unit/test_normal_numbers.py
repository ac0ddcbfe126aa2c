"""Numbers as call systems write them: their forms, what is none, what is never guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.shape import Reading
from dispatcher.sources import SourceSettings
from dispatcher.sources.normal.number_rules import NumberRules, number_rules, read_number_rules
from dispatcher.sources.normal.numbers import number_forms, plain_number

US, DE, ES, NONE = (SourceSettings(country=country) for country in ("US", "DE", "ES", None))


def ruled(country: str | None = None, **rules: Any) -> SourceSettings:
    return SourceSettings(country=country, config={"numbers": rules})


def forms(raw: str | None, **over: Any) -> dict[str, Any]:
    nothing = {"raw": raw, "e164": None, "national": None, "digits": None, "anonymous": False, "extension": None}
    return {**nothing, **over}


LENGTHS = "config.numbers.extension_lengths"
JANE = {"e164": "+14155550100", "national": "(415) 555-0100", "digits": "14155550100"}


@pytest.mark.parametrize(
    ("raw", "over"),
    [
        ("+14155550100", {}),
        ("+1 (415) 555-0100", {}),
        ("4155550100", {"digits": "4155550100"}),
        ("(415) 555-0100", {"digits": "4155550100"}),
        ("14155550100", {}),
        ("0014155550100", {"digits": "0014155550100"}),
        ("sip:+14155550100@pbx.example", {}),
        ("sips:+14155550100@pbx.example:5061;transport=tls", {}),
        ("<sip:+14155550100@pbx.example>", {}),
        ('"Jane Roe" <sip:+14155550100@pbx.example;user=phone>;tag=1', {}),
        ("sip:%2B14155550100@pbx.example", {}),
        ("sip:+14155550100;npdi@pbx.example", {}),
        ("+14155550100@pbx.example", {}),
        ("tel:+1-415-555-0100", {}),
        ("tel:+1-415-555-0100;ext=5", {"extension": "5"}),
        ("+1 415 555 0100 ext. 12", {"extension": "12"}),
        ("+14155550100x12", {"extension": "12"}),
        (14155550100, {"raw": "14155550100"}),
    ],
)
def test_one_number_has_one_form_however_it_is_written(raw: Any, over: dict[str, Any]):
    assert number_forms(raw, US) == {**forms(raw), **JANE, **over}


def test_a_number_of_another_country_has_no_national_form():
    assert number_forms("+493023125012", US) == forms("+493023125012", e164="+493023125012", digits="493023125012")


@pytest.mark.parametrize("nothing", [None, "", " ", "0", "null", "_undef_", [], True])
def test_what_stands_for_nothing_has_no_form(nothing: object):
    assert number_forms(nothing, US) == forms(None)


@pytest.mark.parametrize(
    "hidden",
    [
        "anonymous",
        "Anonymous",
        "Restricted",
        "unknown",
        "Unavailable",
        "PRIVATE",
        "No Caller ID",
        "0000000000",
        "+266696687",
        "266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86282452253",
        "sip:anonymous@anonymous.invalid",
        "sip:4711@anonymous.invalid",
        '"Anonymous" <sip:anonymous@pbx.example>',
    ],
)
def test_a_caller_who_hides_is_anonymous_and_has_no_number(hidden: str):
    assert number_forms(hidden, US) == forms(hidden, anonymous=True)
    assert plain_number(hidden) is None


@pytest.mark.parametrize(
    ("raw", "settings", "e164"),
    [
        ("4155550100", NONE, None),
        ("14155550100", NONE, None),
        ("493023125012", NONE, None),
        ("34945945945", ES, "+34945945945"),
        ("945945945", ES, "+34945945945"),
        ("34945945945", DE, None),
        ("34945945945", US, None),
        ("447700900123", DE, None),
        ("493023125012", DE, "+493023125012"),
        ("03023125012", DE, "+493023125012"),
        ("+44 (0) 20 7946 0958", US, "+442079460958"),
        ("+44 (0)20 7946 0958", DE, "+442079460958"),
        ("00442079460958", DE, "+442079460958"),
        ("*98", US, None),
        ("jane@example.com", US, None),
        ("+14155550100", SourceSettings(country="Atlantis"), "+14155550100"),
    ],
)
def test_no_plus_is_ever_guessed(raw: str, settings: SourceSettings, e164: str | None):
    assert number_forms(raw, settings)["e164"] == e164


def test_a_trunk_zero_in_brackets_is_not_among_the_digits():
    assert number_forms("+44 (0) 20 7946 0958", US)["digits"] == "442079460958"


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("14155550100", "+14155550100"),
        ("447700900123", "+447700900123"),
        ("34945945945", "+34945945945"),
        ("154", None),
        ("99999999999", None),
    ],
)
def test_numbers_without_a_plus_are_international_where_the_source_says_so(raw: str, e164: str | None):
    assert number_forms(raw, ruled("DE", assume_international=True))["e164"] == e164


def test_the_pbx_s_own_international_prefix_is_known_besides_that_of_the_country():
    settings = ruled("DE", international_prefix="011")
    assert number_forms("01114155550100", settings)["e164"] == "+14155550100"
    assert number_forms("00 1 415 555 0100", settings)["e164"] == "+14155550100"


@pytest.mark.parametrize(
    ("raw", "dialled", "e164"),
    [
        ("003023125012", True, "+493023125012"),
        ("00014155550100", True, "+14155550100"),
        ("03023125012", False, "+493023125012"),
        ("+493023125012", True, "+493023125012"),
    ],
)
def test_the_digits_for_an_outside_line_are_taken_off_what_was_dialled_only(raw: str, dialled: bool, e164: str):
    assert number_forms(raw, ruled("DE", outside_line="0"), dialled=dialled)["e164"] == e164


@pytest.mark.parametrize(
    ("raw", "settings", "extension"),
    [
        ("154", US, "154"),
        ("1001", US, "1001"),
        ("2001", US, "2001"),
        ("12", NONE, "12"),
        ("154@pbx.example", US, "154"),
        ("sip:154@pbx.example", US, "154"),
        ("411", US, None),
        ("911", US, None),
        ("911", NONE, None),
        ("110", DE, None),
        ("10001", US, None),
        ("10001", ruled("US", extension_lengths=[5]), "10001"),
        ("154", ruled("US", extension_lengths=[5]), None),
        ("154", ruled("US", extension_lengths=[]), None),
        ("911", ruled("US", extension_lengths=[3]), "911"),
        ("+154", US, None),
        ("*98", US, None),
    ],
)
def test_an_extension_is_known_by_its_length(raw: str, settings: SourceSettings, extension: str | None):
    found = number_forms(raw, settings)
    assert (found["extension"], found["e164"]) == (extension, None)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("sip:+14155550100@pbx.example", "+14155550100"),
        ("tel:+1-415-555-0100;ext=5", "+1-415-555-0100"),
        ("154@pbx.example", "154"),
        ("jane@example.com", "jane@example.com"),
        ("sip:jane@example.com", "sip:jane@example.com"),
        (" 415 555 0100", " 415 555 0100"),
        ("*98", "*98"),
        (None, None),
        (17, 17),
    ],
)
def test_a_plain_number_is_what_came_without_the_address_around_it(raw: object, plain: object):
    assert plain_number(raw) == plain


def test_rules_that_are_not_fit_count_as_not_said():
    odd = {"outside_line": "9w", "international_prefix": 11, "assume_international": "yes", "extension_lengths": [0]}
    assert number_rules({"numbers": odd}) == number_rules({"numbers": []}) == number_rules({}) == NumberRules()
    fit = {
        "outside_line": "9",
        "international_prefix": "011",
        "assume_international": True,
        "extension_lengths": [3, 4],
    }
    assert number_rules({"numbers": fit}) == NumberRules("9", "011", True, frozenset({3, 4}))


@pytest.mark.parametrize(
    ("given_rules", "faults"),
    [
        (None, []),
        ({}, []),
        (
            {"outside_line": "9", "international_prefix": None, "assume_international": True, "extension_lengths": [3]},
            [],
        ),
        ([], [("config.numbers", "an object", "array of 0")]),
        ({"outside_line": 9}, [("config.numbers.outside_line", "1 to 8 digits, as text", "number 9")]),
        ({"assume_international": 1}, [("config.numbers.assume_international", "true or false", "number 1")]),
        (
            {"extension_lengths": [9]},
            [("config.numbers.extension_lengths", "a list of lengths from 1 to 8", "array of 1")],
        ),
        ({"outside": "9"}, [("config.numbers.outside", "no such member (did you mean outside_line?)", 'string "9"')]),
    ],
)
def test_a_source_s_rules_are_judged_when_it_is_saved(given_rules: object, faults: list[tuple[str, str, str]]):
    reading = Reading()
    read_number_rules(reading, given_rules, "config.numbers")
    assert [(fault["field"], fault["expected"], fault["got"]) for fault in reading.faults] == faults


TEXTS = (
    st.text()
    | st.text("0123456789+-() *#x@<>;:.sipte=%")
    | st.from_regex(r"(sip|tel):[^@]{0,20}@.{0,9}", fullmatch=True)
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "outside_line": st.sampled_from(["9", "0", "", "x", 0]),
        "international_prefix": st.sampled_from(["011", "00", ""]),
        "assume_international": st.booleans(),
        "extension_lengths": st.lists(st.integers(0, 9)) | st.none(),
    },
)


@given(TEXTS | st.integers() | st.none(), st.sampled_from(["US", "DE", "IT", "??", "", None]), RULES, st.booleans())
def test_no_text_raises_and_a_form_of_e164_is_its_own_form(raw: Any, country: str | None, rules: Any, dialled: bool):
    settings = ruled(country, **rules)
    found = number_forms(raw, settings, dialled=dialled)
    plain_number(raw)
    assert set(found) == {"raw", "e164", "national", "digits", "anonymous", "extension"}
    if found["e164"] is not None:
        assert found["e164"][0] == "+"
        assert found["e164"][1:].isdigit()
        assert number_forms(found["e164"], settings)["e164"] == found["e164"]


def test_a_text_of_megabytes_is_not_looked_at():
    for raw in ("9" * 5_000_000, "sip:" * 1_000_000, "(" * 5_000_000, "<" * 3_000_000, "1 " * 2_000_000 + "x"):
        assert number_forms(raw, US) == forms(raw)
