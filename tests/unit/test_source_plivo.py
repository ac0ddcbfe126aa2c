"""Plivo's voice callbacks, and the records of its REST API."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, read_form, read_json, read_query
from tests.unit.number_forms import JANE, OURS

HANGUP = {
    "AnswerTime": "2026-11-20 15:30:09+05:30",
    "BillDuration": "191",
    "BillRate": "0.0055",
    "CallStatus": "completed",
    "CallUUID": "call-1",
    "CallerName": "Jane Roe",
    "Direction": "inbound",
    "Duration": "191",
    "EndTime": "2026-11-20 15:33:20+05:30",
    "Event": "Hangup",
    "From": "14155550100",
    "HangupCause": "NORMAL_CLEARING",
    "HangupCauseCode": "4000",
    "HangupCauseName": "Normal Hangup",
    "HangupSource": "Caller",
    "STIRAttestation": "A",
    "STIRVerification": "Verified",
    "StartTime": "2026-11-20 15:30:00+05:30",
    "To": "18005551212",
}
KEPT = (
    "BillDuration",
    "BillRate",
    "CallStatus",
    "Direction",
    "Event",
    "From",
    "HangupCauseCode",
    "HangupCauseName",
    "HangupSource",
    "STIRAttestation",
    "STIRVerification",
    "To",
)
FINISHED = {
    "id": "call-1",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "14155550100",
    "external": {**JANE, "raw": "14155550100"},
    "dnis": "18005551212",
    "dialled": {**OURS, "raw": "18005551212"},
    "attestation": "A",
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "NORMAL_CLEARING",
    "custom": {name: HANGUP[name] for name in KEPT},
}
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)


def call_of(**changed):
    [part] = read_form("plivo", {**HANGUP, **changed})
    return part.event.call


def test_a_call_that_is_hung_up_is_finished():
    finished = CallEvent("call-1:hangup", "call.finished", ENDED, FINISHED)
    assert read_form("plivo", HANGUP) == [CallPart(finished, ("call-1",))]


def test_a_get_says_the_same_in_its_query():
    assert read_query("plivo", HANGUP) == read_form("plivo", HANGUP)


def test_numbers_without_a_plus_are_international_unless_the_source_says_otherwise():
    [part] = read_form("plivo", HANGUP, config={"numbers": {"assume_international": False}})
    assert "e164" not in part.event.call["external"]


@pytest.mark.parametrize(("zone", "ended"), [("UTC", "2026-11-20T15:33:20Z"), ("Asia/Kolkata", "2026-11-20T10:03:20Z")])
def test_a_time_without_an_offset_is_of_the_source_s_zone(zone, ended):
    [part] = read_form("plivo", {**HANGUP, "EndTime": "2026-11-20 15:33:20"}, time_zone=zone)
    assert part.event.call["ended_at"] == ended


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("busy", "busy"), ("failed", "failed"), ("timeout", "missed"), ("no-answer", "missed"), ("cancel", "cancelled")],
)
def test_a_call_that_never_came_about_is_finished_too(status, outcome):
    call = call_of(CallStatus=status, AnswerTime="", Duration="0", BillDuration="0", HangupCause="USER_BUSY")
    assert (call["outcome"], call["duration_seconds"]) == (outcome, 200)
    assert not {"answered_at", "talk_seconds", "ring_seconds"} & call.keys()


@pytest.mark.parametrize(
    ("cause", "direction", "outcome"),
    [
        ("NORMAL_CLEARING", "inbound", "missed"),
        ("USER_BUSY", "inbound", "busy"),
        ("ORIGINATOR_CANCEL", "outbound", "cancelled"),
        ("NORMAL_CLEARING", "outbound", None),
        (None, "outbound", None),
    ],
)
def test_completed_is_said_also_of_a_call_that_nobody_answered(cause, direction, outcome):
    call = call_of(AnswerTime="", BillDuration="0", HangupCause=cause, HangupCauseName=None, Direction=direction)
    assert call.get("outcome") == outcome


@pytest.mark.parametrize("changed", [{"BillDuration": "0"}, {"AnswerTime": ""}])
def test_a_time_of_answer_or_seconds_that_are_billed_show_an_answer(changed):
    assert call_of(HangupCause="ORIGINATOR_CANCEL", **changed)["outcome"] == "answered"


def test_without_an_answer_s_time_completed_is_believed():
    assert call_of(AnswerTime=None, BillDuration=None)["outcome"] == "answered"


@pytest.mark.parametrize(
    ("source", "ended_by"),
    [("Caller", "caller"), ("Callee", "callee"), ("Plivo", "system"), ("Carrier", None), (None, None)],
)
def test_who_hung_up_is_said_or_not(source, ended_by):
    assert call_of(HangupSource=source).get("ended_by") == ended_by


@pytest.mark.parametrize(
    ("verification", "letter", "expected"),
    [
        ("Verified", "B", "B"),
        ("Not Verified", "A", "failed"),
        ("Not Applicable", "A", None),
        ("Verified", "null", None),
        (None, "A", None),
    ],
)
def test_an_attestation_counts_where_it_was_verified(verification, letter, expected):
    assert call_of(STIRVerification=verification, STIRAttestation=letter).get("attestation") == expected


LEG = {**HANGUP, "CallUUID": "call-2", "Direction": "outbound", "To": "sip:john@phone.plivo.example"}


@pytest.mark.parametrize("name", ["ParentCallUUID", "ALegUUID"])
def test_a_leg_of_a_call_is_a_fact_of_it_and_no_call(name):
    leg = {**LEG, name: "call-1"}
    call = {"id": "call-1", "agent": {"id": "john"}, "custom": {"leg:call-2": leg}}
    updated = CallEvent("call-2:hangup", "call.updated", ENDED, call)
    assert read_form("plivo", leg) == [CallPart(updated, ("call-2", "call-1"), is_fact=True)]


def test_of_an_outbound_call_the_a_leg_is_itself():
    [part] = read_form("plivo", {**HANGUP, "ALegUUID": "call-1", "Direction": "outbound"})
    assert (part.is_fact, part.event.type) == (False, "call.finished")


DIALLED = {
    "CallStatus": "in-progress",
    "CallUUID": "call-1",
    "DialALegUUID": "call-1",
    "DialAction": "hangup",
    "DialBLegDuration": "180",
    "DialBLegStatus": "hangup",
    "DialBLegTo": "sip:john@phone.plivo.example",
    "DialBLegUUID": "call-2",
}


def test_the_callback_of_a_dial_tells_of_its_b_leg():
    call = {"id": "call-1", "agent": {"id": "john"}, "custom": {"leg:call-2": DIALLED}}
    updated = CallEvent("call-2:hangup", "call.updated", NOW, call)
    assert read_form("plivo", {**DIALLED, "DialDigitsMatch": "12"}) == [
        CallPart(updated, ("call-1", "call-2"), is_fact=True)
    ]


@pytest.mark.parametrize("changed", [{"DialBLegDuration": "0"}, {"DialBLegTo": "14155550199"}])
def test_a_b_leg_that_nobody_answered_or_that_a_number_did_names_no_agent(changed):
    [part] = read_form("plivo", {**DIALLED, **changed})
    assert "agent" not in part.event.call


@pytest.mark.parametrize("action", ["answer", "connected", "digits"])
def test_a_dial_under_way_is_no_event(action):
    assert read_form("plivo", {**DIALLED, "DialAction": action}) == []


RECORDING = {
    "CallUUID": "call-1",
    "RecordUrl": "https://media.plivo.example/rec-1.mp3",
    "RecordingDuration": "345",
    "RecordingDurationMs": "345100.00000",
    "RecordingID": "rec-1",
    "RecordingEndMs": "1407235509007.00000",
}


def test_a_recording_is_a_fact_whose_length_is_milliseconds_with_a_point():
    call = {
        "id": "call-1",
        "recording": {"state": "available", "url": RECORDING["RecordUrl"], "duration_seconds": 345},
        "custom": {"RecordingEndMs": "1407235509007.00000", "RecordingID": "rec-1"},
    }
    recorded = CallEvent("rec-1:recorded", "call.recorded", NOW, call)
    assert read_form("plivo", RECORDING) == [CallPart(recorded, ("call-1",), is_fact=True)]


def test_without_milliseconds_the_seconds_count():
    [part] = read_form("plivo", {**RECORDING, "RecordingDurationMs": None})
    assert part.event.call["recording"]["duration_seconds"] == 345


@pytest.mark.parametrize(
    "changed", [{"RecordingDurationMs": "-1"}, {"RecordingDurationMs": None, "RecordingDuration": "-1"}]
)
def test_a_recording_under_way_is_no_event(changed):
    assert read_form("plivo", {**RECORDING, **changed}) == []


def test_a_transcription_is_a_fact():
    told = {"CallUUID": "call-1", "RecordingID": "rec-1", "transcription": "Hello.", "transcription_rate": "0.05"}
    [part] = read_form("plivo", told)
    assert (part.event.source_event_id, part.event.type, part.is_fact) == (
        "rec-1:transcribed",
        "call.transcribed",
        True,
    )
    assert part.event.call["custom"] == {
        "RecordingID": "rec-1",
        "transcription": "Hello.",
        "transcription_rate": "0.05",
    }


def test_a_record_of_the_rest_api_is_the_same_call():
    record = {
        "answer_time": "2026-11-20 15:30:09+05:30",
        "bill_duration": 191,
        "call_direction": "inbound",
        "call_duration": 191,
        "call_uuid": "call-1",
        "end_time": "2026-11-20 15:33:20+05:30",
        "from_number": "+14155550100",
        "hangup_cause_name": "Normal Hangup",
        "initiation_time": "2026-11-20 15:30:00+05:30",
        "parent_call_uuid": None,
        "to_number": "18005551212",
        "total_amount": "0.00000",
    }
    [part] = read_json("plivo", record)
    assert (part.event.source_event_id, part.event.type, part.event.occurred_at) == (
        "call-1:hangup",
        "call.finished",
        ENDED,
    )
    same = ("started_at", "answered_at", "ended_at", "duration_seconds", "talk_seconds", "outcome", "direction")
    assert {name: part.event.call[name] for name in same} == {name: FINISHED[name] for name in same}
    assert part.event.call["custom"]["total_amount"] == "0.00000"


def test_a_record_of_an_unanswered_call_says_no_outcome_and_none_is_guessed():
    record = {"call_uuid": "call-1", "answer_time": None, "bill_duration": 0, "end_time": "2026-11-20 15:33:20+05:30"}
    [part] = read_json("plivo", {**record, "call_direction": "outbound"})
    assert "outcome" not in part.event.call


@pytest.mark.parametrize(
    "changed",
    [
        {"CallStatus": "ringing", "Event": "Ring"},
        {"CallStatus": "in-progress", "Event": "StartApp"},
        {"CallStatus": None, "Event": None, "EndTime": None},
    ],
)
def test_a_call_under_way_is_no_event(changed):
    assert read_form("plivo", {**HANGUP, **changed}) == []


def test_what_the_caller_typed_or_said_is_not_kept():
    assert call_of(Digits="1234", Speech="my PIN is one two") == FINISHED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The request has no CallUUID, so it is no voice callback of Plivo."),
        (b"CallStatus=completed", "The request has no CallUUID, so it is no voice callback of Plivo."),
        (b"CallUUID=1&CallStatus=teleported", "The CallStatus is none that Plivo documents."),
    ],
)
def test_what_is_no_callback_is_not_understood(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["plivo"].parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


def test_plivo_is_answered_200_and_its_legs_are_waited_for():
    chosen = FORMATS["plivo"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST", "GET"}, 3)
    assert chosen.auth_kinds == {"plivo", "basic", "query_token"}


NAMES = st.sampled_from([*HANGUP, *DIALLED, *RECORDING, "transcription", "call_uuid", "end_time"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    st.binary()
    | st.dictionaries(NAMES, TEXTS).map(
        lambda fields: urlencode({"CallUUID": "1", "Event": "Hangup", **fields}).encode()
    )
    | st.dictionaries(NAMES, VALUES | st.dictionaries(TEXTS, VALUES)).map(
        lambda fields: orjson.dumps({"CallUUID": "1", "EndTime": "2026-11-20 15:33:20+05:30", **fields})
    )
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("plivo", body) <= 1
