"""Exotel's Passthru applet and StatusCallback."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import parts_or_refusal, posted, read_form, read_json, read_query

PASSTHRU = {
    "AgentEmail": "jd@example.com",
    "CallFrom": "04427470100",
    "CallSid": "sid-1",
    "CallTo": "08047470199",
    "CallType": "completed",
    "Created": "Fri, 20 Nov 2026 15:30:00",
    "CurrentTime": "2026-11-20 15:33:25",
    "DialCallDuration": "195",
    "DialCallStatus": "completed",
    "DialWhomNumber": "04427470154",
    "Direction": "incoming",
    "EndTime": "2026-11-20 15:33:20",
    "ForwardedFrom": "null",
    "Legs": [{"CauseCode": "NORMAL_CLEARING", "Cause": "16", "OnCallDuration": "180", "Type": "single"}],
    "RecordingUrl": "https://s3.example/rec-1.mp3",
    "StartTime": "2026-11-20 15:30:00",
    "flow_id": "1",
}
CALLER = {
    "raw": "04427470100",
    "e164": "+914427470100",
    "national": "044 2747 0100",
    "digits": "04427470100",
    "anonymous": False,
}
DIALLED = {
    "raw": "08047470199",
    "e164": "+918047470199",
    "national": "080 4747 0199",
    "digits": "08047470199",
    "anonymous": False,
}
KEPT = (
    "CallFrom",
    "CallTo",
    "CallType",
    "Created",
    "CurrentTime",
    "DialCallDuration",
    "DialCallStatus",
    "DialWhomNumber",
    "Direction",
    "Legs",
    "flow_id",
)
FINISHED = {
    "id": "sid-1",
    "direction": "inbound",
    "external_number": "04427470100",
    "external": CALLER,
    "dnis": "08047470199",
    "dialled": DIALLED,
    "agent": {"extension": "04427470154", "email": "jd@example.com"},
    "started_at": "2026-11-20T10:00:00Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 180,
    "outcome": "answered",
    "hangup_cause": "NORMAL_CLEARING",
    "recording": {"state": "available", "url": "https://s3.example/rec-1.mp3"},
    "custom": {name: PASSTHRU[name] for name in KEPT},
}
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
INDIA = {"country": "IN"}


def part_of(**changed):
    [part] = read_json("exotel", {name: value for name, value in {**PASSTHRU, **changed}.items() if value is not None})
    return part


def test_a_passthru_that_tells_of_an_end_is_a_part_of_its_call():
    finished = CallEvent("sid-1:passthru:completed", "call.finished", ENDED, FINISHED)
    assert read_json("exotel", PASSTHRU, **INDIA) == [CallPart(finished, ("sid-1",))]


def test_a_form_and_a_query_write_the_legs_one_by_one():
    flat = {name: value for name, value in PASSTHRU.items() if name != "Legs"}
    flat |= {f"Legs[0][{name}]": value for name, value in PASSTHRU["Legs"][0].items()}
    expected = read_json("exotel", PASSTHRU, **INDIA)
    assert read_form("exotel", flat, **INDIA) == read_query("exotel", flat, **INDIA) == expected


def test_times_are_india_s_unless_the_source_has_a_zone_of_its_own():
    [part] = read_json("exotel", PASSTHRU, time_zone="Asia/Singapore")
    assert part.event.call["ended_at"] == "2026-11-20T07:33:20Z"


@pytest.mark.parametrize("stamp", ["1970-01-01 05:30:00", "0000-00-00 00:00:00", "null", "", None])
def test_an_end_of_1970_is_none(stamp):
    part = part_of(EndTime=stamp)
    assert ("ended_at" in part.event.call, "duration_seconds" in part.event.call) == (False, False)
    assert part.event.occurred_at == datetime(2026, 11, 20, 10, 3, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "status", "direction", "outcome"),
    [
        ("client-hangup", "canceled", "incoming", "missed"),
        ("client-hangup", "canceled", "outbound-dial", "cancelled"),
        ("incomplete", "no-answer", "incoming", "missed"),
        ("incomplete", "busy", "incoming", "busy"),
        ("incomplete", "failed", "incoming", "failed"),
        ("voicemail", "no-answer", "incoming", "voicemail"),
        ("voicemail", None, "incoming", "voicemail"),
        ("incomplete", None, "incoming", "missed"),
        ("completed", None, "incoming", "answered"),
    ],
)
def test_the_outcome_follows_what_the_applets_came_to(kind, status, direction, outcome):
    part = part_of(CallType=kind, DialCallStatus=status, Direction=direction)
    assert (part.event.call["outcome"], "talk_seconds" in part.event.call) == (outcome, outcome == "answered")


def test_a_call_that_goes_out_has_its_outside_number_where_it_went():
    call = part_of(Direction="outbound-dial").event.call
    assert (call["direction"], call["external_number"], call["agent"]) == (
        "outbound",
        "08047470199",
        {"email": "jd@example.com"},
    )


@pytest.mark.parametrize(
    ("leg", "cause"),
    [
        ({"CauseCode": "RING_TIMEOUT", "Cause": "1003"}, "RING_TIMEOUT"),
        ({"CauseCode": "1003", "Cause": "RING_TIMEOUT"}, "RING_TIMEOUT"),
        ({"CauseCode": "1003"}, "completed"),
        ("no leg", "completed"),
    ],
)
def test_the_cause_is_the_last_leg_s_word_wherever_it_stands(leg, cause):
    assert part_of(Legs=[leg]).event.call["hangup_cause"] == cause


@pytest.mark.parametrize(
    ("by", "state"), [("2026-11-20 15:35:00", "pending"), ("2026-11-20 15:33:00", "available"), (None, "available")]
)
def test_a_recording_s_link_comes_before_the_file(by, state):
    part = part_of(RecordingAvailableBy=by)
    assert part.event.call["recording"] == {"state": state, "url": "https://s3.example/rec-1.mp3"}


@pytest.mark.parametrize("url", ["null", "", None])
def test_a_call_without_a_recording_is_understood_all_the_same(url):
    assert "recording" not in part_of(RecordingUrl=url).event.call


STATUS = {
    "CallSid": "sid-1",
    "ConversationDuration": "180",
    "DateCreated": "2026-11-20 15:30:00",
    "DateUpdated": "2026-11-20 15:33:24",
    "Direction": "outbound-api",
    "EndTime": "2026-11-20 15:33:20",
    "EventType": "terminal",
    "From": "04427470154",
    "Legs[0][OnCallDuration]": "190",
    "Legs[1][OnCallDuration]": "180",
    "RecordingUrl": "https://s3.example/rec-1.mp3",
    "StartTime": "2026-11-20 15:30:00",
    "Status": "completed",
    "To": "04427470100",
}


def test_a_status_callback_says_that_the_call_is_over():
    [part] = read_form("exotel", STATUS, **INDIA)
    assert (part.event.source_event_id, part.keys, part.ends_call) == ("sid-1:completed", ("sid-1",), True)
    assert part.event.call == {
        "id": "sid-1",
        "direction": "outbound",
        "external_number": "04427470100",
        "external": CALLER,
        "dnis": "04427470100",
        "dialled": CALLER,
        "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:03:20Z",
        "duration_seconds": 200,
        "talk_seconds": 180,
        "outcome": "answered",
        "hangup_cause": "completed",
        "recording": {"state": "available", "url": "https://s3.example/rec-1.mp3"},
        "custom": {
            "DateCreated": "2026-11-20 15:30:00",
            "DateUpdated": "2026-11-20 15:33:24",
            "Direction": "outbound-api",
            "EventType": "terminal",
            "From": "04427470154",
            "Legs": [{"OnCallDuration": "190"}, {"OnCallDuration": "180"}],
            "Status": "completed",
            "To": "04427470100",
        },
    }


def test_the_four_fields_of_a_plain_status_callback_are_enough():
    plain = {"CallSid": "sid-1", "DateUpdated": "2026-11-20 15:33:24", "Status": "no-answer", "RecordingUrl": "null"}
    call = {
        "id": "sid-1",
        "outcome": "missed",
        "hangup_cause": "no-answer",
        "custom": {"DateUpdated": "2026-11-20 15:33:24", "Status": "no-answer"},
    }
    when = datetime(2026, 11, 20, 10, 3, 24, tzinfo=UTC)
    event = CallEvent("sid-1:no-answer", "call.finished", when, call)
    assert read_form("exotel", plain) == [CallPart(event, ("sid-1",), ends_call=True)]


@pytest.mark.parametrize("changed", [{"EventType": "answered"}, {"Status": "in-progress"}])
def test_a_status_callback_in_mid_call_is_no_event(changed):
    assert read_form("exotel", {**STATUS, **changed}) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"CallType": "call-attempt", "DialCallStatus": None},
        {"CallType": None, "DialCallStatus": None},
        {"CallType": None, "DialCallStatus": "in-progress"},
    ],
)
def test_a_passthru_in_mid_call_is_no_event(changed):
    assert read_json("exotel", {**PASSTHRU, "EndTime": "1970-01-01 05:30:00", **changed}) == []


def test_an_attempt_that_has_an_end_is_one():
    assert part_of(CallType="call-attempt", DialCallStatus=None).event.source_event_id == "sid-1:passthru:call-attempt"


def test_what_the_caller_typed_is_not_kept():
    [part] = read_json("exotel", {**PASSTHRU, "digits": '"1234"'}, **INDIA)
    assert part.event.call == FINISHED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The request has no CallSid, so it is neither a Passthru nor a StatusCallback of Exotel."),
        (b"CallSid=1&Status=teleported", "The Status is none that Exotel documents."),
        (b"CallSid=1&DialCallStatus=teleported", "The DialCallStatus is none that Exotel documents."),
    ],
)
def test_what_is_neither_is_not_understood(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["exotel"].parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


def test_exotel_is_answered_200_and_both_its_posts_are_waited_for():
    chosen = FORMATS["exotel"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST", "GET"}, 10)
    assert chosen.auth_kinds == {"basic", "query_token", "token"}


NAMES = st.sampled_from([*PASSTHRU, *STATUS, "RecordingAvailableBy"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    st.binary()
    | st.dictionaries(NAMES, TEXTS).map(lambda fields: urlencode({"CallSid": "1", "Status": "busy", **fields}).encode())
    | st.dictionaries(NAMES, VALUES | st.dictionaries(TEXTS, VALUES)).map(
        lambda fields: orjson.dumps({"CallSid": "1", "CallType": "completed", **fields})
    )
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("exotel", body) <= 1
