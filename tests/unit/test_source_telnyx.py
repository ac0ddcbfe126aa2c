"""Telnyx Call Control's webhooks."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, read_json
from tests.unit.number_forms import JANE, OURS

HANGUP = {
    "call_control_id": "v3:ctl-1",
    "call_leg_id": "leg-1",
    "call_session_id": "session-1",
    "connection_id": "7267",
    "from": "+14155550100",
    "to": "+18005551212",
    "start_time": "2026-11-20T10:00:00.000000Z",
    "end_time": "2026-11-20T10:03:20.521992Z",
    "state": "hangup",
    "hangup_cause": "normal_clearing",
    "hangup_source": "caller",
    "sip_hangup_cause": "200",
    "call_quality_stats": {"inbound": {"mos": "4.50"}},
}
OWN = {"config": {"own_numbers": ["+18005551212"]}}
OCCURRED = datetime(2026, 11, 20, 10, 3, 20, 600000, tzinfo=UTC)
KEPT = {
    name: HANGUP[name]
    for name in (
        "call_control_id",
        "call_leg_id",
        "call_session_id",
        "connection_id",
        "from",
        "to",
        "call_quality_stats",
    )
}
FINISHED = {
    "id": "session-1",
    "direction": "inbound",
    "external_number": "+14155550100",
    "external": JANE,
    "dnis": "+18005551212",
    "dialled": OURS,
    "started_at": "2026-11-20T10:00:00Z",
    "ended_at": "2026-11-20T10:03:20.521992Z",
    "duration_seconds": 200,
    "outcome": "answered",
    "ended_by": "caller",
    "hangup_cause": "normal_clearing",
    "sip_code": 200,
    "custom": KEPT,
}


def envelope(kind, payload, **changed):
    stamp = "2026-11-20T10:03:20.600000Z"
    data = {"record_type": "event", "event_type": kind, "id": "evt-1", "occurred_at": stamp, "payload": payload}
    return {"data": {**data, **changed}}


def read(kind, payload, **settings):
    return read_json("telnyx", envelope(kind, payload), **settings)


def hangup(**changed):
    payload = {name: value for name, value in {**HANGUP, **changed}.items() if value is not None}
    [part] = read("call.hangup", payload, **OWN)
    return part.event.call


def test_the_end_of_a_leg_is_a_part_of_its_session_s_call():
    finished = CallEvent("evt-1", "call.finished", OCCURRED, FINISHED)
    assert read("call.hangup", HANGUP, **OWN) == [CallPart(finished, ("session-1", "leg-1"), leg="leg-1")]


def test_a_leg_that_is_answered_is_under_way_and_says_only_since_when():
    call = {"id": "session-1", "answered_at": "2026-11-20T10:03:20.600000Z"}
    answered = CallEvent("evt-1", "x.leg.answered", OCCURRED, call)
    assert read("call.answered", {**HANGUP, "state": "answered"}, **OWN) == [
        CallPart(answered, ("session-1", "leg-1"), leg="leg-1")]  # fmt: skip


def test_an_answer_of_no_leg_that_could_end_is_no_event():
    assert read("call.answered", {name: value for name, value in HANGUP.items() if name != "call_leg_id"}) == []


def test_a_leg_that_begins_opens_nothing():
    [part] = read("call.initiated", {**HANGUP, "direction": "incoming"})
    assert (part.is_fact, part.leg) == (True, None)


def test_an_end_that_is_not_said_is_when_it_was_noticed():
    call = hangup(end_time=None)
    assert (call["ended_at"], call["duration_seconds"]) == ("2026-11-20T10:03:20.600000Z", 200)


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        ("user_busy", "busy"),
        ("call_rejected", "rejected"),
        ("no_answer", "missed"),
        ("timeout", "missed"),
        ("originator_cancel", "cancelled"),
        ("not_found", "failed"),
        ("time_limit", "answered"),
        ("unspecified", None),
        (None, None),
    ],
)
def test_the_outcome_follows_the_cause(cause, outcome):
    call = hangup(hangup_cause=cause)
    assert (call.get("outcome"), call.get("hangup_cause")) == (outcome, cause)


@pytest.mark.parametrize(("source", "ended_by"), [("callee", "callee"), ("unknown", None), (None, None)])
def test_who_hung_up_is_said_or_not(source, ended_by):
    assert hangup(hangup_source=source).get("ended_by") == ended_by


@pytest.mark.parametrize(("cause", "code"), [("603", 603), (486, 486), ("0", None), ("SIP 603", None), (None, None)])
def test_the_sip_cause_is_a_text(cause, code):
    assert hangup(sip_hangup_cause=cause).get("sip_code") == code


def test_without_own_numbers_no_direction_is_guessed():
    [part] = read("call.hangup", HANGUP)
    assert ("direction" in part.event.call, "external_number" in part.event.call) == (False, False)


@pytest.mark.parametrize(
    ("said", "direction", "outside"),
    [("incoming", "inbound", "+14155550100"), ("outgoing", "outbound", "+18005551212")],
)
def test_the_direction_is_said_when_a_leg_begins_and_kept_for_the_end(said, direction, outside):
    [part] = read("call.initiated", {**HANGUP, "direction": said, "state": "ringing"})
    assert (part.is_fact, part.event.type, part.keys) == (True, "call.updated", ("session-1", "leg-1"))
    assert (part.event.call["direction"], part.event.call["external_number"]) == (direction, outside)
    assert not {"outcome", "ended_at", "started_at", "custom"} & part.event.call.keys()


def test_a_leg_that_begins_without_a_direction_is_no_news():
    assert read("call.initiated", HANGUP) == []


RECORDING = {
    "call_leg_id": "leg-1",
    "call_session_id": "session-1",
    "channels": "single",
    "recording_started_at": "2026-11-20T10:00:09Z",
    "recording_ended_at": "2026-11-20T10:03:20.9Z",
    "recording_urls": {"mp3": "https://rec.example/1.mp3", "wav": "https://rec.example/1.wav"},
}


def test_a_saved_recording_is_a_fact():
    kept = ("call_leg_id", "call_session_id", "channels", "recording_ended_at", "recording_started_at")
    call = {
        "id": "session-1",
        "recording": {"state": "available", "url": "https://rec.example/1.mp3", "duration_seconds": 191},
        "custom": {name: RECORDING[name] for name in kept},
    }
    recorded = CallEvent("evt-1", "call.recorded", OCCURRED, call)
    assert read("call.recording.saved", RECORDING) == [CallPart(recorded, ("session-1", "leg-1"), is_fact=True)]


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ({"public_recording_urls": {"wav": "https://pub.example/1.wav"}}, "https://pub.example/1.wav"),
        ({"public_recording_urls": {"mp3": None}}, "https://rec.example/1.mp3"),
        ({"recording_urls": {"wav": "https://rec.example/1.wav"}}, "https://rec.example/1.wav"),
    ],
)
def test_a_public_address_goes_before_one_that_asks_for_a_key(urls, expected):
    [part] = read("call.recording.saved", {**RECORDING, **urls})
    assert part.event.call["recording"]["url"] == expected


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("call.recording.saved", {**RECORDING, "recording_urls": {}}),
        ("call.recording.error", {"call_session_id": "session-1", "result": "Internal server error"}),
    ],
)
def test_a_recording_that_cannot_be_had_has_failed(kind, payload):
    [part] = read(kind, payload)
    assert (part.event.type, part.event.call["recording"]["state"], part.is_fact) == ("call.updated", "failed", True)


def test_a_transcript_is_a_fact():
    [part] = read(
        "call.recording.transcription.saved", {"call_session_id": "session-1", "transcription_text": "Hello."}
    )
    assert (part.event.type, part.event.call["custom"], part.is_fact) == (
        "call.transcribed",
        {"call_session_id": "session-1", "transcription_text": "Hello."},
        True,
    )
    assert read("call.recording.transcription.saved", {"call_session_id": "session-1"}) == []


@pytest.mark.parametrize("kind", ["call.bridged", "call.dtmf.received", "call.gather.ended", "call.new"])
def test_what_happens_in_mid_call_is_no_event(kind):
    assert read(kind, {**HANGUP, "digits": "1234"}) == []


def test_the_failover_address_gets_the_same_event_id():
    [first], [second] = (
        read("call.hangup", HANGUP),
        read_json("telnyx", {**envelope("call.hangup", HANGUP), "meta": {"attempt": 2}}),
    )
    assert first.event.source_event_id == second.event.source_event_id == "evt-1"


def test_without_an_id_a_webhook_is_known_by_its_leg():
    [part] = read_json("telnyx", envelope("call.hangup", HANGUP, id=None, occurred_at="soon"))
    assert (part.event.source_event_id, part.event.occurred_at) == ("leg-1:call.hangup", NOW)


def test_a_leg_without_a_session_is_a_call_of_its_own():
    payload = {name: value for name, value in HANGUP.items() if name != "call_session_id"}
    [part] = read("call.hangup", payload)
    assert (part.event.call["id"], part.keys) == ("leg-1", ("leg-1",))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "The body has no object data, so it is no webhook of Call Control."),
        ({"data": "x"}, "The body has no object data, so it is no webhook of Call Control."),
        (
            {"data": {"event_type": "call.hangup"}},
            "The body has no data.event_type and data.payload, so it is no webhook of Call Control.",
        ),
        (envelope("call.hangup", {"from": "x"}), "The payload has neither call_session_id nor call_leg_id."),
    ],
)
def test_what_is_no_webhook_is_not_understood(value, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["telnyx"].parse(posted(orjson.dumps(value)), SourceSettings())
    assert refused.value.reason == reason


def test_telnyx_is_answered_200_and_its_legs_are_waited_for():
    chosen = FORMATS["telnyx"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST"}, 10)
    assert (chosen.auth_kinds, chosen.config_members) == ({"telnyx", "query_token"}, ("own_numbers",))


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)
PAYLOADS = st.dictionaries(st.sampled_from([*HANGUP, *RECORDING, "direction"]), VALUES | st.dictionaries(TEXTS, VALUES))
KINDS = st.sampled_from(
    ["call.answered", "call.hangup", "call.initiated", "call.recording.saved", "call.recording.error"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.binary()
    | st.builds(lambda kind, payload: orjson.dumps(envelope(kind, {"call_leg_id": "1", **payload})), KINDS, PAYLOADS)
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("telnyx", body) <= 1
