"""Card numbers, security codes and keypad digits are not stored; ids, telephone numbers and times are."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dispatcher.domain.card_numbers import is_card_number, without_cards
from dispatcher.domain.event import parse_event
from dispatcher.domain.scrub import scrub_call
from dispatcher.ingest import new_event
from dispatcher.ports import Source
from tests.unit.doubles import NOON, SOURCE, WORKSPACE

VISA = "4111111111111111"
GERMAN_MOBILE = "4917012345675"
"""Of the one in ten that pass Luhn's check."""


def luhn(digits: str) -> str:
    """The digits with the check digit of ISO/IEC 7812-1 behind them, by the standard's own way of saying it."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


CARDS = st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True).map(luhn).filter(is_card_number)


@st.composite
def written(draw: Callable[[Any], Any]) -> tuple[str, str]:
    """A card number, and the same as somebody writes it: in groups, with one kind of gap between them."""
    digits: str = draw(CARDS)
    sizes = draw(st.sampled_from([[19], [4, 4, 4, 7], [4, 6, 9], [1] * 19, [5, 5, 5, 4], [2] * 10]))
    gap = draw(st.sampled_from([" ", "-", " - ", ".", ", ", "\u00a0", "  "]))
    ends = [0, *accumulate(sizes)]
    return digits, gap.join(digits[start:end] for start, end in pairwise(ends) if digits[start:end])


@given(
    written(),
    st.sampled_from(["", "card ", "Jane Roe paid with ", "note:", "3 times, "]),
    st.sampled_from(["", ".", " ok"]),
)
def test_a_card_number_is_masked_however_it_is_written(number: tuple[str, str], before: str, after: str):
    digits, text = number
    clean = without_cards(before + text + after)
    assert clean == before + "****" + digits[-4:] + after


@given(st.from_regex(r"[2-9][0-9]{12,18}", fullmatch=True).filter(lambda digits: not is_card_number(digits)))
def test_digits_that_do_not_pass_the_check_stay(digits: str):
    assert without_cards(f"order {digits} is late") == f"order {digits} is late"


@given(st.text())
def test_scrubbing_twice_is_scrubbing_once_and_an_untouched_text_is_the_same_object(text: str):
    once = without_cards(text)
    assert without_cards(once) == once
    assert once is text or once != text


@given(st.dictionaries(st.text(max_size=5), st.recursive(
    st.none() | st.booleans() | st.integers(-10**6, 10**6) | st.text(alphabet=st.characters(categories=["L"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)),
    max_size=3))  # fmt: skip
def test_a_call_without_digits_to_hide_is_the_same_object(custom: dict[str, Any]):
    call = {"id": VISA, "custom": custom, "tags": ["vip"], "disposition": "Call back"}
    assume(not any(name in custom for name in ("pin", "dtmf")))
    assert scrub_call(call) is call


@given(st.dictionaries(st.text(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5),
    max_size=3))  # fmt: skip
def test_no_call_is_too_strange_to_be_scrubbed(custom: dict[str, Any]):
    before = orjson.dumps(custom, option=orjson.OPT_NON_STR_KEYS) if _fits(custom) else None
    clean = scrub_call({"custom": custom})["custom"]
    assert set(clean) == set(custom)
    if before is not None:
        assert orjson.dumps(custom) == before  # what was given is not changed


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (VISA, "****1111"),
        ("4111 1111 1111 1111", "****1111"),
        ("4111-1111-1111-1111", "****1111"),
        ("Amex 3782 822463 10005, thanks", "Amex ****0005, thanks"),
        ("it is 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 yes", "it is ****1111 yes"),
        ("4111, 1111, 1111, 1111", "****1111"),
        ("order 12 4111111111111111", "order 12 ****1111"),
        ("card=4111111111111111&x=1", "card=****1111&x=1"),
        ("4111111111111111 5555555555554444", "****1111 ****4444"),
        ("call +49 170 12345675 4111 1111 1111 1111", "call +49 170 12345675 ****1111"),
        ("4111 1111 1111 1111 exp 12/28 123", "****1111 exp 12/28 ***"),
        ("the cvv is 1234", "the cvv is ***"),
        ("CVC: 321", "CVC: ***"),
        ("123 is the security code", "*** is the security code"),
        ("Prüfziffer 987", "Prüfziffer ***"),
    ],
)  # fmt: skip
def test_what_is_masked(text: str, clean: str):
    assert without_cards(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        f"rang +{GERMAN_MOBILE} back",
        "rang +49 170 12345675 back",
        f"rang 00{GERMAN_MOBILE} back",
        "https://pbx.example/rec/4111111111111111.wav",
        "550e8400-4e29-4111-1111-111111111111",
        "20261120100320",
        "1700000000000000",
        "555-0100 and 555-0101",
        "card ending in 1111",
        "order 123",
        "4111111111111112",
    ],
)
def test_what_is_left(text: str):
    assert without_cards(text) is text


def test_one_telephone_number_in_ten_passes_and_all_of_them_stay():
    assert is_card_number(GERMAN_MOBILE)
    call = {
        "id": VISA,
        "external_number": GERMAN_MOBILE,
        "dnis": GERMAN_MOBILE,
        "caller_name": GERMAN_MOBILE,
        "lead_id": VISA,
        "account_codes": [VISA],
        "custom": {
            "caller_id_number": GERMAN_MOBILE,
            "destinationNumber": GERMAN_MOBILE,
            "ani": GERMAN_MOBILE,
            "LeadId": VISA,
            "uuid": VISA,
            "start_uepoch": 1700000000000000,
            "answered_at": int(luhn("170000000000")),
            "callback": f"+{GERMAN_MOBILE}",
        },
    }
    assert scrub_call(call) is call


def test_custom_fields_are_scrubbed_at_any_depth_and_the_given_call_is_not_changed():
    notes = {"notes": [{"by": "Jane Roe", "text": f"card {VISA}"}], "card_number": int(VISA), "card_id": VISA}
    call = {"id": "7f9c", "disposition": f"paid {VISA}", "tags": ["vip", VISA], "custom": {"deep": {"er": notes}}}
    before = orjson.dumps(call)
    assert scrub_call(call) == {
        "id": "7f9c",
        "disposition": "paid ****1111",
        "tags": ["vip", "****1111"],
        "custom": {
            "deep": {
                "er": {
                    "notes": [{"by": "Jane Roe", "text": "card ****1111"}],
                    "card_number": "****1111",
                    "card_id": "****1111",
                }
            }
        },
    }
    assert orjson.dumps(call) == before


def test_what_was_typed_is_not_kept_in_part():
    custom = {
        "dtmf": "1234#",
        "Digits": "9",
        "ivr_input": [1, "22", {"again": "333"}],
        "cvv": 123,
        "pin": "4711",
        "dtmf_type": "rfc2833",
        "digits_dialed": "none",
        "dtmf_log": None,
    }
    assert scrub_call({"custom": custom})["custom"] == {
        "dtmf": "****",
        "Digits": "****",
        "ivr_input": ["****", "****", {"again": "****"}],
        "cvv": "****",
        "pin": "****",
        "dtmf_type": "rfc2833",
        "digits_dialed": "none",
        "dtmf_log": None,
    }


def test_prose_in_a_field_named_for_a_number_is_looked_at():
    assert scrub_call({"custom": {"reference": f"his card {VISA}"}}) == {"custom": {"reference": "his card ****1111"}}


@pytest.mark.parametrize(
    ("config", "kept"), [({}, "paid ****1111"), ({"scrub": True}, "paid ****1111"), ({"scrub": False}, f"paid {VISA}")]
)
def test_an_event_is_stored_scrubbed_unless_its_source_is_told_otherwise(config: dict[str, Any], kept: str):
    source = Source(SOURCE, WORKSPACE, "pbx", "generic", None, "UTC", None, config)
    event = parse_event({"type": "call.finished", "call": {"id": VISA, "disposition": f"paid {VISA}"}}, NOON)
    stored = orjson.loads(new_event(event, source, lambda: datetime.now(UTC)).body)
    assert stored["call"] == {"id": VISA, "disposition": kept}


def test_a_text_of_megabytes_costs_time_in_proportion_only():
    """Each is as bad as it gets for one of the expressions; a quadratic one would need hours for them."""
    random = Random(1)
    spaced = " ".join(random.choice("123456789") for _ in range(50_000))
    for text in (
        spaced,
        "9" * 300_000,
        "h" * 300_000 + "cvv 1",
        "cvv " * 70_000 + "1",
        "5 5 5 5 5 5 5 5 5 5 5 5 a" * 9_000,
    ):
        without_cards(text)


def test_beyond_a_hundred_thousand_digits_of_one_text_every_long_run_is_masked_whole():
    filler = "1234567890123 x " * 7_691
    assert without_cards(f"{filler}4111111111111111").endswith(" x ****1111")
    assert without_cards(f"{filler}1234567890123 x 4111111111111111 or +4915112345678").endswith(" x **** or +****")


@given(st.integers(1_100_000_000_000_000, 2_199_999_999_999_999).map(str).map(lambda digits: luhn(digits[:15])))
def test_epoch_microseconds_that_pass_the_check_stay_in_a_note_too(ticks: str):
    assert is_card_number(ticks) is False
    assert without_cards(f"agent logged in at {ticks}") == f"agent logged in at {ticks}"


def test_the_forms_of_a_number_stay():
    number = {"raw": GERMAN_MOBILE, "e164": f"+{GERMAN_MOBILE}", "digits": GERMAN_MOBILE, "anonymous": False}
    call = {"id": "7f9c", "external": number, "dialled": number}
    assert scrub_call(call) is call


@pytest.mark.parametrize("name", ["src", "dst", "cnum", "dialed_number", "rdnis", "sequence", "session_id", "channel"])
def test_a_field_that_a_pbx_names_for_a_number_or_an_id_keeps_it(name: str):
    call = {"id": "7f9c", "custom": {name: GERMAN_MOBILE}}
    assert scrub_call(call) is call


PAID = (
    "Cust. Jane Roe called re invoice 2026-11-0042, wants call back on +1 (415) 555-0100 before 5pm. "
    "Took pymt by phone: {}, auth 004211. Ref INV-20261120-77."
)
BEZAHLT = "Kd. möchte Rückruf unter 030 23125012 oder +49 170 12345675; zahlt mit {}."
NO_CARD = "call 7f9c2b44-550e-4e29-a716-446655440000, https://pbx.example/rec/4111111111111111.wav, ext 154, 3 min {}"


@pytest.mark.parametrize(
    ("note", "written", "kept"),
    [
        (PAID, "4111 1111 1111 1111 exp 12/28 cvv 123", "****1111 exp 12/28 cvv ***"),
        (BEZAHLT, "5555-5555-5555-4444, Prüfziffer 987", "****4444, Prüfziffer ***"),
        (NO_CARD, "20 s", "20 s"),
    ],
)
def test_notes_as_agents_write_them(note: str, written: str, kept: str):
    assert without_cards(note.format(written)) == note.format(kept)
