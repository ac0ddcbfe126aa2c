"""Twilio's StatusCallback and RecordingStatusCallback."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from dispatcher.sources.twilio import parse
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, said_in
from tests.unit.number_forms import JANE, OURS

ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)
STATUS = {
    "AccountSid": "AC100",
    "CallSid": "CA100",
    "CallStatus": "completed",
    "CallDuration": "191",
    "Duration": "4",
    "CallbackSource": "call-progress-events",
    "Direction": "inbound",
    "From": "+14155550100",
    "To": "+18005551212",
    "CallerName": "Jane Roe",
    "SequenceNumber": "3",
    "SipResponseCode": "200",
    "StirVerstat": "TN-Validation-Passed-A",
    "Timestamp": "Fri, 20 Nov 2026 10:03:20 +0000",
}
KEPT = ("AccountSid", "CallbackSource", "Direction", "Duration", "From", "SequenceNumber", "StirVerstat", "To")
FINISHED = {
    "id": "CA100",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "attestation": "A",
    "started_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 191,
    "talk_seconds": 191,
    "outcome": "answered",
    "hangup_cause": "completed",
    "sip_code": 200,
    "custom": {name: STATUS[name] for name in KEPT},
}
RECORDING = {
    "AccountSid": "AC100",
    "CallSid": "CA100",
    "RecordingSid": "RE100",
    "RecordingUrl": "https://api.twilio.example/2010-04-01/Accounts/AC100/Recordings/RE100",
    "RecordingStatus": "completed",
    "RecordingDuration": "189",
    "RecordingChannels": "2",
}


def read(fields):
    """Of parts: the events that they would be alone."""
    return [each.event if isinstance(each, CallPart) else each for each in parts(fields)]


def parts(fields):
    return parse(posted(urlencode(said_in(fields)).encode()), SourceSettings())


def status_call(**changed):
    [event] = read({**STATUS, **changed})
    return event.call


def test_a_completed_call_is_finished_unless_legs_of_it_follow():
    finished = CallEvent("CA100:completed", "call.finished", ENDED, FINISHED)
    assert parts(STATUS) == [CallPart(finished, ("CA100",))]


def test_a_get_says_the_same_in_its_query():
    got = parse(posted(method="GET", query=STATUS.items()), SourceSettings())
    assert got == [CallPart(CallEvent("CA100:completed", "call.finished", ENDED, FINISHED), ("CA100",))]


def test_a_form_s_own_fields_count_and_not_the_address_s():
    query = [("CallSid", "CA999"), ("crm", "1")]
    assert parse(posted(urlencode(STATUS).encode(), query=query), SourceSettings())[0].event.call == FINISHED


def test_the_retry_of_a_callback_has_the_same_event_id():
    later = {**STATUS, "SequenceNumber": "4", "Timestamp": "Fri, 20 Nov 2026 10:04:20 +0000"}
    assert read(later)[0].source_event_id == read(STATUS)[0].source_event_id == "CA100:completed"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("busy", "busy"), ("no-answer", "missed"), ("failed", "failed"), ("canceled", "cancelled")],
)
def test_a_call_that_never_came_about_is_finished_too(status, outcome):
    [event] = read({**STATUS, "CallStatus": status, "CallDuration": "0", "SipResponseCode": "487"})
    expected = {**FINISHED, "duration_seconds": 0, "outcome": outcome, "hangup_cause": status, "sip_code": 487}
    del expected["started_at"], expected["talk_seconds"]
    assert event == CallEvent(f"CA100:{status}", "call.finished", ENDED, expected)


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress", "answered", "", None])
def test_a_call_under_way_is_no_event(status):
    assert parts({**STATUS, "CallStatus": status}) == []


def test_a_status_that_nobody_documented_is_not_understood():
    with pytest.raises(NotUnderstood, match=r"^The CallStatus is none that Twilio documents\.$"):
        read({**STATUS, "CallStatus": "teleported"})


@pytest.mark.parametrize(
    "body", [b"", b"CallStatus=completed", b'{"CallSid": "CA100"}', b"CallSid=&CallStatus=completed"]
)
def test_what_names_no_call_is_not_understood(body):
    with pytest.raises(NotUnderstood, match=r"^The request has no CallSid, so it is no voice webhook of Twilio\.$"):
        parse(posted(body), SourceSettings())


def test_a_call_id_that_cannot_be_a_key_is_not_understood():
    with pytest.raises(NotUnderstood, match=r"^The record gives no id by which its call could be known\.$"):
        read({**STATUS, "CallSid": "C" * 300})


@pytest.mark.parametrize(
    ("stated", "direction", "outside"),
    [
        ("inbound", "inbound", "+14155550100"),
        ("outbound-api", "outbound", "+18005551212"),
        ("outbound-dial", "outbound", "+18005551212"),
        ("sideways", None, None),
        (None, None, None),
    ],
)
def test_the_outside_number_follows_the_direction(stated, direction, outside):
    call = status_call(Direction=stated)
    assert (call.get("direction"), call.get("external_number"), call["dnis"]) == (direction, outside, "+18005551212")


def test_a_client_is_one_of_our_own_people():
    call = status_call(Direction="outbound-dial", To="client:john")
    assert (call["agent"], call["dnis"], "external_number" in call) == ({"id": "john"}, "client:john", False)


def test_a_call_from_a_client_goes_out_although_it_comes_in_at_twilio():
    call = status_call(From="client:john", To="+14155550100")
    assert (call["direction"], call["agent"], call["external_number"]) == ("outbound", {"id": "john"}, "+14155550100")


def test_a_call_between_clients_is_internal():
    call = status_call(From="client:john", To="client:mary")
    assert (call["direction"], call["agent"], "external_number" in call) == ("internal", {"id": "john"}, False)


@pytest.mark.parametrize("number", ["anonymous", "+266696687", "Restricted"])
def test_a_hidden_caller_has_no_number(number):
    call = status_call(From=number)
    assert ("external_number" in call, call["external"]) == (False, {"raw": number, "anonymous": True})


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_a_call_from_the_api_that_nobody_took_has_no_legs_to_wait_for(status):
    [part] = parts({**STATUS, "CallStatus": status, "Direction": "outbound-api"})
    assert (part.ends_call, part.event.type) == (True, "call.finished")


@pytest.mark.parametrize("changed", [{"Direction": "inbound"}, {"CallStatus": "completed"}])
def test_any_other_call_may_have_legs(changed):
    [part] = parts({**STATUS, "CallStatus": "busy", "Direction": "outbound-api", **changed})
    assert part.ends_call is False


LEG = {**STATUS, "CallSid": "CA200", "ParentCallSid": "CA100", "Direction": "outbound-dial", "To": "client:john"}


def test_a_leg_of_a_call_is_a_fact_of_it_and_no_call():
    call = {"id": "CA100", "agent": {"id": "john"}, "custom": {"leg:CA200": LEG}}
    updated = CallEvent("CA200:completed", "call.updated", ENDED, call)
    assert parts(LEG) == [CallPart(updated, ("CA200", "CA100"), is_fact=True)]


@pytest.mark.parametrize(
    ("to", "status", "agent"),
    [
        ("client:john", "no-answer", None),
        ("sip:154@pbx.example;transport=udp", "completed", {"extension": "154"}),
        ("+14155550199", "completed", None),
        ("client:", "completed", None),
    ],
)
def test_who_answered_a_leg_is_the_agent_where_the_address_tells(to, status, agent):
    [event] = read({**LEG, "To": to, "CallStatus": status})
    assert event.call.get("agent") == agent


def test_a_leg_keeps_nothing_that_its_caller_typed():
    [event] = read({**LEG, "Digits": "1234"})
    assert event.call["custom"] == {"leg:CA200": LEG}


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [("machine_start", "voicemail"), ("machine_end_beep", "voicemail"), ("human", "answered"), ("fax", "answered")],
)
def test_an_answering_machine_that_twilio_heard_is_voicemail(heard, outcome):
    call = status_call(AnsweredBy=heard, Direction="outbound-api")
    assert (call["outcome"], call["custom"]["AnsweredBy"]) == (outcome, heard)


def test_a_machine_that_did_not_answer_is_none():
    assert status_call(AnsweredBy="machine_start", CallStatus="busy")["outcome"] == "busy"


def test_what_the_caller_typed_or_said_and_tokens_are_not_kept():
    secret = dict.fromkeys(["Digits", "FinishedOnKey", "SpeechResult", "CallToken", "StirPassportToken"], "1234")
    assert status_call(**secret) == FINISHED


@pytest.mark.parametrize(
    ("verstat", "expected"),
    [
        ("TN-Validation-Passed-B", "B"),
        ("TN-Validation-Passed-C-Diverted", "C"),
        ("TN-Validation-Failed-A", "failed"),
        ("TN-Validation-Failed", "failed"),
        ("No-TN-Validation", "none"),
        ("TN-Validation-Passed-Z", None),
        (None, None),
    ],
)
def test_the_attestation_is_what_the_network_said_and_never_guessed(verstat, expected):
    assert status_call(StirVerstat=verstat).get("attestation") == expected


@pytest.mark.parametrize(
    ("stamp", "ended"),
    [
        ("Fri, 20 Nov 2026 05:03:20 -0500", "2026-11-20T10:03:20Z"),
        ("Fri, 20 Nov 2026 10:03:20 GMT", "2026-11-20T10:03:20Z"),
        ("20 Nov 2026 10:03:20 -0000", "2026-11-20T10:03:20Z"),
    ],
)
def test_timestamps_of_rfc_2822_become_utc(stamp, ended):
    assert status_call(Timestamp=stamp)["ended_at"] == ended


@pytest.mark.parametrize(
    "stamp",
    [
        None,
        "",
        "soon",
        "Fri, 31 Feb 2026 10:03:20 +0000",
        "31 Dec 9999 23:59:59 -0100",
        "Thu, 01 Jan 1970 00:00:00 +0000",
    ],
)
def test_without_a_readable_timestamp_the_event_occurred_when_it_was_received(stamp):
    [event] = read({**STATUS, "Timestamp": stamp})
    assert (event.occurred_at, "ended_at" in event.call, "started_at" in event.call) == (NOW, False, False)


@pytest.mark.parametrize("seconds", ["-1", "1.5", "soon", "", None])
def test_a_duration_that_is_none_is_absent(seconds):
    assert "duration_seconds" not in status_call(CallDuration=seconds)


def test_a_sip_code_of_zero_is_none():
    assert "sip_code" not in status_call(SipResponseCode="0")


def test_a_duration_longer_than_history_leaves_the_start_open():
    call = status_call(CallDuration="9007199254740991")
    assert (call["duration_seconds"], "started_at" in call) == (2**53 - 1, False)


def test_a_status_callback_may_bring_the_recording_along():
    call = status_call(RecordingUrl=RECORDING["RecordingUrl"], RecordingDuration="189", RecordingSid="RE100")
    assert call["recording"] == {"state": "available", "url": RECORDING["RecordingUrl"], "duration_seconds": 189}


def test_a_completed_recording_is_recorded():
    call = {
        "id": "CA100",
        "recording": {"state": "available", "url": RECORDING["RecordingUrl"], "duration_seconds": 189},
        "custom": {"AccountSid": "AC100", "RecordingSid": "RE100", "RecordingChannels": "2"},
    }
    recorded = CallEvent("RE100:completed", "call.recorded", NOW, call)
    assert parts(RECORDING) == [CallPart(recorded, ("CA100",), is_fact=True)]


def test_what_record_took_down_is_a_message_that_was_left():
    [recorded, left] = read({**RECORDING, "RecordingSource": "RecordVerb"})
    assert [(each.source_event_id, each.type) for each in (recorded, left)] == [
        ("RE100:completed", "call.recorded"),
        ("RE100:voicemail", "voicemail.left"),
    ]
    assert recorded.call == left.call
    assert left.call["recording"]["state"] == "available"


@pytest.mark.parametrize("changed", [{"RecordingSource": "DialVerb"}, {"RecordingStatus": "absent"}])
def test_another_recording_is_no_message(changed):
    [event] = read({**RECORDING, "RecordingSource": "RecordVerb", **changed})
    assert event.type != "voicemail.left"


TRANSCRIPT = {
    "AccountSid": "AC100",
    "CallSid": "CA100",
    "CallStatus": "completed",
    "From": "+14155550100",
    "RecordingSid": "RE100",
    "TranscriptionSid": "TR100",
    "TranscriptionStatus": "completed",
    "TranscriptionText": "Please call me back. " * 200,
}


def test_a_transcription_is_a_fact_and_not_the_call_s_end():
    [part] = parts(TRANSCRIPT)
    assert (part.event.source_event_id, part.event.type, part.keys, part.is_fact) == (
        "TR100:completed",
        "call.transcribed",
        ("CA100",),
        True,
    )
    assert part.event.call["custom"]["TranscriptionText"] == TRANSCRIPT["TranscriptionText"].strip()
    assert "outcome" not in part.event.call


@pytest.mark.parametrize(
    "changed",
    [{"TranscriptionStatus": "failed"}, {"TranscriptionText": None}, {"TranscriptionEvent": "transcription-content"}],
)
def test_a_transcription_without_text_and_one_in_mid_call_are_no_event(changed):
    assert parts({**TRANSCRIPT, **changed}) == []


@pytest.mark.parametrize("status", ["absent", "failed"])
def test_a_recording_without_audio_updates_the_call(status):
    [event] = read({**RECORDING, "RecordingStatus": status})
    assert (event.source_event_id, event.type) == (f"RE100:{status}", "call.updated")
    assert event.call["recording"] == {"state": "failed"}


def test_a_recording_under_way_has_started():
    [event] = parts({**RECORDING, "RecordingStatus": "in-progress"})
    assert (event.source_event_id, event.type) == ("RE100:in-progress", "recording.started")
    assert event.call["recording"] == {"state": "pending"}


@pytest.mark.parametrize("status", ["paused", "processing", "stopped"])
def test_other_states_of_a_recording_are_no_event(status):
    assert read({**RECORDING, "RecordingStatus": status}) == []


def test_a_recording_without_an_id_is_known_by_its_call():
    fields = {name: text for name, text in RECORDING.items() if name != "RecordingSid"}
    assert read(fields)[0].source_event_id == "CA100:recording:completed"


def test_of_many_fields_the_first_64_by_name_are_kept_and_long_ones_are_cut():
    custom = status_call(**{f"A{n:03}": "x" * 3000 for n in range(200)})["custom"]
    assert custom == {f"A{n:03}": "x" * 2000 for n in range(64)}


def test_twilio_is_answered_204_and_may_get_or_post():
    chosen = FORMATS["twilio"]
    assert (chosen.success_status, chosen.success_body, chosen.methods) == (204, b"", {"POST", "GET"})
    assert chosen.auth_kinds == {"twilio", "basic", "token", "query_token"}
    assert chosen.quiet_seconds == 3


FORMS = st.dictionaries(
    st.sampled_from([*STATUS, *RECORDING, *TRANSCRIPT, "ParentCallSid", "RecordingSource"]),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
DUE = FORMS.map(lambda fields: urlencode({"CallStatus": "completed", "CallSid": "CA1", **fields}).encode())


@settings(max_examples=300, deadline=None)
@given(st.binary() | DUE)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("twilio", body) <= 2
