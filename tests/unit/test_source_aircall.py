"""Aircall's webhooks: the end of a call, and what is known of it later."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.sources import FORMATS
from tests.unit.cloud_house import NOW, encoded, read, read_one, refusal, told
from tests.unit.number_forms import JANE, OURS

DATA = {
    "id": 8123,
    "call_uuid": "CA8123",
    "direction": "inbound",
    "status": "done",
    "missed_call_reason": None,
    "started_at": 1795168800,
    "answered_at": 1795168809,
    "ended_at": 1795169000,
    "duration": 200,
    "cost": "0",
    "hangup_cause": None,
    "voicemail": None,
    "recording": "https://assets.aircall.example/8123.mp3",
    "raw_digits": "+14155550100",
    "user": {"id": 17, "name": "John Doe", "email": "jd@example.com"},
    "contact": {"id": 5, "first_name": "Jane", "last_name": "Roe", "company_name": "Roe Ltd"},
    "number": {"id": 3, "name": "Main line", "digits": "+18005551212"},
    "teams": [{"id": 1, "name": "Sales"}],
    "tags": [{"id": 1, "name": "vip"}, {"id": 2, "name": "renewal"}],
    "ivr_options_selected": [{"key": "4"}],
}
POST = {"resource": "call", "event": "call.ended", "timestamp": 1795169010, "token": "s3cret-token", "data": DATA}
CALL = {
    "id": "8123",
    "direction": "inbound",
    "caller_name": "Jane Roe",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "agent": {"id": "17", "name": "John Doe", "email": "jd@example.com"},
    "group": "Sales",
    "tags": ["vip", "renewal"],
    "started_at": "2026-11-20T10:00:00Z",
    "answered_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 200,
    "talk_seconds": 191,
    "ring_seconds": 9,
    "outcome": "answered",
    "recording": {"state": "available", "url": "https://assets.aircall.example/8123.mp3"},
    "custom": {
        "call_uuid": "CA8123",
        "contact": {"company_name": "Roe Ltd", "first_name": "Jane", "id": 5, "last_name": "Roe"},
        "cost": "0",
        "number": {"digits": "+18005551212", "id": 3, "name": "Main line"},
        "status": "done",
        "teams": [{"id": 1, "name": "Sales"}],
    },
}


def of(event="call.ended", timestamp=1795169010, **changed):
    return read_one("aircall", {**POST, "event": event, "timestamp": timestamp, "data": {**DATA, **changed}})


def test_an_ended_call_is_told_at_once():
    found = read_one("aircall", POST)
    assert told(found) == ("8123:ended", "call.finished", ("8123", "CA8123"), True, False)
    assert found.event.occurred_at == datetime(2026, 11, 20, 10, 3, 30, tzinfo=UTC)
    assert found.event.call == CALL


def test_a_hang_up_alone_waits_for_the_record_of_the_call():
    found = of("call.hungup", ended_at=None, recording=None)
    assert told(found) == ("8123:hungup", "call.finished", ("8123", "CA8123"), False, False)
    assert (found.event.call["ended_at"], "recording" in found.event.call) == ("2026-11-20T10:03:30Z", False)


def test_neither_the_token_nor_pressed_keys_are_kept():
    text = orjson.dumps(read_one("aircall", POST).event.as_context()).decode()
    assert ("s3cret-token" in text, '"key"' in text) == (False, False)


def test_a_repeat_has_the_same_id():
    assert told(of("call.tagged", 1795169100)) == told(of("call.tagged", 1795169100))


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"answered_at": None}, "missed"),
        ({"answered_at": None, "missed_call_reason": "agents_did_not_answer"}, "missed"),
        ({"answered_at": None, "missed_call_reason": "out_of_opening_hours"}, "missed"),
        ({"answered_at": None, "missed_call_reason": "abandoned_in_ivr"}, "abandoned"),
        ({"answered_at": None, "missed_call_reason": "short_abandoned"}, "abandoned"),
        ({"answered_at": None, "voicemail": "https://assets.aircall.example/v.mp3"}, "voicemail"),
        ({"answered_at": None, "direction": "outbound", "hangup_cause": "user_busy"}, "busy"),
        ({"answered_at": None, "direction": "outbound", "hangup_cause": "normal"}, "missed"),
        ({"answered_at": None, "direction": "outbound", "hangup_cause": "answered"}, "missed"),
    ],
)
def test_the_outcome_of_a_call_that_nobody_answered(changed, outcome):
    call = of(recording=None, **changed).event.call
    assert (call["outcome"], "answered_at" in call, "talk_seconds" in call) == (outcome, False, False)


def test_of_an_outbound_call_the_other_side_was_dialled():
    call = of(direction="outbound").event.call
    assert (call["direction"], call["dnis"], call["external_number"]) == ("outbound", "+14155550100", "+14155550100")
    assert "caller_name" not in call


def test_a_number_with_blanks_and_dashes_is_understood():
    call = of(raw_digits="+1 415-555-0100").event.call
    assert call["external"] == {**JANE, "raw": "+1 415-555-0100"}


def test_a_hidden_caller_has_no_number():
    call = of(raw_digits="anonymous").event.call
    assert ("external_number" in call, call["external"]) == (False, {"raw": "anonymous", "anonymous": True})


def test_a_missed_call_has_no_agent():
    assert "agent" not in of(user=None).event.call


def test_a_company_is_a_caller_s_name_too():
    assert of(contact={"company_name": "Roe Ltd"}).event.call["caller_name"] == "Roe Ltd"


def test_a_line_that_is_recorded_lets_a_recording_be_expected():
    number = {**DATA["number"], "live_recording_activated": True}
    assert of(recording=None, number=number).event.call["recording"] == {"state": "expected"}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("call.voicemail_left", "voicemail.left"),
        ("call.comm_assets_generated", "call.recorded"),
        ("call.tagged", "call.updated"),
        ("call.commented", "call.updated"),
    ],
)
def test_what_is_known_later_is_a_fact(event, kind):
    found = of(event, 1795169100)
    event_id = f"8123:{event.removeprefix('call.')}:1795169100"
    assert told(found) == (event_id, kind, ("8123", "CA8123"), False, True)
    assert found.event.occurred_at == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
    assert found.event.call["recording"] == CALL["recording"]


def test_assets_without_a_recording_are_no_recording():
    assert of("call.comm_assets_generated", recording=None).event.type == "call.updated"


def test_a_transcript_is_a_fact_of_the_call_that_it_names():
    data = {"id": 1, "call_id": 8123, "call_uuid": "CA8123", "content": {"language": "en"}}
    found = read_one("aircall", {**POST, "event": "transcription.created", "timestamp": 1795169100, "data": data})
    event_id = "8123:transcription.created:1795169100"
    assert told(found) == (event_id, "call.transcribed", ("8123", "CA8123"), False, True)
    assert found.event.call == {"id": "8123", "custom": {"transcription": {"id": 1, "content": {"language": "en"}}}}


@pytest.mark.parametrize("event", ["call.created", "call.answered", "call.transferred", "user.connected", "new.thing"])
def test_what_happens_before_the_end_or_is_no_call_is_not_kept(event):
    assert read("aircall", {**POST, "event": event}) == []


def test_less_than_no_time_is_no_duration():
    call = of(ended_at=1795168805).event.call
    assert (call["duration_seconds"], "talk_seconds" in call, call["ring_seconds"]) == (5, False, 9)


def test_without_times_the_moment_of_receipt_stands():
    found = of(timestamp=None, started_at=None, answered_at=None, ended_at=0)
    assert (found.event.occurred_at, "ended_at" in found.event.call) == (NOW, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The body has no event or no data, so it is no webhook of Aircall's."),
        (b'{"event": "call.ended"}', "The body has no event or no data, so it is no webhook of Aircall's."),
        (b'{"event": "call.ended", "data": {}}', "The data has no id, so nobody knows which call it is about."),
        (
            b'{"event": "summary.created", "data": {}}',
            "The data has no call_id, so nobody knows which call it is about.",
        ),
        (b"{", "The body is not JSON (line 1, column 2)."),
    ],
)
def test_a_refusal_says_what_is_missing(body, reason):
    assert refusal("aircall", body) == reason


def test_aircall_shows_a_token_in_the_body():
    chosen = FORMATS["aircall"]
    assert (chosen.success_status, chosen.success_body, chosen.quiet_seconds) == (200, b"", 60.0)
    assert chosen.auth_kinds == {"body_token", "query_token"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DUE = st.dictionaries(st.sampled_from([*DATA]), VALUES).map(lambda data: encoded({**POST, "data": {"id": 1, **data}}))


@settings(max_examples=200, deadline=None)
@given(st.binary() | DUE)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert refusal("aircall", body) != ""
