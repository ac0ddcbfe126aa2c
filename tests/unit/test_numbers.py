"""Telephone numbers in the form of E.164: what is one, what is none, what is never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.sources.normal import numbering
from dispatcher.sources.normal.numbering import NUMBERS


def test_a_text_that_is_too_long_for_a_number_is_not_kept_in_memory() -> None:
    kept = numbering._e164.cache_info().currsize
    assert NUMBERS.e164("+1415555" + "0" * 60, "US") is None
    assert numbering._e164.cache_info().currsize == kept


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+18005551212", None, "+18005551212"),
        ("+1 (800) 555-1212", None, "+18005551212"),
        ("tel:+1-800-555-1212", None, "+18005551212"),
        ("0018005551212", None, "+18005551212"),
        ("0018005551212", "US", "+18005551212"),
        ("011 49 30 123456", "US", "+4930123456"),
        ("8005551212", "US", "+18005551212"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("030 123456", "DE", "+4930123456"),
        ("+49 (0)30 123456", "US", "+4930123456"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("06 1234567", "IT", "+39061234567"),
        ("+1 415 555 0100 ext. 5", "US", "+14155550100"),
        ("+15550100", None, "+15550100"),
        ("8005551212", None, None),
        ("18005551212", None, None),
        ("154", "US", None),
        ("154", "DE", None),
        ("112", "DE", None),
        ("*8005551212", "US", None),
        ("sip:8005551212@pbx", "US", None),
        ("anonymous", "US", None),
        ("8005551212", "XX", None),
        ("+123456", None, None),
        ("+1234567890123456", None, None),
        ("", "US", None),
        ("8" * 65, "US", None),
    ],
)
def test_a_number_has_one_form_however_it_is_written_and_what_is_none_has_none(
    text: str, country: str | None, expected: str | None
) -> None:
    assert NUMBERS.e164(text, country) == expected


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+1800", None, "+1800"),
        ("+1 (800)", "DE", "+1800"),
        ("0049", "US", "+49"),
        ("0800", "DE", "+49800"),
        ("30", "DE", "+4930"),
        ("1800", "US", "+1800"),
        ("06", "IT", "+3906"),
        ("0800", None, None),
        ("0800", "XX", None),
    ],
)
def test_the_beginning_of_numbers_is_read_as_it_is_dialled_in_the_country(
    text: str, country: str | None, expected: str | None
) -> None:
    assert NUMBERS.beginning(text, country) == expected


@given(st.text() | st.text("0123456789+-() *#x"), st.sampled_from(["US", "DE", "IT", "??", "", None]))
def test_no_text_raises_and_a_form_is_its_own_form(text: str, country: str | None) -> None:
    NUMBERS.beginning(text, country)
    number = NUMBERS.e164(text, country)
    assert number is None or (number[0] == "+" and number[1:].isdigit())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+4402079460123", "+442079460123"), ("+4903023125012", "+493023125012"), ("+390612345678", "+390612345678")],
)
def test_a_trunk_zero_behind_the_country_s_code_is_taken_off_where_the_plan_has_none(text: str, expected: str):
    assert NUMBERS.e164(text, None) == expected
