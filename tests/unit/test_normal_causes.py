"""Causes by Q.850, by SIP and in words; and what is known of who vouches for a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.call_fields import ATTESTATIONS, OUTCOMES
from dispatcher.sources.normal.causes import (
    attestation,
    name_of_q850,
    outcome_of_q850,
    outcome_of_sip,
    outcome_of_word,
)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (16, None),
        (31, None),
        (17, "busy"),
        ("17", "busy"),
        (18, "missed"),
        (19, "missed"),
        (102, "missed"),
        (21, "rejected"),
        (26, "cancelled"),
        (1, "failed"),
        (34, "failed"),
        (126, "failed"),
        (0, None),
        ("", None),
        (None, None),
        (128, None),
        (487, None),
        (-1, None),
    ],
)
def test_a_cause_of_q850(code: object, outcome: str | None):
    assert outcome_of_q850(code) == outcome


def test_a_cause_has_the_name_that_freeswitch_gives_it():
    assert [name_of_q850(code) for code in (16, "17", 126, None)] == ["NORMAL_CLEARING", "USER_BUSY", None, None]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, "answered"),
        ("sip:200", "answered"),
        ("486", "busy"),
        (600, "busy"),
        (408, "missed"),
        (480, "missed"),
        (487, "cancelled"),
        (603, "rejected"),
        (607, "rejected"),
        (608, "rejected"),
        (404, "failed"),
        (503, "failed"),
        (604, "failed"),
        (180, None),
        (302, None),
        (401, None),
        (407, None),
        (700, None),
        ("", None),
        (None, None),
    ],
)
def test_a_final_status_of_sip(code: object, outcome: str | None):
    assert outcome_of_sip(code) == outcome


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("ANSWERED", "answer", "completed"), "answered"),
        (("busy", "BUSY", "USER_BUSY", "user-busy"), "busy"),
        (("no-answer", "NO ANSWER", "NOANSWER", "noAnswer", "missed", "timeout", "ALLOTTED_TIMEOUT"), "missed"),
        (("rejected", "CALL_REJECTED", "declined"), "rejected"),
        (("canceled", "cancelled", "cancel", "ORIGINATOR_CANCEL", "LOSE_RACE"), "cancelled"),
        (("failed", "CONGESTION", "notFound", "CHANUNAVAIL", "UNALLOCATED_NUMBER"), "failed"),
        (("voicemail",), "voicemail"),
        (("abandoned", "Abandon"), "abandoned"),
        (("normalClearing", "NORMAL_CLEARING", "hangup", "", "null", None, 17, "x" * 65), None),
    ],
)
def test_a_word_of_a_vendor(words: tuple[object, ...], outcome: str | None):
    assert [outcome_of_word(word) for word in words] == [outcome] * len(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", "A"),
        ("b", "B"),
        ("full", "A"),
        ("partial", "B"),
        ("Gateway", "C"),
        ("TN-Validation-Passed-A", "A"),
        ("TN-Validation-Passed-C", "C"),
        ("TN-Validation-Passed-B-Passthrough", "B"),
        ("TN-Validation-Failed", "failed"),
        ("TN-Validation-Failed-A", "failed"),
        ("No-TN-Validation", "none"),
        ("none", "none"),
        ("<sip:+14155550100@pbx.example;verstat=TN-Validation-Passed-A>", "A"),
        ("sip:+14155550100;verstat=No-TN-Validation@pbx.example", "none"),
        ("TN-Validation-Passed", None),
        ("verstat=TN-Validation-Passed", None),
        ("D", None),
        ("", None),
        (None, None),
        (True, None),
        ("verstat=" * 1_000_000, None),
    ],
)
def test_an_attestation_is_never_concluded(text: object, expected: str | None):
    assert attestation(text) == expected


@given(st.text() | st.integers() | st.none() | st.floats() | st.lists(st.text()))
def test_whatever_comes_gives_a_canonical_word_or_none(value: object):
    for outcome in (outcome_of_q850(value), outcome_of_sip(value), outcome_of_word(value)):
        assert outcome is None or outcome in OUTCOMES
    assert attestation(value) is None or attestation(value) in ATTESTATIONS
