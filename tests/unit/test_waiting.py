"""What a delivery waits for: the call as it is assembled, what is known of its recording, and the decision."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from dispatcher.domain.shape import Reading
from dispatcher.domain.waiting import (
    RELOOK_SECONDS,
    Follow,
    News,
    Over,
    Ready,
    Then,
    Wait,
    WaitFor,
    assembled,
    cycle_of,
    decide,
    read_follow,
    read_wait_for,
    recording_news,
)
from tests.unit.doubles import NOON, seconds

FINISHED = {
    "id": "a1",
    "type": "call.finished",
    "occurred_at": "2026-11-20T12:00:00Z",
    "call": {"id": "7f9c", "outcome": "answered", "agent": {"name": "John Doe"}, "recording": {"state": "expected"}},
}
RECORDED = {
    "id": "a2",
    "type": "call.recorded",
    "occurred_at": "2026-11-20T12:01:00Z",
    "call": {"id": "7f9c", "recording": {"state": "available", "url": "https://pbx.example/rec/7f9c.wav"}},
}
WRAPPED_UP = {
    "id": "a3",
    "type": "call.updated",
    "occurred_at": "2026-11-20T12:02:00Z",
    "call": {
        "id": "7f9c",
        "agent": {"email": "jd@example.com"},
        "disposition": "sale",
        "recording": {"state": "pending"},
    },
}


# --- the assembled call


@pytest.mark.parametrize("others", list(permutations([FINISHED, RECORDED, WRAPPED_UP])))
def test_a_call_is_assembled_from_its_events_in_whatever_order_they_are_read(others: tuple[dict[str, Any], ...]):
    context = assembled(FINISHED, others)
    assert {key: context[key] for key in ("id", "type", "occurred_at")} == {
        "id": "a1",
        "type": "call.finished",
        "occurred_at": "2026-11-20T12:00:00Z",
    }
    assert context["call"] == {
        "id": "7f9c",
        "outcome": "answered",
        "agent": {"name": "John Doe", "email": "jd@example.com"},
        "recording": {"state": "available", "url": "https://pbx.example/rec/7f9c.wav"},
        "disposition": "sale",
    }


def test_what_happened_later_overrides_what_was_said_before():
    corrected = {**WRAPPED_UP, "call": {"id": "7f9c", "outcome": "voicemail"}}
    assert assembled(FINISHED, [corrected])["call"]["outcome"] == "voicemail"
    earlier = {**corrected, "occurred_at": "2026-11-20T11:59:00Z"}
    assert assembled(FINISHED, [earlier])["call"]["outcome"] == "answered"


def test_assembling_changes_no_event():
    before = str([FINISHED, RECORDED, WRAPPED_UP])
    assembled(FINISHED, [RECORDED, WRAPPED_UP])
    assert str([FINISHED, RECORDED, WRAPPED_UP]) == before


# --- news of the recording


@pytest.mark.parametrize(
    ("call", "news"),
    [
        ({"recording": {"state": "available"}}, News.AVAILABLE),
        ({"recording": {"url": "https://pbx.example/r.wav"}}, News.AVAILABLE),
        ({"recording": {"state": "failed", "url": "https://pbx.example/r.wav"}}, News.FAILED),
        ({"recording": {"state": "none"}}, News.NEVER),
        ({"recording": {"state": "expected"}, "outcome": "missed"}, News.NOT_YET),
        ({"recording": {"state": "pending"}}, News.NOT_YET),
        ({"outcome": "answered"}, News.NOT_YET),
        ({"outcome": "voicemail"}, News.NOT_YET),
        ({}, News.NOT_YET),
        *(
            ({"outcome": outcome}, News.NEVER)
            for outcome in ("missed", "abandoned", "busy", "rejected", "cancelled", "failed")
        ),
    ],
)
def test_what_is_known_of_a_recording(call: dict[str, Any], news: News):
    assert recording_news(call) is news


# --- the decision


def decision(then: Then, call: dict[str, Any], after: float = 0) -> object:
    return decide(WaitFor(1200, then), None, call, None, NOON, NOON + timedelta(seconds=after))


@pytest.mark.parametrize("then", Then)
def test_a_delivery_waits_until_its_deadline_for_the_recording(then: Then):
    assert decision(then, {"outcome": "answered"}) == Wait(NOON + seconds(1200), "waiting for recording")
    assert decision(then, {"recording": {"state": "available"}}) == Ready()


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Then.SEND, Ready(partial=True)),
        (Then.SKIP, Over(Then.SKIP, "no recording within 1200 s")),
        (Then.DEAD, Over(Then.DEAD, "no recording within 1200 s")),
    ],
)
def test_after_the_deadline_the_policy_decides(then: Then, expected: object):
    assert decision(then, {"outcome": "answered"}, after=1200) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Then.SEND, Ready(partial=True)),
        (Then.SKIP, Over(Then.SKIP, "the recording failed")),
        (Then.DEAD, Over(Then.DEAD, "the recording failed")),
    ],
)
def test_a_recording_that_failed_is_waited_for_no_longer(then: Then, expected: object):
    assert decision(then, {"recording": {"state": "failed"}}) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Then.SEND, Ready(partial=True)),
        (Then.SKIP, Over(Then.SKIP, "the call has no recording")),
        (Then.DEAD, Over(Then.SKIP, "the call has no recording")),
    ],
)
def test_a_call_that_nobody_answered_waits_for_nothing_and_is_nobodys_failure(then: Then, expected: object):
    assert decision(then, {"outcome": "missed"}) == expected


FOLLOW = Follow("create-lead", 86_400, Then.DEAD)


def test_a_follower_waits_for_the_delivery_of_the_profile_it_follows_and_looks_again_by_itself():
    waiting = decide(None, FOLLOW, {}, None, NOON, NOON)
    assert waiting == Wait(NOON + seconds(RELOOK_SECONDS), "waiting for create-lead")
    assert decide(None, FOLLOW, {}, {}, NOON, NOON) == Ready()


def test_a_follower_that_has_waited_for_long_looks_less_often():
    follow = Follow("create-lead", 604_800, Then.DEAD)
    later = decide(None, follow, {}, None, NOON, NOON + seconds(86_400))
    assert later == Wait(NOON + seconds(86_400 + 21_600), "waiting for create-lead")


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (Then.SEND, Ready(partial=True)),
        (Then.SKIP, Over(Then.SKIP, "create-lead delivered nothing for this call within 600 s")),
        (Then.DEAD, Over(Then.DEAD, "create-lead delivered nothing for this call within 600 s")),
    ],
)
def test_after_its_deadline_the_policy_of_a_follower_decides(then: Then, expected: object):
    assert decide(None, Follow("create-lead", 600, then), {}, None, NOON, NOON + seconds(600)) == expected


def test_who_waits_for_both_waits_for_both():
    wait_for = WaitFor(60, Then.SEND)
    both = decide(wait_for, FOLLOW, {}, None, NOON, NOON)
    assert both == Wait(NOON + seconds(60), "waiting for recording; waiting for create-lead")
    assert isinstance(decide(wait_for, FOLLOW, {}, {}, NOON, NOON), Wait)
    assert decide(wait_for, FOLLOW, {}, {}, NOON, NOON + seconds(60)) == Ready(partial=True)
    assert isinstance(decide(wait_for, FOLLOW, {"recording": {"state": "available"}}, None, NOON, NOON), Wait)


# --- documents


def test_what_is_not_said_of_a_wait_has_defaults():
    reading = Reading()
    wait_for = read_wait_for(reading, {"recording": {"up_to_seconds": 1200}}, "trigger.wait_for")
    follow = read_follow(reading, {"profile": "create-lead"}, "follow", "attach")
    assert (wait_for, follow, reading.faults) == (
        WaitFor(1200, Then.SEND),
        Follow("create-lead", 259_200, Then.DEAD),
        [],
    )


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"recording": {}}, "w.recording.up_to_seconds"),
        ({"recording": {"up_to_seconds": 0}}, "w.recording.up_to_seconds"),
        ({"recording": {"up_to_seconds": 10**9}}, "w.recording.up_to_seconds"),
        ({"recording": {"up_to_seconds": 60, "then": "wait"}}, "w.recording.then"),
        ({"recording": 60}, "w.recording"),
        ({"transcript": {}}, "w.transcript"),
        ("recording", "w"),
    ],
)
def test_a_wait_that_cannot_be_is_refused_where_it_is_wrong(raw: object, field: str):
    reading = Reading()
    read_wait_for(reading, raw, "w")
    assert field in [fault["field"] for fault in reading.faults]


@pytest.mark.parametrize("raw", [{}, {"profile": 5}, {"profile": "No Name"}, {"profile": "attach"}])
def test_a_follower_names_another_profile(raw: object):
    reading = Reading()
    read_follow(reading, raw, "follow", "attach")
    assert [fault["field"] for fault in reading.faults] == ["follow.profile"]


# --- cycles


@pytest.mark.parametrize(
    ("follows", "way"),
    [
        ({}, []),
        ({"a": "b"}, []),
        ({"a": "b", "b": "a"}, ["a", "b", "a"]),
        ({"a": "b", "b": "c", "c": "a"}, ["a", "b", "c", "a"]),
        ({"a": "b", "b": "c", "c": "b"}, []),
    ],
)
def test_a_cycle_is_told_by_its_way(follows: dict[str, str], way: list[str]):
    assert cycle_of(follows, "a") == way
