"""Vonage Voice's event webhook."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.domain.call_part import CallPart
from dispatcher.domain.event import CallEvent
from dispatcher.sources import FORMATS, NotUnderstood, SourceSettings
from tests.unit.cpaas_house import NOW, parts_or_refusal, posted, read_json, read_query
from tests.unit.number_forms import JANE, OURS

COMPLETED = {
    "conversation_uuid": "CON-1",
    "direction": "inbound",
    "duration": "191",
    "end_time": "2026-11-20T10:03:20.000Z",
    "from": "14155550100",
    "network": "US-FIXED",
    "price": "0.00015000",
    "rate": "0.00450000",
    "start_time": "2026-11-20T10:00:09.000Z",
    "status": "completed",
    "timestamp": "2026-11-20T10:03:20.100Z",
    "to": "18005551212",
    "uuid": "leg-1",
}
FINISHED = {
    "id": "CON-1",
    "direction": "inbound",
    "external_number": "14155550100",
    "external": {**JANE, "raw": "14155550100"},
    "dnis": "18005551212",
    "dialled": {**OURS, "raw": "18005551212"},
    "started_at": "2026-11-20T10:00:09Z",
    "ended_at": "2026-11-20T10:03:20Z",
    "duration_seconds": 191,
    "talk_seconds": 191,
    "outcome": "answered",
    "hangup_cause": "completed",
    "custom": {name: COMPLETED[name] for name in ("direction", "from", "network", "price", "rate", "to", "uuid")},
}
ENDED = datetime(2026, 11, 20, 10, 3, 20, tzinfo=UTC)


def call_of(**changed):
    [part] = read_json("vonage", {name: value for name, value in {**COMPLETED, **changed}.items() if value is not None})
    return part.event.call


def test_a_leg_s_end_is_a_part_of_its_conversation():
    finished = CallEvent("leg-1:completed", "call.finished", ENDED, FINISHED)
    assert read_json("vonage", COMPLETED) == [CallPart(finished, ("CON-1", "leg-1"), leg="leg-1")]


ANSWERED = {
    **{name: COMPLETED[name] for name in ("conversation_uuid", "direction", "from", "network", "to", "uuid")},
    "start_time": None,
    "rate": "",
    "status": "answered",
    "timestamp": "2026-11-20T10:00:09.000Z",
}


def test_a_leg_that_is_answered_is_under_way_and_says_only_since_when():
    when = datetime(2026, 11, 20, 10, 0, 9, tzinfo=UTC)
    call = {"id": "CON-1", "answered_at": "2026-11-20T10:00:09Z"}
    answered = CallEvent("leg-1:answered", "x.leg.answered", when, call)
    assert read_json("vonage", ANSWERED) == [CallPart(answered, ("CON-1", "leg-1"), leg="leg-1")]
    assert read_query("vonage", ANSWERED) == read_json("vonage", ANSWERED)


def test_an_answer_without_a_time_opens_the_leg_all_the_same():
    [part] = read_json("vonage", {**ANSWERED, "timestamp": "soon"})
    assert (part.event.occurred_at, part.event.call, part.leg) == (NOW, {"id": "CON-1"}, "leg-1")


def test_an_answer_of_no_leg_that_could_end_is_no_event():
    assert read_json("vonage", {**ANSWERED, "uuid": None}) == []


@pytest.mark.parametrize("status", ["busy", "cancelled", "completed", "failed", "rejected", "timeout", "unanswered"])
def test_every_final_status_names_the_leg_that_it_closes(status):
    [part] = read_json("vonage", {**COMPLETED, "status": status})
    assert (part.leg, part.event.type) == ("leg-1", "call.finished")


def test_a_get_says_the_same_in_its_query():
    assert read_query("vonage", COMPLETED) == read_json("vonage", COMPLETED)


def test_the_retry_of_a_webhook_has_the_same_event_id():
    fallback = {"reason": "Connection closed.", "original_request": {"url": "https://crm.example", "type": "event"}}
    again = {**COMPLETED, "timestamp": "2026-11-20T10:04:00.000Z", **fallback}
    assert read_json("vonage", again) == read_json("vonage", COMPLETED)


def test_numbers_without_a_plus_are_international_unless_the_source_says_otherwise():
    assert call_of()["external"]["e164"] == "+14155550100"
    [part] = read_json("vonage", COMPLETED, config={"numbers": {"assume_international": False}})
    assert "e164" not in part.event.call["external"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("busy", "busy"),
        ("cancelled", "cancelled"),
        ("failed", "failed"),
        ("rejected", "rejected"),
        ("timeout", "missed"),
        ("unanswered", "missed"),
    ],
)
def test_a_leg_that_never_came_about_has_ended_too(status, outcome):
    short = {"duration": None, "start_time": None, "end_time": None, "direction": "outbound"}
    call = call_of(status=status, detail="carrier_timeout", sip_code=480, **short)
    assert (call["outcome"], call["hangup_cause"], call["sip_code"]) == (outcome, "carrier_timeout", 480)
    assert (call["ended_at"], "talk_seconds" in call) == ("2026-11-20T10:03:20.100000Z", False)
    assert call["external_number"] == "18005551212"


@pytest.mark.parametrize(("who", "ended_by"), [("platform", "system"), ("user", None), (None, None)])
def test_that_the_platform_hung_up_is_said(who, ended_by):
    assert call_of(disconnected_by=who).get("ended_by") == ended_by


@pytest.mark.parametrize("name", ["from_user", "to_user"])
def test_a_user_of_the_client_is_one_of_our_own_people(name):
    assert call_of(**{name: "JohnDoe"})["agent"] == {"id": "JohnDoe"}


RECORDING = {
    "start_time": "2026-11-20T10:00:09Z",
    "end_time": "2026-11-20T10:03:20Z",
    "recording_url": "https://api.vonage.example/v1/files/rec-1",
    "recording_uuid": "rec-1",
    "size": 12222,
    "conversation_uuid": "CON-1",
    "timestamp": "2026-11-20T10:03:25.000Z",
}


def test_a_recording_knows_its_conversation_alone():
    call = {
        "id": "CON-1",
        "recording": {"state": "available", "url": RECORDING["recording_url"], "duration_seconds": 191},
        "custom": {"recording_uuid": "rec-1", "size": 12222},
    }
    when = datetime(2026, 11, 20, 10, 3, 25, tzinfo=UTC)
    recorded = CallEvent("rec-1:recorded", "call.recorded", when, call)
    assert read_json("vonage", RECORDING) == [CallPart(recorded, ("CON-1",), is_fact=True)]


def test_a_transcript_is_a_fact():
    told = {
        "conversation_uuid": "CON-1",
        "type": "record",
        "recording_uuid": "rec-1",
        "status": "transcribed",
        "transcription_url": "https://api.vonage.example/v1/files/tr-1",
    }
    [part] = read_json("vonage", told)
    assert (part.event.source_event_id, part.event.type, part.is_fact) == (
        "rec-1:transcribed",
        "call.transcribed",
        True,
    )
    assert part.event.occurred_at == NOW
    assert part.event.call["custom"]["transcription_url"] == told["transcription_url"]


@pytest.mark.parametrize(
    "status", ["started", "ringing", "human", "machine", "input", "transfer", "disconnected", "new", None]
)
def test_what_happens_in_mid_call_is_no_event(status):
    body = {**COMPLETED, "status": status, "dtmf": {"digits": "1234"}}
    assert read_json("vonage", body) == []


def test_what_the_caller_typed_or_said_is_not_kept():
    assert call_of(dtmf={"digits": "1234"}, speech={"results": []}) == FINISHED


def test_a_leg_without_a_conversation_is_a_call_of_its_own():
    [part] = read_json("vonage", {name: value for name, value in COMPLETED.items() if name != "conversation_uuid"})
    assert (part.event.call["id"], part.keys) == ("leg-1", ("leg-1",))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The request has neither conversation_uuid nor uuid, so it is no event of Vonage's."),
        (
            b'{"status": "completed"}',
            "The request has neither conversation_uuid nor uuid, so it is no event of Vonage's.",
        ),
        (b"{", "The body is not JSON (line 1, column 2)."),
    ],
)
def test_what_names_no_call_is_not_understood(body, reason):
    with pytest.raises(NotUnderstood) as refused:
        FORMATS["vonage"].parse(posted(body), SourceSettings())
    assert refused.value.reason == reason


def test_vonage_is_answered_200_and_its_legs_are_waited_for():
    chosen = FORMATS["vonage"]
    assert (chosen.success_status, chosen.methods, chosen.quiet_seconds) == (200, {"POST", "GET"}, 10)
    assert chosen.auth_kinds == {"jwt", "query_token"}


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS | st.lists(TEXTS, max_size=3)
BODIES = st.dictionaries(st.sampled_from([*COMPLETED, *RECORDING, "detail"]), VALUES | st.dictionaries(TEXTS, VALUES))


@settings(max_examples=300, deadline=None)
@given(
    st.binary()
    | BODIES.map(lambda body: orjson.dumps({"status": "completed", "uuid": "1", **body}))
    | BODIES.map(lambda body: orjson.dumps({**body, "status": "answered"}))
)
def test_no_bytes_raise_anything_but_the_refusal(body):
    assert parts_or_refusal("vonage", body) <= 1
