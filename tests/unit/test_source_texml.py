"""Telnyx TeXML: Twilio's callbacks with Telnyx's oddities."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.domain.shape import Reading
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, read_form, read_json, read_query
from tests.unit.number_forms import JANE, OURS

STATUS = {
    "AccountSid": "f558-1",
    "AnsweredTime": "2026-11-20T10:00:09Z",
    "CallDuration": "191",
    "CallInitiatedAt": "2026-11-20T10:00:00.000Z",
    "CallLegId": "leg-1",
    "CallQualityStats": '{"mos":4.2,"jitter":10}',
    "CallSessionId": "session-1",
    "CallSid": "v3:abc_1",
    "CallSidLegacy": "v3:abc_1",
    "CallStatus": "completed",
    "CallbackSource": "call-progress-events",
    "CallerName": "Jane Roe",
    "EndTime": "2026-11-20T10:03:20Z",
    "From": "+14155550100",
    "HangupCause": "normal_clearing",
    "HangupSource": "caller",
    "SequenceNumber": "3",
    "ShakenStirAttestation": "A",
    "ShakenStirValidated": "true",
    "Timestamp": "2026-11-20 10:03:20.731479Z",
    "To": "+18005551212",
}
KEPT = (
    "AccountSid",
    "CallLegId",
    "CallSessionId",
    "CallSidLegacy",
    "CallbackSource",
    "From",
    "HangupSource",
    "SequenceNumber",
    "ShakenStirAttestation",
    "ShakenStirValidated",
    "To",
)
FINISHED = {
    "id": "v3:abc_1",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "attestation": "A",
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "normal_clearing",
    "custom": {**{name: STATUS[name] for name in KEPT}, "CallQualityStats": {"mos": 4.2, "jitter": 10}},
}
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
OWN = {"config": {"own_numbers": ["+1 (800) 555-1212"]}}


def call_of(**changed):
    [part] = read_form("texml", {**STATUS, **changed}, **OWN)
    return part.event.call


def test_a_completed_call_is_finished():
    finished = CallEvent("v3:abc_1:completed", "call.finished", ENDED, FINISHED)
    assert read_form("texml", STATUS, **OWN) == [CallPart(finished, ("v3:abc_1", "session-1"))]


def test_json_and_a_query_say_the_same():
    assert read_json("texml", STATUS, **OWN) == read_query("texml", STATUS, **OWN) == read_form("texml", STATUS, **OWN)


def test_numbers_may_be_numbers_and_true_may_be_true():
    [part] = read_json(
        "texml", {**STATUS, "SequenceNumber": 3, "CallDuration": 191, "ShakenStirValidated": True}, **OWN
    )
    assert (part.event.call["talk_seconds"], part.event.call["attestation"]) == (191, "A")
    assert part.event.call["custom"]["SequenceNumber"] == 3


@pytest.mark.parametrize(
    ("stamp", "ended"),
    [
        ("2026-11-20 10:03:20.731479Z", "2026-11-20T10:03:20.731479Z"),
        ("2026-11-20T10:03:20Z", "2026-11-20T10:03:20Z"),
        ("Fri, 20 Nov 2026 10:03:20 +0000", "2026-11-20T10:03:20Z"),
        ("soon", None),
    ],
)
def test_a_timestamp_is_read_in_each_of_its_three_ways_of_writing(stamp, ended):
    assert call_of(EndTime=None, Timestamp=stamp).get("ended_at") == ended


def test_without_more_times_the_start_is_reckoned_back_from_the_end():
    call = call_of(EndTime=None, AnsweredTime=None, CallInitiatedAt=None, CallDuration="2")
    assert (call["started_at"], call["duration_seconds"]) == ("2026-11-20T10:03:18.731479Z", 2)
    assert "answered_at" not in call


@pytest.mark.parametrize(
    ("letter", "valid", "expected"),
    [("A", "true", "A"), ("B", None, "B"), ("C", "false", "failed"), (None, "false", None), ("Z", "true", None)],
)
def test_an_attestation_that_is_not_valid_has_failed(letter, valid, expected):
    assert call_of(ShakenStirAttestation=letter, ShakenStirValidated=valid).get("attestation") == expected


def test_statistics_that_are_no_json_stay_as_they_are():
    assert call_of(CallQualityStats="{mos")["custom"]["CallQualityStats"] == "{mos"


@pytest.mark.parametrize(("source", "ended_by"), [("callee", "callee"), ("unknown", None), (None, None)])
def test_who_hung_up_is_said_or_not(source, ended_by):
    assert call_of(HangupSource=source).get("ended_by") == ended_by


@pytest.mark.parametrize(
    ("caller", "dialled", "direction"),
    [
        ("+14155550100", "+18005551212", "inbound"),
        ("+18005551212", "+14155550100", "outbound"),
        ("+18005551212", "18005551212", "internal"),
        ("+14155550100", "+14155550199", None),
        ("sip:18005551212@pbx.example", "+14155550100", None),
    ],
)
def test_the_direction_is_told_by_the_business_s_own_numbers(caller, dialled, direction):
    assert call_of(From=caller, To=dialled).get("direction") == direction


def test_without_them_no_direction_is_guessed():
    [part] = read_form("texml", STATUS)
    assert ("direction" in part.event.call, "external_number" in part.event.call) == (False, False)


@pytest.mark.parametrize("given", ["+18005551212", [1], ["none"], [""]])
def test_own_numbers_that_are_none_are_refused(given):
    reading = Reading()
    FORMATS["texml"].read_config(reading, {"own_numbers": given}, "config")
    [fault] = reading.faults
    assert (fault["field"], fault["expected"]) == (
        "config.own_numbers",
        "a list of at most 10000 telephone numbers, each a text with digits",
    )


@pytest.mark.parametrize("config", [{}, {"own_numbers": None}, {"own_numbers": ["+18005551212"]}])
def test_own_numbers_are_fine_or_absent(config):
    reading = Reading()
    FORMATS["texml"].read_config(reading, config, "config")
    assert reading.faults == []


def test_a_leg_is_a_fact_of_its_parent_s_call():
    [part] = read_form(
        "texml", {**STATUS, "CallSid": "v3:abc_2", "ParentCallSid": "v3:abc_1", "To": "sip:154@pbx.example"}
    )
    assert (part.event.source_event_id, part.event.type, part.is_fact) == ("v3:abc_2:completed", "call.updated", True)
    assert part.keys == ("v3:abc_2", "v3:abc_1", "session-1")
    assert (part.event.call["id"], part.event.call["agent"]) == ("v3:abc_1", {"extension": "154"})


def test_a_recording_is_a_fact_whose_channels_are_a_number():
    recording = {
        "AccountSid": "f558-1",
        "CallSid": "v3:abc_1",
        "RecordingChannels": 1,
        "RecordingDuration": "5",
        "RecordingSid": "rec-1",
        "RecordingSource": "DialVerb",
        "RecordingStatus": "completed",
        "RecordingUrl": "https://recordings.example/rec-1.mp3",
    }
    call = {
        "id": "v3:abc_1",
        "recording": {"state": "available", "url": recording["RecordingUrl"], "duration_seconds": 5},
        "custom": {
            name: recording[name] for name in ("AccountSid", "RecordingChannels", "RecordingSid", "RecordingSource")
        },
    }
    recorded = CallEvent("rec-1:completed", "call.recorded", NOW, call)
    assert read_json("texml", recording) == [CallPart(recorded, ("v3:abc_1",), is_fact=True)]


@pytest.mark.parametrize("status", ["initiated", "ringing", "in-progress", "answered"])
def test_a_call_under_way_is_no_event(status):
    assert read_form("texml", {**STATUS, "CallStatus": status}) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"CallStatus=completed", "The request has no CallSid, so it is no voice webhook of TeXML."),
        (b"CallSid=v3:a&CallStatus=teleported", "The CallStatus is none that TeXML documents."),
        (b"{", "The body is not JSON (line 1, column 2)."),
    ],
)
def test_what_is_no_callback_is_not_understood(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["texml"].parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


def test_texml_is_answered_200_and_waits_for_legs():
    chosen = FORMATS["texml"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST", "GET"}, 3)
    assert (chosen.auth_kinds, chosen.config_members) == ({"telnyx", "query_token"}, ("own_numbers",))


VALUES = st.text(st.characters(codec="utf-8"), max_size=30)
FIELDS = st.dictionaries(st.sampled_from([*STATUS, "ParentCallSid", "RecordingStatus", "RecordingUrl"]), VALUES)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | VALUES
JSON = st.dictionaries(st.sampled_from([*STATUS, "x"]), SCALARS | st.lists(SCALARS) | st.dictionaries(VALUES, SCALARS))


@settings(max_examples=300, deadline=None)
@given(
    st.binary()
    | FIELDS.map(lambda fields: urlencode({"CallStatus": "completed", "CallSid": "v3:1", **fields}).encode())
    | JSON.map(lambda fields: orjson.dumps({"CallStatus": "completed", "CallSid": "v3:1", **fields}))
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("texml", body) <= 2
