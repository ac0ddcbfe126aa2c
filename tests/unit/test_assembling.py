"""One call out of many records: seven calls as five kinds of call systems tell them, and each rule by itself."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.domain.assembling import MAX_LEGS, call_id_of, merged
from dispatcher.domain.call_fields import DIRECTIONS, OUTCOMES, RECORDING_STATES
from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import parse_event
from tests.unit.call_parts import (
    ALICE,
    ASTERISK,
    AVAYA,
    BEGIN,
    BOB,
    BUSINESS,
    CARL,
    FREESWITCH,
    JANE,
    SYSTEMS,
    at,
    cdr,
    contact,
    fs_a,
    fs_b,
    part,
    span,
)

PARTIES = {"direction": "inbound", "external_number": JANE, "dnis": BUSINESS}
ANSWERED = {"outcome": "answered", "duration_seconds": 200, "talk_seconds": 191, "ring_seconds": 9, **span(0, 9, 200)}
CONFERENCE = {"outcome": "answered", "duration_seconds": 300, "talk_seconds": 295, "ring_seconds": 5, **span(0, 5, 300)}
QUEUED = {
    "outcome": "answered", "duration_seconds": 200, "talk_seconds": 180, "ring_seconds": 20, **span(0, 20, 200),
    "agent": CARL, "group": "Sales",
}  # fmt: skip
ABANDONED = {"outcome": "abandoned", "duration_seconds": 40, **span(0, None, 40), "group": "Sales"}
VOICEMAIL = {"outcome": "voicemail", "duration_seconds": 70, **span(0, None, 70)}
HUNG_UP = {"outcome": "missed", "duration_seconds": 12, **span(0, None, 12)}
BY_CALLER = {"ended_by": "caller"}
CLEARED = {"hangup_cause": "NORMAL_CLEARING", "q850": 16}
CANCELLED = {"hangup_cause": "ORIGINATOR_CANCEL", "q850": 487}
IDS = {"freeswitch": "A", "asterisk": "171.1", "ringcentral": "s-1", "avaya": "1000017", "connect": "c-1"}

EXPECTED: dict[tuple[str, str], dict[str, Any]] = {
    ("freeswitch", "blind transfer"): {**ANSWERED, "agent": BOB, **CLEARED, **BY_CALLER},
    ("freeswitch", "attended transfer"): {**ANSWERED, "agent": BOB, **CLEARED, **BY_CALLER},
    ("freeswitch", "conference"): {**CONFERENCE, "agent": BOB, **CLEARED, **BY_CALLER},
    ("freeswitch", "queue"): {**QUEUED, **CLEARED, **BY_CALLER},
    ("freeswitch", "abandoned"): {**ABANDONED, "agent": BOB, **CLEARED, **BY_CALLER},
    ("freeswitch", "voicemail"): {**VOICEMAIL, "agent": ALICE, **CLEARED, **BY_CALLER},
    ("freeswitch", "hang-up while ringing"): {**HUNG_UP, "agent": ALICE, **CANCELLED, **BY_CALLER},
    ("asterisk", "blind transfer"): {**ANSWERED, "agent": BOB, "hangup_cause": "16", "q850": 16},
    ("asterisk", "attended transfer"): {**ANSWERED, "agent": BOB, "q850": 16},
    ("asterisk", "conference"): {**CONFERENCE, "agent": BOB, "q850": 16},
    ("asterisk", "queue"): {**QUEUED, "q850": 16},
    ("asterisk", "abandoned"): {**ABANDONED, "agent": BOB, **BY_CALLER},
    ("asterisk", "voicemail"): {**VOICEMAIL, "agent": ALICE},
    ("asterisk", "hang-up while ringing"): {**HUNG_UP, "agent": ALICE, "q850": 16},
    ("ringcentral", "blind transfer"): {**ANSWERED, "agent": BOB, **BY_CALLER},
    ("ringcentral", "attended transfer"): {**ANSWERED, "agent": BOB, "hold_seconds": 20},
    ("ringcentral", "conference"): {**CONFERENCE, "agent": ALICE},
    ("ringcentral", "queue"): QUEUED,
    ("ringcentral", "abandoned"): {**ABANDONED, "agent": ALICE, **BY_CALLER},
    ("ringcentral", "voicemail"): {**VOICEMAIL, "agent": ALICE},
    ("ringcentral", "hang-up while ringing"): {**HUNG_UP, "agent": ALICE, **BY_CALLER},
    ("avaya", "blind transfer"): {**ANSWERED, "agent": BOB, "hold_seconds": 4},
    ("avaya", "attended transfer"): {**ANSWERED, "agent": BOB, "hold_seconds": 35},
    ("avaya", "conference"): {**CONFERENCE, "agent": BOB},
    ("avaya", "queue"): QUEUED,
    ("avaya", "abandoned"): {**ABANDONED, "agent": BOB},
    ("avaya", "voicemail"): {**VOICEMAIL, "agent": ALICE},
    ("avaya", "hang-up while ringing"): {**HUNG_UP, "agent": ALICE, **BY_CALLER},
    ("connect", "blind transfer"): {**ANSWERED, "agent": BOB, "group": "Sales"},
    ("connect", "attended transfer"): {**ANSWERED, "agent": BOB},
    ("connect", "conference"): {**CONFERENCE, "agent": BOB},
    ("connect", "queue"): QUEUED,
    ("connect", "abandoned"): {**ABANDONED, **BY_CALLER},
    ("connect", "voicemail"): {**VOICEMAIL, "group": "Sales"},
    ("connect", "hang-up while ringing"): {**HUNG_UP, **BY_CALLER},
}


def test_every_call_of_every_system_is_expected_to_be_something():
    assert set(EXPECTED) == {(system, call) for system, calls in SYSTEMS.items() for call in calls}


@pytest.mark.parametrize(("system", "call"), EXPECTED)
def test_the_parts_become_one_call_in_whatever_order_they_come(system: str, call: str):
    for parts in permutations(SYSTEMS[system][call]):
        told = merged(parts, call_id_of(parts))
        told.pop("custom", None)
        assert told == {"id": IDS[system], **PARTIES, **EXPECTED[system, call]}


def only(*parts: CallPart) -> dict[str, Any]:
    return merged(parts, call_id_of(parts))


def test_what_each_leg_says_otherwise_is_kept_in_a_short_list():
    assert only(*FREESWITCH["hang-up while ringing"])["custom"] == {
        "legs": [{"started_at": at(1), "outcome": "cancelled", "dnis": "101"}]
    }
    legs = only(*AVAYA["blind transfer"])["custom"]["legs"]
    assert legs == [
        {"ended_at": at(60), "agent": ALICE},
        {"started_at": at(60), "answered_at": at(66)},
    ]


def test_a_leg_that_says_nothing_otherwise_is_not_listed_and_a_list_of_none_is_left_out():
    same = {"id": "A", "direction": "outbound", "outcome": "answered", **span(0, 9, 60)}
    parts = [part(name, ["A", name], {**same}) for name in ("A1", "A2")]
    assert "custom" not in only(*parts)
    rang = {"id": "A", "direction": "outbound", "outcome": "missed", **span(1, None, 9)}
    assert only(*parts, part("A3", ["A", "A3"], rang))["custom"] == {
        "legs": [{"started_at": at(1), "ended_at": at(9), "outcome": "missed"}]
    }


def test_the_list_of_legs_is_bounded_and_a_call_of_one_leg_has_none():
    many = [fs_b(f"B{number:02}", ALICE, "missed", span(number, None, 60)) for number in range(MAX_LEGS + 5)]
    assert len(only(*many)["custom"]["legs"]) == MAX_LEGS
    assert "custom" not in only(*ASTERISK["hang-up while ringing"])


def test_the_cause_of_an_answered_call_is_not_that_of_a_telephone_that_stopped_ringing_in_the_same_second():
    rang = {"id": "A", "outcome": "missed", "agent": ALICE, "hangup_cause": "NO ANSWER", **span(0, None, 5)}
    took = {"id": "A", "outcome": "answered", "agent": BOB, "hangup_cause": "ANSWERED", **span(0, 1, 5)}
    for parts in permutations([part("1", ["A"], rang), part("2", ["A"], took)]):
        assert (only(*parts)["outcome"], only(*parts)["hangup_cause"]) == ("answered", "ANSWERED")


def test_one_leg_alone_is_told_as_it_is():
    call = {
        "id": "A", "direction": "outbound", "outcome": "busy", **span(0, None, 8), "duration_seconds": 7, "q850": 17,
        "tags": ["vip"], "custom": {"uuid": "A"}, "caller_name": "Jane Roe", "recording": {"state": "none"},
    }  # fmt: skip
    assert only(part("A:hangup", ["A"], call)) == call


def test_a_record_that_comes_again_with_more_stands_for_the_one_before():
    first, again = (
        contact("c-1", "answered", span(0, 9, 60), hold_seconds=4),
        contact("c-1", "answered", span(0, 9, 60), 2, hold_seconds=4, custom={"survey": 4}),
    )
    told = only(again, first)
    assert (told["hold_seconds"], told["custom"]) == (4, {"survey": 4})


def test_a_telephone_that_rang_at_the_same_moment_hides_none_that_answered():
    rang = [cdr(number, outcome, span(0, 5 if outcome == "answered" else None, 60)) for number, outcome in
            enumerate(("missed", "answered", "missed"))]  # fmt: skip
    for each in permutations(rang):
        assert (only(*each)["outcome"], only(*each)["answered_at"]) == ("answered", at(5))


def test_without_times_the_legs_own_sums_are_told_and_side_by_side_ones_count_once():
    one, two = ({"id": "A", "outcome": "answered", "agent": each, "duration_seconds": seconds, "talk_seconds": 10}
                for each, seconds in ((ALICE, 30), (BOB, 40)))  # fmt: skip
    told = only(part("1", ["A"], one, when=30), part("2", ["A"], two, when=70))
    assert (told["duration_seconds"], told["talk_seconds"]) == (70, 20)
    overlapping = only(
        fs_a("answered", span(0, 9, 200), hold_seconds=20), fs_b("B", BOB, "answered", span(5, 9, 200), hold_seconds=15)
    )
    assert overlapping["hold_seconds"] == 20


def test_the_word_of_a_leg_that_spans_the_call_comes_before_a_reckoning():
    told = only(
        fs_a("answered", span(0, 9, 200), duration_seconds=201, talk_seconds=190, ring_seconds=8),
        fs_b("B", BOB, "answered", span(5, 9, 200)),
    )
    assert (told["duration_seconds"], told["talk_seconds"], told["ring_seconds"]) == (201, 190, 8)


def test_tags_and_account_codes_are_united_in_order():
    one = fs_a("answered", span(0, 9, 200), tags=["vip", "de"], account_codes=["1"])
    two = fs_b("B", BOB, "answered", span(1, 9, 200), tags=["de", "late"])
    assert (only(two, one)["tags"], only(two, one)["account_codes"]) == (["vip", "de", "late"], ["1"])


def recorded(state: str, when: float, **said: Any) -> CallPart:
    call = {"id": "A", "recording": {"state": state, **said}}
    return part(f"r-{state}-{when}", ["A"], call, kind="call.recorded", when=when, is_fact=True)


def test_a_recording_that_is_available_stays_so():
    url = "https://pbx.example/rec/7f9c.wav"
    call = fs_a("answered", span(0, 9, 200), recording={"state": "expected"})
    facts = (recorded("available", 205, url=url), recorded("pending", 206, duration_seconds=191))
    assert only(*facts, call)["recording"] == {"state": "available", "url": url, "duration_seconds": 191}


def test_a_fact_adds_what_it_says_and_is_no_leg():
    fact = part("d-1", ["A"], {"id": "x", "disposition": "Call back", "custom": {"note": "x"}, "agent": BOB},
                kind="call.disposed", when=300, is_fact=True)  # fmt: skip
    told = only(fact, fs_a("answered", span(0, 9, 200), agent=ALICE, custom={"uuid": "A"}))
    assert (told["id"], told["disposition"], told["agent"]) == ("A", "Call back", ALICE)
    assert (told["custom"], told["ended_at"]) == ({"uuid": "A", "note": "x"}, at(200))


def test_a_message_that_was_left_makes_a_missed_call_a_voicemail():
    left = part("v-1", ["A"], {"id": "A"}, kind="voicemail.left", when=71, is_fact=True)
    assert only(fs_a("answered", span(0, 25, 70)), left)["outcome"] == "voicemail"
    assert only(fs_a("missed", span(0, None, 70)), left)["outcome"] == "voicemail"


def test_the_other_forms_of_a_number_are_of_the_same_leg_as_the_number():
    there = {"raw": "+442079460000", "e164": "+442079460000"}
    call = {"id": "A", "direction": "outbound", "outcome": "answered", "external_number": "+442079460000",
            "external": there, **span(60, 66, 200)}  # fmt: skip
    told = only(fs_a("answered", span(0, 9, 200), external={"raw": JANE}), part("B", ["A"], call))
    assert (told["external_number"], told["external"], told["direction"]) == ("+442079460000", there, "inbound")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [(["failed", "busy"], "busy"), (["busy", "missed"], "missed"), (["failed", "answered"], "answered")],
)
def test_a_dialler_s_attempts_follow_each_other(outcomes: list[str], expected: str):
    tries = [
        part(
            str(at), ["A"], {"id": "A", "direction": "outbound", "outcome": outcome, **span(at * 10, None, at * 10 + 9)}
        )
        for at, outcome in enumerate(outcomes)
    ]
    assert only(*tries)["outcome"] == expected


def test_of_telephones_that_were_busy_or_rang_in_vain_the_caller_was_missed():
    rang = [cdr(number, outcome, span(number, None, 30), agent=agent) for number, (outcome, agent) in
            enumerate((("busy", ALICE), ("missed", BOB), ("failed", CARL)))]  # fmt: skip
    assert only(*rang)["outcome"] == "missed"


def test_the_call_s_id_is_what_the_earliest_leg_knows():
    early, late = fs_a("answered", span(0, 9, 200)), part("C", ["A", "C"], {"id": "C", **span(60, 66, 200)})
    assert call_id_of([late, early]) == "A"
    unsure = [part(name, ["k"], {"id": name, **span(0, None, 9)}) for name in ("x", "y")]
    third = part("z", ["k"], {"id": "y", **span(5, None, 9)})
    assert call_id_of([*unsure, third]) == "y"


def test_a_call_of_facts_alone_says_what_they_say():
    assert only(recorded("pending", 5)) == {"id": "A", "recording": {"state": "pending"}}


def _some_calls() -> st.SearchStrategy[dict[str, Any]]:
    seconds = st.integers(0, 120)
    times = st.fixed_dictionaries(
        {}, optional={name: seconds.map(at) for name in ("started_at", "answered_at", "ended_at")}
    )
    said = st.fixed_dictionaries(
        {"id": st.sampled_from("AB")},
        optional={
            "outcome": st.sampled_from(OUTCOMES),
            "direction": st.sampled_from(DIRECTIONS),
            "agent": st.sampled_from((ALICE, BOB)),
            "group": st.sampled_from(("Sales", "Front")),
            "dnis": st.sampled_from((BUSINESS, "101")),
            "talk_seconds": seconds,
            "hold_seconds": seconds,
            "q850": st.integers(1, 127),
            "tags": st.lists(st.sampled_from("xyz"), min_size=1, max_size=3),
            "recording": st.fixed_dictionaries({"state": st.sampled_from(RECORDING_STATES)}),
            "custom": st.dictionaries(st.sampled_from("uv"), seconds, min_size=1, max_size=2),
        },
    )
    return st.builds(lambda one, other: one | other, said, times)


@given(
    st.lists(st.tuples(_some_calls(), st.booleans(), st.integers(0, 120)), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_whatever_parts_say_they_become_one_canonical_call_in_any_order(parts, random):
    made = [
        part(str(place), ["A"], call, when=when, is_fact=is_fact) for place, (call, is_fact, when) in enumerate(parts)
    ]
    told = only(*made)
    random.shuffle(made)
    assert only(*made) == told
    raw = {"id": "1", "type": "call.finished", "call": told}
    assert parse_event(raw, BEGIN).call == told


def test_news_of_one_channel_are_told_as_the_call_that_they_are():
    """As a proxy tells it: answered with the parties, later the end with nothing but its time."""
    answered = {"id": "A", **PARTIES, "outcome": "answered", "answered_at": at(9)}
    told = only(
        part("A:answered", ["A"], answered, kind="x.proxy.answered", when=9),
        part("A:bye", ["A"], {"id": "A", "ended_at": at(200)}, ends_call=True),
    )
    assert told == {**answered, "ended_at": at(200), "talk_seconds": 191}


def test_segments_that_say_how_long_they_took_but_not_when_they_ended_follow_each_other():
    first = {"id": "A", "outcome": "answered", "agent": ALICE, "started_at": at(0), "answered_at": at(7),
             "duration_seconds": 31, "hold_seconds": 11}  # fmt: skip
    last = {**first, "agent": BOB, "ended_at": at(21), "duration_seconds": 21, "hold_seconds": 0}
    told = only(part("1", ["A"], first, kind="x.pbx.segment", when=31), part("2", ["A"], last, when=21))
    assert (told["duration_seconds"], told["ended_at"], told["hold_seconds"]) == (52, at(52), 11)
